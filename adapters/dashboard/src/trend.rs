//! The drift values that charts show.

use std::num::NonZeroU32;

use chrono::{DateTime, TimeDelta, Utc};
use drifting_domain::ports::{DriftRecord, RecordSums, TrendBucket, ValueSums};

/// Drift values over time, in their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trend {
    /// The values, summed up.
    pub buckets: Vec<Bucket>,
}

/// The drift values of a span of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// When it starts.
    pub from: DateTime<Utc>,
    /// When it ends.
    pub until: DateTime<Utc>,
    /// What was judged in it.
    pub sums: RecordSums,
}

/// What a chart shows of the verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The p-value: below the threshold is drift.
    PValue,
    /// The statistic: above the threshold is drift.
    Statistic,
    /// The distance, of detectors that have neither.
    Distance,
}

/// The extremes and the mean of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The smallest.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The largest.
    pub max: f64,
}

impl Range {
    fn of(sums: &ValueSums) -> Option<Self> {
        let (min, max) = sums.range?;
        let mean = sums.mean()?;
        [min, mean, max].iter().all(|value| value.is_finite()).then_some(Self { min, mean, max })
    }
}

impl Bucket {
    /// What it holds of a measure.
    pub fn values(&self, measure: Measure) -> Option<Range> {
        Range::of(match measure {
            Measure::PValue => &self.sums.p_value,
            Measure::Statistic => &self.sums.statistic,
            Measure::Distance => &self.sums.distance,
        })
    }

    /// What they were compared with.
    pub fn threshold(&self) -> Option<f64> {
        Range::of(&self.sums.threshold).map(|range| range.mean)
    }

    /// Where a chart puts it: in the middle.
    pub(crate) fn at(&self) -> DateTime<Utc> {
        self.from + (self.until - self.from) / 2
    }
}

impl Trend {
    /// Buckets of so many seconds each.
    pub fn of_buckets(buckets: Vec<TrendBucket>, width_s: u32) -> Self {
        let buckets = buckets.into_iter().map(|bucket| Bucket {
            from: bucket.at,
            until: bucket.at.checked_add_signed(TimeDelta::seconds(width_s.into())).unwrap_or(bucket.at),
            sums: bucket.sums,
        });
        Self { buckets: buckets.collect() }
    }

    /// Few values, in at most so many buckets; those of one time are one point. O(records).
    pub fn of_records(records: &[DriftRecord], n_points: NonZeroU32) -> Self {
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return Self::default() };
        let span_us = (last.at - first.at).num_microseconds().unwrap_or(i64::MAX).max(0);
        let width_us = span_us / i64::from(n_points.get()) + 1;
        let bucket_of = |record: &DriftRecord| (record.at - first.at).num_microseconds().unwrap_or(i64::MAX) / width_us;
        let mut buckets: Vec<Bucket> = Vec::new();
        for group in records.chunk_by(|a, b| bucket_of(a) == bucket_of(b)) {
            let (Some(begin), Some(end)) = (group.first(), group.last()) else { continue };
            let mut sums = RecordSums::default();
            for record in group {
                sums.add(record);
            }
            buckets.push(Bucket { from: begin.at, until: end.at, sums });
        }
        Self { buckets }
    }

    /// How many verdicts it sums up.
    pub fn n_records(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.sums.records).sum()
    }

    /// What its chart shows.
    pub fn measure(&self) -> Measure {
        let has = |measure| self.buckets.iter().any(|bucket| bucket.values(measure).is_some());
        match () {
            () if has(Measure::PValue) => Measure::PValue,
            () if has(Measure::Statistic) || !has(Measure::Distance) => Measure::Statistic,
            () => Measure::Distance,
        }
    }

    /// The bucket in which the drift began that has lasted since, if the last verdicts are drift.
    pub fn drift_began(&self) -> Option<&Bucket> {
        let is_drift = |bucket: &&Bucket| bucket.sums.drifts > 0;
        let is_all_drift = |bucket: &&Bucket| bucket.sums.drifts == bucket.sums.records;
        let run = self.buckets.iter().rev().take_while(is_drift);
        let mut began = None;
        for bucket in run {
            began = Some(bucket);
            if !is_all_drift(&bucket) {
                break;
            }
        }
        began
    }
}

impl Measure {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::PValue => "p-value",
            Self::Statistic => "statistic",
            Self::Distance => "distance",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).unwrap()
    }

    pub(crate) fn record(at_ms: i64, statistic: f64, is_drift: bool) -> DriftRecord {
        DriftRecord {
            project: "p".parse().unwrap(),
            generation: 1,
            at: DateTime::from_timestamp_millis(at_ms).unwrap(),
            time: 1,
            rows: 1,
            statistic: Some(statistic),
            threshold: Some(2.0),
            p_value: None,
            distance: None,
            is_drift,
            warm_up: false,
            features: Box::default(),
        }
    }

    #[test]
    fn records_of_one_time_are_one_point() {
        let trend =
            Trend::of_records(&[record(0, 1.0, false), record(0, 3.0, true), record(1_000, 2.5, true)], points(10));
        assert_eq!(trend.buckets.len(), 2);
        let first = trend.buckets[0].values(Measure::Statistic).unwrap();
        assert_eq!((first.min, first.mean, first.max), (1.0, 2.0, 3.0));
        assert_eq!(trend.n_records(), 3);
        assert!(Trend::of_records(&[], points(10)).buckets.is_empty());
    }

    #[test]
    fn many_records_become_so_many_points_at_most() {
        let records: Vec<_> = (0..1_000).map(|n| record(n * 7, 1.0, false)).collect();
        let trend = Trend::of_records(&records, points(60));
        assert!((50..=60).contains(&trend.buckets.len()), "{}", trend.buckets.len());
        assert_eq!(trend.n_records(), 1_000);
    }

    #[test]
    fn a_drift_that_lasts_has_a_beginning() {
        let times = [(0, false), (10, true), (20, false), (30, true), (40, true)];
        let records: Vec<_> = times.map(|(at, is_drift)| record(at * 1_000, 1.0, is_drift)).to_vec();
        let trend = Trend::of_records(&records, points(1_000));
        assert_eq!(trend.drift_began().unwrap().from.timestamp(), 30);
        assert!(Trend::of_records(&records[..3], points(1_000)).drift_began().is_none());
    }

    #[test]
    fn what_is_told_decides_what_is_shown() {
        let p_value = DriftRecord { p_value: Some(0.5), ..record(0, 1.0, false) };
        assert_eq!(Trend::of_records(&[p_value], points(1)).measure(), Measure::PValue);
        assert_eq!(Trend::of_records(&[record(0, 1.0, false)], points(1)).measure(), Measure::Statistic);
        let distance = DriftRecord { statistic: None, distance: Some(0.5), ..record(0, 1.0, false) };
        assert_eq!(Trend::of_records(&[distance], points(1)).measure(), Measure::Distance);
        assert_eq!(Trend::default().measure(), Measure::Statistic);
    }
}
