//! Spot the difference: a classifier test whose model says where the window differs.
//!
//! The model compares a row `x` with a few test locations, the mean of the reference plus learnt differences: the log odds
//! that it is of the window are `2 (bias + sum of coefficient_j k(x, mean + difference_j))`, with a Gaussian kernel whose
//! bandwidth is learnt as well. Choose it when drift has to be explained: where a coefficient is positive, the window's
//! rows are more like the reference's mean plus that difference, where it is negative, less.
//!
//! Locations and weights follow the gradient of the cross-entropy, with a penalty on the size of the differences, in
//! batches (`training.rs`). Rows held out from it are then judged as in the classifier test, whose level this one shares.
//!
//! **Cost**: O(e n j d) a fold, for e epochs and j differences; memory O(n + j d) beside the rows.
//!
//! **Source**: Jitkrittum, Szabó, Chwialkowski & Gretton, *Interpretable distribution features with maximum testing power*,
//! NIPS (2016).

mod model;
mod training;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub(crate) use self::model::Model;
use self::training::{initial_differences, train};
use super::classifier::folds::{N_ROWS_MIN, Split, Validation};
use super::classifier::permuted_folds::Separation;
use super::classifier::pooled::Pooled;
use super::classifier::{FoldPermutations, HeldOut, ModelTestProblem, prediction_test, shares};
use crate::ports::{CpuPool, Progress};
use crate::statistics::parallel::run_tasks;

/// The parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpotTheDiffSettings {
    /// Number of differences; at least 1.
    pub n_diffs: usize,
    /// Weight of the mean size of the differences' entries in the loss; at least 0.
    pub l1_reg: f64,
    /// How rows are held out from training.
    pub validation: Validation,
    /// Whether labels are compared instead of probabilities.
    pub binarize_preds: bool,
    /// Step size of the optimiser; above 0.
    pub learning_rate: f64,
    /// Passes over the rows that train; at least 1.
    pub epochs: usize,
    /// Rows of a step; at least 1.
    pub batch_size: usize,
}

/// One difference, one split as the classifier test has, and an optimiser that arrives: with the 3 epochs at 0.001 of the
/// reference library locations hardly leave where they were drawn. Of 100 windows of 100 to 500 rows whose first of 3 to
/// 10 columns had moved by one standard deviation, those steps found 21 to 57 with one split and 34 to 67 with five
/// folds, these find 79 to 100 and 99 to 100.
impl Default for SpotTheDiffSettings {
    fn default() -> Self {
        Self {
            n_diffs: 1,
            l1_reg: 0.01,
            validation: Validation::TrainSize(0.75),
            binarize_preds: false,
            learning_rate: 0.03,
            epochs: 20,
            batch_size: 32,
        }
    }
}

impl SpotTheDiffSettings {
    /// About what a test of so many rows of so many columns takes, in nanoseconds.
    pub(super) fn cost_ns(&self, n_rows: u64, n_columns: u64) -> u64 {
        let of_a_row = (50 + 10 * n_columns).saturating_mul(self.n_diffs as u64);
        let of_a_model = n_rows.saturating_mul(self.epochs as u64).saturating_mul(of_a_row);
        of_a_model.saturating_mul(self.validation.n_models())
    }

    fn check(&self) -> Result<(), ModelTestProblem> {
        let refused = |name, expected| Err(ModelTestProblem::Setting { name, expected });
        match self {
            Self { n_diffs: 0, .. } => refused("n_diffs", "of at least 1"),
            Self { epochs: 0, .. } => refused("epochs", "of at least 1"),
            Self { batch_size: 0, .. } => refused("batch_size", "of at least 1"),
            Self { l1_reg, .. } if !(l1_reg.is_finite() && *l1_reg >= 0.0) => refused("l1_reg", "of at least 0"),
            Self { learning_rate, .. } if !(learning_rate.is_finite() && *learning_rate > 0.0) => {
                refused("learning_rate", "above 0")
            }
            _ => Ok(()),
        }
    }
}

/// What the test found.
#[derive(Debug, Clone, PartialEq)]
pub struct SpotTheDiffOutcome {
    /// As of the classifier test.
    pub p_value: f64,
    /// As of the classifier test.
    pub distance: f64,
    /// Of the reference: every row with folds, those held out with one split.
    pub reference: HeldOut,
    /// Of the window.
    pub window: HeldOut,
    /// From the reference's mean to the test locations, in units of the columns: `n_diffs` rows of `n_columns` numbers,
    /// row-major. Of the model that was trained last.
    pub differences: Vec<f64>,
    /// One for each difference.
    pub coefficients: Vec<f64>,
    /// By column, its share in the differences, each weighted by its coefficient and in standard deviations of the
    /// reference; they sum to 1, or are zeros.
    pub importances: Vec<f64>,
}

impl SpotTheDiffOutcome {
    fn separation(&self) -> Separation {
        Separation::of(self.distance, &self.reference, &self.window)
    }
}

/// The fitted test: its reference.
#[derive(Debug, Clone, PartialEq)]
pub struct SpotTheDiff {
    reference: Vec<f64>,
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl SpotTheDiff {
    /// Of `n` rows of `n_columns` finite numbers, row-major, scaled as distances should count them.
    ///
    /// # Errors
    /// With fewer than 2 rows.
    ///
    /// # Panics
    /// When rows are not whole.
    pub fn new(reference: Vec<f64>, n_columns: usize) -> Result<Self, ModelTestProblem> {
        assert_eq!(reference.len() % n_columns, 0, "rows are whole");
        let n_rows = reference.len() / n_columns;
        if n_rows < N_ROWS_MIN {
            return Err(ModelTestProblem::TooFewReferenceRows { expected: N_ROWS_MIN, actual: n_rows });
        }
        let (mean, deviation) = (0..n_columns)
            .map(|column| {
                let values = || reference.iter().skip(column).step_by(n_columns);
                // From the first row on, so that a constant column has no deviation at all.
                let mean_of =
                    |term: &dyn Fn(f64) -> f64| values().map(|value| term(*value)).sum::<f64>() / n_rows as f64;
                let mean = reference[column] + mean_of(&|value| value - reference[column]);
                (mean, mean_of(&|value| (value - mean) * (value - mean)).sqrt())
            })
            .unzip();
        Ok(Self { reference, mean, deviation })
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
    /// With fewer than 2 rows, settings out of their range or that do not suit so many rows, or values that overflow.
    ///
    /// # Panics
    /// When rows are not whole.
    pub fn test(
        &self,
        window: &[f64],
        settings: &SpotTheDiffSettings,
        seed: u64,
        permutations: Option<FoldPermutations>,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Option<SpotTheDiffOutcome>, ModelTestProblem> {
        let n_columns = self.mean.len();
        assert_eq!(window.len() % n_columns, 0, "rows are whole");
        settings.check()?;
        let pooled = Pooled::new(&self.reference, window, n_columns);
        settings.validation.check(&pooled)?;
        let splits = settings.validation.splits(&pooled, seed);
        let Some(mut outcome) = self.judge(&pooled, &splits, settings, seed, pool, progress)? else { return Ok(None) };
        if let Some(permutations) = permutations {
            let p_value =
                permutations.p_value(outcome.p_value, outcome.separation(), &pooled, &splits, seed, |permuted| {
                    // The rows of the reference are nearer to their own mean than others, so that is permuted too.
                    let other = Self::new(permuted.reference().to_vec(), permuted.n_columns())?;
                    let outcome = other.judge(permuted, &splits, settings, seed, pool, progress)?;
                    Ok::<_, ModelTestProblem>(outcome.map(|outcome| outcome.separation()))
                })?;
            let Some(p_value) = p_value else { return Ok(None) };
            outcome.p_value = p_value;
        }
        Ok(Some(outcome))
    }

    fn judge(
        &self,
        pooled: &Pooled<'_>,
        splits: &[Split],
        settings: &SpotTheDiffSettings,
        seed: u64,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Option<SpotTheDiffOutcome>, ModelTestProblem> {
        let differences = initial_differences(settings.n_diffs, &self.deviation, seed);
        let judged = run_tasks(splits.len(), pool, progress, &|task| {
            let Split { train: rows, held_out } = &splits[task];
            let model = train(pooled, rows, settings, &self.mean, &differences, (seed, task as u64), progress)?;
            let probabilities: Vec<f64> = held_out.iter().map(|row| model.probability(pooled.row(*row))).collect();
            Some((model, probabilities))
        });
        let Some(judged) = judged.and_then(|judged| judged.into_iter().collect::<Option<Vec<_>>>()) else {
            return Ok(None);
        };
        let probabilities: Vec<&[f64]> = judged.iter().map(|(_, probabilities)| &**probabilities).collect();
        let (reference, window) = HeldOut::by_sample(pooled, splits, &probabilities)?;
        let found = prediction_test::of(&reference, &window, settings.binarize_preds);
        let Some((model, _)) = judged.into_iter().last() else { unreachable!("there is a split at least") };
        Ok(Some(SpotTheDiffOutcome {
            p_value: found.p_value,
            distance: found.distance,
            reference,
            window,
            importances: self.importances(&model),
            differences: model.differences,
            coefficients: model.coefficients,
        }))
    }

    fn importances(&self, model: &Model) -> Vec<f64> {
        let mut sums = vec![0.0; self.mean.len()];
        for (difference, coefficient) in model.differences.chunks_exact(sums.len()).zip(&model.coefficients) {
            for ((sum, entry), deviation) in sums.iter_mut().zip(difference).zip(&self.deviation) {
                // The differences of a constant column are measured by themselves.
                let unit = if *deviation > 0.0 { *deviation } else { 1.0 };
                *sum += coefficient.abs() * entry.abs() / unit;
            }
        }
        shares(&sums)
    }
}
