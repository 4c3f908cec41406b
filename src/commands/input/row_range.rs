//! Which rows of a file are taken.

use std::str::FromStr;

/// Rows from one up to but not including another, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowRange {
    /// The first row.
    pub from: u64,
    /// The row after the last; without it, the end of the file.
    pub to: Option<u64>,
}

impl RowRange {
    /// Every row.
    pub const ALL: Self = Self { from: 0, to: None };
}

impl FromStr for RowRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (from, to) = text.split_once("..")?;
            let from = if from.is_empty() { 0 } else { from.parse().ok()? };
            let to = if to.is_empty() { None } else { Some(to.parse().ok()?) };
            to.is_none_or(|to| from < to).then_some(Self { from, to })
        };
        read().ok_or_else(|| "expected FROM..TO such as 0..1000, ..1000 or 1000..".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_end_may_be_left_out() {
        for (text, from, to) in [("2..5", 2, Some(5)), ("..5", 0, Some(5)), ("2..", 2, None), ("..", 0, None)] {
            assert_eq!(text.parse(), Ok(RowRange { from, to }), "{text}");
        }
        for text in ["", "5", "5..5", "6..5", "a..b", "1..2..3", "-1..2", "1..=2"] {
            assert!(text.parse::<RowRange>().is_err(), "{text}");
        }
    }
}
