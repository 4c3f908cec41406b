//! Where the drift values over time are kept. Optional: no detection ever waits for it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{BucketPage, BucketQuery, Extent, PortError};
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
    /// The verdicts on the columns, where they are kept too.
    pub features: Box<[FeatureRecord]>,
}

/// The verdict on one column, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureRecord {
    /// The column.
    pub name: Box<str>,
    /// Whether it drifts.
    pub is_drift: bool,
    /// Its statistic; never `NaN`.
    pub statistic: Option<f64>,
    /// What it was compared with; never `NaN`.
    pub threshold: Option<f64>,
    /// Its p-value; never `NaN`.
    pub p_value: Option<f64>,
    /// Its distance; never `NaN`.
    pub distance: Option<f64>,
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
    pub after: Option<Cursor>,
    /// Whether the verdicts on columns are told too.
    pub with_features: bool,
}

/// The place of a record among those of its project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// Its time, in microseconds since 1970.
    pub at_us: i64,
    /// Which start of a server it is from.
    pub server: i64,
    /// Its number among those of that start.
    pub number: u64,
}

/// Some records, by their times; those of one time in the order in which they were appended.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendPage {
    /// The records.
    pub records: Vec<DriftRecord>,
    /// Where the next page starts, if there is one.
    pub next: Option<Cursor>,
}

/// Tells of records that are kept.
///
/// # Contract
/// * Records come back as they were appended, times to the microsecond.
/// * Pages follow each other without a gap or a repetition while records with later times are appended.
/// * Values of buckets are those of the records that would be told.
#[async_trait]
pub trait MetricsHistory: Send + Sync {
    /// The records of a project in a range.
    async fn trend(&self, query: &TrendQuery) -> Result<TrendPage, PortError>;

    /// How many records of a project there are in a range, and from when to when; `None` where there is none.
    /// All of it is to the minute, outwards.
    async fn extent(
        &self,
        project: &ProjectName,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Option<Extent>, PortError>;

    /// The records of a project in a range, summed up in buckets of time; those without a record are left out.
    async fn buckets(&self, query: &BucketQuery) -> Result<BucketPage, PortError>;

    /// Removes all records of a project; says how many.
    async fn purge(&self, project: &ProjectName) -> Result<u64, PortError>;
}

/// Keeps records.
///
/// # Contract
/// * Records are numbered by who appends them, with numbers that rise; what has been appended under a number is there
///   once, however often it is appended again.
/// * Appending nothing succeeds.
#[async_trait]
pub trait MetricsRepository: MetricsHistory {
    /// Appends records, all or none, with numbers from `first` on.
    async fn append(&self, first: u64, records: &[DriftRecord]) -> Result<(), PortError>;

    /// Removes the records of the whole minutes before a time, of all projects; says how many.
    async fn prune(&self, before: DateTime<Utc>) -> Result<u64, PortError>;
}
