//! Requests that may come again: their keys, what tells them apart, and their first answers as they are kept.

use bytes::Bytes;
use drifting_access::Caller;
use drifting_domain::use_cases::{FirstAnswer, RequestIdentity};
use drifting_listening::{ContentDigest, IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, IdempotencyKey};
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{Request, RequestBody, Response};
use poem_openapi::registry::{MetaParamIn, MetaSchema, MetaSchemaRef};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::{Deserialize, Serialize};

use crate::body::{JSON_LENGTH, parse};
use crate::error::{Code, Failure};

/// The header `Idempotency-Key`.
pub(crate) struct KeyInHeader(Result<Option<Keyed>, String>);

/// A request that may come again.
pub(crate) struct Keyed {
    key: IdempotencyKey,
    /// Who sends it, where a key is asked for.
    caller: Option<Caller>,
    /// Of what its head says of its body.
    head: ContentDigest,
}

/// Headers that say what a body means.
const OF_THE_BODY: [&str; 3] = ["content-type", "content-encoding", JSON_LENGTH];

impl KeyInHeader {
    /// The request as one that may come again, if it says so.
    pub(crate) fn parse(self) -> Result<Option<Keyed>, Failure> {
        self.0.map_err(|detail| Failure::new(Code::Malformed, detail))
    }
}

impl Keyed {
    /// The digest of the key where the request goes (what is done, and with what) and of who sends it.
    pub(crate) fn key_digest(&self, place: &[&str]) -> [u8; 32] {
        self.key.digest(place, self.caller.as_ref().and_then(Caller::identity))
    }

    /// What tells the request apart.
    pub(crate) async fn identity(&self, place: &[&str], body: Bytes) -> Result<RequestIdentity, Failure> {
        let mut digest = self.head.clone();
        let content = parse(body, move |body| {
            digest.piece(body);
            Ok::<_, Failure>(digest.finish())
        });
        Ok(RequestIdentity { key: self.key_digest(place), content: content.await?? })
    }
}

impl<'a> ApiExtractor<'a> for KeyInHeader {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];

    type ParamType = ();
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        let schema = MetaSchema {
            pattern: Some("^[!-~]{1,255}$".to_owned()),
            min_length: Some(1),
            max_length: Some(255),
            example: Some("8e03978e-40d5-43dd-bc93-6894a57f9324".into()),
            ..MetaSchema::new("string")
        };
        Some(MetaSchemaRef::Inline(Box::new(schema)))
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let came = request.headers().get_all(IDEMPOTENCY_KEY).iter().map(HeaderValue::as_bytes);
        let keyed = IdempotencyKey::of(came).map(|key| {
            let key = key?;
            let mut head = ContentDigest::default();
            head.part(request.uri().query().unwrap_or_default().as_bytes());
            for name in OF_THE_BODY {
                head.part(request.headers().get(name).map_or(&[], HeaderValue::as_bytes));
            }
            let caller = request.data::<Caller>().cloned();
            Some(Keyed { key, caller, head })
        });
        Ok(Self(keyed))
    }
}

/// An answer that can be given again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Written {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Written {
    /// An answer with a body of this type.
    pub(crate) fn new(status: StatusCode, media_type: &str, body: Vec<u8>) -> Self {
        Self { status: status.as_u16(), headers: Vec::new(), body }
            .with_header(header::CONTENT_TYPE.as_str(), media_type)
    }

    /// An answer in JSON.
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, Failure> {
        let json = serde_json::to_vec(body).map_err(|error| Failure::internal(format!("writing JSON: {error}")))?;
        Ok(Self::new(status, "application/json", json))
    }

    /// The same with a header.
    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// As it is kept.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, String> {
        postcard::to_allocvec(self).map_err(|error| error.to_string())
    }

    /// An answer as it was kept.
    pub(crate) fn of(first: &FirstAnswer) -> Result<Response, Failure> {
        let unreadable = |error| Failure::internal(format!("reading an answer that was kept: {error}"));
        let written: Self = postcard::from_bytes(&first.bytes).map_err(unreadable)?;
        let mut response = Response::from(written);
        if first.is_replayed {
            response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(response)
    }
}

impl From<Written> for Response {
    fn from(Written { status, headers, body }: Written) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or_default();
        let mut response = Self::builder().status(status).body(body);
        for (name, value) in headers {
            // What is no header value is told in the body alone.
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
