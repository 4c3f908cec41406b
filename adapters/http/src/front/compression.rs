//! Answers in a content coding that the client takes, where that is worth it.

use poem::http::header::{self, HeaderValue};
use poem::http::{Method, StatusCode};
use poem::{Request, Response};

use crate::body::{Coding, accepted, encode};

/// Shorter answers fit into one packet as they are.
const BYTES_MIN: usize = 1_024;
/// Longer ones are coded on a thread that may be kept busy.
const CODED_INLINE_MAX: usize = 32 * 1024;

/// The coding that a request's answer may have.
pub(super) fn wanted(request: &Request) -> Coding {
    // The answer to HEAD has the length that the one to GET would have, and nothing else of it.
    if request.method() == Method::HEAD { Coding::Identity } else { accepted(request.headers()) }
}

/// Codes an answer that is text, whole, and not coded already. O(its length).
pub(super) async fn compress(response: &mut Response, coding: Coding) {
    if coding == Coding::Identity || !is_text(response) || response.headers().contains_key(header::CONTENT_ENCODING) {
        return;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let Ok(bytes) = response.take_body().into_bytes().await else {
        // What is in memory can be read.
        response.set_status(StatusCode::INTERNAL_SERVER_ERROR);
        return;
    };
    let coded = match bytes.len() {
        _ if bytes.len() < BYTES_MIN => None,
        ..=CODED_INLINE_MAX => encode(coding, &bytes).ok(),
        _ => {
            let bytes = bytes.clone();
            tokio::task::spawn_blocking(move || encode(coding, &bytes).ok()).await.ok().flatten()
        }
    };
    match coded {
        Some(coded) => {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()));
            response.headers_mut().remove(header::CONTENT_LENGTH);
            response.set_body(coded);
        }
        None => response.set_body(bytes),
    }
}

/// Streams of events are no whole, and files are compressed as it suits them.
fn is_text(response: &Response) -> bool {
    let media_type = response.content_type().unwrap_or_default();
    let kinds = [
        "application/json",
        "application/problem+json",
        "application/yaml",
        "application/openmetrics-text",
        "text/html",
        "text/csv",
        "text/plain",
    ];
    kinds.iter().any(|kind| media_type.starts_with(kind))
}
