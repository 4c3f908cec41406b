//! Rows of a project of images: what clients send is an image, what detectors see are its features.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::FitError;
use super::predict::INLINE_MAX_NS;
use super::reading::WithoutReports;
use crate::data::{
    Column, DataIssue, Frame, Image, ImageSource, Images, InvalidData, MissingValues, ReadImages, Schema, Table,
    TensorError, Tensors, Values, measure,
};
use crate::detectors::{FitProblem, InvalidSettings};
use crate::ports::{CpuPool, ImageDecoder, Progress, Silent};
use crate::preprocess::{ImageFeatures, ImageProblem};
use crate::project::Configuration;
use crate::statistics::parallel::run_tasks;

/// Pixels of all images of a prediction together: some seconds of a processor, whatever the files are compressed to.
const PREDICT_PIXELS_MAX: u64 = 1 << 28;
/// Pixels of all images of a reference together.
const FIT_PIXELS_MAX: u64 = 1 << 33;
/// Images of one task of the pool.
const IMAGES_PER_TASK: usize = 16;
/// About what a byte of a file costs, in nanoseconds, and what an image costs beside that.
const BYTE_COST_NS: u64 = 40;
const IMAGE_COST_NS: u64 = 8_000;

/// The features of a project of images, and the schema that detectors see.
pub(super) struct ImageReading {
    features: ImageFeatures,
    schema: Schema,
    decoder: Arc<dyn ImageDecoder>,
}

/// The measures of each image that is kept; nothing where it is missing.
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
    /// The same column of images, each of which has been measured, so that reading them again costs little.
    ///
    /// # Errors
    /// When it is none, when an image cannot be read; when cancelled.
    pub(super) fn measured(
        table: &Table,
        decoder: &dyn ImageDecoder,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Table, FitError> {
        // Missing ones stay in their places.
        let schema = Schema::of_images(table, MissingValues::Impute)?;
        let read = schema.read_images(table)?;
        progress.stage("measuring the images");
        let measured = measured(&read, FIT_PIXELS_MAX, decoder, pool, &WithoutReports(progress))?;
        let values = Values::Images(Images::of_measures(measured.into_iter()));
        Ok(Table::named(vec![Column { name: read.column.to_owned(), values }])?)
    }

    /// Measures the images of a reference, learns the features from one half of them, and reads the other half.
    ///
    /// # Errors
    /// When an image cannot be read, when nothing can be learnt from them; when cancelled.
    pub(super) fn fit(
        schema: &Schema,
        reference: &Table,
        decoder: Arc<dyn ImageDecoder>,
        (n_components, seed): (Option<usize>, u64),
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<(Self, Frame<'static>), FitError> {
        let read = schema.read_images(reference)?;
        progress.stage("measuring the images");
        let measured = measured(&read, FIT_PIXELS_MAX, &*decoder, pool, progress)?;
        let fitted = ImageFeatures::fit(&borrowed(&measured), n_components, seed);
        let (features, frame) = fitted.map_err(|problem| match problem {
            ImageProblem::Components { .. } => {
                FitError::from(InvalidSettings::one("preprocessing/n_components", problem.to_string()))
            }
            ImageProblem::TooFew { .. } | ImageProblem::Decomposition => InvalidData::whole(problem.to_string()).into(),
        })?;
        Ok((Self::of(features, schema, decoder), frame.having_dropped(read.n_dropped)))
    }

    fn of(features: ImageFeatures, schema: &Schema, decoder: Arc<dyn ImageDecoder>) -> Self {
        let schema = features.schema(schema.missing_values);
        Self { features, schema, decoder }
    }

    /// The features that were saved.
    ///
    /// # Errors
    /// When the arrays are not those of such features.
    pub(super) fn restore(
        configuration: &Configuration,
        parameters: &Tensors,
        decoder: Arc<dyn ImageDecoder>,
    ) -> Result<Self, TensorError> {
        let n_components = configuration.preprocessing.n_components.unwrap_or(0);
        Ok(Self::of(ImageFeatures::restore(parameters, n_components)?, &configuration.schema, decoder))
    }

    pub(super) fn features(&self) -> &ImageFeatures {
        &self.features
    }

    /// The columns that detectors see.
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
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
        let measured = match measured(&read, PREDICT_PIXELS_MAX, &*self.decoder, pool, &Silent) {
            Ok(measured) => measured,
            Err(Unmeasured::Invalid(invalid)) => return Err(invalid),
            // Nobody cancels it.
            Err(Unmeasured::Cancelled) => Vec::new(),
        };
        Ok(self.features.frame(&borrowed(&measured)).having_dropped(read.n_dropped))
    }

    /// About how many nanoseconds reading a table takes. A file of a hundred bytes may hold millions of pixels, which its header alone
    /// says: files are never read where others would wait for it.
    pub(super) fn cost_ns(table: &Table) -> u64 {
        let n_bytes = table.columns().iter().map(|column| match &column.values {
            Values::Text(texts) | Values::Untyped(texts) => texts.n_bytes() as u64,
            Values::Numeric(_) | Values::Boolean(_) | Values::Images(_) | Values::Missing(_) => 0,
        });
        let n_bytes: u64 = n_bytes.sum();
        let least = if n_bytes > 0 { INLINE_MAX_NS + 1 } else { 0 };
        (n_bytes.saturating_mul(BYTE_COST_NS) + table.n_rows() as u64 * IMAGE_COST_NS).max(least)
    }
}

fn borrowed<'m>(measured: &'m Measured<'_>) -> Vec<Option<&'m [f32]>> {
    measured.iter().map(Option::as_deref).collect()
}

/// Reads and measures images, several at a time; an image is forgotten as soon as it is measured.
fn measured<'t>(
    read: &ReadImages<'t>,
    pixels_max: u64,
    decoder: &dyn ImageDecoder,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<Measured<'t>, Unmeasured> {
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
        decoder.decode(file, &mut accept).map(|image| Cow::Owned(measure(&image)))
    };
    let of_source = |source: &ImageSource<'t>| match source {
        ImageSource::File(file) => of_file(file),
        ImageSource::Measured(measures) => Ok(Cow::Borrowed(*measures)),
    };
    let task = |task: usize| -> Vec<Result<Option<Cow<'t, [f32]>>, DataIssue>> {
        let images = read.images.iter().skip(task * IMAGES_PER_TASK).take(IMAGES_PER_TASK);
        let of_row = |(row, source): &(usize, Option<ImageSource<'t>>)| {
            source.as_ref().map(of_source).transpose().map_err(|detail| DataIssue::cell(*row, read.column, detail))
        };
        images.map(of_row).collect()
    };
    let n_tasks = read.images.len().div_ceil(IMAGES_PER_TASK);
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
        assert!(ImageReading::cost_ns(&file) > INLINE_MAX_NS);
        let measured = [None::<Vec<f32>>].into_iter();
        let arrays = Table::unnamed(vec![Values::Images(Images::of_measures(measured))]).unwrap();
        assert!(ImageReading::cost_ns(&arrays) < INLINE_MAX_NS);
    }
}
