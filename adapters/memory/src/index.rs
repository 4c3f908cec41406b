//! The index in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use drifting_domain::ports::{IndexEntry, PortError, ProjectIndex};
use drifting_domain::project::{ProjectName, Status};

use crate::locked;

/// The paths and statuses of projects as long as the process lives.
#[derive(Debug, Default)]
pub struct MemoryIndex(Mutex<BTreeMap<ProjectName, Known>>);

#[derive(Debug, Default)]
struct Known {
    /// `None` where a status came before the path.
    path: Option<String>,
    status: Option<Status>,
}

impl MemoryIndex {
    /// No project.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl ProjectIndex for MemoryIndex {
    async fn all(&self) -> Result<Vec<IndexEntry>, PortError> {
        let index = locked(&self.0);
        let entries = index.iter().map(|(project, known)| IndexEntry {
            project: project.clone(),
            path: known.path.clone(),
            status: known.status,
        });
        Ok(entries.collect())
    }

    async fn put(&self, entries: &[IndexEntry]) -> Result<(), PortError> {
        let mut index = locked(&self.0);
        for entry in entries {
            let known = index.entry(entry.project.clone()).or_default();
            known.path = entry.path.clone().or(known.path.take());
            known.status = entry.status.or(known.status);
        }
        Ok(())
    }

    async fn set_status(&self, project: &ProjectName, status: Status) -> Result<(), PortError> {
        locked(&self.0).entry(project.clone()).or_default().status = Some(status);
        Ok(())
    }

    async fn remove(&self, projects: &[ProjectName]) -> Result<(), PortError> {
        let mut index = locked(&self.0);
        for project in projects {
            index.remove(project);
        }
        Ok(())
    }
}
