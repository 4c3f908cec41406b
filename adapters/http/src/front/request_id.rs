//! The id of a request: the client's, or one that this process has not given before.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use poem::Request;

/// The header that carries it.
pub(super) const HEADER: &str = "x-request-id";

const LENGTH_MAX: usize = 128;

static START: LazyLock<u64> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(0)
});
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The id of a request, for whoever serves it.
#[derive(Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// The id that came, if it is 1 to 128 letters, digits, `.`, `_` and `-`; else a new one.
pub(super) fn of(request: &Request) -> String {
    match request.header(HEADER) {
        Some(id) if is_usable(id) => id.to_owned(),
        _ => format!("{:x}-{:x}", *START, NEXT.fetch_add(1, Ordering::Relaxed)),
    }
}

fn is_usable(id: &str) -> bool {
    (1..=LENGTH_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_ids_are_taken() {
        for id in ["a", "A-1_b.c", &"x".repeat(128)] {
            assert!(is_usable(id), "{id}");
        }
        for id in ["", "a b", "ä", "a\"b", "<a>", &"x".repeat(129)] {
            assert!(!is_usable(id), "{id}");
        }
    }
}
