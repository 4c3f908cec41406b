//! Rows that are promised to a project now and fed later.

use std::sync::Arc;

use super::registry::{Body, Entry};
use super::{DriftService, OpenProject, ProjectError};
use crate::project::{ProjectName, Status};

/// A project for which rows wait: the one of its name that was there when somebody asked, also when it is fitted again, but not
/// one that is fitted under the name after it was deleted.
#[derive(Clone)]
pub struct ExpectedProject(Arc<Entry>);

impl std::fmt::Debug for ExpectedProject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ExpectedProject").field(self.name()).finish()
    }
}

impl ExpectedProject {
    /// Its name.
    pub fn name(&self) -> &ProjectName {
        &self.0.name
    }

    /// Whether an open project is this one.
    pub fn is(&self, open: &OpenProject) -> bool {
        Arc::ptr_eq(&self.0, &open.entry)
    }
}

impl DriftService {
    /// The project of a name, if rows could be fed to it now as far as that is known; one that is not in memory is read only where
    /// the server serves read-only, since there it matters what it keeps.
    ///
    /// # Errors
    /// When there is none, when it is inactive, when it could not be loaded, and when the server serves read-only and rows would
    /// move a state.
    pub async fn expect_rows(&self, name: &ProjectName) -> Result<ExpectedProject, ProjectError> {
        let entry = self.registry.get(name).ok_or(ProjectError::NotFound)?;
        let slot = entry.slot();
        match (slot.status, slot.body) {
            (_, Body::Gone) => return Err(ProjectError::NotFound),
            (Status::Inactive, _) => return Err(ProjectError::Inactive),
            (_, Body::Failed { reason }) => return Err(ProjectError::Failed { reason: reason.to_string() }),
            (Status::Active, _) => {}
        }
        if self.is_read_only() && !self.open_entry(&entry).await?.loaded.keeps_nothing() {
            return Err(ProjectError::ReadOnly);
        }
        Ok(ExpectedProject(entry))
    }
}
