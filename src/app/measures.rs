//! What `/metrics` tells: the version, the calls of the object store, the way of the drift values, and that of events.

use std::fmt;
use std::sync::Arc;

use drifting_artifacts::RemoteStore;
use drifting_http::Measures;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::event_measures::EventMeasures;
use super::memory_measures::MemoryMeasures;
use crate::metrics::DeliveryCounts;
use crate::sinks::SinkMeasures;

/// Everything that is measured, as text whenever it is asked for.
pub fn measures(
    store: Option<RemoteStore>,
    delivery: Option<DeliveryCounts>,
    sinks: Option<SinkMeasures>,
    events: Option<EventMeasures>,
    memory: Option<MemoryMeasures>,
) -> Measures {
    let mut registry = Registry::default();
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("drifting_build", "What this server is", build);
    if let Some(store) = store {
        registry.register_collector(Box::new(StoreCalls(store)));
    }
    if let Some(delivery) = delivery {
        registry.register_collector(Box::new(delivery));
    }
    if let Some(sinks) = sinks {
        registry.register_collector(Box::new(sinks));
    }
    if let Some(events) = events {
        registry.register_collector(Box::new(events));
    }
    if let Some(memory) = memory {
        registry.register_collector(Box::new(memory));
    }
    let registry = Arc::new(registry);
    Measures(Arc::new(move || {
        let mut told = String::new();
        match text::encode(&mut told, &registry) {
            Ok(()) => told,
            // Writing into a text does not fail.
            Err(_) => "# EOF\n".to_owned(),
        }
    }))
}

/// The calls as the store counts them.
#[derive(Debug)]
struct StoreCalls(RemoteStore);

impl Collector for StoreCalls {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let calls = self.0.calls();
        let help = "Calls of the object store, each try for itself";
        let mut numbers = encoder.encode_descriptor("drifting_store_operations", help, None, MetricType::Counter)?;
        for call in &calls {
            let labels = [("op", call.operation), ("result", call.outcome.as_str())];
            ConstCounter::new(call.n).encode(numbers.encode_family(&labels)?)?;
        }
        let help = "Time of the calls of the object store until the head of the answer";
        let mut times =
            encoder.encode_descriptor("drifting_store_operations_seconds", help, None, MetricType::Counter)?;
        for call in &calls {
            let labels = [("op", call.operation), ("result", call.outcome.as_str())];
            ConstCounter::new(call.seconds).encode(times.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_told_in_the_form_of_open_metrics() {
        let told = (measures(None, None, None, None, None).0)();
        let info = format!("drifting_build_info{{version=\"{}\"}} 1\n", env!("CARGO_PKG_VERSION"));
        assert!(told.contains(&info) && told.ends_with("# EOF\n"), "{told}");
    }
}
