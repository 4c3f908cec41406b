//! Two-sample tests: whether the rows of a window come from the law of the reference, judged all at once.

mod classifier;
mod spot_the_diff;
mod uncertainty;

#[cfg(test)]
pub(crate) use classifier::prediction_test;
pub use classifier::{
    ClassifierModel, ClassifierOutcome, ClassifierSettings, ClassifierTest, HeldOut, ModelTestProblem, Validation,
};
#[cfg(test)]
pub(crate) use spot_the_diff::Model as SpotTheDiffModel;
pub use spot_the_diff::{SpotTheDiff, SpotTheDiffOutcome, SpotTheDiffSettings};
pub use uncertainty::{ModelOutputs, UncertaintyProblem, entropies, narrow_margins, spreads};
