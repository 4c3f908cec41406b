//! From texts to numbers, without any model.
//!
//! Words, pairs of words and runs of 3 to 5 characters are hashed and weighted by their inverse document frequency among texts
//! of the reference (`tf-idf`, the count by its logarithm), words and runs of characters each to unit length; the weights are
//! projected on principal components. Beside the components stand statistics that people can read: characters, words, and the
//! share of words that the vocabulary does not hold.
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

mod components;
mod grams;
mod vocabulary;

use self::components::{Components, principal_components, project};
use self::vocabulary::{SparseVector, Vocabulary, Weighted};
use super::halves::{Halves, n_learnt};
use crate::data::{Cells, ColumnSchema, ColumnType, Frame, MissingValues, Schema, TensorError, Tensors};
use crate::ports::{CpuPool, Progress, Silent};
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

/// The names of the statistics beside the components.
const STATISTICS: [&str; 3] = ["characters", "words", "unknown_words"];

/// Turns texts into numbers: fitted, and never changed.
#[derive(Debug, Clone, PartialEq)]
pub struct TextFeatures {
    vocabulary: Vocabulary,
    components: Components,
    n_components: usize,
}

/// Nobody wants the result any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cancelled;

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
    /// Nobody wants the result any more.
    #[error("the fit was cancelled")]
    Cancelled,
}

impl From<Cancelled> for TextProblem {
    fn from(Cancelled: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl TextFeatures {
    /// Learns from one half of the texts, and gives the features of the others, in their order: a row of
    /// [`Self::schema`]'s columns each. A missing text is missing in every column, and nothing is learnt from it.
    ///
    /// The same texts and seed give the same features on any number of threads.
    ///
    /// # Errors
    /// With fewer than four texts, only empty ones, or too many components; when cancelled.
    pub fn fit(
        texts: &[Option<&str>],
        n_components: Option<usize>,
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
        let most = (learnt.len() - 1).min(vocabulary.len()).min(N_COMPONENTS_MAX);
        let k = n_components.unwrap_or(N_COMPONENTS.min(most));
        if !(1..=most).contains(&k) {
            return Err(TextProblem::Components { most, actual: k });
        }
        let vectors = weights(&vocabulary, &learnt, pool, progress)?;
        let components = principal_components(&vectors, vocabulary.len(), k, seed, progress)?;
        let features = Self { vocabulary, components, n_components: k };
        let compared: Vec<Option<&str>> = halves.compared.iter().map(|index| texts[*index]).collect();
        let frame = features.rows(&compared, pool, progress)?;
        Ok((features, frame))
    }

    /// How many of so many texts of reference new ones are compared with.
    pub fn n_compared(n_texts: usize) -> usize {
        n_texts - n_learnt(n_texts)
    }

    /// The columns of the features: components, then statistics.
    pub fn schema(&self, missing_values: MissingValues) -> Schema {
        let components = (1..=self.n_components).map(|number| format!("component_{number}"));
        let statistics = STATISTICS.into_iter().map(str::to_owned);
        let columns = components.chain(statistics).map(|name| ColumnSchema { name, kind: ColumnType::Numeric });
        Schema { columns: columns.collect(), missing_values }
    }

    /// How many of the columns are components; what tells a text from others all together is in them.
    pub fn n_components(&self) -> usize {
        self.n_components
    }

    /// The features of texts, a row each.
    pub fn frame(&self, texts: &[Option<&str>], pool: &dyn CpuPool) -> Frame<'static> {
        // Nobody cancels it.
        self.rows(texts, pool, &Silent).unwrap_or_else(|_| self.columns_of(&[]))
    }

    /// About how many nanoseconds the features of so many texts of so many bytes take together.
    pub fn cost_ns(&self, n_texts: usize, n_bytes: usize) -> u64 {
        // For each byte a few occurrences are hashed and sorted, and one or two different ones are projected.
        let a_byte = 50 + self.n_components as u64;
        (n_bytes as u64).saturating_mul(a_byte).saturating_add(n_texts as u64 * 1_000)
    }

    fn rows(
        &self,
        texts: &[Option<&str>],
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Frame<'static>, Cancelled> {
        let task = |task: usize| -> Vec<f64> {
            let texts = texts.iter().skip(task * TEXTS_PER_TASK).take(TEXTS_PER_TASK);
            texts.flat_map(|text| self.row(*text)).collect()
        };
        let n_tasks = texts.len().div_ceil(TEXTS_PER_TASK);
        if n_tasks == 1 {
            return Ok(self.columns_of(&task(0)));
        }
        Ok(self.columns_of(&run_tasks(n_tasks, pool, progress, &task).ok_or(Cancelled)?.concat()))
    }

    fn row(&self, text: Option<&str>) -> Vec<f64> {
        let Some(text) = text else { return vec![f64::NAN; self.width()] };
        let Weighted { weights, n_characters, n_words, unknown_words } = self.vocabulary.weigh(text);
        let mut row: Vec<f64> = Vec::with_capacity(self.width());
        row.extend(self.components.center.iter().map(|center| -center));
        project(&weights, &self.components.entries, self.n_components, &mut row);
        row.extend([n_characters as f64, n_words as f64, unknown_words]);
        row
    }

    fn width(&self) -> usize {
        self.n_components + STATISTICS.len()
    }

    fn columns_of(&self, rows: &[f64]) -> Frame<'static> {
        let column = |index: usize| Cells::Numeric(rows.iter().skip(index).step_by(self.width()).copied().collect());
        Frame::of((0..self.width()).map(column).collect())
    }

    /// The fitted arrays.
    pub fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        self.vocabulary.save(&mut tensors);
        tensors.insert_rows("text.components", self.vocabulary.len(), self.components.entries.clone());
        tensors.insert_f64("text.center", self.components.center.clone());
        tensors
    }

    /// The features that were saved.
    ///
    /// # Errors
    /// When the arrays are not those of so many components.
    pub fn restore(tensors: &Tensors, n_components: usize) -> Result<Self, TensorError> {
        if !(1..=N_COMPONENTS_MAX).contains(&n_components) {
            return Err(invalid("text.components", "no fit gives such a number of components"));
        }
        let vocabulary = Vocabulary::restore(tensors)?;
        let entries = tensors.f64s_of_length("text.components", vocabulary.len() * n_components)?.to_vec();
        let center = tensors.f64s_of_length("text.center", n_components)?.to_vec();
        if !entries.iter().chain(&center).all(|entry| entry.is_finite()) {
            return Err(invalid("text.components", "an entry is not finite"));
        }
        Ok(Self { vocabulary, components: Components { entries, center }, n_components })
    }
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
