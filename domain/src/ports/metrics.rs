//! Where the drift values over time are kept. Optional: no detection ever waits for it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::PortError;
use crate::project::ProjectName;

/// The verdict on one row or window, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftRecord {
    /// The project.
    pub project: ProjectName,
    /// Which fit of it.
    pub generation: u64,
    /// When the server judged.
    pub at: DateTime<Utc>,
    /// Rows fed since the start or the last reset.
    pub time: u64,
    /// Number of rows that were judged: 1 for online detectors.
    pub rows: u64,
    /// The statistic; never `NaN`.
    pub statistic: Option<f64>,
    /// What it was compared with; never `NaN`.
    pub threshold: Option<f64>,
    /// The p-value; never `NaN`.
    pub p_value: Option<f64>,
    /// The distance; never `NaN`.
    pub distance: Option<f64>,
    /// Whether it drifts.
    pub is_drift: bool,
    /// Whether there were too few rows to judge.
    pub warm_up: bool,
}

/// Takes records without ever waiting.
pub trait MetricsSink: Send + Sync {
    /// Takes the records of one request; what does not fit is dropped and counted.
    fn record(&self, records: Vec<DriftRecord>);
}

/// Which records are asked for. The range is half-open: `from <= at < to`.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendQuery {
    /// The project.
    pub project: ProjectName,
    /// The earliest time.
    pub from: Option<DateTime<Utc>>,
    /// The time that is no longer included.
    pub to: Option<DateTime<Utc>>,
    /// At most so many records.
    pub page_size: usize,
    /// Where the page before ended, as [`TrendPage::next`] told.
    pub after: Option<u64>,
}

/// Some records, in the order in which they were appended.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendPage {
    /// The records.
    pub records: Vec<DriftRecord>,
    /// Where the next page starts, if there is one.
    pub next: Option<u64>,
}

/// Keeps records.
///
/// # Contract
/// * Records come back as they were appended, times to the microsecond.
/// * Pages follow each other without a gap or a repetition while records are appended.
/// * Appending nothing succeeds.
#[async_trait]
pub trait MetricsRepository: Send + Sync {
    /// Appends records, all or none.
    async fn append(&self, records: &[DriftRecord]) -> Result<(), PortError>;

    /// The records of a project in a range.
    async fn trend(&self, query: &TrendQuery) -> Result<TrendPage, PortError>;

    /// Removes the records before a time; says how many.
    async fn prune(&self, before: DateTime<Utc>) -> Result<u64, PortError>;
}
