//! Notes of operations under way: a small file each in the folder of temporary files, so that the sweep of the next start
//! takes them away.

use std::error::Error;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use drifting_domain::operation::{OperationId, OperationNote};
use drifting_domain::ports::{OperationJournal, PortError};
use drifting_domain::project::ProjectName;
use serde::{Deserialize, Serialize};

use crate::error::{damaged, refused};
use crate::layout;
use crate::store::{OpendalArtifacts, Projects};

/// Larger notes are not read.
const SIZE_MAX: u64 = 64 * 1024;

const WRITE: &str = "note an operation";
const FORGET: &str = "forget an operation";
const READ: &str = "read the notes of operations";

/// A note as it is written.
#[derive(Serialize, Deserialize)]
struct NoteFile {
    operation: String,
    project: ProjectName,
    created_at: DateTime<Utc>,
}

impl Projects {
    async fn note(&self, note: &OperationNote) -> Result<(), PortError> {
        let file =
            NoteFile { operation: note.id.to_string(), project: note.project.clone(), created_at: note.created_at };
        let text = serde_yaml::to_string(&file).map_err(|error| refused(WRITE, error))?;
        self.files.replace(&layout::note(note.id), text.into_bytes(), WRITE).await?;
        self.files.synchronise_temporaries(WRITE).await
    }

    async fn forget(&self, id: OperationId) -> Result<(), PortError> {
        self.files.remove(&layout::note(id), FORGET).await?;
        self.files.synchronise_temporaries(FORGET).await
    }

    async fn notes(&self) -> Result<Vec<OperationNote>, PortError> {
        let mut notes = Vec::new();
        for id in self.files.temporaries(READ).await?.iter().filter_map(|file| layout::operation_of(file)) {
            match self.read_note(id).await {
                Ok(note) => notes.extend(note),
                Err(error) => {
                    tracing::warn!(operation = %id, error = &error as &dyn Error, "a note cannot be read and is left out");
                }
            }
        }
        notes.sort_by_key(|note| (note.created_at, note.id));
        Ok(notes)
    }

    async fn read_note(&self, id: OperationId) -> Result<Option<OperationNote>, PortError> {
        let Some(bytes) = self.files.read(&layout::note(id), SIZE_MAX, READ).await? else { return Ok(None) };
        let file: NoteFile = serde_yaml::from_slice(&bytes).map_err(|error| damaged(READ, error))?;
        if file.operation != id.to_string() {
            return Err(damaged(READ, "expected the note of the operation that the file is named for"));
        }
        Ok(Some(OperationNote { id, project: file.project, created_at: file.created_at }))
    }
}

#[async_trait]
impl OperationJournal for OpendalArtifacts {
    async fn note(&self, note: &OperationNote) -> Result<(), PortError> {
        let note = note.clone();
        self.complete(WRITE, |projects| async move { projects.note(&note).await }).await
    }

    async fn forget(&self, id: OperationId) -> Result<(), PortError> {
        self.complete(FORGET, move |projects| async move { projects.forget(id).await }).await
    }

    async fn notes(&self) -> Result<Vec<OperationNote>, PortError> {
        self.complete(READ, |projects| async move { projects.notes().await }).await
    }
}
