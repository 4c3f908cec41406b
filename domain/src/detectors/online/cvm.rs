//! Online Cramér–von Mises: a change of any kind in the law of each column by itself.
//!
//! Compares the empirical distribution of each window of the last rows with that of the reference. Choose it for one
//! column of continuous numbers (a label, a score), or for several that may be judged separately. Many equal values
//! make it cautious or eager, because its thresholds assume none.
//!
//! With distribution functions `F_r` of the `n` reference values and `F_w` of the `W` window values,
//! `S = sum over both samples of (F_r(x) - F_w(x))^2`, and the statistic is `S n W / (n + W)^2`, centred and scaled by
//! its mean and standard deviation under no change; with several windows, the largest.
//!
//! **Cost**: a step O(log n + W) a column, whatever the length of the stream; memory O(n + W) a column. A fit
//! O(B W^2) for B bootstraps, whatever `n`, as only the ranks of the stream among the reference matter.
//!
//! **Source**: Ross & Adams, *Two nonparametric control charts for detecting arbitrary distribution changes*,
//! Journal of Quality Technology (2012).

mod simulation;
mod thresholds;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

pub use thresholds::CvmThresholds;

use super::{FitProblem, OnlineDetector, OnlineState, alarm_probability, check};
use crate::data::{TensorError, Tensors};
use crate::detection::{Detection, FeatureDetection, WindowStatistics};
use crate::detectors::OnlineSpec;
use crate::ports::{CpuPool, Progress};

/// The parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CvmOnlineSpec {
    /// Expected run time: mean number of rows between false alarms, counted from the first full window; above 1.
    pub ert: f64,
    /// Sizes of the windows, in rows, each at least 2; all are watched at once.
    pub window_sizes: Vec<usize>,
    /// Number of simulated streams behind the thresholds.
    pub n_bootstraps: usize,
    /// Seed of the simulation.
    pub seed: u64,
}

impl CvmOnlineSpec {
    fn smallest_window(&self) -> usize {
        self.window_sizes.iter().copied().min().unwrap_or(0)
    }

    fn largest_window(&self) -> usize {
        self.window_sizes.iter().copied().max().unwrap_or(0)
    }

    /// Steps from the first full window until thresholds stay the same.
    pub(crate) fn n_threshold_steps(&self) -> usize {
        2 * self.largest_window() - self.smallest_window()
    }

    pub(super) fn check(&self, n_rows: usize, n_columns: usize) -> Result<(), FitProblem> {
        let probability = alarm_probability(self.ert, n_columns);
        check(n_rows, self.largest_window().max(2), probability, self.n_threshold_steps(), self.n_bootstraps)
    }
}

/// Mean and standard deviation of `S n W / (n + W)^2` when nothing has changed.
#[derive(Debug, Clone, Copy)]
struct NullMoments {
    mean: f64,
    deviation: f64,
}

impl NullMoments {
    fn new(n: f64, w: f64) -> Self {
        let both = n + w;
        let mean = 1.0 / 6.0 + 1.0 / (6.0 * both);
        let variance = (both + 1.0) * (4.0 * n * w * both - 3.0 * (n * n + w * w) - 2.0 * n * w)
            / (45.0 * both * both * 4.0 * n * w);
        Self { mean, deviation: variance.sqrt() }
    }
}

/// The reference values of one column, sorted, with what the statistic needs of them.
#[derive(Debug, Clone, PartialEq)]
struct SortedReference {
    values: Vec<f64>,
    /// Of each value the number of values at or below it, summed up to each position; `n + 1` entries.
    ranks_before: Vec<u64>,
    /// The sum of the squares of those numbers.
    squared_ranks: i128,
}

impl SortedReference {
    fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let mut ranks_before = Vec::with_capacity(values.len() + 1);
        let (mut sum, mut squared_ranks) = (0_u64, 0_i128);
        ranks_before.push(0);
        for value in &values {
            let rank = values.partition_point(|other| other <= value) as u64;
            sum += rank;
            squared_ranks += i128::from(rank) * i128::from(rank);
            ranks_before.push(sum);
        }
        Self { values, ranks_before, squared_ranks }
    }

    fn place(&self, value: f64) -> Placed {
        Placed {
            value,
            below: self.values.partition_point(|other| *other < value),
            at_or_below: self.values.partition_point(|other| *other <= value),
        }
    }
}

/// A value of the stream with its place among the reference.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Placed {
    value: f64,
    below: usize,
    at_or_below: usize,
}

/// What moves in one column.
#[derive(Debug, Clone, PartialEq, Default)]
struct ColumnState {
    /// The last values, oldest first, as many as the largest window.
    recent: VecDeque<Placed>,
    /// The values of each window, in order of size.
    sorted: Vec<Vec<Placed>>,
}

/// What moves while [`CvmOnline`] serves: O(W) a column.
#[derive(Debug, Clone, PartialEq)]
pub struct CvmState {
    time: u64,
    columns: Vec<ColumnState>,
}

impl CvmState {
    /// Rows fed.
    pub fn time(&self) -> u64 {
        self.time
    }
}

/// The fitted detector.
#[derive(Debug, Clone, PartialEq)]
pub struct CvmOnline {
    spec: CvmOnlineSpec,
    reference: Vec<SortedReference>,
    /// From the step at which the smallest window is full; the last one holds from then on.
    thresholds: Vec<f64>,
}

impl CvmOnline {
    /// Fits on rows of `n_columns` finite numbers, row-major.
    ///
    /// # Errors
    /// With fewer than two rows, too few bootstraps for the ERT and windows, or when cancelled.
    pub fn fit(
        spec: &CvmOnlineSpec,
        reference: &[f64],
        n_columns: usize,
        thresholds: &CvmThresholds,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let n_rows = reference.len() / n_columns;
        spec.check(n_rows, n_columns)?;
        let column = |column: usize| reference.iter().skip(column).step_by(n_columns).copied();
        let thresholds = thresholds.of(spec, n_rows, n_columns, pool, progress)?;
        let reference = (0..n_columns).map(|index| SortedReference::new(column(index).collect())).collect();
        Ok(Self { spec: spec.clone(), reference, thresholds })
    }

    /// The detector that was saved.
    ///
    /// # Errors
    /// When the arrays are not those of such a detector.
    pub fn restore(spec: &CvmOnlineSpec, tensors: &Tensors, n_columns: usize) -> Result<Self, TensorError> {
        let values = tensors.f64s("reference")?;
        let n_rows = values.len() / n_columns;
        if n_rows < spec.largest_window().max(2) || n_rows * n_columns != values.len() {
            return Err(invalid("reference", "it does not fit the windows and columns"));
        }
        let is_ordered = |column: &[f64]| column.is_sorted() && column.iter().all(|value| value.is_finite());
        if !values.chunks_exact(n_rows).all(is_ordered) {
            return Err(invalid("reference", "a column is not sorted or not finite"));
        }
        let thresholds = tensors.f64s_of_length("thresholds", spec.n_threshold_steps())?.to_vec();
        let reference = values.chunks_exact(n_rows).map(|column| SortedReference::new(column.to_vec())).collect();
        Ok(Self { spec: spec.clone(), reference, thresholds })
    }

    #[cfg(test)]
    pub(crate) fn with_thresholds(
        spec: &CvmOnlineSpec,
        reference: &[f64],
        n_columns: usize,
        thresholds: Vec<f64>,
    ) -> Self {
        let column = |column: usize| reference.iter().skip(column).step_by(n_columns).copied();
        let reference = (0..n_columns).map(|index| SortedReference::new(column(index).collect())).collect();
        Self { spec: spec.clone(), reference, thresholds }
    }

    fn advance(&self, column: &mut ColumnState, reference: &SortedReference, value: f64) {
        let placed = reference.place(value);
        for (sorted, &size) in column.sorted.iter_mut().zip(&self.spec.window_sizes) {
            if let Some(oldest) = column.recent.len().checked_sub(size) {
                let leaving = column.recent[oldest].value;
                sorted.remove(sorted.partition_point(|other| other.value < leaving));
            }
            sorted.insert(sorted.partition_point(|other| other.value < value), placed);
        }
        if column.recent.len() == self.spec.largest_window() {
            column.recent.pop_front();
        }
        column.recent.push_back(placed);
    }

    /// The statistic of each full window of a column.
    fn window_statistics(&self, state: &CvmState, column: usize) -> impl Iterator<Item = Option<f64>> {
        let reference = &self.reference[column];
        state.columns[column]
            .sorted
            .iter()
            .zip(&self.spec.window_sizes)
            .map(move |(sorted, &size)| (sorted.len() == size).then(|| window_statistic(reference, sorted)))
    }

    /// Index of the threshold that holds at a time, from 1; `None` in the warm-up.
    fn threshold(&self, time: u64) -> Option<f64> {
        let step = usize::try_from(time).unwrap_or(usize::MAX).checked_sub(self.spec.smallest_window())?;
        self.thresholds.get(step).or(self.thresholds.last()).copied()
    }
}

/// The standardised statistic of a full window, from exact integers: time O(W).
fn window_statistic(reference: &SortedReference, sorted: &[Placed]) -> f64 {
    let (n, w) = (reference.values.len(), sorted.len());
    let (n_i, w_i) = (n as i128, w as i128);
    let all_ranks = reference.ranks_before[n];
    // Reference points: the window's distribution function is a step function between the places of its values.
    let (mut products, mut squared_counts) = (0_i128, 0_i128);
    for (index, placed) in sorted.iter().enumerate() {
        products += i128::from(all_ranks - reference.ranks_before[placed.below]);
        squared_counts += (2 * index as i128 + 1) * (n - placed.below) as i128;
    }
    // Window points: equal values share the rank of the last of them.
    let mut at_window = 0_i128;
    for equal in sorted.chunk_by(|a, b| a.value == b.value) {
        let rank = sorted.partition_point(|other| other.value <= equal[0].value) as i128;
        let difference = equal[0].at_or_below as i128 * w_i - rank * n_i;
        at_window += equal.len() as i128 * difference * difference;
    }
    let scaled =
        reference.squared_ranks * w_i * w_i - 2 * n_i * w_i * products + n_i * n_i * squared_counts + at_window;
    let (n, w) = (n as f64, w as f64);
    let moments = NullMoments::new(n, w);
    (scaled as f64 / (n * w * (n + w) * (n + w)) - moments.mean) / moments.deviation
}

impl OnlineDetector for CvmOnline {
    fn start(&self) -> OnlineState {
        let column = ColumnState {
            recent: VecDeque::with_capacity(self.spec.largest_window()),
            sorted: self.spec.window_sizes.iter().map(|size| Vec::with_capacity(*size + 1)).collect(),
        };
        OnlineState::Cvm(CvmState { time: 0, columns: vec![column; self.reference.len()] })
    }

    fn step(&self, state: &mut OnlineState, x: &[f64]) -> Detection {
        let OnlineState::Cvm(state) = state else { unreachable!("a detector is handed its own state") };
        state.time += 1;
        for ((column, reference), value) in state.columns.iter_mut().zip(&self.reference).zip(x) {
            self.advance(column, reference, *value);
        }
        let threshold = self.threshold(state.time);
        let n_columns = self.reference.len();
        let mut windows = WindowStatistics::unknown(self.spec.window_sizes.len(), n_columns);
        let mut features: Vec<FeatureDetection> = (0..n_columns)
            .map(|column| {
                let mut largest: Option<f64> = None;
                let of_column = windows.of_column_mut(column, n_columns).zip(self.window_statistics(state, column));
                for (told, statistic) in of_column.filter_map(|(told, statistic)| Some((told, statistic?))) {
                    *told = statistic;
                    largest = Some(largest.map_or(statistic, |largest| largest.max(statistic)));
                }
                let statistic = largest;
                FeatureDetection {
                    column,
                    is_drift: statistic.zip(threshold).is_some_and(|(statistic, threshold)| statistic > threshold),
                    statistic,
                    threshold,
                    ..FeatureDetection::default()
                }
            })
            .collect();
        let statistic = features.iter().filter_map(|feature| feature.statistic).reduce(f64::max);
        let is_drift = features.iter().any(|feature| feature.is_drift);
        if features.len() == 1 {
            features.clear();
        } else {
            features.sort_by(|a, b| b.statistic.partial_cmp(&a.statistic).unwrap_or(std::cmp::Ordering::Equal));
        }
        Detection {
            is_drift,
            time: state.time,
            warm_up: threshold.is_none(),
            statistic,
            threshold,
            rows: 1,
            features,
            windows,
            ..Detection::default()
        }
    }

    fn save_state(&self, state: &OnlineState) -> Tensors {
        let OnlineState::Cvm(state) = state else { unreachable!("a detector is handed its own state") };
        let mut tensors = Tensors::new();
        tensors.insert_u64("time", vec![state.time]);
        let recent = state.columns.iter().flat_map(|column| column.recent.iter().map(|placed| placed.value));
        tensors.insert_rows("window", state.columns.len(), recent.collect());
        tensors
    }

    fn restore_state(&self, tensors: &Tensors) -> Result<OnlineState, TensorError> {
        let time = tensors.u64s_of_length("time", 1)?[0];
        let n_recent = usize::try_from(time).unwrap_or(usize::MAX).min(self.spec.largest_window());
        let recent = tensors.f64s_of_length("window", n_recent * self.reference.len())?;
        if !recent.iter().all(|value| value.is_finite()) {
            return Err(invalid("window", "a value is not finite"));
        }
        let OnlineState::Cvm(mut state) = self.start() else { unreachable!("a detector starts its own state") };
        state.time = time;
        if n_recent > 0 {
            for ((column, reference), values) in
                state.columns.iter_mut().zip(&self.reference).zip(recent.chunks_exact(n_recent))
            {
                for value in values {
                    self.advance(column, reference, *value);
                }
            }
        }
        Ok(OnlineState::Cvm(state))
    }

    fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        let values = self.reference.iter().flat_map(|column| column.values.iter().copied()).collect();
        tensors.insert_rows("reference", self.reference.len(), values);
        tensors.insert_f64("thresholds", self.thresholds.clone());
        tensors
    }

    fn spec(&self) -> OnlineSpec {
        OnlineSpec::CvmOnline(self.spec.clone())
    }

    fn move_thresholds(&mut self, factor: f64) {
        self.thresholds.iter_mut().for_each(|threshold| *threshold *= factor);
    }

    fn step_cost_ns(&self) -> u64 {
        let window_rows: usize = self.spec.window_sizes.iter().sum();
        (self.reference.len() * (200 + 4 * window_rows)) as u64
    }
}

fn invalid(name: &str, reason: &str) -> TensorError {
    TensorError::Value { name: name.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
