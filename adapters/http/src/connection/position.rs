//! Where a connection of HTTP/1.1 is: between two requests, or within one. What serves the connection does not tell, so the bytes that it
//! is given are counted. Nor does it tell of a head that it says the length of its body in two ways, so that is seen here, too: where it is known
//! that a head begins.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use memchr::memchr;

use super::activity::Activity;

/// Where a connection is. Once in doubt, it is within a request for good.
pub(super) struct Position {
    activity: Arc<Activity>,
    request: Option<Begun>,
    /// How many requests have begun.
    n_begun: u64,
    /// How many answers the client has been sent whole.
    n_sent: u64,
}

/// A request of which bytes have been given on.
#[derive(Default)]
struct Begun {
    head: Head,
    /// How much of the body has come; nothing is known of it before the end of the head.
    n_body: Option<u64>,
}

/// How much is kept of the beginning of a line: the longest name that is looked for, with its colon.
const NAME_BYTES: usize = "transfer-encoding:".len();

/// A head as far as it has come.
#[derive(Default)]
struct Head {
    line: Line,
    /// What the line begins with.
    name: [u8; NAME_BYTES],
    n_name: usize,
    has_length: bool,
    has_coding: bool,
}

/// Where in a head a connection is. It ends with an empty line, as the parser of what serves the connection has it: a line may end without a
/// carriage return, and empty lines may stand before the first one.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Line {
    #[default]
    BeforeFirst,
    Within,
    /// A line has ended.
    Ended,
    /// And a carriage return came.
    Return,
}

impl Position {
    pub(super) fn new(activity: Arc<Activity>) -> Self {
        Self { activity, request: None, n_begun: 0, n_sent: 0 }
    }

    /// Whether no byte of a request has been given on since the last answer was sent. O(1).
    pub(super) fn is_between(&mut self) -> bool {
        let Some(request) = &self.request else { return true };
        let is_over = self.n_sent == self.n_begun
            && self.activity.n_begun.load(Ordering::Relaxed) == self.n_begun
            && request.n_body == Some(self.activity.body_bytes.load(Ordering::Relaxed));
        if is_over {
            self.request = None;
        }
        is_over
    }

    /// These bytes are given on. O(length of a head) for the first ones, O(1) for a body.
    pub(super) fn given(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.is_between() {
            self.n_begun += 1;
        }
        let request = self.request.get_or_insert_default();
        if let Some(n_body) = &mut request.n_body {
            *n_body += bytes.len() as u64;
            return;
        }
        request.n_body = request.head.rest(bytes);
        if request.n_body.is_some() && request.head.is_ambiguous() {
            self.activity.note_ambiguous();
        }
    }

    /// Everything that was to be sent has been.
    pub(super) fn sent(&mut self) {
        self.n_sent = self.activity.n_answered.load(Ordering::Relaxed);
    }
}

impl Head {
    /// How many of these bytes come after its end, if it ends in them.
    fn rest(&mut self, bytes: &[u8]) -> Option<u64> {
        let mut place = 0;
        while let Some(byte) = bytes.get(place) {
            place += 1;
            self.line = match (self.line, byte) {
                (Line::Ended | Line::Return, b'\n') => return Some((bytes.len() - place) as u64),
                (Line::Ended, b'\r') => Line::Return,
                (Line::BeforeFirst, b'\r' | b'\n') => Line::BeforeFirst,
                (Line::Within, b'\n') => {
                    self.end_line();
                    Line::Ended
                }
                _ => {
                    // Nothing of a line matters but its beginning and its end.
                    let start = place - 1;
                    place += memchr(b'\n', &bytes[place..]).unwrap_or(bytes.len() - place);
                    self.in_line(&bytes[start..place]);
                    Line::Within
                }
            };
        }
        None
    }

    /// These bytes of a line come.
    fn in_line(&mut self, bytes: &[u8]) {
        let n_taken = bytes.len().min(NAME_BYTES - self.n_name);
        self.name[self.n_name..self.n_name + n_taken].copy_from_slice(&bytes[..n_taken]);
        self.n_name += n_taken;
    }

    fn end_line(&mut self) {
        let begins_with = |name: &[u8]| {
            self.name[..self.n_name].get(..name.len()).is_some_and(|came| came.eq_ignore_ascii_case(name))
        };
        self.has_length |= begins_with(b"content-length:");
        self.has_coding |= begins_with(b"transfer-encoding:");
        self.n_name = 0;
    }

    /// Whether it says the length of the body in two ways, of which another server may believe the other one.
    fn is_ambiguous(&self) -> bool {
        self.has_length && self.has_coding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"POST /x HTTP/1.1\r\ncontent-length: 5\r\n\r\n";
    /// As sloppy as a parser takes them.
    const OTHERS: [&[u8]; 3] = [
        b"\r\n\r\n\nPOST /x HTTP/1.1\r\ncontent-length: 5\r\n\r\n",
        b"POST /x HTTP/1.1\ncontent-length: 5\n\n",
        b"POST /x HTTP/1.1\r\ncontent-length: 5\n\r\n",
    ];

    fn position() -> (Position, Arc<Activity>) {
        let activity = Arc::new(Activity::default());
        (Position::new(Arc::clone(&activity)), activity)
    }

    #[test]
    fn a_request_is_over_once_it_came_whole_and_its_answer_was_sent_however_it_was_cut() {
        for request in OTHERS.iter().chain([&HEAD]).map(|head| [head, &b"1\r\n\r\n"[..]].concat()) {
            for first in 1..request.len() {
                for second in first..request.len() {
                    let (mut position, activity) = position();
                    assert!(position.is_between());
                    for part in [&request[..first], &request[first..second], &request[second..]] {
                        position.given(part);
                        assert!(!position.is_between());
                    }
                    activity.begun(Some(5));
                    activity.answered();
                    assert!(!position.is_between(), "the answer is not sent");
                    position.sent();
                    assert!(position.is_between(), "{first} {second} of {}", request.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn a_head_that_frames_its_body_in_two_ways_is_seen_however_it_was_cut() {
        for (head, is_ambiguous) in [
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", true),
            ("POST / HTTP/1.1\r\ntransfer-encoding:chunked\r\nA: b\r\ncontent-length:5\r\n\r\n", true),
            ("POST / HTTP/1.1\nTRANSFER-ENCODING: chunked\nCONTENT-LENGTH: 5\n\n", true),
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\nX-Transfer-Encoding: chunked\r\n\r\n", false),
            ("POST /?Transfer-Encoding: HTTP/1.1\r\nContent-Length: 5\r\nTransfer: x\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nA: Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", false),
        ] {
            for cut in 1..head.len() {
                let (mut position, activity) = position();
                position.given(&head.as_bytes()[..cut]);
                position.given(&head.as_bytes()[cut..]);
                assert_eq!(activity.take_ambiguous(), is_ambiguous, "{cut} of {}", head.escape_debug());
                assert!(!activity.take_ambiguous());
            }
        }
        let (mut position, activity) = position();
        position.given(HEAD);
        position.given(b"Transfer-Encoding: chunked\r\n\r\n");
        assert!(!activity.take_ambiguous(), "in a body");
    }

    #[test]
    fn it_is_within_while_anything_of_either_is_missing_and_when_more_came() {
        let over = |bytes: &[u8], n_begun: usize, n_answered: usize, body: Option<u64>| {
            let (mut position, activity) = position();
            position.given(bytes);
            (0..n_begun).for_each(|_| activity.begun(body));
            (0..n_answered).for_each(|_| activity.answered());
            position.sent();
            position.is_between()
        };
        let whole = [HEAD, b"12345"].concat();
        assert!(over(&whole, 1, 1, Some(5)));
        for head in OTHERS.iter().chain([&HEAD]) {
            // Whatever of the body is there, and what it looks like.
            for body in [&b""[..], b"\r\n\r\n", b"\n\n", b"1234"] {
                assert!(!over(&[head, body].concat(), 1, 1, Some(5)), "{} and {body:?}", head.escape_ascii());
            }
        }
        assert!(!over(&whole, 1, 0, Some(5)), "the answer");
        assert!(!over(&[&whole[..], b"P"].concat(), 1, 1, Some(5)), "of the next request something came");
        assert!(!over(&[&whole[..], &whole].concat(), 2, 2, Some(5)), "the next request came");
        assert!(!over(&whole, 1, 1, None), "a body of unknown length");
        assert!(!over(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 1, 1, None), "another protocol");
    }
}
