//! Maximum mean discrepancy given a context: whether rows differ from those that the reference has in the same contexts.
//!
//! The mix of contexts (the hour, the region, the kind of customer) often differs between a window and the reference, and
//! with it all columns that depend on it. This test asks only whether the law of the columns *given* the context has
//! changed. Contexts of the window must occur in the reference for that: where they do not, there is nothing to compare.
//!
//! Some contexts of the window are held out. At each of them the conditional law of either sample is estimated by kernel
//! ridge regression from the contexts on the kernels of the rows, and the statistic is the mean squared discrepancy of
//! the two estimates. Without a difference the labels of rows are random with probabilities that depend on their context
//! alone, the propensities; drawn anew from these, as many of the window as there are, they give the statistics that the
//! observed one is compared with.
//!
//! **Context kernel**: everything goes through a factor of the kernels of the contexts of low rank, up to 300: right to 1e-9
//! for contexts of one or two columns or of categories. For more columns it is a coarser kernel of its own, and the test is
//! as valid. So the ridge regressions of a permutation are those of at most a few hundred features.
//!
//! **Propensities** come from kernel logistic regression: its probabilities are fitted as such, so that no calibration
//! on held-out folds is needed, as it is for the support vector classifier of the reference library.
//!
//! **Cost**: a permutation O(N^2 q + N r^2 + r^3) for `N` rows in both samples together, rank `r`, and `q` up to the rank
//! or the number of contexts held out; memory of `4 N^2` bytes and more, so more than 5,000 rows are refused.
//!
//! **Source**: Cobb & Van Looveren, *Context-aware drift detection*, ICML (2022); Park & Muandet, *A measure-theoretic
//! approach to kernel conditional mean embeddings*, `NeurIPS` (2020); for the propensities, Zhu & Hastie, *Kernel logistic
//! regression and the import vector machine*, JCGS (2005).

pub(crate) mod conditional;
pub(crate) mod contexts;
mod kernel_logistic_regression;
pub(crate) mod matrix;
mod propensity;
pub(crate) mod regularizer;

use rand::RngExt;
use rand::seq::SliceRandom;

pub use self::conditional::Couplings;
use self::conditional::{Conditional, Label};
use self::contexts::Contexts;
use self::matrix::KernelMatrix;
use self::propensity::propensities;
use self::regularizer::{N_FOLDS, choose_lambda};
use super::{TestProblem, check, invalid};
use crate::data::{TensorError, Tensors};
use crate::detectors::FitProblem;
use crate::ports::{CpuPool, Progress};
use crate::statistics::draws::stream;
use crate::statistics::kernel::{GaussianKernel, Points, pooled_median_bandwidth, usable_bandwidth};
use crate::statistics::parallel::run_tasks;
use crate::statistics::part::Part;
use crate::statistics::permutation::{PermutationSpec, PermutationTest};

/// The parameters of a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct ContextMmdSpec {
    /// Bandwidths of the kernel of rows, all above 0, in units of the columns; empty to infer one at every test.
    pub sigma: Vec<f64>,
    /// The same of the kernel of contexts.
    pub context_sigma: Vec<f64>,
    /// Which share of the contexts of a window is held out, above 0 and below 1; rounded down to rows.
    pub held_out: f64,
}

/// A reference to compare windows with.
#[derive(Debug, Clone, PartialEq)]
pub struct ContextMmdReference {
    spec: ContextMmdSpec,
    reference: Points,
    contexts: Points,
}

/// The outcome of a test.
#[derive(Debug, Clone, PartialEq)]
pub struct ContextMmdTest {
    /// The outcome itself.
    pub test: PermutationTest,
    /// The regularisers that were chosen, for the reference and for the window.
    pub lambdas: [f64; 2],
    /// The rows of the window that were compared, in order; the contexts of the others were held out.
    pub compared: Vec<usize>,
    /// The probability of being in the window, of each row of the reference and then of each one compared.
    pub propensities: Vec<f64>,
    /// Which rows were compared with which.
    pub couplings: Couplings,
}

/// More rows of both samples together than this are refused: the kernels of all pairs are held.
pub const ROWS_MAX: usize = 5_000;
/// Rows below which no folds can be made to choose a regulariser.
pub(super) const ROWS_MIN: usize = N_FOLDS;
/// By how much rounding may change a statistic, relative to its parts.
const ROUNDING: f64 = 1e-10;
/// Tries to draw so many labels of the window.
const TRIES_MAX: usize = 10_000;
/// Streams of draws, apart from those of the permutations.
const DRAW_HELD_OUT: u64 = 1 << 63;
const DRAW_FOLDS: [u64; 2] = [DRAW_HELD_OUT + 1, DRAW_HELD_OUT + 2];

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and n_rows")]
fn n_held_out(share: f64, n_rows: usize) -> usize {
    (share * n_rows as f64) as usize
}

/// Whether a context is held out and enough rows are left.
fn suffices(share: f64, n_rows: usize) -> bool {
    let n_held_out = n_held_out(share, n_rows);
    n_held_out >= 1 && n_rows - n_held_out >= ROWS_MIN
}

impl ContextMmdReference {
    /// Takes rows of `n_columns` finite numbers and as many contexts of `n_context_columns`, both row-major; at least five
    /// rows. All else depends on the window.
    ///
    /// # Errors
    /// With fewer rows.
    ///
    /// # Panics
    /// When there are other than as many contexts as rows.
    pub fn fit(
        spec: &ContextMmdSpec,
        reference: &[f64],
        n_columns: usize,
        contexts: &[f64],
        n_context_columns: usize,
    ) -> Result<Self, FitProblem> {
        let reference = Points::from_rows(reference, n_columns);
        let contexts = Points::from_rows(contexts, n_context_columns);
        assert_eq!(reference.n_rows(), contexts.n_rows(), "each row has a context");
        if reference.n_rows() < ROWS_MIN {
            return Err(FitProblem::TooFewRows { expected: ROWS_MIN, actual: reference.n_rows() });
        }
        Ok(Self { spec: spec.clone(), reference, contexts })
    }

    /// Tests a window of finite numbers with the columns of the reference, and as many contexts. At least five rows must
    /// be left when contexts are held out, and one context must be.
    ///
    /// The same window and specification give the same bits on any number of threads.
    ///
    /// # Errors
    /// With fewer rows, too many rows or too few permutations, with no bandwidth for these rows or contexts, or when
    /// cancelled.
    ///
    /// # Panics
    /// When there are other than as many contexts as rows.
    pub fn test(
        &self,
        window: &[f64],
        contexts: &[f64],
        spec: &PermutationSpec,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<ContextMmdTest, TestProblem> {
        let window = Points::from_rows(window, self.reference.n_columns());
        let contexts = Points::from_rows(contexts, self.contexts.n_columns());
        assert_eq!(window.n_rows(), contexts.n_rows(), "each row has a context");
        check(window.n_rows(), spec)?;
        let (compared, held_out) = self.split(window.n_rows(), spec.seed)?;
        let n = self.reference.n_rows();
        let rows = self.reference.followed_by(&window.select(&compared));
        let pooled_contexts = self.contexts.followed_by(&contexts.select(&compared));

        // About as long as each takes: all but the permutations is little.
        let permuting = 1.0 + spec.n_permutations as f64 / 10.0;
        let [for_kernels, for_regularizers, for_permutations] = Part::split(progress, [1.0, 1.0, permuting]);
        progress.stage("computing the kernels of rows and contexts");
        let kernel = kernel(&self.spec.sigma, &rows, pool, &for_kernels)?;
        let of_contexts = kernel_of_contexts(&self.spec.context_sigma, &pooled_contexts, pool, &for_kernels)?;
        let kernels = KernelMatrix::of(&kernel, &rows, pool, &for_kernels).ok_or(TestProblem::Cancelled)?;
        let contexts = Contexts::of(&of_contexts, &pooled_contexts, &contexts.select(&held_out));

        progress.stage("choosing the regularisers");
        let samples = [(0..n).collect::<Vec<usize>>(), (n..rows.n_rows()).collect()];
        let lambdas = run_tasks(2, pool, &for_regularizers, &|sample| {
            let mut order = samples[sample].clone();
            order.shuffle(&mut stream(spec.seed, DRAW_FOLDS[sample]));
            choose_lambda(&kernels, &contexts, &order)
        })
        .ok_or(TestProblem::Cancelled)?;
        let lambdas = [lambdas[0], lambdas[1]];
        let labels: Vec<Label> = (0..rows.n_rows()).map(|row| Label::of(row >= n)).collect();
        let propensities = propensities(&contexts, &labels);

        progress.stage("comparing the rows given their contexts");
        let conditional = Conditional::new(&kernels, &contexts, lambdas);
        let weights = conditional.weights(&labels);
        let distance = conditional.statistic(&weights);
        let permuted = run_tasks(spec.n_permutations, pool, &for_permutations, &|permutation| {
            let labels = draw_labels(&propensities, rows.n_rows() - n, spec.seed, permutation as u64);
            conditional.statistic(&conditional.weights(&labels))
        })
        .ok_or(TestProblem::Cancelled)?;
        let rounding = ROUNDING * distance.abs();
        Ok(ContextMmdTest {
            test: PermutationTest::of(distance, permuted, rounding, spec.level, spec.rule),
            lambdas,
            compared,
            propensities,
            couplings: Couplings::new(weights, n),
        })
    }

    /// The least rows of a window of which such a share can be held out.
    pub(super) fn window_rows_min(held_out: f64) -> usize {
        (1..ROWS_MAX).find(|n_rows| suffices(held_out, *n_rows)).unwrap_or(ROWS_MAX)
    }

    /// The rows of a window that are compared, and those whose contexts are held out, in order.
    fn split(&self, n_rows: usize, seed: u64) -> Result<(Vec<usize>, Vec<usize>), TestProblem> {
        let share = self.spec.held_out;
        if self.reference.n_rows() + n_rows > ROWS_MAX {
            return Err(TestProblem::TooManyRows { expected: ROWS_MAX, actual: self.reference.n_rows() + n_rows });
        }
        if !suffices(share, n_rows) {
            return Err(TestProblem::TooFewRows { expected: Self::window_rows_min(share), actual: n_rows });
        }
        let mut order: Vec<usize> = (0..n_rows).collect();
        order.shuffle(&mut stream(seed, DRAW_HELD_OUT));
        let mut compared = order.split_off(n_held_out(share, n_rows));
        compared.sort_unstable();
        order.sort_unstable();
        Ok((compared, order))
    }

    /// The fitted arrays.
    pub fn to_tensors(&self) -> Tensors {
        let mut tensors = Tensors::new();
        tensors.insert_rows("reference", self.reference.n_rows(), self.reference.to_rows());
        tensors.insert_rows("contexts", self.contexts.n_rows(), self.contexts.to_rows());
        tensors.insert_f64("sigma", self.spec.sigma.clone());
        tensors.insert_f64("context_sigma", self.spec.context_sigma.clone());
        tensors.insert_f64("held_out", vec![self.spec.held_out]);
        tensors
    }

    /// What [`Self::to_tensors`] gave.
    ///
    /// # Errors
    /// When the arrays are not those of such a reference of `n_columns` columns with contexts of `n_context_columns`.
    pub fn from_tensors(tensors: &Tensors, n_columns: usize, n_context_columns: usize) -> Result<Self, TensorError> {
        let rows = tensors.f64s("reference")?;
        let n_rows = rows.len().checked_div(n_columns).unwrap_or(0);
        if n_rows < ROWS_MIN || rows.len() % n_columns != 0 || n_context_columns == 0 {
            return Err(invalid("reference", "it does not fit the columns"));
        }
        let contexts = tensors.f64s_of_length("contexts", n_rows.saturating_mul(n_context_columns))?;
        let bandwidths = |name: &str| {
            let sigma = tensors.f64s(name)?;
            let usable = sigma.iter().all(|sigma| *sigma > 0.0 && sigma.is_finite());
            if usable { Ok(sigma.to_vec()) } else { Err(invalid(name, "a bandwidth is above 0")) }
        };
        let held_out = tensors.f64s_of_length("held_out", 1)?[0];
        if !(held_out > 0.0 && held_out < 1.0) {
            return Err(invalid("held_out", "it is a share"));
        }
        Ok(Self {
            spec: ContextMmdSpec { sigma: bandwidths("sigma")?, context_sigma: bandwidths("context_sigma")?, held_out },
            reference: Points::from_rows(rows, n_columns),
            contexts: Points::from_rows(contexts, n_context_columns),
        })
    }
}

fn kernel(
    sigma: &[f64],
    points: &Points,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<GaussianKernel, TestProblem> {
    if !sigma.is_empty() {
        return Ok(GaussianKernel::new(sigma));
    }
    Ok(GaussianKernel::new(&[usable_bandwidth(pooled_median_bandwidth(points, pool, progress))?]))
}

fn kernel_of_contexts(
    sigma: &[f64],
    contexts: &Points,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<GaussianKernel, TestProblem> {
    kernel(sigma, contexts, pool, progress).map_err(|problem| match problem {
        TestProblem::NoBandwidth => TestProblem::NoContextBandwidth,
        other => other,
    })
}

/// Labels drawn from propensities, so many of the window: with more or fewer rows estimates would vary more or less than
/// the observed ones. Time O(n) a try, of which there are about three standard deviations of the number in free draws.
fn draw_labels(propensities: &[f64], n_window: usize, seed: u64, permutation: u64) -> Vec<Label> {
    let mut generator = stream(seed, permutation);
    let mut labels = Vec::with_capacity(propensities.len());
    let mut n_drawn = 0;
    for _ in 0..TRIES_MAX {
        labels.clear();
        labels.extend(propensities.iter().map(|propensity| Label::of(generator.random::<f64>() < *propensity)));
        n_drawn = labels.iter().filter(|label| **label == Label::Window).count();
        if n_drawn == n_window {
            break;
        }
    }
    // Never seen: the mean of the propensities is the share of the window.
    let (few, many) =
        if n_drawn < n_window { (Label::Window, Label::Reference) } else { (Label::Reference, Label::Window) };
    while n_drawn != n_window {
        let row = generator.random_range(0..labels.len());
        if labels[row] == many {
            labels[row] = few;
            n_drawn = if few == Label::Window { n_drawn + 1 } else { n_drawn - 1 };
        }
    }
    labels
}

#[cfg(test)]
mod tests;
