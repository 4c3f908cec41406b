//! A request to the stub, taken apart.

use std::collections::HashMap;

use bytes::Bytes;
use hyper::header::AsHeaderName;
use hyper::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::answers::Refusal;
use super::multipart;

/// A request with its body.
pub(super) struct Question {
    pub(super) method: Method,
    /// The parts of the path, decoded: names of objects are one part each.
    pub(super) path: Vec<String>,
    query: HashMap<String, String>,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Question {
    pub(super) fn new(method: Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> Self {
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let path = uri.path().split('/').skip(1).map(decoded).collect();
        let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        Self { method, path, query, headers, body }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.parameter(name).ok_or_else(|| Refusal::invalid(format!("Required parameter: {name}")))
    }

    /// A parameter that is a number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let number =
            |text: &str| text.parse().map_err(|_| Refusal::invalid(format!("Invalid value for {name}: {text}")));
        self.parameter(name).map(number).transpose()
    }

    pub(super) fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The name of the object that is uploaded: in the query, or in the resource that comes first.
    pub(super) fn object_name(&self) -> String {
        let in_resource = || {
            let parts = multipart::parts(self).ok()?;
            let resource = parts.first().map_or(&self.body, |part| &part.content);
            serde_json::from_slice::<Value>(resource).ok()?["name"].as_str().map(str::to_owned)
        };
        self.parameter("name").map(str::to_owned).or_else(in_resource).unwrap_or_default()
    }

    /// The fields of a form in the body.
    pub(super) fn form(&self) -> HashMap<String, String> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }
}
