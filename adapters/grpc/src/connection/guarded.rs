//! A stream with deadlines: on its first bytes, before which HTTP/2 sends no pings, and on answers that nobody takes. What is
//! silent later is found by pings.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tonic::transport::server::Connected;

use super::Cut;
use crate::settings::GrpcTimeouts;

/// `PRI * HTTP/2.0` and what follows, and the frame of settings that a client must send next.
const PREFACE_BYTES: usize = 24 + 9;

/// An accepted connection.
pub(crate) struct GuardedStream {
    stream: TcpStream,
    timeouts: GrpcTimeouts,
    cut: Cut,
    is_cut: bool,
    /// How much of the beginning has come.
    n_read: usize,
    preface_alarm: Option<Pin<Box<Sleep>>>,
    write_alarm: Option<Pin<Box<Sleep>>>,
    _permit: OwnedSemaphorePermit,
}

impl GuardedStream {
    pub(super) fn new(stream: TcpStream, timeouts: GrpcTimeouts, cut: Cut, permit: OwnedSemaphorePermit) -> Self {
        let preface_alarm = Some(Box::pin(sleep(timeouts.preface)));
        Self { stream, timeouts, cut, is_cut: false, n_read: 0, preface_alarm, write_alarm: None, _permit: permit }
    }

    /// Ready once the server waits no longer.
    fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if !self.is_cut {
            // An error says that the scissors are gone, which cuts.
            let _ = ready!(self.cut.poll_unpin(cx));
            self.is_cut = true;
        }
        Poll::Ready(io::Error::new(io::ErrorKind::ConnectionAborted, "the server stops"))
    }

    /// Watches that an answer is taken.
    fn watch_write<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_alarm = None;
            return written;
        }
        let timeout = self.timeouts.write;
        let alarm = self.write_alarm.get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(alarm.as_mut().poll(cx));
        Poll::Ready(Err(timed_out("nobody takes the answer")))
    }
}

fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl Connected for GuardedStream {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for GuardedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let n_before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_pending()
            && let Poll::Ready(error) = self.poll_cut(cx)
        {
            return Poll::Ready(Err(error));
        }
        let Some(alarm) = &mut self.preface_alarm else { return read };
        if read.is_pending() {
            ready!(alarm.as_mut().poll(cx));
            return Poll::Ready(Err(timed_out("HTTP/2 did not begin")));
        }
        self.n_read += buf.filled().len() - n_before;
        if self.n_read >= PREFACE_BYTES {
            self.preface_alarm = None;
        }
        read
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
