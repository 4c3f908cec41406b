//! An operation: work that goes on after whoever asked for it has been answered.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::project::ProjectName;

/// What names an operation: 128 bits that whoever asks for it draws at random, so that nobody can guess another's.
/// Written as 32 hexadecimal digits in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId(u128);

impl OperationId {
    /// The number of digits.
    pub const LENGTH: usize = 32;

    /// Of random bits.
    pub fn new(bits: u128) -> Self {
        Self(bits)
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A text that is no id of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 32 hexadecimal digits in lower case")]
pub struct InvalidOperationId;

impl FromStr for OperationId {
    type Err = InvalidOperationId;

    fn from_str(text: &str) -> Result<Self, InvalidOperationId> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != Self::LENGTH || !text.bytes().all(is_digit) {
            return Err(InvalidOperationId);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| InvalidOperationId)
    }
}

/// What is written down of an operation under way, so that the next start knows what a crash has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationNote {
    /// Its id.
    pub id: OperationId,
    /// The project that is fitted.
    pub project: ProjectName,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_from_their_texts_and_nothing_else_is_one() {
        for bits in [0, 1, 0x6441_d1d2_c1f8_0000_0000_0000_0000_00ff, u128::MAX] {
            let id = OperationId::new(bits);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for text in ["", "1", &"g".repeat(32), &"A".repeat(32), &"0".repeat(33), "+0000000000000000000000000000001"] {
            assert_eq!(text.parse::<OperationId>(), Err(InvalidOperationId), "{text}");
        }
    }
}
