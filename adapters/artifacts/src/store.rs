//! The port, carried out.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use drifting_domain::data::Tensors;
use drifting_domain::ports::{ArtifactStore, PortError, PortErrorKind, StoredProject};
use drifting_domain::project::{Configuration, ProjectName};
use tracing::Instrument;

use crate::calls::StoreCalls;
use crate::files::Files;
use crate::fits::Fits;
use crate::local::LocalDirectory;
use crate::local_files::LocalFiles;
use crate::locks::Locks;
use crate::remote::{Access, Lease, RemoteFiles, RemoteStore};

/// Projects as files.
#[derive(Debug, Clone)]
pub struct OpendalArtifacts {
    projects: Arc<Projects>,
}

/// The files of all projects, and who is at them; each operation has a file of its own.
#[derive(Debug)]
pub struct Projects {
    pub files: Files,
    pub locks: Locks,
    /// The checksums of the configurations that this process has loaded or written: of the fits whose states it saves.
    pub fits: Fits,
}

impl OpendalArtifacts {
    /// Opens a local directory, which is made where it is absent. Until the store and its clones are dropped and what
    /// they have begun is done, no other server can open it.
    ///
    /// # Errors
    /// Of kind `InUse` when another server has opened the directory, and when it cannot be made or locked.
    pub fn open_local(root: &Path) -> Result<Self, PortError> {
        Ok(Self::over(Files::Local(LocalFiles::open(LocalDirectory::open(root)?)?)))
    }

    /// Opens a local directory for reading, beside the server that writes it. Takes no lock and makes nothing; everything that
    /// would change it is refused.
    ///
    /// # Errors
    /// When there is no such directory, or it cannot be read.
    pub fn open_local_read_only(root: &Path) -> Result<Self, PortError> {
        Ok(Self::over(Files::Local(LocalFiles::open(LocalDirectory::open_read_only(root)?)?)))
    }

    /// Opens a remote store, of which this process holds the lease. Nothing is read or written yet.
    ///
    /// Configurations and states are replaced and removed only while the version stands that this process has seen last,
    /// and parameters never take another file's place: if the lease has gone to another server without this one knowing,
    /// writes fail with `InUse`, and what the other has written stands. A store that ignores conditions
    /// ([`RemoteStore::conditional_writes`]) is looked at before each write instead, which leaves a gap.
    pub fn open_remote(store: &RemoteStore, lease: &Lease) -> Self {
        Self::over(Files::Remote(RemoteFiles::new(store.clone(), Access::Writer(lease.clone()))))
    }

    /// As [`Self::open_remote`], but what was left behind is swept after this time rather than after an hour. Where it is
    /// shorter than a lease and a write take, a sweep can break what a server that was overtaken is still writing.
    pub fn open_remote_with_grace(store: &RemoteStore, lease: &Lease, grace: Duration) -> Self {
        let files = RemoteFiles::new(store.clone(), Access::Writer(lease.clone()));
        Self::over(Files::Remote(files.with_grace(grace)))
    }

    /// Opens a remote store for reading, beside the server that writes it. Everything that would change it is refused.
    pub fn open_remote_read_only(store: &RemoteStore) -> Self {
        Self::over(Files::Remote(RemoteFiles::new(store.clone(), Access::ReadOnly)))
    }

    /// The calls that have been made of the directory or the bucket.
    pub fn calls(&self) -> StoreCalls {
        self.projects.files.calls()
    }

    fn over(files: Files) -> Self {
        Self { projects: Arc::new(Projects { files, locks: Locks::default(), fits: Fits::default() }) }
    }

    /// Runs an operation to its end, even if the caller is dropped on the way.
    pub(crate) async fn complete<T, F>(
        &self,
        operation: &'static str,
        work: impl FnOnce(Arc<Projects>) -> F,
    ) -> Result<T, PortError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, PortError>> + Send + 'static,
    {
        let work = work(Arc::clone(&self.projects)).in_current_span();
        finished(operation, tokio::spawn(work).await)?
    }
}

/// Computes on a thread where it holds up nobody.
pub async fn compute<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PortError> {
    finished(operation, tokio::task::spawn_blocking(work).await)
}

fn finished<T>(operation: &'static str, result: Result<T, tokio::task::JoinError>) -> Result<T, PortError> {
    result.map_err(|error| PortError::new(PortErrorKind::Other, operation, error))
}

#[async_trait]
impl ArtifactStore for OpendalArtifacts {
    async fn put_project(&self, project: &StoredProject) -> Result<(), PortError> {
        let project = project.clone();
        self.complete("write the project", |projects| async move { projects.put(project).await }).await
    }

    async fn configuration(&self, name: &ProjectName) -> Result<Option<Configuration>, PortError> {
        self.projects.configuration(name).await
    }

    async fn outline(&self, name: &ProjectName) -> Result<Option<(Configuration, Option<Tensors>)>, PortError> {
        self.projects.outline(name).await
    }

    async fn project(&self, name: &ProjectName) -> Result<Option<StoredProject>, PortError> {
        self.projects.project(name).await
    }

    async fn put_state(&self, name: &ProjectName, generation: u64, state: &Tensors) -> Result<(), PortError> {
        let (name, state) = (name.clone(), state.clone());
        self.complete(
            "write the state",
            move |projects| async move { projects.put_state(&name, generation, state).await },
        )
        .await
    }

    async fn state(&self, name: &ProjectName, generation: u64) -> Result<Option<Tensors>, PortError> {
        self.projects.state(name, generation).await
    }

    async fn list(&self) -> Result<Vec<ProjectName>, PortError> {
        self.projects.files.projects("list the projects").await
    }

    async fn delete(&self, name: &ProjectName) -> Result<bool, PortError> {
        let name = name.clone();
        self.complete("remove the project", |projects| async move { projects.delete(&name).await }).await
    }

    async fn sweep(&self) -> Result<usize, PortError> {
        self.complete("sweep the artifacts", |projects| async move { projects.sweep().await }).await
    }
}
