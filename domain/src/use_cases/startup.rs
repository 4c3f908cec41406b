//! Start: what stands in the store, held against the index.

use std::collections::{HashMap, HashSet};

use super::DriftService;
use super::registry::{Body, Entry};
use crate::operation::OperationNote;
use crate::ports::{IndexEntry, PortError, PortErrorKind};
use crate::project::{ProjectName, Status};

/// What the start found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartReport {
    /// Projects that exist.
    pub n_projects: usize,
    /// Those that the index did not know: copied in, or the index was lost.
    pub added: Vec<ProjectName>,
    /// Those that the index knew and that do not exist any more.
    pub vanished: Vec<ProjectName>,
    /// Those that had no status, and are active now.
    pub without_status: Vec<ProjectName>,
    /// Those whose names differ from another's only in case; they do not serve.
    pub clashing: Vec<ProjectName>,
    /// Operations that the end of the former server interrupted.
    pub interrupted: Vec<OperationNote>,
    /// Things that crashes had left behind and that are gone now.
    pub n_swept: usize,
}

impl DriftService {
    /// Learns which projects exist, mends the index, sweeps what crashes left behind. Loads no project. A server that
    /// serves read-only learns, and mends and sweeps nothing.
    ///
    /// # Errors
    /// When the store or the index cannot be read or written.
    pub async fn start(&self) -> Result<StartReport, PortError> {
        // The sweep takes them away.
        let (notes, n_swept) = if self.is_read_only() {
            (Vec::new(), 0)
        } else {
            (self.ports.operations.notes().await?, self.ports.artifacts.sweep().await?)
        };
        let existing = self.ports.artifacts.list().await?;
        let indexed: HashMap<ProjectName, IndexEntry> =
            self.ports.index.all().await?.into_iter().map(|entry| (entry.project.clone(), entry)).collect();
        let exists: HashSet<&ProjectName> = existing.iter().collect();
        // The notes of operations are swept, too, and are told of by themselves: also a stop as it should be leaves them.
        let n_swept = n_swept.saturating_sub(notes.len());
        let mut report = StartReport { n_projects: existing.len(), n_swept, ..StartReport::default() };

        let mut entries = Vec::with_capacity(existing.len());
        let mut to_index = Vec::new();
        // Where names differ only in case, the one that the index knows goes first: the newcomer gives way.
        let has_path = |name: &ProjectName| indexed.get(name).is_some_and(|entry| entry.path.is_some());
        let (known, new): (Vec<&ProjectName>, Vec<&ProjectName>) = existing.iter().partition(|name| has_path(name));
        report.added = new.iter().map(|name| (*name).clone()).collect();
        for name in known.into_iter().chain(new) {
            let known = indexed.get(name);
            let status = known.and_then(|entry| entry.status);
            if status.is_none() {
                report.without_status.push(name.clone());
            }
            let path_is_right = known.is_some_and(|entry| entry.path.as_deref() == Some(name.as_str()));
            if !path_is_right || status.is_none() {
                let path = Some(name.as_str().to_owned());
                let status = Some(status.unwrap_or(Status::Active));
                to_index.push(IndexEntry { project: name.clone(), path, status });
            }
            entries.push(Entry::new(name.clone(), status.unwrap_or(Status::Active), Body::Cold(None)));
        }
        report.vanished = indexed.into_keys().filter(|name| !exists.contains(name)).collect();
        report.vanished.sort();
        if !self.is_read_only() {
            let mended = [self.ports.index.put(&to_index).await, self.ports.index.remove(&report.vanished).await];
            for mended in mended {
                match mended {
                    // On a full disk predictions go on: the next start mends the index.
                    Err(error) if error.kind() == PortErrorKind::Full => {
                        tracing::warn!(cause = error.source_text(), "the index is not mended");
                    }
                    mended => mended?,
                }
            }
        }
        report.clashing = self.registry.insert(entries);
        report.interrupted = self.restore_operations(notes).await;
        Ok(report)
    }
}
