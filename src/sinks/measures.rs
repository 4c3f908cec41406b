//! What has become of events, as `/metrics` tells it.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::outbox::{Counts, CountsNow, Dropped};

/// Why events do not come to a sink.
pub(super) const DROPPED: [Dropped; 6] = [
    Dropped::QueueFull,
    Dropped::SpillFull,
    Dropped::SpillFailed,
    Dropped::Refused,
    Dropped::Expired,
    Dropped::Shutdown,
];

/// The counts of each sink for a registry.
#[derive(Debug, Clone)]
pub struct SinkMeasures(pub(super) Vec<(Arc<str>, Arc<Counts>)>);

impl SinkMeasures {
    /// How many events wait, for all sinks together.
    pub fn n_waiting(&self) -> u64 {
        self.0.iter().map(|(_, counts)| counts.now().waiting).sum()
    }
}

type Count = fn(&CountsNow) -> u64;

const COUNTERS: [(&str, &str, Count); 3] = [
    ("drifting_event_sink_events", "Events for a sink", |now| now.recorded),
    ("drifting_event_sink_delivered", "Events that a sink has taken", |now| now.delivered),
    ("drifting_event_sink_retried", "Posts to a sink that had to be made again", |now| now.retried),
];

const GAUGES: [(&str, &str, Count); 3] = [
    ("drifting_event_sink_waiting", "Events that wait for a sink", |now| now.waiting),
    ("drifting_event_sink_spooled_bytes", "Bytes of events that wait for a sink in a file", |now| now.spilled_bytes),
    ("drifting_event_sink_up", "Whether nothing has failed since the sink was last reached", |now| now.is_up),
];

impl Collector for SinkMeasures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let sinks: Vec<(&str, CountsNow)> = self.0.iter().map(|(name, counts)| (&**name, counts.now())).collect();
        for (name, help, count) in COUNTERS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (sink, now) in &sinks {
                ConstCounter::new(count(now)).encode(family.encode_family(&[("sink", *sink)])?)?;
            }
        }
        let help = "Events that a sink will never have";
        let mut dropped = encoder.encode_descriptor("drifting_event_sink_dropped", help, None, MetricType::Counter)?;
        for (sink, now) in &sinks {
            for why in DROPPED {
                let labels = [("sink", *sink), ("reason", why.as_str())];
                ConstCounter::new(now.dropped(why)).encode(dropped.encode_family(&labels)?)?;
            }
        }
        for (name, help, count) in GAUGES {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (sink, now) in &sinks {
                let value = i64::try_from(count(now)).unwrap_or(i64::MAX);
                ConstGauge::new(value).encode(family.encode_family(&[("sink", *sink)])?)?;
            }
        }
        Ok(())
    }
}
