//! Closed lists of words.

use drifting_domain::data::MissingValues as DomainMissingValues;
use drifting_domain::project::DriftType as DomainDriftType;
use drifting_domain::statistics::alternative::Alternative as DomainAlternative;
use poem_openapi::{Enum, Object};
use serde::Serialize;

/// What kind of data a project watches. This version fits `label` and `tabular`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(crate) enum DriftType {
    Label,
    Tabular,
    Text,
    Image,
    Sequential,
}

impl From<DomainDriftType> for DriftType {
    fn from(drift_type: DomainDriftType) -> Self {
        match drift_type {
            DomainDriftType::Label => Self::Label,
            DomainDriftType::Tabular => Self::Tabular,
            DomainDriftType::Text => Self::Text,
            DomainDriftType::Image => Self::Image,
            DomainDriftType::Sequential => Self::Sequential,
        }
    }
}

/// The kinds of detectors that this version fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "names of kinds, of which all so far are online ones")]
pub(crate) enum DetectorKind {
    CvmOnline,
    FetOnline,
    LsddOnline,
    MmdOnline,
}

/// Which change counts: either way, or that to larger, or to smaller values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
pub(crate) enum Alternative {
    #[oai(rename = "two-sided")]
    #[serde(rename = "two-sided")]
    TwoSided,
    #[oai(rename = "greater")]
    #[serde(rename = "greater")]
    Greater,
    #[oai(rename = "less")]
    #[serde(rename = "less")]
    Less,
}

impl From<DomainAlternative> for Alternative {
    fn from(alternative: DomainAlternative) -> Self {
        match alternative {
            DomainAlternative::TwoSided => Self::TwoSided,
            DomainAlternative::Greater => Self::Greater,
            DomainAlternative::Less => Self::Less,
        }
    }
}

/// Whether a project serves: `failed` when it cannot be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename = "ProjectStatus", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Active,
    Inactive,
    Failed,
}

/// What happens to rows with missing values: the request is refused, the rows are left out, or the reference's median
/// or most frequent category takes their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(crate) enum MissingValues {
    Reject,
    Drop,
    Impute,
}

impl From<DomainMissingValues> for MissingValues {
    fn from(policy: DomainMissingValues) -> Self {
        match policy {
            DomainMissingValues::Reject => Self::Reject,
            DomainMissingValues::Drop => Self::Drop,
            DomainMissingValues::Impute => Self::Impute,
        }
    }
}

/// The server answers.
#[derive(Debug, Object, Serialize)]
pub(crate) struct Health {
    /// `ok`.
    pub(crate) status: String,
}
