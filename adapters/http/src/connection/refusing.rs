//! Connections on which requests are refused before they get to what serves them. Under overload most of what comes is refused; what
//! serves a connection keeps buffers for each, which have left the processor's caches by the time that its next request comes.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use drifting_listening::{GuardedStream, READ_BYTES_MAX};
use poem::Request;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::Activity;
use super::guard::HttpGuard;
use super::head::Head;
use super::position::Position;

/// So much is read at once, onto the stack: most requests are shorter, and then one call of the system reads them.
const READ_BYTES: usize = 32 << 10;
/// So much of the rest of a longer one.
const REST_BYTES: usize = 16 << 10;
/// A longer head is left to what serves the connection.
const HEAD_BYTES_MAX: usize = 2 << 10;
/// Larger bodies are left to what serves the connection: not all of them are read.
const BODY_BYTES_MAX: u64 = 64 << 10;

/// Whoever refuses requests by their heads, and knows whether there will be others.
pub(crate) trait Refuse: Send + Sync + 'static {
    /// Whether the server leaves, so that each answer is the last of its connection. O(1), asked for each answer.
    fn is_leaving(&self) -> bool;

    /// Has requests that are at work answered at once, as ones that the end of the server interrupts.
    fn interrupt(&self);

    /// Whether it refuses some just now. O(1), asked before each request.
    fn is_refusing(&self) -> bool;

    /// The answer, as it is sent, to a request without its body that came from this address, if it is refused. It is counted and
    /// logged then.
    fn refusal(&self, request: Request, address: SocketAddr) -> Option<Bytes>;
}

/// A connection of HTTP/1.1 without TLS. Whoever reads from it does not see the requests that have been refused.
///
/// Memory: that of the connection, up to 32 KiB that have been read of what is not refused, until they are given on, and none for a refusal
/// once it has been sent.
pub(super) struct RefusingStream<R> {
    stream: GuardedStream<HttpGuard>,
    refuse: Arc<R>,
    address: SocketAddr,
    activity: Arc<Activity>,
    position: Position,
    /// What has been read to see a head, and is not refused.
    held: Bytes,
    /// What is left to be sent of a refusal.
    answer: Bytes,
    /// What is left to be read of the body of a request that was refused.
    n_unread: u64,
    /// With TLS bytes come in pieces of their own, and cost more than all that is saved here.
    is_plain: bool,
}

impl<R: Refuse> RefusingStream<R> {
    pub(super) fn new(
        stream: GuardedStream<HttpGuard>,
        activity: Arc<Activity>,
        refuse: Arc<R>,
        address: SocketAddr,
        is_plain: bool,
    ) -> Self {
        let position = Position::new(Arc::clone(&activity));
        Self {
            stream,
            refuse,
            address,
            activity,
            position,
            held: Bytes::new(),
            answer: Bytes::new(),
            n_unread: 0,
            is_plain,
        }
    }

    /// Refuses what comes for as long as it is to be; ready when something is to be given on, which may have been read already.
    fn poll_refuse(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_send(cx))?;
            if self.n_unread > 0 {
                ready!(self.poll_pass_over(cx))?;
            }
            if !self.is_plain || !self.held.is_empty() || !self.position.is_between() || !self.refuse.is_refusing() {
                return Poll::Ready(Ok(()));
            }
            if !ready!(self.poll_refuse_next(cx))? {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Reads what comes; whether it is refused, else it is held, if anything came. A function of its own, since whoever is called with so
    /// many bytes on the stack touches all their pages.
    #[expect(clippy::large_stack_arrays, reason = "of memory from elsewhere, some would be kept for each connection")]
    #[inline(never)]
    fn poll_refuse_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut bytes = [MaybeUninit::uninit(); READ_BYTES];
        let mut read = ReadBuf::uninit(&mut bytes);
        ready!(self.stream.poll_read_whole(cx, &mut read))?;
        let is_refused = self.refuse_one(read.filled());
        if !is_refused {
            self.held = Bytes::copy_from_slice(read.filled());
        }
        Poll::Ready(Ok(is_refused))
    }

    /// Refuses the request that begins with these bytes, if it is to be.
    fn refuse_one(&mut self, bytes: &[u8]) -> bool {
        let Some(head) = Head::of(&bytes[..bytes.len().min(HEAD_BYTES_MAX)]) else { return false };
        let n_came = (bytes.len() - head.n_bytes) as u64;
        // More than its body would be of the next request.
        if head.body_bytes > BODY_BYTES_MAX || n_came > head.body_bytes {
            return false;
        }
        let Some(answer) = self.refuse.refusal(head.request, self.address) else { return false };
        self.answer = answer;
        self.n_unread = head.body_bytes - n_came;
        self.activity.finish();
        true
    }

    /// Sends what is left of a refusal.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.answer.is_empty() {
            let n_sent = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.answer))?;
            if n_sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.answer.advance(n_sent);
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what is left of the body of a request that was refused.
    #[inline(never)]
    fn poll_pass_over(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.n_unread > 0 {
            let n_most = usize::try_from(self.n_unread).unwrap_or(REST_BYTES).min(REST_BYTES);
            let mut bytes = [MaybeUninit::uninit(); REST_BYTES];
            let mut read = ReadBuf::uninit(&mut bytes[..n_most]);
            ready!(self.stream.poll_read_whole(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.n_unread -= read.filled().len() as u64;
            if self.n_unread == 0 {
                self.activity.finish();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<R: Refuse> AsyncRead for RefusingStream<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_refuse(cx))?;
        let n_before = buf.filled().len();
        if this.held.is_empty() {
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        } else {
            // As the stream below gives it, by which the buffer above is kept small.
            let n_bytes = this.held.len().min(buf.remaining()).min(READ_BYTES_MAX);
            buf.put_slice(&this.held.split_to(n_bytes));
        }
        this.position.given(&buf.filled()[n_before..]);
        Poll::Ready(Ok(()))
    }
}

impl<R: Refuse> AsyncWrite for RefusingStream<R> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.position.sent();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
