//! What waits in queues, checkpoints, fits, the runtime, and the calls of the store.

use std::fmt;
use std::sync::Arc;

use drifting_artifacts::{CallCount, StoreCalls};
use drifting_domain::use_cases::DriftService;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use tokio::runtime::Handle;

use super::requests::histogram;
use crate::app::event_measures::EventMeasures;
use crate::outbox::Counts;
use crate::runtime::Threads;
use crate::sinks::SinkMeasures;

/// Queues, fits, checkpoints and the runtime.
pub(super) struct Parts {
    pub(super) service: Arc<DriftService>,
    pub(super) predictions: Arc<Threads>,
    pub(super) metrics: Arc<Counts>,
    pub(super) events: EventMeasures,
    pub(super) sinks: Option<SinkMeasures>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parts")
    }
}

/// A number as a gauge.
pub(super) fn gauge(count: u64) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX))
}

impl Collector for Parts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let measures = self.service.measures();
        let help = "What waits in a queue; of predictions also what is at work";
        let mut depth = encoder.encode_descriptor("drifting_queue_depth", help, None, MetricType::Gauge)?;
        let mut queues = vec![
            ("fits", measures.n_fits_waiting),
            ("predictions", measures.n_predictions),
            ("large_predictions", self.predictions.n_waiting()),
            ("events", self.events.n_waiting()),
            ("metrics", self.metrics.now().waiting),
        ];
        queues.extend(self.sinks.as_ref().map(|sinks| ("event_sinks", sinks.n_waiting())));
        for (queue, n) in queues {
            gauge(n).encode(depth.encode_family(&[("queue", queue)])?)?;
        }

        let help = "Fits that are computed just now";
        let fits = encoder.encode_descriptor("drifting_fits_in_progress", help, None, MetricType::Gauge)?;
        gauge(measures.n_fits_in_progress).encode(fits)?;
        let help = "Fits that have ended, by what has become of them";
        let mut results = encoder.encode_descriptor("drifting_fits", help, None, MetricType::Counter)?;
        for (result, n) in measures.fit_results {
            ConstCounter::new(n).encode(results.encode_family(&[("result", result.as_str())])?)?;
        }
        let help = "Time that computing a detector took, by its kind";
        let mut fits = encoder.encode_descriptor("drifting_fit_duration_seconds", help, None, MetricType::Histogram)?;
        for (kind, durations) in &measures.fits {
            histogram(durations, &mut fits.encode_family(&[("detector", kind.as_str())])?)?;
        }
        let help = "Time that feeding the rows of a request to a detector took, by its kind";
        let mut detections =
            encoder.encode_descriptor("drifting_detect_duration_seconds", help, None, MetricType::Histogram)?;
        for (kind, durations) in &measures.detections {
            histogram(durations, &mut detections.encode_family(&[("detector", kind.as_str())])?)?;
        }
        if let Some(age) = measures.checkpoint_age {
            let help = "Time since a checkpoint last saved all state that had moved";
            let metric =
                encoder.encode_descriptor("drifting_state_checkpoint_age_seconds", help, None, MetricType::Gauge)?;
            ConstGauge::new(age.as_secs_f64()).encode(metric)?;
        }
        // Whoever asks does so in a task, unless it is a test.
        let Ok(runtime) = Handle::try_current().map(|handle| handle.metrics()) else { return Ok(()) };
        for (name, help, n) in [
            ("drifting_runtime_workers", "Threads that answer requests", runtime.num_workers()),
            ("drifting_runtime_tasks", "Tasks that are not finished", runtime.num_alive_tasks()),
            ("drifting_runtime_queue_depth", "Tasks that wait for a thread", runtime.global_queue_depth()),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            gauge(n as u64).encode(metric)?;
        }
        Ok(())
    }
}

/// The calls as the store counts them.
#[derive(Debug)]
pub(super) struct StoreSeries(pub(super) StoreCalls);

impl Collector for StoreSeries {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let calls = self.0.now();
        let labels = |call: &CallCount| {
            [("backend", self.0.backend()), ("op", call.operation), ("result", call.outcome.as_str())]
        };
        let help = "Calls of the store of projects; of an object store, each try for itself";
        let mut numbers = encoder.encode_descriptor("drifting_store_operations", help, None, MetricType::Counter)?;
        for call in &calls {
            ConstCounter::new(call.n).encode(numbers.encode_family(&labels(call))?)?;
        }
        let help = "Time of the calls of the store of projects; of an object store, until the head of the answer";
        let mut times =
            encoder.encode_descriptor("drifting_store_operations_seconds", help, None, MetricType::Counter)?;
        for call in &calls {
            ConstCounter::new(call.seconds).encode(times.encode_family(&labels(call))?)?;
        }
        Ok(())
    }
}
