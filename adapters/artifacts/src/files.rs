//! Reading, writing and removing whole files, wherever they are; the only place that bytes pass through.

use drifting_domain::ports::PortError;
use drifting_domain::project::ProjectName;

use crate::calls::StoreCalls;
use crate::local::{FolderKind, Which};
use crate::local_files::LocalFiles;
use crate::remote::RemoteFiles;

/// The files under a root.
#[derive(Debug)]
pub enum Files {
    /// In a directory.
    Local(LocalFiles),
    /// In a bucket.
    Remote(RemoteFiles),
}

/// An entry of a folder.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is a file, neither a folder nor a link.
    pub is_file: bool,
}

impl Files {
    /// The calls so far.
    pub fn calls(&self) -> StoreCalls {
        match self {
            Self::Local(files) => StoreCalls::new("local", &files.calls),
            Self::Remote(files) => files.store.counted(),
        }
    }

    /// The bytes of a file; `None` where there is nothing of that name.
    pub async fn read(&self, path: &str, size_max: u64, operation: &'static str) -> Result<Option<Vec<u8>>, PortError> {
        match self {
            Self::Local(files) => {
                files.calls.sought("read", Option::is_some, files.read(path, size_max, operation)).await
            }
            Self::Remote(files) => files.read(path, size_max, operation).await,
        }
    }

    /// Whether there is a file of that name, or something else in its place.
    pub async fn exists(&self, path: &str, operation: &'static str) -> Result<bool, PortError> {
        match self {
            Self::Local(files) => {
                files.calls.sought("stat", |is_there: &bool| *is_there, files.exists(path, operation)).await
            }
            Self::Remote(files) => files.exists(path, operation).await,
        }
    }

    /// Puts bytes in a file's place: they are durable before they get the file's name. In a bucket, only in the place of
    /// the version that was seen last.
    pub async fn replace(&self, path: &str, bytes: Vec<u8>, operation: &'static str) -> Result<(), PortError> {
        match self {
            Self::Local(files) => files.calls.counted("write", files.replace(path, bytes, operation)).await,
            Self::Remote(files) => files.replace(path, bytes, operation).await,
        }
    }

    /// Writes new parameters. In a directory they may take the place of a leftover; in a bucket, of nothing.
    pub async fn create(&self, path: &str, bytes: Vec<u8>, operation: &'static str) -> Result<(), PortError> {
        match self {
            Self::Local(files) => files.calls.counted("write", files.replace(path, bytes, operation)).await,
            Self::Remote(files) => files.create(path, bytes, operation).await,
        }
    }

    /// Removes a file, or what stands in its place. Succeeds where there is nothing. In a bucket, only the version that was
    /// seen last.
    pub async fn remove(&self, path: &str, operation: &'static str) -> Result<(), PortError> {
        match self {
            Self::Local(files) => files.calls.counted("delete", files.remove(path, operation)).await,
            Self::Remote(files) => files.remove(path, operation).await,
        }
    }

    /// Takes new parameters away again, after a write that failed so. In a bucket only where that write can no longer be
    /// done, and only if they were written by this process.
    pub async fn discard(&self, path: &str, because: &PortError, operation: &'static str) -> Result<(), PortError> {
        match self {
            Self::Local(files) => files.calls.counted("delete", files.remove(path, operation)).await,
            Self::Remote(files) if RemoteFiles::is_certainly_undone(because) => files.remove_own(path, operation).await,
            Self::Remote(_) => Ok(()),
        }
    }

    /// Makes sure, in a bucket, that the parameters are still there which a configuration names that was just written.
    pub async fn confirm(
        &self,
        configuration: &str,
        parameters: &str,
        operation: &'static str,
    ) -> Result<(), PortError> {
        match self {
            Self::Local(_) => Ok(()),
            Self::Remote(files) => files.confirm(configuration, parameters, operation).await,
        }
    }

    /// The name of the file for new parameters: the given one, but where in a bucket another file has it.
    pub async fn name_of_parameters(
        &self,
        project: &ProjectName,
        wanted: String,
        generation: u64,
        operation: &'static str,
    ) -> Result<String, PortError> {
        match self {
            Self::Local(_) => Ok(wanted),
            Self::Remote(files) => files.free_parameters(project, wanted, generation, operation).await,
        }
    }

    /// What stands under a project's name.
    pub async fn folder_kind(&self, project: &ProjectName, operation: &'static str) -> Result<FolderKind, PortError> {
        match self {
            Self::Local(files) => {
                let is_there = |kind: &FolderKind| *kind != FolderKind::Absent;
                files.calls.sought("stat", is_there, files.folder_kind(project, operation)).await
            }
            // A folder there is but a part of names, and always there.
            Self::Remote(_) => Ok(FolderKind::Folder),
        }
    }

    /// Makes a project's folder; succeeds where there is one.
    pub async fn create_folder(&self, project: &ProjectName, operation: &'static str) -> Result<(), PortError> {
        match self {
            Self::Local(files) => files.calls.counted("create_dir", files.create_folder(project, operation)).await,
            Self::Remote(_) => Ok(()),
        }
    }

    /// Removes a project's folder, which must be empty.
    pub async fn remove_folder(&self, project: &ProjectName, operation: &'static str) -> Result<(), PortError> {
        match self {
            Self::Local(files) => files.calls.counted("delete", files.remove_folder(project, operation)).await,
            Self::Remote(_) => Ok(()),
        }
    }

    /// What a project's folder holds.
    pub async fn entries(&self, project: &ProjectName, operation: &'static str) -> Result<Vec<Entry>, PortError> {
        match self {
            Self::Local(files) => files.calls.counted("list", files.entries(project, operation)).await,
            Self::Remote(files) => files.entries(project, operation).await,
        }
    }

    /// The names of the files in the folder of temporary files.
    pub async fn temporaries(&self, operation: &'static str) -> Result<Vec<String>, PortError> {
        match self {
            Self::Local(files) => files.calls.counted("list", files.temporaries(operation)).await,
            Self::Remote(files) => files.temporaries(operation).await,
        }
    }

    /// Makes durable what was created or removed in the folder of temporary files.
    pub async fn synchronise_temporaries(&self, operation: &'static str) -> Result<(), PortError> {
        match self {
            Self::Local(files) => files.calls.counted("sync", files.synchronise_temporaries(operation)).await,
            Self::Remote(_) => Ok(()),
        }
    }

    /// The projects with a configuration, in the order of their names.
    pub async fn projects(&self, operation: &'static str) -> Result<Vec<ProjectName>, PortError> {
        match self {
            Self::Local(files) => {
                files.calls.counted("list", files.projects(Which::WithConfiguration, operation)).await
            }
            Self::Remote(files) => files.projects(operation).await,
        }
    }

    /// Makes durable what was created, renamed or removed in a project's folder.
    pub async fn synchronise(&self, project: &ProjectName, operation: &'static str) -> Result<(), PortError> {
        match self {
            Self::Local(files) => files.calls.counted("sync", files.synchronise(project, operation)).await,
            Self::Remote(_) => Ok(()),
        }
    }

    /// Makes durable which folders there are.
    pub async fn synchronise_root(&self, operation: &'static str) -> Result<(), PortError> {
        match self {
            Self::Local(files) => files.calls.counted("sync", files.synchronise_root(operation)).await,
            Self::Remote(_) => Ok(()),
        }
    }
}
