//! How uncertain a model is of its predictions: drift of it can be seen without labels, where drift of the columns may not
//! matter to the model.
//!
//! Rows of model outputs become one number each, which a test of one column then compares: entropies and spreads by
//! Kolmogorov–Smirnov, narrow margins, zeros and ones, by chi-square or Fisher's exact test.
//!
//! **Cost**: O(n c) for n rows of c outputs.
//!
//! **Source**: Sethi & Kantardzic, *On the reliable detection of concept drift from streaming unlabeled data* (2017), for
//! margins; Shannon, *A mathematical theory of communication* (1948); Lakshminarayanan, Pritzel & Blundell, *Simple and
//! scalable predictive uncertainty estimation using deep ensembles* (2017).

use serde::{Deserialize, Serialize};

/// What a classifier puts out for each class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelOutputs {
    /// Probabilities, which sum to 1.
    Probs,
    /// Their logarithms up to a constant, which the softmax function turns into probabilities.
    Logits,
}

/// Why outputs have no uncertainty.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum UncertaintyProblem {
    /// A probability below 0 or above 1.
    #[error("expected probabilities between 0 and 1, row {row} has {probability}; outputs of any size are logits")]
    Probability {
        /// The row's place.
        row: usize,
        /// What came.
        probability: f64,
    },
    /// Probabilities of something else than all classes.
    #[error("expected probabilities that sum to 1 within 0.000001, those of row {row} sum to {sum}")]
    Sum {
        /// The row's place.
        row: usize,
        /// What came.
        sum: f64,
    },
    /// Nothing to be uncertain between.
    #[error("expected at least 2 outputs a row, {actual} came")]
    TooFewOutputs {
        /// What came.
        actual: usize,
    },
}

/// What a row's probabilities may sum to more or less than 1.
const SUM_TOLERANCE: f64 = 1e-6;

/// The entropy of each row's probabilities, in nats, from 0 (certain) to the logarithm of the number of classes.
/// `outputs` are rows of `n_classes` finite numbers, row-major.
///
/// # Errors
/// With fewer than 2 classes, or rows that are no probabilities.
///
/// # Panics
/// When rows are not whole.
pub fn entropies(outputs: &[f64], n_classes: usize, form: ModelOutputs) -> Result<Vec<f64>, UncertaintyProblem> {
    by_row(outputs, n_classes, form, |probabilities| {
        // A class without probability adds nothing.
        let certain = probabilities.iter().filter(|probability| **probability > 0.0);
        certain.map(|probability| probability * -probability.ln()).sum::<f64>()
    })
}

/// For each row whether the largest two of its probabilities are less than `margin_width` apart. `outputs` are rows of
/// `n_classes` finite numbers, row-major.
///
/// # Errors
/// With fewer than 2 classes, or rows that are no probabilities.
///
/// # Panics
/// When rows are not whole.
pub fn narrow_margins(
    outputs: &[f64],
    n_classes: usize,
    form: ModelOutputs,
    margin_width: f64,
) -> Result<Vec<bool>, UncertaintyProblem> {
    by_row(outputs, n_classes, form, |probabilities| {
        let (first, second) = probabilities.iter().fold((0.0, 0.0), |(first, second), probability| {
            if *probability > first { (*probability, first) } else { (first, probability.max(second)) }
        });
        first - second < margin_width
    })
}

/// The population standard deviation of each row: of the predictions of an ensemble's members, or of repeated evaluations
/// with dropout, in units of the predictions. `predictions` are rows of `n_members` finite numbers, row-major.
///
/// # Errors
/// With fewer than 2 members.
///
/// # Panics
/// When rows are not whole.
pub fn spreads(predictions: &[f64], n_members: usize) -> Result<Vec<f64>, UncertaintyProblem> {
    let spread = |row: &[f64]| {
        let n = n_members as f64;
        let mean = row.iter().sum::<f64>() / n;
        (row.iter().map(|prediction| (prediction - mean) * (prediction - mean)).sum::<f64>() / n).sqrt()
    };
    Ok(whole_rows(predictions, n_members)?.map(spread).collect())
}

fn whole_rows(outputs: &[f64], n_outputs: usize) -> Result<std::slice::ChunksExact<'_, f64>, UncertaintyProblem> {
    if n_outputs < 2 {
        return Err(UncertaintyProblem::TooFewOutputs { actual: n_outputs });
    }
    assert_eq!(outputs.len() % n_outputs, 0, "rows are whole");
    Ok(outputs.chunks_exact(n_outputs))
}

fn by_row<T>(
    outputs: &[f64],
    n_classes: usize,
    form: ModelOutputs,
    uncertainty: impl Fn(&[f64]) -> T,
) -> Result<Vec<T>, UncertaintyProblem> {
    let of_row = |(row, outputs): (usize, &[f64])| match form {
        ModelOutputs::Probs => {
            check(row, outputs)?;
            Ok(uncertainty(outputs))
        }
        ModelOutputs::Logits => Ok(uncertainty(&softmax(outputs))),
    };
    whole_rows(outputs, n_classes)?.enumerate().map(of_row).collect()
}

fn check(row: usize, probabilities: &[f64]) -> Result<(), UncertaintyProblem> {
    let is_none = |probability: &&f64| !(-SUM_TOLERANCE..=1.0 + SUM_TOLERANCE).contains(*probability);
    if let Some(probability) = probabilities.iter().find(is_none) {
        return Err(UncertaintyProblem::Probability { row, probability: *probability });
    }
    let sum: f64 = probabilities.iter().sum();
    if (sum - 1.0).abs() > SUM_TOLERANCE { Err(UncertaintyProblem::Sum { row, sum }) } else { Ok(()) }
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entropy_is_none_when_certain_and_largest_when_all_classes_are_as_likely() {
        let found = entropies(&[1.0, 0.0, 0.0, 0.25, 0.5, 0.25], 3, ModelOutputs::Probs).unwrap();
        assert_eq!(found[0], 0.0);
        assert!((found[1] - 1.5 * std::f64::consts::LN_2).abs() < 1e-15);
        let found = entropies(&[7.0, 7.0, 1e4, -1e4], 2, ModelOutputs::Logits).unwrap();
        assert!((found[0] - std::f64::consts::LN_2).abs() < 1e-15);
        assert_eq!(found[1], 0.0);
    }

    #[test]
    fn margins_are_between_the_largest_two() {
        let outputs = [0.5, 0.1, 0.4, 0.1, 0.6, 0.3, 0.4, 0.4, 0.2];
        assert_eq!(narrow_margins(&outputs, 3, ModelOutputs::Probs, 0.2), Ok(vec![true, false, true]));
        assert_eq!(narrow_margins(&[0.0, 0.0, 5.0, 0.0], 2, ModelOutputs::Logits, 0.1), Ok(vec![true, false]));
        // Strictly less.
        assert_eq!(narrow_margins(&[0.75, 0.25], 2, ModelOutputs::Probs, 0.5), Ok(vec![false]));
    }

    #[test]
    fn spreads_are_divided_by_the_number_of_members() {
        assert_eq!(spreads(&[1.0, 3.0, 5.0, 5.0], 2), Ok(vec![1.0, 0.0]));
        assert_eq!(spreads(&[], 2), Ok(Vec::new()));
    }

    #[test]
    fn rows_that_are_no_probabilities_are_named() {
        let entropies = |outputs: &[f64]| entropies(outputs, 2, ModelOutputs::Probs);
        assert_eq!(entropies(&[0.5, 0.5, 0.5, 0.25]), Err(UncertaintyProblem::Sum { row: 1, sum: 0.75 }));
        assert_eq!(
            entropies(&[0.5, 0.5, 0.5, 0.5, -0.5, 1.5]),
            Err(UncertaintyProblem::Probability { row: 2, probability: -0.5 })
        );
        // Rounded to single precision they still are.
        assert!(entropies(&[f64::from(0.1_f32), f64::from(0.9_f32), -1e-9, 1.0]).is_ok());
        assert_eq!(spreads(&[1.0], 1), Err(UncertaintyProblem::TooFewOutputs { actual: 1 }));
        let single = super::entropies(&[1.0], 1, ModelOutputs::Probs);
        assert_eq!(single, Err(UncertaintyProblem::TooFewOutputs { actual: 1 }));
    }

    proptest! {
        #[test]
        fn logits_and_their_probabilities_are_as_uncertain(
            logits in prop::collection::vec(-20.0..20.0_f64, 12), shift in -1e3..1e3_f64,
        ) {
            let probabilities: Vec<f64> = logits.chunks_exact(4).flat_map(softmax).collect();
            let moved: Vec<f64> = logits.iter().map(|logit| logit + shift).collect();
            let of_probabilities = entropies(&probabilities, 4, ModelOutputs::Probs).unwrap();
            let of_logits = entropies(&moved, 4, ModelOutputs::Logits).unwrap();
            for (one, other) in of_probabilities.iter().zip(&of_logits) {
                prop_assert!((one - other).abs() < 1e-9 && (0.0..=4.0_f64.ln() + 1e-9).contains(one));
            }
        }

        #[test]
        fn spreads_do_not_depend_on_the_order_of_members(mut row in prop::collection::vec(-1e3..1e3_f64, 5)) {
            let before = spreads(&row, 5).unwrap()[0];
            row.reverse();
            prop_assert!((before - spreads(&row, 5).unwrap()[0]).abs() < 1e-9);
        }
    }
}
