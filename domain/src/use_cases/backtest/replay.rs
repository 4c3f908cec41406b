//! One candidate: fitted as a fit would do it, and fed as a server would be.

use std::ops::Range;
use std::time::Duration;

use chrono::DateTime;

use super::alarms::{Alarms, Course};
use super::history::History;
use super::report::{ChangeReport, Cost, FalseAlarmSource, FalseAlarms, Replayed};
use super::{Backtest, BacktestRequest, Candidate, MARGIN};
use crate::data::{InvalidData, Table};
use crate::detectors::{DetectorSpec, FitProblem, InvalidSettings};
use crate::ports::Progress;
use crate::preprocess::SequenceCalibration;
use crate::project::{Policy, ProjectName};
use crate::quality::QualityRequest;
use crate::statistics::part::Part;
use crate::use_cases::fit_computation::{Fitted, compute, prepare};
use crate::use_cases::memory::project_bytes;
use crate::use_cases::predict::WORK_MAX_NS;
use crate::use_cases::run_length::TRIAL_PERCENT;
use crate::use_cases::serving::{Feeding, State};
use crate::use_cases::{FitError, FitRequest};

/// What all replays together may take by their estimates, in nanoseconds.
const WORK_TOGETHER_MAX_NS: u64 = 2 * WORK_MAX_NS;
/// What one may take that nobody has asked for.
const WORK_UNASKED_MAX_NS: u64 = WORK_MAX_NS / 6;
/// Rows that are fed at once: few, so that their verdicts are.
const CHUNK_ROWS_MAX: usize = 1_024;
/// About what feeding them may take, in nanoseconds, so that giving up is soon noticed.
const CHUNK_NS: u64 = 100_000_000;

/// Replays of a history.
pub(super) struct Replay<'r> {
    backtest: Backtest<'r>,
    request: &'r BacktestRequest,
    history: &'r History<'r>,
    reference: &'r Table,
    margin: usize,
    /// What the replays so far take by their estimates, in nanoseconds.
    work_ns: u64,
}

/// Why a candidate has no report, beside a cancelled backtest.
enum Failure {
    Cancelled,
    Reason(String),
}

impl<E: Into<FitError>> From<E> for Failure {
    fn from(error: E) -> Self {
        match error.into() {
            FitError::Problem(FitProblem::Cancelled) => Self::Cancelled,
            other => Self::Reason(other.to_string()),
        }
    }
}

/// Nobody wants the report any more.
pub(super) struct Cancelled;

impl From<Cancelled> for FitError {
    fn from(_: Cancelled) -> Self {
        FitProblem::Cancelled.into()
    }
}

/// A failure that is told; only a cancelled backtest ends all.
fn told<T>(result: Result<T, Failure>) -> Result<Result<T, String>, Cancelled> {
    match result {
        Ok(done) => Ok(Ok(done)),
        Err(Failure::Reason(reason)) => Ok(Err(reason)),
        Err(Failure::Cancelled) => Err(Cancelled),
    }
}

/// Rows that were fed to a detector from its start.
struct Fed {
    state: State,
    alarms: Alarms,
    took: Duration,
    estimated_ns: u64,
}

impl<'r> Replay<'r> {
    /// Those before it take `work_ns` by their estimates.
    pub(super) fn new(
        backtest: Backtest<'r>,
        request: &'r BacktestRequest,
        history: &'r History<'r>,
        reference: &'r Table,
        work_ns: u64,
    ) -> Self {
        Self { backtest, request, history, reference, margin: request.margin.unwrap_or(MARGIN), work_ns }
    }

    /// What all replays so far take by their estimates, in nanoseconds.
    pub(super) fn work_ns(&self) -> u64 {
        self.work_ns
    }

    /// Fits a candidate and replays the history; where that cannot be done, says why.
    ///
    /// # Errors
    /// When cancelled.
    pub(super) fn through(
        &mut self,
        candidate: &Candidate,
        progress: &dyn Progress,
    ) -> Result<Result<Replayed, String>, Cancelled> {
        told(self.replayed(candidate, progress))
    }

    fn replayed(&mut self, candidate: &Candidate, progress: &dyn Progress) -> Result<Replayed, Failure> {
        let history = self.history;
        let rows = history.replayed();
        let is_unknown = history.known_unchanged().is_empty();
        let [for_fit, for_rows, for_trial] = Part::split(progress, [1.0, 1.0, f64::from(u8::from(is_unknown))]);
        let started = self.backtest.clock.elapsed();
        let fitted = self.fit(candidate, self.reference.clone(), &for_fit)?;
        let fit = self.backtest.clock.elapsed().saturating_sub(started);

        for_rows.stage("replaying the history");
        let course = self.course(&fitted.policy, rows.start, history.known_unchanged(), history.changes());
        let Fed { state, alarms, took, estimated_ns } = self.feed(&fitted, rows.clone(), &course, &for_rows)?;
        let memory_bytes = project_bytes(fitted.save().n_bytes(), fitted.detector.save_state(&state).n_bytes());
        let detector = fitted.detector.spec();
        let wanted = wanted_per_1000_rows(&fitted, course.stride);
        let before_change = FalseAlarmSource::BeforeFirstChange;
        let before_change = FalseAlarms::of(before_change, alarms.unchanged_rows, alarms.n_false, wanted, self.margin);
        let false_alarms = match before_change {
            Some(false_alarms) => Ok(false_alarms),
            None => told(self.trial(candidate, &for_trial))?.map_err(|reason| {
                format!("a trial fit on the first {TRIAL_PERCENT} % of the reference says: {reason}")
            }),
        };
        let Fitted { policy, preprocessing, warnings, .. } = fitted;
        let told: Vec<ChangeReport> = history
            .changes()
            .iter()
            .zip(&alarms.told)
            .map(|(change, alarm)| ChangeReport {
                change: history.number(*change),
                alarm: alarm.map(|row| history.number(row)),
                delay: alarm.map(|row| row - change),
            })
            .collect();
        let delays: Vec<usize> = told.iter().filter_map(|change| change.delay).collect();
        Ok(Replayed {
            detector,
            policy,
            preprocessing,
            warnings,
            n_alarms: alarms.n_starts,
            alarms: alarms.starts.iter().map(|row| history.number(*row)).collect(),
            unjudged_windows: alarms.n_unjudged,
            false_alarms,
            n_missed: told.len() - delays.len(),
            mean_delay: (!delays.is_empty()).then(|| delays.iter().sum::<usize>() as f64 / delays.len() as f64),
            changes: told,
            cost: Cost {
                fit,
                row_ns: took.as_nanos() as f64 / rows.len() as f64,
                estimated_row_ns: estimated_ns as f64 / rows.len() as f64,
                memory_bytes,
            },
        })
    }

    /// False alarms of the last part of the reference, of a detector that is fitted on the rest.
    fn trial(&mut self, candidate: &Candidate, progress: &dyn Progress) -> Result<FalseAlarms, Failure> {
        let n_reference = self.reference.n_rows();
        let n_fitted = n_reference * TRIAL_PERCENT / 100;
        let beginning = self.history.table(0..n_fitted).map_err(|_| self.too_short())?;
        let [for_fit, for_rows] = Part::split(progress, [1.0, 1.0]);
        let fitted = self.fit(candidate, beginning, &for_fit)?;
        for_rows.stage("replaying the last fifth of the reference");
        let rows = n_fitted..n_reference;
        let course = self.course(&fitted.policy, rows.start, rows.clone(), &[]);
        let Fed { alarms, .. } = self.feed(&fitted, rows, &course, &for_rows)?;
        let wanted = wanted_per_1000_rows(&fitted, course.stride);
        let source = FalseAlarmSource::ReferenceTail;
        let false_alarms = FalseAlarms::of(source, alarms.unchanged_rows, alarms.n_false, wanted, self.margin);
        false_alarms.ok_or_else(|| self.too_short())
    }

    fn too_short(&self) -> Failure {
        let rest = self.reference.n_rows() - self.reference.n_rows() * TRIAL_PERCENT / 100;
        Failure::Reason(format!("the other {rest} rows do not fill a window"))
    }

    fn course<'c>(&self, policy: &Policy, start: usize, unchanged: Range<usize>, changes: &'c [usize]) -> Course<'c> {
        let stride = policy.window.map_or(1, |window| window.stride);
        Course { start, stride, after_alarm: policy.after_alarm, unchanged, changes, margin: self.margin }
    }

    fn fit(&self, candidate: &Candidate, reference: Table, progress: &dyn Progress) -> Result<Fitted, Failure> {
        let Candidate { detector, standardize, n_components, texts } = candidate.clone();
        if detector.window.is_some_and(|window| window.max_age.is_some()) {
            let detail = "a history has no times; expected the `size` of a window alone";
            return Err(InvalidSettings::one("detector/window/max_age", detail).into());
        }
        let Backtest { limits, thresholds, readers, pool, .. } = self.backtest;
        let project: ProjectName = "backtest".parse().map_err(|_| Failure::Reason("no name".to_owned()))?;
        let request = FitRequest {
            project,
            drift_type: self.request.drift_type,
            reference,
            detector,
            standardize,
            n_components,
            texts,
            missing_values: self.request.missing_values,
            report_run_length: false,
            // What the rows are is not judged here.
            quality: QualityRequest::none(),
            overwrite: false,
        };
        let fitted = compute(prepare(request, limits, readers, pool, progress)?, thresholds, pool, progress)?;
        if matches!(fitted.detector.spec(), DetectorSpec::Batch(_)) && fitted.policy.window.is_none() {
            let detail = "this history is too short for the usual windows; expected one with its `size`";
            return Err(InvalidSettings::one("detector/window", detail).into());
        }
        Ok(fitted)
    }

    /// Feeds rows from the start of a detector.
    fn feed(
        &mut self,
        fitted: &Fitted,
        rows: Range<usize>,
        course: &Course<'_>,
        progress: &dyn Progress,
    ) -> Result<Fed, Failure> {
        let Backtest { clock, pool, .. } = self.backtest;
        let history = self.history;
        let mut state = fitted.detector.start(fitted.judged_schema());
        let estimated_ns = fitted.detector.cost_ns(rows.len(), &state, &fitted.policy);
        let is_asked_for = !self.request.candidates.is_empty();
        let most_ns = if is_asked_for { WORK_MAX_NS } else { WORK_UNASKED_MAX_NS };
        if estimated_ns > most_ns {
            let [estimated, most, asked_for] = [estimated_ns, most_ns, WORK_MAX_NS].map(|ns| ns / 1_000_000_000);
            let cure =
                if is_asked_for { String::new() } else { format!(", or {asked_for} of a candidate that is asked for") };
            let detail = format!(
                "judging {} rows would take about {estimated} seconds, at most {most} are taken{cure}; expected fewer rows, a smaller reference or a larger stride",
                rows.len()
            );
            return Err(InvalidSettings::one("candidates", detail).into());
        }
        if self.work_ns.saturating_add(estimated_ns) > WORK_TOGETHER_MAX_NS {
            let detail = format!(
                "the candidates before this one take the {} seconds that a backtest may; try it alone",
                WORK_TOGETHER_MAX_NS / 1_000_000_000
            );
            return Err(InvalidSettings::one("candidates", detail).into());
        }
        self.work_ns += estimated_ns;
        let row_ns = (estimated_ns / rows.len().max(1) as u64).max(1);
        let n_chunk = usize::try_from(CHUNK_NS / row_ns).unwrap_or(CHUNK_ROWS_MAX).clamp(1, CHUNK_ROWS_MAX);

        let (schema, encoder, policy) = (fitted.judged_schema(), &fitted.encoder, &fitted.policy);
        let feeding = Feeding { schema, encoder, policy, explain: Some(false), at: DateTime::UNIX_EPOCH, pool };
        let mut alarms = Alarms::new(course);
        let started = clock.elapsed();
        for from in rows.clone().step_by(n_chunk) {
            if progress.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            let to = (from + n_chunk).min(rows.end);
            let chunk = history.table(from..to)?;
            let frame = fitted.read(&chunk, pool).map_err(|invalid| history.as_it_came(&invalid, from))?;
            let verdicts = fitted.detector.feed(&mut state, &frame, feeding).map_err(|problem| {
                let (first, last) = (history.number(from), history.number(to - 1));
                InvalidData::whole(format!("rows {first} to {last}: {problem}"))
            })?;
            alarms.take(&verdicts, course);
            progress.report(to - rows.start, rows.len());
        }
        let took = clock.elapsed().saturating_sub(started);
        Ok(Fed { state, alarms, took, estimated_ns })
    }
}

/// The rate of false alarms that settings promise.
fn wanted_per_1000_rows(fitted: &Fitted, stride: usize) -> Option<f64> {
    let calibration = fitted.sequence.as_ref().and_then(|sequence| sequence.calibration.as_ref());
    if let Some(SequenceCalibration { ert, .. }) = calibration {
        return Some(1_000.0 / ert);
    }
    match &fitted.detector.spec() {
        DetectorSpec::Online(spec) => spec.ert().map(|ert| 1_000.0 / ert),
        // What a library's thresholds, or fixed ones, let through is promised by nobody.
        DetectorSpec::Batch(spec) if spec.has_fixed_thresholds() => None,
        DetectorSpec::Batch(spec) => Some(1_000.0 * spec.p_val() / stride as f64),
    }
}
