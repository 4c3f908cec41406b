//! Deadlines on a request's head and on silence between requests. None runs while the server works on a request.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use drifting_listening::{Guard, timed_out};
use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::{Activity, Connections};
use crate::settings::HttpTimeouts;

/// What is watched of a connection.
pub(crate) struct HttpGuard {
    address: SocketAddr,
    connections: Connections,
    activity: Arc<Activity>,
    timeouts: HttpTimeouts,
    /// When reading ends in failure, unless a request is at work then.
    read_by: Instant,
    /// Whether bytes of a head have come.
    in_head: bool,
    /// HTTP/2 frames come outside heads too, so there only silence counts.
    is_http2: bool,
    is_fresh: bool,
    n_finished: u64,
    alarm: Pin<Box<Sleep>>,
}

impl HttpGuard {
    pub(super) fn new(address: SocketAddr, connections: Connections, timeouts: HttpTimeouts) -> Self {
        let activity = connections.open(address);
        let read_by = Instant::now() + timeouts.idle;
        Self {
            address,
            connections,
            activity,
            timeouts,
            read_by,
            in_head: false,
            is_http2: false,
            is_fresh: true,
            n_finished: 0,
            alarm: Box::pin(sleep_until(read_by)),
        }
    }

    /// What the connection does.
    pub(super) fn activity(&self) -> Arc<Activity> {
        Arc::clone(&self.activity)
    }

    /// After an answer the connection is idle again.
    fn note_finished(&mut self) {
        let n_finished = self.activity.n_finished();
        if n_finished != self.n_finished {
            self.n_finished = n_finished;
            self.in_head = false;
            self.read_by = Instant::now() + self.timeouts.idle;
        }
    }

    fn note_bytes(&mut self, bytes: &[u8]) {
        if std::mem::take(&mut self.is_fresh) {
            self.is_http2 = bytes.starts_with(b"PRI ");
        }
        self.note_finished();
        if !self.in_head && !self.is_http2 && !self.activity.is_working() {
            self.in_head = true;
            self.read_by = Instant::now() + self.timeouts.head;
        }
    }

    /// Whether the client has had its time.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.note_finished();
        if self.activity.is_working() {
            return Poll::Pending;
        }
        loop {
            // An alarm that is set too early is set anew when it rings: deadlines mostly move on before.
            if self.alarm.deadline() > self.read_by {
                self.alarm.as_mut().reset(self.read_by);
            }
            ready!(self.alarm.as_mut().poll(cx));
            if Instant::now() >= self.read_by {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(self.read_by);
        }
    }
}

impl Guard for HttpGuard {
    fn came(&mut self, bytes: &[u8]) {
        if bytes.is_empty() { self.activity.leave() } else { self.note_bytes(bytes) }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        self.poll_deadline(cx).map(|()| timed_out("the client is silent or slow"))
    }

    fn taken(&mut self) {
        // Whoever takes a long answer is not silent.
        self.read_by = self.read_by.max(Instant::now() + self.timeouts.idle);
    }
}

impl Drop for HttpGuard {
    fn drop(&mut self) {
        self.connections.close(self.address, &self.activity);
    }
}
