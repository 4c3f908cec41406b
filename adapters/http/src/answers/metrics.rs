//! The drift values of a project over time.

use chrono::{DateTime, Utc};
use drifting_domain::ports::DriftRecord;
use poem_openapi::Object;
use serde::Serialize;

/// The verdict on one row or window, as it was kept.
#[derive(Debug, Object, Serialize)]
pub(crate) struct Metric {
    /// When the server judged.
    pub(crate) at: DateTime<Utc>,
    /// Rows fed since the start or the last reset.
    pub(crate) time: u64,
    /// Number of rows that were judged.
    pub(crate) rows: u64,
    /// The statistic.
    #[oai(nullable)]
    pub(crate) statistic: Option<f64>,
    /// What it was compared with.
    #[oai(nullable)]
    pub(crate) threshold: Option<f64>,
    /// The p-value, of detectors that have one.
    #[oai(nullable)]
    pub(crate) p_value: Option<f64>,
    /// The distance, of detectors that have one.
    #[oai(nullable)]
    pub(crate) distance: Option<f64>,
    /// Whether it drifted.
    pub(crate) is_drift: bool,
    /// Whether there were too few rows to judge.
    pub(crate) warm_up: bool,
}

impl From<DriftRecord> for Metric {
    fn from(record: DriftRecord) -> Self {
        Self {
            at: record.at,
            time: record.time,
            rows: record.rows,
            statistic: record.statistic,
            threshold: record.threshold,
            p_value: record.p_value,
            distance: record.distance,
            is_drift: record.is_drift,
            warm_up: record.warm_up,
        }
    }
}

/// Some metrics, in the order in which they were recorded.
#[derive(Debug, Object, Serialize)]
pub(crate) struct MetricsPage {
    /// The metrics.
    pub(crate) metrics: Vec<Metric>,
    /// Where the next page starts, if there is one.
    #[oai(nullable)]
    pub(crate) next_page_token: Option<String>,
}
