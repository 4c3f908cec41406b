//! One lock a project: what reads or changes it takes turns, so that nobody sees it half changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use drifting_domain::project::ProjectName;
use tokio::sync::OwnedMutexGuard;

/// Locks that nobody holds are forgotten when there are more than this.
const KEPT_MAX: usize = 1024;

/// The locks of all projects.
#[derive(Debug, Default)]
pub struct Locks(Mutex<HashMap<ProjectName, Arc<tokio::sync::Mutex<()>>>>);

impl Locks {
    /// Waits until nobody else holds the project.
    pub async fn hold(&self, project: &ProjectName) -> OwnedMutexGuard<()> {
        let lock = {
            // Nothing below can panic half way, so a poisoned map is still whole.
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if locks.len() > KEPT_MAX {
                locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            }
            Arc::clone(locks.entry(project.clone()).or_default())
        };
        lock.lock_owned().await
    }
}
