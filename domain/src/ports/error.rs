//! The one error of all ports.

use std::error::Error;
use std::fmt;

/// What a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortErrorKind {
    /// It cannot be reached now; later it may.
    Unavailable,
    /// The right to do it is missing.
    Permission,
    /// There is no room left.
    Full,
    /// What is stored cannot be trusted or understood.
    Damaged,
    /// Somebody else holds it.
    InUse,
    /// What was to be changed has been replaced by somebody else.
    Replaced,
    /// What it was given it does not take, now or later.
    Refused,
    /// Anything else.
    Other,
}

/// A failure outside the domain. The source is for the log, never for a client.
#[derive(Debug)]
pub struct PortError {
    kind: PortErrorKind,
    operation: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

impl PortError {
    /// A failure of a kind in an operation (a few words, such as `write the configuration`).
    pub fn new(kind: PortErrorKind, operation: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, operation, source: source.into() }
    }

    /// What a caller can act on.
    pub fn kind(&self) -> PortErrorKind {
        self.kind
    }

    /// The source and its sources, for the log; what a text says already is not said again.
    pub fn source_text(&self) -> String {
        let mut text = self.source.to_string();
        let mut next = self.source.source();
        while let Some(source) = next {
            let more = source.to_string();
            if !text.ends_with(&more) {
                text = format!("{text}: {more}");
            }
            next = source.source();
        }
        text
    }

    /// What was tried.
    pub fn operation(&self) -> &'static str {
        self.operation
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.operation)
    }
}

impl Error for PortError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_ref())
    }
}
