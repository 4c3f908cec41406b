//! Models that turn texts into vectors.

use std::fmt;
use std::sync::Arc;

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

/// Has no encoder.
#[derive(Debug, Clone, Copy)]
pub struct NoTextEncoders;

impl TextEncoders for NoTextEncoders {
    fn open(&self, _name: &str) -> Result<Arc<dyn TextEncoder>, String> {
        Err("expected a server that has encoders: its owner names their folder by `--encoders-path`".to_owned())
    }
}

impl fmt::Debug for dyn TextEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TextEncoder").field(&self.fingerprint()).finish()
    }
}
