//! Newton's method on the penalised loss.

use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linalg::traits::cholesky::CholeskyDecomposable;

use super::loss::{derivatives, dot, loss};
use crate::detectors::two_sample::classifier::pooled::Pooled;

/// The rows that train.
pub(super) struct Design {
    n_rows: usize,
    n_columns: usize,
    /// Column by column, less their means: the fit is the same, and far better conditioned.
    columns: Vec<f64>,
    means: Vec<f64>,
    /// By row: 1 for the window, -1 for the reference.
    signs: Vec<f64>,
}

/// The fit has been found when no entry of the gradient is larger than this share of the largest at the start.
const TOLERANCE: f64 = 1e-10;
const N_STEPS_MAX: usize = 100;
const N_HALVINGS_MAX: usize = 40;
/// A step must lower the objective by this share of what its slope promises, but for rounding.
const DESCENT: f64 = 1e-4;
const ROUNDING: f64 = 1e-13;
/// Rows whose columns stay in the cache while all pairs of them are gone through.
const ROWS_OF_A_BLOCK: usize = 512;

impl Design {
    pub(super) fn new(pooled: &Pooled<'_>, rows: &[usize]) -> Self {
        let (n_rows, n_columns) = (rows.len(), pooled.n_columns());
        let mut columns = vec![0.0; n_rows * n_columns];
        for (place, row) in rows.iter().enumerate() {
            for (column, value) in pooled.row(*row).iter().enumerate() {
                columns[column * n_rows + place] = *value;
            }
        }
        let mut means = Vec::with_capacity(n_columns);
        for column in columns.chunks_exact_mut(n_rows) {
            let mean = column.iter().sum::<f64>() / n_rows as f64;
            for value in column.iter_mut() {
                *value -= mean;
            }
            means.push(mean);
        }
        let signs = rows.iter().map(|row| if pooled.is_window(*row) { 1.0 } else { -1.0 }).collect();
        Self { n_rows, n_columns, columns, means, signs }
    }

    pub(super) fn into_means(self) -> Vec<f64> {
        self.means
    }

    pub(super) fn deviations(&self) -> Vec<f64> {
        self.by_column().map(|column| (dot(column, column) / self.n_rows as f64).sqrt()).collect()
    }

    fn by_column(&self) -> impl Iterator<Item = &[f64]> {
        self.columns.chunks_exact(self.n_rows)
    }

    /// The coefficients, and the intercept after them.
    pub(super) fn fit(&self, dense_columns_max: usize) -> Vec<f64> {
        let mut weights = vec![0.0; self.n_columns + 1];
        let mut log_odds = vec![0.0; self.n_rows];
        let mut objective = loss(&log_odds, &self.signs);
        let (mut first, mut second) = (vec![0.0; self.n_rows], vec![0.0; self.n_rows]);
        let mut at_start = 0.0;
        for n_steps in 0..N_STEPS_MAX {
            derivatives(&log_odds, &self.signs, &mut first, &mut second);
            let gradient = self.gradient(&weights, &first);
            let largest = gradient.iter().fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
            if n_steps == 0 {
                at_start = largest.max(1.0);
            }
            // Not finite either: the columns are too wild for any step.
            if !(largest > TOLERANCE * at_start && largest.is_finite()) {
                break;
            }
            let step = if self.n_columns <= dense_columns_max {
                self.newton_step(&gradient, &second)
            } else {
                self.inexact_step(&gradient, &second, (largest / at_start).sqrt().min(0.1))
            };
            let Some(step) = step else { break };
            let slope = dot(&gradient, &step);
            let along = self.log_odds(&step);
            let mut length = 1.0;
            let accepted = (0..N_HALVINGS_MAX).find_map(|_| {
                let moved = |from: &[f64], by: &[f64]| -> Vec<f64> {
                    from.iter().zip(by).map(|(from, by)| from + length * by).collect()
                };
                let (weights, log_odds) = (moved(&weights, &step), moved(&log_odds, &along));
                let coefficients = &weights[..self.n_columns];
                let value = loss(&log_odds, &self.signs) + 0.5 * dot(coefficients, coefficients);
                let enough = value <= objective + DESCENT * length * slope + ROUNDING * objective;
                length *= 0.5;
                enough.then_some((weights, log_odds, value))
            });
            let Some(accepted) = accepted else { break };
            (weights, log_odds, objective) = accepted;
        }
        weights
    }

    fn log_odds(&self, weights: &[f64]) -> Vec<f64> {
        let mut log_odds = vec![weights[self.n_columns]; self.n_rows];
        for (column, weight) in self.by_column().zip(weights) {
            for (log_odds, value) in log_odds.iter_mut().zip(column) {
                *log_odds += weight * value;
            }
        }
        log_odds
    }

    fn gradient(&self, weights: &[f64], first: &[f64]) -> Vec<f64> {
        let by_column = self.by_column().zip(weights).map(|(column, weight)| dot(column, first) + weight);
        by_column.chain([first.iter().sum()]).collect()
    }

    /// Solves `hessian step = -gradient`. `None` when rounding has made the system singular.
    fn newton_step(&self, gradient: &[f64], second: &[f64]) -> Option<Vec<f64>> {
        let size = self.n_columns + 1;
        let mut hessian = vec![0.0; size * size];
        for from in (0..self.n_rows).step_by(ROWS_OF_A_BLOCK) {
            let rows = from..self.n_rows.min(from + ROWS_OF_A_BLOCK);
            let column = |column: usize| &self.columns[column * self.n_rows..][rows.clone()];
            let second = &second[rows.clone()];
            for i in 0..self.n_columns {
                let weighted: Vec<f64> = column(i).iter().zip(second).map(|(value, weight)| value * weight).collect();
                for j in 0..=i {
                    hessian[i * size + j] += dot(&weighted, column(j));
                }
                hessian[self.n_columns * size + i] += weighted.iter().sum::<f64>();
            }
            hessian[size * size - 1] += second.iter().sum::<f64>();
        }
        for i in 0..self.n_columns {
            hessian[i * size + i] += 1.0;
        }
        // The decomposition reads the lower triangle alone.
        let hessian = DenseMatrix::new(size, size, hessian, false).ok()?;
        let downhill = gradient.iter().map(|entry| -entry).collect();
        let step = hessian.cholesky_solve_mut(DenseMatrix::new(size, 1, downhill, false).ok()?).ok()?;
        let step: Vec<f64> = step.iterator(0).copied().collect();
        step.iter().all(|entry| entry.is_finite()).then_some(step)
    }

    /// Solves the same system by conjugate gradients until what is left of the gradient is this share of it.
    fn inexact_step(&self, gradient: &[f64], second: &[f64], share: f64) -> Option<Vec<f64>> {
        let n_columns = self.n_columns;
        let apply = |direction: &[f64]| -> Vec<f64> {
            let mut rows = self.log_odds(direction);
            rows.iter_mut().zip(second).for_each(|(row, second)| *row *= second);
            // The hessian's product with a direction is the gradient that such log odds have.
            self.gradient(direction, &rows)
        };
        // The diagonal of the hessian.
        let diagonal: Vec<f64> = self
            .by_column()
            .map(|column| column.iter().zip(second).map(|(value, weight)| value * value * weight).sum::<f64>() + 1.0)
            .chain([second.iter().sum::<f64>().max(f64::MIN_POSITIVE)])
            .collect();
        let preconditioned = |residual: &[f64]| -> Vec<f64> {
            residual.iter().zip(&diagonal).map(|(residual, diagonal)| residual / diagonal).collect()
        };
        let mut step = vec![0.0; n_columns + 1];
        let mut residual: Vec<f64> = gradient.iter().map(|entry| -entry).collect();
        let mut direction = preconditioned(&residual);
        let mut size = dot(&residual, &direction);
        let enough = size * share * share;
        for _ in 0..2 * (n_columns + 1) {
            // Not a number either: the columns are too wild.
            if size <= enough || size.is_nan() {
                break;
            }
            let applied = apply(&direction);
            let length = size / dot(&direction, &applied);
            for entry in 0..=n_columns {
                step[entry] += length * direction[entry];
                residual[entry] -= length * applied[entry];
            }
            let next = preconditioned(&residual);
            let next_size = dot(&residual, &next);
            for (direction, next) in direction.iter_mut().zip(&next) {
                *direction = next + next_size / size * *direction;
            }
            size = next_size;
        }
        step.iter().all(|entry| entry.is_finite()).then_some(step)
    }
}
