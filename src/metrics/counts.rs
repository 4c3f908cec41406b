//! What has become of drift values, as `/metrics` tells it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Why a record never came into the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dropped {
    /// As many waited in memory as may.
    QueueFull,
    /// As many waited in the file as may.
    SpillFull,
    /// The file could not be written or read.
    SpillFailed,
    /// The database does not take them, whoever asks.
    Refused,
    /// There is no database, and no hope for one.
    NoDatabase,
    /// The server ended before they were delivered.
    Shutdown,
}

impl Dropped {
    const ALL: [Self; Self::N] =
        [Self::QueueFull, Self::SpillFull, Self::SpillFailed, Self::Refused, Self::NoDatabase, Self::Shutdown];
    const N: usize = 6;

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::SpillFull => "spill_full",
            Self::SpillFailed => "spill_failed",
            Self::Refused => "refused",
            Self::NoDatabase => "no_database",
            Self::Shutdown => "shutdown",
        }
    }
}

/// The counts. Every record that is recorded is delivered, dropped, or waits.
#[derive(Debug, Default)]
pub(super) struct Counts {
    recorded: AtomicU64,
    delivered: AtomicU64,
    dropped: [AtomicU64; Dropped::N],
    waiting: AtomicU64,
    spilled_bytes: AtomicU64,
    is_up: AtomicU64,
}

impl Counts {
    pub(super) fn recorded(&self, n: usize) {
        self.recorded.fetch_add(n as u64, Ordering::Relaxed);
        self.waiting.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub(super) fn delivered(&self, n: usize) {
        self.delivered.fetch_add(n as u64, Ordering::Relaxed);
        self.waiting.fetch_sub(n as u64, Ordering::Relaxed);
    }

    /// Counts what is dropped, and says so in the log: at the first, then at each further hundred thousand.
    pub(super) fn dropped(&self, n: usize, why: Dropped) {
        const EVERY: u64 = 100_000;
        if n == 0 {
            return;
        }
        self.waiting.fetch_sub(n as u64, Ordering::Relaxed);
        let before = self.dropped[why as usize].fetch_add(n as u64, Ordering::Relaxed);
        let dropped = before + n as u64;
        if before == 0 || before / EVERY != dropped / EVERY {
            tracing::warn!(dropped, reason = why.as_str(), "metrics are dropped");
        }
    }

    pub(super) fn spilled(&self, bytes: u64) {
        self.spilled_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn up(&self, is_up: bool) {
        self.is_up.store(u64::from(is_up), Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> (u64, u64, Vec<(&'static str, u64)>, u64) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let dropped = Dropped::ALL.map(|why| (why.as_str(), of(&self.dropped[why as usize])));
        let dropped = dropped.into_iter().filter(|(_, n)| *n > 0).collect();
        (of(&self.recorded), of(&self.delivered), dropped, of(&self.waiting))
    }
}

/// The counts for a registry.
#[derive(Debug)]
pub struct DeliveryCounts(pub(super) Arc<Counts>);

impl Collector for DeliveryCounts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.0;
        for (name, help, count) in [
            ("drifting_metrics_recorded", "Drift values recorded for the metrics database", &counts.recorded),
            ("drifting_metrics_delivered", "Drift values delivered to the metrics database", &counts.delivered),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(of(count)).encode(metric)?;
        }
        let help = "Drift values that will never be in the metrics database";
        let mut dropped = encoder.encode_descriptor("drifting_metrics_dropped", help, None, MetricType::Counter)?;
        for why in Dropped::ALL {
            let labels = [("reason", why.as_str())];
            ConstCounter::new(of(&counts.dropped[why as usize])).encode(dropped.encode_family(&labels)?)?;
        }
        let help = "What waits in a queue";
        let mut depth = encoder.encode_descriptor("drifting_queue_depth", help, None, MetricType::Gauge)?;
        let gauge = |count: &AtomicU64| ConstGauge::new(i64::try_from(of(count)).unwrap_or(i64::MAX));
        gauge(&counts.waiting).encode(depth.encode_family(&[("queue", "metrics")])?)?;
        for (name, help, count) in [
            ("drifting_metrics_spilled_bytes", "Bytes of drift values that wait in a file", &counts.spilled_bytes),
            ("drifting_metrics_database_up", "Whether the metrics database took the last records", &counts.is_up),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            gauge(count).encode(metric)?;
        }
        Ok(())
    }
}
