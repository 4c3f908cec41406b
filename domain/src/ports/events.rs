//! Who else is told of verdicts.

use std::sync::Arc;

use super::DriftRecord;

/// The trace that a request belongs to, as the W3C recommendation on trace contexts writes it. Nothing here reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The trace, the span of who calls, flags: `00-<32 digits>-<16 digits>-<2 digits>`.
    pub parent: Arc<str>,
    /// What tracing systems keep.
    pub state: Option<Arc<str>>,
}

/// The verdicts that one request has brought, or the age of a window.
#[derive(Debug, Clone, Copy)]
pub struct Verdicts<'v> {
    /// One a row fed or a window closed, in their order.
    pub records: &'v [DriftRecord],
    /// Rows of each window of the detector; empty where a request is the window.
    pub window_sizes: &'v [usize],
    /// The id of the request, where there was one.
    pub request_id: Option<&'v str>,
    /// The trace of the request, where it belongs to one.
    pub trace: Option<&'v Trace>,
}

/// Tells others of verdicts without ever waiting.
///
/// # Contract
/// * Verdicts on a project come in the order in which its rows were fed: whoever tells holds the project's lock meanwhile.
pub trait EventSink: Send + Sync {
    /// Takes the verdicts; what cannot be told is dropped and counted.
    fn tell(&self, verdicts: Verdicts<'_>);
}

/// Nobody is told.
#[derive(Debug, Clone, Copy)]
pub struct NoEvents;

impl EventSink for NoEvents {
    fn tell(&self, _verdicts: Verdicts<'_>) {}
}
