//! Who else is told of verdicts.

use super::DriftRecord;

/// The verdicts that one request has brought, or the age of a window.
#[derive(Debug, Clone, Copy)]
pub struct Verdicts<'v> {
    /// One a row fed or a window closed, in their order.
    pub records: &'v [DriftRecord],
    /// Rows of each window of the detector; empty where a request is the window.
    pub window_sizes: &'v [usize],
    /// The id of the request, where there was one.
    pub request_id: Option<&'v str>,
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
