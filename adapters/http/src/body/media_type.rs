//! The media type of a body.

use poem::Request;
use poem::http::header::{self, HeaderValue};

use crate::error::shown;
use crate::input::DataFormat;

/// The media types that are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// Data; in JSON, beside their settings.
    Data(DataFormat),
    /// Parts, with this boundary between them.
    Multipart(String),
}

impl MediaType {
    /// The media type of a request, or what was expected and what came.
    pub(super) fn of(request: &Request) -> Result<Self, String> {
        let Some(value) = request.headers().get(header::CONTENT_TYPE) else { return Ok(Self::Data(DataFormat::Json)) };
        let text = value.to_str().unwrap_or_default();
        if text.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("multipart/form-data")) {
            let boundary = multer::parse_boundary(text).map(Self::Multipart);
            return boundary.map_err(|_| format!("expected multipart/form-data with a boundary, {} came", said(value)));
        }
        data_format(text).map(Self::Data).map_err(|expected| format!("expected {expected}, {} came", said(value)))
    }
}

/// The format of data of a content type, or what was expected.
pub(super) fn data_format(content_type: &str) -> Result<DataFormat, &'static str> {
    let mut parts = content_type.split(';').map(str::trim);
    let format = DataFormat::of_media_type(parts.next().unwrap_or_default()).ok_or(EXPECTED)?;
    let is_utf8 = parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset")
            || ["utf-8", "utf8", "us-ascii"]
                .iter()
                .any(|known| value.trim_matches([' ', '"']).eq_ignore_ascii_case(known))
    });
    if is_utf8 { Ok(format) } else { Err("UTF-8") }
}

/// What is taken, in words.
pub(crate) const EXPECTED: &str = "application/json, text/csv, application/x-ndjson, application/vnd.apache.parquet, \
                                   application/vnd.apache.arrow.stream or multipart/form-data";

/// What a header says, for a sentence that ends in "came".
fn said(value: &HeaderValue) -> String {
    match value.to_str() {
        Ok("") => "an empty text".to_owned(),
        Ok(text) => shown(text),
        Err(_) => "a text that is not ASCII".to_owned(),
    }
}
