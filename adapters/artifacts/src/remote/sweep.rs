//! Removing what was left behind in a remote store, once it is old enough that nobody can be at work on it.

use std::error::Error;
use std::time::SystemTime;

use bytes::Bytes;
use drifting_domain::faults;
use drifting_domain::ports::PortError;
use drifting_domain::project::ProjectName;

use super::files::RemoteFiles;
use super::random::random_name;
use super::store::{Condition, Listed};
use crate::layout::{self, CONFIGURATION, LEASE, TEMPORARY};
use crate::store::Projects;

const SWEEP: &str = "sweep the artifacts";

impl Projects {
    /// Removes the notes of operations, and what is old enough: other temporary files, folders of projects that were never
    /// whole, parameters that no configuration names. One listing tells all of it, and where everything is in order there
    /// is no other call.
    pub(crate) async fn sweep_remote(&self, files: &RemoteFiles) -> Result<usize, PortError> {
        files.may_write(SWEEP).await?;
        let mut listing = files.list_all(SWEEP).await?;
        let mut clock = Clock { files, now: None };
        let mut n_removed = 0;
        for object in &listing.temporaries {
            let is_left_over =
                layout::operation_of(&object.path).is_some() || (object.path != LEASE && clock.is_old(object).await?);
            if !is_left_over {
                continue;
            }
            match files.remove(&format!("{TEMPORARY}/{}", object.path), SWEEP).await {
                Ok(()) => n_removed += 1,
                // It is in nobody's way.
                Err(error) => {
                    tracing::warn!(file = object.path, error = &error as &dyn Error, "a temporary file is not swept");
                }
            }
        }
        faults::step_done("sweep:temporaries");
        for (project, objects) in &listing.folders {
            if is_plainly_in_order(objects) {
                continue;
            }
            match self.sweep_folder(files, project, objects, &mut clock).await {
                Ok(n) => n_removed += n,
                // One project must not keep the server from starting; whoever loads it is told what is wrong with it.
                Err(error) => {
                    tracing::warn!(%project, error = &error as &dyn Error, "a project's folder is not swept");
                }
            }
        }
        // Which projects there are does not change by a sweep.
        listing.temporaries.clear();
        *files.listed() = Some(listing);
        Ok(n_removed)
    }

    async fn sweep_folder(
        &self,
        files: &RemoteFiles,
        project: &ProjectName,
        objects: &[Listed],
        clock: &mut Clock<'_>,
    ) -> Result<usize, PortError> {
        let _lock = self.locks.hold(project).await;
        if objects.iter().any(|object| object.path == CONFIGURATION) {
            return self.sweep_parameters(files, project, objects, clock).await;
        }
        for object in objects {
            if !layout::is_written_here(&object.path) || !clock.is_old(object).await? {
                return Ok(0);
            }
        }
        // It may have become whole since the listing.
        if files.exists(&layout::path(project, CONFIGURATION), SWEEP).await? {
            return Ok(0);
        }
        for object in objects {
            files.remove(&layout::path(project, &object.path), SWEEP).await?;
        }
        faults::step_done("sweep:folder");
        Ok(1)
    }

    /// Removes old parameters that the project's configuration does not name.
    async fn sweep_parameters(
        &self,
        files: &RemoteFiles,
        project: &ProjectName,
        objects: &[Listed],
        clock: &mut Clock<'_>,
    ) -> Result<usize, PortError> {
        let mut old = Vec::new();
        for object in objects.iter().filter(|object| layout::is_parameters(&object.path)) {
            if clock.is_old(object).await? {
                old.push(object);
            }
        }
        if old.is_empty() {
            return Ok(0);
        }
        let Some(configuration) = self.read_configuration(project).await? else { return Ok(0) };
        let mut n_removed = 0;
        for object in old.iter().filter(|object| object.path != configuration.parameters.file) {
            files.remove(&layout::path(project, &object.path), SWEEP).await?;
            faults::step_done("sweep:file");
            n_removed += 1;
        }
        Ok(n_removed)
    }
}

/// Whether a folder holds a configuration and no more parameters than it needs. Which ones it needs, and whether the state
/// is of that generation, is found out by whoever loads it.
fn is_plainly_in_order(objects: &[Listed]) -> bool {
    let n_parameters = objects.iter().filter(|object| layout::is_parameters(&object.path)).count();
    n_parameters <= 1 && objects.iter().any(|object| object.path == CONFIGURATION)
}

/// The store's own clock, asked for when it is first needed: this machine's may be wrong.
struct Clock<'a> {
    files: &'a RemoteFiles,
    now: Option<SystemTime>,
}

impl Clock<'_> {
    async fn is_old(&mut self, object: &Listed) -> Result<bool, PortError> {
        let Some(modified) = object.modified else { return Ok(false) };
        let now = match self.now {
            Some(now) => now,
            None => *self.now.insert(self.ask().await?),
        };
        Ok(now.duration_since(modified).is_ok_and(|age| age >= self.files.grace))
    }

    /// When an object that is written now was written.
    async fn ask(&self) -> Result<SystemTime, PortError> {
        let store = &self.files.store;
        let path = format!("{TEMPORARY}/clock-{}", random_name());
        store.put(&path, Bytes::from_static(b"now"), Condition::Anything, SWEEP).await?;
        let found = store.head(&path, SWEEP).await;
        store.remove(&path, None, SWEEP).await?;
        // Without a time nothing is old.
        Ok(found?.and_then(|found| found.modified).unwrap_or(SystemTime::UNIX_EPOCH))
    }
}
