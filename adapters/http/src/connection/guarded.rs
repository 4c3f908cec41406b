//! A stream with deadlines: on a request's head, on silence between requests, and on answers that nobody takes. None
//! runs while the server works on a request.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::{Activity, Connections};
use crate::settings::HttpTimeouts;

/// An accepted connection.
pub(crate) struct GuardedStream {
    stream: TcpStream,
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
    write_alarm: Option<Pin<Box<Sleep>>>,
    _permit: OwnedSemaphorePermit,
}

impl GuardedStream {
    pub(super) fn new(
        stream: TcpStream,
        address: SocketAddr,
        connections: Connections,
        permit: OwnedSemaphorePermit,
        timeouts: HttpTimeouts,
    ) -> Self {
        let activity = connections.open(address);
        let read_by = Instant::now() + timeouts.idle;
        Self {
            stream,
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
            write_alarm: None,
            _permit: permit,
        }
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

    /// Watches that an answer is taken.
    fn watch_write<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_alarm = None;
            // Whoever takes a long answer is not silent.
            self.read_by = self.read_by.max(Instant::now() + self.timeouts.idle);
            return written;
        }
        let timeout = self.timeouts.write;
        let alarm = self.write_alarm.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + timeout)));
        ready!(alarm.as_mut().poll(cx));
        Poll::Ready(Err(timed_out("nobody takes the answer")))
    }
}

fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl Drop for GuardedStream {
    fn drop(&mut self) {
        self.connections.close(self.address, &self.activity);
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let n_before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            if buf.filled().len() > n_before {
                self.note_bytes(&buf.filled()[n_before..]);
            } else if buf.remaining() > 0 {
                self.activity.leave();
            }
            return read;
        }
        ready!(self.poll_deadline(cx));
        Poll::Ready(Err(timed_out("the client is silent or slow")))
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch_write(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
