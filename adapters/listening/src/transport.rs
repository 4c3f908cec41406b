//! The bytes of a connection: as they are, or within TLS. A handshake goes on while the connection is read, so that nobody waits in
//! line for a client that takes its time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::Accept;
use tokio_rustls::server::TlsStream;

use crate::guarded::timed_out;

/// The bytes of a connection.
pub struct Transport(State);

enum State {
    Plain(TcpStream),
    Opening { handshake: Box<Accept<TcpStream>>, alarm: Pin<Box<Sleep>> },
    Open(Box<TlsStream<TcpStream>>),
}

impl Transport {
    pub(crate) fn plain(stream: TcpStream) -> Self {
        Self(State::Plain(stream))
    }

    /// A client may take so long for its part of the handshake.
    pub(crate) fn tls(handshake: Accept<TcpStream>, within: Duration) -> Self {
        Self(State::Opening { handshake: Box::new(handshake), alarm: Box::pin(sleep(within)) })
    }

    /// Ready once the handshake, if there is one, is over.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Opening { handshake, alarm } = &mut self.0 else { return Poll::Ready(Ok(())) };
        if let Poll::Ready(stream) = Pin::new(handshake.as_mut()).poll(cx) {
            self.0 = State::Open(Box::new(stream?));
            return Poll::Ready(Ok(()));
        }
        ready!(alarm.as_mut().poll(cx));
        Poll::Ready(Err(timed_out("the handshake takes too long")))
    }
}

/// Does the same with either kind of stream.
macro_rules! either {
    ($self:ident, $cx:ident, $stream:ident => $work:expr) => {{
        ready!($self.poll_open($cx))?;
        match &mut $self.0 {
            State::Plain(stream) => {
                let $stream = Pin::new(stream);
                $work
            }
            State::Open(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $work
            }
            State::Opening { .. } => Poll::Pending,
        }
    }};
}

impl AsyncRead for Transport {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self, cx, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, cx, stream => stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, cx, stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            State::Plain(stream) => stream.is_write_vectored(),
            State::Open(stream) => stream.is_write_vectored(),
            State::Opening { .. } => true,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, cx, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing has been said that would have to be ended.
        if matches!(self.0, State::Opening { .. }) {
            return Poll::Ready(Ok(()));
        }
        either!(self, cx, stream => stream.poll_shutdown(cx))
    }
}
