//! One line in the log per call, also for those whose client left before the answer.

use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use drifting_access::Caller;
use drifting_listening::{escaped, milliseconds};
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Level;

use super::received::Messages;
use super::watched::{Watched, is_probe};

/// A call on its way.
pub(crate) struct Access {
    method: String,
    client: Option<IpAddr>,
    caller: Caller,
    watched: Watched,
    started: Instant,
    is_logged: bool,
}

impl Access {
    pub(super) fn begin(path: &str, client: Option<IpAddr>, watched: Watched) -> Self {
        let (method, caller) = (escaped(path).into_owned(), Caller::ANYBODY);
        Self { method, client, caller, watched, started: Instant::now(), is_logged: false }
    }

    /// Who makes it is known.
    pub(super) fn came_from(&mut self, caller: Caller) {
        self.caller = caller;
    }

    fn end(&mut self, code: Option<Code>) {
        self.is_logged = true;
        let took = self.started.elapsed();
        self.watched.end(code, took);
        let is_probe = code.is_some() && is_probe(&self.method);
        if !(tracing::enabled!(Level::TRACE) || (!is_probe && tracing::enabled!(Level::INFO))) {
            return;
        }
        let duration_ms = milliseconds(took);
        let method = self.method.as_str();
        let client = self.client.map(tracing::field::display);
        // Of a key its public id.
        let key_id = self.caller.key_id();
        // The body is written outside of the call.
        let _within = self.watched.span.enter();
        match code {
            Some(code) if is_probe => tracing::trace!(method, ?code, duration_ms, client, key_id, "gRPC call"),
            Some(code) => tracing::info!(method, ?code, duration_ms, client, key_id, "gRPC call"),
            None => tracing::info!(method, duration_ms, client, key_id, "gRPC call whose client left"),
        }
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        if !self.is_logged {
            self.end(None);
        }
    }
}

/// An answer that is noted in the log when its status goes out.
pub(crate) struct Answer {
    body: Body,
    messages: Messages,
    access: Access,
}

impl Answer {
    /// An answer with these headers; where they have the status already, nothing else will come.
    pub(super) fn new(headers: &HeaderMap, body: Body, mut access: Access) -> Self {
        if let Some(status) = Status::from_header_map(headers) {
            access.end(Some(status.code()));
        }
        Self { body, messages: Messages::default(), access }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let span = self.access.watched.span.clone();
        let frame = ready!(span.in_scope(|| Pin::new(&mut self.body).poll_frame(cx)));
        if let Some(Ok(frame)) = &frame {
            if let Some(data) = frame.data_ref() {
                // Several messages may be in one frame, and one in several.
                let n_ended = self.messages.pass(data).n_ended;
                self.access.watched.sent(n_ended);
            }
            if let Some(trailers) = frame.trailers_ref() {
                self.access.end(Some(Status::from_header_map(trailers).map_or(Code::Ok, |status| status.code())));
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
