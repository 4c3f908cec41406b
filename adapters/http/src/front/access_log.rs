//! One line in the log per request, also for those whose client left before the answer.

use std::time::Instant;

use drifting_listening::{escaped, milliseconds};
use poem::http::{Method, StatusCode, Uri};
use tracing::Span;

use super::watched::Watched;

/// A request on its way.
pub(super) struct Access {
    method: Method,
    uri: Uri,
    watched: Watched,
    started: Instant,
    is_logged: bool,
}

impl Access {
    pub(super) fn begin(method: Method, uri: Uri, watched: Watched) -> Self {
        Self { method, uri, watched, started: Instant::now(), is_logged: false }
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    pub(super) fn path(&self) -> &str {
        self.uri.path()
    }

    /// The span of the request.
    pub(super) fn span(&self) -> Span {
        self.watched.span.clone()
    }

    /// It came before, and has been given its first answer again.
    pub(super) fn replayed(&self) {
        self.watched.replayed();
    }

    /// The request has been answered.
    pub(super) fn end(mut self, status: StatusCode) {
        self.log(Some(status));
    }

    fn log(&mut self, status: Option<StatusCode>) {
        self.is_logged = true;
        let took = self.started.elapsed();
        self.watched.end(status, took);
        let duration_ms = milliseconds(took);
        let path = escaped(self.uri.path());
        let method = self.method.as_str();
        match status.map(|status| status.as_u16()) {
            Some(status) if self.watched.is_probe() => {
                tracing::trace!(method, %path, status, duration_ms, "request");
            }
            Some(status) => tracing::info!(method, %path, status, duration_ms, "request"),
            None => tracing::info!(method, %path, duration_ms, "request whose client left"),
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
