//! Newton's method on the penalised loss.

use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linalg::traits::cholesky::CholeskyDecomposable;

use super::design::Design;
use super::loss::{derivatives, loss};
use super::products::dot;

/// The fit has been found when no entry of the gradient is larger than this share of the largest at the start.
const TOLERANCE: f64 = 1e-10;
/// The same where steps are iterated, which pay for each digit.
const TOLERANCE_ITERATED: f64 = 1e-6;
const N_STEPS_MAX: usize = 100;
const N_HALVINGS_MAX: usize = 40;
/// A step must lower the objective by this share of what its slope promises, but for rounding.
const DESCENT: f64 = 1e-4;
const ROUNDING: f64 = 1e-13;

/// The coefficients of centred columns, and the intercept after them.
pub(super) fn fit(design: &Design, dense_columns_max: usize) -> Vec<f64> {
    let is_dense = design.n_columns() <= dense_columns_max;
    let tolerance = if is_dense { TOLERANCE } else { TOLERANCE_ITERATED };
    let mut weights = vec![0.0; design.n_columns() + 1];
    let mut log_odds = vec![0.0; design.n_rows()];
    let mut objective = loss(&log_odds, design.signs());
    let (mut first, mut second) = (vec![0.0; design.n_rows()], vec![0.0; design.n_rows()]);
    let mut at_start = 0.0;
    for n_steps in 0..N_STEPS_MAX {
        derivatives(&log_odds, design.signs(), &mut first, &mut second);
        let gradient = penalised(design.sums(&first), &weights);
        let largest = gradient.iter().fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
        if n_steps == 0 {
            at_start = largest.max(1.0);
        }
        // Where columns are so large that it overflows, no step leads anywhere.
        if largest <= tolerance * at_start || !gradient.iter().all(|entry| entry.is_finite()) {
            break;
        }
        let step = if is_dense {
            newton_step(design, &gradient, &second)
        } else {
            inexact_step(design, &gradient, &second, (largest / at_start).sqrt().min(0.1))
        };
        let Some(step) = step else { break };
        let slope = dot(&gradient, &step);
        let along = design.log_odds(&step);
        let mut length = 1.0;
        let accepted = (0..N_HALVINGS_MAX).find_map(|_| {
            let moved = |from: &[f64], by: &[f64]| -> Vec<f64> {
                from.iter().zip(by).map(|(from, by)| from + length * by).collect()
            };
            let (weights, log_odds) = (moved(&weights, &step), moved(&log_odds, &along));
            let coefficients = &weights[..design.n_columns()];
            let value = loss(&log_odds, design.signs()) + 0.5 * dot(coefficients, coefficients);
            let enough = value <= objective + DESCENT * length * slope + ROUNDING * objective;
            length *= 0.5;
            enough.then_some((weights, log_odds, value))
        });
        let Some(accepted) = accepted else { break };
        (weights, log_odds, objective) = accepted;
    }
    weights
}

/// Adds what the penalty contributes: the coefficients themselves, without the intercept.
fn penalised(mut sums: Vec<f64>, weights: &[f64]) -> Vec<f64> {
    let n_columns = weights.len() - 1;
    for (sum, weight) in sums.iter_mut().zip(&weights[..n_columns]) {
        *sum += weight;
    }
    sums
}

/// Solves `hessian step = -gradient`. `None` when rounding has made the system singular.
fn newton_step(design: &Design, gradient: &[f64], second: &[f64]) -> Option<Vec<f64>> {
    let size = gradient.len();
    let mut hessian = design.products(second);
    for column in 0..size - 1 {
        hessian[column * size + column] += 1.0;
    }
    // The decomposition reads the lower triangle alone.
    let hessian = DenseMatrix::new(size, size, hessian, false).ok()?;
    let downhill = gradient.iter().map(|entry| -entry).collect();
    let step = hessian.cholesky_solve_mut(DenseMatrix::new(size, 1, downhill, false).ok()?).ok()?;
    let step: Vec<f64> = step.iterator(0).copied().collect();
    step.iter().all(|entry| entry.is_finite()).then_some(step)
}

/// Solves the same system by conjugate gradients, preconditioned by its diagonal, until what is left of the gradient is
/// this share of it.
fn inexact_step(design: &Design, gradient: &[f64], second: &[f64], share: f64) -> Option<Vec<f64>> {
    let size = gradient.len();
    let diagonal = penalised(design.squares(second), &vec![1.0; size]);
    let preconditioned = |residual: &[f64]| -> Vec<f64> {
        residual.iter().zip(&diagonal).map(|(residual, diagonal)| residual / diagonal.max(f64::MIN_POSITIVE)).collect()
    };
    let mut step = vec![0.0; size];
    let mut residual: Vec<f64> = gradient.iter().map(|entry| -entry).collect();
    let mut direction = preconditioned(&residual);
    let mut left = dot(&residual, &direction);
    let enough = left * share * share;
    for _ in 0..2 * size {
        // Not a number where it overflows.
        if left <= enough || left.is_nan() {
            break;
        }
        let applied = penalised(design.weighted_sums(&direction, second), &direction);
        let length = left / dot(&direction, &applied);
        for entry in 0..size {
            step[entry] += length * direction[entry];
            residual[entry] -= length * applied[entry];
        }
        let next = preconditioned(&residual);
        let next_left = dot(&residual, &next);
        for (direction, next) in direction.iter_mut().zip(&next) {
            *direction = next + next_left / left * *direction;
        }
        left = next_left;
    }
    step.iter().all(|entry| entry.is_finite()).then_some(step)
}
