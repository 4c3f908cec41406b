//! What clients send, in the log.

use std::borrow::Cow;
use std::time::Duration;

/// What clients send cannot forge lines: a path holds no control characters but escaped ones.
pub fn escaped(path: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'\\".contains(&byte);
    if path.bytes().all(is_plain) { Cow::Borrowed(path) } else { Cow::Owned(path.escape_debug().to_string()) }
}

/// Milliseconds to the microsecond.
pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_line_of_the_log() {
        assert_eq!(escaped("/v2/models/a"), "/v2/models/a");
        assert_eq!(escaped("/a\r\nb\u{1b}[31m\"").lines().count(), 1);
    }
}
