//! The bytes of a connection: as they are, or within TLS. A handshake goes on while the connection is read, so that nobody waits in
//! line for a client that takes its time.

use std::cell::RefCell;
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

/// No more is passed over at once.
const PASSED_OVER_BYTES_MAX: usize = 64 << 10;

thread_local! {
    /// Where bytes go that nobody reads.
    static NOWHERE: RefCell<Vec<u8>> = RefCell::new(vec![0; PASSED_OVER_BYTES_MAX]);
}

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

impl Transport {
    /// Passes over bytes that have come, at most `n_most`; tells how many there were, and 0 when the client has closed its side. O(1) without
    /// TLS on Linux, where they are not even copied.
    pub(crate) fn poll_pass_over(&mut self, cx: &mut Context<'_>, n_most: usize) -> Poll<io::Result<usize>> {
        NOWHERE.with_borrow_mut(|nowhere| {
            let nowhere = &mut nowhere[..n_most.min(PASSED_OVER_BYTES_MAX)];
            match &mut self.0 {
                #[cfg(target_os = "linux")]
                State::Plain(stream) => poll_discard(stream, cx, nowhere),
                _ => {
                    let mut read = ReadBuf::new(nowhere);
                    ready!(Pin::new(self).poll_read(cx, &mut read))?;
                    Poll::Ready(Ok(read.filled().len()))
                }
            }
        })
    }
}

/// Drops as many bytes as there is room for here, of those that have come.
#[cfg(target_os = "linux")]
fn poll_discard(stream: &TcpStream, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
    use rustix::net::{RecvFlags, recv};

    loop {
        ready!(stream.poll_read_ready(cx))?;
        // Of a TCP socket such bytes are dropped where they lie (tcp(7)).
        let discarded = stream.try_io(tokio::io::Interest::READABLE, || {
            let (_, n_bytes) = recv(stream, &mut *room, RecvFlags::TRUNC)?;
            Ok(n_bytes)
        });
        match discarded {
            // It was not ready after all, which has been noted.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            discarded => return Poll::Ready(discarded),
        }
    }
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
