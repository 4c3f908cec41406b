//! The answer to predictions that are refused, made once. Under overload most answers are this one: of each request it has the path
//! and the id.

use std::sync::OnceLock;

use bytes::Bytes;
use futures_util::FutureExt;
use poem::Response;

use crate::body::Coding;
use crate::connection::{frame, status_and_headers};

/// With a longer path the answer might be worth a coding.
const PATH_BYTES_MAX: usize = 256;

/// An answer with a problem in it, as bytes of HTTP/1.1, but for the path and the id of the request.
pub(super) struct Prepared {
    head: Vec<u8>,
    /// Before the path, between the path and the id, behind the id.
    body: [String; 3],
}

impl Prepared {
    /// From the answer to a request for this path that has an empty id, whose header is not among those of the answer.
    pub(super) fn of(mut answer: Response, path: &str) -> Option<Self> {
        // What is in memory is there at once.
        let body = answer.take_body().into_string().now_or_never()?.ok()?;
        // Quotes within a text are escaped, so these are the members.
        let (first, rest) = body.split_once(&format!("\"instance\":{}", json(path)?))?;
        let (second, last) = rest.split_once("\"request_id\":\"\"")?;
        let body = [format!("{first}\"instance\":"), format!("{second}\"request_id\":\""), format!("\"{last}")];
        Some(Self { head: status_and_headers(&answer), body })
    }

    /// The answer to a request with this path and this id, which is made of letters, digits, `.`, `_` and `-`, if the path is not too
    /// long for it. O(its length).
    pub(super) fn answer(&self, path: &str, id: &str) -> Option<Bytes> {
        if path.len() > PATH_BYTES_MAX {
            return None;
        }
        let (path, [first, second, last]) = (json(path)?, &self.body);
        let body = [first.as_str(), &path, second, id, last];
        let mut bytes = Vec::with_capacity(1_024);
        bytes.extend_from_slice(&self.head);
        for part in ["x-request-id: ", id, "\r\n"] {
            bytes.extend_from_slice(part.as_bytes());
        }
        frame(&mut bytes, body.iter().map(|part| part.len()).sum());
        for part in body {
            bytes.extend_from_slice(part.as_bytes());
        }
        Some(bytes.into())
    }
}

/// The answers by what they depend on, each made when it is first needed.
#[derive(Default)]
pub(crate) struct PreparedRefusals([OnceLock<Option<Prepared>>; 4]);

impl PreparedRefusals {
    /// The answer for requests of a path and a coding; `make` makes it, given a path of the same kind, for a request with an empty id.
    pub(super) fn of(
        &self,
        path: &str,
        coding: Coding,
        make: impl FnOnce(&str) -> Option<Response>,
    ) -> Option<&Prepared> {
        let (is_v2, is_coded) = (crate::v2::has_path(path), coding != Coding::Identity);
        let path = if is_v2 { "/v2" } else { "/" };
        let prepared = &self.0[usize::from(is_v2) * 2 + usize::from(is_coded)];
        prepared.get_or_init(|| Prepared::of(make(path)?, path)).as_ref()
    }
}

fn json(text: &str) -> Option<String> {
    serde_json::to_string(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::written;
    use crate::error::{Failure, Problem};

    #[test]
    fn it_is_the_answer_that_is_made_for_each_request() {
        let made = PreparedRefusals::default();
        for path in ["/api/v1/projects/p/predict", "/v2/models/p/infer", "/a\"b\\c"] {
            let of = |path: &str, id: &str| {
                let mut answer = Problem::answer(Failure::overloaded(), path, id);
                if !id.is_empty() {
                    answer.headers_mut().insert("x-request-id", id.parse().expect("a value"));
                }
                answer
            };
            let id = "i".repeat(128);
            let prepared = made.of(path, Coding::Identity, |path| Some(of(path, ""))).expect("it can be prepared");
            let expected = written(of(path, &id)).now_or_never().flatten().expect("it is in memory");
            let lines = |bytes: &[u8]| {
                let text = String::from_utf8(bytes.to_vec()).expect("text");
                let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                lines.retain(|line| !line.starts_with("date: "));
                lines.sort();
                lines
            };
            assert_eq!(lines(&prepared.answer(path, &id).expect("a short path")), lines(&expected));
        }
        let prepared = made.of("/", Coding::Identity, |_| None).expect("it has been made");
        assert!(prepared.answer(&"p".repeat(256), "i").is_some() && prepared.answer(&"p".repeat(257), "i").is_none());
    }
}
