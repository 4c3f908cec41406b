//! Page tokens: opaque to clients, nothing secret in them.

use std::fmt::Write as _;

use drifting_domain::project::ProjectName;

/// The token of the page after a project.
pub(super) fn of_name(name: &str) -> String {
    let mut token = "n".to_owned();
    for byte in name.bytes() {
        // Writing to a text cannot fail.
        let _ = write!(token, "{byte:02x}");
    }
    token
}

/// The project of a token.
pub(super) fn to_name(token: &str) -> Option<String> {
    let digits = token.strip_prefix('n')?;
    if digits.len() % 2 != 0 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let bytes = (0..digits.len()).step_by(2).map(|start| u8::from_str_radix(&digits[start..start + 2], 16));
    let name = String::from_utf8(bytes.collect::<Result<_, _>>().ok()?).ok()?;
    name.parse::<ProjectName>().ok().map(String::from)
}

/// The token of the page after a record.
pub(super) fn of_record(record: u64) -> String {
    format!("r{record:016x}")
}

/// The record of a token.
pub(super) fn to_record(token: &str) -> Option<u64> {
    let digits = token.strip_prefix('r').filter(|digits| digits.len() == 16)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u64::from_str_radix(digits, 16).ok())?
}

/// The token of the page after an operation.
pub(super) fn of_operation(number: u64) -> String {
    format!("o{number:016x}")
}

/// The operation of a token.
pub(super) fn to_operation(token: &str) -> Option<u64> {
    to_record(&format!("r{}", token.strip_prefix('o')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back() {
        assert_eq!(to_name(&of_name("house-prices.v2")).as_deref(), Some("house-prices.v2"));
        assert_eq!(to_record(&of_record(u64::MAX)), Some(u64::MAX));
        assert_eq!(to_operation(&of_operation(7)), Some(7));
    }

    #[test]
    fn other_texts_are_no_tokens() {
        for text in ["", "n", "n6", "nzz", "n2f", "r1", "r+00000000000001", "x", "nä"] {
            assert_eq!((to_name(text), to_record(text), to_operation(text)), (None, None, None), "{text}");
        }
    }
}
