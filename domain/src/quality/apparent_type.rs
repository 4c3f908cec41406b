//! What a text seems to be: a number, a truth value, or words.

use crate::data::parse_number;

/// What texts seem to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum ApparentType {
    /// Neither a number nor a truth value.
    #[default]
    Words,
    /// A number as in a CSV file.
    Number,
    /// `true` or `false`, in any case.
    Truth,
}

impl ApparentType {
    /// In the order of their codes.
    pub(super) const ALL: [Self; 3] = [Self::Words, Self::Number, Self::Truth];

    pub(super) fn of(text: &str) -> Self {
        if parse_number(text).is_some() {
            Self::Number
        } else if ["true", "false"].iter().any(|truth| truth.eq_ignore_ascii_case(text.trim())) {
            Self::Truth
        } else {
            Self::Words
        }
    }

    /// For sentences.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Number => "numbers",
            Self::Truth => "truth values",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart() {
        for (text, expected) in [
            ("12", ApparentType::Number),
            (" -1.5e3 ", ApparentType::Number),
            ("TRUE", ApparentType::Truth),
            ("nan", ApparentType::Words),
            ("", ApparentType::Words),
            ("12 km", ApparentType::Words),
        ] {
            assert_eq!(ApparentType::of(text), expected, "{text}");
        }
    }
}
