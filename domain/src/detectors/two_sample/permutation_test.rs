//! What the permutation tests need of their windows, and why they cannot judge one.

use crate::data::TensorError;
use crate::statistics::kernel::BandwidthProblem;
use crate::statistics::permutation::PermutationSpec;

/// Why a window cannot be tested.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TestProblem {
    /// A mean over pairs of different rows needs two of them.
    #[error("expected at least {expected} rows to test, {actual} came")]
    TooFewRows {
        /// The least number.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// The kernels of all pairs would not be held.
    #[error("expected at most {expected} rows in reference and window together, {actual} came")]
    TooManyRows {
        /// The largest number.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// No p-value would be below the level.
    #[error("expected n_permutations of at least {expected} for this level, {actual} came")]
    TooFewPermutations {
        /// The least number.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// At least half of the pairs of rows coincide, so that no bandwidth can be inferred.
    #[error(
        "expected rows that differ: at least half of the pairs of rows are equal, so no bandwidth can be inferred; give `sigma`"
    )]
    NoBandwidth,
    /// The same of contexts.
    #[error(
        "expected contexts that differ: at least half of the pairs of contexts are equal, so no bandwidth can be inferred; give `context_sigma`"
    )]
    NoContextBandwidth,
    /// Squared distances overflow.
    #[error("expected numbers of moderate size: the distances between rows overflow")]
    Overflow,
    /// No regulariser gives an estimate that is near enough.
    #[error(
        "expected rows that repeat less: no regulariser keeps the relative difference below lambda_rd_max {lambda_rd_max}; give a larger one, or a smaller n_kernel_centers"
    )]
    NoRegularizer {
        /// The limit.
        lambda_rd_max: f64,
    },
    /// Nobody wants the result any more.
    #[error("the test was cancelled")]
    Cancelled,
}

impl From<BandwidthProblem> for TestProblem {
    fn from(problem: BandwidthProblem) -> Self {
        match problem {
            BandwidthProblem::Coincident => Self::NoBandwidth,
            BandwidthProblem::Overflow => Self::Overflow,
            BandwidthProblem::Cancelled => Self::Cancelled,
        }
    }
}

/// Rows of a window below which there is nothing to compare.
pub(super) const WINDOW_ROWS_MIN: usize = 2;

/// What every test needs of its window of `n_rows` rows and of its permutations.
pub(super) fn check(n_rows: usize, spec: &PermutationSpec) -> Result<(), TestProblem> {
    if n_rows < WINDOW_ROWS_MIN {
        return Err(TestProblem::TooFewRows { expected: WINDOW_ROWS_MIN, actual: n_rows });
    }
    let expected = spec.n_permutations_min();
    if spec.n_permutations < expected {
        return Err(TestProblem::TooFewPermutations { expected, actual: spec.n_permutations });
    }
    Ok(())
}

pub(super) fn invalid(name: &str, reason: &str) -> TensorError {
    TensorError::Value { name: name.to_owned(), reason: reason.to_owned() }
}
