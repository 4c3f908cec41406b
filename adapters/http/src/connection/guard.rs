//! Deadlines on a request's head and on silence between requests. Between requests none runs while the server works on one.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use drifting_listening::{Guard, HTTP2_PREFACE, Http2Streams, timed_out};
use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::{Activity, Connections};
use crate::settings::HttpTimeouts;

/// What is watched of a connection.
pub(crate) struct HttpGuard {
    address: SocketAddr,
    connections: Connections,
    activity: Arc<Activity>,
    timeouts: HttpTimeouts,
    protocol: Protocol,
    /// When reading ends in failure, unless a request is at work then.
    read_by: Instant,
    n_finished: u64,
    alarm: Pin<Box<Sleep>>,
}

/// What a client speaks.
enum Protocol {
    /// HTTP/2, if it goes on after so many bytes of its beginning as it has begun.
    Unknown {
        n_preface: usize,
    },
    /// Whether bytes of a head have come.
    Http1 {
        in_head: bool,
    },
    Http2(Box<Http2Streams>),
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
            protocol: Protocol::Unknown { n_preface: 0 },
            read_by,
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
            if let Protocol::Http1 { in_head } = &mut self.protocol {
                *in_head = false;
            }
            self.read_by = Instant::now() + self.timeouts.idle;
        }
    }

    fn note_bytes(&mut self, bytes: &[u8]) {
        self.note_finished();
        let bytes = self.note_protocol(bytes);
        match &mut self.protocol {
            Protocol::Unknown { .. } => {}
            Protocol::Http1 { in_head } => {
                if !*in_head && !self.activity.is_working() {
                    *in_head = true;
                    self.read_by = Instant::now() + self.timeouts.head;
                }
            }
            Protocol::Http2(streams) => {
                // Pings and the like say nothing of requests: whoever sends nothing else is silent.
                if streams.came(bytes) {
                    self.note_activity();
                }
            }
        }
    }

    /// Notes what is spoken, which the first bytes tell. What comes behind the beginning of HTTP/2, or everything.
    fn note_protocol<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Protocol::Unknown { n_preface } = self.protocol else { return bytes };
        let (begun, rest) = bytes.split_at(bytes.len().min(HTTP2_PREFACE.len() - n_preface));
        if !HTTP2_PREFACE[n_preface..].starts_with(begun) {
            // What came before is of the same head.
            self.protocol = Protocol::Http1 { in_head: n_preface > 0 };
        } else if n_preface + begun.len() == HTTP2_PREFACE.len() {
            self.protocol = Protocol::Http2(Box::default());
            self.read_by = Instant::now() + self.timeouts.idle;
        } else {
            if n_preface == 0 {
                self.read_by = Instant::now() + self.timeouts.head;
            }
            self.protocol = Protocol::Unknown { n_preface: n_preface + begun.len() };
        }
        if matches!(self.protocol, Protocol::Http2(_)) { rest } else { bytes }
    }

    /// From now on the client may be silent again.
    fn note_activity(&mut self) {
        self.read_by = self.read_by.max(Instant::now() + self.timeouts.idle);
    }

    /// When the head that is on its way over HTTP/2 must have come, whatever else is at work.
    fn head_by(&self) -> Option<Instant> {
        match &self.protocol {
            Protocol::Http2(streams) => streams.head_since().map(|since| since + self.timeouts.head),
            _ => None,
        }
    }

    /// Whether the client has had its time.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.note_finished();
        let is_working = self.activity.is_working();
        // Over HTTP/2 requests are served by other tasks, which need not tell this one of their end: the alarm rings on.
        if is_working && !matches!(self.protocol, Protocol::Http2(_)) {
            return Poll::Pending;
        }
        let head_by = self.head_by();
        loop {
            let by = head_by.map_or(self.read_by, |head_by| head_by.min(self.read_by));
            // An alarm that is set too early is set anew when it rings: deadlines mostly move on before.
            if self.alarm.deadline() > by {
                self.alarm.as_mut().reset(by);
            }
            ready!(self.alarm.as_mut().poll(cx));
            let now = Instant::now();
            if head_by.is_some_and(|head_by| now >= head_by) {
                return Poll::Ready(());
            }
            if now >= self.read_by {
                if !is_working {
                    return Poll::Ready(());
                }
                self.read_by = now + self.timeouts.idle;
            }
            self.alarm.as_mut().reset(head_by.map_or(self.read_by, |head_by| head_by.min(self.read_by)));
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

    fn taken(&mut self, bytes: &[u8]) {
        // Whoever takes a long answer is not silent.
        let is_answer = match &mut self.protocol {
            Protocol::Http2(streams) => streams.sent(bytes),
            Protocol::Unknown { .. } | Protocol::Http1 { .. } => true,
        };
        if is_answer {
            self.note_activity();
        }
    }

    fn rests(&mut self) -> bool {
        self.note_finished();
        match &self.protocol {
            Protocol::Unknown { n_preface } => *n_preface == 0,
            Protocol::Http1 { in_head } => !in_head && !self.activity.is_working() && self.activity.is_answered(),
            Protocol::Http2(streams) => streams.rests(),
        }
    }
}

impl Drop for HttpGuard {
    fn drop(&mut self) {
        self.connections.close(self.address, &self.activity);
    }
}
