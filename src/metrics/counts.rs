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
pub struct DeliveryCounts(pub(super) Arc<Counts>);

impl DeliveryCounts {
    /// The counts themselves.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.0)
    }
}

impl Collector for DeliveryCounts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let counts = self.0.now();
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
        for (name, help, count) in [
            ("drifting_metrics_spilled_bytes", "Bytes of drift values that wait in a file", counts.spilled_bytes),
            ("drifting_metrics_database_up", "Whether the metrics database took the last records", counts.is_up),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            gauge(count).encode(metric)?;
        }
        Ok(())
    }
}
