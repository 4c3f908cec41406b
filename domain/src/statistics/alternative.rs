//! Which way a window must differ from the reference to count.

use serde::{Deserialize, Serialize};

/// The alternative hypothesis of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Alternative {
    /// Either way.
    #[default]
    #[serde(rename = "two-sided")]
    TwoSided,
    /// The window's values are larger than the reference's.
    #[serde(rename = "greater")]
    Greater,
    /// The window's values are smaller.
    #[serde(rename = "less")]
    Less,
}

impl Alternative {
    /// Its name in requests, answers and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TwoSided => "two-sided",
            Self::Greater => "greater",
            Self::Less => "less",
        }
    }
}
