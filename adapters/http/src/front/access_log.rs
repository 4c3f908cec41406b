//! One line in the log per request, also for those whose client left before the answer.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use poem::http::{Method, StatusCode, Uri};

/// A request on its way.
pub(super) struct Access {
    method: Method,
    uri: Uri,
    id: String,
    started: Instant,
    is_logged: bool,
}

impl Access {
    pub(super) fn begin(method: Method, uri: Uri, id: String) -> Self {
        Self { method, uri, id, started: Instant::now(), is_logged: false }
    }

    /// The request has been answered.
    pub(super) fn end(mut self, status: StatusCode) {
        self.log(Some(status.as_u16()));
    }

    fn log(&mut self, status: Option<u16>) {
        self.is_logged = true;
        let duration_ms = milliseconds(self.started.elapsed());
        let path = escaped(self.uri.path());
        let (method, request_id) = (self.method.as_str(), self.id.as_str());
        match status {
            Some(status) if is_probe(self.uri.path()) => {
                tracing::trace!(method, %path, status, duration_ms, request_id, "request");
            }
            Some(status) => tracing::info!(method, %path, status, duration_ms, request_id, "request"),
            None => tracing::info!(method, %path, duration_ms, request_id, "request whose client left"),
        }
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        if !self.is_logged {
            self.log(None);
        }
    }
}

/// What clients send cannot forge lines: a path holds no control characters but escaped ones.
fn escaped(path: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'\\".contains(&byte);
    if path.bytes().all(is_plain) { Cow::Borrowed(path) } else { Cow::Owned(path.escape_debug().to_string()) }
}

fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz")
}

/// Milliseconds to the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
