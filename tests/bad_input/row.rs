//! A row of the table: a request, and how it is refused.

/// The media types of bodies.
pub const JSON: &str = "application/json";
pub const CSV: &str = "text/csv";
pub const NDJSON: &str = "application/x-ndjson";
pub const PARQUET: &str = "application/vnd.apache.parquet";
pub const ARROW: &str = "application/vnd.apache.arrow.stream";

/// Where rows are fed.
pub const PREDICT: &str = "/api/v1/projects/price/predict";
/// Where a project would be fitted that is not there.
pub const FIT: &str = "/api/v1/projects/new/fit";

/// A bad request.
#[derive(Debug, Clone)]
pub struct Row {
    /// What is bad about it.
    pub what: String,
    /// Its bytes.
    pub request: Vec<u8>,
    /// Whether the client closes its side when it has sent them.
    pub hangs_up: bool,
    /// Whether the connection is watched to its end: one answer, and then it closes.
    pub to_its_end: bool,
    pub status: u16,
    /// The code of the problem document. `None`: the HTTP library refuses the request before the server sees it, so
    /// that there is a status without a body.
    pub code: Option<&'static str>,
    /// The first place at fault, where one is told.
    pub pointer: Option<String>,
}

impl Row {
    /// A request as it stands.
    pub fn raw(what: impl Into<String>, request: impl Into<Vec<u8>>, status: u16, code: &'static str) -> Self {
        Self {
            what: what.into(),
            request: request.into(),
            hangs_up: false,
            to_its_end: false,
            status,
            code: Some(code),
            pointer: None,
        }
    }

    /// A request with these lines in its head, and a body with its length.
    pub fn with_headers(
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
        status: u16,
        code: &'static str,
    ) -> Self {
        let body = body.as_ref();
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        let is_named = |name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if !is_named("host") {
            head += "Host: localhost\r\n";
        }
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        if !body.is_empty() && !is_named("content-length") && !is_named("transfer-encoding") {
            head.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
        }
        Self::raw(described(method, path, body), [head.as_bytes(), b"\r\n", body].concat(), status, code)
    }

    /// A request without a body.
    pub fn bare(method: &str, path: &str, status: u16, code: &'static str) -> Self {
        Self::with_headers(method, path, &[], "", status, code)
    }

    /// A body of a media type.
    pub fn post(path: &str, media_type: &str, body: impl AsRef<[u8]>, status: u16, code: &'static str) -> Self {
        Self::with_headers("POST", path, &[("Content-Type", media_type)], body, status, code)
    }

    /// The same with another description.
    pub fn about(self, what: &str) -> Self {
        Self { what: what.to_owned(), ..self }
    }

    /// The same with the first place at fault.
    pub fn at(self, pointer: &str) -> Self {
        Self { pointer: Some(pointer.to_owned()), ..self }
    }

    /// The same, refused by the HTTP library itself.
    pub fn unseen(self) -> Self {
        Self { code: None, ..self }
    }

    /// The same from a client that closes its side.
    pub fn hanging_up(self) -> Self {
        Self { hangs_up: true, ..self }
    }

    /// The same, on a connection that must end with the answer.
    pub fn then_closed(self) -> Self {
        Self { to_its_end: true, ..self }
    }
}

/// The beginning of a request, in characters that can be printed.
fn described(method: &str, path: &str, body: &[u8]) -> String {
    const SHOWN: usize = 70;
    let body: String = body.iter().take(SHOWN).map(|byte| byte.escape_ascii().to_string()).collect();
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    format!("{method} {path} {body}").trim_end().chars().take(2 * SHOWN).collect()
}
