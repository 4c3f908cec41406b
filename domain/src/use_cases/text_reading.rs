//! Rows of a project of texts: what clients send is a text, what detectors see are its features.

use super::FitError;
use super::reading::WithoutReports;
use crate::data::{Frame, InvalidData, Schema, Table, TensorError, Tensors, Values};
use crate::detectors::{DetectorKind, FitProblem, InvalidSettings};
use crate::ports::{CpuPool, Progress};
use crate::preprocess::{TextFeatures, TextProblem};
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
        n_components: Option<usize>,
        seed: u64,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<(Self, Frame<'static>), FitError> {
        let read = schema.read_texts(reference)?;
        progress.stage("learning the features of the texts");
        let fitted = TextFeatures::fit(&read.texts, n_components, seed, pool, &WithoutReports(progress));
        let (features, frame) = fitted.map_err(|problem| match problem {
            TextProblem::Cancelled => FitError::Problem(FitProblem::Cancelled),
            TextProblem::Components { .. } => {
                InvalidSettings::one("preprocessing/n_components", problem.to_string()).into()
            }
            TextProblem::TooFew { .. } | TextProblem::Empty => InvalidData::whole(problem.to_string()).into(),
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
    pub(super) fn restore(configuration: &Configuration, parameters: &Tensors) -> Result<Option<Self>, TensorError> {
        let Configuration { schema, detector, preprocessing, .. } = configuration;
        if !schema.is_text() || detector.kind() == DetectorKind::Dummy {
            return Ok(None);
        }
        let features = TextFeatures::restore(parameters, preprocessing.n_components.unwrap_or(0))?;
        Ok(Some(Self::of(features, schema)))
    }

    pub(super) fn save(&self) -> Tensors {
        self.features.save()
    }

    /// The columns that detectors see.
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Number of the components, which kernels see; the other columns stand aside.
    pub(super) fn n_components(&self) -> usize {
        self.features.n_components()
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
        Ok(self.features.frame(&read.texts, pool).having_dropped(read.n_dropped))
    }

    /// About how many nanoseconds reading a table takes.
    pub(super) fn cost_ns(&self, table: &Table) -> u64 {
        let n_bytes = table.columns().iter().map(|column| match &column.values {
            Values::Text(texts) | Values::Untyped(texts) => texts.n_bytes(),
            Values::Numeric(_) | Values::Boolean(_) | Values::Images(_) | Values::Missing(_) => 0,
        });
        self.features.cost_ns(table.n_rows(), n_bytes.sum())
    }
}
