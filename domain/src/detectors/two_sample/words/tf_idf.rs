//! How much each word counts in a text: the more often it comes there, the more, and the fewer texts hold it, the more.
//!
//! A word weighs `(1 + ln count) (1 + ln((1 + T) / (1 + t)))` where `t` of the `T` texts that are learnt from hold it, and the weights
//! of a text are divided by their norm. What more than one half of those texts hold counts nothing, nor what none of them does.
//!
//! **Source**: Salton & Buckley, *Term-weighting approaches in automatic text retrieval* (1988).

use std::collections::HashMap;

use crate::data::Words;

/// Words that a larger share of the texts holds count nothing.
const SHARE_MAX: f64 = 0.5;

/// A text: the numbers of its words, with their weights.
pub(super) type SparseVector = Vec<(u32, f32)>;

/// The words of all texts of a test: those of the reference, then those of the window.
pub(super) struct Corpus<'w> {
    /// By number.
    words: Vec<&'w str>,
    /// Of each text the numbers of its words, and how often they come.
    texts: Vec<Vec<(u32, u32)>>,
}

impl<'w> Corpus<'w> {
    /// Numbers the words. Time and memory O(words in all texts).
    pub(super) fn of(reference: &'w Words, window: &'w Words) -> Self {
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut corpus = Self { words: Vec::new(), texts: Vec::with_capacity(reference.n_texts() + window.n_texts()) };
        for words in [reference, window] {
            for text in 0..words.n_texts() {
                let counted = words.of_text(text).map(|(word, count)| {
                    let number = *numbers.entry(word).or_insert_with(|| {
                        corpus.words.push(word);
                        // A text holds fewer bytes than that many words would take.
                        u32::try_from(corpus.words.len() - 1).unwrap_or(u32::MAX)
                    });
                    (number, count)
                });
                let counted = counted.collect();
                corpus.texts.push(counted);
            }
        }
        corpus
    }

    pub(super) fn n_words(&self) -> usize {
        self.words.len()
    }

    pub(super) fn word(&self, number: usize) -> &'w str {
        self.words[number]
    }

    /// By word, how many of some texts hold it.
    pub(super) fn n_holding(&self, texts: impl Iterator<Item = usize>) -> Vec<u32> {
        let mut n_holding = vec![0; self.words.len()];
        for text in texts {
            for (word, _) in &self.texts[text] {
                n_holding[*word as usize] += 1;
            }
        }
        n_holding
    }

    /// The weights of each text, learnt from some of them.
    pub(super) fn weighted_by(&self, learnt: &[usize]) -> Vec<SparseVector> {
        let n_texts = learnt.len() as f64;
        let idf = |n_holding: u32| {
            let n_holding = f64::from(n_holding);
            let counts = n_holding > 0.0 && n_holding <= SHARE_MAX * n_texts;
            if counts { 1.0 + ((1.0 + n_texts) / (1.0 + n_holding)).ln() } else { 0.0 }
        };
        let idf: Vec<f64> = self.n_holding(learnt.iter().copied()).into_iter().map(idf).collect();
        self.texts.iter().map(|text| weighted(text, &idf)).collect()
    }
}

fn weighted(text: &[(u32, u32)], idf: &[f64]) -> SparseVector {
    let weight = |(word, count): &(u32, u32)| (*word, (1.0 + f64::from(*count).ln()) * idf[*word as usize]);
    let weights: Vec<(u32, f64)> = text.iter().map(weight).filter(|(_, weight)| *weight > 0.0).collect();
    let norm = weights.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "at most 1; seven digits are enough for a weight")]
    let normed = |(word, weight): (u32, f64)| (word, (weight / norm) as f32);
    weights.into_iter().map(normed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocess::words_of;

    fn words(texts: &[&str]) -> Words {
        words_of(&texts.iter().copied().map(Some).collect::<Vec<_>>())
    }

    fn weights<'w>(corpus: &Corpus<'w>, vector: &SparseVector) -> Vec<(&'w str, f32)> {
        vector.iter().map(|(word, weight)| (corpus.word(*word as usize), *weight)).collect()
    }

    #[test]
    fn rare_and_repeated_words_weigh_more_and_frequent_ones_nothing() {
        let (reference, window) =
            (words(&["parcel late", "parcel rain rain", "parcel sun"]), words(&["sun dog", "rain"]));
        let corpus = Corpus::of(&reference, &window);
        let vectors = corpus.weighted_by(&[0, 1, 2, 3]);
        // Three of four texts hold `parcel`.
        assert_eq!(weights(&corpus, &vectors[0]), [("late", 1.0)]);
        assert_eq!(weights(&corpus, &vectors[1]), [("rain", 1.0)]);
        // `sun` is in two of four, which is no more than one half; `dog` is in one.
        let [(dog, of_dog), (sun, of_sun)] = weights(&corpus, &vectors[3])[..] else { panic!("{vectors:?}") };
        assert_eq!((dog, sun), ("dog", "sun"));
        let (idf_of_dog, idf_of_sun) = (1.0 + 2.5_f64.ln(), 1.0 + (5.0_f64 / 3.0).ln());
        let norm = idf_of_dog.hypot(idf_of_sun);
        assert!((f64::from(of_dog) - idf_of_dog / norm).abs() < 1e-6, "{of_dog}");
        assert!((f64::from(of_sun) - idf_of_sun / norm).abs() < 1e-6, "{of_sun}");
        // What was not learnt from, and holds nothing that was.
        assert_eq!(corpus.weighted_by(&[0, 2]).last(), Some(&Vec::new()));
    }

    #[test]
    fn counts_go_by_their_logarithm() {
        let (reference, window) = (words(&["rain rain sun", "dog", "cat"]), Words::new());
        let corpus = Corpus::of(&reference, &window);
        let vectors = corpus.weighted_by(&[0, 1, 2]);
        let [(_, rain), (_, sun)] = vectors[0][..] else { panic!("{vectors:?}") };
        assert!((f64::from(rain / sun) - (1.0 + 2.0_f64.ln())).abs() < 1e-6, "{rain} {sun}");
    }
}
