//! What a model says of the rows that it was not trained on.

use serde::{Deserialize, Serialize};

use super::calibration::Sigmoid;
use super::folds::{Split, folds};
use super::logistic_regression::logistic;
use super::pooled::Pooled;
use super::{forest, gradient_boosting, logistic_regression, stochastic_gradient};
use crate::ports::{CpuPool, Progress};

/// The models that a classifier test can train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClassifierModel {
    /// Logistic regression with a ridge penalty of 1 on the coefficients: sees changes of means, quickly.
    LogisticRegression,
    /// A random forest: sees changes of any kind, if there are rows enough.
    RandomForest {
        /// Number of trees; at least 1.
        n_trees: usize,
    },
    /// Gradient boosting: sees changes of any kind, and smaller ones than a forest where there are many rows.
    GradientBoosting {
        /// Number of trees; at least 1.
        n_trees: usize,
    },
    /// Logistic regression as Evidently trains it, with its preset alone.
    StochasticGradient,
    /// A sparse linear model of the words of texts, by a test of its own.
    Words,
}

/// What the model of a split says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judgement {
    /// Of the rows held out, in their order: larger where a row seems more like one of the window.
    pub(super) scores: Vec<f64>,
    /// By column, in any unit.
    pub(super) importances: Vec<f64>,
}

/// Folds of the rows that train, in which scores are made to be calibrated on.
const N_CALIBRATION_FOLDS: usize = 5;

impl ClassifierModel {
    /// Trains one model for each split, and turns its scores into probabilities of being one of the window. `None` when
    /// cancelled.
    pub(super) fn judge(
        self,
        pooled: &Pooled<'_>,
        splits: &[Split],
        calibrated: bool,
        seed: u64,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Option<Vec<Judgement>> {
        if !calibrated {
            let mut judgements = self.score(pooled, splits, seed, pool, progress)?;
            for score in judgements.iter_mut().flat_map(|judgement| &mut judgement.scores) {
                *score = self.probability(*score);
            }
            return Some(judgements);
        }
        // Each split and then its folds.
        let with_folds: Vec<Vec<Split>> = splits
            .iter()
            .zip(1..)
            .map(|(split, shuffle)| {
                let inner = folds(&split.train, pooled, N_CALIBRATION_FOLDS, seed, shuffle);
                [split.clone()]
                    .into_iter()
                    .chain(inner.into_iter().filter(|inner| !inner.held_out.is_empty()))
                    .collect()
            })
            .collect();
        let mut judgements = self.score(pooled, &with_folds.concat(), seed, pool, progress)?.into_iter();
        let of_split = |splits: &Vec<Split>| {
            let mut judgement = judgements.next()?;
            let (mut scores, mut labels) = (Vec::new(), Vec::new());
            for (inner, judgement) in splits[1..].iter().zip(&mut judgements) {
                scores.extend(judgement.scores);
                labels.extend(inner.held_out.iter().map(|row| pooled.is_window(*row)));
            }
            let sigmoid = Sigmoid::fit(&scores, &labels);
            judgement.scores.iter_mut().for_each(|score| *score = sigmoid.probability(*score));
            Some(judgement)
        };
        with_folds.iter().map(of_split).collect()
    }

    fn score(
        self,
        pooled: &Pooled<'_>,
        splits: &[Split],
        seed: u64,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Option<Vec<Judgement>> {
        match self {
            Self::LogisticRegression => logistic_regression::judge(pooled, splits, pool, progress),
            Self::RandomForest { n_trees } => forest::judge(pooled, splits, n_trees, seed, pool, progress),
            Self::GradientBoosting { n_trees } => gradient_boosting::judge(pooled, splits, n_trees, pool, progress),
            Self::StochasticGradient => stochastic_gradient::judge(pooled, splits, pool, progress),
            // Refused before: there are no words in columns.
            Self::Words => None,
        }
    }

    fn probability(self, score: f64) -> f64 {
        match self {
            Self::LogisticRegression | Self::GradientBoosting { .. } | Self::StochasticGradient => logistic(score),
            Self::RandomForest { .. } | Self::Words => score,
        }
    }
}
