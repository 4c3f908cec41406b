//! Projects in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use drifting_domain::data::Tensors;
use drifting_domain::ports::{ArtifactStore, PortError, PortErrorKind, StoredProject};
use drifting_domain::project::{Configuration, ProjectName};

use crate::locked;

/// Projects as long as the process lives. Nothing here can be damaged or left behind by a crash.
#[derive(Debug, Default)]
pub struct MemoryArtifacts(Mutex<BTreeMap<ProjectName, Kept>>);

#[derive(Debug)]
struct Kept {
    project: StoredProject,
    /// Always of the project's generation.
    state: Option<Tensors>,
}

impl MemoryArtifacts {
    /// No project.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl ArtifactStore for MemoryArtifacts {
    async fn put_project(&self, project: &StoredProject) -> Result<(), PortError> {
        let mut projects = locked(&self.0);
        let Configuration { generation, project: name, .. } = &project.configuration;
        if projects.get(name).is_some_and(|former| former.project.configuration.generation == *generation) {
            return Err(refused("prepare the project", format!("generation {generation} is in use")));
        }
        projects.insert(name.clone(), Kept { project: project.clone(), state: None });
        Ok(())
    }

    async fn configuration(&self, name: &ProjectName) -> Result<Option<Configuration>, PortError> {
        Ok(locked(&self.0).get(name).map(|kept| kept.project.configuration.clone()))
    }

    async fn project(&self, name: &ProjectName) -> Result<Option<StoredProject>, PortError> {
        Ok(locked(&self.0).get(name).map(|kept| kept.project.clone()))
    }

    async fn put_state(&self, name: &ProjectName, generation: u64, state: &Tensors) -> Result<(), PortError> {
        const OPERATION: &str = "write the state";
        let mut projects = locked(&self.0);
        let Some(kept) = projects.get_mut(name) else {
            return Err(refused(OPERATION, "expected a project that the state belongs to, there is none"));
        };
        let stored = kept.project.configuration.generation;
        if stored != generation {
            return Err(refused(
                OPERATION,
                format!("expected a state of generation {stored}, one of {generation} came"),
            ));
        }
        kept.state = Some(state.clone());
        Ok(())
    }

    async fn state(&self, name: &ProjectName, generation: u64) -> Result<Option<Tensors>, PortError> {
        let projects = locked(&self.0);
        let kept = projects.get(name).filter(|kept| kept.project.configuration.generation == generation);
        Ok(kept.and_then(|kept| kept.state.clone()))
    }

    async fn list(&self) -> Result<Vec<ProjectName>, PortError> {
        Ok(locked(&self.0).keys().cloned().collect())
    }

    async fn delete(&self, name: &ProjectName) -> Result<bool, PortError> {
        Ok(locked(&self.0).remove(name).is_some())
    }

    async fn sweep(&self) -> Result<usize, PortError> {
        Ok(0)
    }
}

fn refused(operation: &'static str, reason: impl Into<String>) -> PortError {
    PortError::new(PortErrorKind::Other, operation, reason.into())
}
