//! Maximum mean discrepancy: a difference of any kind in the joint law of all columns.
//!
//! Compares the mean Gaussian kernel within the reference, within a window, and between both. Choose it for tables and
//! embeddings whose rows come in batches. Its p-value is that of a permutation test.
//!
//! The statistic is `mean k(x, x') + mean k(y, y') - 2 mean k(x, y)` over different rows `x` of the reference and `y` of
//! the window: the unbiased estimate of the squared discrepancy, which may be negative.
//!
//! **Cost**: a test O((n + m)^2 (d + P / 8)) for `P` permutations; memory of some `8 d + P / 2` bytes a row: the kernel
//! matrix is never stored. Nothing but the bandwidth can be computed before the window is known, since permutations mix both: a fit
//! takes O(n^2 d), or no time with the bandwidth given.
//!
//! **Source**: Gretton et al., *A kernel two-sample test*, JMLR (2012).

mod pooled;

use super::permutation_test::WINDOW_ROWS_MIN;
use super::{TestProblem, check, invalid};
use crate::data::{TensorError, Tensors};
use crate::detectors::FitProblem;
use crate::ports::{CpuPool, Progress};
use crate::statistics::kernel::{
    GaussianKernel, Points, median_bandwidth, median_bandwidth_between, squared_distance, usable_bandwidth,
};
use crate::statistics::part::Part;
use crate::statistics::permutation::{Assignments, PermutationSpec, PermutationTest};

/// Where the bandwidth of the kernel comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum MmdBandwidth {
    /// One or several, all above 0, in units of the columns.
    Given(Vec<f64>),
    /// The median heuristic over the reference, at the fit.
    OfReference,
    /// The median heuristic over the pairs of a row of the reference and one of the window, at every test.
    OfEachTest,
}

/// A reference to compare windows with.
#[derive(Debug, Clone, PartialEq)]
pub struct MmdReference {
    reference: Points,
    /// Empty when every test infers its own.
    sigma: Vec<f64>,
}

/// Rows of a sample of which Evidently takes distances.
const EVIDENTLY_ROWS: usize = 1_000;
/// By how much rounding may change a statistic of kernels between 0 and 1.
const ROUNDING: f64 = 1e-12;

impl MmdReference {
    /// Fits on rows of `n_columns` finite numbers, row-major; at least two rows.
    ///
    /// # Errors
    /// With fewer rows, coinciding rows and no bandwidth, or when cancelled.
    pub fn fit(
        reference: &[f64],
        n_columns: usize,
        bandwidth: MmdBandwidth,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let reference = Points::from_rows(reference, n_columns);
        if reference.n_rows() < 2 {
            return Err(FitProblem::TooFewRows { expected: 2, actual: reference.n_rows() });
        }
        let sigma = match bandwidth {
            MmdBandwidth::Given(sigma) => sigma,
            MmdBandwidth::OfReference => {
                progress.stage("inferring the bandwidth of the kernel");
                vec![usable_bandwidth(median_bandwidth(&reference, pool, progress))?]
            }
            MmdBandwidth::OfEachTest => Vec::new(),
        };
        Ok(Self { reference, sigma })
    }

    /// The bandwidths, in units of the columns; none when every test infers its own.
    pub fn sigma(&self) -> &[f64] {
        &self.sigma
    }

    /// Tests a window of at least two rows of finite numbers, row-major, with the columns of the reference.
    ///
    /// The same window and specification give the same bits on any number of threads.
    ///
    /// # Errors
    /// With fewer rows or too few permutations, with no bandwidth for these rows, or when cancelled.
    pub fn test(
        &self,
        window: &[f64],
        spec: &PermutationSpec,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<PermutationTest, TestProblem> {
        let window = Points::from_rows(window, self.reference.n_columns());
        check(window.n_rows(), spec)?;
        let assignments = Assignments::seeded(self.reference.n_rows(), window.n_rows(), spec.n_permutations, spec.seed);
        self.test_assignments(&window, &assignments, spec, pool, progress)
    }

    pub(crate) fn test_assignments(
        &self,
        window: &Points,
        assignments: &Assignments,
        spec: &PermutationSpec,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<PermutationTest, TestProblem> {
        // Distances alone take about a quarter of the time.
        let for_bandwidth = if self.sigma.is_empty() { 1.0 } else { 0.0 };
        let [for_bandwidth, for_permutations] = Part::split(progress, [for_bandwidth, 3.0]);
        let kernel = GaussianKernel::new(&self.sigma_for(window, pool, &for_bandwidth)?);
        progress.stage("comparing the rows under permutations");
        let pooled = self.reference.followed_by(window);
        let mut statistics =
            pooled::statistics(&kernel, &pooled, assignments, pool, &for_permutations).ok_or(TestProblem::Cancelled)?;
        let permuted = statistics.split_off(Assignments::PERMUTED);
        Ok(PermutationTest::of(statistics[Assignments::OBSERVED], permuted, ROUNDING, spec.level, spec.rule))
    }

    /// The squared discrepancy from a window as Evidently has it: not below 0, under the kernel `exp(-d^2 / s^2)` with the median
    /// distance `s` of a row of the reference and one of the window, of each at most a thousand, at even distances. Time
    /// O((n + m)^2 d).
    ///
    /// # Errors
    /// With fewer than two rows, with no bandwidth for these rows, or when cancelled.
    pub fn statistic_of_evidently(
        &self,
        window: &[f64],
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<f64, TestProblem> {
        let window = Points::from_rows(window, self.reference.n_columns());
        if window.n_rows() < WINDOW_ROWS_MIN {
            return Err(TestProblem::TooFewRows { expected: WINDOW_ROWS_MIN, actual: window.n_rows() });
        }
        let distance = median_distance(&self.reference.thinned(EVIDENTLY_ROWS), &window.thinned(EVIDENTLY_ROWS));
        // Its kernel lacks the half of ours.
        let kernel = GaussianKernel::new(&[usable_bandwidth(Some(distance / std::f64::consts::SQRT_2))?]);
        let assignments = Assignments::seeded(self.reference.n_rows(), window.n_rows(), 0, 0);
        let pooled = self.reference.followed_by(&window);
        let statistics = pooled::statistics(&kernel, &pooled, &assignments, pool, progress);
        Ok(statistics.ok_or(TestProblem::Cancelled)?[Assignments::OBSERVED].max(0.0))
    }

    /// The bandwidths for a window.
    pub(crate) fn sigma_for(
        &self,
        window: &Points,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Vec<f64>, TestProblem> {
        if !self.sigma.is_empty() {
            return Ok(self.sigma.clone());
        }
        progress.stage("inferring the bandwidth of the kernel");
        let sigma = median_bandwidth_between(&self.reference, window, pool, progress);
        Ok(vec![usable_bandwidth(sigma)?])
    }

    /// The fitted arrays.
    pub fn to_tensors(&self) -> Tensors {
        let mut tensors = Tensors::new();
        tensors.insert_rows("reference", self.reference.n_rows(), self.reference.to_rows());
        tensors.insert_f64("sigma", self.sigma.clone());
        tensors
    }

    /// What [`Self::to_tensors`] gave.
    ///
    /// # Errors
    /// When the arrays are not those of such a reference of `n_columns` columns.
    pub fn from_tensors(tensors: &Tensors, n_columns: usize) -> Result<Self, TensorError> {
        let rows = tensors.f64s("reference")?;
        if n_columns == 0 || rows.len() < 2 * n_columns || rows.len() % n_columns != 0 {
            return Err(invalid("reference", "it does not fit the columns"));
        }
        let sigma = tensors.f64s("sigma")?;
        if !sigma.iter().all(|sigma| *sigma > 0.0 && sigma.is_finite()) {
            return Err(invalid("sigma", "a bandwidth is above 0"));
        }
        Ok(Self { reference: Points::from_rows(rows, n_columns), sigma: sigma.to_vec() })
    }
}

/// The median of the distances of all pairs; of an even number the mean of the middle two.
fn median_distance(x: &Points, y: &Points) -> f64 {
    let y: Vec<Vec<f64>> = (0..y.n_rows()).map(|row| y.row(row)).collect();
    let mut distances = Vec::with_capacity(x.n_rows() * y.len());
    for row in 0..x.n_rows() {
        let x = x.row(row);
        distances.extend(y.iter().map(|y| squared_distance(&x, y)));
    }
    let middle = distances.len() / 2;
    let is_odd = distances.len() % 2 == 1;
    let (below, at, _) = distances.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = at.sqrt();
    if is_odd {
        return upper;
    }
    let lower = below.iter().copied().fold(0.0, f64::max).sqrt();
    lower + (upper - lower) / 2.0
}

#[cfg(test)]
mod tests;
