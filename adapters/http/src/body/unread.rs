//! A body that has not been read yet.

use std::io;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, Stream, StreamExt};
use poem::http::header::{self, HeaderValue};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use crate::answers::{FitRequest, PredictRequest};
use crate::error::{Code, Failure, shown};
use crate::settings::HttpTimeouts;

/// The media types that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    Json,
    Csv,
}

/// A body with what its head says of it.
pub(crate) struct Unread {
    /// Or why it cannot be read.
    media_type: Result<MediaType, String>,
    length: Option<u64>,
    stream: Drained,
}

impl Unread {
    fn of(request: &Request, body: &mut RequestBody) -> Self {
        let length = request.header(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let stream = body.take().ok().map(|body| Box::new(body.into_bytes_stream()) as Chunks);
        let waits = request.headers().contains_key(header::EXPECT);
        Self { media_type: media_type(request), length, stream: Drained { chunks: stream, waits } }
    }

    /// The media type.
    pub(crate) fn media_type(&self) -> Result<MediaType, Failure> {
        self.media_type.clone().map_err(|detail| Failure::new(Code::UnsupportedMediaType, detail))
    }

    /// Reads it whole.
    pub(crate) async fn read(mut self, bytes_max: usize, timeouts: &HttpTimeouts) -> Result<Bytes, Failure> {
        if self.length.is_some_and(|length| length > bytes_max as u64) {
            return Err(too_large(bytes_max));
        }
        let started = Instant::now();
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(chunk) = self.stream.next(timeouts.body_chunk).await? {
            let n_bytes = first.len() + rest.len() + chunk.len();
            if n_bytes > bytes_max {
                return Err(too_large(bytes_max));
            }
            if is_too_slow(n_bytes, started.elapsed(), timeouts) {
                self.stream.chunks = None;
                return Err(too_slow());
            }
            // Most bodies come in one piece, which is not copied.
            if first.is_empty() && rest.is_empty() {
                first = chunk;
                continue;
            }
            if rest.is_empty() {
                // The length that was told is believed only so far.
                const RESERVED_MAX: usize = 4 * 1024 * 1024;
                let told = self.length.and_then(|length| usize::try_from(length).ok()).unwrap_or(n_bytes);
                rest.reserve(told.clamp(n_bytes, RESERVED_MAX.max(n_bytes)));
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&chunk);
        }
        Ok(if rest.is_empty() { first } else { rest.freeze() })
    }
}

/// The media type, or what was expected and what came.
fn media_type(request: &Request) -> Result<MediaType, String> {
    if let Some(coding) = request.headers().get(header::CONTENT_ENCODING).filter(|coding| *coding != "identity") {
        return Err(format!("expected a body without a content coding, {} came", said(coding)));
    }
    let Some(value) = request.headers().get(header::CONTENT_TYPE) else { return Ok(MediaType::Json) };
    let mut parts = value.to_str().unwrap_or_default().split(';').map(str::trim);
    let media_type = match parts.next().unwrap_or_default() {
        json if json.eq_ignore_ascii_case("application/json") => MediaType::Json,
        csv if csv.eq_ignore_ascii_case("text/csv") => MediaType::Csv,
        _ => return Err(format!("expected application/json or text/csv, {} came", said(value))),
    };
    let is_utf8 = parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset")
            || ["utf-8", "utf8", "us-ascii"]
                .iter()
                .any(|known| value.trim_matches([' ', '"']).eq_ignore_ascii_case(known))
    });
    if is_utf8 { Ok(media_type) } else { Err(format!("expected UTF-8, {} came", said(value))) }
}

/// What a header says, for a sentence that ends in "came".
fn said(value: &HeaderValue) -> String {
    match value.to_str() {
        Ok("") => "an empty text".to_owned(),
        Ok(text) => shown(text),
        Err(_) => "a text that is not ASCII".to_owned(),
    }
}

fn is_too_slow(n_bytes: usize, elapsed: Duration, timeouts: &HttpTimeouts) -> bool {
    elapsed > timeouts.body_grace
        && (n_bytes as u64) < timeouts.body_bytes_per_second_min.saturating_mul(elapsed.as_secs())
}

fn too_large(bytes_max: usize) -> Failure {
    Failure::new(Code::BodyTooLarge, format!("expected a body of at most {bytes_max} bytes, a larger one came"))
}

fn too_slow() -> Failure {
    Failure::new(Code::RequestTimeout, "the body came too slowly")
}

type Chunks = Box<dyn Stream<Item = io::Result<Bytes>> + Send + Unpin>;

/// The rest of a body. If it is dropped before its end it is read on for a while: a connection that is closed while
/// the client still sends loses the answer.
struct Drained {
    /// `None` at its end, and where nothing more of it is wanted.
    chunks: Option<Chunks>,
    /// Whether the client sends it only once reading has begun.
    waits: bool,
}

impl Drained {
    async fn next(&mut self, timeout: Duration) -> Result<Option<Bytes>, Failure> {
        let Some(stream) = &mut self.chunks else { return Ok(None) };
        self.waits = false;
        match tokio::time::timeout(timeout, stream.next()).await {
            Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
            Ok(Some(Err(error))) => {
                self.chunks = None;
                let mut failure = Failure::new(Code::Malformed, "the body ended early or is not framed as HTTP");
                failure.cause = Some(error.to_string());
                Err(failure)
            }
            Ok(None) => {
                self.chunks = None;
                Ok(None)
            }
            Err(_) => {
                // What stalls is not waited for any longer.
                self.chunks = None;
                Err(too_slow())
            }
        }
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        const TIME_MAX: Duration = Duration::from_secs(5);
        const BYTES_MAX: usize = 64 * 1024 * 1024;
        let Some(mut stream) = self.chunks.take().filter(|_| !self.waits) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if let Some(None | Some(Err(_))) = stream.next().now_or_never() {
            return;
        }
        runtime.spawn(tokio::time::timeout(TIME_MAX, async move {
            let mut n_bytes = 0;
            while let Some(Ok(chunk)) = stream.next().await {
                n_bytes += chunk.len();
                if n_bytes > BYTES_MAX {
                    return;
                }
            }
        }));
    }
}

/// The body of a fit.
pub(crate) struct FitBody(pub(crate) Unread);

/// The body of a prediction.
pub(crate) struct PredictBody(pub(crate) Unread);

fn described<T: Type>(csv: &'static str, description: &'static str) -> MetaRequest {
    let csv = MetaSchema { description: Some(csv), ..MetaSchema::new("string") };
    MetaRequest {
        description: Some(description),
        content: vec![
            MetaMediaType { content_type: "application/json", schema: T::schema_ref() },
            MetaMediaType { content_type: "text/csv", schema: MetaSchemaRef::Inline(Box::new(csv)) },
        ],
        required: true,
    }
}

impl<'a> ApiExtractor<'a> for FitBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        FitRequest::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(described::<FitRequest>(
            "A header line with the names of the columns, then one line a row; an empty field is a missing value. The settings stand in the query string.",
            "The reference and the settings: JSON with both, or CSV with the settings in the query string.",
        ))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self(Unread::of(request, body)))
    }
}

impl<'a> ApiExtractor<'a> for PredictBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        PredictRequest::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(described::<PredictRequest>(
            "A header line with the names of the columns, then one line a row; an empty field is a missing value.",
            "The rows, one or many.",
        ))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self(Unread::of(request, body)))
    }
}
