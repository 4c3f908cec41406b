//! Bodies of the Open Inference Protocol: JSON, or JSON with bytes behind it, possibly coded.

use std::marker::PhantomData;

use bytes::Bytes;
use drifting_domain::ports::Trace;
use drifting_domain::use_cases::PredictAnnouncement;
use drifting_listening::{BodyShare, TraceContext};
use poem::http::header;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::coding::{Coding, accepted, decode};
use super::unread::Unread;
use crate::error::{Code, Failure, shown};
use crate::settings::HttpTimeouts;
use crate::v2::InferenceRequest;

/// Says how long the JSON is, where bytes stand behind it.
pub(crate) const JSON_LENGTH: &str = "inference-header-content-length";

/// A body of the protocol, not read yet.
pub(crate) struct InferenceBody {
    unread: Unread,
    coding: Result<Coding, Failure>,
    /// The length of the JSON, where that was said; 0 where there is none.
    json_length: Result<Option<usize>, Failure>,
    /// The coding that the client likes best in the answer.
    pub(crate) accepted: Coding,
    /// The trace that the request belongs to.
    pub(crate) trace: Option<Trace>,
    /// Whoever was let in to send it.
    pub(crate) announced: Option<PredictAnnouncement>,
}

impl InferenceBody {
    /// That of a request.
    pub(crate) fn of(request: &Request, body: &mut RequestBody) -> Self {
        let unsupported = |detail| Failure::new(Code::UnsupportedMediaType, detail);
        Self {
            unread: Unread::of(request, body),
            coding: check_type(request).and_then(|()| Coding::of(request.headers())).map_err(unsupported),
            json_length: json_length(request),
            accepted: accepted(request.headers()),
            trace: request.data::<TraceContext>().map(Trace::from),
            announced: request.data::<PredictAnnouncement>().cloned(),
        }
    }

    /// Reads it whole, decoded; with the length of its JSON, if that was said.
    pub(crate) async fn read(
        self,
        bytes_max: usize,
        timeouts: &HttpTimeouts,
    ) -> Result<(Bytes, Option<usize>), Failure> {
        let coding = self.coding?;
        let json_length = self.json_length?;
        Ok((read_coded(self.unread, coding, bytes_max, timeouts).await?, json_length))
    }

    /// Reads it whole as it came, unless its head says that it cannot be read; gives it back as one that has not been read.
    pub(crate) async fn buffered(self, bytes_max: usize, timeouts: &HttpTimeouts) -> Result<(Self, Bytes), Failure> {
        let (coding, json_length) = (Ok(self.coding?), Ok(self.json_length?));
        let (unread, bytes) = self.unread.buffered(bytes_max, timeouts).await?;
        Ok((Self { unread, coding, json_length, ..self }, bytes))
    }

    /// What it takes of the memory of all bodies, for as long as this is held.
    pub(crate) fn share(&self) -> BodyShare {
        self.unread.share()
    }

    /// Answers without having read it; see [`crate::body::leave_unread`].
    pub(crate) fn leave(self) {
        self.unread.leave();
    }

    /// Takes it and looks at nothing of it.
    pub(crate) async fn pass(self, bytes_max: usize, timeouts: &HttpTimeouts) -> Result<(), Failure> {
        self.unread.read(bytes_max, timeouts).await.map(drop)
    }
}

/// Reads a body whole, decoded; coded and decoded it may have so many bytes.
pub(super) async fn read_coded(
    unread: Unread,
    coding: Coding,
    bytes_max: usize,
    timeouts: &HttpTimeouts,
) -> Result<Bytes, Failure> {
    let share = unread.share();
    let body = unread.read(bytes_max, timeouts).await?;
    if coding == Coding::Identity {
        return Ok(body);
    }
    // However short it is, it may become long.
    let decoded = tokio::task::spawn_blocking(move || decode(coding, &body, bytes_max, &share)).await;
    let decoded = decoded.map_err(|error| Failure::internal(format!("decoding a body: {error}")))??;
    Ok(decoded.into())
}

/// Clients of the protocol send JSON, bytes, or no type at all.
fn check_type(request: &Request) -> Result<(), String> {
    let Some(value) = request.headers().get(header::CONTENT_TYPE) else { return Ok(()) };
    let text = value.to_str().unwrap_or_default();
    let name = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = name == "application/json" || (name.starts_with("application/") && name.ends_with("+json"));
    if is_json || name == "application/octet-stream" || name.is_empty() {
        return Ok(());
    }
    Err(format!("expected application/json, application/octet-stream or no type, {} came", shown(text)))
}

/// How long the JSON is, where that was said.
pub(super) fn json_length(request: &Request) -> Result<Option<usize>, Failure> {
    let Some(value) = request.headers().get(JSON_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    let refused = || Failure::new(Code::Malformed, "expected a number of bytes in `Inference-Header-Content-Length`");
    length.map(Some).ok_or_else(refused)
}

impl<'a> ApiExtractor<'a> for InferenceBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        InferenceRequest::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let schema = InferenceRequest::schema_ref;
        Some(MetaRequest {
            description: Some(
                "Tensors. With `Inference-Header-Content-Length` bytes stand behind so many bytes of JSON (the binary \
                 tensor data extension). May be coded in gzip, deflate or zstd.",
            ),
            content: vec![
                MetaMediaType { content_type: "application/json", schema: schema() },
                MetaMediaType {
                    content_type: "application/octet-stream",
                    schema: poem_openapi::types::Binary::<Vec<u8>>::schema_ref(),
                },
            ],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self::of(request, body))
    }
}

/// A body of this schema that may be left out.
pub(crate) struct OptionalBody<T>(pub(crate) InferenceBody, PhantomData<T>);

impl<'a, T: Type> ApiExtractor<'a> for OptionalBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let json = MetaMediaType { content_type: "application/json", schema: T::schema_ref() };
        Some(MetaRequest { description: None, content: vec![json], required: false })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self(InferenceBody::of(request, body), PhantomData))
    }
}
