//! Where a connection of HTTP/1.1 is: between two requests, or within one. What serves the connection does not tell, so the bytes that it
//! is given are counted.

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

/// Where in a head a connection is. It ends with an empty line, as the parser of what serves the connection has it: a line may end without a
/// carriage return, and empty lines may stand before the first one.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Head {
    #[default]
    BeforeFirstLine,
    InLine,
    /// A line has ended.
    LineEnd,
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
        match &mut request.n_body {
            Some(n_body) => *n_body += bytes.len() as u64,
            None => request.n_body = request.head.rest(bytes),
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
            *self = match (*self, byte) {
                (Self::LineEnd | Self::Return, b'\n') => return Some((bytes.len() - place) as u64),
                (Self::LineEnd, b'\r') => Self::Return,
                (Self::BeforeFirstLine, b'\r' | b'\n') => Self::BeforeFirstLine,
                (Self::InLine, b'\n') => Self::LineEnd,
                _ => {
                    // Nothing of a line matters but its end.
                    place += memchr(b'\n', &bytes[place..]).unwrap_or(bytes.len() - place);
                    Self::InLine
                }
            };
        }
        None
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
