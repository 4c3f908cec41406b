//! Logistic regression with a ridge penalty: the sum of the logarithmic losses and half the squared coefficients, the
//! intercept free.
//!
//! Newton's method (iteratively reweighted least squares) with halved steps where a whole one overshoots. Its linear
//! system is solved by Cholesky's decomposition for up to [`DENSE_COLUMNS_MAX`] columns, and by preconditioned conjugate
//! gradients, as precisely as the step deserves, for more.
//!
//! **Cost** of a fit on n rows: some five to ten steps, each O(n d^2), or O(n d) an iteration of conjugate gradients.
//! Memory O(n d).
//!
//! **Source**: Cox, *The regression analysis of binary sequences* (1958); le Cessie & van Houwelingen, *Ridge estimators
//! in logistic regression* (1992); Dembo, Eisenstat & Steihaug, *Inexact Newton methods* (1982).

mod design;
mod loss;
mod newton;
mod products;

use self::design::Design;
use super::folds::Split;
use super::judge::Judgement;
use super::pooled::Pooled;
use crate::ports::{CpuPool, Progress};
use crate::statistics::parallel::run_tasks;

/// Beyond it a matrix of all pairs of columns costs more than it saves.
const DENSE_COLUMNS_MAX: usize = 32;

/// One model for each split. `None` when cancelled.
pub(super) fn judge(
    pooled: &Pooled<'_>,
    splits: &[Split],
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Option<Vec<Judgement>> {
    run_tasks(splits.len(), pool, progress, &|task| {
        let split = &splits[task];
        let model = LogisticRegression::fit(pooled, &split.train, DENSE_COLUMNS_MAX);
        let scores = split.held_out.iter().map(|row| model.log_odds(pooled.row(*row))).collect();
        Judgement { scores, importances: model.importances() }
    })
}

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
struct LogisticRegression {
    intercept: f64,
    coefficients: Vec<f64>,
    /// Means of the columns over the rows that trained: what the intercept belongs to.
    means: Vec<f64>,
    /// Their standard deviations.
    deviations: Vec<f64>,
}

impl LogisticRegression {
    /// On some rows, of both labels.
    fn fit(pooled: &Pooled<'_>, rows: &[usize], dense_columns_max: usize) -> Self {
        let design = Design::new(pooled, rows);
        let mut weights = newton::fit(&design, dense_columns_max);
        let intercept = weights.pop().unwrap_or_default();
        let deviations = design.deviations();
        Self { intercept, coefficients: weights, means: design.into_means(), deviations }
    }

    /// The logarithm of the odds that a row is one of the window.
    fn log_odds(&self, row: &[f64]) -> f64 {
        let centred = row.iter().zip(&self.means).map(|(value, mean)| value - mean);
        self.intercept + centred.zip(&self.coefficients).map(|(value, weight)| value * weight).sum::<f64>()
    }

    /// By column: how much the logarithm of the odds changes with one standard deviation.
    fn importances(&self) -> Vec<f64> {
        self.coefficients.iter().zip(&self.deviations).map(|(weight, deviation)| weight.abs() * deviation).collect()
    }
}

/// The logistic function: a probability from the logarithm of its odds.
pub(crate) fn logistic(log_odds: f64) -> f64 {
    let odds_against = (-log_odds.abs()).exp();
    if log_odds >= 0.0 { 1.0 / (1.0 + odds_against) } else { odds_against / (1.0 + odds_against) }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::statistics::draws::stream;

    fn rows(n: usize, d: usize, shift: f64, seed: u64) -> Vec<f64> {
        let mut generator = stream(seed, 1);
        (0..n * d).map(|_| (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0 + shift).collect()
    }

    fn all(pooled: &Pooled<'_>) -> Vec<usize> {
        (0..pooled.n_rows()).collect()
    }

    /// The gradient of the objective, from its definition.
    fn gradient(model: &LogisticRegression, pooled: &Pooled<'_>) -> Vec<f64> {
        let mut gradient: Vec<f64> = model.coefficients.iter().copied().chain([0.0]).collect();
        for row in 0..pooled.n_rows() {
            let x = pooled.row(row);
            let residual = logistic(model.log_odds(x)) - f64::from(u8::from(pooled.is_window(row)));
            for (sum, value) in gradient.iter_mut().zip(x.iter().chain([&1.0])) {
                *sum += residual * value;
            }
        }
        gradient
    }

    #[test]
    fn the_gradient_of_the_objective_is_zero_at_the_fit() {
        for (n, m, d, shift) in [(60, 40, 3, 0.5), (5, 200, 1, 0.0), (300, 300, 7, 4.0), (20, 20, 60, 1.0)] {
            let (reference, window) = (rows(n, d, 0.0, 1), rows(m, d, shift, 2));
            let pooled = Pooled::new(&reference, &window, d);
            let model = LogisticRegression::fit(&pooled, &all(&pooled), DENSE_COLUMNS_MAX);
            let largest = gradient(&model, &pooled).iter().fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
            let limit = if d <= DENSE_COLUMNS_MAX { 1e-7 } else { 1e-3 };
            assert!(largest < limit, "{n} {m} {d}: {largest}");
        }
    }

    #[test]
    fn conjugate_gradients_find_the_same_fit() {
        let (reference, window) = (rows(80, 12, 0.0, 1), rows(50, 12, 0.4, 2));
        let pooled = Pooled::new(&reference, &window, 12);
        let dense = LogisticRegression::fit(&pooled, &all(&pooled), DENSE_COLUMNS_MAX);
        let iterated = LogisticRegression::fit(&pooled, &all(&pooled), 0);
        assert!((dense.intercept - iterated.intercept).abs() < 1e-5);
        for (dense, iterated) in dense.coefficients.iter().zip(&iterated.coefficients) {
            assert!((dense - iterated).abs() < 1e-5, "{dense} {iterated}");
        }
    }

    #[test]
    fn columns_far_from_zero_are_told_apart_all_the_same() {
        let (reference, window) = (rows(80, 2, 0.0, 1), rows(50, 2, 0.8, 2));
        let moved = |rows: &[f64]| -> Vec<f64> { rows.iter().map(|value| value + 1e6).collect() };
        let (far_reference, far_window) = (moved(&reference), moved(&window));
        let near = Pooled::new(&reference, &window, 2);
        let far = Pooled::new(&far_reference, &far_window, 2);
        let model = |pooled: &Pooled<'_>| LogisticRegression::fit(pooled, &all(pooled), DENSE_COLUMNS_MAX);
        let (near_model, far_model) = (model(&near), model(&far));
        for row in 0..near.n_rows() {
            let (near, far) = (near_model.log_odds(near.row(row)), far_model.log_odds(far.row(row)));
            assert!((near - far).abs() < 1e-7, "{near} {far}");
        }
    }

    #[test]
    fn separated_labels_and_wild_scales_have_a_finite_fit() {
        for (reference, window) in [
            (vec![-1.0, -2.0, -3.0], vec![1.0, 2.0]),
            (vec![0.0, 0.0, 0.0], vec![1e9, 1e9]),
            (vec![5.0, 5.0], vec![5.0, 5.0]),
            (vec![1e-200, -1e-200], vec![1e-200, 3e-200]),
        ] {
            let pooled = Pooled::new(&reference, &window, 1);
            let model = LogisticRegression::fit(&pooled, &all(&pooled), DENSE_COLUMNS_MAX);
            assert!(model.intercept.is_finite() && model.coefficients[0].is_finite(), "{reference:?} {model:?}");
        }
    }

    #[test]
    fn importance_is_that_of_the_column_that_moved_whatever_its_scale() {
        let (mut reference, mut window) = (rows(200, 3, 0.0, 1), rows(200, 3, 0.0, 2));
        for row in window.chunks_exact_mut(3) {
            row[1] += 1.5;
        }
        for row in reference.chunks_exact_mut(3).chain(window.chunks_exact_mut(3)) {
            row[1] *= 100.0;
        }
        let pooled = Pooled::new(&reference, &window, 3);
        let importances = LogisticRegression::fit(&pooled, &all(&pooled), DENSE_COLUMNS_MAX).importances();
        assert!(importances[1] > 5.0 * importances[0].max(importances[2]), "{importances:?}");
    }
}
