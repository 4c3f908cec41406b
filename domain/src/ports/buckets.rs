//! Drift values summed up in buckets of time.

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};

use super::DriftRecord;
use crate::project::ProjectName;

/// How far records of a project reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// When the first one was judged, or a little before.
    pub first: DateTime<Utc>,
    /// A time after the last one.
    pub end: DateTime<Utc>,
    /// How many there are.
    pub n_records: u64,
}

/// Which buckets are asked for. The range is half-open: `from <= at < to`.
#[derive(Debug, Clone, PartialEq)]
pub struct BucketQuery {
    /// The project.
    pub project: ProjectName,
    /// The earliest time.
    pub from: Option<DateTime<Utc>>,
    /// The time that is no longer included.
    pub to: Option<DateTime<Utc>>,
    /// Where bucket 0 starts, in seconds since 1970.
    pub origin_s: i64,
    /// How many seconds each bucket has.
    pub width_s: NonZeroU32,
    /// At most so many buckets.
    pub page_size: usize,
    /// The number of the bucket at which the page before ended.
    pub after: Option<i64>,
}

impl BucketQuery {
    /// The number of the bucket of a time.
    pub fn bucket_of(&self, at: DateTime<Utc>) -> i64 {
        (at.timestamp() - self.origin_s).div_euclid(i64::from(self.width_s.get()))
    }

    /// When a bucket starts; the earliest or latest time there is where it is beyond.
    pub fn start_of(&self, bucket: i64) -> DateTime<Utc> {
        let start = bucket.saturating_mul(i64::from(self.width_s.get())).saturating_add(self.origin_s);
        let beyond = if start < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        DateTime::from_timestamp(start, 0).unwrap_or(beyond)
    }
}

/// Some buckets, by time.
#[derive(Debug, Clone, PartialEq)]
pub struct BucketPage {
    /// The buckets.
    pub buckets: Vec<TrendBucket>,
    /// The number of the last one, if another page follows.
    pub next: Option<i64>,
}

/// What was recorded in a bucket of time.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendBucket {
    /// When it starts.
    pub at: DateTime<Utc>,
    /// The sums over its records.
    pub sums: RecordSums,
}

/// Sums over records, from which their number, means and extremes follow.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecordSums {
    /// How many records.
    pub records: u64,
    /// The rows that they judged.
    pub rows: u64,
    /// Records that tell drift.
    pub drifts: u64,
    /// Records of the warm-up.
    pub warm_ups: u64,
    /// Of their statistics.
    pub statistic: ValueSums,
    /// Of their thresholds.
    pub threshold: ValueSums,
    /// Of their p-values.
    pub p_value: ValueSums,
    /// Of their distances.
    pub distance: ValueSums,
}

/// Sums over finite values.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ValueSums {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest and the largest one.
    pub range: Option<(f64, f64)>,
}

impl RecordSums {
    /// Takes a record in.
    pub fn add(&mut self, record: &DriftRecord) {
        self.records += 1;
        self.rows = self.rows.saturating_add(record.rows);
        self.drifts += u64::from(record.is_drift);
        self.warm_ups += u64::from(record.warm_up);
        self.statistic.add(record.statistic);
        self.threshold.add(record.threshold);
        self.p_value.add(record.p_value);
        self.distance.add(record.distance);
    }
}

impl ValueSums {
    fn add(&mut self, value: Option<f64>) {
        let Some(value) = value.filter(|value| value.is_finite()) else { return };
        self.count += 1;
        self.sum += value;
        let (min, max) = self.range.unwrap_or((value, value));
        self.range = Some((min.min(value), max.max(value)));
    }

    /// The mean of the values, if there is any.
    pub fn mean(&self) -> Option<f64> {
        let mean = self.sum / self.count as f64;
        // A sum may be rounded to beyond its values.
        self.range.map(|(min, max)| mean.clamp(min, max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_values_know_their_mean_and_extremes() {
        let mut sums = ValueSums::default();
        assert_eq!((sums.mean(), sums.range), (None, None));
        for value in [Some(2.0), None, Some(-1.0), Some(f64::INFINITY), Some(5.0)] {
            sums.add(value);
        }
        assert_eq!((sums.count, sums.mean(), sums.range), (3, Some(2.0), Some((-1.0, 5.0))));
        let third = 0.1 + 0.2;
        let mut alike = ValueSums::default();
        (0..3).for_each(|_| alike.add(Some(third)));
        assert_eq!(alike.mean(), Some(third), "the mean lies within");
    }

    #[test]
    fn buckets_have_numbers_and_starts() {
        let query = BucketQuery {
            project: "a".parse().expect("a name"),
            from: None,
            to: None,
            origin_s: 60,
            width_s: NonZeroU32::new(120).expect("not zero"),
            page_size: 1,
            after: None,
        };
        let at = |seconds| DateTime::from_timestamp(seconds, 999).expect("a time");
        assert_eq!([59, 60, 179, 180].map(|seconds| query.bucket_of(at(seconds))), [-1, 0, 0, 1]);
        assert_eq!([-1, 1].map(|bucket| query.start_of(bucket).timestamp()), [-60, 180]);
        assert_eq!(query.start_of(i64::MAX), DateTime::<Utc>::MAX_UTC);
    }
}
