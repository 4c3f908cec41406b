//! The id of a request: the client's, or one that this process has not given before.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;

/// The metadata that carry it, both ways.
pub(super) const KEY: &str = "x-request-id";

const LENGTH_MAX: usize = 128;

static START: LazyLock<u128> =
    LazyLock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros());
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The id of a request, for whoever serves it.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestId(pub(crate) String);

impl RequestId {
    /// The id that came, if it is 1 to 128 letters, digits, `.`, `_` and `-`; else a new one.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let came = headers.get(KEY).and_then(|id| id.to_str().ok()).filter(|id| is_usable(id));
        Self(came.map_or_else(
            // Beside those of HTTP, which begin at the same time.
            || format!("g{:x}-{:x}", *START, NEXT.fetch_add(1, Ordering::Relaxed)),
            str::to_owned,
        ))
    }
}

fn is_usable(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !id.is_empty() && id.len() <= LENGTH_MAX && id.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_ids_are_taken() {
        let id = |came: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(KEY, came.parse().unwrap());
            RequestId::of(&headers).0
        };
        for usable in ["a", "A-1_b.c", &"x".repeat(128)] {
            assert_eq!(id(usable), usable);
        }
        for other in ["", "a b", "a\"b", "<a>", &"x".repeat(129)] {
            assert_ne!(id(other), other);
        }
        assert_ne!(id(""), id(""), "each has its own");
    }
}
