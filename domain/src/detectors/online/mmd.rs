//! Online maximum mean discrepancy: a change of any kind in the joint law of all columns.
//!
//! Compares the mean Gaussian kernel within a window of the last `W` rows, within the reference, and between both.
//! Choose it for tables and embeddings. The window is full of reference rows at the start, so there is no warm-up.
//!
//! The statistic is `mean k(r, r') + mean k(w, w') - 2 mean k(r, w)` over different rows `r` of the sub-reference and
//! `w` of the window: the unbiased estimate of the squared discrepancy. Bandwidth by the median heuristic.
//!
//! **Cost**: a step O(n d), whatever the length of the stream; memory O(n d). A fit O(n^2 d + B W^2 d) for B
//! bootstraps: the sums within the reference follow from the row sums of its kernel matrix, which is never stored.
//!
//! **Source**: Gretton et al., *A kernel two-sample test*, JMLR (2012); Cobb, Van Looveren & Klaise, *Sequential
//! multivariate change detection with calibrated and memoryless false detection rates*, AISTATS (2022).

mod simulation;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use self::simulation::Simulation;
use super::splits::{SeededSplits, Splits, StartLimits};
use super::{FitProblem, OnlineDetector, OnlineState, alarm_probability, check};
use crate::data::{TensorError, Tensors};
use crate::detection::Detection;
use crate::detectors::OnlineSpec;
use crate::ports::{CpuPool, Progress};
use crate::statistics::kernel::{BLOCK, GaussianKernel, Points, median_bandwidth, usable_bandwidth};
use crate::statistics::parallel::run_tasks;
use crate::statistics::part::Part;
use crate::statistics::quantile::{QuantileType, quantile};
use crate::statistics::run_length::{Survivors, n_streams_min, thresholds};

/// The parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MmdOnlineSpec {
    /// Expected run time: mean number of rows between false alarms; above 1.
    pub ert: f64,
    /// Size of the window, in rows; at least 2.
    pub window_size: usize,
    /// Number of permutations of the reference behind the thresholds.
    pub n_bootstraps: usize,
    /// Bandwidths of the kernel, in units of the encoded columns; empty before a fit that infers one.
    pub sigma: Vec<f64>,
    /// Seed of the permutations and of the split of the reference.
    pub seed: u64,
}

impl MmdOnlineSpec {
    /// Rows that a permutation takes out of the reference: all positions of a window over `W` steps.
    fn n_held_out(&self) -> usize {
        2 * self.window_size - 1
    }

    /// Steps until thresholds stay the same.
    pub(crate) fn n_threshold_steps(&self) -> usize {
        self.window_size
    }

    pub(super) fn check(&self, n_rows: usize) -> Result<(), FitProblem> {
        let probability = alarm_probability(self.ert, 1);
        check(n_rows, 2 * self.window_size + 1, probability, self.n_threshold_steps(), self.n_bootstraps)
    }
}

/// A row of the window with its kernel sums. The sums of a row never change but by adding a later row, and leave with
/// it, so nothing accumulates over the length of the stream.
#[derive(Debug, Clone, PartialEq)]
struct WindowRow {
    x: Vec<f64>,
    /// Sum of the kernel with the later rows of the window.
    later: f64,
    /// Sum of the kernel with the sub-reference.
    cross: f64,
}

/// What moves while [`MmdOnline`] serves: O(W d).
#[derive(Debug, Clone, PartialEq)]
pub struct MmdState {
    time: u64,
    /// Oldest first.
    window: VecDeque<WindowRow>,
}

impl MmdState {
    /// Rows fed.
    pub fn time(&self) -> u64 {
        self.time
    }
}

/// The fitted detector.
#[derive(Debug, Clone, PartialEq)]
pub struct MmdOnline {
    spec: MmdOnlineSpec,
    kernel: GaussianKernel,
    /// The sub-reference.
    reference: Points,
    /// Mean kernel between different rows of the sub-reference.
    within_reference: f64,
    /// By step, the first one only for the split of the reference.
    thresholds: Vec<f64>,
    /// Without later rows.
    initial_window: Vec<WindowRow>,
}

impl MmdOnline {
    /// Fits on rows of `n_columns` finite numbers, row-major.
    ///
    /// # Errors
    /// With fewer than `2 W + 1` rows, too few bootstraps, coinciding rows and no bandwidth, or when cancelled.
    pub fn fit(
        spec: &MmdOnlineSpec,
        reference: &[f64],
        n_columns: usize,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let seed = spec.seed;
        Self::fit_with_splits(spec, reference, n_columns, &SeededSplits { seed }, pool, progress)
    }

    pub(crate) fn fit_with_splits(
        spec: &MmdOnlineSpec,
        reference: &[f64],
        n_columns: usize,
        splits: &dyn Splits,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let reference = Points::from_rows(reference, n_columns);
        spec.check(reference.n_rows())?;
        let probability = alarm_probability(spec.ert, 1);
        let too_few = FitProblem::TooFewBootstraps {
            expected: n_streams_min(probability, spec.n_threshold_steps()),
            actual: spec.n_bootstraps,
        };
        let [for_bandwidth, for_sums, for_thresholds] = Part::split(progress, costs(spec, &reference));
        let mut spec = spec.clone();
        if spec.sigma.is_empty() {
            progress.stage("inferring the bandwidth of the kernel");
            spec.sigma = vec![usable_bandwidth(median_bandwidth(&reference, pool, &for_bandwidth))?];
        }
        let kernel = GaussianKernel::new(&spec.sigma);
        progress.stage("summing the kernel over the reference");
        let row_sums = kernel.row_sums(&reference, pool, &for_sums).ok_or(FitProblem::Cancelled)?;
        let simulation = Simulation::new(&kernel, &reference, &row_sums, spec.window_size);
        progress.stage("simulating the thresholds");
        let by_step = simulate(&simulation, &spec, splits, pool, &for_thresholds)?;
        let thresholds =
            thresholds(&by_step, probability, Survivors::Below, QuantileType::Seven).map_err(|_| too_few.clone())?;

        let usual = quantile(&mut by_step[0].clone(), 1.0 - splits.unusual(spec.ert), QuantileType::Seven, true);
        let usual = usual.map_err(|_| too_few)?;
        let limits = StartLimits { usual, threshold: thresholds[0], survivors: Survivors::Below };
        let mut within_reference = 0.0;
        let statistic =
            |held_out: &[usize]| simulation.statistics(held_out, &mut within_reference)[spec.window_size - 1];
        let held_out = limits.split(splits, reference.n_rows(), spec.n_held_out(), statistic);
        let held_out = held_out.ok_or(FitProblem::NoBandwidth)?;
        let first_of_window = spec.window_size - 1;
        let mut is_held_out = vec![false; reference.n_rows()];
        for row in &held_out {
            is_held_out[*row] = true;
        }
        let kept: Vec<usize> = (0..reference.n_rows()).filter(|row| !is_held_out[*row]).collect();
        let sub_reference = reference.select(&kept);
        let initial_window = held_out[first_of_window..]
            .iter()
            .map(|row| window_row(&kernel, &sub_reference, reference.row(*row)))
            .collect();
        Ok(Self { spec, kernel, reference: sub_reference, within_reference, thresholds, initial_window })
    }

    /// The detector that was saved.
    ///
    /// # Errors
    /// When the arrays are not those of such a detector.
    pub fn restore(spec: &MmdOnlineSpec, tensors: &Tensors, n_columns: usize) -> Result<Self, TensorError> {
        let rows = tensors.f64s("reference")?;
        if rows.len() < 2 * n_columns || rows.len() % n_columns != 0 {
            return Err(invalid("reference", "it does not fit the columns"));
        }
        if spec.sigma.is_empty() {
            return Err(invalid("sigma", "the configuration holds no bandwidth"));
        }
        let reference = Points::from_rows(rows, n_columns);
        let kernel = GaussianKernel::new(&spec.sigma);
        let initial = tensors.f64s_of_length("initial_window", spec.window_size * n_columns)?;
        let initial_window =
            initial.chunks_exact(n_columns).map(|row| window_row(&kernel, &reference, row.to_vec())).collect();
        Ok(Self {
            within_reference: tensors.f64s_of_length("within_reference", 1)?[0],
            thresholds: tensors.f64s_of_length("thresholds", spec.n_threshold_steps())?.to_vec(),
            spec: spec.clone(),
            kernel,
            reference,
            initial_window,
        })
    }

    #[cfg(test)]
    pub(crate) fn thresholds(&self) -> &[f64] {
        &self.thresholds
    }

    #[cfg(test)]
    pub(crate) fn within_reference(&self) -> f64 {
        self.within_reference
    }

    fn push(&self, window: &mut VecDeque<WindowRow>, row: WindowRow) {
        let (older, newer) = window.as_mut_slices();
        for earlier in older.chunks_mut(BLOCK).chain(newer.chunks_mut(BLOCK)) {
            let mut values = [0.0; BLOCK];
            let values = &mut values[..earlier.len()];
            self.kernel.with_each(&row.x, earlier.iter().map(|earlier| &*earlier.x), values);
            for (earlier, value) in earlier.iter_mut().zip(values) {
                earlier.later += *value;
            }
        }
        window.push_back(row);
    }

    fn statistic(&self, window: &VecDeque<WindowRow>) -> f64 {
        let w = window.len() as f64;
        let (later, cross) =
            window.iter().fold((0.0, 0.0), |(later, cross), row| (later + row.later, cross + row.cross));
        self.within_reference + 2.0 * later / (w * (w - 1.0)) - 2.0 * cross / (self.reference.n_rows() as f64 * w)
    }
}

fn window_row(kernel: &GaussianKernel, reference: &Points, x: Vec<f64>) -> WindowRow {
    let cross = kernel.sum_with(&x, reference);
    WindowRow { x, later: 0.0, cross }
}

/// What the bandwidth, the row sums and the thresholds cost, in operations on numbers: how progress is shared out.
fn costs(spec: &MmdOnlineSpec, reference: &Points) -> [f64; 3] {
    /// About as many operations as an exponential takes.
    const EXPONENTIAL: f64 = 6.0;
    let n_pairs = (reference.n_rows() as f64).powi(2);
    let distance = reference.n_columns() as f64 + 1.0;
    let kernel = distance + EXPONENTIAL * spec.sigma.len().max(1) as f64;
    let bandwidth = if spec.sigma.is_empty() { n_pairs * distance } else { 0.0 };
    let pairs_held_out = (spec.n_held_out() as f64).powi(2) / 2.0;
    [bandwidth, n_pairs * kernel, spec.n_bootstraps as f64 * pairs_held_out * kernel]
}

/// Permutations of one task of the pool.
const PERMUTATIONS_PER_TASK: usize = 100;

fn simulate(
    simulation: &Simulation<'_>,
    spec: &MmdOnlineSpec,
    splits: &dyn Splits,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<Vec<Vec<f64>>, FitProblem> {
    let n_tasks = spec.n_bootstraps.div_ceil(PERMUTATIONS_PER_TASK);
    let chunks = run_tasks(n_tasks, pool, progress, &|task| {
        let first = task * PERMUTATIONS_PER_TASK;
        let last = spec.n_bootstraps.min(first + PERMUTATIONS_PER_TASK);
        simulation.run(splits, first..last)
    })
    .ok_or(FitProblem::Cancelled)?;
    Ok((0..spec.n_threshold_steps())
        .map(|step| chunks.iter().flat_map(|chunk| chunk.iter().map(|statistics| statistics[step])).collect())
        .collect())
}

impl OnlineDetector for MmdOnline {
    fn start(&self) -> OnlineState {
        let mut window = VecDeque::with_capacity(self.spec.window_size + 1);
        for row in &self.initial_window {
            self.push(&mut window, row.clone());
        }
        OnlineState::Mmd(MmdState { time: 0, window })
    }

    fn step(&self, state: &mut OnlineState, x: &[f64]) -> Detection {
        let OnlineState::Mmd(state) = state else { unreachable!("a detector is handed its own state") };
        state.time += 1;
        // The row that leaves lends its memory to the one that comes.
        let mut row = state.window.pop_front().map_or_else(|| x.to_vec(), |row| row.x);
        row.copy_from_slice(x);
        self.push(&mut state.window, window_row(&self.kernel, &self.reference, row));
        let statistic = self.statistic(&state.window);
        let step = usize::try_from(state.time).unwrap_or(usize::MAX).min(self.spec.window_size - 1);
        let threshold = self.thresholds[step];
        Detection {
            is_drift: statistic > threshold,
            time: state.time,
            warm_up: false,
            statistic: Some(statistic),
            threshold: Some(threshold),
            rows: 1,
            ..Detection::default()
        }
    }

    fn save_state(&self, state: &OnlineState) -> Tensors {
        let OnlineState::Mmd(state) = state else { unreachable!("a detector is handed its own state") };
        let mut tensors = Tensors::new();
        tensors.insert_u64("time", vec![state.time]);
        let rows = state.window.iter().flat_map(|row| row.x.iter().copied()).collect();
        tensors.insert_rows("window", state.window.len(), rows);
        tensors.insert_f64("window_later", state.window.iter().map(|row| row.later).collect());
        tensors.insert_f64("window_cross", state.window.iter().map(|row| row.cross).collect());
        tensors
    }

    fn restore_state(&self, tensors: &Tensors) -> Result<OnlineState, TensorError> {
        let (n_rows, n_columns) = (self.spec.window_size, self.reference.n_columns());
        let rows = tensors.f64s_of_length("window", n_rows * n_columns)?;
        let later = tensors.f64s_of_length("window_later", n_rows)?;
        let cross = tensors.f64s_of_length("window_cross", n_rows)?;
        let window = rows
            .chunks_exact(n_columns)
            .zip(later.iter().zip(cross))
            .map(|(x, (later, cross))| WindowRow { x: x.to_vec(), later: *later, cross: *cross })
            .collect();
        Ok(OnlineState::Mmd(MmdState { time: tensors.u64s_of_length("time", 1)?[0], window }))
    }

    fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        tensors.insert_rows("reference", self.reference.n_rows(), self.reference.to_rows());
        let initial = self.initial_window.iter().flat_map(|row| row.x.iter().copied()).collect();
        tensors.insert_rows("initial_window", self.initial_window.len(), initial);
        tensors.insert_f64("within_reference", vec![self.within_reference]);
        tensors.insert_f64("thresholds", self.thresholds.clone());
        tensors
    }

    fn spec(&self) -> OnlineSpec {
        OnlineSpec::MmdOnline(self.spec.clone())
    }

    fn move_thresholds(&mut self, factor: f64) {
        self.thresholds.iter_mut().for_each(|threshold| *threshold *= factor);
    }

    fn step_cost_ns(&self) -> u64 {
        let n_kernels = self.reference.n_rows() + 2 * self.spec.window_size;
        (n_kernels * (self.reference.n_columns() + 4 * self.spec.sigma.len())) as u64
    }
}

fn invalid(name: &str, reason: &str) -> TensorError {
    TensorError::Value { name: name.to_owned(), reason: reason.to_owned() }
}
