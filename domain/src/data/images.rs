//! A column of images, of which their measures are kept, or the images themselves where a model is to see them.

use super::image::Image;
use super::image_measures::{N_MEASURES, measure};

/// Images, some of them missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    kept: Kept,
}

/// What is kept of each image.
#[derive(Debug, Clone, PartialEq)]
enum Kept {
    /// So many numbers an image, of which the first is `NaN` where it is missing.
    Measures {
        numbers: Vec<f32>,
        n_each: usize,
    },
    Whole(Vec<Option<Image>>),
}

/// What was kept of an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum KeptImage<'i> {
    /// Its measures, and behind them its vector where a model has seen it.
    Measured(&'i [f32]),
    /// All of it.
    Whole(&'i Image),
}

impl Default for Images {
    fn default() -> Self {
        Self::new()
    }
}

impl Images {
    /// What an image takes that is measured.
    pub const BYTES_EACH: usize = N_MEASURES * size_of::<f32>();

    /// No images. Each is measured when it comes, and takes [`Images::BYTES_EACH`] bytes from then on, however large it was.
    pub const fn new() -> Self {
        Self { kept: Kept::Measures { numbers: Vec::new(), n_each: N_MEASURES } }
    }

    /// No images. Each is kept as it comes, with a byte for each value of a pixel.
    pub const fn whole() -> Self {
        Self { kept: Kept::Whole(Vec::new()) }
    }

    /// Images that have been measured, or are missing: each as so many numbers, its measures first.
    ///
    /// # Panics
    /// When one has another number of them.
    pub(crate) fn of_measures<M: AsRef<[f32]>>(n_each: usize, measured: impl Iterator<Item = Option<M>>) -> Self {
        let mut numbers = Vec::with_capacity(measured.size_hint().0.saturating_mul(n_each));
        for measures in measured {
            match measures {
                Some(measures) => {
                    assert_eq!(measures.as_ref().len(), n_each, "images are measured alike");
                    numbers.extend_from_slice(measures.as_ref());
                }
                None => numbers.resize(numbers.len() + n_each, f32::NAN),
            }
        }
        Self { kept: Kept::Measures { numbers, n_each } }
    }

    /// The images of some places, in their order. Copies them.
    ///
    /// # Panics
    /// When there is no such place.
    pub(crate) fn select(&self, places: impl Iterator<Item = usize>) -> Self {
        match &self.kept {
            Kept::Whole(images) => Self { kept: Kept::Whole(places.map(|place| images[place].clone()).collect()) },
            Kept::Measures { numbers, n_each } => {
                let of = |place: usize| Some(&numbers[place * n_each..(place + 1) * n_each]);
                Self::of_measures(*n_each, places.map(of))
            }
        }
    }

    /// Number of images, missing ones included.
    pub fn len(&self) -> usize {
        match &self.kept {
            Kept::Measures { numbers, n_each } => numbers.len() / n_each,
            Kept::Whole(images) => images.len(),
        }
    }

    /// Whether there is no image, and none is missing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of missing images.
    pub fn n_missing(&self) -> usize {
        self.iter().filter(Option::is_none).count()
    }

    /// What they take in memory, in bytes, room that is kept for more included.
    pub fn memory_bytes(&self) -> usize {
        match &self.kept {
            Kept::Measures { numbers, .. } => numbers.capacity() * size_of::<f32>(),
            Kept::Whole(images) => {
                let pixels: usize = images.iter().flatten().map(|image| image.pixels().len()).sum();
                images.capacity() * size_of::<Option<Image>>() + pixels
            }
        }
    }

    /// Appends an image, or a missing one.
    pub fn push(&mut self, image: Option<&Image>) {
        match (&mut self.kept, image) {
            (Kept::Measures { numbers, n_each }, Some(image)) => {
                numbers.extend(measure(image));
                // No model has seen it.
                numbers.resize(numbers.len() + (*n_each - N_MEASURES), f32::NAN);
            }
            (Kept::Measures { numbers, n_each }, None) => numbers.resize(numbers.len() + *n_each, f32::NAN),
            (Kept::Whole(images), image) => images.push(image.cloned()),
        }
    }

    /// Appends missing images until there are so many; where there are as many or more, nothing.
    pub fn pad(&mut self, n_images: usize) {
        if n_images > self.len() {
            match &mut self.kept {
                Kept::Measures { numbers, n_each } => numbers.resize(n_images * *n_each, f32::NAN),
                Kept::Whole(images) => images.resize(n_images, None),
            }
        }
    }

    /// What is kept of an image, unless it is missing.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn get(&self, index: usize) -> Option<KeptImage<'_>> {
        match &self.kept {
            Kept::Measures { numbers, n_each } => {
                let measures = &numbers[index * n_each..(index + 1) * n_each];
                (!measures[0].is_nan()).then_some(KeptImage::Measured(measures))
            }
            Kept::Whole(images) => images[index].as_ref().map(KeptImage::Whole),
        }
    }

    /// What is kept of the images in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<KeptImage<'_>>> {
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
        let Some(KeptImage::Measured(measures)) = images.get(1) else { panic!("it was measured") };
        assert_eq!((measures.len(), measures[..3].to_vec()), (N_MEASURES, vec![2.0, 1.0, 0.5]));
        assert!(images.get(3).is_none());
        assert_eq!(images.select(0..4).len(), 4);
        let some = images.select([1, 3].into_iter());
        assert_eq!((some.len(), some.get(0), some.get(1)), (2, images.get(1), None));
    }

    #[test]
    fn whole_images_come_back_as_they_were() {
        let image = Image::new(2, 1, 3, vec![1, 2, 3, 4, 5, 6]).unwrap();
        let mut images = Images::whole();
        images.push(None);
        images.push(Some(&image));
        images.pad(3);
        assert_eq!((images.len(), images.n_missing(), images.is_empty()), (3, 2, false));
        assert_eq!(images.get(1), Some(KeptImage::Whole(&image)));
        assert!(images.memory_bytes() >= 6);
        let some = images.select([2, 1].into_iter());
        assert_eq!((some.len(), some.get(0), some.get(1)), (2, None, images.get(1)));
    }
}
