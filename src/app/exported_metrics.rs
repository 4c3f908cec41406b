//! The important numbers of `/metrics` for a collector of OpenTelemetry, under the same names. Histograms are told by `/metrics`
//! alone. Where nobody collects, the meter is an empty one, and nothing is ever read.

use std::sync::Arc;

use drifting_domain::use_cases::{DriftService, Position, ProjectMeasures, ServiceMeasures};
use drifting_listening::{RequestCounts, RequestMeasures};
use opentelemetry::metrics::{AsyncInstrument, Meter};
use opentelemetry::{KeyValue, global};

use super::measures::Measured;

/// Has the numbers read whenever they are collected.
pub fn export(measured: &Measured) {
    let meter = global::meter("drifting");
    requests(&meter, "drifting_http_requests", &measured.http, |of| {
        vec![
            KeyValue::new("method", of.method),
            KeyValue::new("route", of.route.to_owned()),
            KeyValue::new("status", of.status),
        ]
    });
    requests(&meter, "drifting_grpc_requests", &measured.grpc, |of| {
        vec![KeyValue::new("method", of.route.trim_start_matches('/').to_owned()), KeyValue::new("status", of.status)]
    });
    counts(&meter, "drifting_detect_rows", &measured.service, |of| of.n_rows);
    counts(&meter, "drifting_drift_detected", &measured.service, |of| of.n_drifts);
    counts(&meter, "drifting_missing_values", &measured.service, |of| of.n_missing);
    fit_results(&meter, "drifting_fits", &measured.service);
    positions(&meter, "drifting_drift_statistic", &measured.service, |position, tell| {
        for window in &position.windows {
            if let Some(statistic) = window.statistic {
                tell(statistic, window.n_rows);
            }
        }
    });
    positions(&meter, "drifting_drift_threshold", &measured.service, |position, tell| {
        for window in &position.windows {
            if let Some(threshold) = position.threshold {
                tell(threshold, window.n_rows);
            }
        }
    });
    gauges(&meter, "drifting_projects", &measured.service, |of| {
        let state = |state| vec![KeyValue::new("state", state)];
        vec![
            (of.n_active as f64, state("active")),
            (of.n_inactive as f64, state("inactive")),
            (of.n_failed as f64, state("failed")),
        ]
    });
    gauges(&meter, "drifting_fits_in_progress", &measured.service, |of| vec![(of.n_fits_in_progress as f64, vec![])]);
    gauges(&meter, "drifting_state_checkpoint_age_seconds", &measured.service, |of| {
        of.checkpoint_age.map(|age| (age.as_secs_f64(), vec![])).into_iter().collect()
    });
    let (predictions, events) = (Arc::clone(&measured.predictions), measured.events.clone());
    gauges(&meter, "drifting_queue_depth", &measured.service, move |of| {
        let queue = |queue| vec![KeyValue::new("queue", queue)];
        vec![
            (of.n_fits_waiting as f64, queue("fits")),
            (of.n_predictions as f64, queue("predictions")),
            (predictions.n_waiting() as f64, queue("large_predictions")),
            (events.n_waiting() as f64, queue("events")),
        ]
    });
}

fn requests(
    meter: &Meter,
    name: &'static str,
    measures: &Arc<RequestMeasures>,
    attributes: fn(&RequestCounts<'_>) -> Vec<KeyValue>,
) {
    let measures = Arc::clone(measures);
    let tell = move |instrument: &dyn AsyncInstrument<u64>| {
        for of in measures.counts() {
            instrument.observe(of.durations.n(), &attributes(&of));
        }
    };
    meter.u64_observable_counter(name).with_callback(tell).build();
}

fn project(of: &ProjectMeasures) -> KeyValue {
    let name = of.name.as_ref().map_or(ProjectMeasures::OTHERS, |name| name.as_str());
    KeyValue::new("project", name.to_owned())
}

fn counts(meter: &Meter, name: &'static str, service: &Arc<DriftService>, count: fn(&ProjectMeasures) -> u64) {
    let service = Arc::clone(service);
    let tell = move |instrument: &dyn AsyncInstrument<u64>| {
        for of in &service.measures().projects {
            instrument.observe(count(of), &[project(of)]);
        }
    };
    meter.u64_observable_counter(name).with_callback(tell).build();
}

fn fit_results(meter: &Meter, name: &'static str, service: &Arc<DriftService>) {
    let service = Arc::clone(service);
    let tell = move |instrument: &dyn AsyncInstrument<u64>| {
        for (result, n) in service.measures().fit_results {
            instrument.observe(n, &[KeyValue::new("result", result.as_str())]);
        }
    };
    meter.u64_observable_counter(name).with_callback(tell).build();
}

type TellWindow<'t> = &'t dyn Fn(f64, Option<usize>);

fn positions(meter: &Meter, name: &'static str, service: &Arc<DriftService>, each: fn(&Position, TellWindow<'_>)) {
    let service = Arc::clone(service);
    let tell = move |instrument: &dyn AsyncInstrument<f64>| {
        for of in &service.measures().projects {
            let Some(position) = &of.position else { continue };
            each(position, &|value, n_rows| {
                let window = n_rows.map_or_else(|| "request".to_owned(), |n_rows| n_rows.to_string());
                instrument.observe(value, &[project(of), KeyValue::new("window", window)]);
            });
        }
    };
    meter.f64_observable_gauge(name).with_callback(tell).build();
}

fn gauges(
    meter: &Meter,
    name: &'static str,
    service: &Arc<DriftService>,
    values: impl Fn(&ServiceMeasures) -> Vec<(f64, Vec<KeyValue>)> + Send + Sync + 'static,
) {
    let service = Arc::clone(service);
    let tell = move |instrument: &dyn AsyncInstrument<f64>| {
        for (value, attributes) in values(&service.measures()) {
            instrument.observe(value, &attributes);
        }
    };
    meter.f64_observable_gauge(name).with_callback(tell).build();
}
