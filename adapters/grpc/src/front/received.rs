//! What comes from a client, with deadlines: a message that has begun must go on. Between two messages of a stream a client may
//! be silent for as long as it answers pings, until the server stops.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use drifting_inference::RefusalCode;
use drifting_listening::BodyShare;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;

use crate::settings::GrpcTimeouts;
use crate::status;
use crate::stop::Stopping;

/// Before each message: whether it is compressed, and in four bytes how long it is.
const HEADER_BYTES: usize = 5;

/// The messages of a request.
pub(super) struct Received {
    body: Body,
    messages: Messages,
    timeouts: GrpcTimeouts,
    /// Of the memory of all bodies.
    share: BodyShare,
    alarm: Pin<Box<Sleep>>,
    /// When the message under way began, and how much of it has come.
    started: Instant,
    n_bytes: u64,
    /// Of a stream: ready when no more messages are waited for.
    stopping: Option<BoxFuture<'static, ()>>,
}

impl Received {
    /// Of a request with one message.
    pub(super) fn one(body: Body, timeouts: GrpcTimeouts, share: BodyShare) -> Self {
        Self {
            body,
            messages: Messages::default(),
            timeouts,
            share,
            alarm: Box::pin(tokio::time::sleep(timeouts.message_chunk)),
            started: Instant::now(),
            n_bytes: 0,
            stopping: None,
        }
    }

    /// Of a request with any number of messages, of which none begins any more once the server stops.
    pub(super) fn stream(body: Body, timeouts: GrpcTimeouts, share: BodyShare, stopping: Stopping) -> Self {
        Self { stopping: Some(stopping.begun().boxed()), ..Self::one(body, timeouts, share) }
    }

    fn is_too_slow(&self) -> bool {
        let elapsed = self.started.elapsed();
        let least = self.timeouts.message_bytes_per_second_min.saturating_mul(elapsed.as_secs());
        elapsed > self.timeouts.message || (elapsed > self.timeouts.message_grace && self.n_bytes < least)
    }

    /// Nothing has come now.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        if let Some(stopping) = &mut self.stopping
            && self.messages.is_between()
        {
            ready!(stopping.as_mut().poll(cx));
            return Poll::Ready(Status::unavailable("the server stops; call again"));
        }
        ready!(self.alarm.as_mut().poll(cx));
        Poll::Ready(too_slow())
    }
}

fn bodies_full() -> Status {
    status::refusal(
        RefusalCode::Overloaded,
        "the messages of other calls take the memory that there is for them; try again",
    )
}

fn too_slow() -> Status {
    Status::deadline_exceeded("the message came too slowly")
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            return self.poll_silence(cx).map(|status| Some(Err(status)));
        };
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
            && !data.is_empty()
        {
            let deadline = tokio::time::Instant::now() + self.timeouts.message_chunk;
            self.alarm.as_mut().reset(deadline);
            if self.stopping.is_some() && self.messages.is_between() {
                (self.started, self.n_bytes) = (Instant::now(), 0);
                self.share.give_back();
            }
            self.messages.pass(data);
            if !self.share.take(data.len()) {
                return Poll::Ready(Some(Err(bodies_full())));
            }
            self.n_bytes += data.len() as u64;
            if self.is_too_slow() {
                return Poll::Ready(Some(Err(too_slow())));
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

/// Where a stream of messages stands.
#[derive(Debug, Default)]
struct Messages {
    header: [u8; HEADER_BYTES],
    n_header: usize,
    n_left: usize,
}

impl Messages {
    /// Whether no message is under way.
    fn is_between(&self) -> bool {
        self.n_header == 0 && self.n_left == 0
    }

    /// Goes on by so many bytes.
    fn pass(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.n_left > 0 {
                let n_passed = self.n_left.min(bytes.len());
                self.n_left -= n_passed;
                bytes = &bytes[n_passed..];
                continue;
            }
            self.header[self.n_header] = *first;
            self.n_header += 1;
            bytes = rest;
            if self.n_header == HEADER_BYTES {
                let [_, length @ ..] = self.header;
                (self.n_header, self.n_left) = (0, u32::from_be_bytes(length) as usize);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_messages_are_found_however_they_come() {
        let stream = [&[0, 0, 0, 0, 3][..], b"abc", &[0, 0, 0, 0, 0], &[1, 0, 0, 1, 0], &[7; 256]].concat();
        let ends = [0, 8, 13, 274];
        for step in [1, 2, 3, 5, 7, 274] {
            let mut messages = Messages::default();
            let mut n_passed = 0;
            for chunk in stream.chunks(step) {
                messages.pass(chunk);
                n_passed += chunk.len();
                assert_eq!(messages.is_between(), ends.contains(&n_passed), "{n_passed} by {step}");
            }
        }
    }
}
