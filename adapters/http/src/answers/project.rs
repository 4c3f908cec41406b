//! A project as clients see it.

use chrono::{DateTime, Utc};
use drifting_domain::data::{ColumnType, Schema};
use drifting_domain::preprocess::Preprocessing as DomainPreprocessing;
use drifting_domain::project::{Configuration, ProjectName, RunLengthReport};
use drifting_domain::use_cases::{LastDetection as DomainLastDetection, ProjectStatus, ProjectView, RefreshReport};
use poem_openapi::{Enum, Object};
use serde::Serialize;

use super::detector::Detector;
use super::quality::QualityChecks;
use super::sequence::Sequence;
use super::words::{DriftType, FeatureSet, MissingValues, Status};

/// A project: its configuration, its status and its counters. What cannot be read is null.
#[derive(Debug, Object, Serialize)]
#[expect(clippy::struct_field_names, reason = "members of the answer")]
pub(crate) struct Project {
    /// Its name.
    pub(crate) project: String,
    /// What kind of data it watches.
    #[oai(nullable)]
    pub(crate) drift_type: Option<DriftType>,
    /// Whether it serves.
    pub(crate) status: Status,
    /// Why it has failed, where it has.
    #[oai(nullable)]
    pub(crate) reason: Option<String>,
    /// The detector, with every parameter.
    #[oai(nullable)]
    pub(crate) detector: Option<Detector>,
    /// How rows become the numbers that the detector sees.
    #[oai(nullable)]
    pub(crate) preprocessing: Option<Preprocessing>,
    /// How a series is read before that, of the drift type `sequential`.
    #[oai(nullable)]
    pub(crate) sequence: Option<Sequence>,
    /// The columns, and what happens to missing values.
    #[oai(nullable)]
    pub(crate) schema: Option<DataSchema>,
    /// The checks of quality; null where none is on, too.
    #[oai(nullable)]
    pub(crate) quality: Option<QualityChecks>,
    /// Number of rows that it was fitted on.
    #[oai(nullable)]
    pub(crate) reference_rows: Option<u64>,
    /// Which fit of this name it is.
    #[oai(nullable)]
    pub(crate) generation: Option<u64>,
    /// When it was fitted.
    #[oai(nullable)]
    pub(crate) created_at: Option<DateTime<Utc>>,
    /// The program and version that fitted it.
    #[oai(nullable)]
    pub(crate) fitted_by: Option<String>,
    /// Rows fed in the life of this fit; null where the project cannot be read.
    #[oai(nullable)]
    pub(crate) rows_seen: Option<u64>,
    /// Rows, or windows, that were judged as drift.
    #[oai(nullable)]
    pub(crate) drifts_seen: Option<u64>,
    /// Rows fed since the start or the last reset.
    #[oai(nullable)]
    pub(crate) time: Option<u64>,
    /// The latest verdict since the start or the last reset.
    #[oai(nullable)]
    pub(crate) last_detection: Option<LastDetection>,
    /// What the fit found worth knowing about the reference.
    pub(crate) warnings: Vec<String>,
    /// How often alarms started on reference that a trial fit had not seen, where `report_run_length` asked for it.
    #[oai(nullable)]
    pub(crate) run_length: Option<RunLength>,
}

/// How often alarms start without drift: a detector fitted on the first 80 % of the reference, the rest replayed in
/// its order. The detector starts anew after each alarm; rows that fill a window are not counted.
#[derive(Debug, Object, Serialize)]
pub(crate) struct RunLength {
    /// Rows that were judged.
    pub(crate) rows: u64,
    /// Alarms that started in them.
    pub(crate) alarm_starts: u64,
    /// Alarm starts per 1,000 rows.
    pub(crate) per_1000_rows: f64,
    /// Lower end of the 95 % Poisson interval of alarm starts per 1,000 rows.
    pub(crate) low: f64,
    /// Upper end of it.
    pub(crate) high: f64,
    /// Alarm starts per 1,000 rows that the expected run time asks for.
    pub(crate) wanted_per_1000_rows: f64,
}

/// How rows become the numbers that the detector sees.
#[derive(Debug, Object, Serialize)]
pub(crate) struct Preprocessing {
    /// Whether numbers are centred and scaled by the reference's mean and standard deviation.
    pub(crate) standardize: bool,
    /// How many principal components are kept, of columns or of the features of texts; all columns if null.
    #[oai(nullable)]
    pub(crate) n_components: Option<u64>,
    /// What texts become, where that was asked for.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) features: Option<FeatureSet>,
    /// The encoder of texts or images, where there is one.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encoder: Option<String>,
}

impl From<&DomainPreprocessing> for Preprocessing {
    fn from(of: &DomainPreprocessing) -> Self {
        Self {
            standardize: of.standardize,
            n_components: of.n_components.map(|n| n as u64),
            features: of.texts.features.map(Into::into),
            encoder: of.texts.encoder.clone(),
        }
    }
}

/// The columns, and what happens to missing values.
#[derive(Debug, Object, Serialize)]
pub(crate) struct DataSchema {
    /// The columns, in the order in which the detector sees them.
    pub(crate) columns: Vec<ColumnSchema>,
    /// What happens to rows with missing values.
    pub(crate) missing_values: MissingValues,
}

/// A column.
#[derive(Debug, Object, Serialize)]
pub(crate) struct ColumnSchema {
    /// Its name.
    pub(crate) name: String,
    /// Its type.
    pub(crate) r#type: ColumnKind,
    /// The texts that the reference held, of a categorical column (numbers as texts, where numbers are tested as
    /// categories); others count as unseen. The two classes of a binary
    /// column, the second of which counts as 1; others are refused.
    #[oai(nullable)]
    pub(crate) categories: Option<Vec<String>>,
}

/// The type of a column: `binary` is one of two classes and nothing else, `text` is free text, `image` is images, `timestamp` is
/// points in time.
#[derive(Debug, Clone, Copy, Enum, Serialize)]
#[oai(rename = "ColumnType", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(crate) enum ColumnKind {
    Numeric,
    Categorical,
    Binary,
    Text,
    Image,
    Timestamp,
}

/// The latest verdict and when it was given.
#[derive(Debug, Object, Serialize)]
pub(crate) struct LastDetection {
    /// When the server judged.
    pub(crate) at: DateTime<Utc>,
    /// Whether it drifted.
    pub(crate) is_drift: bool,
    /// Rows fed since the start or the last reset.
    pub(crate) time: u64,
    /// Whether there were too few rows to judge.
    pub(crate) warm_up: bool,
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
}

/// What a look at the store found.
#[derive(Debug, Object, Serialize)]
pub(crate) struct Refreshed {
    /// Number of projects that are known now, those that are inactive or have failed among them.
    pub(crate) n_projects: u64,
    /// Projects that have come into the store.
    pub(crate) added: Vec<String>,
    /// Projects that are no longer there.
    pub(crate) vanished: Vec<String>,
    /// Projects whose names differ from another's only in case; they do not serve.
    pub(crate) clashing: Vec<String>,
}

impl From<RefreshReport> for Refreshed {
    fn from(report: RefreshReport) -> Self {
        let texts = |names: Vec<ProjectName>| names.iter().map(ToString::to_string).collect();
        Self {
            n_projects: report.n_projects as u64,
            added: texts(report.added),
            vanished: texts(report.vanished),
            clashing: texts(report.clashing),
        }
    }
}

/// Some projects, in the order of their names without regard to case.
#[derive(Debug, Object, Serialize)]
pub(crate) struct ProjectPage {
    /// The projects.
    pub(crate) projects: Vec<Project>,
    /// Where the next page starts, if there is one.
    #[oai(nullable)]
    pub(crate) next_page_token: Option<String>,
}

impl From<ProjectView> for Project {
    fn from(view: ProjectView) -> Self {
        let (status, reason) = match view.status {
            ProjectStatus::Active => (Status::Active, None),
            ProjectStatus::Inactive => (Status::Inactive, None),
            ProjectStatus::Failed { reason } => (Status::Failed, Some(reason)),
        };
        let configuration: Option<&Configuration> = view.configuration.as_deref();
        Self {
            project: view.name.to_string(),
            drift_type: configuration.map(|c| c.drift_type.into()),
            status,
            reason,
            detector: configuration.map(Detector::from),
            preprocessing: configuration.map(|c| Preprocessing::from(&c.preprocessing)),
            sequence: configuration.and_then(|c| c.sequence.as_ref()).map(Sequence::from),
            schema: configuration.map(|c| DataSchema::from(&c.schema)),
            quality: configuration.and_then(|c| c.quality.as_ref()).map(QualityChecks::from),
            reference_rows: configuration.map(|c| c.reference_rows as u64),
            generation: configuration.map(|c| c.generation),
            created_at: configuration.map(|c| c.created_at),
            fitted_by: configuration.map(|c| c.fitted_by.clone()),
            rows_seen: view.rows_seen,
            drifts_seen: view.drifts_seen,
            time: view.time,
            last_detection: view.last_detection.map(LastDetection::from),
            warnings: configuration.map(|c| c.warnings.clone()).unwrap_or_default(),
            run_length: configuration.and_then(|c| c.run_length).map(RunLength::from),
        }
    }
}

impl From<RunLengthReport> for RunLength {
    fn from(report: RunLengthReport) -> Self {
        let RunLengthReport { rows, alarm_starts, per_1000_rows, low, high, wanted_per_1000_rows } = report;
        Self { rows, alarm_starts, per_1000_rows, low, high, wanted_per_1000_rows }
    }
}

impl From<&Schema> for DataSchema {
    fn from(schema: &Schema) -> Self {
        let columns = schema.columns.iter().map(|column| {
            let (kind, categories) = match &column.kind {
                ColumnType::Numeric => (ColumnKind::Numeric, None),
                ColumnType::Categorical { categories, .. } => (ColumnKind::Categorical, Some(categories.clone())),
                ColumnType::Binary { categories, .. } => (ColumnKind::Binary, Some(categories.to_vec())),
                ColumnType::Text => (ColumnKind::Text, None),
                ColumnType::Image => (ColumnKind::Image, None),
                ColumnType::Timestamp => (ColumnKind::Timestamp, None),
            };
            ColumnSchema { name: column.name.clone(), r#type: kind, categories }
        });
        Self { columns: columns.collect(), missing_values: schema.missing_values.into() }
    }
}

impl From<DomainLastDetection> for LastDetection {
    fn from(last: DomainLastDetection) -> Self {
        let DomainLastDetection { at, detection } = last;
        Self {
            at,
            is_drift: detection.is_drift,
            time: detection.time,
            warm_up: detection.warm_up,
            statistic: detection.statistic,
            threshold: detection.threshold,
            p_value: detection.p_value,
            distance: detection.distance,
        }
    }
}
