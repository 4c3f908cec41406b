//! A column of images, of which their measures are kept.

use super::image::Image;
use super::image_measures::{N_MEASURES, measure};

/// Images, some of them missing. Each is measured when it comes, and takes [`Images::BYTES_EACH`] bytes from then on, however
/// large it was.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Images {
    /// `N_MEASURES` numbers an image; `NaN` where it is missing.
    measures: Vec<f32>,
}

impl Images {
    /// What an image takes.
    pub const BYTES_EACH: usize = N_MEASURES * size_of::<f32>();

    /// No images.
    pub const fn new() -> Self {
        Self { measures: Vec::new() }
    }

    /// Images that have been measured, or are missing.
    pub(crate) fn of_measures<M: AsRef<[f32]>>(measured: impl Iterator<Item = Option<M>>) -> Self {
        let mut images = Self::new();
        images.measures.reserve(measured.size_hint().0.saturating_mul(N_MEASURES));
        for measures in measured {
            match measures {
                Some(measures) => images.measures.extend_from_slice(measures.as_ref()),
                None => images.pad(images.len() + 1),
            }
        }
        images
    }

    /// Number of images, missing ones included.
    pub fn len(&self) -> usize {
        self.measures.len() / N_MEASURES
    }

    /// Whether there is no image, and none is missing.
    pub fn is_empty(&self) -> bool {
        self.measures.is_empty()
    }

    /// Number of missing images.
    pub fn n_missing(&self) -> usize {
        self.iter().filter(Option::is_none).count()
    }

    /// What they take in memory, in bytes, room that is kept for more included.
    pub fn memory_bytes(&self) -> usize {
        self.measures.capacity() * size_of::<f32>()
    }

    /// Measures an image and appends it, or appends a missing one.
    pub fn push(&mut self, image: Option<&Image>) {
        match image {
            Some(image) => self.measures.extend(measure(image)),
            None => self.pad(self.len() + 1),
        }
    }

    /// Appends missing images until there are so many; where there are as many or more, nothing.
    pub fn pad(&mut self, n_images: usize) {
        if n_images > self.len() {
            self.measures.resize(n_images * N_MEASURES, f32::NAN);
        }
    }

    /// The measures of an image, unless it is missing.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn get(&self, index: usize) -> Option<&[f32]> {
        let measures = &self.measures[index * N_MEASURES..(index + 1) * N_MEASURES];
        (!measures[0].is_nan()).then_some(measures)
    }

    /// The measures in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<&[f32]>> {
        (0..self.len()).map(|index| self.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_images_have_no_measures() {
        let mut images = Images::new();
        images.push(None);
        images.push(Some(&Image::new(2, 1, 1, vec![0, 255]).unwrap()));
        images.pad(4);
        images.pad(1);
        assert_eq!((images.len(), images.n_missing(), images.is_empty()), (4, 3, false));
        assert_eq!(images.get(1).map(|measures| measures[..3].to_vec()), Some(vec![2.0, 1.0, 0.5]));
        assert!(images.get(3).is_none());
        assert_eq!(Images::of_measures(images.iter()).len(), 4);
        let some = Images::of_measures([1, 3].into_iter().map(|index| images.get(index)));
        assert_eq!((some.len(), some.get(0), some.get(1)), (2, images.get(1), None));
    }
}
