//! Kernel logistic regression: with features whose products are the kernels of contexts, logistic regression with a
//! penalty on the squared weights. Solved by Newton's method, that is by iteratively reweighted least squares.
//!
//! **Source**: Zhu & Hastie, *Kernel logistic regression and the import vector machine*, JCGS (2005).

use super::conditional::Label;
use crate::statistics::cholesky::{Cholesky, add_weighted_rows, weighted_gram};
use crate::statistics::inner_product::dot;

/// Newton's method takes about ten.
const STEPS_MAX: usize = 50;
/// Halvings of a step that goes too far.
const HALVINGS_MAX: usize = 30;
/// The loss is no further from its least than this.
const PRECISION: f64 = 1e-10;

/// Rows to learn from, and how smooth the result shall be.
pub(super) struct Regression<'r> {
    /// Row-major; the first number of each is 1, for the intercept.
    pub(super) rows: &'r [f64],
    /// Numbers of a row.
    pub(super) width: usize,
    /// One for each row.
    pub(super) labels: &'r [Label],
    /// Of half the sum of squared weights, the intercept's aside, against the loss of one row.
    pub(super) penalty: f64,
}

impl Regression<'_> {
    fn scores<'w>(&'w self, weights: &'w [f64]) -> impl Iterator<Item = f64> + 'w {
        self.rows.chunks_exact(self.width).map(|row| dot(row, weights))
    }

    /// The weights of the least loss, from those to begin with. Time O(n w^2 + w^3) a step for `w` weights.
    pub(super) fn fit(&self, mut weights: Vec<f64>) -> Vec<f64> {
        let mut loss = self.loss(&weights);
        for _ in 0..STEPS_MAX {
            let Some((step, decrement)) = self.newton_step(&weights) else { break };
            if decrement < PRECISION {
                break;
            }
            let shorter = (0..HALVINGS_MAX).map(|halvings| 0.5_f64.powi(i32::try_from(halvings).unwrap_or(0)));
            let next = shorter
                .map(|length| {
                    weights.iter().zip(&step).map(|(weight, step)| weight - length * step).collect::<Vec<f64>>()
                })
                .map(|weights| (self.loss(&weights), weights))
                .find(|(next, _)| *next < loss);
            let Some(next) = next else { break };
            (loss, weights) = next;
        }
        weights
    }

    /// The probability of each row to be one of the window.
    pub(super) fn probabilities(&self, weights: &[f64]) -> Vec<f64> {
        self.scores(weights).map(|score| 1.0 / (1.0 + (-score).exp())).collect()
    }

    /// The negative logarithm of the likelihood, and the penalty.
    pub(super) fn loss(&self, weights: &[f64]) -> f64 {
        let losses = self.scores(weights).zip(self.labels).map(|(score, label)| {
            let margin = if *label == Label::Window { score } else { -score };
            // ln(1 + exp(-margin)), without overflow.
            (-margin).max(0.0) + (-margin.abs()).exp().ln_1p()
        });
        losses.sum::<f64>() + self.penalty / 2.0 * dot(&weights[1..], &weights[1..])
    }

    /// The step to subtract, and about twice by how much it lessens the loss.
    fn newton_step(&self, weights: &[f64]) -> Option<(Vec<f64>, f64)> {
        let probabilities = self.probabilities(weights);
        let excess: Vec<f64> = probabilities
            .iter()
            .zip(self.labels)
            .map(|(probability, label)| probability - f64::from(u8::from(*label == Label::Window)))
            .collect();
        let mut gradient = vec![0.0; self.width];
        add_weighted_rows(&excess, self.rows, &mut gradient);
        let variances: Vec<f64> = probabilities.iter().map(|probability| probability * (1.0 - probability)).collect();
        let mut curvature = weighted_gram(self.rows, self.width, &variances);
        for index in 1..self.width {
            gradient[index] += self.penalty * weights[index];
            curvature[index * (self.width + 1)] += self.penalty;
        }
        let mut step = gradient.clone();
        Cholesky::of(curvature, self.width)?.solve(&mut step);
        let decrement = dot(&gradient, &step);
        Some((step, decrement))
    }
}
