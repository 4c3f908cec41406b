//! Rows of a project that tells texts apart by their words: nothing of them is learnt before a window comes.

use super::FitError;
use super::fit::FitRequest;
use super::reading::WithoutReports;
use crate::data::{Cells, Frame, InvalidData, MISSING_CODE, ReadTexts, Schema, Table, Words};
use crate::detectors::{BatchSpec, ClassifierModel, DetectorKind, DetectorSpec, FitProblem, ModelName};
use crate::ports::{CpuPool, Progress, Silent};
use crate::preprocess::words_of;
use crate::project::{Configuration, DriftType};
use crate::statistics::parallel::run_tasks;

/// Texts of one task of the pool.
const TEXTS_PER_TASK: usize = 256;
/// About what a byte of a text costs, in nanoseconds, and what a text costs beside that.
const BYTE_COST_NS: u64 = 30;
const TEXT_COST_NS: u64 = 300;

/// The schema of a project of words: its one column of texts, as clients see it.
pub(super) struct WordReading {
    schema: Schema,
}

impl WordReading {
    /// Whether a fit is of words: a classifier of texts, unless another model or other features are asked for.
    pub(super) fn is_for(request: &FitRequest, kind: DetectorKind) -> bool {
        let FitRequest { drift_type, standardize, n_components, texts, detector, .. } = request;
        let is_plain = standardize.is_none() && n_components.is_none() && texts.is_default();
        let is_of_words = match detector.model {
            None | Some(ModelName::Words) => is_plain,
            Some(ModelName::LogisticRegression | ModelName::RandomForest | ModelName::GradientBoosting) => false,
        };
        *drift_type == DriftType::Text && kind == DetectorKind::Classifier && is_of_words
    }

    /// The words of a reference, all of which is compared with.
    ///
    /// # Errors
    /// When it holds none; when cancelled.
    pub(super) fn fit(
        schema: &Schema,
        reference: &Table,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<(Self, Frame<'static>), FitError> {
        progress.stage("collecting the words of the texts");
        let read = schema.read_texts(reference)?;
        let words = words(&read, pool, &WithoutReports(progress)).ok_or(FitProblem::Cancelled)?;
        if words.is_empty() {
            return Err(InvalidData::whole("expected texts with words, only empty ones came").into());
        }
        Ok((Self { schema: schema.clone() }, frame(&read, words)))
    }

    /// That of a project of words.
    pub(super) fn restore(configuration: &Configuration) -> Option<Self> {
        let Configuration { schema, detector, .. } = configuration;
        let is_of_words = matches!(detector, DetectorSpec::Batch(BatchSpec::Classifier(spec))
            if spec.settings.model == ClassifierModel::Words);
        (schema.is_text() && is_of_words).then(|| Self { schema: schema.clone() })
    }

    /// The column of texts.
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The words of the rows of a table.
    ///
    /// # Errors
    /// As [`Schema::read`].
    pub(super) fn read(&self, table: &Table, pool: &dyn CpuPool) -> Result<Frame<'static>, InvalidData> {
        let read = self.schema.read_texts(table)?;
        // Nobody cancels it.
        let words = words(&read, pool, &Silent).unwrap_or_default();
        Ok(frame(&read, words))
    }

    /// About how many nanoseconds reading so many texts of so many bytes takes.
    pub(super) fn cost_ns(n_texts: usize, n_bytes: usize) -> u64 {
        (n_bytes as u64).saturating_mul(BYTE_COST_NS).saturating_add(n_texts as u64 * TEXT_COST_NS)
    }
}

fn words(read: &ReadTexts<'_>, pool: &dyn CpuPool, progress: &dyn Progress) -> Option<Words> {
    let texts: Vec<&[Option<&str>]> = read.texts.chunks(TEXTS_PER_TASK).collect();
    match texts[..] {
        [texts] => Some(words_of(texts)),
        _ => Some(Words::concat(run_tasks(texts.len(), pool, progress, &|task| words_of(texts[task]))?)),
    }
}

/// Which texts are there, with their words.
fn frame(read: &ReadTexts<'_>, words: Words) -> Frame<'static> {
    let codes = read.texts.iter().map(|text| text.map_or(MISSING_CODE, |_| 0)).collect();
    let cells = Cells::Categorical { codes, n_categories: 1, unseen: Vec::new() };
    Frame::of(vec![cells]).with_words(words).having_dropped(read.n_dropped)
}
