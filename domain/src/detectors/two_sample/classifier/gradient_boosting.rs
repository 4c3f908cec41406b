//! Gradient boosting: trees that are grown one after the other on what those before them leave, each a tenth of a step.
//!
//! Trees grow leaf by leaf, where a split lowers the loss most, to 31 leaves of at least 20 rows. Columns are put into at most 255 bins
//! before, so a split takes a pass over the rows of a leaf, and one over the bins. It has the settings of `LightGBM` by
//! default, and mostly its splits. A column is as important as its splits lower the loss.
//!
//! **Cost** of `t` trees on `n` rows of `d` columns: O(n d log n) for the bins, and O(t n d h) for leaves at depth `h`; memory of two bytes
//! for each number.
//!
//! **Source**: Friedman, *Greedy function approximation: a gradient boosting machine* (2001); Ke et al., *`LightGBM`: a highly efficient
//! gradient boosting decision tree* (2017).

mod bins;
#[cfg(test)]
mod tests;
mod tree;

use self::bins::Bins;
use self::tree::{Gradient, Tree};
use super::folds::Split;
use super::judge::Judgement;
use super::logistic_regression::logistic;
use super::pooled::Pooled;
use crate::ports::{CpuPool, Progress};
use crate::statistics::parallel::run_tasks;

/// What a tree adds of the step that is best for its leaves.
const LEARNING_RATE: f64 = 0.1;
/// Shares nearer to 0 and 1 have no log-odds.
const SHARE_MIN: f64 = 1e-15;

/// One model for each split. `None` when cancelled.
pub(super) fn judge(
    pooled: &Pooled<'_>,
    splits: &[Split],
    n_trees: usize,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Option<Vec<Judgement>> {
    run_tasks(splits.len(), pool, progress, &|task| boost(pooled, &splits[task], n_trees, progress))
}

fn boost(pooled: &Pooled<'_>, split: &Split, n_trees: usize, progress: &dyn Progress) -> Judgement {
    let rows = &split.train;
    let columns: Vec<Bins> = (0..pooled.n_columns())
        .map(|column| Bins::of(&rows.iter().map(|row| pooled.row(*row)[column]).collect::<Vec<f64>>()))
        .collect();
    let labels: Vec<f64> = rows.iter().map(|row| f64::from(u8::from(pooled.is_window(*row)))).collect();
    let share = (labels.iter().sum::<f64>() / labels.len() as f64).clamp(SHARE_MIN, 1.0 - SHARE_MIN);
    let start = (share / (1.0 - share)).ln();
    let (mut of_train, mut scores) = (vec![start; rows.len()], vec![start; split.held_out.len()]);
    let mut importances = vec![0.0; columns.len()];
    for _ in 0..n_trees {
        if progress.is_cancelled() {
            break;
        }
        let gradients: Vec<Gradient> = of_train
            .iter()
            .zip(&labels)
            .map(|(score, label)| {
                let probability = logistic(*score);
                Gradient { first: probability - label, second: probability * (1.0 - probability) }
            })
            .collect();
        let Some(tree) = Tree::grow(&columns, &gradients, &mut importances) else { break };
        for (place, score) in of_train.iter_mut().enumerate() {
            *score += LEARNING_RATE * tree.value(|column| columns[column].bin(place));
        }
        for (row, score) in split.held_out.iter().zip(&mut scores) {
            let x = pooled.row(*row);
            *score += LEARNING_RATE * tree.value(|column| columns[column].bin_of(x[column]));
        }
    }
    Judgement { scores, importances }
}
