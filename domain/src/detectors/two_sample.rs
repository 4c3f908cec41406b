//! Batch detectors: a verdict on a whole window, from how it differs from the reference.

mod classifier;
mod column_test;
mod columns;
pub mod context_mmd;
pub(crate) mod distance;
mod explanation;
mod family;
mod joint;
pub mod lsdd;
pub mod mean_distance;
pub mod mmd;
mod multivariate;
mod permutation_test;
mod preset;
mod specs;
mod spot_the_diff;
mod uncertain;
mod uncertainty;
pub(crate) mod words;

#[cfg(test)]
pub(crate) use classifier::folds::without as split_without;
#[cfg(test)]
pub(crate) use classifier::prediction_test;
pub use classifier::{
    ClassifierArea, ClassifierModel, ClassifierOutcome, ClassifierSettings, ClassifierTest, HeldOut, ModelTestProblem,
    Validation,
};
pub use column_test::ColumnTest;
pub use columns::{ColumnTests, ColumnsSpec};
pub use distance::N_BOOTSTRAPS;
pub use explanation::{CategoryShift, Direction, Explanation, QUANTILES, Summary, WordWeight};
pub use mean_distance::DistanceMetric;
pub use multivariate::{
    Hdddm, HdddmSequence, HdddmSpec, KdqTree, KdqTreeSpec, MmdFourier, MmdFourierSpec, PcaReconstruction,
    PcaReconstructionSpec, SequenceVerdict,
};
pub use permutation_test::TestProblem;
use permutation_test::{check, invalid};
pub use preset::Preset;

pub use specs::{
    BatchSpec, ClassifierTestSpec, ClassifierUncertaintySpec, ContextMmdTestSpec, LsddTestSpec, MeanDistanceSpec,
    MmdTestSpec, RegressorUncertaintySpec, SpotTheDiffTestSpec, UncertaintyType,
};
#[cfg(test)]
pub(crate) use spot_the_diff::Model as SpotTheDiffModel;
pub use spot_the_diff::{SpotTheDiff, SpotTheDiffOutcome, SpotTheDiffSettings};
pub use uncertainty::{ModelOutputs, UncertaintyProblem, entropies, narrow_margins, spreads};

use self::columns::ColumnsDetector;
use self::context_mmd::ContextMmdReference;
use self::family::Family;
use self::joint::JointDetector;
use self::multivariate::MultivariateDetector;
use self::uncertain::UncertaintyDetector;
use self::words::WordsDetector;
use super::FitProblem;
use crate::data::{Frame, Schema, TensorError, Tensors};
use crate::detection::Detection;
use crate::ports::{CpuPool, Progress};
use crate::preprocess::Encoder;
use crate::statistics::epps_singleton;

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

    /// Whether it expects more of rows than their schema does.
    fn checks_rows(&self) -> bool {
        false
    }

    /// Whether rows can be judged at all, whatever window they will stand in.
    ///
    /// # Errors
    /// When a row cannot be one of such a window.
    fn check(&self, _rows: &Window<'_>) -> Result<(), WindowProblem> {
        Ok(())
    }

    /// Whether it learns from each window.
    fn learns(&self) -> bool {
        false
    }

    /// The detector that judges the window after one, of kinds that learn from each window; it goes into the state.
    fn advanced(&self, _window: &Window<'_>) -> Option<Box<dyn BatchDetector>> {
        None
    }

    /// What an advanced detector has beyond the fitted one.
    fn save_advanced(&self) -> Tensors {
        Tensors::new()
    }

    /// The advanced detector that was saved, from the fitted one.
    ///
    /// # Errors
    /// When the arrays are not those of such a detector, or the kind learns nothing from windows.
    fn restore_advanced(&self, _tensors: &Tensors, _encoder: &Encoder) -> Result<Box<dyn BatchDetector>, TensorError> {
        Err(invalid("advanced", "this kind learns nothing from windows"))
    }

    /// The fitted arrays.
    fn save(&self) -> Tensors;

    /// The detector with every parameter, those included that were learnt.
    fn spec(&self) -> BatchSpec;

    /// Rows of the reference.
    fn n_reference_rows(&self) -> usize;

    /// About how many nanoseconds a test takes of a window of so many rows against a reference of so many; for deciding
    /// where to run it, and whether to.
    fn test_cost_ns(&self, n_reference: usize, n_rows: usize) -> u64;

    /// About how many nanoseconds fitting it anew on a reference of so many rows takes, bandwidths known.
    fn fit_cost_ns(&self, n_reference: usize) -> u64;
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
    /// The column of the schema behind each number of an encoded row; empty where they are mixed.
    pub origins: &'w [usize],
}

/// Whether a reference of so many rows is enough, and not too much, as far as can be told without computing.
///
/// # Errors
/// With too few or too many rows.
pub fn check_batch(spec: &BatchSpec, n_rows: usize) -> Result<(), FitProblem> {
    if let BatchSpec::ContextMmd(spec) = spec {
        let most = context_mmd::ROWS_MAX - ContextMmdReference::window_rows_min(spec.prop_c_held);
        if n_rows > most {
            return Err(FitProblem::TooManyReferenceRows { expected: most, actual: n_rows });
        }
    }
    let least = match spec {
        BatchSpec::ChiSquare(_)
        | BatchSpec::FisherExact(_)
        | BatchSpec::GTest(_)
        | BatchSpec::ZTest(_)
        | BatchSpec::ClassifierUncertainty(_)
        | BatchSpec::RegressorUncertainty(_) => 1,
        BatchSpec::Lsdd(spec) => spec.n_kernel_centers.saturating_add(2),
        BatchSpec::ContextMmd(_) => context_mmd::ROWS_MIN,
        BatchSpec::PcaReconstruction(_) | BatchSpec::Hdddm(_) | BatchSpec::KdqTree(_) => 10,
        BatchSpec::EppsSingleton(_) => epps_singleton::VALUES_MIN,
        BatchSpec::Ks(_)
        | BatchSpec::Cvm(_)
        | BatchSpec::Tabular(_)
        | BatchSpec::Psi(_)
        | BatchSpec::KlDivergence(_)
        | BatchSpec::JensenShannon(_)
        | BatchSpec::Wasserstein(_)
        | BatchSpec::Hellinger(_)
        | BatchSpec::TotalVariation(_)
        | BatchSpec::LInfinity(_)
        | BatchSpec::AndersonDarling(_)
        | BatchSpec::Kuiper(_)
        | BatchSpec::MannWhitney(_)
        | BatchSpec::TTest(_)
        | BatchSpec::Energy(_)
        | BatchSpec::Mmd(_)
        | BatchSpec::MeanDistance(_)
        | BatchSpec::MmdFourier(_)
        | BatchSpec::Classifier(_)
        | BatchSpec::SpotTheDiff(_) => 2,
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
    Ok(match spec.family() {
        Family::Columns(columns) => Box::new(ColumnsDetector::fit(spec, columns, schema, reference, pool, progress)?),
        Family::Joint(joint) => Box::new(JointDetector::fit(joint, schema, reference, pool, progress)?),
        Family::Multivariate(spec) => Box::new(MultivariateDetector::fit(spec, schema, reference, pool, progress)?),
        Family::Uncertainty(_) => Box::new(UncertaintyDetector::fit(spec, reference, pool, progress)?),
        Family::Words(spec) => Box::new(WordsDetector::fit(spec, reference)?),
    })
}

/// The detector that was saved, over rows of an encoder.
///
/// # Errors
/// When the arrays are not those of such a detector over the columns of a schema.
pub fn restore_batch(
    spec: &BatchSpec,
    schema: &Schema,
    parameters: &Tensors,
    encoder: &Encoder,
) -> Result<Box<dyn BatchDetector>, TensorError> {
    Ok(match spec.family() {
        Family::Columns(columns) => Box::new(ColumnsDetector::restore(spec, columns, schema, parameters)?),
        Family::Joint(joint) => Box::new(JointDetector::restore(joint, schema, parameters, encoder)?),
        Family::Multivariate(spec) => Box::new(MultivariateDetector::restore(spec, schema, parameters, encoder)?),
        Family::Uncertainty(_) => Box::new(UncertaintyDetector::restore(spec, parameters)?),
        Family::Words(spec) => Box::new(WordsDetector::restore(spec, parameters)?),
    })
}
