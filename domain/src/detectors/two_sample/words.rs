//! Classifier two-sample test of texts: whether a linear model of their words can tell the window's from the reference's.
//!
//! Reference and window are pooled and split at random; on one part of the texts their words are weighed ([`tf_idf`]) and a sparse linear
//! model is trained ([`linear_model`]), which then scores the texts of the other part. How often it scores a text of the window
//! higher than one of the reference is the statistic (the area under the ROC curve, 0.5 where they are alike), and the words with
//! the largest weights say what came and what went. Choose it to be told which words changed; kinds over the features of texts see
//! spelling and length too, and need no training at each window.
//!
//! **Level**: exact. The texts that are scored have trained nothing, so without drift every way to share out the labels among them is
//! equally likely: the p-value is that of shuffled labels. The preset `evidently` compares the area with 0.55 instead, or, up
//! to 1,000 texts of reference, with the 95th percentile of areas of random scores. That percentile is a level of 5 % too; 0.55 is
//! none: it raises the more false alarms, the smaller the window is.
//!
//! **Cost**: 50 passes over the words of the texts that train, some 10 ns a word, and O(N) a shuffle for N texts that are scored;
//! memory O(words), by far the most of which are those of the reference.
//!
//! **Sources**: Lopez-Paz & Oquab, *Revisiting classifier two-sample tests*, ICLR (2017), for the test; the model, its
//! thresholds and the words are those of Evidently 0.7.

mod linear_model;
mod tf_idf;

use self::linear_model::{LinearModel, N_AVERAGED, N_PASSES};
use self::tf_idf::Corpus;
use super::classifier::folds::Split;
use super::classifier::pooled::Pooled;
use super::explanation::{Explanation, Summary, WordWeight};
use super::{BatchDetector, BatchSpec, ClassifierTestSpec, ColumnTest, Preset, Window, WindowProblem};
use crate::data::{TensorError, Tensors, Words};
use crate::detection::{Detection, FeatureDetection};
use crate::detectors::FitProblem;
use crate::ports::{CpuPool, Silent};
use crate::statistics::permutation::{PValueRule, PermutationTest};
use crate::statistics::quantile::{QuantileType, quantile};
use crate::statistics::roc_auc::RankedScores;

/// Words that are told at most of those that came, and of those that went.
const WORDS_MAX: usize = 25;
/// By Evidently: the area from which on larger ones are drift, of references of more texts than it draws random scores for.
const AREA_MAX: f64 = 0.55;
const N_TEXTS_SCORED_AT_RANDOM: usize = 1_000;
/// By Evidently: the percentile of areas of so many random scores.
const PERCENTILE: f64 = 0.95;
const N_RANDOM_SCORES: usize = 1_000;
/// Areas are quotients of whole numbers: what differs by less is equal.
const ROUNDING: f64 = 1e-12;

/// The words of a reference.
const WORDS: &str = "words";
const N_MISSING: &str = "words.missing";

/// The fitted test: its reference.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WordsDetector {
    spec: ClassifierTestSpec,
    reference: Words,
    n_missing: u64,
}

/// What the model of a split says of the texts that it was not trained on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Separation {
    /// How often a text of the window has a higher score than one of the reference.
    pub(crate) scores: RankedScores,
    /// The words with the largest weights, those of the window first.
    pub(crate) words: Vec<WordWeight>,
}

/// The area, what it is compared with, and its p-value where that decides.
struct Verdict {
    area: f64,
    area_max: f64,
    p_value: Option<f64>,
}

/// Trains on the texts of a split that train, by their places among those of the reference and then the window, and scores the others;
/// as a library does by the last model, else by the mean of several.
pub(crate) fn separate(
    reference: &Words,
    window: &Words,
    split: &Split,
    preset: Option<Preset>,
    seed: u64,
) -> Separation {
    let corpus = Corpus::of(reference, window);
    let is_window = |text: usize| text >= reference.n_texts();
    let vectors = corpus.weighted_by(&split.train);
    let n_averaged = if preset.is_some() { 1 } else { N_AVERAGED };
    let model = LinearModel::train(&vectors, &split.train, is_window, corpus.n_words(), n_averaged, seed);
    let scores = |of_window: bool| -> Vec<f64> {
        let texts = split.held_out.iter().filter(|text| is_window(**text) == of_window);
        texts.map(|text| model.score(&vectors[*text])).collect()
    };
    let scores = RankedScores::of(&scores(false), &scores(true));
    Separation { scores, words: telling_words(&corpus, model.weights(), reference.n_texts(), window.n_texts()) }
}

/// Those of the window by falling weight, then those of the reference. A word may weigh against its own side where it makes up for
/// another: that tells people nothing, so only words are told that come more often on the side that they speak for.
fn telling_words(corpus: &Corpus<'_>, weights: &[f64], n_reference: usize, n_window: usize) -> Vec<WordWeight> {
    let [in_reference, in_window] =
        [0..n_reference, n_reference..n_reference + n_window].map(|texts| corpus.n_holding(texts));
    let share = |n: u32, of: usize| f64::from(n) / of.max(1) as f64;
    let told = |word: usize| WordWeight {
        word: corpus.word(word).to_owned(),
        weight: weights[word],
        reference_share: share(in_reference[word], n_reference),
        window_share: share(in_window[word], n_window),
    };
    let of_side = |side: f64| -> Vec<WordWeight> {
        let speaks = |word: &usize| {
            let moved = share(in_window[*word], n_window) - share(in_reference[*word], n_reference);
            side * weights[*word] > 0.0 && side * moved > 0.0
        };
        let mut words: Vec<usize> = (0..weights.len()).filter(speaks).collect();
        words.sort_by(|a, b| {
            (side * weights[*b]).total_cmp(&(side * weights[*a])).then(corpus.word(*a).cmp(corpus.word(*b)))
        });
        words.into_iter().take(WORDS_MAX).map(told).collect()
    };
    [of_side(1.0), of_side(-1.0)].concat()
}

impl WordsDetector {
    /// # Errors
    /// With fewer than two texts, or texts without any word.
    pub(super) fn fit(spec: &ClassifierTestSpec, reference: &Window<'_>) -> Result<Self, FitProblem> {
        let words = reference.cells.words().filter(|words| !words.is_empty()).ok_or(FitProblem::AllConstant)?.clone();
        let n_missing = reference.n_missing.first().copied().unwrap_or(0);
        if words.n_texts() < 2 {
            return Err(FitProblem::TooFewReferenceRows { expected: 2, actual: words.n_texts() });
        }
        Ok(Self { spec: spec.clone(), reference: words, n_missing })
    }

    /// # Errors
    /// When the arrays are not those of such a detector.
    pub(super) fn restore(spec: &ClassifierTestSpec, tensors: &Tensors) -> Result<Self, TensorError> {
        let reference = Words::restore(WORDS, tensors)?;
        let n_missing = tensors.u64s_of_length(N_MISSING, 1)?[0];
        if reference.n_texts() < 2 {
            return Err(TensorError::Value { name: WORDS.to_owned(), reason: "too few texts".to_owned() });
        }
        Ok(Self { spec: spec.clone(), reference, n_missing })
    }

    fn judge(&self, scores: &RankedScores, split: &Split, pool: &dyn CpuPool) -> Result<Verdict, WindowProblem> {
        let area = scores.area();
        let cancelled = || WindowProblem("the test was cancelled".to_owned());
        let ClassifierTestSpec { preset, threshold, p_val, n_permutations, seed, .. } = &self.spec;
        let n_reference = self.reference.n_texts();
        let area_max = match (preset, threshold) {
            (None, _) => {
                let shuffled = scores.shuffled(*n_permutations, *seed, pool, &Silent).ok_or_else(cancelled)?;
                let test = PermutationTest::of(area, shuffled, ROUNDING, *p_val, PValueRule::Corrected);
                return Ok(Verdict { area, area_max: test.distance_threshold, p_value: Some(test.p_value) });
            }
            (Some(_), Some(threshold)) => *threshold,
            (Some(_), None) if n_reference > N_TEXTS_SCORED_AT_RANDOM => AREA_MAX,
            (Some(_), None) => {
                let (window, reference): (Vec<usize>, Vec<usize>) =
                    split.held_out.iter().partition(|text| **text >= n_reference);
                // Any scores that differ will do.
                let apart = |texts: &[usize]| texts.iter().map(|text| *text as f64).collect::<Vec<f64>>();
                let random = RankedScores::of(&apart(&reference), &apart(&window));
                let areas = random.shuffled(N_RANDOM_SCORES, *seed, pool, &Silent);
                quantile(&mut areas.ok_or_else(cancelled)?, PERCENTILE, QuantileType::Seven, true)
                    .map_err(|problem| WindowProblem(problem.to_string()))?
            }
        };
        Ok(Verdict { area, area_max, p_value: None })
    }

    /// The column of texts with the words that tell them apart.
    fn feature(
        &self,
        verdict: &Verdict,
        is_drift: bool,
        window: &Window<'_>,
        words: Vec<WordWeight>,
    ) -> FeatureDetection {
        let summary = |n_rows: usize, n_missing: u64| Summary {
            n_rows: n_rows as u64,
            missing_share: n_missing as f64 / (n_rows as f64).max(1.0),
            quantiles: None,
        };
        let of_reference = summary(self.reference.n_texts(), self.n_missing);
        let of_window = summary(window.cells.n_rows(), window.n_missing.first().copied().unwrap_or(0));
        // The area is the share of pairs that Mann and Whitney count.
        let explanation = Explanation::of(ColumnTest::MannWhitney, of_reference, of_window);
        FeatureDetection {
            column: 0,
            is_drift,
            statistic: Some(verdict.area),
            p_value: verdict.p_value,
            threshold: Some(verdict.p_value.map_or(verdict.area_max, |_| self.spec.p_val)),
            distance: Some(verdict.area),
            distance_threshold: Some(verdict.area_max),
            effect_size: Some(effect_size(verdict.area)),
            explanation: Some(Box::new(Explanation { words, ..explanation })),
        }
    }
}

/// 0 where nothing tells texts apart, 1 where every text is told.
fn effect_size(area: f64) -> f64 {
    (2.0 * area - 1.0).max(0.0)
}

impl BatchDetector for WordsDetector {
    fn test(&self, window: &Window<'_>, explain: bool, pool: &dyn CpuPool) -> Result<Detection, WindowProblem> {
        let problem = |problem: &dyn std::fmt::Display| WindowProblem(problem.to_string());
        let words = window.cells.words().ok_or_else(|| problem(&"expected texts with their words"))?;
        let (of_reference, of_window) = (vec![0.0; self.reference.n_texts()], vec![0.0; words.n_texts()]);
        let labels = Pooled::new(&of_reference, &of_window, 1);
        let ClassifierTestSpec { settings, preset, seed, min_effect, .. } = &self.spec;
        settings.validation.check(&labels).map_err(|error| problem(&error))?;
        let splits = settings.validation.splits(&labels, *seed);
        let split = splits.first().ok_or_else(|| problem(&"expected a split of the texts"))?;
        let Separation { scores, words } = separate(&self.reference, words, split, *preset, *seed);
        let verdict = self.judge(&scores, split, pool)?;
        let Verdict { area, area_max, p_value } = verdict;
        let is_far = p_value.map_or(area > area_max, |p_value| p_value < self.spec.p_val);
        let is_drift = is_far && min_effect.is_none_or(|least| effect_size(area) >= least);
        let features = if explain { vec![self.feature(&verdict, is_drift, window, words)] } else { Vec::new() };
        Ok(Detection {
            is_drift,
            rows: window.cells.n_rows() as u64,
            statistic: Some(area),
            threshold: Some(p_value.map_or(area_max, |_| self.spec.p_val)),
            p_value,
            distance: Some(area),
            distance_threshold: Some(area_max),
            effect_size: Some(effect_size(area)),
            features,
            ..Detection::default()
        })
    }

    fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        self.reference.save(WORDS, &mut tensors);
        tensors.insert_u64(N_MISSING, vec![self.n_missing]);
        tensors
    }

    fn spec(&self) -> BatchSpec {
        BatchSpec::Classifier(self.spec.clone())
    }

    fn n_reference_rows(&self) -> usize {
        self.reference.n_texts()
    }

    fn test_cost_ns(&self, n_reference: usize, n_rows: usize) -> u64 {
        let n = (n_reference + n_rows) as u64;
        let words_a_text = (self.reference.n_bytes() / (BYTES_A_WORD * self.reference.n_texts().max(1)) + 1) as u64;
        let trained = n.saturating_mul(words_a_text).saturating_mul(100 + 10 * N_PASSES as u64);
        let n_shuffles = if self.spec.preset.is_some() { N_RANDOM_SCORES } else { self.spec.n_permutations };
        trained.saturating_add((n_shuffles as u64).saturating_mul(5 * n))
    }

    fn fit_cost_ns(&self, n_reference: usize) -> u64 {
        let bytes_a_text = self.reference.n_bytes() / self.reference.n_texts().max(1) + 100;
        n_reference as u64 * bytes_a_text as u64
    }
}

/// About how many bytes a word takes, with what is between.
const BYTES_A_WORD: usize = 7;

#[cfg(test)]
mod tests;
