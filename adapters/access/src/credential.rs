//! What a request shows in its head.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::Denied;

/// The header that carries a key alone.
const API_KEY: &str = "x-api-key";
/// Tokens of issuers with many claims have some kilobytes.
const LENGTH_MAX: usize = 16 * 1024;

/// The one key or token that a head shows. The same one may stand in both headers.
///
/// # Errors
/// When there is none, or more than one.
pub(crate) fn credential(head: &HeaderMap) -> Result<&str, Denied> {
    let bearers = head.get_all(AUTHORIZATION).iter().map(|value| bearer(value.to_str().ok()?));
    let keys = head.get_all(API_KEY).iter().map(|value| value.to_str().ok().map(str::trim));
    let mut shown: Option<&str> = None;
    for key in bearers.chain(keys) {
        let key = key.filter(|key| !key.is_empty() && key.len() <= LENGTH_MAX).ok_or(Denied::NotAKey)?;
        if shown.replace(key).is_some_and(|other| other != key) {
            return Err(Denied::SeveralKeys);
        }
    }
    shown.ok_or(Denied::NoKey)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

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
        for value in ["", "abc", "Basic abc", "Bearer", "Bearer ", &format!("Bearer {}", "x".repeat(LENGTH_MAX + 1))] {
            assert_eq!(shown(&[("authorization", value)]), Err(Denied::NotAKey), "{value:.20}");
        }
        assert_eq!(shown(&[("x-api-key", "a"), ("x-api-key", "b")]), Err(Denied::SeveralKeys));
        assert_eq!(shown(&[("authorization", "Bearer a"), ("x-api-key", "b")]), Err(Denied::SeveralKeys));
    }
}
