//! Page tokens: opaque to clients, nothing secret in them.

use std::fmt::Write as _;

use drifting_domain::ports::Cursor;
use drifting_domain::project::ProjectName;

/// The token of the page after a project.
pub(crate) fn of_name(name: &str) -> String {
    let mut token = "n".to_owned();
    for byte in name.bytes() {
        // Writing to a text cannot fail.
        let _ = write!(token, "{byte:02x}");
    }
    token
}

/// The project of a token.
pub(crate) fn to_name(token: &str) -> Option<String> {
    let digits = token.strip_prefix('n')?;
    if digits.len() % 2 != 0 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let bytes = (0..digits.len()).step_by(2).map(|start| u8::from_str_radix(&digits[start..start + 2], 16));
    let name = String::from_utf8(bytes.collect::<Result<_, _>>().ok()?).ok()?;
    name.parse::<ProjectName>().ok().map(String::from)
}

/// The token of the page after a record.
pub(super) fn of_record(record: Cursor) -> String {
    format!("r{:016x}{:016x}{:016x}", record.at_us, record.server, record.number)
}

/// The record of a token.
pub(super) fn to_record(token: &str) -> Option<Cursor> {
    let digits = token.strip_prefix('r').filter(|digits| digits.len() == 48)?;
    // Digits alone, so that the text has no borders within characters.
    let number = |start: usize| digits.get(start..start + 16).and_then(number);
    Some(Cursor { at_us: number(0)?.cast_signed(), server: number(16)?.cast_signed(), number: number(32)? })
}

/// The token of the page after a bucket.
pub(super) fn of_bucket(bucket: i64) -> String {
    format!("b{bucket:016x}")
}

/// The bucket of a token.
pub(super) fn to_bucket(token: &str) -> Option<i64> {
    number(token.strip_prefix('b')?).map(u64::cast_signed)
}

/// The token of the page after an operation.
pub(crate) fn of_operation(number: u64) -> String {
    format!("o{number:016x}")
}

/// The operation of a token.
pub(crate) fn to_operation(token: &str) -> Option<u64> {
    number(token.strip_prefix('o')?)
}

/// A number of sixteen digits.
fn number(digits: &str) -> Option<u64> {
    let is_whole = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_whole.then(|| u64::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back() {
        assert_eq!(to_name(&of_name("house-prices.v2")).as_deref(), Some("house-prices.v2"));
        for cursor in [(i64::MIN, -1, u64::MAX), (0, 7, 1)] {
            let cursor = Cursor { at_us: cursor.0, server: cursor.1, number: cursor.2 };
            assert_eq!(to_record(&of_record(cursor)), Some(cursor));
        }
        for bucket in [i64::MIN, -1, 0, 7] {
            assert_eq!(to_bucket(&of_bucket(bucket)), Some(bucket));
        }
        assert_eq!(to_operation(&of_operation(7)), Some(7));
    }

    #[test]
    fn other_texts_are_no_tokens() {
        for text in ["", "n", "n6", "nzz", "n2f", "r1", "r+00000000000001", "x", "nä", "b1", "rä"] {
            assert_eq!((to_name(text), to_record(text), to_operation(text)), (None, None, None), "{text}");
            assert_eq!(to_bucket(text), None, "{text}");
        }
    }
}
