//! How often something took how long. Whoever counts waits for nobody: every number is an atomic one of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts of durations by their length.
#[derive(Debug)]
pub struct DurationHistogram {
    bounds: &'static [Duration],
    /// One a bound, and one for what is longer than all of them.
    counts: Box<[AtomicU64]>,
    sum_ns: AtomicU64,
}

/// What has been counted so far.
#[derive(Debug, Clone, PartialEq)]
pub struct DurationCounts {
    /// The longest duration of each bucket in seconds, rising, and how many there are in it alone; the bound of the last one is infinite.
    pub buckets: Vec<(f64, u64)>,
    /// All durations together, in seconds.
    pub sum_s: f64,
}

impl DurationCounts {
    /// How many durations were counted.
    pub fn n(&self) -> u64 {
        self.buckets.iter().map(|(_, n)| n).sum()
    }
}

impl DurationHistogram {
    /// Bounds for answers to requests: 0.1 ms to 60 s.
    pub const REQUESTS: &'static [Duration] = &[
        Duration::from_micros(100),
        Duration::from_micros(250),
        Duration::from_micros(500),
        Duration::from_millis(1),
        Duration::from_micros(2_500),
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(25),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(250),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_millis(2_500),
        Duration::from_secs(5),
        Duration::from_secs(10),
        Duration::from_mins(1),
    ];
    /// Bounds for the judging of rows: 1 µs to 10 s.
    pub const DETECTIONS: &'static [Duration] = &[
        Duration::from_micros(1),
        Duration::from_micros(5),
        Duration::from_micros(10),
        Duration::from_micros(25),
        Duration::from_micros(50),
        Duration::from_micros(100),
        Duration::from_micros(250),
        Duration::from_micros(500),
        Duration::from_millis(1),
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_secs(10),
    ];
    /// Bounds for fits: 10 ms to an hour.
    pub const FITS: &'static [Duration] = &[
        Duration::from_millis(10),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_secs(5),
        Duration::from_secs(10),
        Duration::from_secs(30),
        Duration::from_mins(1),
        Duration::from_mins(5),
        Duration::from_mins(15),
        Duration::from_hours(1),
    ];

    /// Counts of nothing yet, by these bounds, which rise.
    pub fn new(bounds: &'static [Duration]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum_ns: AtomicU64::new(0) }
    }

    /// Counts a duration.
    pub fn record(&self, duration: Duration) {
        let bucket = self.bounds.partition_point(|bound| *bound < duration);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_ns.fetch_add(nanoseconds(duration), Ordering::Relaxed);
    }

    /// The counts as they are now.
    pub fn now(&self) -> DurationCounts {
        let bounds = self.bounds.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
        let counts = self.counts.iter().map(|n| n.load(Ordering::Relaxed));
        DurationCounts {
            buckets: bounds.zip(counts).collect(),
            sum_s: self.sum_ns.load(Ordering::Relaxed) as f64 / 1e9,
        }
    }
}

/// A duration in nanoseconds; one of more than five centuries is cut off.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_in_the_first_bucket_that_holds_it() {
        let histogram = DurationHistogram::new(DurationHistogram::REQUESTS);
        for micros in [1, 100, 101, 61_000_000] {
            histogram.record(Duration::from_micros(micros));
        }
        let now = histogram.now();
        assert_eq!(now.buckets[..2], [(1e-4, 2), (2.5e-4, 1)]);
        assert_eq!(now.buckets.last(), Some(&(f64::INFINITY, 1)));
        assert_eq!(now.n(), 4);
        assert!((now.sum_s - 61.000_202).abs() < 1e-9);
    }

    #[test]
    fn bounds_rise() {
        for bounds in [DurationHistogram::REQUESTS, DurationHistogram::DETECTIONS, DurationHistogram::FITS] {
            assert!(bounds.is_sorted_by(|a, b| a < b));
        }
    }
}
