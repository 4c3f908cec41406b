//! Distance of mean vectors: how far the mean of a window is from that of the reference.
//!
//! Choose it for embeddings, whose means move with what is embedded; it sees nothing but means. Its p-value is that of a permutation
//! test, so its level is exact at any size; with a threshold of its own, or a library's, the distance alone is compared.
//!
//! **Cost**: a test O((n + m) d P / 16) for `P` permutations, with a fixed threshold O(m d); memory 8 d bytes and P bits a row.
//!
//! **Source**: Pitman, *Significance tests which may be applied to samples from any populations* (1937).

mod metric;

pub use self::metric::DistanceMetric;

use self::metric::Terms;
use super::{TestProblem, check, invalid};
use crate::data::{TensorError, Tensors};
use crate::detectors::FitProblem;
use crate::ports::{CpuPool, Progress};
use crate::statistics::kernel::BLOCK;
use crate::statistics::parallel::run_tasks;
use crate::statistics::permutation::{AssignedSums, Assignments, LANES, PermutationSpec, PermutationTest};

/// A reference to compare windows with.
#[derive(Debug, Clone, PartialEq)]
pub struct MeanDistanceReference {
    metric: DistanceMetric,
    /// Row-major; none where nothing is permuted.
    rows: Vec<f64>,
    mean: Vec<f64>,
    /// The standard deviations of the columns, as one number in the metric; 0 of angles, which have their own unit.
    spread: f64,
}

/// By how much rounding may change a distance, relative to the numbers that it is of.
const ROUNDING: f64 = 1e-12;

impl MeanDistanceReference {
    /// Fits on rows of `n_columns` finite numbers, row-major; at least two rows. Time O(n d).
    ///
    /// # Errors
    /// With fewer rows, or with numbers whose sums overflow.
    pub fn fit(metric: DistanceMetric, rows: &[f64], n_columns: usize, is_permuted: bool) -> Result<Self, FitProblem> {
        let n_rows = rows.len().checked_div(n_columns).unwrap_or(0);
        if n_rows < 2 {
            return Err(FitProblem::TooFewRows { expected: 2, actual: n_rows });
        }
        let mean = mean(rows, n_columns);
        let mut deviations = vec![0.0; n_columns];
        for row in rows.chunks_exact(n_columns) {
            for ((deviation, value), mean) in deviations.iter_mut().zip(row).zip(&mean) {
                *deviation += (value - mean) * (value - mean) / n_rows as f64;
            }
        }
        for deviation in &mut deviations {
            *deviation = deviation.sqrt();
        }
        let spread = metric.length(&deviations).unwrap_or(0.0);
        if !(spread.is_finite() && mean.iter().all(|mean| mean.is_finite())) {
            return Err(FitProblem::Overflow);
        }
        Ok(Self { metric, rows: if is_permuted { rows.to_vec() } else { Vec::new() }, mean, spread })
    }

    /// The mean of a window of rows, row-major, and how far it is.
    pub fn distance(&self, window: &[f64]) -> f64 {
        self.metric.between(&self.mean, &mean(window, self.mean.len()))
    }

    /// What each column contributes to the distance from a window; none of angles, of which each has all columns.
    pub fn contributions(&self, window: &[f64]) -> Option<Vec<f64>> {
        let mean = mean(window, self.mean.len());
        let differences: Vec<f64> = mean.iter().zip(&self.mean).map(|(window, reference)| window - reference).collect();
        self.metric.contributions(&differences)
    }

    /// A distance as a size that does not grow with rows, from 0 to 1.
    pub fn effect_size(&self, distance: f64) -> f64 {
        if self.metric == DistanceMetric::Cosine {
            return (distance / 2.0).clamp(0.0, 1.0);
        }
        if distance > 0.0 { distance / (distance + self.spread) } else { 0.0 }
    }

    /// Tests a window of at least two rows of finite numbers, row-major, with the columns of the reference. The same window and
    /// specification give the same bits on any number of threads.
    ///
    /// # Errors
    /// With fewer rows or too few permutations, with numbers whose sums overflow, or when cancelled.
    pub fn test(
        &self,
        window: &[f64],
        spec: &PermutationSpec,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<PermutationTest, TestProblem> {
        let d = self.mean.len();
        let (n, m) = (self.rows.len() / d, window.len() / d);
        check(m, spec)?;
        let assignments = Assignments::seeded(n, m, spec.n_permutations, spec.seed);
        let pooled = Pooled { reference: &self.rows, window, d, origin: self.origin() };
        let parts =
            run_tasks(d.div_ceil(LANES), pool, progress, &|task| pooled.terms(self.metric, task * LANES, &assignments));
        let mut parts = parts.ok_or(TestProblem::Cancelled)?.into_iter();
        let mut all = parts.next().unwrap_or_default();
        for part in parts {
            all.iter_mut().zip(part).for_each(|(all, part)| *all = self.metric.joined(*all, part));
        }
        let permuted = all.split_off(Assignments::PERMUTED);
        let permuted: Vec<f64> = permuted.into_iter().map(|terms| self.metric.distance(terms)).collect();
        let distance = self.distance(window);
        if !(distance.is_finite() && permuted.iter().all(|distance| distance.is_finite())) {
            return Err(TestProblem::Overflow);
        }
        let rounding = ROUNDING * (distance + self.spread + f64::from(self.metric == DistanceMetric::Cosine));
        Ok(PermutationTest::of(distance, permuted, rounding, spec.level, spec.rule))
    }

    /// What is taken from rows before they are summed, so that nothing cancels: differences of means know no origin, angles do.
    fn origin(&self) -> Option<&[f64]> {
        (self.metric != DistanceMetric::Cosine).then_some(&self.mean)
    }

    /// The fitted arrays.
    pub fn to_tensors(&self) -> Tensors {
        let mut tensors = Tensors::new();
        tensors.insert_rows("reference", self.rows.len() / self.mean.len(), self.rows.clone());
        tensors.insert_f64("mean", self.mean.clone());
        tensors.insert_f64("spread", vec![self.spread]);
        tensors
    }

    /// What [`Self::to_tensors`] gave.
    ///
    /// # Errors
    /// When the arrays are not those of such a reference of `n_columns` columns.
    pub fn from_tensors(
        metric: DistanceMetric,
        tensors: &Tensors,
        n_columns: usize,
        is_permuted: bool,
    ) -> Result<Self, TensorError> {
        let rows = tensors.f64s("reference")?.to_vec();
        let least = if is_permuted { 2 * n_columns } else { 0 };
        if n_columns == 0 || rows.len() < least || rows.len() % n_columns != 0 {
            return Err(invalid("reference", "it does not fit the columns"));
        }
        let mean = tensors.f64s_of_length("mean", n_columns)?.to_vec();
        let spread = tensors.f64s_of_length("spread", 1)?[0];
        if !rows.iter().chain(&mean).chain([&spread]).all(|value| value.is_finite()) {
            return Err(invalid("reference", "a value is no number"));
        }
        Ok(Self { metric, rows, mean, spread })
    }
}

fn mean(rows: &[f64], d: usize) -> Vec<f64> {
    let n = (rows.len() / d) as f64;
    let mut mean = vec![0.0; d];
    for row in rows.chunks_exact(d) {
        mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    for sum in &mut mean {
        *sum /= n;
    }
    mean
}

/// Reference and window together.
struct Pooled<'r> {
    reference: &'r [f64],
    window: &'r [f64],
    d: usize,
    origin: Option<&'r [f64]>,
}

impl Pooled<'_> {
    /// What the next [`LANES`] columns from one on add to the distance of every assignment.
    fn terms(&self, metric: DistanceMetric, from: usize, assignments: &Assignments) -> Vec<Terms> {
        let width = LANES.min(self.d - from);
        let rows = self.reference.chunks_exact(self.d).chain(self.window.chunks_exact(self.d));
        let mut rows = rows.map(|row| &row[from..from + width]);
        let mut sums = AssignedSums::new(LANES, assignments.len());
        let mut vectors = vec![0.0; BLOCK * LANES];
        for block in 0..assignments.n_blocks() {
            vectors.fill(0.0);
            for (vector, row) in vectors.chunks_exact_mut(LANES).zip(&mut rows) {
                vector[..width].copy_from_slice(row);
                if let Some(origin) = self.origin {
                    vector.iter_mut().zip(&origin[from..from + width]).for_each(|(value, origin)| *value -= origin);
                }
            }
            sums.add_block(&vectors, assignments.of_block(block));
        }
        let all: Vec<f64> = sums.of(Assignments::ALL).collect();
        let (n, m) = (assignments.n_first() as f64, assignments.n_second() as f64);
        let terms = |assignment: usize| {
            let means = sums.of(assignment).zip(&all).take(width);
            metric.terms(means.map(|(first, all)| (first / n, (all - first) / m)))
        };
        (0..assignments.len()).map(terms).collect()
    }
}

#[cfg(test)]
mod tests;
