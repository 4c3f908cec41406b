//! Models that turn texts and images into vectors.

use std::fmt;
use std::sync::Arc;

use crate::data::Image;

/// The encoders of texts that the owner of the service has put at hand, each by a name.
///
/// # Contract
/// * Clients name encoders; where they are is the owner's matter, and no name leads out of there.
/// * The same name gives the same encoder until the service starts anew, and opening it twice costs its memory once.
pub trait TextEncoders: Send + Sync {
    /// The encoder of a name. Reads its files when it is opened for the first time.
    ///
    /// # Errors
    /// When there is none of that name, or when its files cannot be used: what was expected and what came, for people.
    fn open(&self, name: &str) -> Result<Arc<dyn TextEncoder>, String>;
}

/// A fitted model of texts.
///
/// # Contract
/// * The same text gives the same vector of [`Self::width`] finite numbers, whatever came before it and on any thread.
/// * Memory is bounded, however long a text is: its beginning counts.
pub trait TextEncoder: Send + Sync {
    /// What tells this model from any other: vectors of encoders with different fingerprints are not compared.
    fn fingerprint(&self) -> &str;

    /// Numbers a text becomes, at least 1.
    fn width(&self) -> usize;

    /// About how many nanoseconds a text of so many bytes takes.
    fn cost_ns(&self, n_bytes: usize) -> u64;

    /// The vector of a text.
    ///
    /// # Errors
    /// When the model fails on it.
    fn encode(&self, text: &str) -> Result<Vec<f32>, String>;
}

/// The encoders of images that the owner of the service has put at hand, each by a name.
///
/// # Contract
/// * As that of [`TextEncoders`].
pub trait ImageEncoders: Send + Sync {
    /// The encoder of a name. Reads its files when it is opened for the first time.
    ///
    /// # Errors
    /// When there is none of that name, or when its files cannot be used: what was expected and what came, for people.
    fn open(&self, name: &str) -> Result<Arc<dyn ImageEncoder>, String>;
}

/// A fitted model of images.
///
/// # Contract
/// * The same image gives the same vector of [`Self::width`] finite numbers, whatever came before it and on any thread.
/// * Memory is bounded by the size of the image and by that of the model, whatever its sides are.
pub trait ImageEncoder: Send + Sync {
    /// What tells this model and what is done to images before it from any other: vectors of encoders with different fingerprints
    /// are not compared.
    fn fingerprint(&self) -> &str;

    /// Numbers an image becomes, at least 1.
    fn width(&self) -> usize;

    /// About how many nanoseconds an image takes beside its reading.
    fn cost_ns(&self) -> u64;

    /// The vector of an image.
    ///
    /// # Errors
    /// When the model fails on it.
    fn encode(&self, image: &Image) -> Result<Vec<f32>, String>;
}

/// Has no encoder.
#[derive(Debug, Clone, Copy)]
pub struct NoEncoders;

const NONE: &str = "expected a server that has encoders: its owner names their folder by `--encoders-path`";

impl TextEncoders for NoEncoders {
    fn open(&self, _name: &str) -> Result<Arc<dyn TextEncoder>, String> {
        Err(NONE.to_owned())
    }
}

impl ImageEncoders for NoEncoders {
    fn open(&self, _name: &str) -> Result<Arc<dyn ImageEncoder>, String> {
        Err(NONE.to_owned())
    }
}

impl fmt::Debug for dyn TextEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TextEncoder").field(&self.fingerprint()).finish()
    }
}

impl fmt::Debug for dyn ImageEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ImageEncoder").field(&self.fingerprint()).finish()
    }
}
