//! One line in the log per request, also for those whose client left before the answer.

use std::time::Instant;

use drifting_listening::{escaped, milliseconds};
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

fn is_probe(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz")
}
