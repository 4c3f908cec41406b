//! Which fit of each project this process serves, so that its state is not saved as that of another one that has been put in
//! its place.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use drifting_domain::project::ProjectName;

/// The checksums of configurations, by project.
#[derive(Debug, Default)]
pub struct Fits(Mutex<HashMap<ProjectName, String>>);

impl Fits {
    /// From now on this is the one.
    pub fn note(&self, project: &ProjectName, checksum: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(project.clone(), checksum.to_owned());
    }

    /// There is none any more.
    pub fn forget(&self, project: &ProjectName) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(project);
    }

    /// Whether another one is served than that of this checksum.
    pub fn is_another(&self, project: &ProjectName, checksum: &str) -> bool {
        let fits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fits.get(project).is_some_and(|served| served != checksum)
    }
}
