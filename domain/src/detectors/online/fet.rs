//! Online Fisher's exact test: a change of the share of ones in each column by itself.
//!
//! Compares the ones in each window of the last rows with those of the reference. Choose it for labels of two classes
//! and for columns of flags.
//!
//! With `k` ones among the `n` reference rows and `c` among the `W` window rows, the test's p-value is a tail of the
//! hypergeometric law. 1 less the p-value, smoothed over time as `(1 - lam) * previous + lam * new`, is the statistic of
//! the window; with several windows, and with both directions, the largest. It takes few values, so its thresholds are
//! such values, and what equals one raises an alarm with a probability that makes up what is wanting: the draws come
//! from the seed, their number is part of the state.
//!
//! A column that is constant in the reference has no share that could be known, and is not watched.
//!
//! **Cost**: a step O(windows) a column, whatever `n` and `W`; memory O(W) a column. A fit O(B T) a column for B
//! bootstraps of T steps, as the tails are tabulated by the count of ones.
//!
//! **Source**: Ross, Tasoulis & Adams, *Sequential monitoring of a Bernoulli sequence when the pre-change parameter is
//! unknown*, Computational Statistics (2012).

mod simulation;
mod tails;
mod thresholds;

use std::collections::VecDeque;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use self::simulation::{Simulation, rounded};
use self::tails::Tails;
use self::thresholds::ExpectedNumber;
#[cfg(test)]
pub(crate) use self::thresholds::TiedStreams;
pub(crate) use self::thresholds::{Curve, curve};
use super::{FitProblem, OnlineDetector, OnlineState, SIMULATED_MAX, STEPS_MAX, alarm_probability};
use crate::data::{TensorError, Tensors};
use crate::detection::{Detection, FeatureDetection, WindowStatistics};
use crate::detectors::OnlineSpec;
use crate::ports::{CpuPool, Progress};
use crate::statistics::alternative::Alternative;
use crate::statistics::draws::stream;
use crate::statistics::parallel::run_tasks;
use crate::statistics::run_length::n_streams_min;

/// The parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetOnlineSpec {
    /// Expected run time: mean number of rows between false alarms, counted from the first full window; above 1.
    pub ert: f64,
    /// Sizes of the windows, in rows, each at least 2; all are watched at once.
    pub window_sizes: Vec<usize>,
    /// Which change of the share of ones counts; the thresholds of both directions keep the ERT together.
    pub alternative: Alternative,
    /// Weight of the new value in the smoothed statistic, above 0, up to 1.
    pub lam: f64,
    /// Steps until thresholds stay the same, at least twice the largest window less 1.
    pub t_max: usize,
    /// Number of simulated streams a column behind the thresholds.
    pub n_bootstraps: usize,
    /// Seed of the simulation and of the draws at ties.
    pub seed: u64,
}

impl FetOnlineSpec {
    /// Whether the rows and bootstraps may do, as far as can be told before the columns that vary are known.
    pub(super) fn check(&self, n_rows: usize) -> Result<(), FitProblem> {
        super::check(n_rows, 2, alarm_probability(self.ert, 1), self.n_threshold_steps(), self.n_bootstraps)
    }

    fn smallest_window(&self) -> usize {
        self.window_sizes.iter().copied().min().unwrap_or(0)
    }

    fn largest_window(&self) -> usize {
        self.window_sizes.iter().copied().max().unwrap_or(0)
    }

    /// Steps from the first full window until thresholds stay the same.
    pub(crate) fn n_threshold_steps(&self) -> usize {
        (self.t_max + 1).saturating_sub(self.smallest_window())
    }

    /// The least `t_max` for windows of these sizes.
    pub(crate) fn t_max_least(window_sizes: &[usize]) -> usize {
        window_sizes.iter().copied().max().unwrap_or(1).saturating_mul(2).saturating_sub(1)
    }
}

/// The next value of a smoothed statistic; `NaN` before the first.
fn smooth(previous: f64, raw: f64, lam: f64) -> f64 {
    if previous.is_nan() { raw } else { (1.0 - lam) * previous + lam * raw }
}

/// What a window of one column shows, by its count of ones.
#[derive(Debug, Clone, PartialEq)]
struct WindowTails {
    size: usize,
    /// In each direction that counts, 1 less the p-value.
    surprises: Vec<Vec<f64>>,
}

/// The windows of one column, in the order of the specification.
#[derive(Debug, Clone, PartialEq)]
struct ColumnTails {
    windows: Vec<WindowTails>,
}

impl ColumnTails {
    fn new(spec: &FetOnlineSpec, n_rows: usize, ones: usize) -> Self {
        let window = |size: &usize| {
            let Tails { fewer, more } = Tails::new(n_rows, ones, *size);
            let surprises = match spec.alternative {
                Alternative::Greater => vec![fewer],
                Alternative::Less => vec![more],
                Alternative::TwoSided => vec![fewer, more],
            };
            WindowTails { size: *size, surprises }
        };
        Self { windows: spec.window_sizes.iter().map(window).collect() }
    }
}

/// A column that varies in the reference.
#[derive(Debug, Clone, PartialEq)]
struct Watched {
    tails: ColumnTails,
    curve: Curve,
}

/// What moves in one column.
#[derive(Debug, Clone, PartialEq)]
struct ColumnState {
    /// The last values, oldest first, as many as the largest window.
    recent: VecDeque<bool>,
    /// Ones in each window, by the order of the specification.
    ones: Vec<usize>,
    /// The smoothed statistic of each window in each direction; `NaN` before the window is full.
    smoothed: Vec<f64>,
}

/// What moves while [`FetOnline`] serves: O(W) a column.
#[derive(Debug, Clone, PartialEq)]
pub struct FetState {
    time: u64,
    /// Draws made at ties: the place in the stream of random numbers.
    n_draws: u64,
    columns: Vec<ColumnState>,
}

impl FetState {
    /// Rows fed.
    pub fn time(&self) -> u64 {
        self.time
    }
}

/// The fitted detector.
#[derive(Debug, Clone, PartialEq)]
pub struct FetOnline {
    spec: FetOnlineSpec,
    n_rows: usize,
    /// Ones of each column in the reference.
    ones: Vec<usize>,
    /// By column; nothing where it is constant in the reference.
    watched: Vec<Option<Watched>>,
}

/// Streams of one task of the pool.
const STREAMS_PER_TASK: usize = 500;
/// Bits of the number of a random stream that tell the stream within a column.
const STREAM_BITS: u32 = 40;
/// The random streams of other purposes, above those of all columns.
const ROUNDING: u64 = 1 << 62;
const TIES: u64 = 1 << 63;

impl FetOnline {
    /// Fits on rows of `n_columns` zeros and ones, row-major.
    ///
    /// # Errors
    /// When a value is neither 0 nor 1, when every column is constant, with too few bootstraps, or when cancelled.
    pub fn fit(
        spec: &FetOnlineSpec,
        reference: &[f64],
        n_columns: usize,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let (n_rows, ones) = count_ones(reference, n_columns)?;
        let n_watched = ones.iter().filter(|ones| varies(**ones, n_rows)).count();
        if n_watched == 0 {
            return Err(FitProblem::AllConstant);
        }
        let probability = alarm_probability(spec.ert, n_watched);
        let n_steps = spec.n_threshold_steps();
        let expected = n_streams_min(probability, n_steps);
        let too_few = FitProblem::TooFewBootstraps { expected, actual: spec.n_bootstraps };
        if spec.n_bootstraps < expected {
            return Err(too_few);
        }
        let n_values = n_steps.saturating_mul(spec.n_bootstraps);
        if n_values > SIMULATED_MAX {
            return Err(FitProblem::TooLarge { n_values });
        }
        let mut watched = Vec::with_capacity(n_columns);
        for (column, ones) in ones.iter().enumerate() {
            if !varies(*ones, n_rows) {
                watched.push(None);
                continue;
            }
            let tails = ColumnTails::new(spec, n_rows, *ones);
            let simulation = Simulation {
                tails: &tails,
                share: *ones as f64 / n_rows as f64,
                lam: spec.lam,
                t_max: spec.t_max,
                smallest: spec.smallest_window(),
            };
            let by_step = simulate(&simulation, spec, column, pool, progress)?;
            let mut tied = ExpectedNumber(stream(spec.seed, ROUNDING + column as u64));
            let curve = curve(&by_step, probability, &mut tied).map_err(|_| too_few.clone())?;
            watched.push(Some(Watched { tails, curve }));
            progress.report(column + 1, n_columns);
        }
        Ok(Self { spec: spec.clone(), n_rows, ones, watched })
    }

    /// The detector that was saved.
    ///
    /// # Errors
    /// When the arrays are not those of such a detector.
    pub fn restore(spec: &FetOnlineSpec, tensors: &Tensors, n_columns: usize) -> Result<Self, TensorError> {
        let is_lam = spec.lam > 0.0 && spec.lam <= 1.0;
        if !is_lam || !(FetOnlineSpec::t_max_least(&spec.window_sizes)..=STEPS_MAX).contains(&spec.t_max) {
            return Err(invalid("thresholds", "no fit gives such a lam or t_max"));
        }
        let small = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let n_rows = small(tensors.u64s_of_length("reference_rows", 1)?[0]);
        let ones: Vec<usize> =
            tensors.u64s_of_length("reference_ones", n_columns)?.iter().copied().map(small).collect();
        // Sums of it with the sizes of windows are computed.
        if n_rows == 0 || n_rows > usize::MAX / 4 || ones.iter().any(|ones| *ones > n_rows) {
            return Err(invalid("reference_ones", "a column has more ones than rows"));
        }
        let n_steps = spec.n_threshold_steps();
        let length = n_columns.saturating_mul(n_steps);
        let thresholds = tensors.f64s_of_length("thresholds", length)?;
        let permits = tensors.f64s_of_length("permits", length)?;
        let watched = ones
            .iter()
            .zip(thresholds.chunks_exact(n_steps).zip(permits.chunks_exact(n_steps)))
            .map(|(ones, (thresholds, permits))| {
                varies(*ones, n_rows).then(|| Watched {
                    tails: ColumnTails::new(spec, n_rows, *ones),
                    curve: Curve { thresholds: thresholds.to_vec(), permits: permits.to_vec() },
                })
            })
            .collect();
        Ok(Self { spec: spec.clone(), n_rows, ones, watched })
    }

    /// With recorded streams and curves, by column.
    #[cfg(test)]
    pub(crate) fn with_curves(spec: &FetOnlineSpec, reference: &[f64], n_columns: usize, curves: Vec<Curve>) -> Self {
        let (n_rows, ones) = count_ones(reference, n_columns).expect("zeros and ones");
        let watched = ones
            .iter()
            .zip(curves)
            .map(|(ones, curve)| Some(Watched { tails: ColumnTails::new(spec, n_rows, *ones), curve }))
            .collect();
        Self { spec: spec.clone(), n_rows, ones, watched }
    }

    /// The largest statistic of each step of a stream of a column.
    #[cfg(test)]
    pub(crate) fn simulated(&self, column: usize, stream: &[bool]) -> Vec<f32> {
        let tails = &self.watched[column].as_ref().expect("it varies").tails;
        let (lam, t_max, smallest) = (self.spec.lam, self.spec.t_max, self.spec.smallest_window());
        Simulation { tails, share: 0.0, lam, t_max, smallest }.statistics(stream)
    }

    fn n_directions(&self) -> usize {
        if self.spec.alternative == Alternative::TwoSided { 2 } else { 1 }
    }

    /// Takes a value in; gives the largest statistic of its full windows, and tells that of each.
    fn advance<'t>(
        &self,
        state: &mut ColumnState,
        watched: &Watched,
        one: bool,
        told: impl Iterator<Item = &'t mut f64>,
    ) -> Option<f64> {
        let mut largest: Option<f64> = None;
        state.recent.push_back(one);
        let n_recent = state.recent.len();
        let n_directions = self.n_directions();
        let windows = watched.tails.windows.iter().zip(&mut state.ones);
        for (((window, ones), smoothed), told) in windows.zip(state.smoothed.chunks_exact_mut(n_directions)).zip(told) {
            *ones += usize::from(one);
            if let Some(leaving) = n_recent.checked_sub(window.size + 1) {
                *ones -= usize::from(state.recent[leaving]);
            }
            if n_recent < window.size {
                continue;
            }
            for (smoothed, surprise) in smoothed.iter_mut().zip(&window.surprises) {
                *smoothed = smooth(*smoothed, surprise[*ones], self.spec.lam);
                *told = told.max(f64::from(rounded(*smoothed)));
            }
            largest = Some(largest.map_or(*told, |largest| largest.max(*told)));
        }
        if n_recent > self.spec.largest_window() {
            state.recent.pop_front();
        }
        largest
    }

    /// Index into thresholds at a time, from 1; `None` in the warm-up.
    fn threshold_step(&self, time: u64) -> Option<usize> {
        let step = usize::try_from(time).unwrap_or(usize::MAX).checked_sub(self.spec.smallest_window())?;
        Some(step.min(self.spec.n_threshold_steps() - 1))
    }

    /// The random number at a tie.
    fn draw(&self, state: &mut FetState) -> f64 {
        let drawn = stream(self.spec.seed, TIES | state.n_draws).random();
        state.n_draws += 1;
        drawn
    }

    fn judge(&self, state: &mut FetState, x: &[f64], draw: &mut dyn FnMut(&mut FetState) -> f64) -> Detection {
        state.time += 1;
        let step = self.threshold_step(state.time);
        let mut windows = WindowStatistics::unknown(self.spec.window_sizes.len(), x.len());
        let mut features: Vec<FeatureDetection> = Vec::with_capacity(x.len());
        for (column, (watched, value)) in self.watched.iter().zip(x).enumerate() {
            let (mut statistic, mut threshold) = (None, None);
            if let Some(watched) = watched {
                let told = windows.of_column_mut(column, x.len());
                statistic = self.advance(&mut state.columns[column], watched, *value != 0.0, told);
                threshold = step.map(|step| watched.curve.thresholds[step]);
            }
            let is_drift = statistic.zip(threshold).is_some_and(|(statistic, threshold)| statistic > threshold);
            features.push(FeatureDetection { column, is_drift, statistic, threshold, ..FeatureDetection::default() });
        }
        let mut is_drift = features.iter().any(|feature| feature.is_drift);
        for feature in &mut features {
            let Some((watched, step)) = self.watched[feature.column].as_ref().zip(step) else { continue };
            if !is_drift && feature.statistic == feature.threshold {
                feature.is_drift = draw(state) > watched.curve.permits[step];
                is_drift = feature.is_drift;
            }
        }
        // Thresholds differ from column to column: the one told of is the one furthest beyond its own.
        let excess = |feature: &FeatureDetection| {
            feature
                .statistic
                .zip(feature.threshold)
                .map_or(f64::NEG_INFINITY, |(statistic, threshold)| statistic - threshold)
        };
        features.sort_by(|a, b| {
            (b.is_drift, excess(b)).partial_cmp(&(a.is_drift, excess(a))).unwrap_or(std::cmp::Ordering::Equal)
        });
        let (statistic, threshold) = features.first().map_or((None, None), |first| (first.statistic, first.threshold));
        if features.len() == 1 {
            features.clear();
        }
        Detection {
            is_drift,
            time: state.time,
            warm_up: step.is_none(),
            statistic,
            threshold,
            rows: 1,
            features,
            windows,
            ..Detection::default()
        }
    }

    /// A step with recorded draws.
    #[cfg(test)]
    pub(crate) fn step_with_draws(
        &self,
        state: &mut OnlineState,
        x: &[f64],
        draw: &mut dyn FnMut() -> f64,
    ) -> Detection {
        let OnlineState::Fet(state) = state else { unreachable!("a detector is handed its own state") };
        self.judge(state, x, &mut |_| draw())
    }
}

fn varies(ones: usize, n_rows: usize) -> bool {
    ones > 0 && ones < n_rows
}

/// Number of rows, and of ones in each column.
fn count_ones(reference: &[f64], n_columns: usize) -> Result<(usize, Vec<usize>), FitProblem> {
    let mut ones = vec![0; n_columns];
    for row in reference.chunks_exact(n_columns) {
        for (ones, value) in ones.iter_mut().zip(row) {
            if *value != 0.0 && *value != 1.0 {
                return Err(FitProblem::NotBinary);
            }
            *ones += usize::from(*value == 1.0);
        }
    }
    Ok((reference.len() / n_columns, ones))
}

/// The statistics of the simulated streams of a column, by step.
fn simulate(
    simulation: &Simulation<'_>,
    spec: &FetOnlineSpec,
    column: usize,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<Vec<Vec<f32>>, FitProblem> {
    let n_tasks = spec.n_bootstraps.div_ceil(STREAMS_PER_TASK);
    let chunks = run_tasks(n_tasks, pool, progress, &|task| {
        let first = task * STREAMS_PER_TASK;
        let last = spec.n_bootstraps.min(first + STREAMS_PER_TASK);
        let of_column = (column as u64) << STREAM_BITS;
        simulation.run(spec.seed, of_column + first as u64..of_column + last as u64)
    })
    .ok_or(FitProblem::Cancelled)?;
    let step = |step: usize| chunks.iter().flat_map(|chunk| chunk.iter().map(move |stream| stream[step])).collect();
    Ok((0..spec.n_threshold_steps()).map(step).collect())
}

impl OnlineDetector for FetOnline {
    fn start(&self) -> OnlineState {
        let n_windows = self.spec.window_sizes.len();
        let column = ColumnState {
            recent: VecDeque::with_capacity(self.spec.largest_window() + 1),
            ones: vec![0; n_windows],
            smoothed: vec![f64::NAN; n_windows * self.n_directions()],
        };
        OnlineState::Fet(FetState { time: 0, n_draws: 0, columns: vec![column; self.watched.len()] })
    }

    fn step(&self, state: &mut OnlineState, x: &[f64]) -> Detection {
        let OnlineState::Fet(state) = state else { unreachable!("a detector is handed its own state") };
        self.judge(state, x, &mut |state| self.draw(state))
    }

    fn save_state(&self, state: &OnlineState) -> Tensors {
        let OnlineState::Fet(state) = state else { unreachable!("a detector is handed its own state") };
        let mut tensors = Tensors::new();
        tensors.insert_u64("time", vec![state.time]);
        tensors.insert_u64("tie_draws", vec![state.n_draws]);
        let recent = state.columns.iter().flat_map(|column| column.recent.iter().map(|one| u64::from(*one)));
        tensors.insert_u64("window", recent.collect());
        let smoothed = state.columns.iter().flat_map(|column| column.smoothed.iter().copied()).collect();
        tensors.insert_rows("smoothed", state.columns.len(), smoothed);
        tensors
    }

    fn restore_state(&self, tensors: &Tensors) -> Result<OnlineState, TensorError> {
        let OnlineState::Fet(mut state) = self.start() else { unreachable!("a detector starts its own state") };
        state.time = tensors.u64s_of_length("time", 1)?[0];
        state.n_draws = tensors.u64s_of_length("tie_draws", 1)?[0];
        let n_recent = usize::try_from(state.time).unwrap_or(usize::MAX).min(self.spec.largest_window());
        let n_watched = self.watched.iter().flatten().count();
        let recent = tensors.u64s_of_length("window", n_recent * n_watched)?;
        let n_smoothed = self.spec.window_sizes.len() * self.n_directions();
        let smoothed = tensors.f64s_of_length("smoothed", n_smoothed * self.watched.len())?;
        if recent.iter().any(|value| *value > 1) || smoothed.iter().any(|value| value.is_infinite()) {
            return Err(invalid("window", "a value is neither 0 nor 1"));
        }
        let mut windows = recent.chunks_exact(n_recent.max(1));
        for ((column, smoothed), watched) in
            state.columns.iter_mut().zip(smoothed.chunks_exact(n_smoothed)).zip(&self.watched)
        {
            column.smoothed.copy_from_slice(smoothed);
            if watched.is_none() {
                continue;
            }
            column.recent.extend(windows.next().unwrap_or_default().iter().map(|value| *value == 1));
            for (ones, size) in column.ones.iter_mut().zip(&self.spec.window_sizes) {
                *ones = column.recent.iter().rev().take(*size).filter(|one| **one).count();
            }
        }
        Ok(OnlineState::Fet(state))
    }

    fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        tensors.insert_u64("reference_rows", vec![self.n_rows as u64]);
        tensors.insert_u64("reference_ones", self.ones.iter().map(|ones| *ones as u64).collect());
        let n_steps = self.spec.n_threshold_steps();
        let by_column = |values: fn(&Curve) -> &Vec<f64>| {
            self.watched
                .iter()
                .flat_map(|watched| {
                    watched.as_ref().map_or(vec![f64::NAN; n_steps], |watched| values(&watched.curve).clone())
                })
                .collect()
        };
        tensors.insert_rows("thresholds", self.watched.len(), by_column(|curve| &curve.thresholds));
        tensors.insert_rows("permits", self.watched.len(), by_column(|curve| &curve.permits));
        tensors
    }

    fn spec(&self) -> OnlineSpec {
        OnlineSpec::FetOnline(self.spec.clone())
    }

    // 1 less a p-value: what is left to 1 is raised to a power, so that thresholds stay below it.
    fn move_thresholds(&mut self, factor: f64) {
        for watched in self.watched.iter_mut().flatten() {
            watched
                .curve
                .thresholds
                .iter_mut()
                .for_each(|threshold| *threshold = -(factor * (-*threshold).ln_1p()).exp_m1());
        }
    }

    fn needed_factor(&self, statistic: f64, threshold: f64) -> f64 {
        if statistic <= 0.0 { 0.0 } else { (-statistic).ln_1p() / (-threshold).ln_1p().min(-f64::MIN_POSITIVE) }
    }

    fn step_cost_ns(&self) -> u64 {
        (self.watched.len() * (50 + 10 * self.spec.window_sizes.len() * self.n_directions())) as u64
    }
}

fn invalid(name: &str, reason: &str) -> TensorError {
    TensorError::Value { name: name.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
