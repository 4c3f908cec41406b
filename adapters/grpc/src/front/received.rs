//! What comes from a client, with deadlines: a message that has begun must go on. Between two messages of a stream a client may
//! be silent for as long as it answers pings, until the server stops.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use drifting_inference::RefusalCode;
use drifting_listening::{BodyShare, FREE_BYTES};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;

use super::watched::Incoming;
use crate::settings::GrpcTimeouts;
use crate::status;
use crate::stop::Stopping;

/// Before each message: whether it is compressed, and in four bytes how long it is.
const HEADER_BYTES: usize = 5;

/// The messages of a request.
pub(super) struct Received {
    body: Body,
    messages: Messages,
    incoming: Incoming,
    timeouts: GrpcTimeouts,
    /// Of the memory of all bodies.
    share: BodyShare,
    alarm: Pin<Box<Sleep>>,
    /// When the message under way began, and how much of it has come.
    started: Instant,
    n_bytes: u64,
    /// Of a stream: ready when no more messages are waited for.
    stopping: Option<BoxFuture<'static, ()>>,
    /// Whether a message of a stream has come whole, which counts until it is answered.
    has_whole: bool,
    bytes_max: u64,
}

impl Received {
    /// Of a request with one message.
    pub(super) fn one(body: Body, incoming: Incoming, timeouts: GrpcTimeouts, share: BodyShare) -> Self {
        Self {
            body,
            messages: Messages::default(),
            incoming,
            timeouts,
            share,
            alarm: Box::pin(tokio::time::sleep(timeouts.message_chunk)),
            started: Instant::now(),
            n_bytes: 0,
            stopping: None,
            has_whole: false,
            bytes_max: u64::MAX,
        }
    }

    /// Of a request that nobody needs a key for, whose message says nothing: more than counts nothing is not read.
    pub(super) fn probe(body: Body, incoming: Incoming, timeouts: GrpcTimeouts) -> Self {
        Self { bytes_max: FREE_BYTES as u64, ..Self::one(body, incoming, timeouts, BodyShare::default()) }
    }

    /// Of a request with any number of messages, of which none begins any more once the server stops.
    pub(super) fn stream(
        body: Body,
        incoming: Incoming,
        timeouts: GrpcTimeouts,
        share: BodyShare,
        stopping: Stopping,
    ) -> Self {
        Self { stopping: Some(stopping.begun().boxed()), ..Self::one(body, incoming, timeouts, share) }
    }

    fn is_too_slow(&self) -> bool {
        let elapsed = self.started.elapsed();
        let least = self.timeouts.message_bytes_per_second_min.saturating_mul(elapsed.as_secs());
        elapsed > self.timeouts.message || (elapsed > self.timeouts.message_grace && self.n_bytes < least)
    }

    /// More is asked for, which of a stream says that every whole message has been answered.
    fn give_back(&mut self) -> Result<(), Status> {
        if self.stopping.is_some() && std::mem::take(&mut self.has_whole) {
            self.share.give_back();
            self.take(self.n_bytes)?;
        }
        Ok(())
    }

    fn take(&self, n_bytes: u64) -> Result<(), Status> {
        if self.share.take(usize::try_from(n_bytes).unwrap_or(usize::MAX)) { Ok(()) } else { Err(bodies_full()) }
    }

    /// Notes what has come.
    fn note(&mut self, data: &[u8]) -> Result<(), Status> {
        self.take(data.len() as u64)?;
        let is_stream = self.stopping.is_some();
        if is_stream && self.messages.is_between() {
            (self.started, self.n_bytes) = (Instant::now(), 0);
        }
        let passed = self.messages.pass(data);
        self.incoming.received(passed.n_ended);
        match passed.n_behind {
            Some(n_rest) if is_stream => {
                (self.started, self.n_bytes, self.has_whole) = (Instant::now(), n_rest as u64, true);
            }
            _ => self.n_bytes += data.len() as u64,
        }
        if self.n_bytes > self.bytes_max {
            let detail = format!("expected a message of at most {} bytes, a larger one came", self.bytes_max);
            return Err(status::refusal(RefusalCode::TooLarge, detail));
        }
        if self.is_too_slow() { Err(too_slow()) } else { Ok(()) }
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

/// There is no memory for another message, or for the rest of one.
pub(crate) const BODIES_FULL: &str = "the messages of other calls take the memory that there is for them; try again";

fn bodies_full() -> Status {
    status::refusal(RefusalCode::Overloaded, BODIES_FULL)
}

fn too_slow() -> Status {
    Status::deadline_exceeded("the message came too slowly")
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Err(status) = self.give_back() {
            return Poll::Ready(Some(Err(status)));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            return self.poll_silence(cx).map(|status| Some(Err(status)));
        };
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
            && !data.is_empty()
        {
            let deadline = tokio::time::Instant::now() + self.timeouts.message_chunk;
            self.alarm.as_mut().reset(deadline);
            if let Err(status) = self.note(data) {
                return Poll::Ready(Some(Err(status)));
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
pub(super) struct Messages {
    header: [u8; HEADER_BYTES],
    n_header: usize,
    n_left: usize,
}

/// What some bytes brought.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// How many messages end in them.
    pub(super) n_ended: u64,
    /// How many bytes come behind the last end, where there is one.
    n_behind: Option<usize>,
}

impl Passed {
    fn ends(&mut self, n_behind: usize) {
        self.n_ended += 1;
        self.n_behind = Some(n_behind);
    }
}

impl Messages {
    /// Whether no message is under way.
    fn is_between(&self) -> bool {
        self.n_header == 0 && self.n_left == 0
    }

    /// Goes on by these bytes.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Passed {
        let mut passed = Passed::default();
        while let Some((first, rest)) = bytes.split_first() {
            if self.n_left > 0 {
                let n_passed = self.n_left.min(bytes.len());
                self.n_left -= n_passed;
                bytes = &bytes[n_passed..];
                if self.n_left == 0 {
                    passed.ends(bytes.len());
                }
                continue;
            }
            self.header[self.n_header] = *first;
            self.n_header += 1;
            bytes = rest;
            if self.n_header == HEADER_BYTES {
                let [_, length @ ..] = self.header;
                (self.n_header, self.n_left) = (0, u32::from_be_bytes(length) as usize);
                if self.n_left == 0 {
                    passed.ends(bytes.len());
                }
            }
        }
        passed
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
            let (mut n_passed, mut n_ended) = (0, 0);
            for chunk in stream.chunks(step) {
                let passed = messages.pass(chunk);
                let before = n_passed;
                n_passed += chunk.len();
                assert_eq!(messages.is_between(), ends.contains(&n_passed), "{n_passed} by {step}");
                let last_end = ends.into_iter().filter(|end| (before + 1..=n_passed).contains(end)).max();
                assert_eq!(passed.n_behind, last_end.map(|end| n_passed - end), "{n_passed} by {step}");
                n_ended += passed.n_ended;
            }
            assert_eq!(n_ended, 3, "by {step}");
        }
    }
}
