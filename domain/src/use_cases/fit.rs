//! Fit: reference and settings → detector → store → registry.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::fit_computation::{Fitted, Here, Prepared, compute, prepare};
use super::fit_queue::{Computation, Place};
use super::fit_results::{Ending, FitResult};
use super::loaded::LoadedProject;
use super::registry::{Body, Entry};
use super::{DriftService, FitError, ProjectView, RequestIdentity};
use crate::data::{MissingValues, Table};
use crate::detectors::DetectorRequest;
use crate::ports::{IndexEntry, PortErrorKind, Progress, Silent, StoredProject};
use crate::preprocess::TextRequest;
use crate::project::{Configuration, DriftType, ProjectName, Status};
use crate::quality::QualityRequest;

/// What a client asks for.
#[derive(Debug, Clone)]
pub struct FitRequest {
    /// The name of the project.
    pub project: ProjectName,
    /// What kind of data it watches.
    pub drift_type: DriftType,
    /// The reference.
    pub reference: Table,
    /// The detector.
    pub detector: DetectorRequest,
    /// Whether numbers are standardised; by default where the detector is a kernel's.
    pub standardize: Option<bool>,
    /// How many principal components are kept.
    pub n_components: Option<usize>,
    /// What texts become, and images.
    pub texts: TextRequest,
    /// What happens to rows with missing values, here and in predictions.
    pub missing_values: MissingValues,
    /// The checks of quality.
    pub quality: QualityRequest,
    /// Whether a trial fit estimates how often alarms start.
    pub report_run_length: bool,
    /// Whether a project of that name is replaced.
    pub overwrite: bool,
}

/// A detector that has been fitted and waits to be stored. Until it is stored or dropped, no other fit of the name
/// begins.
pub struct FittedProject {
    fitted: Fitted,
    configuration: Configuration,
    overwrite: bool,
    replaced: Option<Arc<Entry>>,
    ending: Ending,
    _reservation: Reservation,
}

impl FittedProject {
    /// The same of a request that may come again.
    #[must_use]
    pub fn known_by(mut self, identity: Option<RequestIdentity>) -> Self {
        self.configuration.fitted_once = identity.map(|identity| identity.noted());
        self
    }
}

/// A fit whose name, settings and data have been checked; what is left is the long computing. Until it is dropped, no
/// other fit of the name begins, and it has its place in the queue.
pub struct PreparedFit {
    prepared: Prepared,
    replaced: Option<Arc<Entry>>,
    place: Place,
    ending: Ending,
    reservation: Reservation,
    identity: Option<RequestIdentity>,
}

impl PreparedFit {
    /// The same of a request that may come again.
    #[must_use]
    pub fn known_by(self, identity: Option<RequestIdentity>) -> Self {
        Self { identity, ..self }
    }

    /// The same of which an operation is to be made.
    pub(super) fn in_the_background(self) -> Self {
        Self { ending: self.ending.in_the_background(), ..self }
    }

    /// The name of the project.
    pub(super) fn project(&self) -> &ProjectName {
        &self.prepared.request.project
    }
}

/// The names that are being fitted, without regard to case.
#[derive(Default)]
pub(super) struct FitsInProgress(Mutex<HashSet<String>>);

pub(super) struct Reservation {
    fits: Arc<FitsInProgress>,
    name: String,
}

impl Reservation {
    pub(super) fn of(fits: &Arc<FitsInProgress>, project: &ProjectName) -> Option<Self> {
        let name = project.folded();
        let is_new = fits.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        is_new.then(|| Self { fits: Arc::clone(fits), name })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.fits.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

impl DriftService {
    /// Whether every fit would be refused because the server writes nothing.
    ///
    /// # Errors
    /// [`FitError::ReadOnly`].
    pub fn check_fits(&self) -> Result<(), FitError> {
        if self.is_read_only() { Err(FitError::ReadOnly) } else { Ok(()) }
    }

    /// Whether a fit of that name would be refused because a project exists.
    ///
    /// # Errors
    /// [`FitError::Exists`].
    pub fn check_free(&self, name: &ProjectName, overwrite: bool) -> Result<(), FitError> {
        match self.registry.get_in_any_case(name) {
            // Overwriting in another case would leave two names for one folder on some stores.
            Some(entry) if !overwrite || entry.name != *name => {
                Err(FitError::Exists { existing: entry.name.to_string() })
            }
            _ => Ok(()),
        }
    }

    /// Whether a fit would be refused because too many wait.
    ///
    /// # Errors
    /// [`FitError::QueueFull`].
    pub fn check_queue(&self) -> Result<(), FitError> {
        self.fit_queue.check()
    }

    /// Fits a detector on the fit pool. The computation stops soon after the future is dropped.
    ///
    /// # Errors
    /// When the name is taken, when too many fits wait, when settings or data cannot be used, or when the detector's
    /// mathematics fails.
    pub async fn fit(&self, request: FitRequest) -> Result<FittedProject, FitError> {
        self.check_fits()?;
        self.check_free(&request.project, request.overwrite)?;
        let reservation = Reservation::of(&self.fits, &request.project).ok_or(FitError::InProgress)?;
        let asked = Asked { replaced: self.replaced_by(&request), ..Asked::of(&request) };
        let place = self.fit_queue.enter()?;
        let ending = Ending::of(&self.counts.fit_results);
        let (pool, thresholds) = (Arc::clone(&self.ports.fit_pool), Arc::clone(&self.cvm_thresholds));
        let (limits, readers) = (self.request_limits, self.readers.clone());
        let computation = self.on_the_pool(place, move |progress| {
            let prepared = prepare(request, limits, &readers, &*pool, progress)?;
            compute(prepared, &thresholds, &*pool, progress)
        });
        let (fitted, ending) = ending.after(computation.result().await)?;
        Ok(self.fitted(fitted, asked, reservation, ending))
    }

    /// Reads and checks what a fit needs, and takes its name and its place in the queue. Takes a processor for as long as
    /// reading and encoding the reference does.
    ///
    /// # Errors
    /// As [`DriftService::fit`], but for what only the long computing finds.
    pub fn prepare_fit(&self, request: FitRequest) -> Result<PreparedFit, FitError> {
        self.check_fits()?;
        self.check_free(&request.project, request.overwrite)?;
        let reservation = Reservation::of(&self.fits, &request.project).ok_or(FitError::InProgress)?;
        let replaced = self.replaced_by(&request);
        let place = self.fit_queue.enter()?;
        let ending = Ending::of(&self.counts.fit_results);
        let (prepared, ending) = ending.after(prepare(request, self.request_limits, &self.readers, &Here, &Silent))?;
        Ok(PreparedFit { prepared, replaced, place, ending, reservation, identity: None })
    }

    /// Puts the rest of a prepared fit into the queue of the pool.
    pub(super) fn compute_prepared(&self, fit: PreparedFit) -> (Computation<Fitted>, Asked, Reservation, Ending) {
        let PreparedFit { prepared, replaced, place, ending, reservation, identity } = fit;
        let asked = Asked { replaced, identity, ..Asked::of(&prepared.request) };
        let (pool, thresholds) = (Arc::clone(&self.ports.fit_pool), Arc::clone(&self.cvm_thresholds));
        let computation = self.on_the_pool(place, move |progress| compute(prepared, &thresholds, &*pool, progress));
        (computation, asked, reservation, ending)
    }

    fn on_the_pool(
        &self,
        place: Place,
        work: impl FnOnce(&dyn Progress) -> Result<Fitted, FitError> + Send + 'static,
    ) -> Computation<Fitted> {
        let (counts, clock) = (Arc::clone(&self.counts), Arc::clone(&self.ports.clock));
        let kind = |fitted: &Fitted| fitted.detector.spec().kind();
        let counted = move |progress: &dyn Progress| counts.fit(&*clock, kind, || work(progress));
        Computation::begin(place, &self.ports.fit_pool, Arc::clone(&self.ports.clock), counted)
    }

    /// What a computation gave, with its configuration.
    pub(super) fn fitted(
        &self,
        fitted: Fitted,
        asked: Asked,
        reservation: Reservation,
        ending: Ending,
    ) -> FittedProject {
        let Asked { project, drift_type, overwrite, replaced, identity } = asked;
        let configuration = Configuration {
            generation: 1,
            project,
            drift_type,
            detector: fitted.detector.spec(),
            policy: fitted.policy,
            preprocessing: fitted.preprocessing.clone(),
            sequence: fitted.sequence.clone(),
            schema: fitted.schema.clone(),
            quality: fitted.quality_settings.clone(),
            reference_rows: fitted.reference_rows,
            created_at: self.ports.clock.now(),
            fitted_by: self.settings.fitted_by.clone(),
            warnings: fitted.warnings.clone(),
            run_length: fitted.run_length,
            fitted_once: identity.map(|identity| identity.noted()),
        };
        FittedProject { fitted, configuration, overwrite, replaced, ending, _reservation: reservation }
    }

    /// Stores a fitted project, durably, and serves it.
    ///
    /// # Errors
    /// When the name has been taken meanwhile, when the project that it replaces has been deleted meanwhile, or when the store fails;
    /// then nothing of it is visible.
    pub async fn store(&self, fitted: FittedProject) -> Result<ProjectView, FitError> {
        let FittedProject { fitted, configuration, overwrite, replaced, ending, _reservation } = fitted;
        let kept = self.keep(fitted, configuration, overwrite, replaced).await;
        let (view, ending) = ending.after(kept)?;
        ending.ended_as(FitResult::Succeeded);
        Ok(view)
    }

    async fn keep(
        &self,
        fitted: Fitted,
        mut configuration: Configuration,
        overwrite: bool,
        replaced: Option<Arc<Entry>>,
    ) -> Result<ProjectView, FitError> {
        self.check_free(&configuration.project, overwrite)?;
        let existing = self.registry.get(&configuration.project);
        let guard = match &existing {
            Some(entry) => Some(entry.lifecycle.lock().await),
            None => None,
        };
        // Whoever deleted it was told that it is gone, and wants none of its name.
        if replaced.is_some_and(|replaced| replaced.is_gone()) {
            return Err(FitError::Deleted);
        }
        configuration.generation = self.next_generation(&configuration.project).await?;
        let parameters = fitted.save();
        let n_bytes = parameters.n_bytes();
        let stored = StoredProject { configuration, parameters };
        let name = stored.configuration.project.clone();
        if let Err(error) = self.ports.artifacts.put_project(&stored).await {
            self.follow_the_store(existing.as_ref(), &stored.configuration, Status::Active).await;
            return Err(error.into());
        }
        let in_index =
            IndexEntry { path: Some(name.as_str().to_owned()), project: name.clone(), status: Some(Status::Active) };
        if let Err(error) = self.ports.index.put(std::slice::from_ref(&in_index)).await {
            tracing::warn!(project = %name, cause = error.source_text(), "the index does not hold a new project yet");
            // The artifacts are the truth: the next start puts the project into the index. Not so where the index has it, or
            // one of its name that was deleted, as inactive: that would come back.
            if self.is_indexed_as_inactive(&name).await {
                self.follow_the_store(existing.as_ref(), &stored.configuration, Status::Inactive).await;
                return Err(error.into());
            }
        }

        let loaded = Arc::new(LoadedProject::new(
            stored.configuration,
            fitted.reading,
            fitted.encoder,
            fitted.detector,
            fitted.quality,
        ));
        loaded.weight.hold(&self.memory.gauge, n_bytes, 0);
        let body = Body::Loaded(loaded);
        let is_gone = existing.as_ref().is_some_and(|entry| entry.is_gone());
        match &existing {
            Some(entry) if !is_gone => entry.set(Status::Active, body),
            _ => {
                self.registry.insert([Entry::new(name.clone(), Status::Active, body)]);
            }
        }
        drop(guard);
        let entry = self.registry.get(&name).ok_or(FitError::Crashed)?;
        self.registry.note_use(&entry);
        self.memory.wish();
        Ok(ProjectView::of_loaded(&entry))
    }

    /// What a fit of the name replaces, if there is a project.
    fn replaced_by(&self, request: &FitRequest) -> Option<Arc<Entry>> {
        self.registry.get(&request.project).filter(|entry| !entry.is_gone())
    }

    /// One more than what is stored; a damaged configuration is replaced as its parameter file cannot be known.
    async fn next_generation(&self, name: &ProjectName) -> Result<u64, FitError> {
        match self.ports.artifacts.configuration(name).await {
            Ok(Some(configuration)) => Ok(configuration.generation + 1),
            Ok(None) => Ok(1),
            Err(error) if error.kind() == PortErrorKind::Damaged => {
                // Far above any counted generation, so that no leftover of the damaged one can be taken for ours.
                let seconds = self.ports.clock.now().timestamp().max(0);
                Ok(u64::try_from(seconds).unwrap_or(1))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What of a request goes into the configuration as it came, and what it found when it came.
pub(super) struct Asked {
    project: ProjectName,
    drift_type: DriftType,
    overwrite: bool,
    replaced: Option<Arc<Entry>>,
    identity: Option<RequestIdentity>,
}

impl Asked {
    fn of(request: &FitRequest) -> Self {
        let FitRequest { project, drift_type, overwrite, .. } = request;
        let project = project.clone();
        Self { project, drift_type: *drift_type, overwrite: *overwrite, replaced: None, identity: None }
    }
}
