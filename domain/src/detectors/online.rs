//! Online detectors: a verdict on each row, from a window of the last ones.

mod cvm;
mod dummy;
mod fet;
mod lsdd;
mod mmd;
mod pca_cd;
mod splits;

pub use cvm::{CvmOnline, CvmOnlineSpec, CvmState, CvmThresholds};
pub use dummy::{Dummy, DummySpec, DummyState};
#[cfg(test)]
pub(crate) use fet::{Curve, TiedStreams, curve};
pub use fet::{FetOnline, FetOnlineSpec, FetState};
pub use lsdd::{LsddOnline, LsddOnlineSpec, LsddState};
pub use mmd::{MmdOnline, MmdOnlineSpec, MmdState};
pub(in crate::detectors) use pca_cd::WINDOW_MIN as PCA_CD_WINDOW_MIN;
pub use pca_cd::{DivergenceMetric, PcaCd, PcaCdSpec, PcaCdState};
#[cfg(test)]
pub(crate) use splits::Splits;

use serde::{Deserialize, Serialize};

use super::DetectorKind;
use super::streaming::{Streaming, StreamingSpec, StreamingState};
use crate::data::{TensorError, Tensors};
use crate::detection::Detection;
use crate::ports::{CpuPool, Progress};
use crate::statistics::kernel::BandwidthProblem;
use crate::statistics::run_length::n_streams_min;

/// An online kind with every parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum OnlineSpec {
    /// See [`CvmOnlineSpec`].
    CvmOnline(CvmOnlineSpec),
    /// See [`DummySpec`].
    Dummy(DummySpec),
    /// See [`FetOnlineSpec`].
    FetOnline(FetOnlineSpec),
    /// See [`LsddOnlineSpec`].
    LsddOnline(LsddOnlineSpec),
    /// See [`MmdOnlineSpec`].
    MmdOnline(MmdOnlineSpec),
    /// See [`PcaCdSpec`].
    PcaCd(PcaCdSpec),
    /// See [`StreamingSpec`]. Its settings bear the kind themselves.
    #[serde(untagged)]
    Streaming(StreamingSpec),
}

/// Judges one row after the other. It never changes: its memory is the state that it is handed.
///
/// # Contract
/// * A state that has been saved and restored goes on bit for bit as the one that was saved.
/// * Time and memory of a step do not depend on how many rows went before.
pub trait OnlineDetector: Send + Sync {
    /// The state before the first row.
    fn start(&self) -> OnlineState;

    /// Feeds a row of finite numbers, as many as the reference had columns.
    fn step(&self, state: &mut OnlineState, x: &[f64]) -> Detection;

    /// The arrays of a state.
    fn save_state(&self, state: &OnlineState) -> Tensors;

    /// The state of such arrays.
    ///
    /// # Errors
    /// When they are not what [`Self::save_state`] of this detector gives.
    fn restore_state(&self, tensors: &Tensors) -> Result<OnlineState, TensorError>;

    /// The fitted arrays.
    fn save(&self) -> Tensors;

    /// The detector with every parameter, those included that were learnt.
    fn spec(&self) -> OnlineSpec;

    /// About how many nanoseconds a step takes; for deciding where to run many.
    fn step_cost_ns(&self) -> u64;

    /// Moves all thresholds by a factor, away from where there is no drift if it is above 1. Kinds whose alarms come from settings
    /// have none.
    fn move_thresholds(&mut self, _factor: f64) {}

    /// The least factor of [`Self::move_thresholds`] with which a statistic is not above a threshold.
    fn needed_factor(&self, statistic: f64, threshold: f64) -> f64 {
        if statistic <= 0.0 { 0.0 } else { statistic / threshold.max(f64::MIN_POSITIVE) }
    }
}

/// What moves while an online detector serves.
#[derive(Debug, Clone, PartialEq)]
pub enum OnlineState {
    /// Of [`CvmOnline`].
    Cvm(CvmState),
    /// Of [`Dummy`].
    Dummy(DummyState),
    /// Of [`FetOnline`].
    Fet(FetState),
    /// Of [`LsddOnline`].
    Lsdd(LsddState),
    /// Of [`MmdOnline`].
    Mmd(MmdState),
    /// Of [`PcaCd`].
    PcaCd(Box<PcaCdState>),
    /// Of [`Streaming`].
    Streaming(Box<StreamingState>),
}

impl OnlineState {
    /// Rows fed.
    pub fn time(&self) -> u64 {
        match self {
            Self::Cvm(state) => state.time(),
            Self::Dummy(state) => state.time(),
            Self::Fet(state) => state.time(),
            Self::Lsdd(state) => state.time(),
            Self::Mmd(state) => state.time(),
            Self::PcaCd(state) => state.time(),
            Self::Streaming(state) => state.time(),
        }
    }
}

/// Why an online detector cannot be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FitProblem {
    /// A test needs more rows.
    #[error("expected at least {expected} rows of reference, {actual} came")]
    TooFewReferenceRows {
        /// The least number.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// A test holds the kernels of all pairs of rows.
    #[error("expected at most {expected} rows of reference for this kind, {actual} came; send a sample of them")]
    TooManyReferenceRows {
        /// The largest number.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// The mathematics needs more rows.
    #[error("expected at least {expected} rows of reference for these windows, {actual} came")]
    TooFewRows {
        /// The least number.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// Centres of kernels and windows need more rows.
    #[error("expected at least {expected} rows of reference for this window and n_kernel_centers, {actual} came")]
    TooFewRowsForCenters {
        /// The least number.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// Too few rows differ for centres of kernels that do not coincide.
    #[error(
        "expected at least {expected} different rows of reference as centres of kernels, {actual} came; take a smaller n_kernel_centers"
    )]
    CoincidentCenters {
        /// The number of centres.
        expected: usize,
        /// How many rows differ.
        actual: usize,
    },
    /// No regulariser gives an estimate that is near enough.
    #[error(
        "expected rows that repeat less: no regulariser keeps the relative difference below lambda_rd_max {lambda_rd_max}; give a larger one, or a smaller n_kernel_centers"
    )]
    NoRegularizer {
        /// The limit.
        lambda_rd_max: f64,
    },
    /// A value that is neither 0 nor 1.
    #[error("expected columns of zeros and ones, another value came")]
    NotBinary,
    /// The thresholds need more simulated streams.
    #[error("expected n_bootstraps of at least {expected} for this ert and these windows, {actual} came")]
    TooFewBootstraps {
        /// The least number.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// More simulated statistics than memory should hold.
    #[error(
        "expected a smaller n_bootstraps, ert or window (or reference, for n_kernel_centers): the simulation would hold {n_values} numbers, at most {} are held",
        SIMULATED_MAX
    )]
    TooLarge {
        /// How many would be held.
        n_values: usize,
    },
    /// At least half of the pairs of rows coincide, so that no bandwidth can be inferred.
    #[error(
        "expected rows that differ: at least half of the pairs of rows are equal, so no bandwidth can be inferred; give `sigma`"
    )]
    NoBandwidth,
    /// Squared distances overflow.
    #[error("expected numbers of moderate size: the distances between rows overflow; leave `standardize` on")]
    Overflow,
    /// Components that keep everything lose nothing.
    #[error(
        "expected at least two columns and fewer components than columns, of which there are {n_columns}: with as many nothing is lost, so there is no error to watch; take a smaller n_components"
    )]
    AllComponents {
        /// Number of columns.
        n_columns: usize,
    },
    /// No eigenvectors were found.
    #[error("the principal components of these columns cannot be computed; leave out columns that repeat others")]
    NoComponents,
    /// Nothing varies.
    #[error("expected a column that varies, every column of the reference is constant")]
    AllConstant,
    /// A kind watches one column of numbers.
    #[error("expected one column for this kind, {actual} came")]
    SeveralColumns {
        /// How many came.
        actual: usize,
    },
    /// The outputs of a model have no uncertainty.
    #[error(transparent)]
    Uncertainty(super::UncertaintyProblem),
    /// No setting makes alarms rare enough in a series.
    #[error(transparent)]
    Calibration(super::calibration::CalibrationProblem),
    /// Nobody wants the result any more.
    #[error("the fit was cancelled")]
    Cancelled,
}

impl From<BandwidthProblem> for FitProblem {
    fn from(problem: BandwidthProblem) -> Self {
        match problem {
            BandwidthProblem::Coincident => Self::NoBandwidth,
            BandwidthProblem::Overflow => Self::Overflow,
            BandwidthProblem::Cancelled => Self::Cancelled,
        }
    }
}

/// The sizes that a window can have, in rows.
pub(super) const WINDOW_SIZES: std::ops::RangeInclusive<usize> = 2..=10_000;
/// Longer simulated streams than this are refused: enough for every window.
pub(super) const STEPS_MAX: usize = 2 * *WINDOW_SIZES.end();
/// More simulated statistics than this (1 GiB) are not held at once.
pub const SIMULATED_MAX: usize = 1 << 27;

/// Fits the detector of a specification on `reference`: rows of `n_columns` numbers, row-major.
///
/// The same reference and specification give the same detector on any number of threads.
///
/// # Errors
/// When the mathematics of the kind fails, or when cancelled.
pub fn fit_online(
    spec: &OnlineSpec,
    reference: &[f64],
    n_columns: usize,
    cvm_thresholds: &CvmThresholds,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<Box<dyn OnlineDetector>, FitProblem> {
    match spec {
        OnlineSpec::CvmOnline(spec) => {
            Ok(Box::new(CvmOnline::fit(spec, reference, n_columns, cvm_thresholds, pool, progress)?))
        }
        OnlineSpec::Dummy(spec) => Ok(Box::new(Dummy::new(spec))),
        OnlineSpec::FetOnline(spec) => Ok(Box::new(FetOnline::fit(spec, reference, n_columns, pool, progress)?)),
        OnlineSpec::LsddOnline(spec) => Ok(Box::new(LsddOnline::fit(spec, reference, n_columns, pool, progress)?)),
        OnlineSpec::MmdOnline(spec) => Ok(Box::new(MmdOnline::fit(spec, reference, n_columns, pool, progress)?)),
        OnlineSpec::PcaCd(spec) => Ok(Box::new(PcaCd::fit(spec, reference, n_columns, pool, progress)?)),
        OnlineSpec::Streaming(spec) => Ok(Box::new(Streaming::fit(spec, reference, n_columns, progress)?)),
    }
}

/// Whether a reference of `n_rows` rows of `n_columns` encoded columns is enough for a specification, as far as can be
/// told without computing.
///
/// # Errors
/// With too few rows or bootstraps, or too large a simulation.
pub fn check_online(spec: &OnlineSpec, n_rows: usize, n_columns: usize) -> Result<(), FitProblem> {
    match spec {
        OnlineSpec::CvmOnline(spec) => spec.check(n_rows, n_columns),
        // One learns nothing of its rows, the others do with any number of them.
        OnlineSpec::Dummy(_) | OnlineSpec::Streaming(_) => Ok(()),
        OnlineSpec::FetOnline(spec) => spec.check(n_rows),
        OnlineSpec::LsddOnline(spec) => spec.check(n_rows),
        OnlineSpec::MmdOnline(spec) => spec.check(n_rows),
        OnlineSpec::PcaCd(spec) => spec.check(n_rows),
    }
}

/// What every kind needs of its rows and bootstraps.
fn check(
    n_rows: usize,
    n_rows_min: usize,
    alarm_probability: f64,
    n_steps: usize,
    n_bootstraps: usize,
) -> Result<(), FitProblem> {
    if n_rows < n_rows_min {
        return Err(FitProblem::TooFewRows { expected: n_rows_min, actual: n_rows });
    }
    let n_bootstraps_min = n_streams_min(alarm_probability, n_steps);
    if n_bootstraps < n_bootstraps_min {
        return Err(FitProblem::TooFewBootstraps { expected: n_bootstraps_min, actual: n_bootstraps });
    }
    let n_values = n_steps.saturating_mul(n_bootstraps);
    if n_values > SIMULATED_MAX {
        return Err(FitProblem::TooLarge { n_values });
    }
    Ok(())
}

/// The detector that was saved.
///
/// # Errors
/// When no fit gives such a specification, or when the arrays are not those of such a detector of `n_columns` columns.
pub fn restore_online(
    spec: &OnlineSpec,
    parameters: &Tensors,
    n_columns: usize,
) -> Result<Box<dyn OnlineDetector>, TensorError> {
    // A configuration can be written by hand; from here on its sizes are trusted.
    let windows = spec.window_sizes();
    let has_windows = !matches!(spec, OnlineSpec::Dummy(_) | OnlineSpec::Streaming(_));
    let is_fitted = n_columns > 0 && !windows.is_empty() && windows.iter().all(|size| WINDOW_SIZES.contains(size));
    if has_windows && !is_fitted {
        let reason = format!("no fit gives windows of {windows:?} over {n_columns} columns");
        return Err(TensorError::Value { name: "thresholds".to_owned(), reason });
    }
    match spec {
        OnlineSpec::CvmOnline(spec) => Ok(Box::new(CvmOnline::restore(spec, parameters, n_columns)?)),
        OnlineSpec::Dummy(spec) => Ok(Box::new(Dummy::new(spec))),
        OnlineSpec::FetOnline(spec) => Ok(Box::new(FetOnline::restore(spec, parameters, n_columns)?)),
        OnlineSpec::LsddOnline(spec) => Ok(Box::new(LsddOnline::restore(spec, parameters, n_columns)?)),
        OnlineSpec::MmdOnline(spec) => Ok(Box::new(MmdOnline::restore(spec, parameters, n_columns)?)),
        OnlineSpec::PcaCd(spec) => Ok(Box::new(PcaCd::restore(spec, parameters, n_columns)?)),
        OnlineSpec::Streaming(spec) => Ok(Box::new(Streaming::restore(spec, parameters, n_columns)?)),
    }
}

/// The probability of an alarm in one step of one of `n_features` independent statistics, such that any of them
/// alarms with probability `1 / ert`.
fn alarm_probability(ert: f64, n_features: usize) -> f64 {
    -((-1.0 / ert).ln_1p() / n_features as f64).exp_m1()
}

impl OnlineSpec {
    /// Rows of each window; none of a detector without windows.
    pub fn window_sizes(&self) -> &[usize] {
        match self {
            Self::CvmOnline(spec) => &spec.window_sizes,
            Self::Dummy(_) | Self::Streaming(_) => &[],
            Self::FetOnline(spec) => &spec.window_sizes,
            Self::LsddOnline(spec) => std::slice::from_ref(&spec.window_size),
            Self::MmdOnline(spec) => std::slice::from_ref(&spec.window_size),
            Self::PcaCd(spec) => std::slice::from_ref(&spec.window_size),
        }
    }

    /// The kind.
    pub fn kind(&self) -> DetectorKind {
        match self {
            Self::CvmOnline(_) => DetectorKind::CvmOnline,
            Self::Dummy(_) => DetectorKind::Dummy,
            Self::FetOnline(_) => DetectorKind::FetOnline,
            Self::LsddOnline(_) => DetectorKind::LsddOnline,
            Self::MmdOnline(_) => DetectorKind::MmdOnline,
            Self::PcaCd(_) => DetectorKind::PcaCd,
            Self::Streaming(spec) => spec.settings.kind(),
        }
    }

    /// The expected run time, in rows, of kinds that raise alarms.
    pub fn ert(&self) -> Option<f64> {
        match self {
            Self::CvmOnline(spec) => Some(spec.ert),
            Self::Dummy(_) | Self::Streaming(_) => None,
            Self::FetOnline(spec) => Some(spec.ert),
            Self::LsddOnline(spec) => Some(spec.ert),
            Self::MmdOnline(spec) => Some(spec.ert),
            Self::PcaCd(spec) => spec.preset.is_none().then_some(spec.ert),
        }
    }

    /// How many streams are simulated for the thresholds, of kinds that have some.
    pub fn n_bootstraps(&self) -> Option<usize> {
        match self {
            Self::CvmOnline(spec) => Some(spec.n_bootstraps),
            Self::Dummy(_) | Self::Streaming(_) => None,
            Self::FetOnline(spec) => Some(spec.n_bootstraps),
            Self::LsddOnline(spec) => Some(spec.n_bootstraps),
            Self::MmdOnline(spec) => Some(spec.n_bootstraps),
            Self::PcaCd(spec) => spec.preset.is_none().then_some(spec.n_bootstraps),
        }
    }

    /// The same with another expected run time.
    fn with_ert(&self, ert: f64) -> Self {
        match self.clone() {
            Self::CvmOnline(spec) => Self::CvmOnline(CvmOnlineSpec { ert, ..spec }),
            other @ (Self::Dummy(_) | Self::Streaming(_)) => other,
            Self::FetOnline(spec) => Self::FetOnline(FetOnlineSpec { ert, ..spec }),
            Self::LsddOnline(spec) => Self::LsddOnline(LsddOnlineSpec { ert, ..spec }),
            Self::MmdOnline(spec) => Self::MmdOnline(MmdOnlineSpec { ert, ..spec }),
            Self::PcaCd(spec) => Self::PcaCd(PcaCdSpec { ert, ..spec }),
        }
    }

    fn n_threshold_steps(&self) -> usize {
        match self {
            Self::CvmOnline(spec) => spec.n_threshold_steps(),
            Self::Dummy(_) | Self::Streaming(_) => 0,
            Self::FetOnline(spec) => spec.n_threshold_steps(),
            Self::LsddOnline(spec) => spec.n_threshold_steps(),
            Self::MmdOnline(spec) => spec.n_threshold_steps(),
            Self::PcaCd(spec) => spec.n_threshold_steps(),
        }
    }

    /// Whether the simulation that the thresholds need at least can be held.
    fn can_be_simulated(&self, n_columns: usize) -> bool {
        self.n_bootstraps_min(n_columns).saturating_mul(self.n_threshold_steps()) <= SIMULATED_MAX
    }

    /// The least whole ERT whose thresholds can be simulated, where this one is too short for it: with alarms too close
    /// together hardly any stream lives to the last step. Time O(s log s) for s steps.
    pub(super) fn least_ert(&self, n_columns: usize) -> Option<f64> {
        /// Over this many steps for each row between alarms, the fewest streams are needed.
        const STEPS_BEST: f64 = 0.65;
        let can = |ert: u32| self.with_ert(f64::from(ert)).can_be_simulated(n_columns);
        if self.can_be_simulated(n_columns) {
            return None;
        }
        let n_judged = self.n_judged(n_columns) as f64;
        let best = (self.n_threshold_steps() as f64 / STEPS_BEST / n_judged).ceil().max(2.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most some 30,000")]
        let best = best as u32;
        // Up to there the share of streams that are left grows faster than the number that is needed.
        if self.ert()? >= f64::from(best) || !can(best) {
            return None;
        }
        let (mut too_short, mut long_enough) = (1, best);
        while long_enough - too_short > 1 {
            let middle = u32::midpoint(too_short, long_enough);
            if can(middle) {
                long_enough = middle;
            } else {
                too_short = middle;
            }
        }
        Some(f64::from(long_enough))
    }

    /// How many bootstraps the thresholds need at least, for a reference of `n_columns` encoded columns.
    pub(super) fn n_bootstraps_min(&self, n_columns: usize) -> usize {
        let n_judged = self.n_judged(n_columns);
        match self {
            Self::CvmOnline(spec) => n_streams_min(alarm_probability(spec.ert, n_judged), spec.n_threshold_steps()),
            Self::Dummy(_) | Self::Streaming(_) => 0,
            Self::FetOnline(spec) => n_streams_min(alarm_probability(spec.ert, n_judged), spec.n_threshold_steps()),
            Self::LsddOnline(spec) => n_streams_min(alarm_probability(spec.ert, n_judged), spec.n_filtered_steps()),
            Self::MmdOnline(spec) => n_streams_min(alarm_probability(spec.ert, n_judged), spec.n_threshold_steps()),
            Self::PcaCd(spec) if spec.preset.is_some() => 0,
            Self::PcaCd(spec) => n_streams_min(alarm_probability(spec.ert, n_judged), spec.n_threshold_steps()),
        }
    }

    /// How many columns are judged each for itself, and share the alarms between them.
    fn n_judged(&self, n_columns: usize) -> usize {
        match self {
            Self::CvmOnline(_) | Self::FetOnline(_) => n_columns,
            Self::Dummy(_) | Self::LsddOnline(_) | Self::MmdOnline(_) | Self::PcaCd(_) | Self::Streaming(_) => 1,
        }
    }
}
