//! Random forests: trees grown to their ends on bootstrap samples, each split the best among a few random columns.
//!
//! They are smartcore's, of regression on labels of 0 and 1: the variance of such labels is half of Gini's impurity, so
//! that the splits are those of a classifier, and the score of a row is its mean share, over the trees, of the window's
//! rows in the leaf that it falls into. A column is as important as its splits lower the impurity.
//!
//! **Cost** of `t` trees on `n` rows of `d` columns: O(t n (d + sqrt(d)) log n) in expectation; memory O(n d) for each
//! thread. Five folds of 100 trees on 1,000 and 1,000 rows of 10 columns take 0.38 s of processor time (`cargo bench
//! --bench models`), where scikit-learn 1.9 takes 2.3 s (`scripts/bench-classifier`).
//!
//! **Source**: Breiman, *Random forests* (2001); splits as in Breiman, Friedman, Olshen & Stone, *Classification and
//! regression trees* (1984).

#[cfg(test)]
mod tests;

use rand::RngExt;
use smartcore::ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;

use super::folds::Split;
use super::judge::Judgement;
use super::pooled::Pooled;
use crate::ports::{CpuPool, Progress};
use crate::statistics::draws::stream;
use crate::statistics::parallel::run_tasks;

/// Trees of one task of the pool.
const TREES_PER_TASK: usize = 10;

/// One forest for each split, ten trees at a time drawn from their own stream of the seed. `None` when cancelled.
pub(super) fn judge(
    pooled: &Pooled<'_>,
    splits: &[Split],
    n_trees: usize,
    seed: u64,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Option<Vec<Judgement>> {
    let n_tasks = n_trees.div_ceil(TREES_PER_TASK);
    let n_trees_of = |part: usize| TREES_PER_TASK.min(n_trees - part * TREES_PER_TASK);
    let parts = run_tasks(splits.len() * n_tasks, pool, progress, &|task| {
        let split = &splits[task / n_tasks];
        // What could not be trained is not a number, which callers refuse.
        grow(pooled, split, n_trees_of(task % n_tasks), stream(seed, task as u64).random())
            .unwrap_or_else(|| judgement_of(f64::NAN, pooled, split))
    })?;
    let mean = |parts: &[Judgement]| {
        let mut mean =
            Judgement { scores: vec![0.0; parts[0].scores.len()], importances: vec![0.0; pooled.n_columns()] };
        for (part, judgement) in parts.iter().enumerate() {
            let weight = n_trees_of(part) as f64 / n_trees as f64;
            add(&mut mean.scores, &judgement.scores, weight);
            add(&mut mean.importances, &judgement.importances, weight);
        }
        mean
    };
    Some(parts.chunks_exact(n_tasks).map(mean).collect())
}

/// A forest for one split.
fn grow(pooled: &Pooled<'_>, split: &Split, n_trees: usize, seed: u64) -> Option<Judgement> {
    // A column without a split would use up a place among those that a split is looked for in.
    let first = pooled.row(split.train[0]);
    let varies = |column: &usize| split.train.iter().any(|row| pooled.row(*row)[*column] != first[*column]);
    let columns: Vec<usize> = (0..pooled.n_columns()).filter(varies).collect();
    let labels: Vec<f64> = split.train.iter().map(|row| f64::from(u8::from(pooled.is_window(*row)))).collect();
    if columns.is_empty() {
        let share = labels.iter().sum::<f64>() / labels.len() as f64;
        return Some(Judgement { importances: vec![0.0; pooled.n_columns()], ..judgement_of(share, pooled, split) });
    }
    let matrix = |rows: &[usize]| {
        let values = columns.iter().flat_map(|column| rows.iter().map(|row| pooled.row(*row)[*column])).collect();
        DenseMatrix::new(rows.len(), columns.len(), values, true).ok()
    };
    let parameters =
        RandomForestRegressorParameters::default().with_n_trees(n_trees).with_m(columns.len().isqrt()).with_seed(seed);
    let forest = RandomForestRegressor::fit(&matrix(&split.train)?, &labels, parameters).ok()?;
    let mut importances = vec![0.0; pooled.n_columns()];
    for (column, importance) in columns.iter().zip(forest.compute_feature_importances().ok()?) {
        importances[*column] = importance;
    }
    Some(Judgement { scores: forest.predict(&matrix(&split.held_out)?).ok()?, importances })
}

/// The same of each row and each column.
fn judgement_of(value: f64, pooled: &Pooled<'_>, split: &Split) -> Judgement {
    Judgement { scores: vec![value; split.held_out.len()], importances: vec![value; pooled.n_columns()] }
}

fn add(sums: &mut [f64], values: &[f64], weight: f64) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += weight * value;
    }
}
