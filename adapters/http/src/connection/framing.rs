//! Whether it is in doubt where the body of a request ends (RFC 9112, sections 6.1 and 6.3).

use poem::http::header::{HeaderMap, TRANSFER_ENCODING};

/// Why it is in doubt. Somebody between the client and this server may see another end, so the request is refused, and its connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OddFraming {
    /// The head tells a length, and that the body comes in chunks.
    Twice,
    /// It names another transfer coding than `chunked`, or several.
    Coded,
}

impl OddFraming {
    /// What is odd about a head of HTTP/1.1, of which it is known whether it had both headers: what parses it leaves one of them out. O(1).
    pub(super) fn of(headers: &HeaderMap, has_both: bool) -> Option<Self> {
        if has_both {
            return Some(Self::Twice);
        }
        let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
        let is_known = codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
        (!is_known || codings.next().is_some()).then_some(Self::Coded)
    }

    /// What was expected in its place.
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Self::Twice => "expected `Content-Length` or `Transfer-Encoding`, both came",
            Self::Coded => {
                "expected no transfer coding but `chunked`; codings of a body belong into `Content-Encoding`"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    #[test]
    fn a_body_ends_by_its_length_or_its_chunks_alone() {
        let odd = |codings: &[&'static str], has_both: bool| {
            let values = codings.iter().map(|coding| (TRANSFER_ENCODING, HeaderValue::from_static(coding)));
            OddFraming::of(&values.collect(), has_both)
        };
        for codings in [&[][..], &["chunked"], &["Chunked"]] {
            assert_eq!(odd(codings, false), None, "{codings:?}");
            assert_eq!(odd(codings, true), Some(OddFraming::Twice), "{codings:?}");
        }
        for codings in [&["gzip, chunked"][..], &["gzip"], &["chunked, chunked"], &["gzip", "chunked"]] {
            assert_eq!(odd(codings, false), Some(OddFraming::Coded), "{codings:?}");
        }
    }
}
