//! The files of a remote store, as the operations on projects use them.
//!
//! A file is replaced or removed only while the version stands that this process has seen last, and only with the lease.
//! The version is always asked for before the lease is: so whoever took the lease over in between has changed nothing yet
//! that was seen, and whatever it changes later refuses the write.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use drifting_domain::ports::{PortError, PortErrorKind};
use drifting_domain::project::ProjectName;

use super::failure::conflict;
use super::lease::Lease;
use super::listing::Listing;
use super::store::{Condition, RemoteStore, Seen, Version};
use crate::files::Entry;
use crate::layout::{self, STATE};

/// What was left behind is removed after this time: a server whose lease was taken over may still be at work on it.
const GRACE: Duration = Duration::from_hours(1);

/// The files below a prefix.
#[derive(Debug)]
pub struct RemoteFiles {
    pub store: RemoteStore,
    access: Access,
    /// What was seen last under each path.
    seen: Mutex<HashMap<String, Seen>>,
    /// The listing of a sweep, for the one who asks for the projects right after it.
    pub(super) listing: Mutex<Option<Listing>>,
    /// How long what was left behind stays.
    pub(super) grace: Duration,
}

/// Whether this process may write.
#[derive(Debug)]
pub enum Access {
    /// With this lease.
    Writer(Lease),
    /// Never.
    ReadOnly,
}

impl RemoteFiles {
    /// The files of a store.
    pub fn new(store: RemoteStore, access: Access) -> Self {
        Self { store, access, seen: Mutex::default(), listing: Mutex::default(), grace: GRACE }
    }

    /// The same with another time that leftovers stay.
    pub fn with_grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// The bytes of a file; `None` where there is nothing of that name.
    pub async fn read(&self, path: &str, size_max: u64, operation: &'static str) -> Result<Option<Vec<u8>>, PortError> {
        let found = self.store.get(path, size_max, operation).await;
        // What is too large to be read has a version that is not known.
        let found = found.inspect_err(|_| self.forget(path))?;
        self.see(path, found.as_ref().map(|(_, version)| version.clone()));
        Ok(found.map(|(bytes, _)| bytes))
    }

    /// Whether there is a file of that name.
    pub async fn exists(&self, path: &str, operation: &'static str) -> Result<bool, PortError> {
        let found = self.store.head(path, operation).await?.map(|found| found.version);
        let exists = found.is_some();
        self.see(path, found);
        Ok(exists)
    }

    /// Puts bytes in the place of what was seen there last.
    pub async fn replace(&self, path: &str, bytes: Vec<u8>, operation: &'static str) -> Result<(), PortError> {
        let seen = self.seen(path, operation).await?;
        self.write(path, bytes, seen.still(), operation).await
    }

    /// Writes a file of which there must be none.
    pub async fn create(&self, path: &str, bytes: Vec<u8>, operation: &'static str) -> Result<(), PortError> {
        self.write(path, bytes, Condition::Absent, operation).await
    }

    async fn write(
        &self,
        path: &str,
        bytes: Vec<u8>,
        condition: Condition<'_>,
        operation: &'static str,
    ) -> Result<(), PortError> {
        self.may_write(operation).await?;
        let written = self.store.put_if(path, Bytes::from(bytes), condition, operation).await;
        // Whatever came of it, what was seen before may no longer stand there.
        self.forget(path);
        match written? {
            Some(version) => {
                self.see(path, Some(version));
                Ok(())
            }
            None => Err(conflict(operation)),
        }
    }

    /// Removes a file, if it is the one that was seen last. Succeeds where there is nothing.
    pub async fn remove(&self, path: &str, operation: &'static str) -> Result<(), PortError> {
        let Seen::Present(version) = self.seen(path, operation).await? else { return Ok(()) };
        self.may_write(operation).await?;
        let removed = self.store.remove_if(path, &version, operation).await;
        self.forget(path);
        if removed? { Ok(()) } else { Err(conflict(operation)) }
    }

    /// Makes sure of a commit. Where the lease ran out while the configuration was on its way, another server may have
    /// removed the parameters as leftovers before it came; then it is taken back.
    pub async fn confirm(
        &self,
        configuration: &str,
        parameters: &str,
        operation: &'static str,
    ) -> Result<(), PortError> {
        let Err(overtaken) = self.may_write(operation).await else { return Ok(()) };
        if self.store.head(parameters, operation).await?.is_some() {
            return Ok(());
        }
        let written = self.table().get(configuration).cloned();
        if let Some(Seen::Present(version)) = written {
            self.store.remove_if(configuration, &version, operation).await?;
        }
        Err(overtaken)
    }

    /// Removes a file that this process has written and nobody since; leaves any other.
    pub async fn remove_own(&self, path: &str, operation: &'static str) -> Result<(), PortError> {
        let is_known = matches!(self.table().get(path), Some(Seen::Present(_)));
        if is_known { self.remove(path, operation).await } else { Ok(()) }
    }

    /// What a project's folder holds.
    pub async fn entries(&self, project: &ProjectName, operation: &'static str) -> Result<Vec<Entry>, PortError> {
        let folder = layout::folder(project);
        let listed = self.store.list(&folder, operation).await?;
        let mut entries: Vec<Entry> = Vec::new();
        for path in listed.iter().filter_map(|object| object.path.strip_prefix(folder.as_str())) {
            let (name, is_file) = path.split_once('/').map_or((path, true), |(name, _)| (name, false));
            if !entries.iter().any(|entry| entry.name == name) {
                entries.push(Entry { name: name.to_owned(), is_file });
            }
        }
        let state = layout::path(project, STATE);
        if entries.iter().any(|entry| entry.name == STATE) {
            // Whoever lists a folder changes more than the state: it is asked for anew.
            self.forget(&state);
        } else {
            self.see(&state, None);
        }
        Ok(entries)
    }

    /// A name for new parameters that no file has, the given one if it is free. Those of a writer that was overtaken may
    /// have it, and are nobody's to replace: a configuration that names them may be on its way.
    pub async fn free_parameters(
        &self,
        project: &ProjectName,
        wanted: String,
        generation: u64,
        operation: &'static str,
    ) -> Result<String, PortError> {
        let entries = self.entries(project, operation).await?;
        let is_free = |name: &String| !entries.iter().any(|entry| entry.name == *name);
        let others = (generation..=u64::MAX).map(layout::parameters_of);
        let mut names = std::iter::once(wanted).chain(others);
        names.find(is_free).ok_or_else(|| conflict(operation))
    }

    /// The names of the files in the folder of temporary files.
    pub async fn temporaries(&self, operation: &'static str) -> Result<Vec<String>, PortError> {
        let folder = format!("{}/", layout::TEMPORARY);
        let listed = self.store.list(&folder, operation).await?;
        Ok(listed.iter().filter_map(|object| object.path.strip_prefix(&folder)).map(str::to_owned).collect())
    }

    /// Whether a write that failed so can no longer be done: else it may be on its way still.
    pub fn is_certainly_undone(error: &PortError) -> bool {
        match error.kind() {
            PortErrorKind::InUse | PortErrorKind::Replaced | PortErrorKind::Permission | PortErrorKind::Full => true,
            PortErrorKind::Unavailable | PortErrorKind::Damaged | PortErrorKind::Refused | PortErrorKind::Other => {
                false
            }
        }
    }

    /// Whether this process may write now.
    pub async fn may_write(&self, operation: &'static str) -> Result<(), PortError> {
        match &self.access {
            Access::Writer(lease) => {
                lease.wait(operation).await?;
                // What was listed before a change is no longer so.
                self.listed().take();
                Ok(())
            }
            Access::ReadOnly => {
                let text = "this server was started read-only; change the artifacts by the server that writes them";
                Err(PortError::new(PortErrorKind::Permission, operation, text))
            }
        }
    }

    /// The listing of the last sweep, where nothing has been changed since.
    pub(super) fn listed(&self) -> MutexGuard<'_, Option<Listing>> {
        self.listing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn seen(&self, path: &str, operation: &'static str) -> Result<Seen, PortError> {
        let known = self.table().get(path).cloned();
        if let Some(seen) = known {
            return Ok(seen);
        }
        let found = self.store.head(path, operation).await?.map(|found| found.version);
        self.see(path, found.clone());
        Ok(Seen::from(found))
    }

    fn see(&self, path: &str, version: Option<Version>) {
        self.table().insert(path.to_owned(), Seen::from(version));
    }

    fn forget(&self, path: &str) {
        self.table().remove(path);
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        // Nothing that holds it can panic half way, so a poisoned table is still whole.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
