//! Whether a model told rows apart that it was not trained on.
//!
//! **Source**: Lopez-Paz & Oquab, *Revisiting classifier two-sample tests*, ICLR (2017); the exact law of the distance of
//! distribution functions by counting lattice paths: Hodges, *The significance probability of the Smirnov two-sample
//! test* (1958).

use super::HeldOut;
use crate::statistics::alternative::Alternative;
use crate::statistics::binomial;
use crate::statistics::kolmogorov_smirnov::{self, EXACT_SIZE_MAX, p_value_asymptotic, p_value_exact_with_ties};
use crate::statistics::sorted_sample::SortedSample;

/// What a test says of predictions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PredictionTest {
    pub(crate) p_value: f64,
    pub(crate) distance: f64,
}

/// Compares probabilities, or the labels that they predict.
pub(crate) fn of(reference: &HeldOut, window: &HeldOut, binarize_preds: bool) -> PredictionTest {
    let test = if binarize_preds { of_labels } else { of_probabilities };
    test(&reference.probabilities, &window.probabilities)
}

/// Compares the predicted probabilities of the window's rows with those of the reference's: one-sided
/// Kolmogorov–Smirnov, distance between the distribution functions. Exact also where probabilities are equal, as those of
/// a forest often are. Neither is empty, all are finite.
pub(crate) fn of_probabilities(reference: &[f64], window: &[f64]) -> PredictionTest {
    let sorted = |values: &[f64]| SortedSample::sort(values.to_vec());
    let (Ok(reference), Ok(window)) = (sorted(reference), sorted(window)) else {
        return PredictionTest { p_value: 1.0, distance: 0.0 };
    };
    let distance = kolmogorov_smirnov::distance(&reference, &window).greater.size;
    let (n, m) = (reference.n_values(), window.n_values());
    let p_value = if n.max(m) <= EXACT_SIZE_MAX {
        p_value_exact_with_ties(distance, &reference, &window, Alternative::Greater)
    } else {
        p_value_asymptotic(distance, n, m, Alternative::Greater).unwrap_or(1.0)
    };
    PredictionTest { p_value, distance }
}

/// Counts the rows whose label is predicted: one-sided binomial test against always saying the more frequent label,
/// distance the share of its errors that the model avoids. Neither is empty.
pub(crate) fn of_labels(reference: &[f64], window: &[f64]) -> PredictionTest {
    let n = reference.len() + window.len();
    let correct_reference = reference.iter().filter(|probability| **probability <= 0.5).count();
    let correct = correct_reference + window.iter().filter(|probability| **probability > 0.5).count();
    let baseline = reference.len().max(window.len()) as f64 / n as f64;
    let accuracy = correct as f64 / n as f64;
    PredictionTest {
        p_value: binomial::at_least(correct as u64, n as u64, baseline),
        distance: (1.0 - (1.0 - accuracy) / (1.0 - baseline)).max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_and_two_rows_a_sixth_of_the_orders_are_separated() {
        let test = of_probabilities(&[0.1, 0.2], &[0.3, 0.4]);
        assert_eq!(test.distance, 1.0);
        assert!((test.p_value - 1.0 / 6.0).abs() < 1e-15, "{test:?}");
        let turned = of_probabilities(&[0.3, 0.4], &[0.1, 0.2]);
        assert_eq!(turned, PredictionTest { p_value: 1.0, distance: 0.0 });
    }

    #[test]
    fn labels_are_counted_with_halves_down() {
        // Four of five are right where always saying "reference" is right in three.
        let test = of_labels(&[0.5, 0.1, 0.9], &[0.51, 0.7]);
        assert!((test.distance - 0.5).abs() < 1e-12, "{test:?}");
        let expected = 5.0 * 0.6_f64.powi(4) * 0.4 + 0.6_f64.powi(5);
        assert!((test.p_value - expected).abs() < 1e-12, "{test:?}");
        assert_eq!(of_labels(&[0.9], &[0.1]), PredictionTest { p_value: 1.0, distance: 0.0 });
    }
}
