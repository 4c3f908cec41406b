//! The id of a request: the client's, or one that this process has not given before.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The header, or the metadata, that carry it, both ways.
pub const REQUEST_ID: &str = "x-request-id";

const LENGTH_MAX: usize = 128;

static START: LazyLock<u64> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(0)
});
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The id of a request, for whoever serves it.
#[derive(Debug, Clone, Default)]
pub struct RequestId(pub String);

impl RequestId {
    /// The id that came, if it is 1 to 128 letters, digits, `.`, `_` and `-`; else a new one.
    pub fn of(came: Option<&str>) -> Self {
        match came {
            Some(id) if is_usable(id) => Self(id.to_owned()),
            _ => Self(format!("{:x}-{:x}", *START, NEXT.fetch_add(1, Ordering::Relaxed))),
        }
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
        let id = |came: &str| RequestId::of(Some(came)).0;
        for usable in ["a", "A-1_b.c", &"x".repeat(128)] {
            assert_eq!(id(usable), usable);
        }
        for other in ["", "a b", "ä", "a\"b", "<a>", &"x".repeat(129)] {
            assert_ne!(id(other), other);
        }
        assert_ne!(id(""), id(""), "each has its own");
    }
}
