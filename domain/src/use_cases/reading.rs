//! Rows of a project of texts or images: what clients send is one thing, what detectors see are its features.

use std::sync::Arc;

use super::FitError;
use super::fit::FitRequest;
use super::image_reading::{ImageReader, ImageReading};
use super::text_reading::TextReading;
use super::word_reading::WordReading;
use crate::data::{Frame, InvalidData, Schema, Table, TensorError, Tensors, Values};
use crate::detectors::{DetectorKind, InvalidSettings};
use crate::ports::{CpuPool, ImageDecoder, ImageEncoders, NoEncoders, NoImageFiles, Progress, TextEncoders};
use crate::preprocess::{Encoder, Preprocessing};
use crate::project::{Configuration, DriftType};

/// What rows of texts and images are read by.
#[derive(Clone)]
pub struct Readers {
    /// Reads files of images.
    pub images: Arc<dyn ImageDecoder>,
    /// The models that texts can become vectors by.
    pub text_encoders: Arc<dyn TextEncoders>,
    /// The models that images can become vectors by.
    pub image_encoders: Arc<dyn ImageEncoders>,
}

/// Reads no files, and has no models.
impl Default for Readers {
    fn default() -> Self {
        let none = Arc::new(NoEncoders);
        Self {
            images: Arc::new(NoImageFiles),
            text_encoders: Arc::clone(&none) as Arc<dyn TextEncoders>,
            image_encoders: none,
        }
    }
}

/// The features of a project that has them, and the schema that detectors see.
pub(super) enum Reading {
    Texts(TextReading),
    Words(WordReading),
    Images(ImageReading),
}

impl Reading {
    /// Whether a project of this type and kind has features.
    pub(super) fn is_for(drift_type: DriftType, kind: DetectorKind) -> bool {
        // `dummy` looks at nothing.
        matches!(drift_type, DriftType::Text | DriftType::Image) && kind != DetectorKind::Dummy
    }

    /// Learns the features from one half of a reference, and reads the other half; of words there is nothing to learn, and all is
    /// read.
    ///
    /// # Errors
    /// When nothing can be learnt from it; when cancelled.
    pub(super) fn fit(
        request: &FitRequest,
        kind: DetectorKind,
        schema: &Schema,
        readers: &Readers,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<(Self, Frame<'static>), FitError> {
        let (n_components, seed) = (request.n_components, request.detector.seed.unwrap_or(0));
        let reference = &request.reference;
        if WordReading::is_for(request, kind) {
            let (words, frame) = WordReading::fit(schema, reference, pool, progress)?;
            return Ok((Self::Words(words), frame));
        }
        if request.drift_type == DriftType::Image {
            let reader = ImageReader::of(&request.texts, readers)
                .map_err(|detail| InvalidSettings::one("preprocessing/encoder", detail))?;
            let progress = &WithoutReports(progress);
            let fitted = ImageReading::fit(schema, reference, reader, (n_components, seed), pool, progress)?;
            return Ok((Self::Images(fitted.0), fitted.1));
        }
        let set = request.texts.set(n_components, &*readers.text_encoders)?;
        let (texts, frame) = TextReading::fit(schema, reference, set, seed, pool, progress)?;
        Ok((Self::Texts(texts), frame))
    }

    /// The features that were saved, where a project has them.
    ///
    /// # Errors
    /// When the arrays are not those of such features.
    pub(super) fn restore(
        configuration: &Configuration,
        parameters: &Tensors,
        readers: &Readers,
    ) -> Result<Option<Self>, TensorError> {
        let Configuration { schema, detector, .. } = configuration;
        if detector.kind() == DetectorKind::Dummy {
            return Ok(None);
        }
        if schema.is_image() {
            return ImageReading::restore(configuration, parameters, readers).map(Self::Images).map(Some);
        }
        if let Some(words) = WordReading::restore(configuration) {
            return Ok(Some(Self::Words(words)));
        }
        Ok(TextReading::restore(configuration, parameters, &*readers.text_encoders)?.map(Self::Texts))
    }

    pub(super) fn save(&self) -> Tensors {
        match self {
            Self::Texts(texts) => texts.save(),
            Self::Words(_) => Tensors::new(),
            Self::Images(images) => images.features().save(),
        }
    }

    /// The columns that detectors see.
    pub(super) fn schema(&self) -> &Schema {
        match self {
            Self::Texts(texts) => texts.schema(),
            Self::Words(words) => words.schema(),
            Self::Images(images) => images.schema(),
        }
    }

    /// Number of the components among the columns, where there are some.
    pub(super) fn n_components(&self) -> Option<usize> {
        match self {
            Self::Texts(texts) => texts.n_components(),
            Self::Words(_) => None,
            Self::Images(images) => Some(images.features().n_components()),
        }
    }

    /// How many of the columns, the first ones, kernels see: of texts the components where there are some, of images all, or the
    /// components of an encoder.
    pub(super) fn n_seen_by_kernels(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.n_seen_by_kernels(),
            Self::Words(_) => 0,
            Self::Images(images) => images.n_seen_by_kernels(),
        }
    }

    /// Whether one half of the reference teaches the features.
    pub(super) fn learns(&self) -> bool {
        match self {
            Self::Texts(_) | Self::Images(_) => true,
            Self::Words(_) => false,
        }
    }

    /// What clients send, for sentences.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Texts(_) | Self::Words(_) => "texts",
            Self::Images(_) => "images",
        }
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
        match self {
            Self::Texts(texts) => texts.read(schema, table, pool),
            Self::Words(words) => words.read(table, pool),
            Self::Images(images) => images.read(schema, table, pool),
        }
    }

    /// About how many nanoseconds reading a table takes.
    pub(super) fn cost_ns(&self, table: &Table) -> u64 {
        match self {
            Self::Texts(texts) => texts.cost_ns(table.n_rows(), n_bytes(table)),
            Self::Words(_) => WordReading::cost_ns(table.n_rows(), n_bytes(table)),
            Self::Images(images) => images.cost_ns(table),
        }
    }
}

/// Bytes of the texts of a table.
fn n_bytes(table: &Table) -> usize {
    let n_bytes = table.columns().iter().map(|column| match &column.values {
        Values::Text(texts) | Values::Untyped(texts) => texts.n_bytes(),
        Values::Numeric(_) | Values::Boolean(_) | Values::Images(_) | Values::Missing(_) => 0,
    });
    n_bytes.sum()
}

/// How columns are encoded after features have become columns: their components have been taken.
pub(super) fn encoding_of(preprocessing: &Preprocessing, reading: Option<&Reading>) -> Preprocessing {
    match reading {
        Some(_) => Preprocessing { n_components: None, ..preprocessing.clone() },
        None => preprocessing.clone(),
    }
}

/// An encoder for kernels, which see of texts their components alone, and of images those of an encoder, or blocks of one weight
/// unless each column is standardised.
pub(super) fn for_kernels(
    encoder: Encoder,
    kind: DetectorKind,
    preprocessing: &Preprocessing,
    reading: Option<&Reading>,
) -> Encoder {
    match reading {
        _ if kind.judges_columns() => encoder,
        Some(Reading::Texts(texts)) => encoder.seeing_first(texts.n_seen_by_kernels()),
        Some(Reading::Images(images)) => match images.features().scales() {
            None => encoder.seeing_first(images.n_seen_by_kernels()),
            Some(scales) if !preprocessing.standardize => encoder.scaled_by(scales),
            Some(_) => encoder,
        },
        Some(Reading::Words(_)) | None => encoder,
    }
}

/// Whoever watches is told of the detector alone, and asked whether to go on.
pub(super) struct WithoutReports<'p>(pub(super) &'p dyn Progress);

impl Progress for WithoutReports<'_> {
    fn report(&self, _done: usize, _total: usize) {}

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}
