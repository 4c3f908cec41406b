//! Backtest: a history is replayed through several detectors, which says when each would have alarmed, how often falsely, how
//! late, and at what cost.
//!
//! The first rows are the reference that every candidate is fitted on, as a fit would do it; the others are fed in their order,
//! as a server would be fed them. Nothing is stored.

mod alarms;
mod candidates;
mod history;
mod replay;
mod report;
mod suggestion;

use std::borrow::Cow;
use std::sync::Arc;

pub use self::history::{ROWS_MAX as HISTORY_ROWS_MAX, ReferencePart};
pub use self::report::{
    BacktestReport, CandidateReport, ChangeReport, Cost, FalseAlarmSource, FalseAlarms, Replayed, Suggestion,
};

use self::history::History;
use self::replay::Replay;
use super::fit_queue::Computation;
use super::image_reading::{ImageReader, ImageReading};
use super::reading::Readers;
use super::{DriftService, FitError, RequestLimits};
use crate::data::{MissingValues, Table};
use crate::detectors::{CvmThresholds, DetectorRequest, FitProblem, InvalidSettings, SequenceRequest};
use crate::ports::{Clock, CpuPool, Progress};
use crate::preprocess::TextRequest;
use crate::project::DriftType;
use crate::statistics::part::Part;

/// More candidates than this are refused, each window of a kind counted.
pub const CANDIDATES_MAX: usize = 32;
/// More changes than this are refused.
pub const CHANGES_MAX: usize = 1_000;
/// More alarms than this are counted, but not listed.
pub const ALARMS_LISTED_MAX: usize = 1_000;
/// The margin by default, in rows: any of the windows that are tried by default closes in it.
pub const MARGIN: usize = 1_000;

/// What a client asks of a backtest.
#[derive(Debug, Clone)]
pub struct BacktestRequest {
    /// The rows, in the order of time.
    pub history: Table,
    /// What kind of data they are.
    pub drift_type: DriftType,
    /// How many of the first ones are the reference.
    pub reference: ReferencePart,
    /// The rows, numbered from 0, with which changes begin: from the first one on the data have drifted. Where it is not known
    /// whether anything changes, `None`; where it is known that nothing does, an empty list.
    pub changes: Option<Vec<usize>>,
    /// How many rows after a change an alarm may come to count as telling it; [`MARGIN`] by default.
    pub margin: Option<usize>,
    /// What is tried; by default what suits the data. One that judges windows and names none is tried with each usual size.
    pub candidates: Vec<Candidate>,
    /// The sizes in which kinds that judge windows and name none are tried, in rows; by default the usual ones that fit.
    pub windows: Vec<usize>,
    /// Rows between false alarms that are wanted, on average: what candidates of a named kind that takes it and names none are
    /// fitted for, and what the suggestion holds every candidate against. Without it each is held against what its own settings
    /// promise.
    pub ert: Option<f64>,
    /// The encoder of candidates that ask for no features; of the drift types `text` and `image`.
    pub encoder: Option<String>,
    /// How a series is read, by every candidate; of the drift type `sequential`.
    pub sequence: SequenceRequest,
    /// What happens to rows with missing values.
    pub missing_values: MissingValues,
    /// The seed of candidates that have none.
    pub seed: u64,
}

impl BacktestRequest {
    /// What is asked of every candidate.
    fn of_no_kind(&self) -> DetectorRequest {
        DetectorRequest { sequence: self.sequence.clone(), ..DetectorRequest::default() }
    }
}

/// A configuration to try.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Candidate {
    /// The detector, with the windows that rows are collected in. Where it does not say what follows an alarm, it starts anew:
    /// so alarms can be counted, and the rows between false ones are what an ERT is about.
    pub detector: DetectorRequest,
    /// Whether numbers are standardised; by default where the detector is a kernel's.
    pub standardize: Option<bool>,
    /// How many principal components are kept.
    pub n_components: Option<usize>,
    /// What texts become, and images.
    pub texts: TextRequest,
}

/// What a backtest is carried out with.
#[derive(Clone, Copy)]
pub struct Backtest<'b> {
    /// What the owner of the processors allows.
    pub limits: RequestLimits,
    /// Thresholds that are known already.
    pub thresholds: &'b CvmThresholds,
    /// Read images and texts.
    pub readers: &'b Readers,
    /// Measures what fits and rows take.
    pub clock: &'b dyn Clock,
    /// Where fits and tests are computed.
    pub pool: &'b dyn CpuPool,
    /// Who watches, and may give it up.
    pub progress: &'b dyn Progress,
}

impl Backtest<'_> {
    /// Replays a history through every candidate, one after the other.
    ///
    /// Costs each candidate a fit and a verdict on every row after the reference, and where no changes are known another fit. What
    /// one may take is bounded by an estimate, as that of a request is, and so is what all take together. In memory there are a
    /// copy of the reference, the measures of all images and their vectors of one encoder, one fitted detector at a time, and no verdicts but those of a few rows. The same request gives the
    /// same report on any machine, but for the times in it.
    ///
    /// # Errors
    /// When the history or the request cannot be used, or when cancelled. A candidate that cannot be fitted or replayed is no
    /// error: its report says why.
    pub fn run(&self, request: &BacktestRequest) -> Result<BacktestReport, FitError> {
        check(request)?;
        let came = self.measured(request)?;
        self.progress.stage("reading the history");
        let (history, reference) = History::read(request, &came, self.limits)?;
        let (schema, frame) = history.check(request, &reference, self.limits)?;
        // Whether there is a detector for such data at all.
        request.of_no_kind().kind_for(request.drift_type, &schema, &frame)?;
        let candidates = candidates::of(request, &schema, &frame, history.replayed().len())?;
        drop(frame);
        let mut reports = Vec::with_capacity(candidates.len());
        let mut work_ns = 0;
        for group in candidates.chunk_by(|one, next| one.texts.encoder == next.texts.encoder) {
            // Once, and not by each of them again.
            let encoded = match self.encoded(request, &group[0])? {
                Ok(encoded) => encoded,
                Err(reason) => {
                    let report = |candidate: &Candidate| CandidateReport {
                        candidate: candidate.clone(),
                        outcome: Err(reason.clone()),
                    };
                    reports.extend(group.iter().map(report));
                    continue;
                }
            };
            let encoded = encoded.as_ref().map(|rows| History::read(request, rows, self.limits)).transpose()?;
            let (history, reference) = match &encoded {
                None => (&history, &reference),
                Some((history, reference)) => (history, reference),
            };
            let mut replay = Replay::new(*self, request, history, reference, work_ns);
            for candidate in group {
                let progress = Part::nth(self.progress, reports.len(), candidates.len());
                let outcome = replay.through(candidate, &progress)?;
                reports.push(CandidateReport { candidate: candidate.clone(), outcome });
            }
            work_ns = replay.work_ns();
        }
        let margin = request.margin.unwrap_or(MARGIN);
        let suggestion = suggestion::of(&reports, request.ert);
        Ok(history.report(margin, reports, suggestion))
    }

    /// The rows, of which images have been measured: once, and not by each candidate again.
    fn measured<'h>(&self, request: &'h BacktestRequest) -> Result<Cow<'h, Table>, FitError> {
        if request.drift_type != DriftType::Image {
            return Ok(Cow::Borrowed(&request.history));
        }
        self.limits.check_columns(&request.history)?;
        let reader = ImageReader::measuring(self.readers);
        ImageReading::measured(&request.history, &reader, self.pool, self.progress).map(Cow::Owned)
    }

    /// The rows as the encoder of images of a candidate sees them, where it has one; why not, where that cannot be.
    fn encoded(
        &self,
        request: &BacktestRequest,
        candidate: &Candidate,
    ) -> Result<Result<Option<Table>, String>, FitError> {
        if request.drift_type != DriftType::Image || candidate.texts.encoder.is_none() {
            return Ok(Ok(None));
        }
        let reader = match ImageReader::of(&candidate.texts, self.readers) {
            Ok(reader) => reader,
            Err(detail) => return Ok(Err(InvalidSettings::one("preprocessing/encoder", detail).to_string())),
        };
        match ImageReading::measured(&request.history, &reader, self.pool, self.progress) {
            Ok(encoded) => Ok(Ok(Some(encoded))),
            Err(FitError::Problem(FitProblem::Cancelled)) => Err(FitProblem::Cancelled.into()),
            Err(error) => Ok(Err(error.to_string())),
        }
    }
}

impl DriftService {
    /// Replays a history on the fit pool, where it waits for its turn among fits. The computation stops soon after the future is
    /// dropped. Also where the server serves read-only, as nothing is stored.
    ///
    /// # Errors
    /// As [`Backtest::run`]; when too many fits wait.
    pub async fn backtest(&self, request: BacktestRequest) -> Result<BacktestReport, FitError> {
        let place = self.fit_queue.enter()?;
        let (pool, thresholds) = (Arc::clone(&self.ports.fit_pool), Arc::clone(&self.cvm_thresholds));
        let (clock, readers, limits) = (Arc::clone(&self.ports.clock), self.readers.clone(), self.request_limits);
        let work = move |progress: &dyn Progress| {
            let (readers, clock, pool) = (&readers, &*clock, &*pool);
            let backtest = Backtest { limits, thresholds: &thresholds, readers, clock, pool, progress };
            backtest.run(&request)
        };
        Computation::begin(place, &self.ports.fit_pool, Arc::clone(&self.ports.clock), work).result().await
    }
}

/// What can be told without the history.
fn check(request: &BacktestRequest) -> Result<(), InvalidSettings> {
    if request.candidates.len() > CANDIDATES_MAX {
        return Err(too_many_candidates(request.candidates.len()));
    }
    if request.windows.len() > CANDIDATES_MAX {
        let detail = format!("expected at most {CANDIDATES_MAX} sizes, {} came", request.windows.len());
        return Err(InvalidSettings::one("windows", detail));
    }
    if request.margin == Some(0) {
        return Err(InvalidSettings::one("margin", "expected a margin of at least 1 row, 0 came"));
    }
    if let Some(ert) = request.ert
        && !(ert > 1.0 && ert.is_finite())
    {
        return Err(InvalidSettings::one("ert", format!("expected a number of rows above 1, {ert} came")));
    }
    if request.encoder.is_some() && !matches!(request.drift_type, DriftType::Text | DriftType::Image) {
        return Err(InvalidSettings::one("encoder", "expected none: it is of the drift types `text` and `image`"));
    }
    let changes = request.changes.as_deref().unwrap_or_default();
    if changes.len() > CHANGES_MAX {
        let detail = format!("expected at most {CHANGES_MAX} changes, {} came", changes.len());
        return Err(InvalidSettings::one("changes", detail));
    }
    let mut pairs = changes.iter().zip(changes.iter().skip(1));
    if let Some((one, next)) = pairs.find(|(one, next)| one >= next) {
        let detail = format!("expected rows in their order, each once, {one} came before {next}");
        return Err(InvalidSettings::one("changes", detail));
    }
    Ok(())
}

fn too_many_candidates(n: usize) -> InvalidSettings {
    let detail = format!("expected at most {CANDIDATES_MAX} candidates, each size of a window counted, {n} came");
    InvalidSettings::one("candidates", detail)
}
