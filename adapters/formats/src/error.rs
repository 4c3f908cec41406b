//! Why a file cannot be used.

use std::fmt::Display;

use drifting_domain::data::{DataIssue, InvalidData};

/// Why a file cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FormatError {
    /// It is no file of its format, or damaged.
    #[error("{detail}")]
    Malformed {
        /// What was expected and what came, as in "it ends early".
        detail: String,
        /// What a library said, for the log.
        cause: Option<String>,
    },
    /// Its data need more memory than they may have.
    #[error("expected data of at most {bytes_max} bytes when they are decoded, more came")]
    TooLarge {
        /// So many bytes they may have.
        bytes_max: usize,
    },
    /// Its data are not what a table can hold.
    #[error(transparent)]
    Data(#[from] InvalidData),
}

impl FormatError {
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::Malformed { detail: detail.into(), cause: None }
    }

    /// Malformed, as a library found.
    pub(crate) fn found(detail: impl Into<String>, cause: impl Display) -> Self {
        Self::Malformed { detail: detail.into(), cause: Some(cause.to_string()) }
    }

    /// A column that cannot be used.
    pub(crate) fn column(name: &str, detail: impl Into<String>) -> Self {
        Self::Data(InvalidData::new(vec![DataIssue::column(name, detail)]))
    }
}
