//! The index of a bucket: persy files that are worked on in a local folder, and mirrored as objects.
//!
//! Statuses are in the bucket before they are answered, also where a project that is inactive there is replaced or deleted: a
//! new one of its name must not come up inactive. What else changes follows within a second, for the folders of projects are
//! the truth about which exist. Both files are written, so that neither seems to have lost what the other has
//! seen.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use drifting_artifacts::{Lease, RemoteFile, RemoteStore};
use drifting_domain::ports::{IndexEntry, PortError, PortErrorKind, ProjectIndex};
use drifting_domain::project::{ProjectName, Status};
use drifting_index::{Found, PersyIndex};
use tempfile::TempDir;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;

use super::explained;
use super::stores::{open_index, open_mirror, tell_found};

#[cfg(test)]
mod tests;

/// The files of the index, the one first that holds the paths.
pub const FILES: [&str; 2] = ["store.db", "active.db"];
/// What a file is kept as that was found damaged.
const DAMAGED: &str = ".damaged";
/// How long changes other than of statuses may wait.
const DELAY: Duration = Duration::from_secs(1);

/// The index of a bucket.
pub struct MirroredIndex {
    mirror: Arc<Mirror>,
    following: JoinHandle<()>,
}

struct Mirror {
    local: PersyIndex,
    directory: PathBuf,
    files: Vec<RemoteFile>,
    /// Held for as long as a file is changed or read.
    bucket: Mutex<InBucket>,
    changed: Notify,
    /// The folder, which goes with the index.
    _folder: TempDir,
}

/// What is known of the files in the bucket.
struct InBucket {
    /// Whether they lack something.
    is_behind: bool,
    /// Projects that are inactive in them.
    inactive: HashSet<ProjectName>,
}

impl MirroredIndex {
    /// Takes the index out of the bucket into a new folder below `cache`.
    ///
    /// # Errors
    /// When the bucket cannot be read or written to, or the folder cannot be made. Damage is no error: what was found is
    /// kept in the bucket under another name.
    pub async fn open(store: &RemoteStore, lease: &Lease, cache: &Path) -> anyhow::Result<Self> {
        let folder = new_folder(cache)?;
        let directory = folder.path().to_path_buf();
        let mut files = Vec::new();
        for name in FILES {
            let file = RemoteFile::new(store, Some(lease), name).map_err(explained)?;
            take(&file, &directory.join(name)).await?;
            files.push(file);
        }
        let opened = open_mirror(&directory).await?;
        tell_found(&opened);
        for (name, found) in FILES.into_iter().zip([&opened.store, &opened.active]) {
            if matches!(found, Found::Damaged(_)) {
                keep_damaged(store, lease, &directory, name).await;
            }
        }
        let mirror = Arc::new(Mirror {
            local: opened.index,
            directory,
            files,
            bucket: Mutex::new(InBucket { is_behind: true, inactive: HashSet::new() }),
            changed: Notify::new(),
            _folder: folder,
        });
        mirror.flush().await.map_err(explained).context("cannot write the project index into the bucket")?;
        let following = tokio::spawn(Arc::clone(&mirror).follow());
        Ok(Self { mirror, following })
    }

    /// Writes into the bucket what it lacks.
    ///
    /// # Errors
    /// When the bucket cannot be written to.
    pub async fn flush(&self) -> Result<(), PortError> {
        self.mirror.flush().await
    }
}

impl Drop for MirroredIndex {
    fn drop(&mut self) {
        self.following.abort();
    }
}

/// A folder to work in.
pub fn new_folder(cache: &Path) -> anyhow::Result<TempDir> {
    let made = std::fs::create_dir_all(cache)
        .and_then(|()| tempfile::Builder::new().prefix("drifting-index-").tempdir_in(cache));
    made.with_context(|| {
        format!("cannot make a folder for the project index in {} (--cache-path names another)", cache.display())
    })
}

/// Puts what the bucket holds into a local file; nothing where it holds none.
pub async fn take(file: &RemoteFile, to: &Path) -> anyhow::Result<()> {
    let Some(bytes) = file.read().await.map_err(explained).context("cannot read the project index")? else {
        return Ok(());
    };
    tokio::fs::write(to, bytes).await.with_context(|| format!("cannot write {}", to.display()))
}

async fn keep_damaged(store: &RemoteStore, lease: &Lease, directory: &Path, name: &str) {
    let aside = format!("{name}{DAMAGED}");
    let kept = async {
        let bytes = tokio::fs::read(directory.join(&aside)).await?;
        anyhow::Ok(RemoteFile::new(store, Some(lease), &aside)?.write(bytes).await?)
    };
    if let Err(error) = kept.await {
        tracing::warn!(file = aside, cause = format!("{error:#}"), "a damaged file of the project index is not kept");
    }
}

impl Mirror {
    async fn flush(&self) -> Result<(), PortError> {
        let mut bucket = self.bucket.lock().await;
        if bucket.is_behind { self.write_files(&mut bucket).await } else { Ok(()) }
    }

    async fn write_files(&self, bucket: &mut InBucket) -> Result<(), PortError> {
        const OPERATION: &str = "mirror the project index";
        for (name, file) in FILES.into_iter().zip(&self.files) {
            let read = tokio::fs::read(self.directory.join(name)).await;
            let bytes = read.map_err(|error| PortError::new(PortErrorKind::Other, OPERATION, error))?;
            match file.write(bytes.clone()).await {
                // Somebody has copied a store over this one, or an answer was lost: who holds the lease decides.
                Err(error) if error.kind() == PortErrorKind::InUse => {
                    file.read().await?;
                    file.write(bytes).await?;
                }
                written => written?,
            }
        }
        let entries = self.local.all().await?.into_iter();
        let inactive = entries.filter(|entry| entry.status == Some(Status::Inactive));
        *bucket = InBucket { is_behind: false, inactive: inactive.map(|entry| entry.project).collect() };
        Ok(())
    }

    /// Writes what has changed some time after it has.
    async fn follow(self: Arc<Self>) {
        let mut is_failing = false;
        loop {
            self.changed.notified().await;
            tokio::time::sleep(DELAY).await;
            match self.flush().await {
                Ok(()) => is_failing = false,
                Err(error) => {
                    if !is_failing {
                        tracing::error!(
                            cause = error.source_text(),
                            "the project index cannot be mirrored; it is tried again"
                        );
                    }
                    is_failing = true;
                    self.changed.notify_one();
                }
            }
        }
    }

    async fn status(&self, project: &ProjectName) -> Result<Option<Status>, PortError> {
        Ok(status_of(&self.local.all().await?, project))
    }

    /// What a start would find in the bucket now; `None` where it cannot be read either.
    async fn in_bucket(&self) -> Option<Vec<IndexEntry>> {
        let read = async {
            let folder = new_folder(self.directory.parent().unwrap_or(&self.directory))?;
            for (name, file) in FILES.into_iter().zip(&self.files) {
                take(file, &folder.path().join(name)).await?;
            }
            let opened = open_index(folder.path()).await?;
            anyhow::Ok(opened.index.all().await?)
        };
        read.await.inspect_err(|error| tracing::debug!(cause = format!("{error:#}"), "the index cannot be read")).ok()
    }
}

fn status_of(entries: &[IndexEntry], project: &ProjectName) -> Option<Status> {
    entries.iter().find(|entry| entry.project == *project).and_then(|entry| entry.status)
}

#[async_trait]
impl ProjectIndex for MirroredIndex {
    async fn all(&self) -> Result<Vec<IndexEntry>, PortError> {
        self.mirror.local.all().await
    }

    async fn put(&self, entries: &[IndexEntry]) -> Result<(), PortError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut bucket = self.mirror.bucket.lock().await;
        let is_awake = |entry: &&IndexEntry| entry.status == Some(Status::Active);
        let woken = entries.iter().filter(is_awake).map(|entry| &entry.project);
        let woken: Vec<ProjectName> = woken.filter(|project| bucket.inactive.contains(*project)).cloned().collect();
        self.mirror.local.put(entries).await?;
        bucket.is_behind = true;
        if !woken.is_empty()
            && let Err(error) = self.mirror.write_files(&mut bucket).await
        {
            // Whoever asked is told, and finds them as they are in the bucket.
            let kept = self.mirror.in_bucket().await;
            for project in &woken {
                let status = kept.as_ref().map_or(Some(Status::Inactive), |kept| status_of(kept, project));
                self.mirror.local.set_status(project, status.unwrap_or(Status::Inactive)).await?;
            }
            self.mirror.changed.notify_one();
            return Err(error);
        }
        self.mirror.changed.notify_one();
        Ok(())
    }

    async fn set_status(&self, project: &ProjectName, status: Status) -> Result<(), PortError> {
        let mut bucket = self.mirror.bucket.lock().await;
        let former = self.mirror.status(project).await?;
        self.mirror.local.set_status(project, status).await?;
        bucket.is_behind = true;
        if let Err(error) = self.mirror.write_files(&mut bucket).await {
            // What a start would find is what is seen from now on: one of the two files may have come through.
            let kept = self.mirror.in_bucket().await;
            let kept = kept.as_ref().map_or(former, |kept| status_of(kept, project).or(former));
            if let Some(kept) = kept {
                self.mirror.local.set_status(project, kept).await?;
            }
            self.mirror.changed.notify_one();
            return Err(error);
        }
        Ok(())
    }

    async fn remove(&self, projects: &[ProjectName]) -> Result<(), PortError> {
        if projects.is_empty() {
            return Ok(());
        }
        let mut bucket = self.mirror.bucket.lock().await;
        self.mirror.local.remove(projects).await?;
        bucket.is_behind = true;
        self.mirror.changed.notify_one();
        if projects.iter().any(|project| bucket.inactive.contains(project)) {
            self.mirror.write_files(&mut bucket).await?;
        }
        Ok(())
    }
}
