//! Which words and runs of characters count, and how much.

use std::sync::atomic::{AtomicU32, Ordering};

use super::SparseVector;
use super::grams::{FIRST_RUN, Grams, N_BUCKETS, WORDS, count};
use crate::data::{TensorError, Tensors};
use crate::ports::{CpuPool, Progress};
use crate::statistics::parallel::run_tasks;

/// Words and pairs of words that are kept at the most, and as many runs of characters: those that most texts hold.
const KEPT_OF_EACH: usize = 1 << 13;
/// In fewer texts than this nothing is kept, unless nothing else would be.
const N_TEXTS_MIN: u32 = 2;
/// Texts of one task of the pool.
const TEXTS_PER_TASK: usize = 16;
/// The place of a bucket that is not kept.
const UNKNOWN: u16 = u16::MAX;

/// The weights of a text, and what else is told of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weighted {
    /// Those of the vocabulary that occur, by their places, ascending.
    pub(super) weights: SparseVector,
    /// Characters.
    pub(super) n_characters: u64,
    /// Words.
    pub(super) n_words: u64,
    /// Share of the words that the vocabulary does not hold; 0 without words.
    pub(super) unknown_words: f64,
}

/// The buckets that are kept, with their inverse document frequencies.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vocabulary {
    /// Ascending.
    buckets: Vec<u32>,
    /// `1 + ln((1 + texts) / (1 + texts that hold it))`.
    idf: Vec<f64>,
    /// Of what is not kept, as if one text held it.
    unknown_idf: f64,
    /// The place of each bucket among those that are kept.
    places: Vec<u16>,
}

impl Vocabulary {
    /// Learns from texts; `Ok(None)` where they hold no character but blanks.
    ///
    /// # Errors
    /// When cancelled.
    pub(super) fn learn(
        texts: &[&str],
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Option<Self>, super::Cancelled> {
        let n_holding: Vec<AtomicU32> = (0..N_BUCKETS).map(|_| AtomicU32::new(0)).collect();
        let task = |task: usize| {
            for text in texts.iter().skip(task * TEXTS_PER_TASK).take(TEXTS_PER_TASK) {
                for (bucket, _) in count(text).counts {
                    n_holding[bucket as usize].fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        run_tasks(texts.len().div_ceil(TEXTS_PER_TASK), pool, progress, &task).ok_or(super::Cancelled)?;
        let n_holding: Vec<u32> = n_holding.into_iter().map(AtomicU32::into_inner).collect();
        let first_run = FIRST_RUN as usize;
        let mut buckets: Vec<u32> = [0..first_run, first_run..N_BUCKETS]
            .into_iter()
            .flat_map(|range| most_held(&n_holding, range, N_TEXTS_MIN))
            .collect();
        if buckets.is_empty() {
            buckets = most_held(&n_holding, 0..N_BUCKETS, 1);
        }
        let n_texts = texts.len() as f64;
        let idf = |n_holding: u32| 1.0 + ((1.0 + n_texts) / (1.0 + f64::from(n_holding))).ln();
        let of_kept = buckets.iter().map(|bucket| idf(n_holding[*bucket as usize])).collect();
        Ok((!buckets.is_empty()).then(|| Self::of(buckets, of_kept, idf(1))))
    }

    fn of(buckets: Vec<u32>, idf: Vec<f64>, unknown_idf: f64) -> Self {
        let mut places = vec![UNKNOWN; N_BUCKETS];
        for (place, bucket) in (0..UNKNOWN).zip(&buckets) {
            places[*bucket as usize] = place;
        }
        Self { buckets, idf, unknown_idf, places }
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.buckets.len()
    }

    /// The weights of a text: `(1 + ln count) idf`, divided by their norm over words and pairs of words, or over runs of
    /// characters, those included that are not kept, so that what is new makes the vector shorter.
    pub(super) fn weigh(&self, text: &str) -> Weighted {
        let Grams { counts, n_characters, n_words } = count(text);
        let (mut weights, mut squares, mut n_unknown) = (Vec::new(), [0.0, 0.0], 0_u64);
        let n_of_words = counts.partition_point(|(bucket, _)| *bucket < FIRST_RUN);
        let mut n_weights_of_words = 0;
        for (index, (bucket, count)) in counts.into_iter().enumerate() {
            let place = self.places[bucket as usize];
            let is_run = usize::from(index >= n_of_words);
            let idf = self.idf.get(usize::from(place)).copied().unwrap_or(self.unknown_idf);
            // Most occur once.
            let weight = if count == 1 { idf } else { (1.0 + f64::from(count).ln()) * idf };
            squares[is_run] += weight * weight;
            if place != UNKNOWN {
                weights.push((place, weight));
                n_weights_of_words += 1 - is_run;
            } else if WORDS.contains(&bucket) {
                n_unknown += u64::from(count);
            }
        }
        let norms = squares.map(|squares: f64| (2.0 * squares).sqrt());
        let normed = |(index, (place, weight)): (usize, (u16, f64))| {
            #[expect(clippy::cast_possible_truncation, reason = "at most 1; seven digits are enough for a weight")]
            let weight = (weight / norms[usize::from(index >= n_weights_of_words)]) as f32;
            (place, weight)
        };
        Weighted {
            weights: weights.into_iter().enumerate().map(normed).collect(),
            n_characters,
            n_words,
            unknown_words: if n_words == 0 { 0.0 } else { n_unknown as f64 / n_words as f64 },
        }
    }

    pub(super) fn save(&self, tensors: &mut Tensors) {
        tensors.insert_u64("text.buckets", self.buckets.iter().map(|bucket| u64::from(*bucket)).collect());
        tensors.insert_f64("text.idf", self.idf.clone());
        tensors.insert_f64("text.unknown_idf", vec![self.unknown_idf]);
    }

    pub(super) fn restore(tensors: &Tensors) -> Result<Self, TensorError> {
        let stored = tensors.u64s("text.buckets")?;
        let buckets: Vec<u32> = stored.iter().filter_map(|bucket| u32::try_from(*bucket).ok()).collect();
        let is_ascending = buckets.windows(2).all(|pair| pair[0] < pair[1]);
        let is_known = buckets.last().is_some_and(|last| (*last as usize) < N_BUCKETS);
        if buckets.len() != stored.len() || buckets.len() >= usize::from(UNKNOWN) || !is_ascending || !is_known {
            return Err(super::invalid("text.buckets", "they are no buckets in order"));
        }
        let idf = tensors.f64s_of_length("text.idf", buckets.len())?.to_vec();
        let unknown_idf = tensors.f64s_of_length("text.unknown_idf", 1)?[0];
        if !idf.iter().chain([&unknown_idf]).all(|idf| idf.is_finite() && *idf > 0.0) {
            return Err(super::invalid("text.idf", "a weight is not above 0"));
        }
        Ok(Self::of(buckets, idf, unknown_idf))
    }
}

/// The buckets of a range that most texts hold, and at least `n_texts_min` of them, ascending.
fn most_held(n_holding: &[u32], range: std::ops::Range<usize>, n_texts_min: u32) -> Vec<u32> {
    let mut held: Vec<(u32, u32)> = (0..)
        .zip(n_holding)
        .skip(range.start)
        .take(range.len())
        .filter(|(_, n)| **n >= n_texts_min)
        .map(|(bucket, n)| (bucket, *n))
        .collect();
    // Of those that as many hold, the first ones.
    held.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    held.truncate(KEPT_OF_EACH);
    let mut buckets: Vec<u32> = held.into_iter().map(|(bucket, _)| bucket).collect();
    buckets.sort_unstable();
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Silent;
    use crate::test_pool::Threads;

    fn learn(texts: &[&str]) -> Option<Vocabulary> {
        Vocabulary::learn(texts, &Threads(2), &Silent).ok().flatten()
    }

    fn norm(weighted: &Weighted) -> f64 {
        weighted.weights.iter().map(|(_, weight)| f64::from(*weight).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn known_texts_have_unit_length_and_what_is_new_makes_them_shorter() {
        let vocabulary = learn(&["the red house", "the red house", "a green door"]).unwrap();
        let known = vocabulary.weigh("the red house");
        assert!((norm(&known) - 1.0).abs() < 1e-6, "{}", norm(&known));
        assert_eq!((known.n_characters, known.n_words, known.unknown_words), (13, 3, 0.0));
        let mixed = vocabulary.weigh("the red tower");
        assert!(norm(&mixed) < 0.9 && norm(&mixed) > 0.2, "{}", norm(&mixed));
        assert!((mixed.unknown_words - 1.0 / 3.0).abs() < 1e-12);
        // Only one text held them.
        assert_eq!(vocabulary.weigh("green door").unknown_words, 1.0);
        let empty = vocabulary.weigh(" ");
        assert_eq!((empty.weights.len(), empty.n_words, empty.unknown_words), (0, 0, 0.0));
    }

    #[test]
    fn rare_words_weigh_more_than_common_ones() {
        let vocabulary = learn(&["a x", "a y", "a x", "a z"]).unwrap();
        let place = |word: &str| vocabulary.weigh(word).weights[0].0;
        let weights = vocabulary.weigh("a x").weights;
        let weight = |word: &str| weights.iter().find(|(found, _)| *found == place(word)).unwrap().1;
        assert!(weight("x") > weight("a"), "{weights:?}");
    }

    #[test]
    fn texts_without_anything_in_common_have_a_vocabulary_and_blank_ones_have_none() {
        assert!(learn(&["abc", "xyz"]).unwrap().len() > 2);
        assert!(learn(&["", "  "]).is_none());
    }

    #[test]
    fn the_vocabulary_is_bounded() {
        let texts: Vec<String> = (0..40_000).map(|index| format!("w{} v{index}", index / 2)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vocabulary = learn(&texts).unwrap();
        assert_eq!(vocabulary.len(), 2 * KEPT_OF_EACH);
    }
}
