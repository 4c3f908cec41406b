//! What passes over a connection of HTTP/2 (RFC 9113), told by the headers of its frames alone: which requests are on their way, whether
//! the head of one is, and whether something of an answer is sent. Pings, settings and windows are none of these. O(1) for a frame, beside
//! O(log of the requests on their way) for the end of one; nothing is kept of what the frames hold.

use tokio::time::Instant;

/// What a client begins with.
pub const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// No more requests are followed at once; far fewer are served. Whoever speaks the protocol may pass over those beyond, without an answer.
const OPEN_MAX: usize = 1_024;

/// Before each frame: three bytes of its length, its kind, its flags, and four bytes of its stream.
const HEADER_BYTES: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;

/// Of [`DATA`] and [`HEADERS`].
const END_STREAM: u8 = 1;
/// Of [`HEADERS`] and [`CONTINUATION`].
const END_HEADERS: u8 = 4;

/// The requests of a connection.
#[derive(Default)]
pub struct Http2Streams {
    came: Frames,
    sent: Frames,
    /// Those that are on their way, in order: as many as a client may have at once, and those whose refusal is to be sent. At most [`OPEN_MAX`].
    open: Vec<u32>,
    /// The last one that has begun. Each has a higher number than those before.
    last: u32,
    head_since: Option<Instant>,
}

impl Http2Streams {
    /// These bytes have come behind the preface. Whether a request has begun.
    pub fn came(&mut self, mut bytes: &[u8]) -> bool {
        let (mut has_begun, mut in_head) = (false, self.head_since.is_some());
        while let Some((frame, is_whole)) = self.came.pass(&mut bytes) {
            match frame.kind {
                HEADERS | CONTINUATION => {
                    if frame.kind == HEADERS && frame.stream > self.last {
                        self.last = frame.stream;
                        if self.open.len() < OPEN_MAX {
                            self.open.push(frame.stream);
                        }
                        has_begun = true;
                    }
                    in_head = !is_whole || !frame.has(END_HEADERS);
                    if !in_head {
                        self.head_since = None;
                    }
                }
                RST_STREAM if is_whole => self.end(frame.stream),
                _ => {}
            }
        }
        if in_head && self.head_since.is_none() {
            self.head_since = Some(Instant::now());
        }
        has_begun
    }

    /// These bytes have been sent. Whether something of an answer was among them.
    pub fn sent(&mut self, mut bytes: &[u8]) -> bool {
        let mut is_answer = false;
        while let Some((frame, is_whole)) = self.sent.pass(&mut bytes) {
            is_answer |= matches!(frame.kind, DATA | HEADERS | CONTINUATION);
            let is_end = match frame.kind {
                DATA | HEADERS => frame.has(END_STREAM),
                kind => kind == RST_STREAM,
            };
            if is_whole && is_end {
                self.end(frame.stream);
            }
        }
        is_answer
    }

    /// Since when a head is on its way of which the end has not come.
    pub fn head_since(&self) -> Option<Instant> {
        self.head_since
    }

    /// Whether no request is on its way, nor the answer to one.
    pub fn rests(&self) -> bool {
        self.open.is_empty() && self.head_since.is_none()
    }

    fn end(&mut self, stream: u32) {
        if let Ok(place) = self.open.binary_search(&stream) {
            self.open.remove(place);
        }
    }
}

/// Where one direction of a connection stands.
#[derive(Default)]
struct Frames {
    header: [u8; HEADER_BYTES],
    n_header: usize,
    /// Bytes of the frame that are to come.
    n_left: usize,
}

/// What the header of a frame says.
#[derive(Debug, PartialEq)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Frames {
    /// Goes on by those of the bytes that belong to one frame. The frame, if all of its header has passed, and whether it has passed whole.
    fn pass(&mut self, bytes: &mut &[u8]) -> Option<(Frame, bool)> {
        if bytes.is_empty() {
            return None;
        }
        if self.n_header < HEADER_BYTES {
            let (of_header, rest) = bytes.split_at(bytes.len().min(HEADER_BYTES - self.n_header));
            self.header[self.n_header..][..of_header.len()].copy_from_slice(of_header);
            self.n_header += of_header.len();
            *bytes = rest;
            if self.n_header < HEADER_BYTES {
                return None;
            }
            let [high, middle, low, ..] = self.header;
            self.n_left = u32::from_be_bytes([0, high, middle, low]) as usize;
        }
        let n_passed = self.n_left.min(bytes.len());
        self.n_left -= n_passed;
        *bytes = &bytes[n_passed..];
        let is_whole = self.n_left == 0;
        if is_whole {
            self.n_header = 0;
        }
        let [_, _, _, kind, flags, stream @ ..] = self.header;
        // The first bit is reserved.
        let stream = u32::from_be_bytes(stream) & (u32::MAX >> 1);
        Some((Frame { kind, flags, stream }, is_whole))
    }
}

impl Frame {
    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

#[cfg(test)]
mod tests;
