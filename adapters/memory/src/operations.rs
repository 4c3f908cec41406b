//! Operations under way, in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use drifting_domain::operation::{OperationId, OperationNote};
use drifting_domain::ports::{OperationJournal, PortError};

use crate::locked;

/// Notes as long as the process lives.
#[derive(Debug, Default)]
pub struct MemoryOperations(Mutex<BTreeMap<OperationId, OperationNote>>);

impl MemoryOperations {
    /// No note.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl OperationJournal for MemoryOperations {
    async fn note(&self, note: &OperationNote) -> Result<(), PortError> {
        locked(&self.0).insert(note.id, note.clone());
        Ok(())
    }

    async fn forget(&self, id: OperationId) -> Result<(), PortError> {
        locked(&self.0).remove(&id);
        Ok(())
    }

    async fn notes(&self) -> Result<Vec<OperationNote>, PortError> {
        let mut notes: Vec<OperationNote> = locked(&self.0).values().cloned().collect();
        notes.sort_by_key(|note| note.created_at);
        Ok(notes)
    }
}
