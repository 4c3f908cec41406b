//! What bounds a service.

use super::once::AnswerLimits;

/// What the owner of the server lets it take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServiceLimits {
    /// Of the answers that are kept for requests that come again.
    pub answers: AnswerLimits,
    /// Bytes that loaded projects may take; any number where there is none.
    pub projects_memory: Option<u64>,
    /// Predictions that may wait or be at work.
    pub predict_queue: usize,
    /// Fits that may compute at once.
    pub concurrent_fits: usize,
    /// Fits that may wait for their turn.
    pub fit_queue: usize,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        Self {
            answers: AnswerLimits::default(),
            projects_memory: None,
            predict_queue: 1_000,
            concurrent_fits: usize::MAX,
            fit_queue: 16,
        }
    }
}
