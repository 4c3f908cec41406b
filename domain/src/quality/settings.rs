//! Which checks are on, and how rarely they may be wrong.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::detectors::InvalidSettings;

/// A check of the quality of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QualityCheck {
    /// Categories that the reference did not hold.
    NewCategory,
    /// Values that seem to be of another type than those of the reference.
    TypeChange,
    /// More missing values than in the reference.
    MissingBurst,
    /// Numbers outside of the range of the reference.
    OutOfRange,
    /// One value over and over.
    ConstantColumn,
}

impl QualityCheck {
    /// Every check.
    pub const ALL: [Self; 5] =
        [Self::NewCategory, Self::TypeChange, Self::MissingBurst, Self::OutOfRange, Self::ConstantColumn];

    /// Its name in requests, answers and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewCategory => "new_category",
            Self::TypeChange => "type_change",
            Self::MissingBurst => "missing_burst",
            Self::OutOfRange => "out_of_range",
            Self::ConstantColumn => "constant_column",
        }
    }
}

impl fmt::Display for QualityCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a client asks of the checks; by default all are on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QualityRequest {
    /// How rarely they may be wrong.
    pub significance: Option<f64>,
    /// The checks that are turned off.
    pub off: BTreeSet<QualityCheck>,
}

/// Without a wish.
const SIGNIFICANCE: f64 = 0.001;
/// Larger ones are refused: hardly any request would be without a finding.
const SIGNIFICANCE_MAX: f64 = 0.5;

impl QualityRequest {
    /// No check.
    pub fn none() -> Self {
        Self { significance: None, off: QualityCheck::ALL.into() }
    }

    /// What a project does; nothing where every check is off.
    ///
    /// # Errors
    /// With a significance that is no probability up to one half.
    pub fn settings(&self) -> Result<Option<QualitySettings>, InvalidSettings> {
        let significance = self.significance.unwrap_or(SIGNIFICANCE);
        if !(significance > 0.0 && significance <= SIGNIFICANCE_MAX) {
            let detail = format!("expected a number above 0, up to {SIGNIFICANCE_MAX}, {significance} came");
            return Err(InvalidSettings::one("quality/significance", detail));
        }
        let checks: BTreeSet<QualityCheck> =
            QualityCheck::ALL.into_iter().filter(|check| !self.off.contains(check)).collect();
        Ok((!checks.is_empty()).then_some(QualitySettings { significance, checks }))
    }
}

/// What a project checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualitySettings {
    /// Of a request that is a window: the probability that anything is found in it though nothing has changed. Of rows that
    /// come one by one: the mean number of such findings in 100 rows; of collected rows: in as many as a window's stride, at
    /// least 100.
    pub significance: f64,
    /// The checks that are on.
    pub checks: BTreeSet<QualityCheck>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_checks_are_on_unless_they_are_turned_off() {
        let settings = QualityRequest::default().settings().unwrap().unwrap();
        assert_eq!((settings.significance, settings.checks.len()), (0.001, 5));
        assert_eq!(QualityRequest::none().settings(), Ok(None));
        let off = [QualityCheck::NewCategory].into();
        let settings = QualityRequest { significance: Some(0.5), off }.settings().unwrap().unwrap();
        assert!(settings.checks.len() == 4 && !settings.checks.contains(&QualityCheck::NewCategory));
        for significance in [0.0, -1.0, 0.51, f64::NAN, f64::INFINITY] {
            let request = QualityRequest { significance: Some(significance), ..QualityRequest::default() };
            let error = request.settings().unwrap_err().to_string();
            assert!(error.starts_with("quality/significance: expected a number above 0, up to 0.5"), "{error}");
        }
    }

    #[test]
    fn names_are_those_of_files() {
        for check in QualityCheck::ALL {
            assert_eq!(serde_json::to_value(check).unwrap(), check.as_str());
        }
    }
}
