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

/// What a look is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closeness {
    /// Which projects there are.
    Names,
    /// What each of them is.
    EachProject,
}

/// Entries that a walk over the known projects takes at once.
const CHUNK: usize = 256;

impl DriftService {
    /// Looks at the store again, and closely: beside what [`Self::scan`] does, it takes up what has been replaced, and tries
    /// those anew that could not be loaded. One call of the store more for each project in memory.
    ///
    /// # Errors
    /// As [`Self::scan`].
    pub async fn refresh(&self) -> Result<RefreshReport, PortError> {
        self.look(Closeness::EachProject).await
    }

    /// Looks which projects there are: takes up those that have come, and forgets those that are gone. A server that serves
    /// read-only also takes over what the one that writes has changed. Nothing is loaded yet. One call of the store for the
    /// listing, and one for each project that has come or gone.
    ///
    /// # Errors
    /// When the store or the index cannot be read or written. A project that cannot be looked at is no such error.
    pub async fn scan(&self) -> Result<RefreshReport, PortError> {
        self.look(if self.is_read_only() { Closeness::EachProject } else { Closeness::Names }).await
    }

    async fn look(&self, closeness: Closeness) -> Result<RefreshReport, PortError> {
        // One at a time: two would tell the same news.
        let _turn = self.refreshing.lock().await;
        let existing = self.ports.artifacts.list().await?;
        let indexed = self.ports.index.all().await?;
        let statuses: HashMap<ProjectName, Status> =
            indexed.into_iter().filter_map(|entry| Some((entry.project, entry.status?))).collect();
        let mut report = RefreshReport::default();
        let exists: HashSet<&ProjectName> = existing.iter().collect();
        self.revisit(&exists, &statuses, closeness, &mut report).await?;
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
        closeness: Closeness,
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
                } else if closeness == Closeness::EachProject {
                    let told = statuses.get(&entry.name).copied().unwrap_or(Status::Active);
                    self.follow(&entry, self.is_read_only().then_some(told)).await;
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

    /// Takes over what somebody else has put in a project's place, and the status, where another server decides on that.
    async fn follow(&self, entry: &Arc<Entry>, status: Option<Status>) {
        let guard = entry.lifecycle.lock().await;
        let slot = entry.slot();
        let has_failed = matches!(slot.body, Body::Failed { .. });
        let status = status.unwrap_or(slot.status);
        let body = match slot.body {
            Body::Loaded(loaded) => match self.ports.artifacts.configuration(&entry.name).await {
                Ok(Some(stored)) if stored.created_at == loaded.configuration.created_at => Body::Loaded(loaded),
                // It serves from memory until its files can be read again.
                Err(error) if error.kind() != PortErrorKind::Damaged => Body::Loaded(loaded),
                _ => Body::Cold(None),
            },
            Body::Gone => Body::Gone,
            Body::Cold(_) | Body::Failed { .. } => Body::Cold(None),
        };
        let is_gone = matches!(body, Body::Gone);
        entry.set(status, if status == Status::Active || is_gone { body } else { Body::Cold(None) });
        drop(guard);
        if has_failed && status == Status::Active {
            // Whether it can be loaded now is told at once. A failure is logged and kept.
            drop(self.open(&entry.name).await);
        }
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
        // It may have been deleted since the listing. What cannot be read is taken up as it is at a start.
        if matches!(self.ports.artifacts.configuration(name).await, Ok(None)) {
            return Ok(());
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
