//! From the cells of a schema to the numbers that a detector sees.

mod encoder;
mod pca;
mod text;

pub(crate) use encoder::mean_and_deviation;
pub use encoder::{Encoder, EncoderError, Encoding, Preprocessing};
#[cfg(test)]
pub(crate) use pca::Pca;
pub use text::{TextFeatures, TextProblem};
