//! Least-squares density difference: a difference of any kind in the joint law of all columns.
//!
//! Estimates the squared difference between the densities of the reference and of a window, from kernels at some rows of
//! the reference, the centres, which are left out of it. Its cost grows with the rows instead of their square, so choose
//! it for large batches. The choice of centres adds to the noise of its p-value, which is that of a permutation test.
//!
//! Each column is standardised by the reference's mean and standard deviation; in one that is constant there, any other
//! value is far from everything. Bandwidth by the median heuristic; the regulariser is the largest power of 1/4 that does
//! not make the differences of the permuted samples seem too small (`lambda_rd_max`), so every test chooses its own. See
//! `density_difference` for the formula.
//!
//! **Cost**: a test O((n + m) c (d + P / 8) + P c^2) for `c` centres and `P` permutations; memory of some `8 d + P / 4`
//! bytes a row, and 16 sums of `8 c P` bytes. A fit O(n^2 d) for the bandwidth and O(c^3) for the eigenvectors, which is why
//! there are never more than 1,000 centres: with 500 they take half a second, with 1,000 five. Kernels of the reference with
//! the centres are computed anew for each test, which takes a fraction of it: kept, they would be `c / d` references.
//!
//! **Source**: Sugiyama et al., *Density-difference estimation*, Neural Computation (2013); Bu, Alippi & Zhao, *A pdf-free
//! change detection test based on density difference estimation*, IEEE TNNLS (2016).

mod differences;

use rand::seq::SliceRandom;

use self::differences::Differences;
use super::{TestProblem, check, invalid};
use crate::data::{TensorError, Tensors};
use crate::detectors::FitProblem;
use crate::detectors::density_difference::{Basis, Eigenvalues, KERNEL_CENTERS_MAX, Scales, choose_centers};
use crate::ports::{CpuPool, Progress};
use crate::statistics::draws::stream;
use crate::statistics::kernel::{Points, median_bandwidth, usable_bandwidth};
use crate::statistics::permutation::{Assignments, PermutationSpec, PermutationTest};

/// The parameters of a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct LsddSpec {
    /// Bandwidths of the kernel, all above 0, in units of standardised columns; empty to infer one.
    pub sigma: Vec<f64>,
    /// Number of rows of the reference that become centres of kernels, 1 to 1,000.
    pub n_kernel_centers: usize,
    /// Largest relative difference that the regulariser may make, above 0, up to 1.
    pub lambda_rd_max: f64,
    /// Seed of the centres.
    pub seed: u64,
}

impl LsddSpec {
    /// What the reference library takes for a reference of so many rows, up to 1,000: a twentieth.
    pub fn n_kernel_centers_of(n_rows: usize) -> usize {
        (n_rows / 20).clamp(1, KERNEL_CENTERS_MAX)
    }
}

/// A reference to compare windows with.
#[derive(Debug, Clone, PartialEq)]
pub struct LsddReference {
    sigma: Vec<f64>,
    lambda_rd_max: f64,
    scales: Scales,
    basis: Basis,
    eigenvalues: Eigenvalues,
    /// The rows that are no centres, standardised.
    effective: Points,
}

/// Besides the centres, rows below which there is nothing to compare.
const EFFECTIVE_ROWS_MIN: usize = 2;

impl LsddReference {
    /// Fits on rows of `n_columns` finite numbers, row-major; at least two rows more than there are centres.
    ///
    /// # Errors
    /// With fewer rows, with fewer different rows than centres, with coinciding rows and no bandwidth, or when cancelled.
    pub fn fit(
        spec: &LsddSpec,
        reference: &[f64],
        n_columns: usize,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let mut order: Vec<usize> = (0..reference.len() / n_columns).collect();
        order.shuffle(&mut stream(spec.seed, 0));
        Self::fit_with_order(spec, reference, n_columns, &order, pool, progress)
    }

    /// Looks for centres in this order of all rows.
    pub(crate) fn fit_with_order(
        spec: &LsddSpec,
        reference: &[f64],
        n_columns: usize,
        order: &[usize],
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        let expected = spec.n_kernel_centers + EFFECTIVE_ROWS_MIN;
        if order.len() < expected {
            return Err(FitProblem::TooFewRowsForCenters { expected, actual: order.len() });
        }
        let scales = Scales::of(reference, n_columns);
        let standardised = scales.all_standardised(reference);
        if !standardised.iter().all(|value| value.is_finite()) {
            return Err(FitProblem::Overflow);
        }
        let points = Points::from_rows(&standardised, n_columns);
        let mut sigma = spec.sigma.clone();
        if sigma.is_empty() {
            progress.stage("inferring the bandwidth of the kernel");
            sigma.push(usable_bandwidth(median_bandwidth(&points, pool, progress))?);
        }
        let row = |row: usize| &standardised[row * n_columns..(row + 1) * n_columns];
        let (centers, effective) = choose_centers(order, spec.n_kernel_centers, row)?;
        progress.stage("decomposing the kernels of the centres");
        let no_regularizer = FitProblem::NoRegularizer { lambda_rd_max: spec.lambda_rd_max };
        let (basis, eigenvalues) = Basis::of(&sigma, points.select(&centers)).ok_or(no_regularizer)?;
        if progress.is_cancelled() {
            return Err(FitProblem::Cancelled);
        }
        let effective = points.select(&effective);
        Ok(Self { sigma, lambda_rd_max: spec.lambda_rd_max, scales, basis, eigenvalues, effective })
    }

    /// The bandwidths, in units of standardised columns.
    pub fn sigma(&self) -> &[f64] {
        &self.sigma
    }

    /// Tests a window of at least two rows of finite numbers, row-major, with the columns of the reference.
    ///
    /// The same window and specification give the same bits on any number of threads.
    ///
    /// # Errors
    /// With fewer rows or too few permutations, when no regulariser suits these rows, or when cancelled.
    pub fn test(
        &self,
        window: &[f64],
        spec: &PermutationSpec,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<PermutationTest, TestProblem> {
        let n_rows = window.len() / self.effective.n_columns();
        check(n_rows, spec)?;
        let assignments = Assignments::seeded(self.effective.n_rows(), n_rows, spec.n_permutations, spec.seed);
        let differences = self.differences(window, &assignments, pool, progress)?;
        Ok(differences.test(differences.choose_lambda(self.lambda_rd_max)?, spec))
    }

    /// What the assignments make of the rows of the reference that are no centres, and then those of the window.
    pub(crate) fn differences(
        &self,
        window: &[f64],
        assignments: &Assignments,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Differences<'_>, TestProblem> {
        progress.stage("comparing the rows under permutations");
        let window = Points::from_rows(&self.scales.all_standardised(window), self.effective.n_columns());
        let pooled = self.effective.followed_by(&window);
        Differences::of(&self.basis, &self.eigenvalues, &pooled, assignments, pool, progress)
            .ok_or(TestProblem::Cancelled)
    }

    /// The fitted arrays.
    pub fn to_tensors(&self) -> Tensors {
        let c = self.eigenvalues.values().len();
        let mut tensors = Tensors::new();
        self.scales.save(&mut tensors);
        tensors.insert_f64("sigma", self.sigma.clone());
        tensors.insert_f64("lambda_rd_max", vec![self.lambda_rd_max]);
        tensors.insert_rows("centers", c, self.basis.centers().to_rows());
        tensors.insert_rows("eigenvectors", c, self.basis.vectors().to_vec());
        tensors.insert_f64("eigenvalues", self.eigenvalues.values().to_vec());
        tensors.insert_rows("effective_reference", self.effective.n_rows(), self.effective.to_rows());
        tensors
    }

    /// What [`Self::to_tensors`] gave.
    ///
    /// # Errors
    /// When the arrays are not those of such a reference of `n_columns` columns.
    pub fn from_tensors(tensors: &Tensors, n_columns: usize) -> Result<Self, TensorError> {
        let rows = tensors.f64s("effective_reference")?;
        if n_columns == 0 || rows.len() < EFFECTIVE_ROWS_MIN * n_columns || rows.len() % n_columns != 0 {
            return Err(invalid("effective_reference", "it does not fit the columns"));
        }
        let sigma = tensors.f64s("sigma")?;
        if sigma.is_empty() || !sigma.iter().all(|sigma| *sigma > 0.0 && sigma.is_finite()) {
            return Err(invalid("sigma", "there is one, and each is above 0"));
        }
        let eigenvalues = tensors.f64s("eigenvalues")?;
        let c = eigenvalues.len();
        if !(1..=KERNEL_CENTERS_MAX).contains(&c) {
            return Err(invalid("eigenvalues", "there is one for each centre"));
        }
        let centers = Points::from_rows(tensors.f64s_of_length("centers", c.saturating_mul(n_columns))?, n_columns);
        let vectors = tensors.f64s_of_length("eigenvectors", c * c)?;
        Ok(Self {
            sigma: sigma.to_vec(),
            lambda_rd_max: tensors.f64s_of_length("lambda_rd_max", 1)?[0],
            scales: Scales::restore(tensors, n_columns)?,
            basis: Basis::restore(sigma, centers, vectors.to_vec()),
            eigenvalues: Eigenvalues::restore(eigenvalues.to_vec()),
            effective: Points::from_rows(rows, n_columns),
        })
    }

    /// The mean kernels with the centres that have such coordinates.
    #[cfg(test)]
    pub(crate) fn kernels_of(&self, coordinates: &[f64]) -> Vec<f64> {
        self.basis.turned_back(coordinates)
    }
}

#[cfg(test)]
mod tests;
