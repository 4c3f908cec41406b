//! A deadline on a connection's first bytes, before which HTTP/2 sends no pings. What is silent later is found by pings.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use drifting_listening::{Guard, GuardedStream, timed_out};
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tonic::transport::server::Connected;

use super::Cut;
use crate::settings::GrpcTimeouts;

/// `PRI * HTTP/2.0` and what follows, and the frame of settings that a client must send next.
const PREFACE_BYTES: usize = 24 + 9;

/// What is watched of a connection.
pub(crate) struct GrpcGuard {
    cut: Cut,
    is_cut: bool,
    /// How much of the beginning has come.
    n_read: usize,
    preface_alarm: Option<Pin<Box<Sleep>>>,
}

impl GrpcGuard {
    pub(super) fn new(timeouts: GrpcTimeouts, cut: Cut) -> Self {
        Self { cut, is_cut: false, n_read: 0, preface_alarm: Some(Box::pin(sleep(timeouts.preface))) }
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
        self.n_read = self.n_read.saturating_add(bytes.len());
        if self.n_read >= PREFACE_BYTES {
            self.preface_alarm = None;
        }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if self.poll_cut(cx).is_ready() {
            return Poll::Ready(io::Error::new(io::ErrorKind::ConnectionAborted, "the server stops"));
        }
        match &mut self.preface_alarm {
            None => Poll::Pending,
            Some(alarm) => alarm.as_mut().poll(cx).map(|()| timed_out("HTTP/2 did not begin")),
        }
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
