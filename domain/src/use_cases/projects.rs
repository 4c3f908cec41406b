//! List, show, load, unload, reset, delete.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use super::loaded::LoadedProject;
use super::registry::{Body, Entry, Known};
use super::tally::Tally;
use super::{DriftService, LastDetection, ProjectError};
use crate::ports::{CpuPool, PortError, PortErrorKind};
use crate::project::{Configuration, DriftType, ProjectName, Status};

/// The status that users see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectStatus {
    /// It answers predictions.
    Active,
    /// It has been unloaded.
    Inactive,
    /// It cannot be loaded.
    Failed {
        /// Why, in words for people.
        reason: String,
    },
}

/// What is told of a project.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectView {
    /// Its name.
    pub name: ProjectName,
    /// Its status.
    pub status: ProjectStatus,
    /// Its configuration, if it can be read.
    pub configuration: Option<Arc<Configuration>>,
    /// Rows fed in the life of this fit; unknown where the project cannot be read.
    pub rows_seen: Option<u64>,
    /// How many of them were judged as drift.
    pub drifts_seen: Option<u64>,
    /// Rows fed since the start or the last reset.
    pub time: Option<u64>,
    /// The latest verdict since the start or the last reset.
    pub last_detection: Option<LastDetection>,
}

/// Which projects are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Of this drift type only.
    pub drift_type: Option<DriftType>,
    /// Of this status only: its name.
    pub status: Option<ProjectStatusFilter>,
    /// At most so many.
    pub page_size: usize,
    /// After the project of this name.
    pub after: Option<String>,
}

/// A status without its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectStatusFilter {
    /// Active ones.
    Active,
    /// Inactive ones.
    Inactive,
    /// Failed ones.
    Failed,
}

/// Some projects, in the order of their names without regard to case.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectPage {
    /// The projects.
    pub projects: Vec<ProjectView>,
    /// The name after which the next page starts, if there is one.
    pub next: Option<String>,
}

/// Entries that a listing goes through at once.
const CHUNK: usize = 256;
/// Projects that are read at once: most of the time of each is spent waiting.
const READ_AT_ONCE: usize = 16;

impl DriftService {
    /// Lists projects; reads the configurations of those that are not in memory.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn list(&self, query: &ListQuery) -> Result<ProjectPage, ProjectError> {
        let mut projects = Vec::new();
        let mut after = query.after.clone();
        loop {
            let entries = self.registry.after(after.as_deref(), CHUNK);
            let Some(last) = entries.last() else { return Ok(ProjectPage { projects, next: None }) };
            after = Some(last.name.to_string());
            let views: Vec<_> = entries.iter().map(|entry| self.view(entry)).collect();
            let mut views = stream::iter(views).buffered(READ_AT_ONCE);
            while let Some(view) = views.next().await {
                let Some(view) = view? else { continue };
                if !query.matches(&view) {
                    continue;
                }
                if projects.len() == query.page_size {
                    let next = projects.last().map(|view: &ProjectView| view.name.to_string());
                    return Ok(ProjectPage { projects, next });
                }
                projects.push(view);
            }
        }
    }

    /// Shows a project; loads an active one, so that its counters are known.
    ///
    /// # Errors
    /// When there is none, or when the store cannot be reached.
    pub async fn show(&self, name: &ProjectName) -> Result<ProjectView, ProjectError> {
        match self.open(name).await {
            Ok(open) => Ok(ProjectView::of_loaded(&open.entry)),
            Err(ProjectError::Inactive | ProjectError::Failed { .. }) => {
                let entry = self.registry.get(name).ok_or(ProjectError::NotFound)?;
                self.view(&entry).await?.ok_or(ProjectError::NotFound)
            }
            Err(error) => Err(error),
        }
    }

    /// The configuration of a project, if it can be read; loads nothing else of one that is not in memory.
    pub(super) async fn configuration(&self, name: &ProjectName) -> Result<Option<Arc<Configuration>>, ProjectError> {
        let entry = self.registry.get(name).ok_or(ProjectError::NotFound)?;
        Ok(self.view(&entry).await?.and_then(|view| view.configuration))
    }

    /// Sets a project active and reads it into memory, also one that has failed before.
    ///
    /// # Errors
    /// When there is none, when it cannot be loaded, or when the store fails.
    pub async fn load(&self, name: &ProjectName) -> Result<ProjectView, ProjectError> {
        self.check_writable()?;
        let entry = self.registry.get(name).ok_or(ProjectError::NotFound)?;
        let guard = entry.lifecycle.lock().await;
        match entry.slot().body {
            Body::Gone => return Err(ProjectError::NotFound),
            Body::Loaded(_) => {}
            Body::Cold(_) | Body::Failed { .. } => {
                if let Err(error) = self.ports.index.set_status(name, Status::Active).await {
                    if self.status_in_index(name).await == Some(Status::Active) {
                        entry.set(Status::Active, Body::Cold(None));
                    }
                    return Err(error.into());
                }
                entry.set(Status::Active, Body::Cold(None));
                self.load_cold(&entry).await?;
            }
        }
        drop(guard);
        Ok(ProjectView::of_loaded(&entry))
    }

    /// Sets a project inactive, saves its state and forgets it from memory.
    ///
    /// # Errors
    /// When there is none, or when the store fails; then it is as a start would find it: mostly as it was.
    pub async fn unload(&self, name: &ProjectName) -> Result<ProjectView, ProjectError> {
        self.check_writable()?;
        let entry = self.registry.get(name).ok_or(ProjectError::NotFound)?;
        let guard = entry.lifecycle.lock().await;
        match entry.slot().body {
            Body::Gone => return Err(ProjectError::NotFound),
            Body::Loaded(loaded) => {
                // First no new rows, also of requests under way, then the state with all rows that were fed.
                loaded.running.lock().await.is_closed = true;
                let failure = self.set_inactive(&entry, &loaded).await.err();
                if failure.is_some() && self.status_in_index(name).await != Some(Status::Inactive) {
                    loaded.running.lock().await.is_closed = false;
                } else {
                    entry.set(Status::Inactive, Body::Cold(Some(Arc::new(loaded.known()))));
                }
                failure.map_or(Ok(()), Err)?;
            }
            body @ (Body::Cold(_) | Body::Failed { .. }) => {
                let failure = self.ports.index.set_status(name, Status::Inactive).await.err();
                if failure.is_none() || self.status_in_index(name).await == Some(Status::Inactive) {
                    entry.set(Status::Inactive, body);
                }
                failure.map_or(Ok(()), Err)?;
            }
        }
        drop(guard);
        self.view(&entry).await?.ok_or(ProjectError::NotFound)
    }

    /// The status that a start would find. After a change that failed it may be the new one.
    async fn status_in_index(&self, name: &ProjectName) -> Option<Status> {
        let entries = self.ports.index.all().await.ok()?;
        entries.into_iter().find(|entry| entry.project == *name).and_then(|entry| entry.status)
    }

    async fn set_inactive(&self, entry: &Entry, loaded: &LoadedProject) -> Result<(), ProjectError> {
        let generation = loaded.configuration.generation;
        match self.ports.artifacts.put_state(&entry.name, generation, &loaded.take_state().await).await {
            // Nobody wants the state of a fit that is gone.
            Err(error) if error.kind() == PortErrorKind::Replaced => {}
            saved => saved?,
        }
        self.ports.index.set_status(&entry.name, Status::Inactive).await?;
        Ok(())
    }

    /// Sets the online state of an active project to its start. Heals a project whose state alone is damaged.
    ///
    /// # Errors
    /// When there is none, when it is inactive or cannot be loaded, or when the store fails.
    pub async fn reset(&self, name: &ProjectName) -> Result<ProjectView, ProjectError> {
        self.check_writable()?;
        let entry = self.registry.get(name).ok_or(ProjectError::NotFound)?;
        let guard = entry.lifecycle.lock().await;
        let slot = entry.slot();
        if slot.status == Status::Inactive {
            return Err(ProjectError::Inactive);
        }
        let loaded = match slot.body {
            Body::Gone => return Err(ProjectError::NotFound),
            Body::Loaded(loaded) => loaded,
            Body::Cold(_) | Body::Failed { .. } => {
                let stored = match self.ports.artifacts.project(name).await {
                    Ok(stored) => stored.ok_or(ProjectError::NotFound)?,
                    Err(error) if error.kind() == PortErrorKind::Damaged => {
                        let reason = "its configuration or parameters are damaged".to_owned();
                        return Err(ProjectError::Failed { reason });
                    }
                    Err(error) => return Err(error.into()),
                };
                let counters = self.ports.artifacts.state(name, stored.configuration.generation).await.ok().flatten();
                let parameters = stored.parameters.n_bytes();
                let readers = self.readers.clone();
                let restore = move |pool: &dyn CpuPool| {
                    LoadedProject::restore_at_start(stored, counters.as_ref(), &readers, pool)
                };
                let restored = self.restored(restore).await;
                let loaded = restored.map_err(|error| ProjectError::Failed { reason: error.to_string() })?;
                loaded.weight.hold(&self.memory.gauge, parameters, 0);
                Arc::new(loaded)
            }
        };
        {
            let mut running = loaded.running.lock().await;
            running.state = loaded.detector.start(loaded.schema());
            running.tally.last_detection = None;
            loaded.tell(&running, &[]);
        }
        let generation = loaded.configuration.generation;
        if let Err(error) = self.ports.artifacts.put_state(name, generation, &loaded.take_state().await).await {
            if error.kind() == PortErrorKind::Replaced {
                // The next try resets the one that is there.
                entry.set(Status::Active, Body::Cold(None));
            }
            return Err(error.into());
        }
        entry.set(Status::Active, Body::Loaded(loaded));
        drop(guard);
        Ok(ProjectView::of_loaded(&entry))
    }

    /// Deletes a project with everything of it. A fit under way that is to replace it ends: at once where it is an operation, as cancelled,
    /// and else without a project.
    ///
    /// # Errors
    /// When there is none, or when the store fails.
    pub async fn delete(&self, name: &ProjectName) -> Result<(), ProjectError> {
        self.check_writable()?;
        let entry = self.registry.get(name).ok_or(ProjectError::NotFound)?;
        let guard = entry.lifecycle.lock().await;
        if entry.is_gone() {
            return Err(ProjectError::NotFound);
        }
        let failure = match self.ports.artifacts.delete(name).await {
            Ok(_) => None,
            Err(error) => match self.ports.artifacts.configuration(name).await {
                Ok(None) => Some(error),
                _ => return Err(error.into()),
            },
        };
        // From here on it is gone, whatever becomes of the index: the artifacts are the truth. Where the deletion has failed
        // after its commit, whoever asked is told of the failure all the same: it may not be durable.
        self.cancel_operations_of(name);
        entry.set(Status::Inactive, Body::Gone);
        self.registry.remove(&entry);
        if let Err(error) = self.ports.index.remove(std::slice::from_ref(name)).await {
            tracing::warn!(project = %name, cause = error.source_text(), "the index keeps a deleted project until the next start");
        }
        drop(guard);
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Deletes a project with everything of it, and all drift values that are kept of it, also where it has been deleted
    /// before.
    ///
    /// # Errors
    /// When there is neither, when the store fails, or when the metrics database does: then the project is gone and its
    /// values are not, so that it can be asked for again.
    pub async fn delete_with_metrics(&self, name: &ProjectName) -> Result<(), ProjectError> {
        let deleted = match self.delete(name).await {
            Err(ProjectError::NotFound) => Err(ProjectError::NotFound),
            deleted => Ok(deleted?),
        };
        let n_purged = self.ports.metrics.purge(name).await?;
        if n_purged > 0 { Ok(()) } else { deleted }
    }

    fn check_writable(&self) -> Result<(), ProjectError> {
        if self.is_read_only() { Err(ProjectError::ReadOnly) } else { Ok(()) }
    }

    /// What is told of an entry; `None` when it is gone.
    async fn view(&self, entry: &Arc<Entry>) -> Result<Option<ProjectView>, ProjectError> {
        let slot = entry.slot();
        let status = match slot.status {
            Status::Active => ProjectStatus::Active,
            Status::Inactive => ProjectStatus::Inactive,
        };
        match slot.body {
            Body::Gone => Ok(None),
            Body::Loaded(_) => Ok(Some(ProjectView::of_loaded(entry))),
            Body::Cold(Some(known)) => Ok(Some(ProjectView::cold(entry, status, &known))),
            Body::Failed { reason } => {
                let status = if slot.status == Status::Active {
                    ProjectStatus::Failed { reason: reason.to_string() }
                } else {
                    status
                };
                let configuration = self.ports.artifacts.configuration(&entry.name).await.ok().flatten();
                let configuration = configuration.map(Arc::new);
                Ok(Some(ProjectView { configuration, ..ProjectView::unknown(entry, status) }))
            }
            Body::Cold(None) => match self.read_known(entry).await {
                Ok(Some(known)) => {
                    let known = Arc::new(known);
                    remember(entry, &known);
                    Ok(Some(ProjectView::cold(entry, status, &known)))
                }
                Ok(None) => Ok(Some(ProjectView::unknown(entry, status))),
                Err(error) if error.kind() == PortErrorKind::Damaged => {
                    let status = ProjectStatus::Failed { reason: "its configuration is damaged".to_owned() };
                    Ok(Some(ProjectView::unknown(entry, status)))
                }
                Err(error) => Err(error.into()),
            },
        }
    }

    async fn read_known(&self, entry: &Entry) -> Result<Option<Known>, PortError> {
        let Some((configuration, state)) = self.ports.artifacts.outline(&entry.name).await? else { return Ok(None) };
        let (time, tally) = state.map_or((0, Tally::default()), |state| {
            let time = state.u64s_of_length("time", 1).map_or(0, |time| time[0]);
            (time, Tally::restore(&state).unwrap_or_default())
        });
        Ok(Some(Known { configuration: Arc::new(configuration), time, tally }))
    }
}

/// Keeps what has been read, if nothing has happened meanwhile.
fn remember(entry: &Entry, known: &Arc<Known>) {
    if let Some(lifecycle) = entry.lifecycle.try_lock() {
        let slot = entry.slot();
        if matches!(slot.body, Body::Cold(None)) {
            entry.set(slot.status, Body::Cold(Some(Arc::clone(known))));
        }
        drop(lifecycle);
    }
}

impl ListQuery {
    fn matches(&self, view: &ProjectView) -> bool {
        let drift_type = view.configuration.as_ref().map(|configuration| configuration.drift_type);
        let status = match view.status {
            ProjectStatus::Active => ProjectStatusFilter::Active,
            ProjectStatus::Inactive => ProjectStatusFilter::Inactive,
            ProjectStatus::Failed { .. } => ProjectStatusFilter::Failed,
        };
        (self.drift_type.is_none() || self.drift_type == drift_type)
            && self.status.is_none_or(|wanted| wanted == status)
    }
}

impl ProjectView {
    fn unknown(entry: &Entry, status: ProjectStatus) -> Self {
        Self {
            name: entry.name.clone(),
            status,
            configuration: None,
            rows_seen: None,
            drifts_seen: None,
            time: None,
            last_detection: None,
        }
    }

    fn cold(entry: &Entry, status: ProjectStatus, known: &Known) -> Self {
        Self {
            configuration: Some(Arc::clone(&known.configuration)),
            rows_seen: Some(known.tally.rows_seen),
            drifts_seen: Some(known.tally.drifts_seen),
            time: Some(known.time),
            last_detection: known.tally.last_detection.clone(),
            ..Self::unknown(entry, status)
        }
    }

    /// Of an entry that is in memory; of another one what is known without reading.
    pub(super) fn of_loaded(entry: &Entry) -> Self {
        let slot = entry.slot();
        let status = if slot.status == Status::Active { ProjectStatus::Active } else { ProjectStatus::Inactive };
        match slot.body {
            Body::Loaded(loaded) => Self::cold(entry, status, &loaded.known()),
            Body::Cold(_) | Body::Failed { .. } | Body::Gone => Self::unknown(entry, status),
        }
    }
}
