//! Calibration of detectors of series, whose rows depend on those before: streams that are like the reference are replayed, and alarms are
//! made as rare in them as wanted.
//!
//! Thresholds for independent rows raise alarms far too often where rows are autocorrelated. For streaming kinds the one setting that
//! says how readily they raise alarms is searched for; for kinds with an expected run time all thresholds are moved by one factor. In
//! both, the mean number of rows between alarms, in streams that are drawn from the reference ([`Streams`] says what they keep of it),
//! is then at least the wanted one. A factor keeps the shape of the thresholds over the first rows, so that alarms are not exactly as
//! probable in each of them.
//!
//! **Cost**: the rows of 200 alarms for each of up to 16 settings of streaming kinds; about 225 times the expected run time of other
//! kinds, once. Memory: a number a row and column of them.

mod streams;

pub(crate) use streams::Streams;

use super::streaming::{Streaming, StreamingSpec};
use super::{FitProblem, OnlineDetector};
use crate::detection::Detection;
use crate::ports::{CpuPool, Progress};
use crate::statistics::draws::stream;
use crate::statistics::parallel::run_tasks;

/// Longer run times than this are refused for series: they could not be replayed in time.
pub(crate) const REPLAYED_ERT_MAX: f64 = 10_000.0;

/// Streams that are replayed to streaming kinds, each of so many expected run times.
const N_LONG_STREAMS: usize = 20;
const RUN_TIMES_OF_LONG: f64 = 10.0;
/// Halvings of the range of a setting.
const N_HALVINGS: usize = 15;
/// Streams that are replayed to other kinds up to their first alarm, each of so many expected run times beyond the windows.
const N_SHORT_STREAMS: usize = 150;
const RUN_TIMES_OF_SHORT: f64 = 1.5;
/// Far from the streams of other draws of a fit.
const STREAM: u64 = 1 << 40;

/// What a detector is replayed.
pub(crate) struct Replay<'r> {
    pub(crate) streams: &'r Streams,
    /// The wanted mean number of rows between alarms.
    pub(crate) ert: f64,
    pub(crate) n_columns: usize,
    /// Whether an alarm puts the detector back to its start, where it has just been fed the reference. Otherwise streaming kinds start anew
    /// by themselves.
    pub(crate) is_reset: bool,
    pub(crate) seed: u64,
    pub(crate) pool: &'r dyn CpuPool,
    pub(crate) progress: &'r dyn Progress,
}

/// Why a detector cannot be calibrated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CalibrationProblem {
    /// It raises more alarms whatever its setting.
    #[error(
        "`{kind}` raises alarms more often than every {ert} rows in series like the reference, whatever its settings; take `difference`, a smaller ert, or another kind"
    )]
    TooManyAlarms {
        /// The kind.
        kind: super::DetectorKind,
        /// The wanted run time.
        ert: f64,
    },
    /// Nobody wants the result any more.
    #[error("the fit was cancelled")]
    Cancelled,
}

impl Replay<'_> {
    /// Rows that [`Self::streaming`] feeds at most.
    pub(crate) fn n_steps_streaming(&self) -> f64 {
        (N_HALVINGS + 2) as f64 * N_LONG_STREAMS as f64 * RUN_TIMES_OF_LONG * self.ert
    }

    /// Rows that [`Self::factor`] feeds.
    pub(crate) fn n_steps_factor(&self, largest_window: usize) -> f64 {
        N_SHORT_STREAMS as f64 * (RUN_TIMES_OF_SHORT * self.ert + 2.0 * largest_window as f64)
    }

    fn drawn(&self, n_streams: usize, n_rows: usize) -> Result<Vec<Vec<f64>>, CalibrationProblem> {
        let draw = |task: usize| self.streams.draw(n_rows, &mut stream(self.seed, STREAM + task as u64));
        run_tasks(n_streams, self.pool, &Quiet(self.progress), &draw).ok_or(CalibrationProblem::Cancelled)
    }

    /// The specification of a streaming kind whose setting is the most sensitive one with alarms that are rare enough. It is what it
    /// was where no setting can be searched for.
    ///
    /// # Errors
    /// When none is rare enough; when cancelled.
    pub(crate) fn streaming(
        &self,
        spec: &StreamingSpec,
        reference: &[f64],
    ) -> Result<StreamingSpec, CalibrationProblem> {
        let Some([mut sensitive, mut calm]) = spec.settings.decades() else { return Ok(spec.clone()) };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 100,000")]
        let n_rows = (RUN_TIMES_OF_LONG * self.ert).ceil() as usize;
        let streams = self.drawn(N_LONG_STREAMS, n_rows)?;
        let at = |decades| StreamingSpec { settings: spec.settings.with_decades(decades), ..spec.clone() };
        let n_alarms_max = (N_LONG_STREAMS * n_rows) as f64 / self.ert;
        let is_rare = |decades: f64| -> Result<bool, CalibrationProblem> {
            let spec = at(decades);
            // Beyond what the kind takes, which is on the sensitive side.
            if !spec.settings.issues().is_empty() {
                return Ok(false);
            }
            let detector = Streaming::fit(&spec, reference, 1, &Quiet(self.progress))
                .map_err(|_| CalibrationProblem::Cancelled)?;
            let alarms = |task: usize| {
                let mut state = detector.start();
                let mut n_alarms = 0;
                for x in &streams[task] {
                    if detector.step(&mut state, std::slice::from_ref(x)).is_drift {
                        n_alarms += 1;
                        if self.is_reset {
                            state = detector.start();
                        }
                    }
                }
                n_alarms
            };
            let counts = run_tasks(streams.len(), self.pool, &Quiet(self.progress), &alarms);
            let n_alarms: usize = counts.ok_or(CalibrationProblem::Cancelled)?.into_iter().sum();
            Ok(n_alarms as f64 <= n_alarms_max)
        };
        if is_rare(sensitive)? {
            return Ok(at(sensitive));
        }
        if !is_rare(calm)? {
            return Err(CalibrationProblem::TooManyAlarms { kind: spec.settings.kind(), ert: self.ert });
        }
        for halving in 0..N_HALVINGS {
            self.progress.report(halving, N_HALVINGS);
            let middle = f64::midpoint(sensitive, calm);
            if is_rare(middle)? {
                calm = middle;
            } else {
                sensitive = middle;
            }
        }
        Ok(at(calm))
    }

    /// The factor of [`OnlineDetector::move_thresholds`] with which alarms are rare enough.
    ///
    /// Each stream begins with a detector at its start, and is looked at up to its first alarm: the rows that were judged in all streams,
    /// divided by the streams that raised an alarm, are the mean number of rows to an alarm. O(streams rows) steps.
    ///
    /// # Errors
    /// When cancelled.
    pub(crate) fn factor(
        &self,
        detector: &dyn OnlineDetector,
        largest_window: usize,
    ) -> Result<f64, CalibrationProblem> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 15,000")]
        let n_rows = (RUN_TIMES_OF_SHORT * self.ert).ceil() as usize + 2 * largest_window;
        let replay = |task: usize| {
            let rows = self.streams.draw(n_rows, &mut stream(self.seed, STREAM + task as u64));
            let mut state = detector.start();
            let mut passages = Passages::default();
            for row in rows.chunks_exact(self.n_columns) {
                let detection = detector.step(&mut state, row);
                if !detection.warm_up {
                    passages.judge(excess(detector, &detection));
                }
            }
            passages
        };
        let replayed = run_tasks(N_SHORT_STREAMS, self.pool, self.progress, &replay);
        Ok(least_factor(&replayed.ok_or(CalibrationProblem::Cancelled)?, self.ert))
    }
}

/// The rows of a stream whose statistic is beyond all before it.
#[derive(Debug, Default)]
struct Passages {
    n_judged: u64,
    /// What a row needed thresholds to be moved by, and its number.
    records: Vec<(f64, u64)>,
}

impl Passages {
    fn judge(&mut self, needed: f64) {
        self.n_judged += 1;
        if needed > self.records.last().map_or(0.0, |(largest, _)| *largest) {
            self.records.push((needed, self.n_judged));
        }
    }

    /// The row of the first alarm with thresholds that are moved by a factor.
    fn first(&self, factor: f64) -> Option<u64> {
        self.records.get(self.records.partition_point(|(needed, _)| *needed <= factor)).map(|(_, row)| *row)
    }
}

/// The least factor with which alarms are `ert` rows apart or more: more rows are judged and fewer alarms raised the larger it is.
fn least_factor(streams: &[Passages], ert: f64) -> f64 {
    let mut factors: Vec<f64> = streams.iter().flat_map(|stream| &stream.records).map(|(needed, _)| *needed).collect();
    factors.sort_by(f64::total_cmp);
    let is_too_often = |factor: &f64| {
        let firsts = streams.iter().map(|stream| stream.first(*factor));
        let (n_rows, n_alarms) = firsts.zip(streams).fold((0, 0_u64), |(rows, alarms), (first, stream)| {
            (rows + first.unwrap_or(stream.n_judged), alarms + u64::from(first.is_some()))
        });
        (n_rows as f64) < ert * n_alarms as f64
    };
    let place = factors.partition_point(is_too_often);
    factors.get(place).or(factors.last()).copied().unwrap_or(1.0)
}

/// By what factor thresholds would have to be moved for this verdict to be none.
fn excess(detector: &dyn OnlineDetector, detection: &Detection) -> f64 {
    let of = |statistic: Option<f64>, threshold: Option<f64>| {
        statistic.zip(threshold).map_or(0.0, |(statistic, threshold)| detector.needed_factor(statistic, threshold))
    };
    let of_columns = detection.features.iter().map(|feature| of(feature.statistic, feature.threshold));
    of_columns.fold(of(detection.statistic, detection.threshold), f64::max)
}

/// Whoever watches is asked whether to go on.
struct Quiet<'p>(&'p dyn Progress);

impl Progress for Quiet<'_> {
    fn report(&self, _done: usize, _total: usize) {}

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

impl From<CalibrationProblem> for FitProblem {
    fn from(problem: CalibrationProblem) -> Self {
        match problem {
            CalibrationProblem::Cancelled => Self::Cancelled,
            other @ CalibrationProblem::TooManyAlarms { .. } => Self::Calibration(other),
        }
    }
}
