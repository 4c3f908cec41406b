//! Projects: how many there are, what they were fed, and what their detectors are at.

use std::fmt;
use std::sync::Arc;

use drifting_domain::use_cases::{DriftService, ProjectMeasures, WindowMeasures};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::parts::gauge;

/// The projects of a service.
pub(super) struct ProjectSeries(pub(super) Arc<DriftService>);

impl fmt::Debug for ProjectSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProjectSeries")
    }
}

/// The label of a project.
pub(super) fn label(project: &ProjectMeasures) -> &str {
    project.name.as_ref().map_or(ProjectMeasures::OTHERS, |name| name.as_str())
}

type Count = fn(&ProjectMeasures) -> u64;

const COUNTERS: [(&str, &str, Count); 3] = [
    ("drifting_detect_rows", "Rows that were fed to a project since the server started", |of| of.n_rows),
    ("drifting_drift_detected", "Rows, or windows, that were judged as drift", |of| of.n_drifts),
    ("drifting_missing_values", "Values that were missing in the rows that were fed", |of| of.n_missing),
];

impl Collector for ProjectSeries {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let measures = self.0.measures();
        let help = "Projects by their state";
        let mut states = encoder.encode_descriptor("drifting_projects", help, None, MetricType::Gauge)?;
        for (state, n) in
            [("active", measures.n_active), ("inactive", measures.n_inactive), ("failed", measures.n_failed)]
        {
            gauge(n).encode(states.encode_family(&[("state", state)])?)?;
        }
        for (name, help, count) in COUNTERS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for project in &measures.projects {
                ConstCounter::new(count(project)).encode(family.encode_family(&[("project", label(project))])?)?;
            }
        }
        let help = "What the checks of quality found in the rows that were fed, by check";
        let mut findings = encoder.encode_descriptor("drifting_quality_findings", help, None, MetricType::Counter)?;
        for project in &measures.projects {
            for (check, n) in project.findings {
                let labels = [("project", label(project)), ("check", check.as_str())];
                ConstCounter::new(n).encode(findings.encode_family(&labels)?)?;
            }
        }
        let placed = measures.projects.iter().filter_map(|of| Some((label(of), of.position.as_ref()?)));
        let placed: Vec<_> = placed.collect();
        let help = "The statistic of the last verdict by the rows of the window, of several columns the largest";
        let mut statistics = encoder.encode_descriptor("drifting_drift_statistic", help, None, MetricType::Gauge)?;
        for (project, position) in &placed {
            for window in &position.windows {
                let Some(statistic) = window.statistic else { continue };
                let labels = [("project", (*project).to_owned()), ("window", rows_of(window))];
                ConstGauge::new(statistic).encode(statistics.encode_family(&labels)?)?;
            }
        }
        let help = "What the statistic is compared with, or its p-value where there is one";
        let mut thresholds = encoder.encode_descriptor("drifting_drift_threshold", help, None, MetricType::Gauge)?;
        for (project, position) in &placed {
            let Some(threshold) = position.threshold else { continue };
            for window in &position.windows {
                let labels = [("project", (*project).to_owned()), ("window", rows_of(window))];
                ConstGauge::new(threshold).encode(thresholds.encode_family(&labels)?)?;
            }
        }
        let help = "The p-value of the last verdict, of detectors that have one";
        let mut p_values = encoder.encode_descriptor("drifting_drift_p_value", help, None, MetricType::Gauge)?;
        for (project, position) in &placed {
            if let Some(p_value) = position.p_value {
                ConstGauge::new(p_value).encode(p_values.encode_family(&[("project", *project)])?)?;
            }
        }
        let help = "The share of the largest window that has come";
        let mut fills = encoder.encode_descriptor("drifting_window_fill_ratio", help, None, MetricType::Gauge)?;
        for (project, position) in &placed {
            if let Some(fill) = position.fill {
                ConstGauge::new(fill).encode(fills.encode_family(&[("project", *project)])?)?;
            }
        }
        Ok(())
    }
}

/// The rows of a window as a label.
fn rows_of(window: &WindowMeasures) -> String {
    window.n_rows.map_or_else(|| "request".to_owned(), |n_rows| n_rows.to_string())
}
