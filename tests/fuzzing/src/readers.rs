//! Readers that are functions.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use drifting_domain::data::{Image, Table, measure};
use drifting_domain::ports::ImageDecoder;
use drifting_domain::project::ProjectName;
use drifting_formats::{Format, TableReader};
use drifting_images::ImageFiles;
use drifting_inference::events::{Envelope, read_batch, read_payload, read_structured};
use drifting_inference::{ReadLimits, Refusal, RefusalCode, read_request};

/// What a body may become.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Runs what catches panics of libraries itself, and tells them as damage: there they are not to be told here.
fn quietly(run: impl FnOnce() + std::panic::UnwindSafe) {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let ran = std::panic::catch_unwind(run);
    std::panic::set_hook(hook);
    assert!(ran.is_ok(), "a panic came through");
}

fn table(format: Format, data: &[u8]) {
    quietly(|| {
        let reader = TableReader::open(format, Bytes::copy_from_slice(data), &[], BYTES_MAX);
        if let Ok(table) = reader.and_then(TableReader::into_table) {
            // No more than was allowed: a cell is a byte at least.
            assert!(table.n_rows().saturating_mul(table.columns().len()) <= BYTES_MAX);
        }
    });
}

pub fn parquet(data: &[u8]) {
    table(Format::Parquet, data);
}

pub fn arrow(data: &[u8]) {
    table(Format::Arrow, data);
}

/// Pixels that are decoded at most: few, so that many files are tried.
const PIXELS_MAX: usize = 1 << 16;

/// The bytes of a file, which come in base64.
pub fn image(data: &[u8]) {
    let mut size = None;
    let mut accept = |width: usize, height: usize| {
        size = Some((width, height));
        Image::check_size(width, height).map_err(|problem| problem.to_string())?;
        if width * height > PIXELS_MAX { Err("too many pixels".to_owned()) } else { Ok(()) }
    };
    if let Ok(image) = ImageFiles.decode(&BASE64_STANDARD.encode(data), &mut accept) {
        assert_eq!(size, Some((image.width(), image.height())));
        assert!(measure(&image).iter().all(|measure| measure.is_finite()));
    }
}

pub fn name(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(name) = text.parse::<ProjectName>() {
        assert_eq!(name.as_str(), text);
        assert!(text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)));
        assert!(text.as_bytes()[0].is_ascii_alphanumeric());
    }
}

pub fn infer(data: &[u8]) {
    drop(read_request(data, None, "model", &ReadLimits::of_bytes(BYTES_MAX)));
}

/// The first two bytes say how long the JSON is.
pub fn infer_binary(data: &[u8]) {
    let Some((length, body)) = data.split_first_chunk() else { return };
    drop(read_request(body, Some(usize::from(u16::from_le_bytes(*length))), "model", &ReadLimits::of_bytes(BYTES_MAX)));
}

fn payload(data: &[u8]) {
    let rows = |_: &[u8]| -> Result<Table, Refusal> { Err(Refusal::new(RefusalCode::Malformed, "no rows here")) };
    drop(read_payload(data, None, &ReadLimits::of_bytes(BYTES_MAX), &rows));
}

pub fn event(data: &[u8]) {
    if let Ok(event) = read_structured(data) {
        payload(&event.data);
    }
}

pub fn event_batch(data: &[u8]) {
    for event in read_batch(data).into_iter().flatten() {
        payload(&event.data);
    }
}

/// Lines of names and values, then an empty line and the data.
pub fn event_headers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let headers: Vec<(&str, &str)> = head.lines().filter_map(|line| line.split_once(": ")).collect();
    let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    if Envelope::of_headers(header).is_ok() {
        payload(body.as_bytes());
    }
}
