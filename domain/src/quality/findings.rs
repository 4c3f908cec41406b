//! What a check says.

use super::QualityCheck;
use super::apparent_type::ApparentType;

/// Something in rows that a reference has not prepared anybody for. It says nothing about drift.
#[derive(Debug, Clone, PartialEq)]
pub struct QualityFinding {
    /// The check that found it.
    pub check: QualityCheck,
    /// Index of the column in the schema of the project's configuration.
    pub column: usize,
    /// Index of the row in its request, from 0, with which it was found: the last one that was counted.
    pub row: usize,
    /// Rows that stand out.
    pub n_rows: u64,
    /// Rows that were looked at, these included; some of them may have come with earlier requests.
    pub of_rows: u64,
    /// The share of such rows that the reference lets expect, from 0 to 1; of a constant column, that of its most frequent
    /// value.
    pub expected_share: f64,
    /// The share that came, from 0 to 1.
    pub observed_share: f64,
    /// The probability of so many in as many rows (row by row: in a whole block of them), if nothing has changed.
    pub p_value: f64,
    /// What was expected and what came, as a sentence for people.
    pub detail: String,
}

/// What stands out in a column, and what it is held against.
#[derive(Debug, Clone, Copy)]
pub(super) enum Evidence<'e> {
    /// Rows of categories that the reference did not hold, such as this one.
    NewCategory { example: &'e str },
    /// Rows that seem to be of another type.
    TypeChange { expected: ApparentType },
    /// Missing values.
    MissingBurst,
    /// Numbers outside of a range.
    OutOfRange { low: f64, high: f64 },
    /// Equal values that follow each other; in the reference at most so many did.
    RunOfEqual { longest: u64 },
    /// Nothing but equal values.
    AllEqual,
}

impl Evidence<'_> {
    pub(super) fn check(self) -> QualityCheck {
        match self {
            Self::NewCategory { .. } => QualityCheck::NewCategory,
            Self::TypeChange { .. } => QualityCheck::TypeChange,
            Self::MissingBurst => QualityCheck::MissingBurst,
            Self::OutOfRange { .. } => QualityCheck::OutOfRange,
            Self::RunOfEqual { .. } | Self::AllEqual => QualityCheck::ConstantColumn,
        }
    }

    /// The sentence on so many of so many rows of a column.
    pub(super) fn sentence(self, column: &str, n_rows: u64, of_rows: u64, expected_share: f64) -> String {
        let share = percent(expected_share);
        let of_rows = if of_rows == 1 { "the last row".to_owned() } else { format!("the last {of_rows} rows") };
        match self {
            Self::NewCategory { example } => {
                let example = crate::data::quoted(example);
                format!(
                    "`{column}`: {n_rows} of {of_rows} hold a category that the reference did not, such as {example}; \
                     about {share} were expected"
                )
            }
            Self::TypeChange { expected } => {
                let expected = expected.as_str();
                format!("`{column}`: {n_rows} of {of_rows} hold other than {expected}; {share} of the reference do")
            }
            Self::MissingBurst => {
                format!("`{column}`: {n_rows} of {of_rows} have no value; {share} of the reference have none")
            }
            Self::OutOfRange { low, high } => {
                format!(
                    "`{column}`: {n_rows} of {of_rows} are outside of {low} to {high}, the range of the reference; about \
                     {share} were expected"
                )
            }
            Self::RunOfEqual { longest } => {
                format!(
                    "`{column}`: the last {n_rows} values are the same; in the reference at most {longest} in a row were"
                )
            }
            Self::AllEqual => {
                format!("`{column}`: all {n_rows} values are the same; at most {share} of the reference were")
            }
        }
    }
}

/// A share with two digits.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent == 0.0 || percent >= 9.95 {
        format!("{percent:.0} %")
    } else if percent >= 0.01 {
        let digits = if percent >= 0.995 { 1 } else { 2 };
        format!("{percent:.digits$} %")
    } else {
        "less than 0.01 %".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_say_what_was_expected_and_what_came() {
        let sentence = |evidence: Evidence<'_>| evidence.sentence("x", 5, 32, 0.0123);
        for (evidence, expected) in [
            (
                Evidence::NewCategory { example: "sun" },
                "`x`: 5 of the last 32 rows hold a category that the reference did not, such as \"sun\"; about 1.2 % were expected",
            ),
            (
                Evidence::TypeChange { expected: ApparentType::Words },
                "`x`: 5 of the last 32 rows hold other than words; 1.2 % of the reference do",
            ),
            (Evidence::MissingBurst, "`x`: 5 of the last 32 rows have no value; 1.2 % of the reference have none"),
            (
                Evidence::OutOfRange { low: -1.0, high: 2.5 },
                "`x`: 5 of the last 32 rows are outside of -1 to 2.5, the range of the reference; about 1.2 % were expected",
            ),
            (
                Evidence::RunOfEqual { longest: 2 },
                "`x`: the last 5 values are the same; in the reference at most 2 in a row were",
            ),
            (Evidence::AllEqual, "`x`: all 5 values are the same; at most 1.2 % of the reference were"),
        ] {
            assert_eq!(sentence(evidence), expected);
        }
        assert_eq!([0.0, 1e-6, 0.000_5, 0.2, 1.0].map(percent), ["0 %", "less than 0.01 %", "0.05 %", "20 %", "100 %"]);
    }
}
