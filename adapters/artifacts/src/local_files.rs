//! The files of a local directory.

use std::sync::Arc;

use drifting_domain::ports::PortError;
use drifting_domain::project::ProjectName;
use opendal::services::Fs;
use opendal::{EntryMode, Operator};
use tokio::sync::RwLock;

use crate::calls::CallCounts;
use crate::error::{damaged, of_io, of_opendal, refused};
use crate::files::Entry;
use crate::layout::{self, TEMPORARY};
use crate::local::{FileKind, FolderKind, LocalDirectory, Which};

/// The files under a root.
#[derive(Debug)]
pub struct LocalFiles {
    /// The calls of the functions below, which whoever calls them counts.
    pub calls: Arc<CallCounts>,
    operator: Operator,
    local: LocalDirectory,
    /// Held for reading while a file is written, so that a sweep does not take a temporary file from under it.
    writing: RwLock<()>,
}

impl LocalFiles {
    /// The files of a local directory.
    pub fn open(local: LocalDirectory) -> Result<Self, PortError> {
        const OPERATION: &str = "open the artifacts";
        let temporary = local.root().join(TEMPORARY);
        let (Some(root), Some(temporary)) = (local.root().to_str(), temporary.to_str()) else {
            return Err(refused(OPERATION, "the path of the artifacts is not UTF-8"));
        };
        let service = Fs::default().root(root);
        // It would be made where it is absent.
        let service = if local.is_read_only() { service } else { service.atomic_write_dir(temporary) };
        let operator = Operator::new(service).map_err(|error| of_opendal(OPERATION, error))?;
        Ok(Self { calls: Arc::default(), operator, local, writing: RwLock::new(()) })
    }

    /// The bytes of a file; `None` where there is nothing of that name. What is no plain file is not opened: a link might
    /// lead anywhere, a pipe waits for its writer.
    pub async fn read(&self, path: &str, size_max: u64, operation: &'static str) -> Result<Option<Vec<u8>>, PortError> {
        let size = match self.local.file_kind(path).await.map_err(|error| of_io(operation, error))? {
            FileKind::Absent => return Ok(None),
            FileKind::File { size } => size,
            FileKind::Foreign => {
                return Err(damaged(operation, "expected a plain file, something else stands in its place"));
            }
        };
        if size > size_max {
            return Err(damaged(operation, format!("expected at most {size_max} bytes, the file has {size}")));
        }
        let capacity = usize::try_from(size).map_err(|error| damaged(operation, error))?;
        let mut bytes = Vec::with_capacity(capacity);
        if size > 0 {
            let reader = self.operator.reader(path).await.map_err(|error| of_opendal(operation, error))?;
            reader.read_into(&mut bytes, 0..size).await.map_err(|error| of_opendal(operation, error))?;
        }
        Ok(Some(bytes))
    }

    /// Whether there is a file of that name, or something else in its place.
    pub async fn exists(&self, path: &str, operation: &'static str) -> Result<bool, PortError> {
        let kind = self.local.file_kind(path).await.map_err(|error| of_io(operation, error))?;
        Ok(kind != FileKind::Absent)
    }

    /// Puts bytes in a file's place: they are durable before they get the file's name.
    pub async fn replace(&self, path: &str, bytes: Vec<u8>, operation: &'static str) -> Result<(), PortError> {
        self.local.may_write(operation)?;
        let _writing = self.writing.read().await;
        let mut writer = self.operator.writer(path).await.map_err(|error| of_opendal(operation, error))?;
        let written = match writer.write(bytes).await {
            Ok(()) => writer.close().await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            // Where the disk is full, the temporary file must not stay.
            if let Err(leftover) = writer.abort().await {
                tracing::warn!(error = %leftover, "a temporary file is left until the next start");
            }
            return Err(of_opendal(operation, error));
        }
        Ok(())
    }

    /// Removes a file, or what stands in its place: a link, a pipe, an empty folder. Succeeds where there is nothing.
    pub async fn remove(&self, path: &str, operation: &'static str) -> Result<(), PortError> {
        self.local.may_write(operation)?;
        if self.local.file_kind(path).await.map_err(|error| of_io(operation, error))? == FileKind::Foreign {
            return self.local.remove_foreign(path).await.map_err(|error| of_io(operation, error));
        }
        self.operator.delete(path).await.map_err(|error| of_opendal(operation, error))
    }

    /// What stands under a project's name.
    pub async fn folder_kind(&self, project: &ProjectName, operation: &'static str) -> Result<FolderKind, PortError> {
        let kind = self.local.folder_kind(project).await.map_err(|error| of_io(operation, error))?;
        if kind == FolderKind::Foreign {
            tracing::warn!(%project, "a file or a symbolic link stands in a project's place and is left alone");
        }
        Ok(kind)
    }

    /// Makes a project's folder; succeeds where there is one.
    pub async fn create_folder(&self, project: &ProjectName, operation: &'static str) -> Result<(), PortError> {
        self.local.may_write(operation)?;
        self.operator.create_dir(&layout::folder(project)).await.map_err(|error| of_opendal(operation, error))
    }

    /// Removes a project's folder, which must be empty.
    pub async fn remove_folder(&self, project: &ProjectName, operation: &'static str) -> Result<(), PortError> {
        self.local.may_write(operation)?;
        self.operator.delete(&layout::folder(project)).await.map_err(|error| of_opendal(operation, error))
    }

    /// What a project's folder holds.
    pub async fn entries(&self, project: &ProjectName, operation: &'static str) -> Result<Vec<Entry>, PortError> {
        let folder = &layout::folder(project);
        let entries = self.operator.list(folder).await.map_err(|error| of_opendal(operation, error))?;
        // The folder itself is listed too.
        let inside = entries.into_iter().filter(|entry| entry.path() != folder.as_str());
        Ok(inside
            .map(|entry| Entry { name: entry.name().to_owned(), is_file: entry.metadata().mode() == EntryMode::FILE })
            .collect())
    }

    /// The names of the files in the folder of temporary files.
    pub async fn temporaries(&self, operation: &'static str) -> Result<Vec<String>, PortError> {
        let entries = self.operator.list(&format!("{TEMPORARY}/")).await;
        let entries = entries.map_err(|error| of_opendal(operation, error))?;
        let files = entries.into_iter().filter(|entry| entry.metadata().mode() == EntryMode::FILE);
        Ok(files.map(|entry| entry.name().to_owned()).collect())
    }

    /// Makes durable what was created or removed in the folder of temporary files.
    pub async fn synchronise_temporaries(&self, operation: &'static str) -> Result<(), PortError> {
        self.local.synchronise(TEMPORARY).await.map_err(|error| of_io(operation, error))
    }

    /// Empties the folder of temporary files, but for the lock; says how many things that were.
    pub async fn remove_temporaries(&self, operation: &'static str) -> Result<usize, PortError> {
        self.local.may_write(operation)?;
        let _nobody_writes = self.writing.write().await;
        self.local.remove_temporaries().await.map_err(|error| of_io(operation, error))
    }

    /// Some of the folders that are named like projects, in the order of the names.
    pub async fn projects(&self, which: Which, operation: &'static str) -> Result<Vec<ProjectName>, PortError> {
        self.local.projects(which).await.map_err(|error| of_io(operation, error))
    }

    /// Makes durable what was created, renamed or removed in a project's folder.
    pub async fn synchronise(&self, project: &ProjectName, operation: &'static str) -> Result<(), PortError> {
        self.local.synchronise(project.as_str()).await.map_err(|error| of_io(operation, error))
    }

    /// Makes durable which folders there are.
    pub async fn synchronise_root(&self, operation: &'static str) -> Result<(), PortError> {
        self.local.synchronise("").await.map_err(|error| of_io(operation, error))
    }
}
