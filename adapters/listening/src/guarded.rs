//! A stream with deadlines: on what a client sends, as its protocol has it, and on answers that nobody takes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::places::Place;
use crate::{Accepted, Transport};

/// No more is read at once of a client that sends little. Protocols give a connection a buffer of twice the size once the one that it
/// had was filled, and keep it for long: like this it has 16 KiB at most.
pub const READ_BYTES_MAX: usize = (16 << 10) - 1;
/// After so many reads in a row that were full, a client sends much: from then on as much is read at once as there is room for.
const FULL_READS_MAX: u8 = 4;

/// What a protocol watches of a connection.
pub trait Guard: Send + Unpin + 'static {
    /// These bytes have come; none at all, when the client has closed its side.
    fn came(&mut self, bytes: &[u8]);

    /// Nothing has come: why it is not waited for any longer, if it is not.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Error>;

    /// These bytes have been taken.
    fn taken(&mut self, bytes: &[u8]);

    /// Whether the connection is between two requests, where everything has been taken that was to be sent. Such a one may have to make
    /// room for another.
    fn rests(&mut self) -> bool;
}

/// An accepted connection. It makes room for another one when it is dropped, and when it rests and is asked to.
pub struct GuardedStream<G> {
    stream: Transport,
    guard: G,
    /// An answer of which nothing is taken for so long is given up.
    write: Duration,
    write_alarm: Option<Pin<Box<Sleep>>>,
    /// Whether something that was written has not been sent: TLS keeps some of it.
    is_flushing: bool,
    n_full_reads: u8,
    place: Place,
}

impl<G: Guard> GuardedStream<G> {
    /// A connection with its guard.
    pub fn new(accepted: Accepted, guard: G, write: Duration) -> Self {
        let Accepted { transport, address: _, place } = accepted;
        Self { stream: transport, guard, write, write_alarm: None, is_flushing: false, n_full_reads: 0, place }
    }

    /// Reads as much as there is room for, also of a client that sends little: into what is not the buffer of a protocol.
    ///
    /// # Errors
    /// As those of reading.
    pub fn poll_read_whole(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let n_before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() && buf.filled().len() - n_before < READ_BYTES_MAX {
            self.n_full_reads = 0;
        }
        self.watch_read(cx, read, buf, n_before)
    }

    /// Watches what has come, or that nothing has.
    fn watch_read(
        &mut self,
        cx: &mut Context<'_>,
        read: Poll<io::Result<()>>,
        buf: &ReadBuf<'_>,
        n_before: usize,
    ) -> Poll<io::Result<()>> {
        if read.is_pending() {
            if let Poll::Ready(error) = self.guard.poll_end(cx) {
                return Poll::Ready(Err(error));
            }
            self.note_rest();
            return self.place.poll_makes_room(cx).map(|()| Err(makes_room()));
        }
        let came = &buf.filled()[n_before..];
        // Without room nothing can come, which says nothing of the client.
        if !came.is_empty() || buf.remaining() > 0 {
            self.guard.came(came);
            if !self.guard.rests() {
                self.place.work();
            }
        }
        read
    }

    /// Watches that these pieces of an answer are taken.
    fn watch_write(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = written {
            self.write_alarm = None;
            let mut n_left = *written.as_ref().unwrap_or(&0);
            for piece in pieces {
                let taken = &piece[..piece.len().min(n_left)];
                if !taken.is_empty() {
                    self.guard.taken(taken);
                }
                n_left -= taken.len();
            }
            return Poll::Ready(written);
        }
        // While nothing can be written, whatever speaks the protocol may read nothing, either.
        if self.place.makes_room() {
            return Poll::Ready(Err(makes_room()));
        }
        let timeout = self.write;
        let alarm = self.write_alarm.get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(alarm.as_mut().poll(cx));
        Poll::Ready(Err(timed_out("nobody takes the answer")))
    }

    /// Notes whether the connection is between two requests, which is not known while something is to be sent.
    fn note_rest(&mut self) {
        if self.write_alarm.is_none() && !self.is_flushing {
            if self.guard.rests() { self.place.rest() } else { self.place.work() }
        }
    }
}

fn makes_room() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the connection makes room for another one")
}

/// A deadline has passed.
pub fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<G: Guard> AsyncRead for GuardedStream<G> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let n_before = buf.filled().len();
        let most = if self.n_full_reads < FULL_READS_MAX { READ_BYTES_MAX as u64 } else { u64::MAX };
        let read = Pin::new(&mut (&mut self.stream).take(most)).poll_read(cx, buf);
        if read.is_ready() {
            let is_full = buf.filled().len() - n_before >= READ_BYTES_MAX;
            self.n_full_reads = if is_full { self.n_full_reads.saturating_add(1) } else { 0 };
        }
        self.watch_read(cx, read, buf, n_before)
    }
}

impl<G: Guard> AsyncWrite for GuardedStream<G> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch_write(cx, written, &[io::IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch_write(cx, written, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.is_flushing = flushed.is_pending();
        if flushed.is_ready() {
            self.note_rest();
        } else if self.place.makes_room() {
            return Poll::Ready(Err(makes_room()));
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
