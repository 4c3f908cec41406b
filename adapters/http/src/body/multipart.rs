//! Bodies of parts (RFC 7578): `data`, and for a fit `settings`.

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use multer::{Field, Multipart};

use super::coding::Coding;
use super::media_type::data_format;
use super::unread::Unread;
use crate::error::{Code, Failure, shown};
use crate::input::DataFormat;
use crate::settings::HttpTimeouts;

/// The parts of a body.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// The settings, in JSON.
    pub(crate) settings: Option<Bytes>,
    /// The data, and their format.
    pub(crate) data: Option<(DataFormat, Bytes)>,
}

impl Unread {
    /// Reads the parts. `has_settings` says whether there may be any.
    pub(crate) async fn read_parts(
        self,
        boundary: &str,
        has_settings: bool,
        bytes_max: usize,
        timeouts: &HttpTimeouts,
    ) -> Result<Parts, Failure> {
        if self.coding()? != Coding::Identity {
            let detail = "expected a body in parts without a content coding; files that are compressed within themselves are taken";
            return Err(Failure::new(Code::UnsupportedMediaType, detail));
        }
        let reading = self.start(bytes_max, timeouts)?;
        let chunks = stream::try_unfold(reading, |mut reading| async move {
            Ok::<_, Failure>(reading.next().await?.map(|chunk| (chunk, reading)))
        });
        let mut multipart = Multipart::new(chunks, boundary);
        let mut parts = Parts::default();
        while let Some(field) = multipart.next_field().await.map_err(failure)? {
            let name = field.name().unwrap_or_default().to_owned();
            let is_new = match name.as_str() {
                "data" => {
                    let format = format_of(&field)?;
                    parts.data.replace((format, whole(field).await?)).is_none()
                }
                "settings" if has_settings => parts.settings.replace(whole(field).await?).is_none(),
                other => {
                    let known = if has_settings { "the parts `settings` and `data`" } else { "the part `data`" };
                    let detail = format!("expected {known} alone, one with the name \"{}\" came", shown(other));
                    return Err(Failure::new(Code::Malformed, detail));
                }
            };
            if !is_new {
                return Err(Failure::new(Code::Malformed, format!("expected one part `{name}`, two came")));
            }
        }
        Ok(parts)
    }
}

impl Parts {
    /// The data, which there must be.
    pub(crate) fn take_data(&mut self) -> Result<(DataFormat, Bytes), Failure> {
        self.data.take().ok_or_else(|| {
            let detail = "expected a part `data`, none came".to_owned();
            Failure::at(Code::InvalidData, vec![crate::error::Issue { pointer: "/data".to_owned(), detail }])
        })
    }
}

/// The format of a part: by its type, or else by the name of its file. Clients that do not know a file give it the type
/// of any file.
fn format_of(field: &Field<'_>) -> Result<DataFormat, Failure> {
    let content_type = field.content_type().map(ToString::to_string);
    let content_type = content_type.filter(|name| name != "application/octet-stream");
    let of_name = || field.file_name().and_then(DataFormat::of_file_name);
    let format = match &content_type {
        Some(content_type) => data_format(content_type),
        None => of_name().ok_or("a `Content-Type` or a file name with a known ending"),
    };
    format.map_err(|expected| {
        let came = content_type.as_deref().or(field.file_name()).map_or_else(|| "neither".to_owned(), shown);
        let detail = format!("expected {expected} of the part `data`, {came} came");
        Failure::new(Code::UnsupportedMediaType, detail)
    })
}

/// A part as a whole; one that comes in one piece is not copied.
async fn whole(mut field: Field<'_>) -> Result<Bytes, Failure> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(chunk) = field.chunk().await.map_err(failure)? {
        if first.is_empty() && rest.is_empty() {
            first = chunk;
            continue;
        }
        if rest.is_empty() {
            rest.extend_from_slice(&std::mem::take(&mut first));
        }
        rest.extend_from_slice(&chunk);
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

fn failure(error: multer::Error) -> Failure {
    match error {
        multer::Error::StreamReadFailed(error) => match error.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(error) => Failure::internal(error.to_string()),
        },
        error => {
            let mut failure = Failure::new(Code::Malformed, "the body is not multipart/form-data, or it ends early");
            failure.cause = Some(error.to_string());
            failure
        }
    }
}
