//! A project in memory: what never changes, and what moves while it serves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use futures_channel::oneshot;

use super::marks::Mark;
use super::measures::{Position, WindowMeasures};
use super::memory::Weight;
use super::once::RecentAnswers;
use super::online::Online;
use super::reading::{Readers, Reading, encoding_of};
use super::recent::RecentColumns;
use super::recording::window_sizes;
use super::registry::{Body, Entry, Known};
use super::serving::{Detector, Feeding, State};
use super::tally::Tally;
use super::windows::Windows;
use super::{DriftService, ProjectError};
use crate::data::{Frame, InvalidData, MissingValues, Schema, Table, TensorError, Tensors};
use crate::detection::Detection;
use crate::detectors::{DetectorSpec, restore_batch, restore_online};
use crate::ports::{CpuPool, PortError, PortErrorKind, StoredProject};
use crate::preprocess::{ENCODER, Encoder, Encoding, IMAGE_ENCODER, Sequence};
use crate::project::{AfterAlarm, Configuration, Policy, ProjectName, Status};
use crate::quality::{Quality, QualityFinding, QualityState, RowsCome};

/// A project in memory.
pub(super) struct LoadedProject {
    pub(super) configuration: Arc<Configuration>,
    /// Of texts and images, the features that detectors see.
    pub(super) reading: Option<Reading>,
    pub(super) encoder: Encoder,
    pub(super) detector: Detector,
    /// The checks of the rows themselves, where they are on.
    pub(super) quality: Option<Quality>,
    /// Held by whoever feeds rows: one at a time, possibly for long, and never waited for on a pool's thread, which may be the
    /// one that feeds.
    pub(super) running: Arc<async_lock::Mutex<Running>>,
    /// What a listing tells: as it was after the last rows.
    told: Mutex<Told>,
    /// Whether the state has moved since it was last saved.
    dirty: AtomicBool,
    /// What it takes in memory.
    pub(super) weight: Weight,
}

#[derive(Clone)]
struct Told {
    time: u64,
    tally: Tally,
    n_pending: usize,
    /// The statistic of each window in the last verdict, of several columns the largest; `NaN` where there is none.
    statistics: Vec<f64>,
    /// What moved in the last window that was explained; of detectors that judge windows.
    columns: Option<Arc<RecentColumns>>,
}

/// A request that may give more verdicts than this is refused: they are held in memory until they are answered.
const VERDICTS_MAX: usize = 250_000;
/// A request with more rows than this is refused where they are collected.
const ROWS_COLLECTED_MAX: usize = 10_000_000;

/// What moves.
pub(super) struct Running {
    pub(super) state: State,
    pub(super) quality: QualityState,
    pub(super) tally: Tally,
    /// Those of the latest requests that may come again.
    pub(super) answers: RecentAnswers,
    /// Whether it has been unloaded and takes no more rows.
    pub(super) is_closed: bool,
}

impl LoadedProject {
    pub(super) fn new(
        configuration: Configuration,
        reading: Option<Reading>,
        encoder: Encoder,
        detector: Detector,
        quality: Option<Quality>,
    ) -> Self {
        let state = detector.start(judged(&configuration, reading.as_ref(), &detector));
        let of_quality = quality.as_ref().map(Quality::start).unwrap_or_default();
        let (tally, answers) = (Tally::default(), RecentAnswers::default());
        let running = Running { state, quality: of_quality, tally, answers, is_closed: false };
        Self::with(configuration, reading, encoder, detector, quality, running)
    }

    fn with(
        configuration: Configuration,
        reading: Option<Reading>,
        encoder: Encoder,
        detector: Detector,
        quality: Option<Quality>,
        running: Running,
    ) -> Self {
        let Running { state, tally, .. } = &running;
        let told = Told {
            time: state.time(),
            tally: tally.clone(),
            n_pending: state.n_pending(),
            statistics: Vec::new(),
            columns: None,
        };
        Self {
            configuration: Arc::new(configuration),
            reading,
            encoder,
            detector,
            quality,
            running: Arc::new(async_lock::Mutex::new(running)),
            told: Mutex::new(told),
            dirty: AtomicBool::new(false),
            weight: Weight::default(),
        }
    }

    /// Whether each request is judged by itself, whatever came before it.
    pub(super) fn keeps_nothing(&self) -> bool {
        let Policy { window, update_reference, after_alarm } = &self.configuration.policy;
        matches!(self.detector, Detector::Windows(_))
            && window.is_none()
            && update_reference.is_none()
            && *after_alarm != AfterAlarm::Latch
    }

    /// A project at its start, with the counters of a former state where they can be read.
    pub(super) fn restore_at_start(
        stored: StoredProject,
        former: Option<&Tensors>,
        readers: &Readers,
        pool: &dyn CpuPool,
    ) -> Result<Self, TensorError> {
        let project = Self::restore(stored, None, readers, pool)?;
        let state = project.detector.start(project.schema());
        let tally = former.map(Tally::restore).and_then(Result::ok).unwrap_or_default();
        let answers = former.map(RecentAnswers::restore).and_then(Result::ok).unwrap_or_default();
        let quality = project.quality.as_ref().map(Quality::start).unwrap_or_default();
        Ok(project.moved_to(Running { state, quality, tally, answers, is_closed: false }))
    }

    pub(super) fn restore(
        stored: StoredProject,
        state: Option<&Tensors>,
        readers: &Readers,
        pool: &dyn CpuPool,
    ) -> Result<Self, TensorError> {
        let StoredProject { configuration, parameters } = stored;
        // As of a detector that no fit gives: a configuration can be written by hand.
        if configuration.schema.columns.is_empty() || configuration.preprocessing.n_components == Some(0) {
            let reason = "the configuration has no column".to_owned();
            return Err(TensorError::Value { name: "preprocess.center".to_owned(), reason });
        }
        let reading = Reading::restore(&configuration, &parameters, readers)?;
        let schema = reading.as_ref().map_or(&configuration.schema, Reading::schema);
        let sequence = match (&configuration.sequence, &configuration.detector) {
            (Some(spec), DetectorSpec::Online(detector)) if detector.kind().encoding() != Encoding::Binary => {
                Some(Sequence::restore(spec, schema, &parameters)?)
            }
            _ => None,
        };
        let schema = sequence.as_ref().map_or(schema, Sequence::schema);
        let policy = &configuration.policy;
        let preprocessing = encoding_of(&configuration.preprocessing, reading.as_ref());
        let encoder = Encoder::restore(&parameters, schema, &preprocessing)?;
        let detector = match &configuration.detector {
            DetectorSpec::Online(spec) => {
                let detector = restore_online(spec, &parameters, encoder.width())?;
                Detector::Online(Online::restore(detector, schema, &parameters)?.reading(sequence.clone()))
            }
            DetectorSpec::Batch(spec) => {
                if policy.window.is_some_and(|window| window.size < 2 || !(1..=window.size).contains(&window.stride)) {
                    let reason = format!("no fit gives such a window: {:?}", policy.window);
                    return Err(TensorError::Value { name: "columns".to_owned(), reason });
                }
                let reference = policy.update_reference.map(|_| Frame::restore("reference", schema, &parameters));
                Detector::Windows(Windows::new(
                    restore_batch(spec, schema, &parameters, &encoder)?,
                    reference.transpose()?,
                ))
            }
        };
        let rows = RowsCome::of(matches!(detector, Detector::Online(_)), policy.window);
        let quality = Quality::restore(configuration.quality.as_ref(), &configuration.schema, &parameters, rows)?;
        let project = Self::new(configuration, reading, encoder, detector, quality);
        let Some(tensors) = state else { return Ok(project) };
        let state = project.detector.restore_state(tensors, project.feeding(None, DateTime::UNIX_EPOCH, pool))?;
        let tally = Tally::restore(tensors)?;
        let answers = RecentAnswers::restore(tensors)?;
        let quality = project.quality.as_ref().map(|quality| quality.restore_state(tensors)).transpose()?;
        let quality = quality.unwrap_or_default();
        Ok(project.moved_to(Running { state, quality, tally, answers, is_closed: false }))
    }

    fn moved_to(self, running: Running) -> Self {
        let Self { configuration, reading, encoder, detector, quality, .. } = self;
        Self::with(Arc::unwrap_or_clone(configuration), reading, encoder, detector, quality, running)
    }

    /// The columns that the detector sees.
    pub(super) fn schema(&self) -> &Schema {
        judged(&self.configuration, self.reading.as_ref(), &self.detector)
    }

    /// Rows as the detector sees them, and as they came, where their quality is checked.
    ///
    /// # Errors
    /// When they are not those of the schema.
    pub(super) fn read<'t>(&self, rows: &'t Table, pool: &dyn CpuPool) -> Result<ReadRows<'t>, InvalidData> {
        let schema = &self.configuration.schema;
        let is_checked = self.quality.is_some();
        let is_thinned = schema.missing_values == MissingValues::Drop;
        let (judged, whole) = match &self.reading {
            Some(reading) => {
                let judged = reading.read(schema, rows, pool)?;
                (judged, is_checked.then(|| schema.read_whole(rows)).transpose()?)
            }
            None if is_checked && is_thinned => {
                let whole = schema.read_whole(rows)?;
                (whole.clone().without_missing(), Some(whole))
            }
            None => (schema.read(rows)?, None),
        };
        Ok(ReadRows { judged, whole, is_thinned })
    }

    /// What the checks find in rows that have been fed; each verdict is given its own.
    pub(super) fn check_quality(
        &self,
        state: &mut QualityState,
        rows: &ReadRows<'_>,
        detections: &mut [Detection],
    ) -> Vec<QualityFinding> {
        let Some(quality) = &self.quality else { return Vec::new() };
        let findings = quality.check(state, rows.whole.as_ref().unwrap_or(&rows.judged));
        for finding in &findings {
            let detection = match &self.detector {
                Detector::Online(_) => detections.get_mut(rows.judged_row(finding.row)),
                // One that has not closed yet has no verdict.
                Detector::Windows(_) => detections.last_mut(),
            };
            if let Some(detection) = detection {
                detection.quality.push(finding.clone());
            }
        }
        findings
    }

    /// What does not change while rows are fed.
    pub(super) fn feeding<'f>(
        &'f self,
        explain: Option<bool>,
        at: DateTime<Utc>,
        pool: &'f dyn CpuPool,
    ) -> Feeding<'f> {
        let policy = &self.configuration.policy;
        Feeding { schema: self.schema(), encoder: &self.encoder, policy, explain, at, pool }
    }

    /// How many rows a request can have.
    pub(super) fn n_rows_max(&self) -> usize {
        match (&self.detector, self.configuration.policy.window) {
            (Detector::Windows(windows), None) => *windows.detector().spec().window_rows().end(),
            (Detector::Windows(_), Some(window)) => VERDICTS_MAX.saturating_mul(window.stride).min(ROWS_COLLECTED_MAX),
            (Detector::Online(_), _) => VERDICTS_MAX,
        }
    }

    /// Whether so many rows can be a window, where a request is one.
    pub(super) fn check_window(&self, n_rows: usize) -> Result<(), InvalidData> {
        let Detector::Windows(windows) = &self.detector else { return Ok(()) };
        let spec = windows.detector().spec();
        let least = *spec.window_rows().start();
        // Without any row there is no window.
        if self.configuration.policy.window.is_some() || n_rows == 0 || n_rows >= least {
            return Ok(());
        }
        let kind = spec.kind();
        Err(InvalidData::whole(format!(
            "expected a window of at least {least} rows for `{kind}`, {n_rows} came; send more rows at once, or fit with \
             a `window`, for which the server collects them"
        )))
    }

    /// What a listing tells of it.
    pub(super) fn known(&self) -> Known {
        let Told { time, tally, .. } = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Known { configuration: Arc::clone(&self.configuration), time, tally }
    }

    /// Tells listings what has been fed, and measures what the last of these verdicts is.
    pub(super) fn tell(&self, running: &Running, detections: &[Detection]) {
        // Online, the last rows are kept themselves.
        let explained = match &self.detector {
            Detector::Windows(_) => detections.iter().rev().find_map(RecentColumns::of_window).map(Arc::new),
            Detector::Online(_) => None,
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.time = running.state.time();
        told.tally.clone_from(&running.tally);
        told.n_pending = running.state.n_pending();
        if let Some(last) = detections.last() {
            largest_by_window(last, window_sizes(&self.configuration).len(), &mut told.statistics);
        } else if told.tally.last_detection.is_none() {
            told.statistics.clear();
            told.columns = None;
        }
        if explained.is_some() {
            told.columns = explained;
        }
    }

    /// What moved in the last window that was explained.
    pub(super) fn last_columns(&self) -> Option<Arc<RecentColumns>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).columns.clone()
    }

    /// What tells whether something of it has moved.
    pub(super) fn mark(&self, status: Status) -> Mark {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        Mark::of(status, Some(&self.configuration), told.time, &told.tally)
    }

    /// What the detector is at, for whoever measures.
    pub(super) fn position(&self) -> Position {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sizes = window_sizes(&self.configuration);
        let last = told.tally.last_detection.as_ref().map(|last| &last.detection);
        let statistic = |index: usize| match told.statistics.get(index) {
            Some(statistic) => Some(*statistic).filter(|statistic| !statistic.is_nan()),
            // Of a restored state there is the statistic of all windows alone.
            None if sizes.len() < 2 => last.and_then(|last| last.statistic),
            None => None,
        };
        let windows = match sizes {
            [] => vec![WindowMeasures { n_rows: None, statistic: statistic(0) }],
            sizes => {
                let windows = sizes.iter().enumerate();
                windows.map(|(index, n)| WindowMeasures { n_rows: Some(*n), statistic: statistic(index) }).collect()
            }
        };
        let n_come = match &self.detector {
            Detector::Online(_) => told.time,
            Detector::Windows(_) => told.n_pending as u64,
        };
        Position {
            windows,
            threshold: last.and_then(|last| last.threshold),
            p_value: last.and_then(|last| last.p_value),
            fill: sizes.iter().max().map(|n_rows| (n_come as f64 / (*n_rows).max(1) as f64).min(1.0)),
        }
    }

    /// Marks the state as moved; says whether it was not marked before.
    pub(super) fn mark_dirty(&self) -> bool {
        !self.dirty.swap(true, Ordering::AcqRel)
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.dirty.load(Ordering::Acquire)
    }

    /// The state to save, once nobody feeds rows; from now on it counts as saved.
    pub(super) async fn take_state(&self) -> Tensors {
        let running = self.running.lock().await;
        self.state_of(&running)
    }

    /// The same, unless somebody feeds rows.
    pub(super) fn try_take_state(&self) -> Option<Tensors> {
        self.running.try_lock().map(|running| self.state_of(&running))
    }

    fn state_of(&self, running: &Running) -> Tensors {
        self.dirty.store(false, Ordering::Release);
        let mut tensors = self.detector.save_state(&running.state);
        running.tally.save(&mut tensors);
        running.answers.save(&mut tensors);
        running.quality.save(&mut tensors);
        self.weight.moved(tensors.n_bytes());
        tensors
    }
}

/// The rows of a request.
pub(super) struct ReadRows<'t> {
    /// As the detector sees them.
    pub(super) judged: Frame<'t>,
    /// As they came, in the columns of the configuration, where that differs.
    whole: Option<Frame<'t>>,
    /// Whether rows with missing values are left out.
    is_thinned: bool,
}

impl ReadRows<'_> {
    /// The place among the judged rows of one that came, or of the last one before it that was not left out.
    fn judged_row(&self, row: usize) -> usize {
        let Some(whole) = self.whole.as_ref().filter(|_| self.is_thinned && self.judged.n_dropped() > 0) else {
            return row;
        };
        let is_judged = |row: &usize| !whole.columns().iter().any(|cells| cells.is_missing(*row));
        (0..=row).filter(is_judged).count().saturating_sub(1)
    }
}

/// The columns that a detector sees.
fn judged<'s>(configuration: &'s Configuration, reading: Option<&'s Reading>, detector: &'s Detector) -> &'s Schema {
    detector.judged(reading.map_or(&configuration.schema, Reading::schema))
}

/// The statistic of each window in a verdict, of several columns the largest; `NaN` where there is none.
fn largest_by_window(detection: &Detection, n_windows: usize, largest: &mut Vec<f64>) {
    largest.clear();
    let n_columns = detection.windows.len() / n_windows.max(1);
    if n_columns == 0 {
        largest.push(detection.statistic.unwrap_or(f64::NAN));
        return;
    }
    largest.extend(detection.windows.chunks(n_columns).map(|columns| columns.iter().copied().fold(f64::NAN, f64::max)));
}

/// A project that is ready to judge rows.
#[derive(Clone)]
pub struct OpenProject {
    pub(super) entry: Arc<Entry>,
    pub(super) loaded: Arc<LoadedProject>,
}

impl OpenProject {
    /// Its name.
    pub fn name(&self) -> &ProjectName {
        &self.entry.name
    }

    /// Its configuration.
    pub fn configuration(&self) -> &Configuration {
        &self.loaded.configuration
    }

    /// The columns that its verdicts are about: those that were fitted, or the features of texts and images.
    pub fn judged_schema(&self) -> &Schema {
        self.loaded.schema()
    }

    /// How many rows a request can have.
    pub fn n_rows_max(&self) -> usize {
        self.loaded.n_rows_max()
    }

    /// What its detector is at.
    pub fn position(&self) -> Position {
        self.loaded.position()
    }
}

impl DriftService {
    /// The project of a name, ready to judge rows; loads it if it is not in memory.
    ///
    /// # Errors
    /// When there is none, when it is inactive, and when it cannot be loaded.
    pub async fn open(&self, name: &ProjectName) -> Result<OpenProject, ProjectError> {
        let entry = self.registry.get(name).ok_or(ProjectError::NotFound)?;
        self.open_entry(&entry).await
    }

    pub(super) async fn open_entry(&self, entry: &Arc<Entry>) -> Result<OpenProject, ProjectError> {
        let slot = entry.slot();
        let entry = Arc::clone(entry);
        match (slot.status, slot.body) {
            (_, Body::Gone) => Err(ProjectError::NotFound),
            (Status::Inactive, _) => Err(ProjectError::Inactive),
            (Status::Active, Body::Loaded(loaded)) => {
                self.registry.note_use(&entry);
                Ok(OpenProject { entry, loaded })
            }
            (Status::Active, Body::Failed { reason }) => Err(ProjectError::Failed { reason: reason.to_string() }),
            (Status::Active, Body::Cold(_)) => {
                let guard = entry.lifecycle.lock().await;
                let loaded = self.load_cold(&entry).await?;
                drop(guard);
                Ok(OpenProject { entry, loaded })
            }
        }
    }

    /// Reads an active project into memory; its lifecycle is held by the caller.
    pub(super) async fn load_cold(&self, entry: &Arc<Entry>) -> Result<Arc<LoadedProject>, ProjectError> {
        // Somebody else may have done it, or deleted it, while this one waited.
        match entry.slot() {
            super::registry::Slot { body: Body::Loaded(loaded), .. } => return Ok(loaded),
            super::registry::Slot { body: Body::Gone, .. } => return Err(ProjectError::NotFound),
            super::registry::Slot { status: Status::Inactive, .. } => return Err(ProjectError::Inactive),
            super::registry::Slot { .. } => {}
        }
        self.memory.room().await;
        match self.read(&entry.name).await {
            Ok(loaded) => {
                let loaded = Arc::new(loaded);
                self.registry.note_use(entry);
                self.memory.count_load();
                entry.set(Status::Active, Body::Loaded(Arc::clone(&loaded)));
                self.note_waiting(entry, &loaded);
                self.memory.wish();
                Ok(loaded)
            }
            Err(ReadError::Damaged { reason, cause }) => {
                tracing::error!(project = %entry.name, reason, cause, "a project cannot be loaded");
                entry.set(Status::Active, Body::Failed { reason: reason.into() });
                Err(ProjectError::Failed { reason: reason.to_owned() })
            }
            Err(ReadError::Storage(error)) => Err(ProjectError::Storage(error)),
        }
    }

    async fn read(&self, name: &ProjectName) -> Result<LoadedProject, ReadError> {
        let stored = match self.ports.artifacts.project(name).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return Err(ReadError::damaged("its files are gone", "no configuration")),
            Err(error) => return Err(ReadError::from_port(error, "its configuration or parameters are damaged")),
        };
        let generation = stored.configuration.generation;
        let state = match self.ports.artifacts.state(name, generation).await {
            Ok(state) => state,
            Err(error) => return Err(ReadError::from_port(error, "its online state is damaged; reset it to go on")),
        };
        let (parameters, moving) = (stored.parameters.n_bytes(), state.as_ref().map_or(0, Tensors::n_bytes));
        let readers = self.readers.clone();
        let loaded = self.restored(move |pool| LoadedProject::restore(stored, state.as_ref(), &readers, pool)).await;
        let loaded = loaded.map_err(|error| {
            let reason = match &error {
                TensorError::Value { name, .. } if name == ENCODER => "its encoder of texts is not there any more",
                TensorError::Value { name, .. } if name == IMAGE_ENCODER => {
                    "its encoder of images is not there any more"
                }
                _ => "its arrays are not those of its detector",
            };
            ReadError::damaged(reason, &error.to_string())
        })?;
        loaded.weight.hold(&self.memory.gauge, parameters, moving);
        Ok(loaded)
    }

    /// Makes a project of what was stored on the pool: a reference that has moved on is fitted anew.
    pub(super) async fn restored(
        &self,
        restore: impl FnOnce(&dyn CpuPool) -> Result<LoadedProject, TensorError> + Send + 'static,
    ) -> Result<LoadedProject, TensorError> {
        let (sender, receiver) = oneshot::channel();
        let pool = Arc::clone(&self.ports.predict_pool);
        self.ports.predict_pool.spawn(Box::new(move || {
            // Whoever asked may have left.
            let _ = sender.send(restore(&*pool));
        }));
        receiver.await.unwrap_or_else(|_| {
            let reason = "restoring it ended unexpectedly".to_owned();
            Err(TensorError::Value { name: "parameters".to_owned(), reason })
        })
    }
}

/// Why a project cannot be read.
enum ReadError {
    /// What is stored cannot be used.
    Damaged {
        /// For people.
        reason: &'static str,
        /// For the log.
        cause: String,
    },
    /// The store cannot be reached; trying again may help.
    Storage(PortError),
}

impl ReadError {
    fn damaged(reason: &'static str, cause: &str) -> Self {
        Self::Damaged { reason, cause: cause.to_owned() }
    }

    fn from_port(error: PortError, reason: &'static str) -> Self {
        if error.kind() == PortErrorKind::Damaged {
            Self::Damaged { reason, cause: error.source_text() }
        } else {
            Self::Storage(error)
        }
    }
}
