//! From the measures of images to the numbers that a detector sees, without any model.
//!
//! Beside what people can read (size, light, tones, hues: [`crate::data::measure`]) stand the principal components of the grey
//! thumbnails, which tell what is shown where. Components fit the images that they were learnt from better than any others,
//! so one half of the reference teaches them (at most 5,000 images, drawn by the seed), and the other images are what new ones
//! are compared with.
//!
//! Kernels see all columns together, each of them divided by the standard deviation of its block in the direction in which the
//! block varies most: so neither the eight tones nor the many components outweigh the sharpness, and the last components, mostly
//! noise, count less than the first. The tones are a block, the hues, and the components; each other statistic is one.
//!
//! **Cost**: learning O(n T² + T³) for `n` images and `T` = 256 cells, about a second for 5,000 images; an image O(T k) for `k`
//! components, some microseconds. Memory O(T k), 0.5 MiB at the most, and while it is fitted 1.1 KB an image.
//!
//! **Sources**: Turk & Pentland, *Eigenfaces for recognition* (1991) for components of thumbnails; Escofier & Pagès, *Multiple
//! factor analysis* (1994) for the weights of blocks.

use std::ops::Range;

use super::halves::{Halves, n_learnt};
use super::mean_and_deviation;
use super::pca::Pca;
use crate::data::{
    Cells, ColumnSchema, ColumnType, Frame, IMAGE_STATISTICS, MissingValues, N_STATISTICS, Schema, THUMBNAIL_CELLS,
    TensorError, Tensors,
};

/// Components without a wish.
const N_COMPONENTS: usize = 16;
/// The random stream of the images that are learnt from.
const LEARNT: u64 = 0x696d_6167_6500;
/// The statistics that are blocks of several: the tones and the hues.
const BLOCKS: [Range<usize>; 2] = [5..13, 13..N_STATISTICS];

/// Turns measures of images into numbers: fitted, and never changed.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageFeatures {
    components: Pca,
    /// What kernels divide each column by.
    scales: Vec<f64>,
}

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
        const N_IMAGES_MIN: usize = 4;
        let present: Vec<usize> = (0..images.len()).filter(|index| images[*index].is_some()).collect();
        if present.len() < N_IMAGES_MIN {
            return Err(ImageProblem::TooFew { expected: N_IMAGES_MIN, actual: present.len() });
        }
        let halves = Halves::draw(present, images.len(), seed, LEARNT);
        let learnt: Vec<&[f32]> = halves.learnt.iter().filter_map(|index| images[*index]).collect();
        let most = (learnt.len() - 1).min(THUMBNAIL_CELLS);
        let k = n_components.unwrap_or(N_COMPONENTS.min(most));
        if !(1..=most).contains(&k) {
            return Err(ImageProblem::Components { most, actual: k });
        }
        let thumbnails = columns(&learnt, N_STATISTICS..N_STATISTICS + THUMBNAIL_CELLS);
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
        let features = Self { components, scales };
        let compared: Vec<Option<&[f32]>> = halves.compared.iter().map(|index| images[*index]).collect();
        let frame = features.frame(&compared);
        Ok((features, frame))
    }

    /// How many of so many images of reference new ones are compared with.
    pub fn n_compared(n_images: usize) -> usize {
        n_images - n_learnt(n_images)
    }

    /// The columns of the features: statistics, then `thumbnail_1` …, the components of the thumbnails.
    pub fn schema(&self, missing_values: MissingValues) -> Schema {
        let statistics = IMAGE_STATISTICS.into_iter().map(str::to_owned);
        let components = (1..=self.n_components()).map(|number| format!("thumbnail_{number}"));
        let columns = statistics.chain(components).map(|name| ColumnSchema { name, kind: ColumnType::Numeric });
        Schema { columns: columns.collect(), missing_values }
    }

    /// How many of the columns are components.
    pub fn n_components(&self) -> usize {
        self.components.n_components()
    }

    /// What kernels divide each column by, all of them above 0.
    pub fn scales(&self) -> &[f64] {
        &self.scales
    }

    /// The features of images by their measures, a row each.
    pub fn frame(&self, images: &[Option<&[f32]>]) -> Frame<'static> {
        let mut columns = vec![Vec::with_capacity(images.len()); N_STATISTICS + self.n_components()];
        let mut thumbnail = vec![0.0; THUMBNAIL_CELLS];
        for measures in images {
            let Some(measures) = measures else {
                for column in &mut columns {
                    column.push(f64::NAN);
                }
                continue;
            };
            for (cell, measure) in thumbnail.iter_mut().zip(&measures[N_STATISTICS..]) {
                *cell = f64::from(*measure);
            }
            let statistics = measures[..N_STATISTICS].iter().map(|measure| f64::from(*measure));
            let row = statistics.chain(self.components.project(&thumbnail));
            columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        }
        Frame::of(columns.into_iter().map(|values| Cells::Numeric(values.into())).collect())
    }

    /// The fitted arrays.
    pub fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        self.components.save(&mut tensors);
        tensors.insert_f64("image.scales", self.scales.clone());
        tensors
    }

    /// The features that were saved.
    ///
    /// # Errors
    /// When the arrays are not those of so many components.
    pub fn restore(tensors: &Tensors, n_components: usize) -> Result<Self, TensorError> {
        let invalid =
            |name: &str, reason: &str| TensorError::Value { name: name.to_owned(), reason: reason.to_owned() };
        if !(1..=THUMBNAIL_CELLS).contains(&n_components) {
            return Err(invalid("pca.components", "no fit gives such a number of components"));
        }
        let components = Pca::restore(tensors, THUMBNAIL_CELLS, n_components)?;
        if !components.is_finite() {
            return Err(invalid("pca.components", "an entry is not finite"));
        }
        let scales = tensors.f64s_of_length("image.scales", N_STATISTICS + n_components)?.to_vec();
        if !scales.iter().all(|scale| scale.is_finite() && *scale > 0.0) {
            return Err(invalid("image.scales", "a scale is not above 0"));
        }
        Ok(Self { components, scales })
    }
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
