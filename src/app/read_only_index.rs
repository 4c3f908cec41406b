//! The index beside the server that writes it: read from copies, anew each time.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use drifting_artifacts::{RemoteFile, RemoteStore};
use drifting_domain::ports::{IndexEntry, PortError, PortErrorKind, ProjectIndex};
use drifting_domain::project::{ProjectName, Status};
use drifting_index::{Found, Opened};
use tempfile::TempDir;

use super::explained;
use super::mirrored_index::{FILES, new_folder, take};
use super::stores::open_index;

const READ: &str = "read the project index";
/// A local file may be copied while it is being written.
const TRIES: usize = 3;

/// An index that is read only.
pub struct ReadOnlyIndex {
    from: Origin,
    /// Where copies are made.
    cache: PathBuf,
}

enum Origin {
    Directory(PathBuf),
    Bucket(Vec<RemoteFile>),
}

impl ReadOnlyIndex {
    /// Of a directory that another server writes; copies are made below `cache`.
    pub fn of_directory(directory: &Path, cache: &Path) -> Self {
        Self { from: Origin::Directory(directory.to_path_buf()), cache: cache.to_path_buf() }
    }

    /// Of a bucket that another server writes; copies are made below `cache`.
    ///
    /// # Errors
    /// Never, in effect: the names are those of the index.
    pub fn of_bucket(store: &RemoteStore, cache: &Path) -> anyhow::Result<Self> {
        let files: Result<_, _> = FILES.into_iter().map(|name| RemoteFile::new(store, None, name)).collect();
        Ok(Self { from: Origin::Bucket(files.map_err(explained)?), cache: cache.to_path_buf() })
    }

    /// Copies of the files, opened; the folder that they are in goes with them.
    async fn copies(&self) -> anyhow::Result<(Opened, TempDir)> {
        let folder = new_folder(&self.cache)?;
        match &self.from {
            Origin::Directory(directory) => {
                for name in FILES {
                    // Not with the rights of the file, which may be read-only.
                    match tokio::fs::read(directory.join(name)).await {
                        Ok(bytes) => tokio::fs::write(folder.path().join(name), bytes).await?,
                        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            Origin::Bucket(files) => {
                for (name, file) in FILES.into_iter().zip(files) {
                    take(file, &folder.path().join(name)).await?;
                }
            }
        }
        Ok((open_index(folder.path()).await?, folder))
    }
}

#[async_trait]
impl ProjectIndex for ReadOnlyIndex {
    async fn all(&self) -> Result<Vec<IndexEntry>, PortError> {
        let other = |error: anyhow::Error| PortError::new(PortErrorKind::Other, READ, format!("{error:#}"));
        let mut tried = 0;
        loop {
            tried += 1;
            let (opened, _folder) = self.copies().await.map_err(other)?;
            let is_damaged = [&opened.store, &opened.active].iter().any(|found| matches!(found, Found::Damaged(_)));
            if !is_damaged || tried == TRIES {
                if is_damaged {
                    tracing::warn!("the project index cannot be read whole: projects without a status count as active");
                }
                return opened.index.all().await;
            }
        }
    }

    async fn put(&self, _entries: &[IndexEntry]) -> Result<(), PortError> {
        Err(refused())
    }

    async fn set_status(&self, _project: &ProjectName, _status: Status) -> Result<(), PortError> {
        Err(refused())
    }

    async fn remove(&self, _projects: &[ProjectName]) -> Result<(), PortError> {
        Err(refused())
    }
}

fn refused() -> PortError {
    PortError::new(PortErrorKind::Permission, "write the project index", "this server serves read-only")
}
