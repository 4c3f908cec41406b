//! Deadlines on a connection's first bytes, before which HTTP/2 sends no pings, and on the heads of calls. What is silent otherwise is found
//! by pings: a channel may rest between two calls for as long as its client answers them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use drifting_listening::{Guard, GuardedStream, HTTP2_PREFACE, Http2Streams, timed_out};
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep, sleep_until};
use tonic::transport::server::Connected;

use super::Cut;
use crate::settings::GrpcTimeouts;

/// `PRI * HTTP/2.0` and what follows, and the header of the frame of settings that a client must send next.
const BEGINNING_BYTES: usize = HTTP2_PREFACE.len() + 9;

/// What is watched of a connection.
pub(crate) struct GrpcGuard {
    cut: Cut,
    is_cut: bool,
    /// How much of the beginning has come.
    n_read: usize,
    streams: Http2Streams,
    head: Duration,
    /// Of the beginning, then of a head that has begun and has not come whole.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl GrpcGuard {
    pub(super) fn new(timeouts: GrpcTimeouts, cut: Cut) -> Self {
        let alarm = Some(Box::pin(sleep(timeouts.preface)));
        Self { cut, is_cut: false, n_read: 0, streams: Http2Streams::default(), head: timeouts.head, alarm }
    }

    /// Whether HTTP/2 has begun.
    fn has_begun(&self) -> bool {
        self.n_read >= BEGINNING_BYTES
    }

    /// Ready once the server waits no longer.
    fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_cut {
            // An error says that the scissors are gone, which cuts.
            let _ = ready!(self.cut.poll_unpin(cx));
            self.is_cut = true;
        }
        Poll::Ready(())
    }
}

impl Guard for GrpcGuard {
    fn came(&mut self, bytes: &[u8]) {
        let n_preface = HTTP2_PREFACE.len().saturating_sub(self.n_read).min(bytes.len());
        self.n_read = self.n_read.saturating_add(bytes.len());
        self.streams.came(&bytes[n_preface..]);
        if self.has_begun() {
            self.alarm = self.streams.head_since().map(|since| Box::pin(sleep_until(since + self.head)));
        }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if self.poll_cut(cx).is_ready() {
            return Poll::Ready(io::Error::new(io::ErrorKind::ConnectionAborted, "the server stops"));
        }
        let what = if self.has_begun() { "the head of a call came too slowly" } else { "HTTP/2 did not begin" };
        match &mut self.alarm {
            None => Poll::Pending,
            Some(alarm) => alarm.as_mut().poll(cx).map(|()| timed_out(what)),
        }
    }

    fn taken(&mut self, bytes: &[u8]) {
        self.streams.sent(bytes);
    }

    fn rests(&mut self) -> bool {
        self.streams.rests()
    }
}

/// Where a call comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) SocketAddr);

/// A connection, as tonic takes it.
pub(crate) struct Incoming {
    pub(super) stream: GuardedStream<GrpcGuard>,
    pub(super) address: SocketAddr,
}

impl Connected for Incoming {
    type ConnectInfo = ClientAddress;

    fn connect_info(&self) -> ClientAddress {
        ClientAddress(self.address)
    }
}

impl AsyncRead for Incoming {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Incoming {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
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
