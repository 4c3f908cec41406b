//! One line in the log per request, also for those whose client left before the answer.

use std::net::IpAddr;
use std::time::Instant;

use drifting_access::Caller;
use drifting_listening::{escaped, milliseconds};
use poem::http::{Method, StatusCode, Uri};
use tracing::{Level, Span};

use super::watched::Watched;

/// A request on its way.
pub(super) struct Access {
    method: Method,
    uri: Uri,
    client: Option<IpAddr>,
    caller: Caller,
    watched: Watched,
    started: Instant,
    is_logged: bool,
}

impl Access {
    pub(super) fn begin(method: Method, uri: Uri, client: Option<IpAddr>, watched: Watched) -> Self {
        Self { method, uri, client, caller: Caller::ANYBODY, watched, started: Instant::now(), is_logged: false }
    }

    /// Who sends it is known.
    pub(super) fn came_from(&mut self, caller: Caller) {
        self.caller = caller;
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
        let is_probe = status.is_some() && self.watched.is_probe();
        // Under overload there are many, and nothing is made up for a line that nobody writes.
        if !(tracing::enabled!(Level::TRACE) || (!is_probe && tracing::enabled!(Level::INFO))) {
            return;
        }
        let duration_ms = milliseconds(took);
        let path = escaped(self.uri.path());
        let method = self.method.as_str();
        let client = self.client.map(tracing::field::display);
        // Of a key its public id.
        let key_id = self.caller.key_id();
        let project = self.watched.project(self.uri.path());
        match status.map(|status| status.as_u16()) {
            Some(status) if is_probe => {
                tracing::trace!(method, %path, status, duration_ms, client, key_id, project, "request");
            }
            Some(status) => tracing::info!(method, %path, status, duration_ms, client, key_id, project, "request"),
            None => {
                tracing::info!(method, %path, duration_ms, client, key_id, project, "request whose client left");
            }
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
