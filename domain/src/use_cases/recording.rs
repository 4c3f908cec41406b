//! Verdicts on their way out of the service: to the metrics, and to whoever is told of them.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::loaded::LoadedProject;
use crate::detection::Detection;
use crate::detectors::DetectorSpec;
use crate::ports::{DriftRecord, EventSink, FeatureRecord, MetricsSink, Trace, Verdicts};
use crate::project::{Configuration, ProjectName};

/// What has brought verdicts; of a window that age has closed, nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cause<'c> {
    pub(super) request_id: Option<&'c str>,
    pub(super) trace: Option<&'c Trace>,
}

/// Where verdicts go.
#[derive(Clone)]
pub(super) struct Recording {
    pub(super) sink: Arc<dyn MetricsSink>,
    pub(super) events: Arc<dyn EventSink>,
    pub(super) with_features: bool,
}

impl Recording {
    /// Hands verdicts over; called under the lock of the project, so that they leave in the order of its rows.
    pub(super) fn record(
        &self,
        project: &ProjectName,
        loaded: &LoadedProject,
        detections: &[Detection],
        at: DateTime<Utc>,
        of: Cause<'_>,
    ) {
        let records = detections.iter().map(|detection| DriftRecord {
            project: project.clone(),
            generation: loaded.configuration.generation,
            at,
            time: detection.time,
            rows: detection.rows,
            statistic: detection.statistic,
            threshold: detection.threshold,
            p_value: detection.p_value,
            distance: detection.distance,
            is_drift: detection.is_drift,
            warm_up: detection.warm_up,
            features: if self.with_features { features_of(detection, loaded) } else { Box::default() },
        });
        let records: Vec<DriftRecord> = records.collect();
        let Cause { request_id, trace } = of;
        let window_sizes = window_sizes(&loaded.configuration);
        self.events.tell(Verdicts { records: &records, window_sizes, request_id, trace });
        self.sink.record(records);
    }
}

/// Rows of each window; none where a request is the window.
pub(super) fn window_sizes(configuration: &Configuration) -> &[usize] {
    match &configuration.detector {
        DetectorSpec::Online(spec) => spec.window_sizes(),
        DetectorSpec::Batch(_) => {
            configuration.policy.window.as_ref().map_or(&[], |window| std::slice::from_ref(&window.size))
        }
    }
}

/// The verdicts on the columns, as they are kept.
fn features_of(detection: &Detection, loaded: &LoadedProject) -> Box<[FeatureRecord]> {
    let columns = &loaded.schema().columns;
    let number = |value: Option<f64>| value.filter(|value| !value.is_nan());
    let features = detection.features.iter().filter_map(|feature| {
        Some(FeatureRecord {
            name: columns.get(feature.column)?.name.as_str().into(),
            is_drift: feature.is_drift,
            statistic: number(feature.statistic),
            threshold: number(feature.threshold),
            p_value: number(feature.p_value),
            distance: number(feature.distance),
        })
    });
    features.collect()
}
