//! Problem details (RFC 9457): the one form of every failure.

use std::fmt;

use poem::Response;
use poem::http::header::{self, HeaderValue};
use poem_openapi::Object;
use serde::Serialize;

use super::{Also, Code, Failure};

/// The media type of problem details.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// One place in a request that is at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Object)]
#[oai(rename = "ProblemIssue")]
pub(crate) struct Issue {
    /// JSON pointer (RFC 6901) into the body; for a setting in the query string, `/` and its name.
    pub(crate) pointer: String,
    /// What was expected and what came.
    pub(crate) detail: String,
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() { f.write_str(&self.detail) } else { write!(f, "{}: {}", self.pointer, self.detail) }
    }
}

/// What went wrong (RFC 9457).
#[derive(Debug, Serialize, Object)]
pub(crate) struct Problem {
    /// Identifies the kind of problem: `urn:drifting:problem:` and the code.
    pub(crate) r#type: String,
    /// The kind of problem, in words.
    pub(crate) title: String,
    /// The status of the answer.
    #[oai(validator(minimum(value = "400"), maximum(value = "599")))]
    pub(crate) status: u16,
    /// What is wrong with this request: what was expected and what came.
    pub(crate) detail: String,
    /// The path of the request.
    pub(crate) instance: String,
    /// What a program can act on, such as `project_not_found`.
    pub(crate) code: String,
    /// Under this id the server's log tells more.
    pub(crate) request_id: String,
    /// The same as `detail`, for inference clients.
    pub(crate) error: String,
    /// Every place in the request that is at fault, where places are known (at most 20).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[oai(default)]
    pub(crate) errors: Vec<Issue>,
    /// The same as `detail`, for those who look for it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip)]
    pub(crate) message: Option<String>,
    /// False, for those who ask whether the server is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[oai(skip)]
    pub(crate) ready: Option<bool>,
}

impl Problem {
    /// What is told of a failure.
    pub(crate) fn of(failure: Failure, instance: &str, request_id: &str) -> Self {
        let Failure { code, detail, issues, cause: _, also } = failure;
        Self {
            r#type: format!("urn:drifting:problem:{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            message: (also == Some(Also::Message)).then(|| detail.clone().into_owned()),
            ready: (also == Some(Also::NotReady)).then_some(false),
            error: detail.clone().into_owned(),
            detail: detail.into_owned(),
            instance: instance.to_owned(),
            code: code.as_str().to_owned(),
            request_id: request_id.to_owned(),
            errors: issues,
        }
    }

    /// The answer to a request that failed.
    pub(crate) fn answer(failure: Failure, instance: &str, request_id: &str) -> Response {
        let code = failure.code;
        let retry_after = match failure.also {
            Some(Also::RetryAfter(seconds)) => Some(seconds),
            _ => code.retry_after_s(),
        };
        let body = serde_json::to_vec(&Self::of(failure, instance, request_id)).unwrap_or_default();
        // Inference clients read the text of an error in nothing but this type.
        let media_type = if crate::v2::has_path(instance) { "application/json" } else { MEDIA_TYPE };
        let mut response = Response::builder().status(code.status()).content_type(media_type).body(body);
        if code == Code::Unauthenticated {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
