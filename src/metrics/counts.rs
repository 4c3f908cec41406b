//! What has become of drift values, as `/metrics` tells it.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::outbox::{Counts, Dropped};

/// Why records do not come into the database.
pub(super) const DROPPED: [Dropped; 6] = [
    Dropped::QueueFull,
    Dropped::SpillFull,
    Dropped::SpillFailed,
    Dropped::Refused,
    Dropped::NoDatabase,
    Dropped::Shutdown,
];

/// The counts for a registry.
#[derive(Debug)]
pub struct DeliveryCounts {
    counts: Arc<Counts>,
    has_database: bool,
}

impl DeliveryCounts {
    /// Of the way to a database.
    pub(super) fn with_database(counts: Arc<Counts>) -> Self {
        Self { counts, has_database: true }
    }

    /// Where there is no database, so that dashboards and alerts find their series: nothing is recorded for it, and all of them stay
    /// at zero.
    pub fn without_database() -> Self {
        Self { counts: Arc::new(Counts::of("metrics")), has_database: false }
    }

    /// The counts themselves.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }
}

impl Collector for DeliveryCounts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let counts = self.counts.now();
        for (name, help, count) in [
            ("drifting_metrics_recorded", "Drift values recorded for the metrics database", counts.recorded),
            ("drifting_metrics_delivered", "Drift values delivered to the metrics database", counts.delivered),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(count).encode(metric)?;
        }
        let help = "Drift values that will never be in the metrics database";
        let mut dropped = encoder.encode_descriptor("drifting_metrics_dropped", help, None, MetricType::Counter)?;
        for why in DROPPED {
            let labels = [("reason", why.as_str())];
            ConstCounter::new(counts.dropped(why)).encode(dropped.encode_family(&labels)?)?;
        }
        let gauge = |count: u64| ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
        let help = "Bytes of drift values that wait in a file";
        let metric = encoder.encode_descriptor("drifting_metrics_spilled_bytes", help, None, MetricType::Gauge)?;
        gauge(counts.spilled_bytes).encode(metric)?;
        // One that nobody asked for is not down.
        if self.has_database {
            let help = "Whether the metrics database took the last records";
            let metric = encoder.encode_descriptor("drifting_metrics_database_up", help, None, MetricType::Gauge)?;
            gauge(counts.is_up).encode(metric)?;
        }
        Ok(())
    }
}
