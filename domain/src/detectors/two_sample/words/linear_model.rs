//! A linear model of words that are few: stochastic gradient descent with a modified Huber loss and an L1 penalty.
//!
//! The loss of a score `s` that has the sign of its label with `z = ±s` is `max(0, 1 - z)²`, and `-4z` below -1, so that single texts
//! of the wrong kind count little. The step of the t-th text is `1 / (α (t₀ + t))` with `α` the weight of the penalty. What the
//! penalty would have taken from a weight since it was last looked at is taken when its word comes again, so a step costs the words
//! of one text.
//!
//! The last steps still change much, so the model is the mean of those after each pass of the second half: areas of two orders of the
//! same texts differ by 0.01 then, and by 0.05 of the last steps alone.
//!
//! **Cost**: 50 passes, O(words of the texts) each; memory O(words).
//!
//! **Sources**: Zhang, *Solving large scale linear prediction problems using stochastic gradient descent algorithms* (2004) for the loss;
//! Bottou, *Large-scale machine learning with stochastic gradient descent* (2010) for the steps; Tsuruoka, Tsujii & Ananiadou,
//! *Stochastic gradient descent training for L1-regularized log-linear models with cumulative penalty* (2009); Polyak & Juditsky,
//! *Acceleration of stochastic approximation by averaging* (1992).

use rand::seq::SliceRandom;

use super::tf_idf::SparseVector;
use crate::statistics::draws::stream;

/// Weight of the penalty, `α`.
const PENALTY: f64 = 1e-4;
/// Passes over the texts.
pub(super) const N_PASSES: usize = 50;
/// The last passes whose models are averaged.
pub(super) const N_AVERAGED: usize = 25;
/// The intercept has a gradient from every text, a weight only from few: its steps are smaller.
const INTERCEPT_SHARE: f64 = 0.01;

/// Weights by word, and an intercept: larger scores are of texts more like those of the window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LinearModel {
    weights: Vec<f64>,
    intercept: f64,
}

/// The loss by the score, for a label of the window.
fn slope(score: f64, is_window: bool) -> f64 {
    let label = if is_window { 1.0 } else { -1.0 };
    let margin = label * score;
    if margin >= 1.0 {
        0.0
    } else if margin >= -1.0 {
        -2.0 * label * (1.0 - margin)
    } else {
        -4.0 * label
    }
}

impl LinearModel {
    /// Learns from some of the texts, in orders that are drawn from a stream of the seed, and averages the models after so many of the
    /// last passes, at least one.
    pub(super) fn train(
        texts: &[SparseVector],
        learnt: &[usize],
        is_window: impl Fn(usize) -> bool,
        n_words: usize,
        n_averaged: usize,
        seed: u64,
    ) -> Self {
        // The first step leads to weights of the size that such a penalty usually leaves.
        let first_step = (1.0 / PENALTY.sqrt()).sqrt();
        let mut n_steps = 1.0 / (first_step * PENALTY);
        let mut model = Self { weights: vec![0.0; n_words], intercept: 0.0 };
        let (mut due, mut taken) = (0.0, vec![0.0; n_words]);
        let (mut generator, mut order) = (stream(seed, 0), learnt.to_vec());
        let mut sum = model.clone();
        for pass in 0..N_PASSES {
            order.shuffle(&mut generator);
            for text in &order {
                let (words, step) = (&texts[*text], 1.0 / (PENALTY * n_steps));
                let change = -step * slope(model.score(words), is_window(*text));
                due += step * PENALTY;
                for (word, weight) in words {
                    let word = *word as usize;
                    model.weights[word] += change * f64::from(*weight);
                    penalise(&mut model.weights[word], due, &mut taken[word]);
                }
                model.intercept += INTERCEPT_SHARE * change;
                n_steps += 1.0;
            }
            if pass >= N_PASSES - n_averaged {
                for (word, sum) in sum.weights.iter_mut().enumerate() {
                    penalise(&mut model.weights[word], due, &mut taken[word]);
                    *sum += model.weights[word] / n_averaged as f64;
                }
                sum.intercept += model.intercept / n_averaged as f64;
            }
        }
        sum
    }

    pub(super) fn score(&self, words: &SparseVector) -> f64 {
        words.iter().map(|(word, weight)| self.weights[*word as usize] * f64::from(*weight)).sum::<f64>()
            + self.intercept
    }

    /// By word; positive ones speak for the window. Most are 0.
    pub(super) fn weights(&self) -> &[f64] {
        &self.weights
    }
}

/// Moves a weight towards 0, but not beyond, by what is due and has not been taken.
fn penalise(weight: &mut f64, due: f64, taken: &mut f64) {
    let before = *weight;
    if before > 0.0 {
        *weight = (before - (due + *taken)).max(0.0);
    } else if before < 0.0 {
        *weight = (before + (due - *taken)).min(0.0);
    }
    *taken += *weight - before;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_is_flat_beyond_its_margin_and_straight_far_off() {
        for (score, is_window, expected) in
            [(1.0, true, 0.0), (0.0, true, -2.0), (-1.0, true, -4.0), (-9.0, true, -4.0), (0.5, false, 3.0)]
        {
            assert_eq!(slope(score, is_window), expected, "{score}");
        }
    }

    #[test]
    fn the_penalty_is_made_up_for_and_stops_at_zero() {
        let (mut weight, mut taken) = (1.0, 0.0);
        penalise(&mut weight, 0.25, &mut taken);
        assert_eq!((weight, taken), (0.75, -0.25));
        // Nothing has become due since.
        penalise(&mut weight, 0.25, &mut taken);
        assert_eq!((weight, taken), (0.75, -0.25));
        penalise(&mut weight, 2.0, &mut taken);
        assert_eq!((weight, taken), (0.0, -1.0));
        weight = -0.5;
        penalise(&mut weight, 2.5, &mut taken);
        assert_eq!(weight, 0.0);
    }

    #[test]
    fn words_speak_for_their_side_and_those_of_no_text_for_none() {
        // Word 0 is of the window, 1 of the reference, 2 of both, 3 of none.
        let texts: Vec<SparseVector> = (0..200).map(|text| vec![(u32::from(text % 2 == 0), 0.8), (2, 0.6)]).collect();
        let all: Vec<usize> = (0..200).collect();
        let train = |n_averaged| LinearModel::train(&texts, &all, |text| text % 2 == 1, 4, n_averaged, 7);
        for n_averaged in [1, N_AVERAGED] {
            let model = train(n_averaged);
            let weights = model.weights();
            assert!(weights[0] > 0.5 && weights[1] < -0.5 && weights[3] == 0.0, "{weights:?}");
            assert!(model.score(&texts[1]) >= 1.0 && model.score(&texts[0]) <= -1.0, "{weights:?}");
            assert_eq!(model, train(n_averaged));
        }
    }
}
