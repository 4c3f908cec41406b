//! A project: its name, its status, its configuration.

mod policy;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::policy::{AfterAlarm, Policy, ReferenceUpdate, UpdateMethod, WindowPolicy};
use crate::data::Schema;
use crate::detectors::DetectorSpec;
use crate::preprocess::{Preprocessing, SequenceSpec};
use crate::quality::QualitySettings;
use crate::statistics::poisson;

/// The name of a project: 1 to 128 letters, digits, `.`, `_` and `-`, the first one a letter or a digit;
/// `fit`, `stats`, `refresh`, `store.db` and `active.db` are reserved. It is also the name of the project's folder.
///
/// ```
/// use drifting_domain::project::ProjectName;
///
/// assert!("house-prices.v2".parse::<ProjectName>().is_ok());
/// assert!("../escaped".parse::<ProjectName>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectName(Arc<str>);

impl ProjectName {
    /// Names longer than this are refused.
    pub const LENGTH_MAX: usize = 128;
    // The first two are words of the interface, the others files of the store.
    const RESERVED: [&str; 5] = ["fit", "stats", "refresh", "store.db", "active.db"];

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without regard to case: two projects never share it.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for ProjectName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        let well_formed = name.len() <= Self::LENGTH_MAX
            && name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !well_formed {
            return Err(InvalidName::Malformed);
        }
        if Self::RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
            return Err(InvalidName::Reserved);
        }
        Ok(Self(name.into()))
    }
}

impl TryFrom<String> for ProjectName {
    type Error = InvalidName;

    fn try_from(name: String) -> Result<Self, InvalidName> {
        name.parse()
    }
}

impl From<ProjectName> for String {
    fn from(name: ProjectName) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no project name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// It has another form.
    #[error(
        "expected a project name of 1 to 128 letters, digits, `.`, `_` or `-` that starts with a letter or a digit"
    )]
    Malformed,
    /// It is one of the names kept for the server.
    #[error("expected another project name: `fit`, `stats`, `refresh`, `store.db` and `active.db` are reserved")]
    Reserved,
}

/// What kind of data a project watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftType {
    /// One column: a label, a target, a prediction.
    Label,
    /// The columns of a table.
    Tabular,
    /// Texts.
    Text,
    /// Images.
    Image,
    /// A sequence of errors or values in time.
    Sequential,
}

impl DriftType {
    /// Its name in requests, answers and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Tabular => "tabular",
            Self::Text => "text",
            Self::Image => "image",
            Self::Sequential => "sequential",
        }
    }
}

impl fmt::Display for DriftType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a project serves. (That it cannot be loaded is found out at its first use and is not stored.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It answers predictions.
    Active,
    /// It has been unloaded and answers none.
    Inactive,
}

impl Status {
    /// Its name in answers and in `active.db`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }
}

/// Everything needed to load a project, but for its arrays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// Which fit of this name it is, from 1. Never used twice in the life of a name's folder.
    pub generation: u64,
    /// The project's name.
    pub project: ProjectName,
    /// What kind of data it watches.
    pub drift_type: DriftType,
    /// The detector, with every parameter written out.
    pub detector: DetectorSpec,
    /// What happens around the detector.
    #[serde(default, skip_serializing_if = "Policy::is_default")]
    pub policy: Policy,
    /// How rows become the numbers that the detector sees.
    pub preprocessing: Preprocessing,
    /// How a series is read before that, and how its detector was calibrated; of the drift type `sequential`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<SequenceSpec>,
    /// The columns and the policy on missing values.
    pub schema: Schema,
    /// The checks of quality; without them nothing is checked, as in projects of versions that had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<QualitySettings>,
    /// Number of rows that it was fitted on.
    pub reference_rows: usize,
    /// When it was fitted.
    pub created_at: DateTime<Utc>,
    /// The program and version that fitted it.
    pub fitted_by: String,
    /// What the fit found worth knowing about the reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// How often a trial fit raised an alarm on reference that it had not seen, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_length: Option<RunLengthReport>,
    /// The request that fitted it, where that may come again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fitted_once: Option<FittedOnce>,
}

impl Configuration {
    /// The expected run time, in rows, of detectors that keep one: by their thresholds, or as they were calibrated for a series.
    pub fn ert(&self) -> Option<f64> {
        let calibration = self.sequence.as_ref().and_then(|sequence| sequence.calibration.as_ref());
        calibration.map(|calibration| calibration.ert).or_else(|| self.detector.ert())
    }
}

/// By what a request for a fit is known again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FittedOnce {
    /// The digest of its idempotency key, in hexadecimal.
    pub key: String,
    /// That of everything else that came.
    pub content: String,
}

/// How often alarms start without drift: a trial fit on the first 80 % of the reference, the rest replayed in its order.
///
/// The trial detector starts anew after each alarm, as after a reset, so that the mean number of rows between alarms is
/// what the expected run time promises. Rows in which a window fills are not counted: they can raise no alarm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RunLengthReport {
    /// Rows that were judged.
    pub rows: u64,
    /// Alarms that started in them.
    pub alarm_starts: u64,
    /// Alarm starts per 1,000 rows.
    pub per_1000_rows: f64,
    /// Lower end of the 95 % Poisson interval of alarm starts per 1,000 rows.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// Alarm starts per 1,000 rows that the expected run time asks for.
    pub wanted_per_1000_rows: f64,
}

impl RunLengthReport {
    /// From counts; nothing where no row was judged.
    pub fn of(rows: u64, alarm_starts: u64, ert: f64) -> Option<Self> {
        if rows == 0 {
            return None;
        }
        let rate = |alarms: f64| 1_000.0 * alarms / rows as f64;
        let (low, high) = poisson::interval(alarm_starts);
        Some(Self {
            rows,
            alarm_starts,
            per_1000_rows: rate(alarm_starts as f64),
            low: rate(low),
            high: rate(high),
            wanted_per_1000_rows: 1_000.0 / ert,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for name in ["a", "A1", "house-prices.v2", "0_", &"x".repeat(128)] {
            assert!(name.parse::<ProjectName>().is_ok(), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            "../x",
            "-x",
            "_x",
            "a/b",
            "a\\b",
            "a b",
            "ä",
            "a\0",
            "a%2e",
            "fit",
            "FIT",
            "Stats",
            &"x".repeat(129),
        ] {
            assert!(name.parse::<ProjectName>().is_err(), "{name}");
        }
    }
}
