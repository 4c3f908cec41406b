//! What has become of events that brought rows, as `/metrics` tells it.

use std::fmt;

use drifting_inference::events::{EventIntake, Unused};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// The counts of an intake for a registry.
#[derive(Debug, Clone)]
pub struct EventMeasures(pub EventIntake);

impl EventMeasures {
    /// How many events wait.
    pub fn n_waiting(&self) -> u64 {
        self.0.counts().waiting
    }
}

impl Collector for EventMeasures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let now = self.0.counts();
        let mut came = encoder.encode_descriptor(
            "drifting_events",
            "Events that came, by what was done with them",
            None,
            MetricType::Counter,
        )?;
        for (outcome, n) in [
            ("accepted", now.accepted),
            ("duplicate", now.duplicates),
            ("ignored", now.ignored),
            ("queue_full", now.refused),
        ] {
            ConstCounter::new(n).encode(came.encode_family(&[("outcome", outcome)])?)?;
        }
        let help = "Accepted events whose rows were fed";
        let fed = encoder.encode_descriptor("drifting_events_fed", help, None, MetricType::Counter)?;
        ConstCounter::new(now.fed).encode(fed)?;
        let help = "Accepted events whose rows were not fed";
        let mut unused = encoder.encode_descriptor("drifting_events_unused", help, None, MetricType::Counter)?;
        for why in Unused::ALL {
            let labels = [("reason", why.as_str())];
            ConstCounter::new(now.unused(why)).encode(unused.encode_family(&labels)?)?;
        }
        let help = "Accepted events that wait";
        let waiting = encoder.encode_descriptor("drifting_events_waiting", help, None, MetricType::Gauge)?;
        ConstGauge::new(i64::try_from(now.waiting).unwrap_or(i64::MAX)).encode(waiting)
    }
}
