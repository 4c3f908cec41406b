//! Pages of other servers that may use this one (Cross-Origin Resource Sharing, as the Fetch standard has it): none, unless the
//! owner names them.

use poem::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use poem::http::{Method, StatusCode};
use poem::{Request, Response};

/// What such a page may do.
const METHODS: &str = "GET, HEAD, POST, DELETE";
/// What it may send beside what any page may.
const HEADERS: &str = "authorization, content-encoding, content-type, idempotency-key, inference-header-content-length, \
                       last-event-id, prefer, traceparent, tracestate, x-api-key, x-request-id";
/// What it may read beside what any page may.
const EXPOSED: &str = "idempotency-replayed, inference-header-content-length, location, retry-after, x-request-id";
/// How long, in seconds, a browser may remember that.
const MAX_AGE: &str = "600";

/// The pages that may.
#[derive(Debug, Clone, Default)]
pub(crate) struct CrossOrigins(Vec<String>);

impl CrossOrigins {
    /// The pages of these origins, each as a browser writes it.
    pub(crate) fn new(origins: &[String]) -> Self {
        Self(origins.iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()).collect())
    }

    /// Whether a page from there may.
    pub(crate) fn has(&self, origin: &HeaderValue) -> bool {
        origin.to_str().is_ok_and(|origin| self.0.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)))
    }

    /// Whether answers depend on where a request comes from.
    pub(crate) fn are_some(&self) -> bool {
        !self.0.is_empty()
    }

    /// The page that a request comes from, if it may use this server.
    pub(crate) fn of<'a>(&self, request: &'a Request) -> Option<&'a HeaderValue> {
        request.headers().get(header::ORIGIN).filter(|origin| self.has(origin))
    }
}

/// The answer to a browser that asks on behalf of such a page what it may send, before it sends it.
pub(crate) fn preflight(request: &Request) -> Option<Response> {
    let asks =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    asks.then(|| {
        Response::builder()
            .status(StatusCode::NO_CONTENT)
            .header(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS)
            .header(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS)
            .header(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE)
            .finish()
    })
}

/// What every answer says to browsers: to take it for what it says it is, to keep it to itself, and to show it to no page but those
/// of this server and, where one came from there, of an allowed origin.
pub(crate) fn say(headers: &mut HeaderMap, origin: Option<HeaderValue>, varies: bool) {
    const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if varies {
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    let policy = if origin.is_some() { "cross-origin" } else { "same-origin" };
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static(policy));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}
