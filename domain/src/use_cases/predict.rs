//! Predict: rows → numbers → detector, in order, under the project's own lock. Waits for no disk and no network.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_channel::oneshot;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::loaded::{LoadedProject, Running};
use super::measures::Feeding;
use super::once::Answered;
use super::recording::{Cause, Recording};
use super::registry::{Body, Entry};
use super::{
    DriftService, FirstAnswer, OpenProject, PredictError, ProjectError, RequestIdentity, StateDurability, WriteAnswer,
};
use crate::data::{InvalidData, Table};
use crate::detection::Detection;
use crate::ports::{CpuPool, PortError, PortErrorKind, Trace};
use crate::project::ProjectName;
use crate::quality::QualityFinding;

/// Rows to judge.
#[derive(Debug, Clone)]
pub struct PredictRequest {
    /// The rows.
    pub rows: Table,
    /// Whether the verdict says what moved: by default that of a window does, and that of a row where it drifts.
    pub explain: Option<bool>,
    /// What the client, or the server, calls the request: whoever is told of the verdicts is told that too.
    pub id: Option<Box<str>>,
    /// The trace that the request belongs to, which goes on to whoever is told.
    pub trace: Option<Trace>,
}

impl PredictRequest {
    fn cause(&self) -> Cause<'_> {
        Cause { request_id: self.id.as_deref(), trace: self.trace.as_ref() }
    }
}

impl From<Table> for PredictRequest {
    fn from(rows: Table) -> Self {
        Self { rows, explain: None, id: None, trace: None }
    }
}

/// The verdicts on the rows of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Rows fed.
    pub rows: usize,
    /// Rows left out because of missing values.
    pub rows_dropped: usize,
    /// Rows fed since the start or the last reset.
    pub time: u64,
    /// Whether every verdict is drift, since there was one, until a reset.
    pub is_latched: bool,
    /// Rows that wait for their window to close; of detectors that collect them.
    pub pending_rows: Option<usize>,
    /// One a row fed or a window closed, in order.
    pub detections: Vec<Detection>,
    /// What the checks of quality found, in the order of the rows of the request. Where a verdict stands for such a row (of
    /// windows: the last one that closed), it holds the finding too.
    pub quality: Vec<QualityFinding>,
}

/// Work that takes longer than this runs on the pool, in nanoseconds.
pub(super) const INLINE_MAX_NS: u64 = 500_000;
/// Requests that take longer than this, in nanoseconds, are refused: other projects wait for processors meanwhile.
pub(super) const WORK_MAX_NS: u64 = 120_000_000_000;
/// About what a row costs beside the detector's step, in nanoseconds.
const ROW_COST_NS: u64 = 500;

impl DriftService {
    /// Feeds rows and answers with their verdicts. All rows are checked before the first is fed, and once begun they
    /// are all fed.
    ///
    /// # Errors
    /// When a row cannot be used; when the state must be saved before the answer and cannot be; when the server serves
    /// read-only and the rows would move a state.
    pub async fn predict(
        &self,
        project: &OpenProject,
        request: impl Into<PredictRequest>,
    ) -> Result<Prediction, PredictError> {
        self.carry_out(project, request.into(), |feeder, loaded, running, pool| feeder.feed(loaded, running, pool))
            .await
    }

    /// The same for a request that may come again: its rows are fed once, and whoever sends it again is given its first answer,
    /// as `write` wrote it. While the first one is at work, the others wait for it. What is refused has fed nothing, and is
    /// not kept.
    ///
    /// With [`StateDurability::Always`] this holds over the end of the server, however that came; with
    /// [`StateDurability::Interval`] answers are as durable as the rows that they answer, as they are saved together.
    ///
    /// # Errors
    /// As [`Self::predict`]; when another request came under the key; when the first answer was too large to be kept.
    pub async fn predict_once(
        &self,
        project: &OpenProject,
        request: PredictRequest,
        identity: RequestIdentity,
        write: WriteAnswer,
    ) -> Result<FirstAnswer, PredictError> {
        let kept = Arc::clone(&self.answers);
        self.carry_out(project, request, move |feeder, loaded, running, pool| {
            let fit = loaded.configuration.created_at.timestamp_micros();
            let first = running.answers.get(&identity.key, feeder.at);
            if let Some(first) = first.or_else(|| kept.get(fit, &identity.key, feeder.at)) {
                return first.again(&identity);
            }
            let prediction = feeder.feed(loaded, running, pool)?;
            let written = write(&prediction).map_err(|cause| {
                tracing::error!(project = %feeder.name, cause, "an answer cannot be written");
                PredictError::Crashed
            });
            // That the rows are fed is known in any case.
            let answered = Answered::new(identity, feeder.at, written.as_ref().cloned().unwrap_or_default());
            running.answers.push(Arc::clone(&answered));
            kept.keep(fit, &answered, feeder.at);
            Ok(FirstAnswer { bytes: written?.into(), is_replayed: false })
        })
        .await
    }

    /// A project that has left memory since it was opened, in memory again.
    async fn reopened(&self, former: &OpenProject) -> Result<OpenProject, PredictError> {
        let open = self.open_entry(&former.entry).await.map_err(|error| match error {
            ProjectError::NotFound | ProjectError::Inactive => PredictError::Inactive,
            ProjectError::ReadOnly => PredictError::ReadOnly,
            ProjectError::Storage(error) => error.into(),
            ProjectError::Failed { reason } => {
                PortError::new(PortErrorKind::Unavailable, "load a project again", reason).into()
            }
        })?;
        // It is being unloaded.
        if Arc::ptr_eq(&open.loaded, &former.loaded) {
            return Err(PredictError::Inactive);
        }
        if open.loaded.configuration.created_at != former.loaded.configuration.created_at {
            let reason = "another fit has taken its place";
            return Err(PortError::new(PortErrorKind::Replaced, "load a project again", reason).into());
        }
        Ok(open)
    }

    /// Does something with rows under the lock of their project, where it keeps nobody waiting.
    async fn carry_out<T: Send + 'static>(
        &self,
        project: &OpenProject,
        request: PredictRequest,
        work: impl FnOnce(&Feeder, &LoadedProject, &mut Running, &dyn CpuPool) -> Result<T, PredictError> + Send + 'static,
    ) -> Result<T, PredictError> {
        let n_rows = request.rows.n_rows();
        let loaded = &project.loaded;
        let predicting = self.predicting(&project.entry);
        if self.is_read_only() && !loaded.keeps_nothing() {
            return Err(PredictError::ReadOnly);
        }
        self.request_limits.check_columns(&request.rows)?;
        let n_rows_max = loaded.n_rows_max();
        if n_rows > n_rows_max {
            return Err(
                InvalidData::whole(format!("expected at most {n_rows_max} rows a request, {n_rows} came")).into()
            );
        }
        // One request after the other. Waited for here and not on the pool: one of its threads that feeds a window may take
        // up the next job meanwhile, and that would wait for itself.
        let mut project = project.clone();
        let mut running = loop {
            let running = match project.loaded.running.try_lock_arc() {
                Some(running) => running,
                None => project.loaded.running.lock_arc().await,
            };
            if !running.is_closed {
                break running;
            }
            drop(running);
            project = self.reopened(&project).await?;
        };
        let loaded = &project.loaded;
        let at = self.ports.clock.now();
        let reading_ns = loaded.reading.as_ref().map_or(0, |reading| reading.cost_ns(&request.rows));
        let work_ns = loaded.detector.cost_ns(n_rows, &running.state, &loaded.configuration.policy);
        let work_ns = work_ns.saturating_add(reading_ns);
        if work_ns > WORK_MAX_NS {
            return Err(InvalidData::whole(too_much(n_rows, work_ns)).into());
        }
        let checking_ns = loaded.quality.as_ref().map_or(0, |quality| quality.cost_ns(n_rows));
        let cost_ns = work_ns.saturating_add(n_rows as u64 * ROW_COST_NS).saturating_add(checking_ns);
        let counted = self.feeding_counted(&project.entry, loaded.configuration.detector.kind());
        let (name, recording) = (project.name().clone(), self.recording.clone());
        let feeder = Feeder { request, name, recording, counted, at };
        let pool = &self.ports.predict_pool;
        let (done, has_pending) = if cost_ns <= INLINE_MAX_NS {
            let done = work(&feeder, loaded, &mut running, &**pool)?;
            let has_pending = running.state.n_pending() > 0;
            drop(running);
            (done, has_pending)
        } else {
            let (sender, receiver) = oneshot::channel();
            let (job_loaded, job_pool) = (Arc::clone(loaded), Arc::clone(pool));
            pool.spawn(Box::new(move || {
                let done = work(&feeder, &job_loaded, &mut running, &*job_pool);
                let has_pending = running.state.n_pending() > 0;
                drop(running);
                // The client may have left; the rows are fed all the same.
                let _ = sender.send(done.map(|done| (done, has_pending)));
            }));
            receiver.await.map_err(|_| PredictError::Crashed)??
        };
        if has_pending {
            self.note_waiting(&project.entry, loaded);
        }
        self.note_progress(&project).await?;
        predicting.succeeded();
        Ok(done)
    }

    /// Closes the windows whose oldest row has become too old though no row came since, of projects in memory. Those that
    /// are being fed are left for the next time.
    pub async fn close_aged_windows(&self) {
        if self.is_read_only() {
            return;
        }
        let mut closing = FuturesUnordered::new();
        for entry in self.registry.take_waiting() {
            let Body::Loaded(loaded) = entry.slot().body else { continue };
            closing.push(self.close_aged(entry, loaded));
        }
        while closing.next().await.is_some() {}
    }

    async fn close_aged(&self, entry: Arc<Entry>, loaded: Arc<LoadedProject>) {
        let at = self.ports.clock.now();
        let mut is_waiting = true;
        if let Some(mut running) = loaded.running.try_lock_arc() {
            let (sender, receiver) = oneshot::channel();
            let (job_loaded, job_pool) = (Arc::clone(&loaded), Arc::clone(&self.ports.predict_pool));
            let (recording, name) = (self.recording.clone(), entry.name.clone());
            let counts = Arc::clone(entry.counts());
            self.ports.predict_pool.spawn(Box::new(move || {
                let Running { state, tally, is_closed, .. } = &mut *running;
                if *is_closed {
                    let _ = sender.send((false, false));
                    return;
                }
                let closed = job_loaded.detector.close_aged(state, job_loaded.feeding(Some(false), at, &*job_pool));
                tally.count(0, closed.as_slice(), at);
                let is_waiting = state.n_pending() > 0;
                job_loaded.tell(&running, closed.as_slice());
                if let Some(closed) = &closed {
                    counts.drifted(u64::from(closed.is_drift));
                }
                if closed.is_some() {
                    recording.record(&name, &job_loaded, closed.as_slice(), at, Cause::default());
                }
                drop(running);
                // The server may be stopping.
                let _ = sender.send((closed.is_some(), is_waiting));
            }));
            // Without an answer, judging has failed.
            let (has_closed, is_still_waiting) = receiver.await.unwrap_or((false, true));
            is_waiting = is_still_waiting;
            if has_closed && loaded.mark_dirty() {
                self.registry.push_dirty(Arc::clone(&entry));
            }
        }
        if is_waiting && entry.wait() {
            self.registry.push_waiting(entry);
        }
    }

    /// Remembers a project whose rows wait for a window that age can close.
    pub(super) fn note_waiting(&self, entry: &Arc<Entry>, loaded: &LoadedProject) {
        if self.is_read_only() {
            return;
        }
        let can_age = loaded.configuration.policy.window.is_some_and(|window| window.max_age.is_some());
        if can_age && entry.wait() {
            self.registry.push_waiting(Arc::clone(entry));
        }
    }

    /// Sees to it that the moved state is saved: now, or at the next checkpoint.
    async fn note_progress(&self, project: &OpenProject) -> Result<(), PredictError> {
        if self.is_read_only() {
            return Ok(());
        }
        if project.loaded.mark_dirty() {
            self.registry.push_dirty(Arc::clone(&project.entry));
        }
        match self.settings.durability {
            StateDurability::Interval => Ok(()),
            StateDurability::Always => Ok(self.save_state(&project.entry).await?),
        }
    }
}

/// Why a request is refused for the time that it would take.
pub(super) fn too_much(n_rows: usize, work_ns: u64) -> String {
    format!(
        "expected fewer rows: judging {n_rows} of them would take about {} seconds, at most {} are taken",
        work_ns / 1_000_000_000,
        WORK_MAX_NS / 1_000_000_000
    )
}

/// Rows on their way into a detector.
struct Feeder {
    request: PredictRequest,
    name: ProjectName,
    recording: Recording,
    counted: Feeding,
    at: DateTime<Utc>,
}

impl Feeder {
    /// Feeds them, counts that, and hands their verdicts on.
    fn feed(
        &self,
        loaded: &LoadedProject,
        running: &mut Running,
        pool: &dyn CpuPool,
    ) -> Result<Prediction, PredictError> {
        let Self { request, name, recording, counted, at } = self;
        let prediction = counted.count(request.rows.n_missing(), || self.judge(loaded, running, pool))?;
        recording.record(name, loaded, &prediction.detections, *at, request.cause());
        Ok(prediction)
    }

    fn judge(
        &self,
        loaded: &LoadedProject,
        running: &mut Running,
        pool: &dyn CpuPool,
    ) -> Result<Prediction, PredictError> {
        let Self { request, at, .. } = self;
        let rows = loaded.read(&request.rows, pool)?;
        let frame = &rows.judged;
        loaded.check_window(frame.n_rows())?;
        let feeding = loaded.feeding(request.explain, *at, pool);
        let fed = loaded.detector.feed(&mut running.state, frame, feeding);
        let mut detections = fed.map_err(|problem| InvalidData::whole(problem.to_string()))?;
        let quality = loaded.check_quality(&mut running.quality, &rows, &mut detections);
        running.tally.count(frame.n_rows(), &detections, *at);
        loaded.tell(running, &detections);
        let collects = loaded.configuration.policy.window.is_some();
        Ok(Prediction {
            rows: frame.n_rows(),
            rows_dropped: frame.n_dropped(),
            time: running.state.time(),
            is_latched: running.state.is_latched(),
            pending_rows: collects.then(|| running.state.n_pending()),
            detections,
            quality,
        })
    }
}
