//! From the cells of a schema to the numbers that a detector sees.

mod components;
mod encoder;
mod halves;
mod image;
mod pca;
mod sequence;
mod text;
mod words;

pub(crate) use encoder::mean_and_deviation;
pub use encoder::{Encoder, EncoderError, Encoding, Preprocessing};
pub(crate) use image::IMAGE_ENCODER;
pub use image::{ImageFeatures, ImageProblem};
pub(crate) use pca::Pca;
pub(crate) use sequence::LENGTH_MAX as SEQUENCE_LENGTH_MAX;
pub use sequence::{Season, Sequence, SequenceCalibration, SequenceSpec, SequenceState, TimeOf};
pub(crate) use text::ENCODER;
pub use text::{FeatureSet, TextFeatureSet, TextFeatures, TextProblem, TextRequest, UnreadText};
pub use words::words_of;
