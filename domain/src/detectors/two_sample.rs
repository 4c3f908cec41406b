//! Batch detectors: a verdict on a whole window, from how it differs from the reference.

mod classifier;
mod column_test;
mod columns;
mod explanation;
pub mod lsdd;
pub mod mmd;
mod permutation_test;
mod spot_the_diff;
mod uncertainty;

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(crate) use classifier::prediction_test;
pub use classifier::{
    ClassifierModel, ClassifierOutcome, ClassifierSettings, ClassifierTest, HeldOut, ModelTestProblem, Validation,
};
pub use column_test::ColumnTest;
pub use columns::{ColumnTests, ColumnsSpec};
pub use explanation::{CategoryShift, Direction, Explanation, QUANTILES, Summary};
pub use permutation_test::TestProblem;
use permutation_test::{check, invalid};

#[cfg(test)]
pub(crate) use spot_the_diff::Model as SpotTheDiffModel;
pub use spot_the_diff::{SpotTheDiff, SpotTheDiffOutcome, SpotTheDiffSettings};
pub use uncertainty::{ModelOutputs, UncertaintyProblem, entropies, narrow_margins, spreads};

use self::columns::ColumnsDetector;
use super::{DetectorKind, FitProblem};
use crate::data::{Frame, Schema, TensorError, Tensors};
use crate::detection::Detection;
use crate::ports::{CpuPool, Progress};

/// Judges a whole window; knows no past.
///
/// # Contract
/// * The same window gets the same verdict, on any number of threads.
/// * The order of the rows of a window does not matter to tests of columns.
pub trait BatchDetector: Send + Sync {
    /// The verdict on a window of as many rows as [`BatchSpec::window_rows`] allows. Its `time` is left 0: a detector
    /// knows none. With `explain`, [`Detection::features`] says what moved.
    ///
    /// # Errors
    /// When the mathematics of the kind fails on these rows.
    fn test(&self, window: &Window<'_>, explain: bool, pool: &dyn CpuPool) -> Result<Detection, WindowProblem>;

    /// The fitted arrays.
    fn save(&self) -> Tensors;

    /// The detector with every parameter, those included that were learnt.
    fn spec(&self) -> BatchSpec;

    /// About how many nanoseconds a test of a window of so many rows takes; for deciding where to run it.
    fn test_cost_ns(&self, n_rows: usize) -> u64;
}

/// Why a window cannot be judged: what was expected and what came, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WindowProblem(pub String);

/// A window as a detector sees it.
#[derive(Debug, Clone, Copy)]
pub struct Window<'w> {
    /// The cells, missing ones filled in.
    pub cells: &'w Frame<'w>,
    /// How many cells of each column were missing.
    pub n_missing: &'w [u64],
    /// The rows as numbers, row-major; empty for kinds that judge columns.
    pub encoded: &'w [f64],
}

/// A kind that judges windows, with every parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum BatchSpec {
    /// Kolmogorov–Smirnov, each column by itself.
    Ks(ColumnsSpec),
    /// Cramér–von Mises, each column by itself.
    Cvm(ColumnsSpec),
    /// Pearson's chi-square, each column by itself.
    ChiSquare(ColumnsSpec),
    /// Fisher's exact test, each column by itself.
    FisherExact(ColumnsSpec),
    /// Each column by the test that suits its type.
    Tabular(ColumnsSpec),
}

/// More rows than this are not judged at once.
const WINDOW_ROWS_MAX: usize = 10_000_000;

impl BatchSpec {
    /// The kind.
    pub fn kind(&self) -> DetectorKind {
        match self {
            Self::Ks(_) => DetectorKind::Ks,
            Self::Cvm(_) => DetectorKind::Cvm,
            Self::ChiSquare(_) => DetectorKind::ChiSquare,
            Self::FisherExact(_) => DetectorKind::FisherExact,
            Self::Tabular(_) => DetectorKind::Tabular,
        }
    }

    /// The seed of everything random.
    pub fn seed(&self) -> u64 {
        match self {
            Self::Ks(spec)
            | Self::Cvm(spec)
            | Self::ChiSquare(spec)
            | Self::FisherExact(spec)
            | Self::Tabular(spec) => spec.seed,
        }
    }

    /// How many rows a window can have.
    pub fn window_rows(&self) -> RangeInclusive<usize> {
        match self {
            // A single value has no Cramér–von Mises statistic.
            Self::Cvm(_) => 2..=WINDOW_ROWS_MAX,
            Self::Tabular(spec) if spec.uses(ColumnTest::Cvm) => 2..=WINDOW_ROWS_MAX,
            Self::Ks(_) | Self::ChiSquare(_) | Self::FisherExact(_) | Self::Tabular(_) => 1..=WINDOW_ROWS_MAX,
        }
    }
}

/// Whether a reference of so many rows is enough, as far as can be told without computing.
///
/// # Errors
/// With too few rows.
pub fn check_batch(spec: &BatchSpec, n_rows: usize) -> Result<(), FitProblem> {
    let least = match spec {
        BatchSpec::Ks(_) | BatchSpec::Cvm(_) | BatchSpec::Tabular(_) => 2,
        BatchSpec::ChiSquare(_) | BatchSpec::FisherExact(_) => 1,
    };
    if n_rows < least {
        return Err(FitProblem::TooFewReferenceRows { expected: least, actual: n_rows });
    }
    Ok(())
}

/// Fits the detector of a specification on a reference.
///
/// # Errors
/// When the mathematics of the kind fails, or when cancelled.
pub fn fit_batch(
    spec: &BatchSpec,
    schema: &Schema,
    reference: &Window<'_>,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<Box<dyn BatchDetector>, FitProblem> {
    match spec {
        BatchSpec::Ks(columns)
        | BatchSpec::Cvm(columns)
        | BatchSpec::ChiSquare(columns)
        | BatchSpec::FisherExact(columns)
        | BatchSpec::Tabular(columns) => {
            Ok(Box::new(ColumnsDetector::fit(spec, columns, schema, reference, pool, progress)?))
        }
    }
}

/// The detector that was saved.
///
/// # Errors
/// When the arrays are not those of such a detector over the columns of a schema.
pub fn restore_batch(
    spec: &BatchSpec,
    schema: &Schema,
    parameters: &Tensors,
) -> Result<Box<dyn BatchDetector>, TensorError> {
    match spec {
        BatchSpec::Ks(columns)
        | BatchSpec::Cvm(columns)
        | BatchSpec::ChiSquare(columns)
        | BatchSpec::FisherExact(columns)
        | BatchSpec::Tabular(columns) => Ok(Box::new(ColumnsDetector::restore(spec, columns, schema, parameters)?)),
    }
}
