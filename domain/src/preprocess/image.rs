//! From the measures of images to the numbers that a detector sees, without any model, or with the vectors of one.
//!
//! Beside what people can read (size, light, tones, hues: [`crate::data::measure`]) stand the principal components of the grey
//! thumbnails, which tell what is shown where, or where an encoder has seen the images, those of its vectors, which tell what its
//! model makes of them. Components fit the images that they were learnt from better than any others, so one half of the reference
//! teaches them (at most 5,000 images, drawn by the seed), and the other images are what new ones are compared with.
//!
//! Without an encoder kernels see all columns together, each of them divided by the standard deviation of its block in the
//! direction in which the block varies most: so neither the eight tones nor the many components outweigh the sharpness, and the
//! last components, mostly noise, count less than the first. The tones are a block, the hues, and the components; each other
//! statistic is one. With an encoder they see its components alone, and the statistics stand aside, for people and for tests of
//! single columns.
//!
//! **Cost**: learning O(n T² + T³) for `n` images and `T` = 256 cells, about a second for 5,000 images, of an encoder O(n d k) for
//! vectors of `d` numbers and `k` components; an image O(T k) or O(d k), some microseconds. Memory O(T k), 0.5 MiB without an
//! encoder at the most, and while it is fitted 4 bytes for each measure and each number of a vector.
//!
//! **Sources**: Turk & Pentland, *Eigenfaces for recognition* (1991) for components of thumbnails; Escofier & Pagès, *Multiple
//! factor analysis* (1994) for the weights of blocks.

use std::ops::Range;

use super::components::{Cancelled, of_vectors};
use super::halves::{Halves, n_learnt};
use super::mean_and_deviation;
use super::pca::Pca;
use crate::data::{
    Cells, ColumnSchema, ColumnType, Frame, IMAGE_STATISTICS, MissingValues, N_MEASURES, N_STATISTICS, Schema,
    THUMBNAIL_CELLS, TensorError, Tensors,
};
use crate::ports::Progress;

/// Components of thumbnails without a wish.
const N_COMPONENTS: usize = 16;
/// Components of vectors without a wish, and at the most.
const N_OF_VECTORS: usize = 32;
const N_OF_VECTORS_MAX: usize = 256;
/// The random stream of the images that are learnt from.
const LEARNT: u64 = 0x696d_6167_6500;
/// The statistics that are blocks of several: the tones and the hues.
const BLOCKS: [Range<usize>; 2] = [5..13, 13..N_STATISTICS];

/// Turns measures of images into numbers: fitted, and never changed.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageFeatures {
    components: Pca,
    source: Source,
}

/// What the components are of.
#[derive(Debug, Clone, PartialEq)]
enum Source {
    /// Of thumbnails; kernels divide each column by its scale.
    Thumbnails { scales: Vec<f64> },
    /// Of the vectors of the encoder of this fingerprint.
    Vectors { encoder: String },
}

/// The name of the array that holds the fingerprint of the encoder.
pub const IMAGE_ENCODER: &str = "image.encoder";

/// Why nothing can be learnt from images.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageProblem {
    /// One half teaches the features, the other is compared with.
    #[error("expected at least {expected} images of reference, {actual} came")]
    TooFew {
        /// The least number.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// More components than images and thumbnails allow.
    #[error("expected n_components of 1 to {most} for these images, {actual} came")]
    Components {
        /// The largest number.
        most: usize,
        /// What came.
        actual: usize,
    },
    /// No eigenvectors were found.
    #[error("the principal components of these images cannot be computed; take other images as reference")]
    Decomposition,
    /// Nobody wants the result any more.
    #[error("the fit was cancelled")]
    Cancelled,
}

impl From<Cancelled> for ImageProblem {
    fn from(Cancelled: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl ImageFeatures {
    /// Learns from one half of the images, by their measures ([`crate::data::N_MEASURES`] each), and gives the features of the
    /// others, in their order: a row of [`Self::schema`]'s columns each. A missing image is missing in every column, and nothing
    /// is learnt from it. The same images and seed give the same features.
    ///
    /// # Errors
    /// With fewer than four images, or too many components.
    pub fn fit(
        images: &[Option<&[f32]>],
        n_components: Option<usize>,
        seed: u64,
    ) -> Result<(Self, Frame<'static>), ImageProblem> {
        let (learnt, compared) = halves(images, seed)?;
        let k = some_of(n_components, N_COMPONENTS, (learnt.len() - 1).min(THUMBNAIL_CELLS))?;
        let thumbnails = columns(&learnt, THUMBNAIL);
        let components = Pca::fit(&thumbnails, THUMBNAIL_CELLS, k).ok_or(ImageProblem::Decomposition)?;
        let mut scales: Vec<f64> =
            (0..N_STATISTICS).map(|column| mean_and_deviation(&columns(&learnt, column..column + 1)).1).collect();
        for block in BLOCKS {
            let scale = leading_deviation(&columns(&learnt, block.clone()), block.len());
            scales[block].fill(scale.ok_or(ImageProblem::Decomposition)?);
        }
        let first: Vec<f64> =
            thumbnails.chunks_exact(THUMBNAIL_CELLS).filter_map(|row| components.project(row).next()).collect();
        scales.extend(vec![mean_and_deviation(&first).1; k]);
        let features = Self { components, source: Source::Thumbnails { scales } };
        let frame = features.frame(&compared);
        Ok((features, frame))
    }

    /// The same with the components of vectors: behind the measures of each image stands that of the encoder of this fingerprint,
    /// of `width` numbers.
    ///
    /// # Errors
    /// As [`Self::fit`]; when cancelled.
    pub fn fit_vectors(
        images: &[Option<&[f32]>],
        (encoder, width): (&str, usize),
        n_components: Option<usize>,
        seed: u64,
        progress: &dyn Progress,
    ) -> Result<(Self, Frame<'static>), ImageProblem> {
        let (learnt, compared) = halves(images, seed)?;
        let most = (learnt.len() - 1).min(width).min(N_OF_VECTORS_MAX);
        let k = some_of(n_components, N_OF_VECTORS, most)?;
        let vectors = columns(&learnt, N_MEASURES..N_MEASURES + width);
        let components = of_vectors(&vectors, width, k, seed, progress)?.ok_or(ImageProblem::Decomposition)?;
        let features = Self { components, source: Source::Vectors { encoder: encoder.to_owned() } };
        let frame = features.frame(&compared);
        Ok((features, frame))
    }

    /// How many of so many images of reference new ones are compared with.
    pub fn n_compared(n_images: usize) -> usize {
        n_images - n_learnt(n_images)
    }

    /// The columns of the features: statistics, then `thumbnail_1` …, the components of the thumbnails; or `component_1` …, those of
    /// vectors, then statistics.
    pub fn schema(&self, missing_values: MissingValues) -> Schema {
        let statistics = IMAGE_STATISTICS.into_iter().map(str::to_owned);
        let components = |noun: &'static str| (1..=self.n_components()).map(move |number| format!("{noun}_{number}"));
        let names: Vec<String> = match &self.source {
            Source::Thumbnails { .. } => statistics.chain(components("thumbnail")).collect(),
            Source::Vectors { .. } => components("component").chain(statistics).collect(),
        };
        let columns = names.into_iter().map(|name| ColumnSchema { name, kind: ColumnType::Numeric });
        Schema { columns: columns.collect(), missing_values }
    }

    /// How many of the columns are components.
    pub fn n_components(&self) -> usize {
        self.components.n_components()
    }

    /// What kernels divide each column by, all of them above 0; nothing where they see the components alone, which are the first
    /// columns then.
    pub fn scales(&self) -> Option<&[f64]> {
        match &self.source {
            Source::Thumbnails { scales } => Some(scales),
            Source::Vectors { .. } => None,
        }
    }

    /// The features of images by their measures, and their vectors where there is an encoder, a row each.
    pub fn frame(&self, images: &[Option<&[f32]>]) -> Frame<'static> {
        let mut columns = vec![Vec::with_capacity(images.len()); N_STATISTICS + self.n_components()];
        let mut projected: Vec<f64> = Vec::new();
        for measures in images {
            let Some(measures) = measures else {
                for column in &mut columns {
                    column.push(f64::NAN);
                }
                continue;
            };
            let statistics = measures[..N_STATISTICS].iter().map(|measure| f64::from(*measure));
            projected.clear();
            let mut append = |row: &mut dyn Iterator<Item = f64>| {
                columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
            };
            match &self.source {
                Source::Thumbnails { .. } => {
                    projected.extend(measures[THUMBNAIL].iter().map(|measure| f64::from(*measure)));
                    append(&mut statistics.chain(self.components.project(&projected)));
                }
                Source::Vectors { .. } => {
                    projected.extend(measures[N_MEASURES..].iter().map(|number| f64::from(*number)));
                    append(&mut self.components.project(&projected).chain(statistics));
                }
            }
        }
        Frame::of(columns.into_iter().map(|values| Cells::Numeric(values.into())).collect())
    }

    /// The fitted arrays.
    pub fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        self.components.save(&mut tensors);
        match &self.source {
            Source::Thumbnails { scales } => tensors.insert_f64("image.scales", scales.clone()),
            Source::Vectors { encoder } => tensors.insert_texts(IMAGE_ENCODER, std::slice::from_ref(encoder)),
        }
        tensors
    }

    /// The features that were saved: of thumbnails, or of the vectors of an encoder of this fingerprint and width.
    ///
    /// # Errors
    /// When the arrays are not those of so many components, or of another encoder.
    pub fn restore(
        tensors: &Tensors,
        n_components: usize,
        encoder: Option<(&str, usize)>,
    ) -> Result<Self, TensorError> {
        let invalid =
            |name: &str, reason: &str| TensorError::Value { name: name.to_owned(), reason: reason.to_owned() };
        let width = encoder.map_or(THUMBNAIL_CELLS, |(_, width)| width);
        if !(1..=width).contains(&n_components) {
            return Err(invalid("pca.components", "no fit gives such a number of components"));
        }
        let source = match encoder {
            None => {
                let scales = tensors.f64s_of_length("image.scales", N_STATISTICS + n_components)?.to_vec();
                if !scales.iter().all(|scale| scale.is_finite() && *scale > 0.0) {
                    return Err(invalid("image.scales", "a scale is not above 0"));
                }
                Source::Thumbnails { scales }
            }
            Some((fingerprint, _)) => {
                if tensors.texts(IMAGE_ENCODER)? != [fingerprint] {
                    let reason = "the encoder of this name is another one than that of the fit";
                    return Err(invalid(IMAGE_ENCODER, reason));
                }
                Source::Vectors { encoder: fingerprint.to_owned() }
            }
        };
        let components = Pca::restore(tensors, width, n_components)?;
        if !components.is_finite() {
            return Err(invalid("pca.components", "an entry is not finite"));
        }
        Ok(Self { components, source })
    }
}

/// The cells of the thumbnail among the measures.
const THUMBNAIL: Range<usize> = N_STATISTICS..N_MEASURES;

/// Those of some images that teach, drawn by the seed, and all others in their order.
type Parted<'m> = (Vec<&'m [f32]>, Vec<Option<&'m [f32]>>);

fn halves<'m>(images: &[Option<&'m [f32]>], seed: u64) -> Result<Parted<'m>, ImageProblem> {
    const N_IMAGES_MIN: usize = 4;
    let present: Vec<usize> = (0..images.len()).filter(|index| images[*index].is_some()).collect();
    if present.len() < N_IMAGES_MIN {
        return Err(ImageProblem::TooFew { expected: N_IMAGES_MIN, actual: present.len() });
    }
    let Halves { learnt, compared } = Halves::draw(present, images.len(), seed, LEARNT);
    let learnt = learnt.into_iter().filter_map(|index| images[index]).collect();
    Ok((learnt, compared.into_iter().map(|index| images[index]).collect()))
}

/// How many components there are, of those that are possible.
fn some_of(wanted: Option<usize>, usual: usize, most: usize) -> Result<usize, ImageProblem> {
    let k = wanted.unwrap_or(usual.min(most));
    if (1..=most).contains(&k) { Ok(k) } else { Err(ImageProblem::Components { most, actual: k }) }
}

/// Some of the measures of images, row-major.
fn columns(images: &[&[f32]], of: Range<usize>) -> Vec<f64> {
    images.iter().flat_map(|measures| measures[of.clone()].iter().map(|measure| f64::from(*measure))).collect()
}

/// The standard deviation of rows of `d` numbers in the direction in which it is largest; 1 where they are all the same.
fn leading_deviation(rows: &[f64], d: usize) -> Option<f64> {
    let leading = Pca::fit(rows, d, 1)?;
    let along: Vec<f64> = rows.chunks_exact(d).filter_map(|row| leading.project(row).next()).collect();
    Some(mean_and_deviation(&along).1)
}

#[cfg(test)]
mod tests;
