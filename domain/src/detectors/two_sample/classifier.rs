//! Classifier two-sample test: whether a model can tell the window's rows from the reference's.
//!
//! A classifier is trained on the rows of both, and asked about rows that it was not trained on. Under one law its answers
//! are guesses. Choose it for tables of many columns: it sees what the columns do together, and says which of them it
//! told the rows apart by.
//!
//! Probabilities of reference and window are compared by a one-sided Kolmogorov–Smirnov test, or predicted labels by a
//! binomial test (`binarize_preds`, which sees next to nothing where one sample is much larger).
//!
//! **Level**: exact with one split. With folds each row is asked about, and twice as many small shifts are found, but the
//! predictions of a fold depend on the rows of the others. Taken as independent, at a level of 0.05 they raised 7.6 to 8.9
//! false alarms in 100 windows of 40 to 100 rows without drift; so near the level the p-value is that of permutations
//! ([`permuted_folds`]).
//!
//! **Cost**: that of training one model a fold, and one more for each of five inner folds if `calibrated`; near the level so
//! much for each permutation; memory O(n d).
//!
//! **Source**: Lopez-Paz & Oquab, *Revisiting classifier two-sample tests*, ICLR (2017).

mod calibration;
pub(crate) mod folds;
mod forest;
mod gradient_boosting;
mod judge;
mod library;
pub(crate) mod logistic_regression;
pub(crate) mod permuted_folds;
pub(crate) mod pooled;
pub(crate) mod prediction_test;
mod stochastic_gradient;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::folds::Validation;
use self::folds::{N_ROWS_MIN, Split};
pub use self::judge::ClassifierModel;
pub use self::library::ClassifierArea;
pub use self::permuted_folds::FoldPermutations;
use self::permuted_folds::Separation;
use self::pooled::Pooled;
use crate::ports::{CpuPool, Progress};

/// The parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierSettings {
    /// What is trained.
    pub model: ClassifierModel,
    /// How rows are held out from training.
    pub validation: Validation,
    /// Whether labels are compared instead of probabilities.
    pub binarize_preds: bool,
    /// Whether scores are turned into probabilities by a logistic function that is fitted on inner folds.
    pub calibrated: bool,
}

/// Logistic regression with one split, whose level is exact.
impl Default for ClassifierSettings {
    fn default() -> Self {
        Self {
            model: ClassifierModel::LogisticRegression,
            validation: Validation::TrainSize(0.75),
            binarize_preds: false,
            calibrated: false,
        }
    }
}

impl ClassifierSettings {
    /// About what a test of so many rows of so many columns takes, in nanoseconds.
    pub(super) fn cost_ns(&self, n_rows: u64, n_columns: u64) -> u64 {
        let one = match self.model {
            ClassifierModel::LogisticRegression | ClassifierModel::Words => {
                n_rows.saturating_mul(10 * n_columns.min(64)).saturating_mul(20 + n_columns.min(64))
            }
            ClassifierModel::RandomForest { n_trees } => {
                let tried = n_columns.isqrt() + 1;
                (n_trees as u64).saturating_mul(n_rows).saturating_mul(20 * tried * u64::from(n_rows.max(2).ilog2()))
            }
            ClassifierModel::GradientBoosting { n_trees } => {
                (n_trees as u64).saturating_mul(n_rows).saturating_mul(10 * n_columns)
            }
            ClassifierModel::StochasticGradient => n_rows.saturating_mul(200 * n_columns),
        };
        let n_models = self.validation.n_models() * if self.calibrated { 6 } else { 1 };
        one.saturating_mul(n_models)
    }
}

/// Why reference and window cannot be told apart by a model.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelTestProblem {
    /// The reference is too small.
    #[error("expected at least {expected} rows of reference, {actual} came")]
    TooFewReferenceRows {
        /// The least number.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// The window is too small.
    #[error("expected a window of at least {expected} rows, {actual} came")]
    TooFewRows {
        /// The least number.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// No stratified folds.
    #[error("expected n_folds from 2 to {expected_max} for these rows, {actual} came")]
    NFolds {
        /// The largest number for these rows.
        expected_max: usize,
        /// What came.
        actual: usize,
    },
    /// No split in two.
    #[error(
        "expected a train_size between 0 and 1 that leaves at least 2 of the {n_rows} rows on either side, {actual} came"
    )]
    TrainSize {
        /// What came.
        actual: f64,
        /// Rows of reference and window.
        n_rows: usize,
    },
    /// A setting out of its range.
    #[error("expected {name} {expected}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// The range in words.
        expected: &'static str,
    },
    /// Values so large that the mathematics overflows.
    #[error("expected smaller values: the model of these columns overflows; divide them by a constant, or standardize")]
    Overflow,
}

/// Rows that a model was asked about, by their places, and its probabilities that they are of the window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeldOut {
    /// In ascending order.
    pub rows: Vec<usize>,
    /// One for each.
    pub probabilities: Vec<f64>,
}

/// What the test found.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassifierOutcome {
    /// The probability of such predictions, or better ones, if both samples have one law.
    pub p_value: f64,
    /// Of probabilities: by how much the distribution function of the reference's exceeds that of the window's, at most.
    /// Of labels: the share of errors that the model avoids of those that the more frequent label makes. From 0 to 1.
    pub distance: f64,
    /// Of the reference: every row with folds, those held out with one split.
    pub reference: HeldOut,
    /// Of the window.
    pub window: HeldOut,
    /// By column, its share in telling the samples apart; they sum to 1, or are zeros if there is nothing to tell them apart
    /// by. Of logistic regression: coefficients times standard deviations; of a forest: decreases of impurity.
    pub importances: Vec<f64>,
}

impl ClassifierOutcome {
    fn separation(&self) -> Separation {
        Separation::of(self.distance, &self.reference, &self.window)
    }
}

/// The fitted test: its reference.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassifierTest {
    reference: Vec<f64>,
    n_columns: usize,
}

impl ClassifierTest {
    /// Of `n` rows of `n_columns` finite numbers, row-major, scaled as the model should see them.
    ///
    /// # Errors
    /// With fewer than 2 rows.
    ///
    /// # Panics
    /// When rows are not whole.
    pub fn new(reference: Vec<f64>, n_columns: usize) -> Result<Self, ModelTestProblem> {
        assert_eq!(reference.len() % n_columns, 0, "rows are whole");
        if reference.len() < N_ROWS_MIN * n_columns {
            let actual = reference.len() / n_columns;
            return Err(ModelTestProblem::TooFewReferenceRows { expected: N_ROWS_MIN, actual });
        }
        Ok(Self { reference, n_columns })
    }

    /// The reference, row-major.
    pub fn reference(&self) -> &[f64] {
        &self.reference
    }

    /// Tests a window of rows of as many finite numbers, row-major. Folds keep their level by `permutations`; without, their
    /// predictions are taken as independent. The same seed gives the same outcome on any number of threads. `None` when
    /// cancelled.
    ///
    /// # Errors
    /// With fewer than 2 rows, settings that do not suit so many rows, or values whose squares overflow.
    ///
    /// # Panics
    /// When rows are not whole.
    pub fn test(
        &self,
        window: &[f64],
        settings: &ClassifierSettings,
        seed: u64,
        permutations: Option<FoldPermutations>,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Option<ClassifierOutcome>, ModelTestProblem> {
        let pooled = self.with(window);
        settings.validation.check(&pooled)?;
        let splits = settings.validation.splits(&pooled, seed);
        let Some(mut outcome) = judge(&pooled, &splits, settings, seed, pool, progress)? else { return Ok(None) };
        if let Some(permutations) = permutations {
            let p_value =
                permutations.p_value(outcome.p_value, outcome.separation(), &pooled, &splits, seed, |permuted| {
                    let outcome = judge(permuted, &splits, settings, seed, pool, progress)?;
                    Ok::<_, ModelTestProblem>(outcome.map(|outcome| outcome.separation()))
                })?;
            let Some(p_value) = p_value else { return Ok(None) };
            outcome.p_value = p_value;
        }
        Ok(Some(outcome))
    }

    /// Tests with given splits: the places, among the rows of the reference and then the window, that each holds out.
    #[cfg(test)]
    pub(crate) fn test_with_held_out(
        &self,
        window: &[f64],
        settings: &ClassifierSettings,
        held_out: &[Vec<usize>],
        pool: &dyn CpuPool,
    ) -> ClassifierOutcome {
        let pooled = self.with(window);
        let all: Vec<usize> = (0..pooled.n_rows()).collect();
        let splits: Vec<Split> = held_out.iter().map(|held_out| folds::without(&all, held_out.clone())).collect();
        let outcome = judge(&pooled, &splits, settings, 0, pool, &crate::ports::Silent);
        outcome.expect("these columns are tame").expect("nobody cancels")
    }

    fn with<'r>(&'r self, window: &'r [f64]) -> Pooled<'r> {
        assert_eq!(window.len() % self.n_columns, 0, "rows are whole");
        Pooled::new(&self.reference, window, self.n_columns)
    }
}

fn judge(
    pooled: &Pooled<'_>,
    splits: &[Split],
    settings: &ClassifierSettings,
    seed: u64,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<Option<ClassifierOutcome>, ModelTestProblem> {
    let has_no_tree = |model| {
        matches!(model, ClassifierModel::RandomForest { n_trees: 0 } | ClassifierModel::GradientBoosting { n_trees: 0 })
    };
    if has_no_tree(settings.model) {
        return Err(ModelTestProblem::Setting { name: "n_trees", expected: "of at least 1" });
    }
    if settings.model == ClassifierModel::Words {
        return Err(ModelTestProblem::Setting { name: "model", expected: "of columns; `words` is one of texts" });
    }
    let judgements = settings.model.judge(pooled, splits, settings.calibrated, seed, pool, progress);
    let Some(judgements) = judgements else { return Ok(None) };
    let mut importances = vec![0.0; pooled.n_columns()];
    for judgement in &judgements {
        if !judgement.importances.iter().all(|importance| importance.is_finite()) {
            return Err(ModelTestProblem::Overflow);
        }
        for (sum, value) in importances.iter_mut().zip(shares(&judgement.importances)) {
            *sum += value;
        }
    }
    let scores: Vec<&[f64]> = judgements.iter().map(|judgement| &*judgement.scores).collect();
    let (reference, window) = HeldOut::by_sample(pooled, splits, &scores)?;
    let found = prediction_test::of(&reference, &window, settings.binarize_preds);
    Ok(Some(ClassifierOutcome {
        p_value: found.p_value,
        distance: found.distance,
        reference,
        window,
        importances: shares(&importances),
    }))
}

/// Of the sum of values that are not negative; zeros stay zeros.
pub(crate) fn shares(values: &[f64]) -> Vec<f64> {
    let sum: f64 = values.iter().sum();
    if sum > 0.0 { values.iter().map(|value| value / sum).collect() } else { values.to_vec() }
}

impl HeldOut {
    /// Of the reference and of the window, from the probabilities of each split.
    pub(crate) fn by_sample(
        pooled: &Pooled<'_>,
        splits: &[Split],
        probabilities: &[&[f64]],
    ) -> Result<(Self, Self), ModelTestProblem> {
        let mut by_row = vec![None; pooled.n_rows()];
        for (split, probabilities) in splits.iter().zip(probabilities) {
            for (row, probability) in split.held_out.iter().zip(*probabilities) {
                if !probability.is_finite() {
                    return Err(ModelTestProblem::Overflow);
                }
                by_row[*row] = Some(*probability);
            }
        }
        let held_out = |rows: &[Option<f64>]| {
            let held_out = rows.iter().enumerate().filter_map(|(row, probability)| Some((row, (*probability)?)));
            let (rows, probabilities) = held_out.unzip();
            Self { rows, probabilities }
        };
        let (reference, window) = by_row.split_at(pooled.n_reference());
        Ok((held_out(reference), held_out(window)))
    }
}
