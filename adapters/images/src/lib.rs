//! PNG and JPEG files in base64, decoded within the size that is accepted.
//!
//! A file's header says its width and height; they are told before any pixel is decoded, and memory is bounded by them: a file of
//! a few bytes that says it is huge, or whose stream would never end, takes no more than its size was accepted for. What a PNG
//! has beside its pixels (palettes are laid out, 16 bits become 8, comments and colour profiles are passed over) and how a
//! camera was held (the orientation of EXIF) does not change what is measured: pixels are taken as they stand in the file.
//!
//! **Cost**: O(bytes + pixels) time, and up to 12 bytes a pixel while it lasts (16 bits a channel).

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use drifting_domain::data::Image;
use drifting_domain::ports::ImageDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::{DynamicImage, Limits};

/// Padding may be left out, as it often is in addresses.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How files of the two formats begin.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = &[0xff, 0xd8, 0xff];

/// Bytes that the decoder may take beside eight a pixel: its tables, and parts of the file that say nothing of pixels.
const BYTES_BESIDE: u64 = 16 << 20;
const EXPECTED: &str = "expected a PNG or JPEG file in base64";

/// Reads PNG and JPEG files.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImageFiles;

impl ImageDecoder for ImageFiles {
    fn decode(&self, file: &str, accept: &mut dyn FnMut(usize, usize) -> Result<(), String>) -> Result<Image, String> {
        let bytes = BASE64.decode(base64_of(file)?).map_err(|_| format!("{EXPECTED}, {} came", quoted(file)))?;
        if bytes.starts_with(PNG) {
            guarded("PNG", || {
                let decoder = PngDecoder::with_limits(Cursor::new(&bytes[..]), limits(BYTES_BESIDE));
                decoded(decoder.map_err(|_| damaged("PNG"))?, "PNG", accept)
            })
        } else if bytes.starts_with(JPEG) {
            if !is_whole(&bytes) {
                return Err(damaged("JPEG"));
            }
            guarded("JPEG", || {
                let decoder = JpegDecoder::new(Cursor::new(&bytes[..])).map_err(|_| damaged("JPEG"))?;
                decoded(decoder, "JPEG", accept)
            })
        } else {
            Err(format!("{EXPECTED}, one of another format came: {}", quoted(file)))
        }
    }
}

/// What is decoded, where a panic is damage, too: on some damaged files the arithmetic of a decoder panics.
fn guarded(format: &str, decode: impl FnOnce() -> Result<Image, String>) -> Result<Image, String> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err(damaged(format)))
}

/// What of a text is base64: all of it, or of a `data:` address what is behind its comma.
fn base64_of(file: &str) -> Result<&str, String> {
    let file = file.trim();
    let Some(address) = file.strip_prefix("data:") else { return Ok(file) };
    match address.split_once(";base64,") {
        Some((_, base64)) => Ok(base64),
        None => Err(format!("expected an address as in `data:image/png;base64,…`, {} came", quoted(file))),
    }
}

fn decoded(
    mut decoder: impl image::ImageDecoder,
    format: &str,
    accept: &mut dyn FnMut(usize, usize) -> Result<(), String>,
) -> Result<Image, String> {
    let (width, height) = decoder.dimensions();
    let side = |side: u32| usize::try_from(side).unwrap_or(usize::MAX);
    accept(side(width), side(height))?;
    let limits = limits(u64::from(width) * u64::from(height) * 8 + BYTES_BESIDE);
    decoder.set_limits(limits).map_err(|_| damaged(format))?;
    let pixels = DynamicImage::from_decoder(decoder).map_err(|_| damaged(format))?;
    let (n_channels, bytes) = match (pixels.color().has_color(), pixels.color().has_alpha()) {
        (false, false) => (1, pixels.into_luma8().into_raw()),
        (false, true) => (2, pixels.into_luma_alpha8().into_raw()),
        (true, false) => (3, pixels.into_rgb8().into_raw()),
        (true, true) => (4, pixels.into_rgba8().into_raw()),
    };
    Image::new(side(width), side(height), n_channels, bytes).map_err(|problem| problem.to_string())
}

fn limits(n_bytes: u64) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(n_bytes);
    limits
}

/// Whether a JPEG has its end: the decoder would make grey of what is missing. Goes from marker to marker, so that neither a smaller
/// picture among what a camera notes nor what stands behind the end, such as a film, is taken for the picture. Time O(bytes).
fn is_whole(jpeg: &[u8]) -> bool {
    const START: u8 = 0xd8;
    const END: u8 = 0xd9;
    // Within the data of a scan: a byte of them, a restart, or what fills up.
    let is_marker = |byte: u8| !matches!(byte, 0x00 | 0x01 | 0xd0..=0xd7 | 0xff);
    let mut rest = jpeg;
    while let Some(at) = rest.windows(2).position(|bytes| bytes[0] == 0xff && is_marker(bytes[1])) {
        let marker = rest[at + 1];
        rest = &rest[at + 2..];
        match marker {
            END => return true,
            START => {}
            _ => {
                let length = rest.first_chunk::<2>().map_or(usize::MAX, |bytes| u16::from_be_bytes(*bytes).into());
                rest = rest.get(length..).unwrap_or_default();
            }
        }
    }
    false
}

fn damaged(format: &str) -> String {
    format!("expected a whole {format} file, one that is damaged, cut off or of an unusual kind came; save it anew")
}

/// The beginning of a text.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 30;
    let shown: String = text.chars().take(SHOWN).collect();
    if shown.len() == text.len() { format!("the text {shown:?}") } else { format!("a text that begins with {shown:?}") }
}

#[cfg(test)]
mod tests;
