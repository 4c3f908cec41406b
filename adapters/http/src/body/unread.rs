//! A body that has not been read yet.

use std::io;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use drifting_listening::BodyShare;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use poem::http::{Version, header};
use poem::{Body, Request, RequestBody};

use super::coding::Coding;
use super::inference::read_coded;
use super::media_type::MediaType;
use crate::error::{Code, Failure};
use crate::settings::HttpTimeouts;

/// A body with what its head says of it.
pub(crate) struct Unread {
    /// Or why it cannot be read.
    media_type: Result<MediaType, String>,
    coding: Result<Coding, String>,
    length: Option<u64>,
    passed_over: Option<usize>,
    stream: Drained,
    /// Of the memory of all bodies.
    share: BodyShare,
    /// Whether the body has come once, and counts already.
    is_counted: bool,
}

impl Unread {
    pub(super) fn of(request: &Request, body: &mut RequestBody) -> Self {
        let length = request.header(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let stream = body.take().ok().map(|body| Box::new(body.into_bytes_stream()) as Chunks);
        let waits = request.headers().contains_key(header::EXPECT);
        let coding = Coding::of(request.headers());
        let share = request.data::<BodyShare>().cloned().unwrap_or_default();
        let (passed_over, stream) = (passed_over(request), Drained { chunks: stream, waits });
        Self { media_type: MediaType::of(request), coding, length, passed_over, stream, share, is_counted: false }
    }

    /// What it takes of the memory of all bodies, for as long as this is held.
    pub(crate) fn share(&self) -> BodyShare {
        self.share.clone()
    }

    /// Answers without having read it; see [`leave_unread`].
    pub(crate) fn leave(mut self) {
        if let (Some(chunks), Some(bytes_max)) = (self.stream.chunks.take(), self.passed_over) {
            pass_over(chunks, bytes_max);
        }
    }

    /// The media type.
    pub(crate) fn media_type(&self) -> Result<MediaType, Failure> {
        self.media_type.clone().map_err(|detail| Failure::new(Code::UnsupportedMediaType, detail))
    }

    /// Reads it whole.
    pub(crate) async fn read(self, bytes_max: usize, timeouts: &HttpTimeouts) -> Result<Bytes, Failure> {
        let length = self.length;
        let mut reading = self.start(bytes_max, timeouts)?;
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(chunk) = reading.next().await? {
            // Most bodies come in one piece, which is not copied.
            if first.is_empty() && rest.is_empty() {
                first = chunk;
                continue;
            }
            if rest.is_empty() {
                // The length that was told is believed only so far. Where none was, it may be any that is taken: room that is not
                // written to costs nothing, and a body that grows is copied again and again.
                const RESERVED_MAX: usize = 4 * 1024 * 1024;
                let n_bytes = reading.n_bytes;
                let told = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(bytes_max);
                rest.reserve(told.clamp(n_bytes, RESERVED_MAX.max(n_bytes)));
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&chunk);
        }
        Ok(if rest.is_empty() { first } else { rest.freeze() })
    }

    /// Reads it whole, decoded; coded and decoded it may have so many bytes.
    pub(crate) async fn read_decoded(self, bytes_max: usize, timeouts: &HttpTimeouts) -> Result<Bytes, Failure> {
        let coding = self.coding()?;
        read_coded(self, coding, bytes_max, timeouts).await
    }

    /// How it is coded.
    pub(super) fn coding(&self) -> Result<Coding, Failure> {
        self.coding.clone().map_err(|detail| Failure::new(Code::UnsupportedMediaType, detail))
    }

    /// Reads it whole; gives it back as one that has not been read.
    pub(crate) async fn buffered(self, bytes_max: usize, timeouts: &HttpTimeouts) -> Result<(Self, Bytes), Failure> {
        let (media_type, coding, share) = (self.media_type.clone(), self.coding.clone(), self.share());
        let bytes = self.read(bytes_max, timeouts).await?;
        let chunks = Box::new(stream::iter([Ok(bytes.clone())]));
        let stream = Drained { chunks: Some(chunks), waits: false };
        let length = Some(bytes.len() as u64);
        Ok((Self { media_type, coding, length, passed_over: None, stream, share, is_counted: true }, bytes))
    }

    /// Begins to read it piece by piece.
    pub(super) fn start(self, bytes_max: usize, timeouts: &HttpTimeouts) -> Result<Reading, Failure> {
        if self.length.is_some_and(|length| length > bytes_max as u64) {
            return Err(too_large(bytes_max));
        }
        let Self { stream, share, is_counted, .. } = self;
        let share = if is_counted { BodyShare::default() } else { share };
        Ok(Reading { stream, share, bytes_max, timeouts: *timeouts, started: Instant::now(), n_bytes: 0 })
    }
}

/// A body that is being read.
pub(super) struct Reading {
    stream: Drained,
    share: BodyShare,
    bytes_max: usize,
    timeouts: HttpTimeouts,
    started: Instant,
    n_bytes: usize,
}

impl Reading {
    /// The next piece; nothing after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some(chunk) = self.stream.next(self.timeouts.body_chunk).await? else { return Ok(None) };
        self.n_bytes += chunk.len();
        if self.n_bytes > self.bytes_max {
            return Err(too_large(self.bytes_max));
        }
        if !self.share.take(chunk.len()) {
            return Err(Failure::bodies_full());
        }
        if is_too_slow(self.n_bytes, self.started.elapsed(), &self.timeouts) {
            self.stream.chunks = None;
            return Err(too_slow());
        }
        Ok(Some(chunk))
    }
}

fn is_too_slow(n_bytes: usize, elapsed: Duration, timeouts: &HttpTimeouts) -> bool {
    let least = timeouts.body_bytes_per_second_min.saturating_mul(elapsed.as_secs());
    elapsed > timeouts.body || (elapsed > timeouts.body_grace && (n_bytes as u64) < least)
}

fn too_large(bytes_max: usize) -> Failure {
    Failure::new(Code::BodyTooLarge, format!("expected a body of at most {bytes_max} bytes, a larger one came"))
}

fn too_slow() -> Failure {
    Failure::new(Code::RequestTimeout, "the body came too slowly")
}

/// Answers without a body having been read, so that the client can read the answer: a connection of HTTP/1.1 that is closed while it still
/// sends loses that. A small body is passed over, and the connection serves on; of a large one nothing is taken for a while, which holds the
/// client up until the answer is there. Over HTTP/2 the body is dropped at once, since others share its connection.
pub(crate) fn leave_unread(request: &mut Request) {
    let body = request.take_body();
    leave_body(request, body);
}

/// The same with the body that was taken from a request.
pub(crate) fn leave_body(request: &Request, body: Body) {
    if let Some(bytes_max) = passed_over(request) {
        pass_over(body.into_bytes_stream(), bytes_max);
    }
}

/// How many bytes of the body of a request that is not read are passed over before nothing more is taken: all of a short one, the first ones of
/// one that does not tell its length, as it may be short, and none of another. Nothing where the body is dropped at once.
fn passed_over(request: &Request) -> Option<usize> {
    const SMALL_BYTES_MAX: u64 = 64 * 1024;
    const CHUNKED_BYTES_MAX: usize = 16 * 1024;
    let headers = request.headers();
    if request.version() >= Version::HTTP_2 || headers.contains_key(header::EXPECT) {
        return None;
    }
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Some(CHUNKED_BYTES_MAX);
    }
    let length: Option<u64> = headers.get(header::CONTENT_LENGTH)?.to_str().ok().and_then(|length| length.parse().ok());
    Some(if length.is_some_and(|length| length <= SMALL_BYTES_MAX) { usize::MAX } else { 0 })
}

fn pass_over(mut chunks: impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static, bytes_max: usize) {
    const TIME_MAX: Duration = Duration::from_secs(2);
    tokio::spawn(tokio::time::timeout(TIME_MAX, async move {
        let mut n_bytes = 0;
        while n_bytes < bytes_max {
            let Some(Ok(chunk)) = chunks.next().await else { return };
            n_bytes += chunk.len();
        }
        std::future::pending::<()>().await;
    }));
}

type Chunks = Box<dyn Stream<Item = io::Result<Bytes>> + Send + Unpin>;

/// The rest of a body. If it is dropped before its end it is read on for a while: a connection that is closed while
/// the client still sends loses the answer.
struct Drained {
    /// `None` at its end, and where nothing more of it is wanted.
    chunks: Option<Chunks>,
    /// Whether the client sends it only once reading has begun.
    waits: bool,
}

impl Drained {
    async fn next(&mut self, timeout: Duration) -> Result<Option<Bytes>, Failure> {
        let Some(stream) = &mut self.chunks else { return Ok(None) };
        self.waits = false;
        match tokio::time::timeout(timeout, stream.next()).await {
            Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
            Ok(Some(Err(error))) => {
                self.chunks = None;
                let mut failure = Failure::new(Code::Malformed, "the body ended early or is not framed as HTTP");
                failure.cause = Some(error.to_string());
                Err(failure)
            }
            Ok(None) => {
                self.chunks = None;
                Ok(None)
            }
            Err(_) => {
                // What stalls is not waited for any longer.
                self.chunks = None;
                Err(too_slow())
            }
        }
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        const TIME_MAX: Duration = Duration::from_secs(5);
        const BYTES_MAX: usize = 64 * 1024 * 1024;
        let Some(mut stream) = self.chunks.take().filter(|_| !self.waits) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if let Some(None | Some(Err(_))) = stream.next().now_or_never() {
            return;
        }
        runtime.spawn(tokio::time::timeout(TIME_MAX, async move {
            let mut n_bytes = 0;
            while let Some(Ok(chunk)) = stream.next().await {
                n_bytes += chunk.len();
                if n_bytes > BYTES_MAX {
                    return;
                }
            }
        }));
    }
}
