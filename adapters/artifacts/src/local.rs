//! What only a local directory has: the lock, folders that have to be synchronised, symbolic links.
//!
//! Bytes do not travel here but through opendal.

use std::fs::{self, DirEntry, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use drifting_domain::ports::{PortError, PortErrorKind};
use drifting_domain::project::ProjectName;

use crate::error::{of_io, refused};
use crate::layout::{self, CONFIGURATION, LOCK, TEMPORARY};
use crate::survey;

/// A directory that this process alone writes, or reads beside the one that does.
#[derive(Debug)]
pub struct LocalDirectory {
    root: PathBuf,
    /// Held for its lock, which ends with it; none for reading.
    lock: Option<File>,
}

/// What stands under a project's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderKind {
    /// Nothing.
    Absent,
    /// A folder.
    Folder,
    /// A symbolic link, which might lead anywhere, or a file.
    Foreign,
}

/// What stands under a file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Nothing.
    Absent,
    /// A plain file.
    File {
        /// Its length in bytes.
        size: u64,
    },
    /// A folder, a symbolic link, a pipe.
    Foreign,
}

impl LocalDirectory {
    /// Makes the directory where it is absent, and takes its lock.
    pub fn open(root: &Path) -> Result<Self, PortError> {
        const OPERATION: &str = "open the artifacts";
        create_durably(root).map_err(|error| of_io(OPERATION, error))?;
        // Independent of the working directory from here on.
        let root = root.canonicalize().map_err(|error| of_io(OPERATION, error))?;
        let temporary = root.join(TEMPORARY);
        create_durably(&temporary).map_err(|error| of_io(OPERATION, error))?;
        // A sweep through a link would remove files elsewhere.
        if fs::symlink_metadata(&temporary).map_err(|error| of_io(OPERATION, error))?.is_symlink() {
            return Err(refused(OPERATION, "the folder of temporary files is a symbolic link"));
        }
        let lock = lock(&temporary.join(LOCK))?;
        // A server that was killed may have made folders whose names are not durable yet.
        File::open(&root).and_then(|root| root.sync_all()).map_err(|error| of_io(OPERATION, error))?;
        Ok(Self { root, lock: Some(lock) })
    }

    /// Takes a directory that is there as it is, for reading.
    pub fn open_read_only(root: &Path) -> Result<Self, PortError> {
        const OPERATION: &str = "open the artifacts for reading";
        let root = root.canonicalize().map_err(|error| of_io(OPERATION, error))?;
        fs::read_dir(&root).map_err(|error| of_io(OPERATION, error))?;
        Ok(Self { root, lock: None })
    }

    /// Whether it was opened for reading.
    pub fn is_read_only(&self) -> bool {
        self.lock.is_none()
    }

    /// Refuses where the directory was opened for reading.
    pub fn may_write(&self, operation: &'static str) -> Result<(), PortError> {
        if self.is_read_only() { Err(refused(operation, "the artifacts were opened for reading")) } else { Ok(()) }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What stands under a project's name.
    pub async fn folder_kind(&self, project: &ProjectName) -> io::Result<FolderKind> {
        match tokio::fs::symlink_metadata(self.root.join(project.as_str())).await {
            Ok(metadata) if metadata.is_dir() => Ok(FolderKind::Folder),
            Ok(_) => Ok(FolderKind::Foreign),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(FolderKind::Absent),
            Err(error) => Err(error),
        }
    }

    /// What stands under a file's path below the root.
    pub async fn file_kind(&self, path: &str) -> io::Result<FileKind> {
        match tokio::fs::symlink_metadata(self.root.join(path)).await {
            Ok(metadata) if metadata.is_file() => Ok(FileKind::File { size: metadata.len() }),
            Ok(_) => Ok(FileKind::Foreign),
            Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => {
                Ok(FileKind::Absent)
            }
            Err(error) => Err(error),
        }
    }

    /// Removes what stands in a file's place; a folder only if nothing is in it.
    pub async fn remove_foreign(&self, path: &str) -> io::Result<()> {
        let path = self.root.join(path);
        if tokio::fs::symlink_metadata(&path).await?.is_dir() {
            tokio::fs::remove_dir(path).await
        } else {
            tokio::fs::remove_file(path).await
        }
    }

    /// Makes the entries of a folder durable: what was created, renamed or removed in it. An empty path is the root.
    pub async fn synchronise(&self, folder: &str) -> io::Result<()> {
        let folder = self.root.join(folder);
        on_a_blocking_thread(move || File::open(folder)?.sync_all()).await
    }

    /// Empties the folder of temporary files, but for the lock; says how many things that were. A folder counts as one.
    ///
    /// What cannot be removed stays: it is in nobody's way, and must not keep the server from starting.
    pub async fn remove_temporaries(&self) -> io::Result<usize> {
        let folder = self.root.join(TEMPORARY);
        on_a_blocking_thread(move || {
            let mut n_removed = 0;
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_name() == LOCK {
                    continue;
                }
                match remove(&entry) {
                    Ok(()) => n_removed += 1,
                    Err(error) => {
                        tracing::warn!(%error, file = %entry.file_name().display(), "a temporary file cannot be removed");
                    }
                }
            }
            Ok(n_removed)
        })
        .await
    }

    /// Some of the folders that are named like projects, in the order of the names.
    ///
    /// A listing through opendal would cost a thread switch and a look at the metadata for each entry.
    pub async fn projects(&self, which: Which) -> io::Result<Vec<ProjectName>> {
        let root = self.root.clone();
        on_a_blocking_thread(move || {
            let mut projects = Vec::new();
            for entry in fs::read_dir(&root)? {
                let entry = entry?;
                let Some(project) = entry.file_name().to_str().and_then(layout::project_of) else { continue };
                let kind = entry.file_type()?;
                if kind.is_symlink() {
                    tracing::warn!(%project, "a symbolic link stands in a project's place and is not followed");
                } else if kind.is_dir() && which.includes(&entry.path()) {
                    projects.push(project);
                }
            }
            projects.sort_unstable();
            Ok(projects)
        })
        .await
    }
}

/// Which folders are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those with a configuration.
    WithConfiguration,
    /// Those that a sweep has to look at.
    Disorderly,
}

impl Which {
    fn includes(self, folder: &Path) -> bool {
        match self {
            Self::WithConfiguration => has_configuration(folder),
            Self::Disorderly => !survey::is_plainly_in_order(folder),
        }
    }
}

/// A folder that cannot be looked into counts as a project, and one with a link or a folder in the configuration's place:
/// whoever loads it is told why it fails.
fn has_configuration(folder: &Path) -> bool {
    match fs::symlink_metadata(folder.join(CONFIGURATION)) {
        Ok(_) => true,
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Removes a file, or a folder with all that it holds. Of a symbolic link, wherever it leads, only the link goes.
fn remove(entry: &DirEntry) -> io::Result<()> {
    if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) }
}

/// A server that was just killed holds the lock until the system has cleared it away, some milliseconds later.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);
const LOCK_POLL: Duration = Duration::from_millis(10);

fn lock(path: &Path) -> Result<File, PortError> {
    const OPERATION: &str = "lock the artifacts";
    let file =
        File::options().create(true).truncate(false).write(true).open(path).map_err(|error| of_io(OPERATION, error))?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => {
                return Err(PortError::new(PortErrorKind::InUse, OPERATION, "another server holds the lock"));
            }
            Err(TryLockError::Error(error)) => return Err(of_io(OPERATION, error)),
        }
    }
}

/// Makes a directory with its ancestors, so that a power failure does not take them away again.
fn create_durably(directory: &Path) -> io::Result<()> {
    let missing: Vec<&Path> =
        directory.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    fs::create_dir_all(directory)?;
    for created in missing {
        let parent = created.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

async fn on_a_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error)),
    }
}
