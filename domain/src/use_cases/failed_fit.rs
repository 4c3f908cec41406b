//! What a fit leaves that could not be stored.

use std::sync::Arc;

use super::DriftService;
use super::registry::{Body, Entry};
use crate::project::{Configuration, ProjectName, Status};

impl DriftService {
    /// Whether the index has a project of the name as inactive.
    pub(super) async fn is_indexed_as_inactive(&self, name: &ProjectName) -> bool {
        let entries = self.ports.index.all().await.unwrap_or_default();
        entries.iter().any(|entry| entry.project == *name && entry.status == Some(Status::Inactive))
    }

    /// Serves what is stored where a fit has failed after its commit: the former detector could save no state any more, and a
    /// project that nobody knows of would come up at the next start. The caller holds the lifecycle of what exists; one that
    /// did not has the status given.
    pub(super) async fn follow_the_store(&self, existing: Option<&Arc<Entry>>, fitted: &Configuration, status: Status) {
        let stored = self.ports.artifacts.configuration(&fitted.project).await.ok().flatten();
        if stored.is_none_or(|stored| stored.generation != fitted.generation) {
            return;
        }
        match existing.map(|entry| (entry, entry.slot())) {
            Some((entry, slot)) if !matches!(slot.body, Body::Gone) => entry.set(slot.status, Body::Cold(None)),
            _ => {
                self.registry.insert([Entry::new(fitted.project.clone(), status, Body::Cold(None))]);
            }
        }
    }
}
