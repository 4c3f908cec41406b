//! Rows of a project of texts: what clients send is a text, what detectors see are its features.

use super::FitError;
use super::reading::WithoutReports;
use crate::data::{DataIssue, Frame, InvalidData, MissingValues, Schema, Table, TensorError, Tensors, Values};
use crate::detectors::{DetectorKind, FitProblem, InvalidSettings};
use crate::ports::{CpuPool, Progress, TextEncoders};
use crate::preprocess::{
    ENCODER, FeatureSet, Preprocessing, TextFeatureSet, TextFeatures, TextProblem, TextRequest, UnreadText,
};
use crate::project::Configuration;

/// The features of a project of texts, and the schema that detectors see.
pub(super) struct TextReading {
    features: TextFeatures,
    schema: Schema,
}

impl TextReading {
    /// Learns the features from one half of the texts of a reference, and reads the other half.
    ///
    /// # Errors
    /// When nothing can be learnt from them; when cancelled.
    pub(super) fn fit(
        schema: &Schema,
        reference: &Table,
        set: TextFeatureSet,
        seed: u64,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<(Self, Frame<'static>), FitError> {
        let read = schema.read_texts(reference)?;
        progress.stage("learning the features of the texts");
        let fitted = TextFeatures::fit(&read.texts, set, seed, pool, &WithoutReports(progress));
        let (features, frame) = fitted.map_err(|problem| match problem {
            TextProblem::Cancelled => FitError::Problem(FitProblem::Cancelled),
            TextProblem::Components { .. } => {
                InvalidSettings::one("preprocessing/n_components", problem.to_string()).into()
            }
            TextProblem::Encoder { text } => unread(schema, reference, text).into(),
            TextProblem::TooFew { .. } | TextProblem::Empty | TextProblem::Decomposition => {
                InvalidData::whole(problem.to_string()).into()
            }
        })?;
        Ok((Self::of(features, schema), frame.having_dropped(read.n_dropped)))
    }

    fn of(features: TextFeatures, schema: &Schema) -> Self {
        let schema = features.schema(schema.missing_values);
        Self { features, schema }
    }

    /// The features that were saved, where a project has them.
    ///
    /// # Errors
    /// When the arrays are not those of such features.
    pub(super) fn restore(
        configuration: &Configuration,
        parameters: &Tensors,
        encoders: &dyn TextEncoders,
    ) -> Result<Option<Self>, TensorError> {
        let Configuration { schema, detector, preprocessing, .. } = configuration;
        if !schema.is_text() || detector.kind() == DetectorKind::Dummy {
            return Ok(None);
        }
        let Preprocessing { n_components, texts, .. } = preprocessing;
        let encoder = texts.encoder.as_ref().map(|name| encoders.open(name)).transpose();
        let encoder = encoder.map_err(|reason| TensorError::Value { name: ENCODER.to_owned(), reason })?;
        let features = TextFeatures::restore(parameters, *n_components, encoder)?;
        Ok(Some(Self::of(features, schema)))
    }

    pub(super) fn save(&self) -> Tensors {
        self.features.save()
    }

    /// The columns that detectors see.
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Number of the components, where there are some.
    pub(super) fn n_components(&self) -> Option<usize> {
        self.features.n_components()
    }

    /// Kernels see the components, beside which the other columns stand aside; without components, all columns.
    pub(super) fn n_seen_by_kernels(&self) -> usize {
        self.n_components().unwrap_or(self.schema.columns.len())
    }

    /// The features of the rows of a table of the schema that clients see.
    ///
    /// # Errors
    /// As [`Schema::read`].
    pub(super) fn read(
        &self,
        schema: &Schema,
        table: &Table,
        pool: &dyn CpuPool,
    ) -> Result<Frame<'static>, InvalidData> {
        let read = schema.read_texts(table)?;
        let frame = self.features.frame(&read.texts, pool).map_err(|text| unread(schema, table, text))?;
        Ok(frame.having_dropped(read.n_dropped))
    }

    /// About how many nanoseconds reading so many texts of so many bytes takes.
    pub(super) fn cost_ns(&self, n_texts: usize, n_bytes: usize) -> u64 {
        self.features.cost_ns(n_texts, n_bytes)
    }
}

/// A text that an encoder failed on, where it stood in the table.
fn unread(schema: &Schema, table: &Table, text: UnreadText) -> InvalidData {
    let UnreadText { index, detail } = text;
    let column = schema.columns.first().map_or("", |column| &column.name);
    // Rows without a text were left out, or are counted.
    let is_there = |row: &usize| match table.columns().first().map(|column| &column.values) {
        Some(Values::Text(texts) | Values::Untyped(texts)) => texts.get(*row).is_some(),
        _ => true,
    };
    let row = match schema.missing_values {
        MissingValues::Drop => (0..table.n_rows()).filter(is_there).nth(index).unwrap_or(index),
        MissingValues::Reject | MissingValues::Impute => index,
    };
    InvalidData::new(vec![DataIssue::cell(row, column, detail)])
}

impl TextRequest {
    /// The features that are asked for.
    ///
    /// # Errors
    /// When they contradict each other, or when there is no such encoder.
    pub(super) fn set(
        &self,
        n_components: Option<usize>,
        encoders: &dyn TextEncoders,
    ) -> Result<TextFeatureSet, InvalidSettings> {
        let Self { features, encoder } = self;
        match (features, encoder) {
            (Some(_), Some(_)) => {
                let detail = "expected `features` of the texts themselves or an `encoder`, both came";
                Err(InvalidSettings::one("preprocessing/encoder", detail))
            }
            (Some(FeatureSet::Statistics), None) if n_components.is_some() => {
                let detail = "expected none: `statistics` have no components";
                Err(InvalidSettings::one("preprocessing/n_components", detail))
            }
            (Some(FeatureSet::Statistics), None) => Ok(TextFeatureSet::Statistics),
            (None | Some(FeatureSet::Components), None) => Ok(TextFeatureSet::Components(n_components)),
            (None, Some(name)) => {
                let encoder = encoders.open(name);
                let encoder = encoder.map_err(|detail| InvalidSettings::one("preprocessing/encoder", detail))?;
                Ok(TextFeatureSet::Embeddings(encoder, n_components))
            }
        }
    }
}
