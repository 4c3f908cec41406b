//! From scores to probabilities: a logistic function of the score, fitted on rows that the scoring model had not seen.
//!
//! **Source**: Platt, *Probabilities for SV machines* (2000), with its smoothed labels; the fit is Newton's method with
//! halved steps, after Lin, Lin & Weng, *A note on Platt's probabilistic outputs for support vector machines* (2007).

use super::logistic_regression::logistic;

/// The probability that a row with a score is one of the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sigmoid {
    slope: f64,
    intercept: f64,
}

const N_STEPS_MAX: usize = 100;
const N_HALVINGS_MAX: usize = 40;
/// Keeps the system regular when all scores are equal.
const RIDGE: f64 = 1e-12;
const TOLERANCE: f64 = 1e-10;

impl Sigmoid {
    /// On scores and whether they are of rows of the window. Time O(n).
    pub(super) fn fit(scores: &[f64], labels: &[bool]) -> Self {
        let n_window = labels.iter().filter(|is_window| **is_window).count() as f64;
        let n_reference = labels.len() as f64 - n_window;
        // A label that is not certain keeps the slope finite where scores separate the labels.
        let (of_window, of_reference) = ((n_window + 1.0) / (n_window + 2.0), 1.0 / (n_reference + 2.0));
        let rows: Vec<(f64, f64)> = scores
            .iter()
            .zip(labels)
            .map(|(score, is_window)| (*score, if *is_window { of_window } else { of_reference }))
            .collect();
        let mut sigmoid = Self { slope: 0.0, intercept: ((n_window + 1.0) / (n_reference + 1.0)).ln() };
        let mut loss = sigmoid.loss(&rows);
        for _ in 0..N_STEPS_MAX {
            let [mut by_slope, mut by_intercept] = [0.0; 2];
            let [mut slopes, mut both, mut intercepts] = [RIDGE, 0.0, RIDGE];
            for (score, target) in &rows {
                let probability = sigmoid.probability(*score);
                let (residual, weight) = (probability - target, probability * (1.0 - probability));
                by_slope += residual * score;
                by_intercept += residual;
                slopes += weight * score * score;
                both += weight * score;
                intercepts += weight;
            }
            if by_slope.abs().max(by_intercept.abs()) <= TOLERANCE * rows.len() as f64 {
                break;
            }
            let determinant = slopes * intercepts - both * both;
            let slope = -(intercepts * by_slope - both * by_intercept) / determinant;
            let intercept = -(slopes * by_intercept - both * by_slope) / determinant;
            let descent = by_slope * slope + by_intercept * intercept;
            let mut length = 1.0;
            let better = (0..N_HALVINGS_MAX).find_map(|_| {
                let next =
                    Self { slope: sigmoid.slope + length * slope, intercept: sigmoid.intercept + length * intercept };
                let next_loss = next.loss(&rows);
                let enough = next_loss < loss + 1e-4 * length * descent;
                length *= 0.5;
                enough.then_some((next, next_loss))
            });
            let Some(better) = better else { break };
            (sigmoid, loss) = better;
        }
        sigmoid
    }

    pub(super) fn probability(&self, score: f64) -> f64 {
        logistic(self.slope * score + self.intercept)
    }

    fn loss(&self, rows: &[(f64, f64)]) -> f64 {
        let of_row = |(score, target): &(f64, f64)| {
            let log_odds = self.slope * score + self.intercept;
            log_odds.max(0.0) - target * log_odds + (-log_odds.abs()).exp().ln_1p()
        };
        rows.iter().map(of_row).sum()
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::statistics::draws::stream;

    #[test]
    fn the_slope_and_intercept_behind_labels_are_found() {
        let mut generator = stream(1, 1);
        let truth = Sigmoid { slope: 3.0, intercept: -1.0 };
        let scores: Vec<f64> = (0..20_000).map(|_| generator.random_range(-1.0..1.0)).collect();
        let labels: Vec<bool> =
            scores.iter().map(|score| generator.random::<f64>() < truth.probability(*score)).collect();
        let found = Sigmoid::fit(&scores, &labels);
        assert!((found.slope - 3.0).abs() < 0.15 && (found.intercept + 1.0).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn scores_that_say_nothing_become_the_share_of_labels() {
        let found = Sigmoid::fit(&[2.0; 9], &[true, false, false, true, false, true, false, false, true]);
        assert!((found.probability(2.0) - 4.0 / 9.0).abs() < 0.05, "{found:?}");
    }

    #[test]
    fn separated_and_extreme_scores_have_a_finite_fit() {
        for scores in [[-1.0, -2.0, 1.0, 2.0], [-1e200, -1e200, 1e200, 1e200], [0.0, 1e-300, 1e-300, 1.0]] {
            let found = Sigmoid::fit(&scores, &[false, false, true, true]);
            let probabilities = scores.map(|score| found.probability(score));
            assert!(probabilities.iter().all(|probability| (0.0..=1.0).contains(probability)), "{found:?}");
        }
    }
}
