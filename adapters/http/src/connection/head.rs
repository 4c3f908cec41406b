//! The plainest requests of HTTP/1.1 by their heads, and answers to them as bytes (RFC 9112).

use std::io::Write;
use std::time::SystemTime;

use bytes::Bytes;
use memchr::memmem;
use poem::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use poem::http::{Method, Uri, Version};
use poem::{Request, Response};

/// More headers are not looked at here.
const HEADERS_MAX: usize = 32;
/// What a head ends with.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// The head of a request whose body has a length that it tells, and after which the connection goes on.
pub(super) struct Head {
    /// Without its body.
    pub(super) request: Request,
    /// Its own length.
    pub(super) n_bytes: usize,
    /// The length of the body.
    pub(super) body_bytes: u64,
}

impl Head {
    /// The head that these bytes begin with, if it is whole, and as plain as that: everything else is left to who knows it all. O(its length).
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        // All that is kept of it shares one copy, without what has come of the body.
        let end = memmem::find(bytes, HEAD_END)? + HEAD_END.len();
        let bytes = Bytes::copy_from_slice(&bytes[..end]);
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Request::new(&mut headers);
        let Ok(httparse::Status::Complete(n_bytes)) = parsed.parse(&bytes) else { return None };
        let (method, path) = (parsed.method?, parsed.path?);
        if parsed.version != Some(1) || !path.starts_with('/') {
            return None;
        }
        let mut headers = HeaderMap::with_capacity(parsed.headers.len());
        for came in &*parsed.headers {
            let name = HeaderName::from_bytes(came.name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_maybe_shared(bytes.slice_ref(came.value)).ok()?);
        }
        let body_bytes = plain_length(&headers)?;
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).ok()?)
            .uri(Uri::from_maybe_shared(bytes.slice_ref(path.as_bytes())).ok()?)
            .version(Version::HTTP_11)
            .finish();
        *request.headers_mut() = headers;
        Some(Self { request, n_bytes, body_bytes })
    }
}

/// The length of a body that comes as it is, at once, over a connection that is kept.
fn plain_length(headers: &HeaderMap) -> Option<u64> {
    let others = [header::TRANSFER_ENCODING, header::EXPECT, header::UPGRADE];
    let says_kept = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"keep-alive");
    let is_kept = headers.get_all(header::CONNECTION).iter().all(says_kept);
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let (length, second) = (lengths.next()?.to_str().ok()?, lengths.next());
    let is_number = second.is_none() && length.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = is_kept && is_number && !others.iter().any(|name| headers.contains_key(name));
    if is_plain { length.parse().ok() } else { None }
}

/// An answer as it is sent; nothing where its body cannot be had.
pub(crate) async fn written(mut response: Response) -> Option<Bytes> {
    let body = response.take_body().into_bytes().await.ok()?;
    let mut bytes = status_and_headers(&response);
    frame(&mut bytes, body.len());
    bytes.extend_from_slice(&body);
    Some(bytes.into())
}

/// The first line of an answer and its headers, but for those that [`frame`] writes.
pub(crate) fn status_and_headers(response: &Response) -> Vec<u8> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).into_bytes();
    let own = [header::CONTENT_LENGTH, header::DATE, header::TRANSFER_ENCODING, header::CONNECTION];
    for (name, value) in response.headers().iter().filter(|(name, _)| !own.contains(name)) {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes
}

/// Ends the head of an answer with a body of so many bytes, over a connection that is kept.
pub(crate) fn frame(bytes: &mut Vec<u8>, body_bytes: usize) {
    let date = httpdate::HttpDate::from(SystemTime::now());
    // Writing to memory does not fail.
    let _ = write!(bytes, "content-length: {body_bytes}\r\ndate: {date}\r\n\r\n");
}

#[cfg(test)]
mod tests {
    use poem::http::StatusCode;

    use super::*;

    fn head(lines: &[&str]) -> Option<Head> {
        Head::of(format!("{}\r\n\r\n12345", lines.join("\r\n")).as_bytes())
    }

    #[test]
    fn a_plain_request_is_read_as_it_is() {
        let lines =
            ["POST /a?b=c HTTP/1.1", "Host: x", "content-length: 5", "Connection: keep-alive", "A: 1", "a: 2", "b:"];
        let head = head(&lines).expect("it is plain");
        assert_eq!((head.n_bytes, head.body_bytes), (lines.join("\r\n").len() + 4, 5));
        assert_eq!((head.request.method(), head.request.uri().to_string()), (&Method::POST, "/a?b=c".to_owned()));
        assert_eq!(head.request.headers().get_all("a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert!(head.request.headers()["b"].is_empty());
    }

    #[test]
    fn everything_else_is_left() {
        let first = "POST /a HTTP/1.1";
        for lines in [
            &[first][..],
            &[first, "content-length: 5", "content-length: 5"],
            &[first, "content-length: +5"],
            &[first, "content-length: 5, 5"],
            &[first, "content-length: 99999999999999999999"],
            &[first, "content-length:"],
            &[first, "content-length: 5", "transfer-encoding: chunked"],
            &[first, "content-length: 5", "expect: 100-continue"],
            &[first, "content-length: 5", "connection: close"],
            &[first, "content-length: 5", "connection: keep-alive", "connection: upgrade"],
            &[first, "content-length: 5", "upgrade: h2c"],
            &[first, "content-length: 5", " folded: x"],
            &["POST /a HTTP/1.0", "content-length: 5"],
            &["POST http://x/a HTTP/1.1", "content-length: 5"],
            &["OPTIONS * HTTP/1.1", "content-length: 5"],
            &["PRI * HTTP/2.0"],
        ] {
            assert!(head(lines).is_none(), "{lines:?}");
        }
        assert!(Head::of(b"POST /a HTTP/1.1\r\ncontent-length: 5\r\n").is_none(), "not whole");
        assert!(Head::of(&[0xff; 100]).is_none() && Head::of(b"").is_none());
    }

    #[tokio::test]
    async fn an_answer_is_framed_by_its_length_once() {
        let response = Response::builder()
            .status(StatusCode::SERVICE_UNAVAILABLE)
            .header("retry-after", "1")
            .header("content-length", "7")
            .body("full");
        let bytes = written(response).await.expect("it is in memory");
        let text = std::str::from_utf8(&bytes).expect("text");
        assert!(
            text.starts_with("HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 4\r\ndate: "),
            "{text}"
        );
        assert!(text.ends_with(" GMT\r\n\r\nfull"), "{text}");
    }
}
