//! From texts to numbers, without any model.
//!
//! Words, pairs of words and runs of 3 to 5 characters are hashed and weighted by their inverse document frequency among texts
//! of the reference (`tf-idf`, the count by its logarithm), words and runs of characters each to unit length; the weights are
//! projected on principal components. Beside the components stand statistics that people can read: characters, words, and the
//! share of words that the vocabulary does not hold. Where statistics are all that is asked for, there are more of them
//! ([`statistics`]), and where an encoder is, the components are those of its vectors.
//!
//! A vocabulary and components fit the texts that they were learnt from better than any others: compared with those, every new
//! text would seem to drift. So they are learnt from one half of the reference (at most 5,000 texts, drawn by the seed), and
//! the other texts are what new ones are compared with: features of both are made alike, and calibration holds.
//!
//! **Cost**: a text of `b` bytes O(b log b + u k) for `u` different words and runs and `k` components, some 90 µs a kilobyte;
//! nothing of it is kept but `k + 3` numbers. A fit the same for each text, and the components: O((z + F l) l) for `z`
//! weights, of which at most five million are taken, `F` up to 16,384 and `l = k + 8`. Memory O(F k), 4 MiB at the most with
//! the usual 32 components.
//!
//! **Sources**: Salton & Buckley, *Term-weighting approaches in automatic text retrieval* (1988); Weinberger et al., *Feature
//! hashing for large scale multitask learning* (2009); Deerwester et al., *Indexing by latent semantic analysis* (1990).

mod grams;
mod statistics;
mod vocabulary;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::statistics::{CharacterPairs, N_BESIDE, STATISTICS};
use self::vocabulary::{Vocabulary, Weighted};
use super::components::{Cancelled, Components, SparseVector, of_vectors, principal_components, project};
use super::halves::{Halves, n_learnt};
use super::pca::Pca;
use crate::data::{Cells, ColumnSchema, ColumnType, Frame, MissingValues, Schema, TensorError, Tensors};
use crate::ports::{CpuPool, Progress, Silent, TextEncoder};
use crate::statistics::parallel::run_tasks;

/// Components without a wish.
const N_COMPONENTS: usize = 32;
/// More components than this are refused.
const N_COMPONENTS_MAX: usize = 256;
/// More weights than this are not learnt from.
const WEIGHTS_MAX: usize = 5_000_000;
/// Texts that are weighed for the components together.
const TEXTS_TOGETHER: usize = 256;
/// Texts of one task of the pool.
const TEXTS_PER_TASK: usize = 16;
/// The random stream of the texts that are learnt from.
const LEARNT: u64 = 0x7465_7874_0000;

/// What texts are to become.
#[derive(Debug, Clone)]
pub enum TextFeatureSet {
    /// Components of words and runs of characters, so many if that is said, and three statistics.
    Components(Option<usize>),
    /// All statistics, and nothing else.
    Statistics,
    /// Components of the vectors of an encoder, so many if that is said, and three statistics.
    Embeddings(Arc<dyn TextEncoder>, Option<usize>),
}

/// Which features of texts a client asks for; without a wish, components. Of images an encoder alone can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextRequest {
    /// Features of the texts themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<FeatureSet>,
    /// The name of an encoder, whose vectors are reduced to components.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<String>,
}

impl TextRequest {
    /// That of no wish.
    pub const DEFAULT: Self = Self { features: None, encoder: None };

    /// Whether nothing is asked for.
    pub fn is_default(&self) -> bool {
        *self == Self::DEFAULT
    }
}

/// Features of texts without a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureSet {
    /// Components of words and runs of characters, and a few statistics.
    Components,
    /// Statistics that people can read, and nothing else.
    Statistics,
}

/// Turns texts into numbers: fitted, and never changed.
#[derive(Debug, Clone, PartialEq)]
pub struct TextFeatures {
    vocabulary: Vocabulary,
    source: Source,
}

/// What stands in the columns before the statistics, or instead of them.
#[derive(Debug, Clone)]
enum Source {
    Hashed { components: Components, n_components: usize },
    Statistics(CharacterPairs),
    Embedded { encoder: Arc<dyn TextEncoder>, components: Pca },
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Hashed { components, n_components }, Self::Hashed { components: c, n_components: n }) => {
                (components, n_components) == (c, n)
            }
            (Self::Statistics(pairs), Self::Statistics(other)) => pairs == other,
            (Self::Embedded { encoder, components }, Self::Embedded { encoder: e, components: c }) => {
                encoder.fingerprint() == e.fingerprint() && components == c
            }
            _ => false,
        }
    }
}

/// Why there are no features of some texts.
enum Unread {
    Cancelled,
    Text(UnreadText),
}

impl From<Cancelled> for Unread {
    fn from(Cancelled: Cancelled) -> Self {
        Self::Cancelled
    }
}

/// A text that an encoder could not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadText {
    /// Its place among the texts.
    pub index: usize,
    /// Why.
    pub detail: String,
}

/// Why nothing can be learnt from texts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextProblem {
    /// One half teaches the features, the other is compared with.
    #[error("expected at least {expected} texts of reference, {actual} came")]
    TooFew {
        /// The least number.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// There is no vocabulary.
    #[error("expected texts with words, only empty ones came")]
    Empty,
    /// More components than texts and their words allow.
    #[error("expected n_components of 1 to {most} for these texts, {actual} came")]
    Components {
        /// The largest number.
        most: usize,
        /// What came.
        actual: usize,
    },
    /// The encoder failed.
    #[error("text {}: {}", text.index + 1, text.detail)]
    Encoder {
        /// On which text, and why.
        text: UnreadText,
    },
    /// No eigenvectors were found.
    #[error("the principal components of these vectors cannot be computed; take other texts as reference")]
    Decomposition,
    /// Nobody wants the result any more.
    #[error("the fit was cancelled")]
    Cancelled,
}

impl From<Cancelled> for TextProblem {
    fn from(Cancelled: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl From<Unread> for TextProblem {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Cancelled => Self::Cancelled,
            Unread::Text(text) => Self::Encoder { text },
        }
    }
}

impl TextFeatures {
    /// Learns from one half of the texts, and gives the features of the others, in their order: a row of
    /// [`Self::schema`]'s columns each. A missing text is missing in every column, and nothing is learnt from it.
    ///
    /// The same texts and seed give the same features on any number of threads.
    ///
    /// # Errors
    /// With fewer than four texts, only empty ones, or too many components; when an encoder fails; when cancelled.
    pub fn fit(
        texts: &[Option<&str>],
        set: TextFeatureSet,
        seed: u64,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<(Self, Frame<'static>), TextProblem> {
        const N_TEXTS_MIN: usize = 4;
        let present: Vec<usize> = (0..texts.len()).filter(|index| texts[*index].is_some()).collect();
        if present.len() < N_TEXTS_MIN {
            return Err(TextProblem::TooFew { expected: N_TEXTS_MIN, actual: present.len() });
        }
        let halves = Halves::draw(present, texts.len(), seed, LEARNT);
        let learnt: Vec<&str> = halves.learnt.iter().filter_map(|index| texts[*index]).collect();
        let vocabulary = Vocabulary::learn(&learnt, pool, progress)?.ok_or(TextProblem::Empty)?;
        let source = match set {
            TextFeatureSet::Components(wanted) => {
                let k = n_components(wanted, (learnt.len() - 1).min(vocabulary.len()))?;
                let vectors = weights(&vocabulary, &learnt, pool, progress)?;
                let components = principal_components(&vectors, vocabulary.len(), k, seed, progress)?;
                Source::Hashed { components, n_components: k }
            }
            TextFeatureSet::Statistics => {
                Source::Statistics(CharacterPairs::learn(&learnt, pool, progress).ok_or(Cancelled)?)
            }
            TextFeatureSet::Embeddings(encoder, wanted) => {
                let k = n_components(wanted, (learnt.len() - 1).min(encoder.width()))?;
                let task = |task: usize| embedded(&*encoder, learnt[task]);
                let vectors = run_tasks(learnt.len(), pool, progress, &task).ok_or(Cancelled)?;
                let mut rows = Vec::with_capacity(learnt.len() * encoder.width());
                for (vector, index) in vectors.into_iter().zip(&halves.learnt) {
                    let unread = |detail| TextProblem::Encoder { text: UnreadText { index: *index, detail } };
                    rows.extend(vector.map_err(unread)?);
                }
                let components = of_vectors(&rows, encoder.width(), k, seed, progress)?;
                let components = components.ok_or(TextProblem::Decomposition)?;
                Source::Embedded { encoder, components }
            }
        };
        let features = Self { vocabulary, source };
        let compared: Vec<Option<&str>> = halves.compared.iter().map(|index| texts[*index]).collect();
        let frame = features.rows(&compared, pool, progress).map_err(|unread| match unread {
            Unread::Text(UnreadText { index, detail }) => {
                TextProblem::Encoder { text: UnreadText { index: halves.compared[index], detail } }
            }
            Unread::Cancelled => TextProblem::Cancelled,
        })?;
        Ok((features, frame))
    }

    /// How many of so many texts of reference new ones are compared with.
    pub fn n_compared(n_texts: usize) -> usize {
        n_texts - n_learnt(n_texts)
    }

    /// The columns of the features: components, then statistics.
    pub fn schema(&self, missing_values: MissingValues) -> Schema {
        let components = (1..=self.n_components().unwrap_or(0)).map(|number| format!("component_{number}"));
        let statistics = STATISTICS.into_iter().take(self.n_statistics()).map(str::to_owned);
        let columns = components.chain(statistics).map(|name| ColumnSchema { name, kind: ColumnType::Numeric });
        Schema { columns: columns.collect(), missing_values }
    }

    /// How many of the columns are components, where there are some; what tells a text from others all together is in them.
    pub fn n_components(&self) -> Option<usize> {
        match &self.source {
            Source::Hashed { n_components, .. } => Some(*n_components),
            Source::Statistics(_) => None,
            Source::Embedded { components, .. } => Some(components.n_components()),
        }
    }

    /// The features of texts, a row each.
    ///
    /// # Errors
    /// When an encoder fails on one.
    pub fn frame(&self, texts: &[Option<&str>], pool: &dyn CpuPool) -> Result<Frame<'static>, UnreadText> {
        self.rows(texts, pool, &Silent).or_else(|unread| match unread {
            Unread::Text(text) => Err(text),
            // Nobody cancels it.
            Unread::Cancelled => Ok(self.columns_of(&[])),
        })
    }

    /// About how many nanoseconds the features of so many texts of so many bytes take together.
    pub fn cost_ns(&self, n_texts: usize, n_bytes: usize) -> u64 {
        // For each byte a few occurrences are hashed and sorted, and one or two different ones are projected.
        let a_byte = match &self.source {
            Source::Hashed { n_components, .. } => 50 + *n_components as u64,
            Source::Statistics(_) | Source::Embedded { .. } => 60,
        };
        let of_encoder = match &self.source {
            Source::Embedded { encoder, .. } => {
                encoder.cost_ns(n_bytes / n_texts.max(1)).saturating_mul(n_texts as u64)
            }
            Source::Hashed { .. } | Source::Statistics(_) => 0,
        };
        (n_bytes as u64).saturating_mul(a_byte).saturating_add(n_texts as u64 * 1_000).saturating_add(of_encoder)
    }

    fn rows(
        &self,
        texts: &[Option<&str>],
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Frame<'static>, Unread> {
        let task = |task: usize| -> Result<Vec<f64>, Unread> {
            let from = task * TEXTS_PER_TASK;
            let mut rows = Vec::new();
            for (index, text) in texts.iter().enumerate().skip(from).take(TEXTS_PER_TASK) {
                let row = self.row(*text).map_err(|detail| Unread::Text(UnreadText { index, detail }))?;
                rows.extend(row);
            }
            Ok(rows)
        };
        let n_tasks = texts.len().div_ceil(TEXTS_PER_TASK);
        if n_tasks == 1 {
            return Ok(self.columns_of(&task(0)?));
        }
        let rows: Result<Vec<Vec<f64>>, Unread> =
            run_tasks(n_tasks, pool, progress, &task).ok_or(Cancelled)?.into_iter().collect();
        Ok(self.columns_of(&rows?.concat()))
    }

    fn row(&self, text: Option<&str>) -> Result<Vec<f64>, String> {
        let Some(text) = text else { return Ok(vec![f64::NAN; self.width()]) };
        let weighted = self.vocabulary.weigh(text);
        let mut row: Vec<f64> = Vec::with_capacity(self.width());
        match &self.source {
            Source::Hashed { components, n_components } => {
                row.extend(components.center.iter().map(|center| -center));
                project(&weighted.weights, &components.entries, *n_components, &mut row);
            }
            Source::Statistics(pairs) => {
                row.extend(pairs.statistics(text, &weighted));
                return Ok(row);
            }
            Source::Embedded { encoder, components } => row.extend(components.project(&embedded(&**encoder, text)?)),
        }
        let Weighted { n_characters, n_words, unknown_words, .. } = weighted;
        row.extend([n_characters as f64, n_words as f64, unknown_words]);
        Ok(row)
    }

    fn n_statistics(&self) -> usize {
        match &self.source {
            Source::Hashed { .. } | Source::Embedded { .. } => N_BESIDE,
            Source::Statistics(_) => STATISTICS.len(),
        }
    }

    fn width(&self) -> usize {
        self.n_components().unwrap_or(0) + self.n_statistics()
    }

    fn columns_of(&self, rows: &[f64]) -> Frame<'static> {
        let column = |index: usize| Cells::Numeric(rows.iter().skip(index).step_by(self.width()).copied().collect());
        Frame::of((0..self.width()).map(column).collect())
    }

    /// The fitted arrays.
    pub fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        self.vocabulary.save(&mut tensors);
        match &self.source {
            Source::Hashed { components, .. } => {
                tensors.insert_rows("text.components", self.vocabulary.len(), components.entries.clone());
                tensors.insert_f64("text.center", components.center.clone());
            }
            Source::Statistics(pairs) => pairs.save(&mut tensors),
            Source::Embedded { encoder, components } => {
                components.save(&mut tensors);
                tensors.insert_texts(ENCODER, &[encoder.fingerprint().to_owned()]);
            }
        }
        tensors
    }

    /// The features that were saved: of so many components if that is said, else statistics; of vectors where there is an encoder.
    ///
    /// # Errors
    /// When the arrays are not those of so many components, or of another encoder.
    pub fn restore(
        tensors: &Tensors,
        n_components: Option<usize>,
        encoder: Option<Arc<dyn TextEncoder>>,
    ) -> Result<Self, TensorError> {
        let vocabulary = Vocabulary::restore(tensors)?;
        let k = n_components.unwrap_or(1);
        if !(1..=N_COMPONENTS_MAX).contains(&k) {
            return Err(invalid("text.components", "no fit gives such a number of components"));
        }
        let source = match (n_components, encoder) {
            (None, None) => Source::Statistics(CharacterPairs::restore(tensors)?),
            (Some(_), None) => {
                let entries = tensors.f64s_of_length("text.components", vocabulary.len() * k)?.to_vec();
                let center = tensors.f64s_of_length("text.center", k)?.to_vec();
                if !entries.iter().chain(&center).all(|entry| entry.is_finite()) {
                    return Err(invalid("text.components", "an entry is not finite"));
                }
                Source::Hashed { components: Components { entries, center }, n_components: k }
            }
            (_, Some(encoder)) => {
                if tensors.texts(ENCODER)? != [encoder.fingerprint()] {
                    return Err(invalid(ENCODER, "the encoder of this name is another one than that of the fit"));
                }
                let components = Pca::restore(tensors, encoder.width(), k)?;
                if !components.is_finite() {
                    return Err(invalid("pca.components", "an entry is not finite"));
                }
                Source::Embedded { encoder, components }
            }
        };
        Ok(Self { vocabulary, source })
    }
}

/// The name of the array that holds the fingerprint of the encoder.
pub const ENCODER: &str = "text.encoder";

/// How many components there are, of those that are possible.
fn n_components(wanted: Option<usize>, most: usize) -> Result<usize, TextProblem> {
    let most = most.min(N_COMPONENTS_MAX);
    let k = wanted.unwrap_or(N_COMPONENTS.min(most));
    if (1..=most).contains(&k) { Ok(k) } else { Err(TextProblem::Components { most, actual: k }) }
}

fn embedded(encoder: &dyn TextEncoder, text: &str) -> Result<Vec<f64>, String> {
    let vector: Vec<f64> = encoder.encode(text)?.into_iter().map(f64::from).collect();
    if vector.len() != encoder.width() || !vector.iter().all(|value| value.is_finite()) {
        return Err(format!("expected a vector of {} finite numbers of the encoder, another came", encoder.width()));
    }
    Ok(vector)
}

/// The weights of texts, until there are more than are taken.
fn weights(
    vocabulary: &Vocabulary,
    texts: &[&str],
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<Vec<SparseVector>, Cancelled> {
    let (mut vectors, mut n_weights): (Vec<SparseVector>, usize) = (Vec::new(), 0);
    for texts in texts.chunks(TEXTS_TOGETHER) {
        if n_weights > WEIGHTS_MAX {
            break;
        }
        let task = |task: usize| -> Vec<SparseVector> {
            let texts = texts.iter().skip(task * TEXTS_PER_TASK).take(TEXTS_PER_TASK);
            texts.map(|text| vocabulary.weigh(text).weights).collect()
        };
        let n_tasks = texts.len().div_ceil(TEXTS_PER_TASK);
        for vector in run_tasks(n_tasks, pool, progress, &task).ok_or(Cancelled)?.into_iter().flatten() {
            n_weights += vector.len();
            vectors.push(vector);
        }
    }
    Ok(vectors)
}

fn invalid(name: &str, reason: &str) -> TensorError {
    TensorError::Value { name: name.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
