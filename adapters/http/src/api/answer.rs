//! The answer to an operation, with everything the document says of it.

use std::marker::PhantomData;

use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde::Serialize;

use crate::error::{Failure, Problem};

/// What the document says of an operation's answers.
pub(crate) trait Operation {
    /// The body of a success.
    type Body: Type;
    /// The media type of that body.
    const MEDIA_TYPE: &'static str = "application/json";
    /// Another media type that a success may have, which is text.
    const ALSO_AS_TEXT: Option<&'static str> = None;
    /// The status of a success.
    const STATUS: StatusCode = StatusCode::OK;
    /// What a success means.
    const DESCRIPTION: &'static str;
    /// Whether a success has a body.
    const HAS_BODY: bool = true;
    /// Whether a success says where the thing is.
    const HAS_LOCATION: bool = false;
    /// Whether a success may have been given before.
    const IS_REPLAYED: bool = false;
    /// Another success.
    const ALSO: Option<Also> = None;
    /// The media type of failures.
    const FAILURE_MEDIA_TYPE: &'static str = "application/problem+json";
    /// The failures, by status, with their codes.
    const FAILURES: &'static [(u16, &'static str)];
}

/// What the document says of another success of an operation.
pub(crate) struct Also {
    /// Its status.
    pub(crate) status: StatusCode,
    /// What it means.
    pub(crate) description: &'static str,
    /// Its headers and what they say.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// Its body, which is JSON.
    pub(crate) body: Option<BodyOf>,
}

/// The schema of a body, and what makes it known.
pub(crate) struct BodyOf {
    schema: fn() -> MetaSchemaRef,
    register: fn(&mut Registry),
}

impl BodyOf {
    pub(crate) const fn new<T: Type>() -> Self {
        Self { schema: T::schema_ref, register: T::register }
    }
}

/// A success of an operation.
pub(crate) struct Answer<O>(Response, PhantomData<O>);

impl<O: Operation> Answer<O> {
    /// An answer with this JSON.
    pub(crate) fn json(json: Vec<u8>) -> Self {
        Self(Response::builder().status(O::STATUS).content_type("application/json").body(json), PhantomData)
    }

    /// An answer with this body.
    pub(crate) fn of(body: &impl Serialize) -> Result<Self, Failure> {
        serde_json::to_vec(body).map(Self::json).map_err(|error| Failure::internal(format!("writing JSON: {error}")))
    }

    /// An answer as it is.
    pub(crate) fn response(response: impl IntoResponse) -> Self {
        Self(response.into_response(), PhantomData)
    }

    /// The other success, without a body.
    pub(crate) fn also_empty() -> Self {
        let status = O::ALSO.map_or(StatusCode::NO_CONTENT, |also| also.status);
        Self(Response::builder().status(status).finish(), PhantomData)
    }

    /// An answer without a body.
    pub(crate) fn empty() -> Self {
        Self(Response::builder().status(O::STATUS).finish(), PhantomData)
    }
}

impl<O: Send> IntoResponse for Answer<O> {
    fn into_response(self) -> Response {
        self.0
    }
}

fn problem_content(content_type: &'static str) -> Vec<MetaMediaType> {
    vec![MetaMediaType { content_type, schema: Problem::schema_ref() }]
}

fn header(name: &str, description: &str, schema: poem_openapi::registry::MetaSchemaRef) -> MetaHeader {
    MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: true,
        deprecated: false,
        schema,
    }
}

/// Only an answer that was given before has it.
fn replayed() -> MetaHeader {
    let says = "`true`: this is the first answer to the request of this `Idempotency-Key`, which came before.";
    MetaHeader { required: false, ..header("Idempotency-Replayed", says, String::schema_ref()) }
}

/// Those that any operation may answer with.
const ALWAYS: [(u16, &str); 4] = [
    (
        403,
        "`host_not_allowed`, `origin_not_allowed`: the `Host` or `Origin` is not one that this server serves; \
         `read_only`: the server serves read-only, and this would write.",
    ),
    (414, "`target_too_long`: the path and the query are longer than this server takes."),
    (431, "`headers_too_large`: there are more headers, or longer ones, than this server takes."),
    (500, "`internal`: the server failed; its log says why under the request id."),
];

impl<O: Operation> ApiResponse for Answer<O> {
    fn meta() -> MetaResponses {
        let request_id =
            || header("X-Request-Id", "The id of the request, as it came or made up.", String::schema_ref());
        let mut headers = vec![request_id()];
        if O::HAS_LOCATION {
            headers.push(header("Location", "The path of the project.", String::schema_ref()));
        }
        if O::IS_REPLAYED {
            headers.push(replayed());
        }
        let content = if O::HAS_BODY {
            let text = |content_type| MetaMediaType { content_type, schema: String::schema_ref() };
            let body = MetaMediaType { content_type: O::MEDIA_TYPE, schema: O::Body::schema_ref() };
            std::iter::once(body).chain(O::ALSO_AS_TEXT.map(text)).collect()
        } else {
            Vec::new()
        };
        let success = MetaResponse {
            description: O::DESCRIPTION,
            status: Some(O::STATUS.as_u16()),
            status_range: None,
            content,
            headers,
        };
        let mut failures: Vec<(u16, &'static str)> = O::FAILURES.iter().chain(&ALWAYS).copied().collect();
        failures.sort_by_key(|(status, _)| *status);
        let failures = failures.into_iter().map(|(status, description)| {
            let mut headers = vec![request_id()];
            if status == 503 {
                headers.push(header("Retry-After", "After how many seconds to try again.", u64::schema_ref()));
            }
            let content = problem_content(O::FAILURE_MEDIA_TYPE);
            MetaResponse { description, status: Some(status), status_range: None, content, headers }
        });
        let also = O::ALSO.map(|also| {
            let said = also.headers.iter().map(|(name, says)| header(name, says, String::schema_ref()));
            let content =
                also.body.map(|body| MetaMediaType { content_type: "application/json", schema: (body.schema)() });
            MetaResponse {
                description: also.description,
                status: Some(also.status.as_u16()),
                status_range: None,
                content: content.into_iter().collect(),
                headers: std::iter::once(request_id()).chain(said).chain(O::IS_REPLAYED.then(replayed)).collect(),
            }
        });
        MetaResponses { responses: std::iter::once(success).chain(also).chain(failures).collect() }
    }

    fn register(registry: &mut Registry) {
        if O::HAS_BODY {
            O::Body::register(registry);
        }
        if let Some(body) = O::ALSO.and_then(|also| also.body) {
            (body.register)(registry);
        }
        Problem::register(registry);
    }
}

/// Failures are told by [`Operation::FAILURES`]; the front renders them.
impl ApiResponse for Failure {
    fn meta() -> MetaResponses {
        MetaResponses { responses: Vec::new() }
    }

    fn register(_registry: &mut Registry) {}
}
