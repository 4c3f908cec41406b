//! What bounds a service.

use super::once::AnswerLimits;

/// What the owner of the server lets it take.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ServiceLimits {
    /// Of the answers that are kept for requests that come again.
    pub answers: AnswerLimits,
}
