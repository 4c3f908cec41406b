//! What the service counts of its own work, for whoever watches it. What is counted of a project stands with the project, so
//! that counting waits for nobody, and what a project is at is read only when somebody asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::fit_results::FitResults;
use super::predict::Prediction;
use super::registry::{Body, Entry};
use super::{DriftService, FitError, FitResult, PredictError};
use crate::detectors::DetectorKind;
use crate::measures::{DurationCounts, DurationHistogram, nanoseconds};
use crate::ports::Clock;
use crate::project::{ProjectName, Status};
use crate::quality::{QualityCheck, QualityFinding};

/// Everything that is measured, as it is now.
#[derive(Debug, Clone)]
pub struct ServiceMeasures {
    /// Of each project, and of those that are not told apart together.
    pub projects: Vec<ProjectMeasures>,
    /// Projects that answer predictions, loaded or not.
    pub n_active: u64,
    /// Projects that have been unloaded by their users.
    pub n_inactive: u64,
    /// Projects that cannot be loaded.
    pub n_failed: u64,
    /// How long feeding the rows of a request took, by kind.
    pub detections: Vec<(DetectorKind, DurationCounts)>,
    /// How long computing a detector took, by kind.
    pub fits: Vec<(DetectorKind, DurationCounts)>,
    /// What has become of fits, since the server started.
    pub fit_results: [(FitResult, u64); FitResult::ALL.len()],
    /// Predictions on their way: their rows have come, wait or are judged.
    pub n_predictions: u64,
    /// Fits that are computed just now.
    pub n_fits_in_progress: u64,
    /// Fits that wait for their turn.
    pub n_fits_waiting: u64,
    /// How long ago the last checkpoint saved all that had moved; `None` where nothing is saved.
    pub checkpoint_age: Option<Duration>,
}

/// What is measured of a project. The counts begin with the server.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectMeasures {
    /// Its name; `None` for all together that are not told apart.
    pub name: Option<ProjectName>,
    /// Rows fed.
    pub n_rows: u64,
    /// Rows, or windows, that were judged as drift.
    pub n_drifts: u64,
    /// Values that were missing in the rows that came.
    pub n_missing: u64,
    /// What the checks of quality found, by check.
    pub findings: [(QualityCheck, u64); QualityCheck::ALL.len()],
    /// Predictions that were answered with verdicts.
    pub n_predicted: u64,
    /// Predictions that were refused, or failed.
    pub n_refused: u64,
    /// How long the predictions took together.
    pub predicting: Duration,
    /// What the detector is at; of a project that is in memory.
    pub position: Option<Position>,
}

impl ProjectMeasures {
    /// What stands for the projects that are not told apart. A project of this very name is counted among them.
    pub const OTHERS: &str = "other";
}

/// What a detector is at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Position {
    /// The windows that it watches; one without rows where each request is a window.
    pub windows: Vec<WindowMeasures>,
    /// What the statistics are compared with, where there is a verdict.
    pub threshold: Option<f64>,
    /// The p-value of the last verdict, of detectors that have one.
    pub p_value: Option<f64>,
    /// The share of the largest window that has come; `None` where each request is a window.
    pub fill: Option<f64>,
}

/// A window that a detector watches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowMeasures {
    /// Its rows; `None` where each request is a window.
    pub n_rows: Option<usize>,
    /// The statistic of the last verdict, of several columns the largest.
    pub statistic: Option<f64>,
}

/// More projects than this are not told apart by default.
pub(super) const PROJECTS_MAX: usize = 1_000;

/// What is counted of a project.
#[derive(Debug, Default)]
pub(super) struct ProjectCounts {
    rows: AtomicU64,
    drifts: AtomicU64,
    missing: AtomicU64,
    findings: [AtomicU64; QualityCheck::ALL.len()],
    predicted: AtomicU64,
    refused: AtomicU64,
    predicting_ns: AtomicU64,
}

impl ProjectCounts {
    fn now(&self, name: Option<ProjectName>, position: Option<Position>) -> ProjectMeasures {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ProjectMeasures {
            name,
            n_rows: of(&self.rows),
            n_drifts: of(&self.drifts),
            n_missing: of(&self.missing),
            findings: QualityCheck::ALL.map(|check| (check, of(&self.findings[check as usize]))),
            n_predicted: of(&self.predicted),
            n_refused: of(&self.refused),
            predicting: Duration::from_nanos(of(&self.predicting_ns)),
            position,
        }
    }

    /// Counts what the checks of quality found.
    fn found(&self, findings: &[QualityFinding]) {
        for finding in findings {
            self.findings[finding.check as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts verdicts of drift.
    pub(super) fn drifted(&self, n: u64) {
        if n > 0 {
            self.drifts.fetch_add(n, Ordering::Relaxed);
        }
    }
}

/// What is counted of the service as a whole.
pub(super) struct Counts {
    detections: Vec<DurationHistogram>,
    fits: Vec<DurationHistogram>,
    fits_in_progress: AtomicUsize,
    pub(super) fit_results: Arc<FitResults>,
    /// When the last checkpoint saved all that had moved, on the steady clock.
    checkpointed_ns: AtomicU64,
}

impl Counts {
    pub(super) fn new(now: Duration) -> Self {
        let by_kind =
            |bounds: &'static [Duration]| DetectorKind::ALL.map(|_| DurationHistogram::new(bounds)).into_iter();
        Self {
            detections: by_kind(DurationHistogram::DETECTIONS).collect(),
            fits: by_kind(DurationHistogram::FITS).collect(),
            fits_in_progress: AtomicUsize::new(0),
            fit_results: Arc::default(),
            checkpointed_ns: AtomicU64::new(nanoseconds(now)),
        }
    }

    /// Does the computing of a fit, and counts how long it takes.
    pub(super) fn fit<T>(
        &self,
        clock: &dyn Clock,
        kind: impl FnOnce(&T) -> DetectorKind,
        work: impl FnOnce() -> Result<T, FitError>,
    ) -> Result<T, FitError> {
        let _in_progress = InProgress::begin(&self.fits_in_progress);
        let started = clock.elapsed();
        let fitted = work()?;
        self.fits[kind(&fitted) as usize].record(clock.elapsed().saturating_sub(started));
        Ok(fitted)
    }
}

/// One more, until it is dropped.
struct InProgress<'n>(&'n AtomicUsize);

impl<'n> InProgress<'n> {
    fn begin(n: &'n AtomicUsize) -> Self {
        n.fetch_add(1, Ordering::Relaxed);
        Self(n)
    }
}

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts the feeding of rows, on whichever thread.
#[derive(Clone)]
pub(super) struct Feeding {
    project: Arc<ProjectCounts>,
    counts: Arc<Counts>,
    clock: Arc<dyn Clock>,
    kind: DetectorKind,
}

impl Feeding {
    /// Feeds rows in which so many values are missing.
    pub(super) fn count(
        &self,
        n_missing: u64,
        feed: impl FnOnce() -> Result<Prediction, PredictError>,
    ) -> Result<Prediction, PredictError> {
        let started = self.clock.elapsed();
        let prediction = feed()?;
        self.counts.detections[self.kind as usize].record(self.clock.elapsed().saturating_sub(started));
        self.project.rows.fetch_add(prediction.rows as u64, Ordering::Relaxed);
        if n_missing > 0 {
            self.project.missing.fetch_add(n_missing, Ordering::Relaxed);
        }
        self.project.found(&prediction.quality);
        self.project.drifted(prediction.detections.iter().filter(|detection| detection.is_drift).count() as u64);
        Ok(prediction)
    }
}

/// A prediction that somebody waits for: it counts as refused, unless it is told that it has succeeded.
pub(super) struct Predicting<'s> {
    project: Arc<ProjectCounts>,
    clock: &'s dyn Clock,
    started: Duration,
    has_succeeded: bool,
}

impl Predicting<'_> {
    pub(super) fn succeeded(mut self) {
        self.has_succeeded = true;
    }
}

impl Drop for Predicting<'_> {
    fn drop(&mut self) {
        let count = if self.has_succeeded { &self.project.predicted } else { &self.project.refused };
        count.fetch_add(1, Ordering::Relaxed);
        let took = self.clock.elapsed().saturating_sub(self.started);
        self.project.predicting_ns.fetch_add(nanoseconds(took), Ordering::Relaxed);
    }
}

impl DriftService {
    /// So many projects are told apart by [`Self::measures`], 1,000 by default; what comes after them is counted together. Must be
    /// said before any project is known.
    #[must_use]
    pub fn telling_apart(self, projects_max: usize) -> Self {
        self.registry.tell_apart(projects_max);
        self
    }

    /// Notes that a checkpoint has saved all that had moved.
    pub fn note_checkpoint(&self) {
        self.counts.checkpointed_ns.store(nanoseconds(self.ports.clock.elapsed()), Ordering::Relaxed);
    }

    /// What is measured, as it is now.
    pub fn measures(&self) -> ServiceMeasures {
        let by_kind = |histograms: &[DurationHistogram]| {
            let of_kinds = DetectorKind::ALL.into_iter().zip(histograms);
            let counted = of_kinds.map(|(kind, histogram)| (kind, histogram.now()));
            counted.filter(|(_, counts)| counts.n() > 0).collect()
        };
        let mut measures = ServiceMeasures {
            projects: Vec::new(),
            n_active: 0,
            n_inactive: 0,
            n_failed: 0,
            detections: by_kind(&self.counts.detections),
            fits: by_kind(&self.counts.fits),
            fit_results: self.counts.fit_results.now(),
            n_predictions: self.predict_queue.n_entered() as u64,
            n_fits_in_progress: self.counts.fits_in_progress.load(Ordering::Relaxed) as u64,
            n_fits_waiting: self.fit_queue.n_waiting() as u64,
            checkpoint_age: (!self.is_read_only()).then(|| {
                let at = Duration::from_nanos(self.counts.checkpointed_ns.load(Ordering::Relaxed));
                self.ports.clock.elapsed().saturating_sub(at)
            }),
        };
        let others = self.registry.others();
        let mut are_others = others.now(None, None).n_rows > 0;
        for entry in self.registry.after(None, usize::MAX) {
            let slot = entry.slot();
            match (&slot.status, &slot.body) {
                (_, Body::Failed { .. }) => measures.n_failed += 1,
                (_, Body::Gone) => continue,
                (Status::Active, _) => measures.n_active += 1,
                (Status::Inactive, _) => measures.n_inactive += 1,
            }
            let counts = entry.counts();
            if Arc::ptr_eq(counts, &others) {
                are_others = true;
                continue;
            }
            let position = match &slot.body {
                Body::Loaded(loaded) => Some(loaded.position()),
                Body::Cold(_) | Body::Failed { .. } | Body::Gone => None,
            };
            measures.projects.push(counts.now(Some(entry.name.clone()), position));
        }
        if are_others {
            measures.projects.push(others.now(None, None));
        }
        measures
    }

    /// Whoever feeds rows to a project counts by this.
    pub(super) fn feeding_counted(&self, entry: &Entry, kind: DetectorKind) -> Feeding {
        Feeding {
            project: Arc::clone(entry.counts()),
            counts: Arc::clone(&self.counts),
            clock: Arc::clone(&self.ports.clock),
            kind,
        }
    }

    /// A prediction begins.
    pub(super) fn predicting(&self, entry: &Entry) -> Predicting<'_> {
        let clock = &*self.ports.clock;
        Predicting { project: Arc::clone(entry.counts()), clock, started: clock.elapsed(), has_succeeded: false }
    }
}
