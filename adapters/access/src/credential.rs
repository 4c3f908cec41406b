//! What a request shows in its head.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use crate::Denied;

/// The header that carries a key alone.
const API_KEY: &str = "x-api-key";
/// Tokens of issuers with many claims have some kilobytes.
const LENGTH_MAX: usize = 16 * 1024;

/// Both headers, as they should be.
const AS_BEARER: &str = "`Authorization: Bearer …`";
const AS_API_KEY: &str = "`X-API-Key: …`";
/// What comes in place of a key.
const EMPTY: &str = "an empty one";
const OTHER_SCHEME: &str = "another scheme";
const BEYOND_ASCII: &str = "one with letters beyond ASCII";
const TOO_LONG: &str = "one longer than 16 KiB";

/// The one key or token that a head shows. The same one may stand in both headers.
///
/// # Errors
/// When there is none, or more than one.
pub(crate) fn credential(head: &HeaderMap) -> Result<&str, Denied> {
    let bearers = head.get_all(AUTHORIZATION).iter().map(|value| (AS_BEARER, text(value).and_then(bearer)));
    let keys = head.get_all(API_KEY).iter().map(|value| (AS_API_KEY, text(value).map(str::trim)));
    let mut shown: Option<&str> = None;
    for (expected, key) in bearers.chain(keys) {
        let key = key.and_then(of_a_length).map_err(|came| Denied::NotAKey { expected, came })?;
        if shown.replace(key).is_some_and(|other| other != key) {
            return Err(Denied::SeveralKeys);
        }
    }
    shown.ok_or(Denied::NoKey)
}

fn text(value: &HeaderValue) -> Result<&str, &'static str> {
    value.to_str().map_err(|_| BEYOND_ASCII)
}

fn bearer(value: &str) -> Result<&str, &'static str> {
    let (scheme, key) = value.split_once(' ').unwrap_or((value, ""));
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(key.trim())
    } else {
        Err(if value.trim().is_empty() { EMPTY } else { OTHER_SCHEME })
    }
}

fn of_a_length(key: &str) -> Result<&str, &'static str> {
    match key.len() {
        0 => Err(EMPTY),
        1..=LENGTH_MAX => Ok(key),
        _ => Err(TOO_LONG),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn shown(headers: &[(&str, &str)]) -> Result<String, Denied> {
        let head = headers.iter().map(|(name, value)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        });
        credential(&head.collect()).map(str::to_owned)
    }

    #[test]
    fn a_key_stands_in_either_header() {
        for headers in [
            &[("authorization", "Bearer abc")][..],
            &[("Authorization", "bearer  abc ")],
            &[("x-api-key", " abc")],
            &[("authorization", "Bearer abc"), ("x-api-key", "abc")],
        ] {
            assert_eq!(shown(headers), Ok("abc".to_owned()), "{headers:?}");
        }
    }

    #[test]
    fn anything_else_is_no_key() {
        assert_eq!(shown(&[]), Err(Denied::NoKey));
        let long = "x".repeat(LENGTH_MAX + 1);
        for (value, came) in [
            ("", EMPTY),
            ("abc", OTHER_SCHEME),
            ("Basic abc", OTHER_SCHEME),
            ("Bearer", EMPTY),
            ("Bearer ", EMPTY),
            ("Bearer schlüssel", BEYOND_ASCII),
            (&format!("Bearer {long}"), TOO_LONG),
        ] {
            let denied = Denied::NotAKey { expected: AS_BEARER, came };
            assert_eq!(shown(&[("authorization", value)]), Err(denied), "{value:.20}");
        }
        for (value, came) in [("", EMPTY), (" ", EMPTY), ("schlüssel", BEYOND_ASCII), (&long, TOO_LONG)] {
            let denied = Denied::NotAKey { expected: AS_API_KEY, came };
            assert_eq!(shown(&[("x-api-key", value)]), Err(denied), "{value:.20}");
        }
        assert_eq!(shown(&[("x-api-key", "a"), ("x-api-key", "b")]), Err(Denied::SeveralKeys));
        assert_eq!(shown(&[("authorization", "Bearer a"), ("x-api-key", "b")]), Err(Denied::SeveralKeys));
    }

    #[test]
    fn what_is_no_key_is_told_by_the_header_that_came() {
        for (header, told) in [
            (("x-api-key", "schlüssel"), "expected `X-API-Key: …` with a key, one with letters beyond ASCII came"),
            (("authorization", "Basic abc"), "expected `Authorization: Bearer …` with a key, another scheme came"),
        ] {
            assert_eq!(shown(&[header]).unwrap_err().to_string(), told);
        }
    }
}
