//! Refresh: projects that were copied into the store, or taken out of it, while the server runs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::DriftService;
use super::fit::Reservation;
use super::registry::{Body, Entry};
use crate::ports::{IndexEntry, PortError, PortErrorKind};
use crate::project::{ProjectName, Status};

/// What a refresh found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefreshReport {
    /// Projects that serve, or fail, now.
    pub n_projects: usize,
    /// Those that have come since the last look.
    pub added: Vec<ProjectName>,
    /// Those that are gone.
    pub vanished: Vec<ProjectName>,
    /// Those whose names differ from another's only in case; they do not serve.
    pub clashing: Vec<ProjectName>,
}

/// Entries that a walk over the known projects takes at once.
const CHUNK: usize = 256;

impl DriftService {
    /// Looks at the store again: takes up projects that have come, forgets those that are gone, and gives those another
    /// chance that could not be loaded. A server that serves read-only also takes over what the one that writes has changed.
    /// Nothing is loaded yet. One call of the store for the listing, and one for each project that has come or gone.
    ///
    /// # Errors
    /// When the store or the index cannot be read or written.
    pub async fn refresh(&self) -> Result<RefreshReport, PortError> {
        // One at a time: two would tell the same news.
        let _turn = self.refreshing.lock().await;
        let existing = self.ports.artifacts.list().await?;
        let indexed = self.ports.index.all().await?;
        let statuses: HashMap<ProjectName, Status> =
            indexed.into_iter().filter_map(|entry| Some((entry.project, entry.status?))).collect();
        let mut report = RefreshReport::default();
        let exists: HashSet<&ProjectName> = existing.iter().collect();
        self.revisit(&exists, &statuses, &mut report).await?;
        for name in &existing {
            self.take_up(name, statuses.get(name).copied(), &mut report).await?;
        }
        report.n_projects = self.registry.n_entries();
        Ok(report)
    }

    /// Goes through the projects that are known.
    async fn revisit(
        &self,
        exists: &HashSet<&ProjectName>,
        statuses: &HashMap<ProjectName, Status>,
        report: &mut RefreshReport,
    ) -> Result<(), PortError> {
        let mut after: Option<String> = None;
        loop {
            let entries = self.registry.after(after.as_deref(), CHUNK);
            let Some(last) = entries.last() else { return Ok(()) };
            after = Some(last.name.to_string());
            for entry in entries {
                if !exists.contains(&entry.name) {
                    self.forget_if_gone(&entry, report).await?;
                } else if self.is_read_only() {
                    let status = statuses.get(&entry.name).copied().unwrap_or(Status::Active);
                    self.follow(&entry, status).await?;
                } else if let Some(_lifecycle) = entry.lifecycle.try_lock() {
                    let slot = entry.slot();
                    if matches!(slot.body, Body::Failed { .. }) {
                        entry.set(slot.status, Body::Cold(None));
                    }
                }
            }
        }
    }

    async fn forget_if_gone(&self, entry: &Arc<Entry>, report: &mut RefreshReport) -> Result<(), PortError> {
        let guard = entry.lifecycle.lock().await;
        // Somebody may have deleted it, or fitted it anew, since the listing.
        let is_gone = matches!(entry.slot().body, Body::Gone);
        if is_gone || !matches!(self.ports.artifacts.configuration(&entry.name).await, Ok(None)) {
            return Ok(());
        }
        entry.set(Status::Inactive, Body::Gone);
        self.registry.remove(entry);
        report.vanished.push(entry.name.clone());
        if !self.is_read_only() {
            self.ports.index.remove(std::slice::from_ref(&entry.name)).await?;
        }
        drop(guard);
        Ok(())
    }

    /// Takes over what the server that writes has changed.
    async fn follow(&self, entry: &Arc<Entry>, status: Status) -> Result<(), PortError> {
        let guard = entry.lifecycle.lock().await;
        let slot = entry.slot();
        let body = match slot.body {
            Body::Loaded(loaded) => match self.ports.artifacts.configuration(&entry.name).await {
                Ok(Some(stored)) if stored.created_at == loaded.configuration.created_at => Body::Loaded(loaded),
                Err(error) if error.kind() != PortErrorKind::Damaged => return Err(error),
                _ => Body::Cold(None),
            },
            Body::Gone => Body::Gone,
            Body::Cold(_) | Body::Failed { .. } => Body::Cold(None),
        };
        entry.set(status, if status == Status::Active { body } else { Body::Cold(None) });
        drop(guard);
        Ok(())
    }

    /// Takes up a project that is not known yet.
    async fn take_up(
        &self,
        name: &ProjectName,
        status: Option<Status>,
        report: &mut RefreshReport,
    ) -> Result<(), PortError> {
        if let Some(entry) = self.registry.get_in_any_case(name) {
            if entry.name != *name {
                report.clashing.push(name.clone());
            }
            return Ok(());
        }
        // A fit that is under way will make it known itself.
        let Some(_reservation) = Reservation::of(&self.fits, name) else { return Ok(()) };
        // It may have been deleted since the listing.
        match self.ports.artifacts.configuration(name).await {
            Ok(None) => return Ok(()),
            Err(error) if error.kind() != PortErrorKind::Damaged => return Err(error),
            Ok(Some(_)) | Err(_) => {}
        }
        let status = status.unwrap_or(Status::Active);
        if !self.is_read_only() {
            let path = Some(name.as_str().to_owned());
            self.ports.index.put(&[IndexEntry { project: name.clone(), path, status: Some(status) }]).await?;
        }
        if self.registry.insert([Entry::new(name.clone(), status, Body::Cold(None))]).is_empty() {
            report.added.push(name.clone());
        }
        Ok(())
    }
}
