//! Where operations under way are written down.

use async_trait::async_trait;

use super::PortError;
use crate::operation::{OperationId, OperationNote};

/// The operations under way, so that a start after a crash can tell which ones it has ended.
///
/// # Contract
/// * What has been answered is durable.
/// * Forgetting what is not noted succeeds.
/// * Sweeping the artifacts may take every note away: the notes are read before.
#[async_trait]
pub trait OperationJournal: Send + Sync {
    /// Notes an operation that is about to begin.
    async fn note(&self, note: &OperationNote) -> Result<(), PortError>;

    /// Forgets an operation that has ended.
    async fn forget(&self, id: OperationId) -> Result<(), PortError>;

    /// The operations that were noted and not forgotten, the oldest first. What cannot be read is left out, with a
    /// warning.
    async fn notes(&self) -> Result<Vec<OperationNote>, PortError>;
}
