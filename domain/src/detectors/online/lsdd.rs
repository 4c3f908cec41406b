//! Online least-squares density difference: a change of any kind in the joint law of all columns.
//!
//! Estimates the squared difference between the densities of the reference and of a window of the last `W` rows, from
//! kernels at some rows of the reference, the centres. A step does not depend on the size of the reference, so choose it
//! for large references and fast streams. The window is full of reference rows at the start, so there is no warm-up.
//!
//! Each column is standardised by the reference's mean and standard deviation; in one that is constant there, any other
//! value is far from everything. Bandwidth by the median heuristic; the regulariser is the largest power of 1/4 that does not make the
//! difference seem too small (`lambda_rd_max`). See `density_difference` for the formula.
//!
//! **Cost**: a step O(c d + c^2 + W c) for c centres, whatever the size of the reference or the length of the stream;
//! memory O(c d + c^2 + W c). A fit O(n^2 d) for the bandwidth and O(n c^2 + B W c) for B bootstraps; memory O(n c).
//!
//! **Source**: Bu, Alippi & Zhao, *A pdf-free change detection test based on density difference estimation*, IEEE TNNLS
//! (2016); Bu, Zhao & Alippi, *An incremental change detection test based on density difference estimation*, IEEE SMC
//! (2017).

mod simulation;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use self::simulation::{Simulation, add};
use super::splits::{SeededSplits, Splits, StartLimits};
use super::{FitProblem, OnlineDetector, OnlineState, SIMULATED_MAX, alarm_probability};
use crate::data::{TensorError, Tensors};
use crate::detection::Detection;
use crate::detectors::OnlineSpec;
use crate::detectors::density_difference::{
    Basis, Eigenvalues, N_REGULARIZERS, Scales, choose_centers, squared_difference,
};
use crate::ports::{CpuPool, Progress};
use crate::statistics::kernel::{Points, median_bandwidth, usable_bandwidth};
use crate::statistics::parallel::run_tasks;
use crate::statistics::quantile::{QuantileType, quantile};
use crate::statistics::run_length::{Survivors, n_streams_min, thresholds};

/// The parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LsddOnlineSpec {
    /// Expected run time: mean number of rows between false alarms; above 1.
    pub ert: f64,
    /// Size of the window, in rows; at least 2.
    pub window_size: usize,
    /// Number of permutations of the reference behind the thresholds.
    pub n_bootstraps: usize,
    /// Bandwidths of the kernel, in units of standardised columns; empty before a fit that infers one.
    pub sigma: Vec<f64>,
    /// Number of rows of the reference that become centres of kernels.
    pub n_kernel_centers: usize,
    /// Largest relative difference that the regulariser may make, above 0, up to 1.
    pub lambda_rd_max: f64,
    /// Seed of the centres, the permutations and the split of the reference.
    pub seed: u64,
}

impl LsddOnlineSpec {
    /// Rows that a permutation takes out of the reference: all positions of a window over `W` steps.
    fn n_held_out(&self) -> usize {
        2 * self.window_size - 1
    }

    pub(super) fn check(&self, n_rows: usize) -> Result<(), FitProblem> {
        check_sizes(self, n_rows).map(|_| ())
    }

    /// Steps until thresholds stay the same.
    pub(crate) fn n_threshold_steps(&self) -> usize {
        self.window_size
    }

    /// Steps at which permutations are left out: all but the first, as in the reference library.
    pub(crate) fn n_filtered_steps(&self) -> usize {
        self.window_size - 1
    }
}

/// A row of the window with its coordinates.
#[derive(Debug, Clone, PartialEq)]
struct WindowRow {
    x: Vec<f64>,
    coordinates: Vec<f64>,
}

/// What moves while [`LsddOnline`] serves: O(W (c + d)).
#[derive(Debug, Clone, PartialEq)]
pub struct LsddState {
    time: u64,
    /// Oldest first.
    window: VecDeque<WindowRow>,
}

impl LsddState {
    /// Rows fed.
    pub fn time(&self) -> u64 {
        self.time
    }
}

/// The fitted detector.
#[derive(Debug, Clone, PartialEq)]
pub struct LsddOnline {
    spec: LsddOnlineSpec,
    scales: Scales,
    basis: Basis,
    /// The regulariser that was chosen, to be read by people.
    lambda: f64,
    /// Of the squared coordinates.
    weights: Vec<f64>,
    /// Mean coordinates of the sub-reference.
    reference_mean: Vec<f64>,
    /// By step, the first one only for the split of the reference.
    thresholds: Vec<f64>,
    initial_window: Vec<WindowRow>,
}

impl LsddOnline {
    /// Fits on rows of `n_columns` finite numbers, row-major.
    ///
    /// # Errors
    /// With fewer than `c + 2 W` rows, fewer than `c` different rows, too few bootstraps, coinciding rows and no
    /// bandwidth or no regulariser, or when cancelled.
    pub fn fit(
        spec: &LsddOnlineSpec,
        reference: &[f64],
        n_columns: usize,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        Self::fit_with_splits(spec, reference, n_columns, &SeededSplits { seed: spec.seed }, pool, progress)
    }

    pub(crate) fn fit_with_splits(
        spec: &LsddOnlineSpec,
        reference: &[f64],
        n_columns: usize,
        splits: &dyn Splits,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let n_rows = reference.len() / n_columns;
        let too_few = check_sizes(spec, n_rows)?;
        let scales = Scales::of(reference, n_columns);
        let standardised = scales.all_standardised(reference);
        if !standardised.iter().all(|value| value.is_finite()) {
            return Err(FitProblem::Overflow);
        }
        let points = Points::from_rows(&standardised, n_columns);
        let mut spec = spec.clone();
        if spec.sigma.is_empty() {
            spec.sigma = vec![usable_bandwidth(median_bandwidth(&points, pool, progress))?];
        }
        let row = |row: usize| &standardised[row * n_columns..(row + 1) * n_columns];
        let (centers, effective) = choose_centers(&splits.order(n_rows), spec.n_kernel_centers, row)?;
        let no_regularizer = FitProblem::NoRegularizer { lambda_rd_max: spec.lambda_rd_max };
        let (basis, eigenvalues) = Basis::of(&spec.sigma, points.select(&centers)).ok_or(no_regularizer.clone())?;
        let rows: Vec<&[f64]> = effective.iter().map(|index| row(*index)).collect();
        let simulation =
            Simulation::new(&basis, &rows, spec.window_size, pool, progress).ok_or(FitProblem::Cancelled)?;

        let lambda = choose_lambda(&simulation, &eigenvalues, &spec, splits, pool, progress)?.ok_or(no_regularizer)?;
        let weights = eigenvalues.weights(lambda);
        let by_step = simulate(&simulation, &weights, &spec, splits, pool, progress)?;
        let probability = alarm_probability(spec.ert, 1);
        let first = |p| quantile(&mut by_step[0].clone(), p, QuantileType::Seven, true).map_err(|_| too_few.clone());
        let mut all_thresholds = vec![first(1.0 - probability)?];
        let later = thresholds(&by_step[1..], probability, Survivors::Below, QuantileType::Seven)
            .map_err(|_| too_few.clone())?;
        all_thresholds.extend(later);

        let usual = first(1.0 - splits.unusual(spec.ert))?;
        let limits = StartLimits { usual, threshold: all_thresholds[0], survivors: Survivors::Below };
        let statistic = |held_out: &[usize]| simulation.statistics(&weights, held_out)[spec.window_size - 1];
        let held_out = limits.split(splits, effective.len(), spec.n_held_out(), statistic);
        let held_out = held_out.ok_or(FitProblem::NoBandwidth)?;
        let raw = |index: &usize| &reference[effective[*index] * n_columns..(effective[*index] + 1) * n_columns];
        let mut detector = Self {
            reference_mean: simulation.reference_mean(&held_out),
            thresholds: all_thresholds,
            initial_window: Vec::new(),
            spec,
            scales,
            basis,
            lambda,
            weights,
        };
        let first_of_window = detector.spec.window_size - 1;
        detector.initial_window =
            held_out[first_of_window..].iter().map(|index| detector.window_row(raw(index).to_vec())).collect();
        Ok(detector)
    }

    /// The detector that was saved.
    ///
    /// # Errors
    /// When the arrays are not those of such a detector.
    pub fn restore(spec: &LsddOnlineSpec, tensors: &Tensors, n_columns: usize) -> Result<Self, TensorError> {
        let c = spec.n_kernel_centers;
        if spec.sigma.is_empty() || c == 0 {
            return Err(invalid("centers", "the configuration holds no bandwidth or no centre"));
        }
        let centers = tensors.f64s_of_length("centers", c.saturating_mul(n_columns))?;
        let vectors = tensors.f64s_of_length("eigenvectors", c.saturating_mul(c))?;
        let initial = tensors.f64s_of_length("initial_window", spec.window_size * n_columns)?;
        let mut detector = Self {
            scales: Scales::restore(tensors, n_columns)?,
            basis: Basis::restore(&spec.sigma, Points::from_rows(centers, n_columns), vectors.to_vec()),
            lambda: tensors.f64s_of_length("lambda", 1)?[0],
            weights: tensors.f64s_of_length("weights", c)?.to_vec(),
            reference_mean: tensors.f64s_of_length("reference_mean", c)?.to_vec(),
            thresholds: tensors.f64s_of_length("thresholds", spec.n_threshold_steps())?.to_vec(),
            initial_window: Vec::new(),
            spec: spec.clone(),
        };
        detector.initial_window =
            initial.chunks_exact(n_columns).map(|row| detector.window_row(row.to_vec())).collect();
        Ok(detector)
    }

    #[cfg(test)]
    pub(crate) fn thresholds(&self) -> &[f64] {
        &self.thresholds
    }

    #[cfg(test)]
    pub(crate) fn lambda(&self) -> f64 {
        self.lambda
    }

    /// The mean kernel of the sub-reference with each centre.
    #[cfg(test)]
    pub(crate) fn mean_kernels(&self) -> Vec<f64> {
        self.basis.turned_back(&self.reference_mean)
    }

    fn window_row(&self, x: Vec<f64>) -> WindowRow {
        let mut coordinates = vec![0.0; self.weights.len()];
        self.basis.coordinates(&self.scales.standardised(&x), &mut coordinates);
        WindowRow { x, coordinates }
    }

    /// Sums the window anew, so that nothing accumulates over the length of the stream.
    fn statistic(&self, window: &VecDeque<WindowRow>) -> f64 {
        let mut sums = vec![0.0; self.weights.len()];
        for row in window {
            add(&mut sums, &row.coordinates);
        }
        squared_difference(&self.weights, &self.reference_mean, &sums, window.len() as f64)
    }
}

/// What is refused before anything is computed; else what to say should the bootstraps run out after all.
fn check_sizes(spec: &LsddOnlineSpec, n_rows: usize) -> Result<FitProblem, FitProblem> {
    let n_rows_min = spec.n_kernel_centers + 2 * spec.window_size;
    if n_rows < n_rows_min {
        return Err(FitProblem::TooFewRowsForCenters { expected: n_rows_min, actual: n_rows });
    }
    let expected = n_streams_min(alarm_probability(spec.ert, 1), spec.n_filtered_steps());
    let too_few = FitProblem::TooFewBootstraps { expected, actual: spec.n_bootstraps };
    if spec.n_bootstraps < expected {
        return Err(too_few);
    }
    let n_statistics = spec.n_threshold_steps().saturating_mul(spec.n_bootstraps);
    let n_values = n_statistics.max(n_rows.saturating_mul(spec.n_kernel_centers));
    if n_values > SIMULATED_MAX {
        return Err(FitProblem::TooLarge { n_values });
    }
    Ok(too_few)
}

/// Permutations of one task of the pool.
const PERMUTATIONS_PER_TASK: usize = 100;

/// The permutations of a task.
fn permutations(task: usize, spec: &LsddOnlineSpec) -> std::ops::Range<usize> {
    let first = task * PERMUTATIONS_PER_TASK;
    first..spec.n_bootstraps.min(first + PERMUTATIONS_PER_TASK)
}

fn choose_lambda(
    simulation: &Simulation,
    eigenvalues: &Eigenvalues,
    spec: &LsddOnlineSpec,
    splits: &dyn Splits,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<Option<f64>, FitProblem> {
    let n_tasks = spec.n_bootstraps.div_ceil(PERMUTATIONS_PER_TASK);
    let chunks = run_tasks(n_tasks, pool, progress, &|task| {
        simulation.relative_differences(eigenvalues, splits, permutations(task, spec))
    })
    .ok_or(FitProblem::Cancelled)?;
    let mut means = [0.0; N_REGULARIZERS];
    for chunk in &chunks {
        add(&mut means, chunk);
    }
    for mean in &mut means {
        *mean /= spec.n_bootstraps as f64;
    }
    Ok(Eigenvalues::choose(&means, spec.lambda_rd_max))
}

fn simulate(
    simulation: &Simulation,
    weights: &[f64],
    spec: &LsddOnlineSpec,
    splits: &dyn Splits,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<Vec<Vec<f64>>, FitProblem> {
    let n_tasks = spec.n_bootstraps.div_ceil(PERMUTATIONS_PER_TASK);
    let chunks = run_tasks(n_tasks, pool, progress, &|task| {
        let statistics = simulation.run(weights, splits, permutations(task, spec));
        progress.report(task + 1, n_tasks);
        statistics
    })
    .ok_or(FitProblem::Cancelled)?;
    let step = |step: usize| chunks.iter().flat_map(|chunk| chunk.iter().map(move |values| values[step])).collect();
    Ok((0..spec.n_threshold_steps()).map(step).collect())
}

impl OnlineDetector for LsddOnline {
    fn start(&self) -> OnlineState {
        OnlineState::Lsdd(LsddState { time: 0, window: self.initial_window.iter().cloned().collect() })
    }

    fn step(&self, state: &mut OnlineState, x: &[f64]) -> Detection {
        let OnlineState::Lsdd(state) = state else { unreachable!("a detector is handed its own state") };
        state.time += 1;
        state.window.pop_front();
        state.window.push_back(self.window_row(x.to_vec()));
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
        let OnlineState::Lsdd(state) = state else { unreachable!("a detector is handed its own state") };
        let mut tensors = Tensors::new();
        tensors.insert_u64("time", vec![state.time]);
        // The coordinates follow from the rows, bit for bit.
        let rows = state.window.iter().flat_map(|row| row.x.iter().copied()).collect();
        tensors.insert_rows("window", state.window.len(), rows);
        tensors
    }

    fn restore_state(&self, tensors: &Tensors) -> Result<OnlineState, TensorError> {
        let n_columns = self.scales.n_columns();
        let rows = tensors.f64s_of_length("window", self.spec.window_size * n_columns)?;
        let window = rows.chunks_exact(n_columns).map(|row| self.window_row(row.to_vec())).collect();
        Ok(OnlineState::Lsdd(LsddState { time: tensors.u64s_of_length("time", 1)?[0], window }))
    }

    fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        self.scales.save(&mut tensors);
        tensors.insert_rows("centers", self.weights.len(), self.basis.centers().to_rows());
        tensors.insert_rows("eigenvectors", self.weights.len(), self.basis.vectors().to_vec());
        tensors.insert_f64("lambda", vec![self.lambda]);
        tensors.insert_f64("weights", self.weights.clone());
        tensors.insert_f64("reference_mean", self.reference_mean.clone());
        let initial = self.initial_window.iter().flat_map(|row| row.x.iter().copied()).collect();
        tensors.insert_rows("initial_window", self.initial_window.len(), initial);
        tensors.insert_f64("thresholds", self.thresholds.clone());
        tensors
    }

    fn spec(&self) -> OnlineSpec {
        OnlineSpec::LsddOnline(self.spec.clone())
    }

    fn move_thresholds(&mut self, factor: f64) {
        self.thresholds.iter_mut().for_each(|threshold| *threshold *= factor);
    }

    fn step_cost_ns(&self) -> u64 {
        let (c, d) = (self.weights.len(), self.scales.n_columns());
        (c * (d + 4 * self.spec.sigma.len()) / 4 + c * c / 4 + c * self.spec.window_size / 4 + 200) as u64
    }
}

fn invalid(name: &str, reason: &str) -> TensorError {
    TensorError::Value { name: name.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
