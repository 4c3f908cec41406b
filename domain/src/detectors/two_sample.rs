//! Two-sample tests: whether the rows of a window come from the law of the reference, judged all at once.

mod classifier;

#[cfg(test)]
pub(crate) use classifier::prediction_test;
pub use classifier::{
    ClassifierModel, ClassifierOutcome, ClassifierSettings, ClassifierTest, HeldOut, ModelTestProblem, Validation,
};
