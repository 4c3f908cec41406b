//! Rows of a project of images: what clients send is an image, what detectors see are its features.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::FitError;
use super::predict::INLINE_MAX_NS;
use super::reading::{Readers, WithoutReports};
use crate::data::{
    Column, DataIssue, Frame, Image, ImageSource, Images, InvalidData, KeptImage, MissingValues, N_MEASURES,
    ReadImages, Schema, Table, TensorError, Tensors, Values, measure,
};
use crate::detectors::{FitProblem, InvalidSettings};
use crate::ports::{CpuPool, ImageDecoder, ImageEncoder, Progress, Silent};
use crate::preprocess::{IMAGE_ENCODER, ImageFeatures, ImageProblem, TextRequest};
use crate::project::Configuration;
use crate::statistics::parallel::run_tasks;

/// Pixels of all images of a prediction together: some seconds of a processor, whatever the files are compressed to.
const PREDICT_PIXELS_MAX: u64 = 1 << 28;
/// Pixels of all images of a reference together.
const FIT_PIXELS_MAX: u64 = 1 << 33;
/// Vectors of images that are held at a time take no more than this.
const VECTORS_BYTES_MAX: usize = 1 << 30;
/// Images of one task of the pool; of an encoder, each is one.
const IMAGES_PER_TASK: usize = 16;
/// About what a byte of a file costs, in nanoseconds, and what an image costs beside that.
const BYTE_COST_NS: u64 = 40;
const IMAGE_COST_NS: u64 = 8_000;

/// The features of a project of images, and the schema that detectors see.
pub(super) struct ImageReading {
    features: ImageFeatures,
    schema: Schema,
    reader: ImageReader,
}

/// Makes numbers of images: their measures, and behind them the vector of an encoder where there is one.
pub(super) struct ImageReader {
    decoder: Arc<dyn ImageDecoder>,
    encoder: Option<Arc<dyn ImageEncoder>>,
}

impl ImageReader {
    /// That of a request.
    ///
    /// # Errors
    /// When there is no encoder of the name that it says.
    pub(super) fn of(request: &TextRequest, readers: &Readers) -> Result<Self, String> {
        let encoder = request.encoder.as_ref().map(|name| readers.image_encoders.open(name)).transpose()?;
        Ok(Self { decoder: Arc::clone(&readers.images), encoder })
    }

    /// Without an encoder.
    pub(super) fn measuring(readers: &Readers) -> Self {
        Self { decoder: Arc::clone(&readers.images), encoder: None }
    }

    /// Numbers that an image becomes.
    fn n_each(&self) -> usize {
        N_MEASURES + self.encoder.as_ref().map_or(0, |encoder| encoder.width())
    }

    /// What it does, for those who watch.
    fn stage(&self) -> &'static str {
        if self.encoder.is_some() { "encoding the images" } else { "measuring the images" }
    }

    fn numbers_of(&self, image: &Image) -> Result<Vec<f32>, String> {
        let mut numbers = measure(image);
        if let Some(encoder) = &self.encoder {
            let (width, vector) = (encoder.width(), encoder.encode(image)?);
            if vector.len() != width || !vector.iter().all(|number| number.is_finite()) {
                return Err(format!("expected a vector of {width} finite numbers of the encoder, another came"));
            }
            numbers.extend(vector);
        }
        Ok(numbers)
    }

    /// The same of what is kept of an image.
    fn numbers_of_kept<'t>(&self, image: KeptImage<'t>) -> Result<Cow<'t, [f32]>, String> {
        match image {
            KeptImage::Whole(image) => self.numbers_of(image).map(Cow::Owned),
            KeptImage::Measured(numbers) => numbers.get(..self.n_each()).map(Cow::Borrowed).ok_or_else(|| {
                "expected an image for the encoder, one came of which measures alone are kept".to_owned()
            }),
        }
    }

    /// Refuses more images than there is memory for their vectors.
    fn check_number(&self, n_images: usize) -> Result<(), InvalidData> {
        let Some(encoder) = &self.encoder else { return Ok(()) };
        let most = VECTORS_BYTES_MAX / (encoder.width() * size_of::<f32>());
        if n_images <= most {
            return Ok(());
        }
        let width = encoder.width();
        let detail = format!("expected at most {most} images for an encoder of {width} numbers, {n_images} came");
        Err(InvalidData::whole(detail))
    }
}

/// The numbers of each image that is kept; nothing where it is missing.
type Measured<'t> = Vec<Option<Cow<'t, [f32]>>>;

/// Why images were not measured.
enum Unmeasured {
    Cancelled,
    Invalid(InvalidData),
}

impl From<Unmeasured> for FitError {
    fn from(problem: Unmeasured) -> Self {
        match problem {
            Unmeasured::Cancelled => FitProblem::Cancelled.into(),
            Unmeasured::Invalid(invalid) => invalid.into(),
        }
    }
}

impl ImageReading {
    /// The same column of images, each of which has been measured, and encoded where there is an encoder, so that reading them again
    /// costs little.
    ///
    /// # Errors
    /// When it is none, when an image cannot be read; when cancelled.
    pub(super) fn measured(
        table: &Table,
        reader: &ImageReader,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Table, FitError> {
        // Missing ones stay in their places.
        let schema = Schema::of_images(table, MissingValues::Impute)?;
        let read = schema.read_images(table)?;
        progress.stage(reader.stage());
        let measured = measured(&read, FIT_PIXELS_MAX, reader, pool, &WithoutReports(progress))?;
        let values = Values::Images(Images::of_measures(reader.n_each(), measured.into_iter()));
        Ok(Table::named(vec![Column { name: read.column.to_owned(), values }])?)
    }

    /// Measures the images of a reference, learns the features from one half of them, and reads the other half.
    ///
    /// # Errors
    /// When an image cannot be read, when nothing can be learnt from them; when cancelled.
    pub(super) fn fit(
        schema: &Schema,
        reference: &Table,
        reader: ImageReader,
        (n_components, seed): (Option<usize>, u64),
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<(Self, Frame<'static>), FitError> {
        let read = schema.read_images(reference)?;
        progress.stage(reader.stage());
        let measured = measured(&read, FIT_PIXELS_MAX, &reader, pool, progress)?;
        let images = borrowed(&measured);
        let fitted = match &reader.encoder {
            None => ImageFeatures::fit(&images, n_components, seed),
            Some(encoder) => {
                let encoder = (encoder.fingerprint(), encoder.width());
                ImageFeatures::fit_vectors(&images, encoder, n_components, seed, progress)
            }
        };
        let (features, frame) = fitted.map_err(|problem| match problem {
            ImageProblem::Components { .. } => {
                FitError::from(InvalidSettings::one("preprocessing/n_components", problem.to_string()))
            }
            ImageProblem::Cancelled => FitProblem::Cancelled.into(),
            ImageProblem::TooFew { .. } | ImageProblem::Decomposition => InvalidData::whole(problem.to_string()).into(),
        })?;
        Ok((Self::of(features, schema, reader), frame.having_dropped(read.n_dropped)))
    }

    fn of(features: ImageFeatures, schema: &Schema, reader: ImageReader) -> Self {
        let schema = features.schema(schema.missing_values);
        Self { features, schema, reader }
    }

    /// The features that were saved.
    ///
    /// # Errors
    /// When the arrays are not those of such features; when their encoder is not there, or is another one.
    pub(super) fn restore(
        configuration: &Configuration,
        parameters: &Tensors,
        readers: &Readers,
    ) -> Result<Self, TensorError> {
        let Configuration { schema, preprocessing, .. } = configuration;
        let reader = ImageReader::of(&preprocessing.texts, readers)
            .map_err(|reason| TensorError::Value { name: IMAGE_ENCODER.to_owned(), reason })?;
        let encoder = reader.encoder.as_ref().map(|encoder| (encoder.fingerprint(), encoder.width()));
        let features = ImageFeatures::restore(parameters, preprocessing.n_components.unwrap_or(0), encoder)?;
        Ok(Self::of(features, schema, reader))
    }

    pub(super) fn features(&self) -> &ImageFeatures {
        &self.features
    }

    /// The columns that detectors see.
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Kernels see all columns, or the components of an encoder, beside which the other columns stand aside.
    pub(super) fn n_seen_by_kernels(&self) -> usize {
        match &self.reader.encoder {
            None => self.schema.columns.len(),
            Some(_) => self.features.n_components(),
        }
    }

    /// The features of the rows of a table of the schema that clients see.
    ///
    /// # Errors
    /// As [`Schema::read`], and when a file cannot be read as an image.
    pub(super) fn read(
        &self,
        schema: &Schema,
        table: &Table,
        pool: &dyn CpuPool,
    ) -> Result<Frame<'static>, InvalidData> {
        let read = schema.read_images(table)?;
        let measured = match measured(&read, PREDICT_PIXELS_MAX, &self.reader, pool, &Silent) {
            Ok(measured) => measured,
            Err(Unmeasured::Invalid(invalid)) => return Err(invalid),
            // Nobody cancels it.
            Err(Unmeasured::Cancelled) => Vec::new(),
        };
        Ok(self.features.frame(&borrowed(&measured)).having_dropped(read.n_dropped))
    }

    /// About how many nanoseconds reading a table takes. A file of a hundred bytes may hold millions of pixels, which its header alone
    /// says: files are never read where others would wait for it.
    pub(super) fn cost_ns(&self, table: &Table) -> u64 {
        let of_encoder = self.reader.encoder.as_ref().map_or(0, |encoder| encoder.cost_ns());
        cost_ns(table).saturating_add(of_encoder.saturating_mul(table.n_rows() as u64))
    }
}

/// Without an encoder.
fn cost_ns(table: &Table) -> u64 {
    let n_bytes = table.columns().iter().map(|column| match &column.values {
        Values::Text(texts) | Values::Untyped(texts) => texts.n_bytes() as u64,
        Values::Numeric(_) | Values::Boolean(_) | Values::Images(_) | Values::Missing(_) => 0,
    });
    let n_bytes: u64 = n_bytes.sum();
    let least = if n_bytes > 0 { INLINE_MAX_NS + 1 } else { 0 };
    (n_bytes.saturating_mul(BYTE_COST_NS) + table.n_rows() as u64 * IMAGE_COST_NS).max(least)
}

fn borrowed<'m>(measured: &'m Measured<'_>) -> Vec<Option<&'m [f32]>> {
    measured.iter().map(Option::as_deref).collect()
}

/// Reads and measures images, and encodes them, several at a time; an image is forgotten as soon as that is done.
fn measured<'t>(
    read: &ReadImages<'t>,
    pixels_max: u64,
    reader: &ImageReader,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<Measured<'t>, Unmeasured> {
    reader.check_number(read.images.len()).map_err(Unmeasured::Invalid)?;
    let n_pixels = AtomicU64::new(0);
    let of_file = |file: &str| {
        let mut accept = |width: usize, height: usize| {
            Image::check_size(width, height).map_err(|problem| problem.to_string())?;
            let of_image = (width * height) as u64;
            let together = n_pixels.fetch_add(of_image, Ordering::Relaxed) + of_image;
            if together > pixels_max {
                return Err(format!("expected at most {pixels_max} pixels in all images together, more came"));
            }
            Ok(())
        };
        let image = reader.decoder.decode(file, &mut accept)?;
        reader.numbers_of(&image).map(Cow::Owned)
    };
    let of_source = |source: &ImageSource<'t>| match source {
        ImageSource::File(file) => of_file(file),
        ImageSource::Kept(image) => reader.numbers_of_kept(*image),
    };
    let n_per_task = if reader.encoder.is_some() { 1 } else { IMAGES_PER_TASK };
    let task = |task: usize| -> Vec<Result<Option<Cow<'t, [f32]>>, DataIssue>> {
        let images = read.images.iter().skip(task * n_per_task).take(n_per_task);
        let of_row = |(row, source): &(usize, Option<ImageSource<'t>>)| {
            source.as_ref().map(of_source).transpose().map_err(|detail| DataIssue::cell(*row, read.column, detail))
        };
        images.map(of_row).collect()
    };
    let n_tasks = read.images.len().div_ceil(n_per_task);
    let done = match n_tasks {
        1 => vec![task(0)],
        _ => run_tasks(n_tasks, pool, progress, &task).ok_or(Unmeasured::Cancelled)?,
    };
    let (mut measured, mut issues) = (Vec::with_capacity(read.images.len()), Vec::new());
    for result in done.into_iter().flatten() {
        match result {
            Ok(measures) => measured.push(measures),
            Err(issue) => issues.push(issue),
        }
    }
    if issues.is_empty() { Ok(measured) } else { Err(Unmeasured::Invalid(InvalidData::new(issues))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_on_the_pool_however_small_they_are() {
        let file = Table::unnamed(vec![Values::Text([Some("iVBORw0KGgo=")].into_iter().collect())]).unwrap();
        assert!(cost_ns(&file) > INLINE_MAX_NS);
        let mut images = Images::new();
        images.push(None);
        let arrays = Table::unnamed(vec![Values::Images(images)]).unwrap();
        assert!(cost_ns(&arrays) < INLINE_MAX_NS);
    }
}
