//! Files of images.

use crate::data::Image;

/// Makes pixels of files of images that come in base64, as they stand in JSON, CSV and the other formats of rows.
///
/// # Contract
/// * `file` is the base64 (RFC 4648, section 4) of a PNG or JPEG file, or a `data:` address of one; what the bytes are is told
///   by their beginning.
/// * `accept` is told width and height before any memory is taken for the pixels; what it refuses is not decoded, and its sentence
///   is the error.
/// * Memory is bounded by the size that was accepted, whatever the bytes say: a damaged file is an error.
/// * An error says what was expected and what came.
pub trait ImageDecoder: Send + Sync {
    /// The image in a file.
    ///
    /// # Errors
    /// When it is none, when it is damaged, or when its size is not accepted.
    fn decode(&self, file: &str, accept: &mut dyn FnMut(usize, usize) -> Result<(), String>) -> Result<Image, String>;
}

/// Reads no files.
#[derive(Debug, Clone, Copy)]
pub struct NoImageFiles;

impl ImageDecoder for NoImageFiles {
    fn decode(
        &self,
        _file: &str,
        _accept: &mut dyn FnMut(usize, usize) -> Result<(), String>,
    ) -> Result<Image, String> {
        Err("expected an array of rows of pixels, as this server reads no files of images; a text came".to_owned())
    }
}
