//! What the stub answers, and how it refuses.

use bytes::Bytes;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

/// An answer, whole in memory.
pub(super) type Answer = Response<Bytes>;

/// Why a request is refused, as Google tells it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    reason: &'static str,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message)
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "notFound", format!("No such object: {what}"))
    }

    pub(super) fn no_bucket() -> Self {
        Self::new(StatusCode::NOT_FOUND, "notFound", "The specified bucket does not exist.")
    }

    pub(super) fn condition_not_met() -> Self {
        let message = "At least one of the pre-conditions you specified did not hold.";
        Self::new(StatusCode::PRECONDITION_FAILED, "conditionNotMet", message)
    }

    pub(super) fn not_modified() -> Self {
        Self::new(StatusCode::NOT_MODIFIED, "notModified", "")
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authError", "Invalid Credentials")
    }

    /// The answer that tells it.
    pub(super) fn answer(&self) -> Answer {
        if self.status == StatusCode::NOT_MODIFIED {
            return empty(self.status);
        }
        let Self { status, reason, message } = self;
        let error = json!({"domain": "global", "reason": reason, "message": message});
        let body = json!({"error": {"code": status.as_u16(), "message": message, "errors": [error]}});
        json_answer(*status, &body)
    }
}

pub(super) fn json_answer(status: StatusCode, body: &Value) -> Answer {
    with_body(status, "application/json; charset=UTF-8", body.to_string().into())
}

pub(super) fn xml_answer(body: String) -> Answer {
    with_body(StatusCode::OK, "application/xml; charset=UTF-8", body.into())
}

pub(super) fn empty(status: StatusCode) -> Answer {
    let answer = Response::builder().status(status).body(Bytes::new());
    answer.expect("a status alone is an answer")
}

pub(super) fn with_body(status: StatusCode, content_type: &str, body: Bytes) -> Answer {
    let answer = Response::builder().status(status).header("content-type", content_type).body(body);
    answer.unwrap_or_else(|_| Refusal::invalid("that content type cannot be sent").answer())
}
