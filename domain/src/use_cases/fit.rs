//! Fit: reference and settings → detector → store → registry.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::fit_queue::{Computation, Place};
use super::fit_warnings::warnings;
use super::loaded::LoadedProject;
use super::online::Online;
use super::predict::{WORK_MAX_NS, too_much};
use super::registry::{Body, Entry};
use super::run_length::Trial;
use super::serving::Detector;
use super::text_reading::{TextReading, encoding_of, for_kernels};
use super::windows::Windows;
use super::{DriftService, FitError, ProjectView, RequestIdentity, RequestLimits};
use crate::data::{Cells, Frame, InvalidData, MissingValues, Schema, Table};
use crate::detectors::{
    CvmThresholds, DetectorKind, DetectorRequest, DetectorSpec, FitProblem, InvalidSettings, check_batch, check_online,
    fit_online,
};
use crate::ports::{CpuPool, IndexEntry, PortErrorKind, Progress, Silent, StoredProject};
use crate::preprocess::{Encoder, Encoding, Preprocessing};
use crate::project::{
    Configuration, DriftType, Policy, ProjectName, RunLengthReport, Status, UpdateMethod, WindowPolicy,
};
use crate::statistics::part::Part;

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
    /// What happens to rows with missing values, here and in predictions.
    pub missing_values: MissingValues,
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
    place: Place,
    reservation: Reservation,
    identity: Option<RequestIdentity>,
}

impl PreparedFit {
    /// The same of a request that may come again.
    #[must_use]
    pub fn known_by(self, identity: Option<RequestIdentity>) -> Self {
        Self { identity, ..self }
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

/// What has been read and checked.
struct Prepared {
    request: FitRequest,
    schema: Schema,
    /// Of texts, their features, and those of the reference.
    texts: Option<(TextReading, Frame<'static>)>,
    kind: DetectorKind,
    preprocessing: Preprocessing,
    specified: Specified,
}

/// A detector that is ready to be computed.
struct Specified {
    encoder: Encoder,
    spec: DetectorSpec,
    policy: Policy,
    /// The rows that an online detector is fitted on.
    encoded: Vec<f64>,
}

/// What the computation gives.
pub(super) struct Fitted {
    schema: Schema,
    texts: Option<TextReading>,
    preprocessing: Preprocessing,
    encoder: Encoder,
    detector: Detector,
    policy: Policy,
    reference_rows: usize,
    warnings: Vec<String>,
    run_length: Option<RunLengthReport>,
}

/// More rows of reference than this are refused.
pub const REFERENCE_ROWS_MAX: usize = 10_000_000;

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
        let place = self.fit_queue.enter()?;
        let asked = Asked::of(&request);
        let (pool, thresholds) = (Arc::clone(&self.ports.fit_pool), Arc::clone(&self.cvm_thresholds));
        let limits = self.request_limits;
        let computation = self.on_the_pool(place, move |progress| {
            let prepared = prepare(request, limits, &*pool, progress)?;
            compute(prepared, &thresholds, &*pool, progress)
        });
        Ok(self.fitted(computation.result().await?, asked, reservation))
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
        let place = self.fit_queue.enter()?;
        let prepared = prepare(request, self.request_limits, &Here, &Silent)?;
        Ok(PreparedFit { prepared, place, reservation, identity: None })
    }

    /// Puts the rest of a prepared fit into the queue of the pool.
    pub(super) fn compute_prepared(&self, fit: PreparedFit) -> (Computation, Asked, Reservation) {
        let PreparedFit { prepared, place, reservation, identity } = fit;
        let asked = Asked { identity, ..Asked::of(&prepared.request) };
        let (pool, thresholds) = (Arc::clone(&self.ports.fit_pool), Arc::clone(&self.cvm_thresholds));
        let computation = self.on_the_pool(place, move |progress| compute(prepared, &thresholds, &*pool, progress));
        (computation, asked, reservation)
    }

    fn on_the_pool(
        &self,
        place: Place,
        work: impl FnOnce(&dyn Progress) -> Result<Fitted, FitError> + Send + 'static,
    ) -> Computation {
        let (counts, clock) = (Arc::clone(&self.counts), Arc::clone(&self.ports.clock));
        let kind = |fitted: &Fitted| fitted.detector.spec().kind();
        let counted = move |progress: &dyn Progress| counts.fit(&*clock, kind, || work(progress));
        Computation::begin(place, &self.ports.fit_pool, Arc::clone(&self.ports.clock), counted)
    }

    /// What a computation gave, with its configuration.
    pub(super) fn fitted(&self, fitted: Fitted, asked: Asked, reservation: Reservation) -> FittedProject {
        let Asked { project, drift_type, overwrite, identity } = asked;
        let configuration = Configuration {
            generation: 1,
            project,
            drift_type,
            detector: fitted.detector.spec(),
            policy: fitted.policy,
            preprocessing: fitted.preprocessing.clone(),
            schema: fitted.schema.clone(),
            reference_rows: fitted.reference_rows,
            created_at: self.ports.clock.now(),
            fitted_by: self.settings.fitted_by.clone(),
            warnings: fitted.warnings.clone(),
            run_length: fitted.run_length,
            fitted_once: identity.map(|identity| identity.noted()),
        };
        FittedProject { fitted, configuration, overwrite, _reservation: reservation }
    }

    /// Stores a fitted project, durably, and serves it.
    ///
    /// # Errors
    /// When the name has been taken meanwhile, or when the store fails; then nothing of it is visible.
    pub async fn store(&self, fitted: FittedProject) -> Result<ProjectView, FitError> {
        let FittedProject { fitted, mut configuration, overwrite, _reservation } = fitted;
        self.check_free(&configuration.project, overwrite)?;
        let existing = self.registry.get(&configuration.project);
        let guard = match &existing {
            Some(entry) => Some(entry.lifecycle.lock().await),
            None => None,
        };
        configuration.generation = self.next_generation(&configuration.project).await?;
        let mut parameters = fitted.encoder.save();
        parameters.extend(fitted.detector.save());
        parameters.extend(fitted.texts.as_ref().map(TextReading::save).unwrap_or_default());
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

        let loaded = Arc::new(LoadedProject::new(stored.configuration, fitted.texts, fitted.encoder, fitted.detector));
        loaded.weight.hold(&self.memory.gauge, n_bytes, 0);
        let body = Body::Loaded(loaded);
        let is_gone = existing.as_ref().is_some_and(|entry| matches!(entry.slot().body, Body::Gone));
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

/// What of a request goes into the configuration as it came.
pub(super) struct Asked {
    project: ProjectName,
    drift_type: DriftType,
    overwrite: bool,
    identity: Option<RequestIdentity>,
}

impl Asked {
    fn of(request: &FitRequest) -> Self {
        let FitRequest { project, drift_type, overwrite, .. } = request;
        Self { project: project.clone(), drift_type: *drift_type, overwrite: *overwrite, identity: None }
    }
}

/// Whoever asks does the work.
struct Here;

impl CpuPool for Here {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }

    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..n_tasks).for_each(task);
    }
}

fn prepare(
    request: FitRequest,
    limits: RequestLimits,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<Prepared, FitError> {
    limits.check_columns(&request.reference)?;
    if request.drift_type == DriftType::Label && request.reference.columns().len() != 1 {
        let detail = format!("expected one column for `label`, {} came", request.reference.columns().len());
        return Err(InvalidData::whole(detail).into());
    }
    if request.reference.n_rows() > REFERENCE_ROWS_MAX {
        let detail = format!("expected at most {REFERENCE_ROWS_MAX} rows, {} came", request.reference.n_rows());
        return Err(InvalidData::whole(detail).into());
    }
    let schema = schema_of(&request)?;
    let frame = schema.read(&request.reference)?;
    if frame.n_rows() == 0 {
        return Err(InvalidData::whole("expected rows without missing values, every row has one").into());
    }
    let kind = request.detector.kind_for(request.drift_type, &schema, &frame)?;
    let preprocessing = preprocessing(&request, kind)?;
    if request.drift_type == DriftType::Text && kind != DetectorKind::Dummy {
        let n_components = preprocessing.n_components;
        let seed = request.detector.seed.unwrap_or(0);
        let (texts, frame) = TextReading::fit(&schema, &request.reference, n_components, seed, pool, progress)?;
        let preprocessing = Preprocessing { n_components: Some(texts.n_components()), ..preprocessing };
        let specified = specify(&request, kind, texts.schema(), &frame, &preprocessing, Some(&texts));
        let specified = specified.map_err(|error| of_one_half(error, &frame))?;
        limits.check_detector(&specified.spec)?;
        return Ok(Prepared { schema, texts: Some((texts, frame)), kind, preprocessing, specified, request });
    }
    let (schema, frame) = match request.detector.schema_for(kind, &schema, &frame)? {
        None => (schema, frame),
        Some(schema) => {
            let frame = schema.read(&request.reference)?;
            (schema, frame)
        }
    };
    let specified = specify(&request, kind, &schema, &frame, &preprocessing, None)?;
    limits.check_detector(&specified.spec)?;
    drop(frame);
    Ok(Prepared { schema, texts: None, kind, preprocessing, specified, request })
}

fn schema_of(request: &FitRequest) -> Result<Schema, InvalidData> {
    let FitRequest { reference, missing_values, .. } = request;
    match (request.drift_type, request.detector.kind) {
        (DriftType::Text, _) => Schema::of_texts(reference, *missing_values),
        (_, Some(DetectorKind::Dummy)) => Schema::of_any(reference, *missing_values),
        _ => Schema::infer(reference, *missing_values),
    }
}

/// Too few rows, where one half of them is meant.
fn of_one_half(error: FitError, compared: &Frame<'_>) -> FitError {
    match error {
        FitError::Problem(problem @ (FitProblem::TooFewRows { .. } | FitProblem::TooFewReferenceRows { .. })) => {
            let detail = format!(
                "{problem} to compare with: one half of the texts teaches the features, {} are left",
                compared.n_rows()
            );
            InvalidData::whole(detail).into()
        }
        other => other,
    }
}

/// The detector with every parameter, for rows as it sees them.
fn specify(
    request: &FitRequest,
    kind: DetectorKind,
    schema: &Schema,
    frame: &Frame<'_>,
    preprocessing: &Preprocessing,
    texts: Option<&TextReading>,
) -> Result<Specified, FitError> {
    let encoder = Encoder::fit(frame, &encoding_of(preprocessing, texts), kind.encoding())?;
    let encoder = for_kernels(encoder, kind, texts.map(TextReading::n_components));
    let policy = request.detector.policy(kind, schema.columns.len())?;
    let (spec, encoded) = if kind.is_online() {
        let spec = request.detector.online_specification(kind, encoder.width())?;
        // A kernel has no bandwidth then, and a share of ones no variance; ranks do well with a constant.
        if matches!(kind.encoding(), Encoding::Kernel | Encoding::Binary) && is_constant(frame) {
            return Err(FitProblem::AllConstant.into());
        }
        check_online(&spec, frame.n_rows(), encoder.width())?;
        if kind == DetectorKind::Dummy && request.report_run_length {
            return Err(InvalidSettings::one("report_run_length", "`dummy` raises no alarm; leave it out").into());
        }
        let encoded = if kind == DetectorKind::Dummy { Vec::new() } else { encoder.encode(frame) };
        (DetectorSpec::Online(spec), encoded)
    } else {
        let spec = request.detector.batch_specification(kind, schema, frame.n_rows())?;
        if request.report_run_length {
            let detail = format!("`{kind}` judges windows, whose false alarms its `p_val` bounds; leave it out");
            return Err(InvalidSettings::one("report_run_length", detail).into());
        }
        if kind.encoding() == Encoding::Kernel && is_constant(frame) {
            return Err(FitProblem::AllConstant.into());
        }
        if kind == DetectorKind::ContextMmd && preprocessing.n_components.is_some() {
            let detail = "components mix columns with their context; leave it out";
            return Err(InvalidSettings::one("preprocessing/n_components", detail).into());
        }
        check_batch(&spec, frame.n_rows())?;
        if let Some(update) = policy.update_reference {
            check_batch(&spec, update.rows).map_err(|problem| {
                let setting = match update.method {
                    UpdateMethod::Last => "detector/update_reference/last",
                    UpdateMethod::Reservoir => "detector/update_reference/reservoir",
                };
                InvalidSettings::one(setting, problem.to_string())
            })?;
        }
        let least = *spec.window_rows().start();
        if let Some(window) = policy.window
            && window.size < least
        {
            let detail = format!("expected a window of at least {least} rows for `{kind}`, {} came", window.size);
            return Err(InvalidSettings::one("detector/window/size", detail).into());
        }
        let n_reference = policy.update_reference.map_or(0, |update| update.rows).max(frame.n_rows());
        let n_together = policy.window.map_or(0, |window| window.size.saturating_add(n_reference));
        if let Some(most) = spec.rows_together_max()
            && n_together > most
        {
            let detail = format!("expected at most {most} rows of reference and window together, {n_together} came");
            return Err(InvalidSettings::one("detector/window/size", detail).into());
        }
        (DetectorSpec::Batch(spec), Vec::new())
    };
    Ok(Specified { encoder, spec, policy, encoded })
}

fn compute(
    prepared: Prepared,
    thresholds: &CvmThresholds,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<Fitted, FitError> {
    progress.stage("fitting the detector");
    let Prepared { request, schema: of_request, texts, kind, preprocessing, specified } = prepared;
    let Specified { encoder, spec, mut policy, encoded } = specified;
    let (texts, of_texts) = texts.unzip();
    let schema = texts.as_ref().map_or(&of_request, TextReading::schema);
    // It borrows from the request, so it could not come along; reading it costs little beside the fit.
    let frame = of_texts.map_or_else(|| schema.read(&request.reference), Ok)?;
    let n_components = texts.as_ref().map(TextReading::n_components);
    let mut warnings = warnings(schema, &frame, kind, n_components);
    let mut run_length = None;
    let reference_rows = if texts.is_some() { request.reference.n_rows() - frame.n_dropped() } else { frame.n_rows() };
    let detector = match spec {
        DetectorSpec::Online(spec) => {
            let [for_fit, for_trial] = Part::split(progress, [1.0, f64::from(u8::from(request.report_run_length))]);
            let detector = fit_online(&spec, &encoded, encoder.width(), thresholds, pool, &for_fit)?;
            if request.report_run_length {
                let preprocessing = &encoding_of(&preprocessing, texts.as_ref());
                let (detector, progress) = (&request.detector, &for_trial);
                let trial = Trial { kind, detector, preprocessing, n_components, thresholds, pool, progress };
                match trial.report(&frame)? {
                    Ok(report) => run_length = Some(report),
                    Err(why_not) => warnings.push(why_not),
                }
            }
            Detector::Online(Online::new(detector, schema, &encoder, &frame, pool, progress)?)
        }
        DetectorSpec::Batch(spec) => {
            let windows = Windows::fit(&spec, schema, &encoder, &frame, pool, progress)?;
            let is_sized = request.detector.window.is_none_or(|wanted| wanted.size.is_some());
            policy.window = bounded(policy, is_sized, &windows)?;
            Detector::Windows(if policy.update_reference.is_some() { windows.with_reference(frame) } else { windows })
        }
    };
    Ok(Fitted {
        schema: of_request,
        texts,
        preprocessing,
        encoder,
        detector,
        policy,
        reference_rows,
        warnings,
        run_length,
    })
}

/// The window of a policy, if one can be judged in time. One that only age closes waits for no more rows than can be judged in
/// passing.
fn bounded(policy: Policy, is_sized: bool, windows: &Windows) -> Result<Option<WindowPolicy>, InvalidSettings> {
    let Some(mut window) = policy.window else { return Ok(None) };
    if !is_sized {
        while window.size > 2 && windows.window_cost_ns(window.size, &policy) > WORK_MAX_NS / 10 {
            window.size /= 2;
        }
        window.stride = window.stride.min(window.size);
    }
    let work_ns = windows.window_cost_ns(window.size, &policy);
    if work_ns > WORK_MAX_NS {
        return Err(InvalidSettings::one("detector/window/size", too_much(window.size, work_ns)));
    }
    Ok(Some(window))
}

fn preprocessing(request: &FitRequest, kind: DetectorKind) -> Result<Preprocessing, InvalidSettings> {
    let is_of_texts = request.drift_type == DriftType::Text && kind != DetectorKind::Dummy;
    // Components of texts carry the less the more of them there are; scaled, the last ones would count as the first.
    let is_scaled = kind.encoding() == Encoding::Kernel && !is_of_texts;
    let settings =
        Preprocessing { standardize: request.standardize.unwrap_or(is_scaled), n_components: request.n_components };
    if kind.encoding() != Encoding::Kernel {
        let alone = |setting| {
            InvalidSettings::one(setting, format!("`{kind}` judges each column as it is and has no such setting"))
        };
        if settings.n_components.is_some() && !is_of_texts {
            return Err(alone("preprocessing/n_components"));
        }
        if settings.standardize {
            return Err(alone("preprocessing/standardize"));
        }
    }
    Ok(settings)
}

fn is_constant(frame: &Frame) -> bool {
    frame.columns().iter().all(|cells| match cells {
        Cells::Numeric(values) => values.iter().all(|value| *value == values[0]),
        Cells::Categorical { codes, .. } => codes.iter().all(|code| *code == codes[0]),
    })
}
