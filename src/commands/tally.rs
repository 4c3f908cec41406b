//! What a detector said of many rows, in one sentence.

use std::collections::BTreeMap;
use std::fmt;

use super::output::{number, printable};
use crate::client::{Detection, Finding};

/// The sum of all answers so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    rows: u64,
    /// Those of them that were left out because of missing values.
    dropped: u64,
    /// Verdicts on windows of more than one row; with 0, each row had its own.
    windows: u64,
    drifts: u64,
    first: Option<First>,
    last: Option<Detection>,
    /// What the checks of quality found, by column and check: how often, and the sentence of the last one.
    findings: BTreeMap<(String, String), (u64, String)>,
}

/// More columns and checks than this are counted, and not told.
const FINDINGS_TOLD_MAX: usize = 20;

/// The first row or window in drift.
#[derive(Debug)]
struct First {
    row: u64,
    row_after: u64,
    time: Option<u64>,
}

impl Tally {
    /// Adds the answer to a request of `n_rows` rows from `first_row` on.
    pub(super) fn add(&mut self, first_row: u64, n_rows: u64, answer: Detection) {
        let n_dropped = answer.rows_dropped.unwrap_or(0).min(n_rows);
        let n_fed = n_rows - n_dropped;
        self.rows += n_rows;
        self.dropped += n_dropped;
        // Entries that are not one a row are windows; where within the request they are, is not said.
        let results = answer.results.as_ref().filter(|results| !results.is_empty());
        let per_row = results.filter(|results| results.len() as u64 == n_fed);
        let before = self.drifts;
        match (per_row, results) {
            // Which rows were left out, is not said either.
            (Some(per_row), _) if n_dropped > 0 => {
                for detection in per_row {
                    self.judge(first_row, first_row + n_rows, detection);
                }
            }
            (Some(per_row), _) => {
                for (row, detection) in (first_row..).zip(per_row) {
                    self.judge(row, row + 1, detection);
                }
            }
            (None, Some(windows)) => {
                self.windows += windows.len() as u64;
                for detection in windows {
                    self.judge(first_row, first_row + n_rows, detection);
                }
            }
            (None, None) => {
                self.windows += u64::from(n_fed > 1);
                self.judge(first_row, first_row + n_rows, &answer);
            }
        }
        if self.drifts == before && answer.is_drift == Some(true) {
            self.judge(first_row, first_row + n_rows, &answer);
        }
        for Finding { check, column, detail } in answer.quality.iter().flatten().cloned() {
            let (n, sentence) =
                self.findings.entry((column.unwrap_or_default(), check.unwrap_or_default())).or_default();
            *n += 1;
            *sentence = detail.unwrap_or_default();
        }
        self.last = Some(answer);
    }

    /// What the checks of quality found, one line a column and check.
    pub(super) fn findings(&self) -> String {
        let told = self.findings.iter().take(FINDINGS_TOLD_MAX).map(|((_, check), (n, sentence))| {
            let again = if *n > 1 { format!(", {n} times, at last") } else { String::new() };
            format!("  quality: {}{again}: {}\n", printable(check), printable(sentence))
        });
        let others = match self.findings.len().saturating_sub(FINDINGS_TOLD_MAX) {
            0 => String::new(),
            n => format!("  quality: and {n} columns and checks more\n"),
        };
        told.collect::<String>() + &others
    }

    fn judge(&mut self, row: u64, row_after: u64, detection: &Detection) {
        if detection.is_drift == Some(true) {
            self.drifts += 1;
            self.first.get_or_insert(First { row, row_after, time: detection.time });
        }
    }

    /// Rows that were sent, those that were left out included.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether any row or window drifts.
    pub(super) fn is_drift(&self) -> bool {
        self.drifts > 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} fed", counted(self.rows - self.dropped, "row"))?;
        if self.windows > 0 {
            write!(f, " in {}", counted(self.windows, "window"))?;
        }
        if self.dropped > 0 {
            write!(f, ", {} left out for missing values", self.dropped)?;
        }
        match &self.first {
            None => f.write_str(", no drift")?,
            Some(First { row, row_after, time }) => {
                write!(f, ", {} in drift, first at ", self.drifts)?;
                let is_row = row_after - row == 1;
                f.write_str(&if is_row { format!("row {row}") } else { format!("rows {row}..{row_after}") })?;
                if let Some(time) = time {
                    write!(f, " (time {time})")?;
                }
            }
        }
        let Some(last) = &self.last else { return Ok(()) };
        if last.warm_up == Some(true) {
            return f.write_str("; still warming up");
        }
        match (last.statistic.or(last.distance), last.threshold, last.p_value) {
            (Some(statistic), Some(threshold), _) => {
                write!(f, "; last statistic {} against threshold {}", number(statistic), number(threshold))
            }
            (Some(statistic), None, Some(p_value)) => {
                write!(f, "; last statistic {}, p-value {}", number(statistic), number(p_value))
            }
            (Some(statistic), None, None) => write!(f, "; last statistic {}", number(statistic)),
            (None, _, _) => Ok(()),
        }
    }
}

fn counted(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn tally(answers: &[(u64, u64, Value)]) -> Tally {
        let mut tally = Tally::default();
        for (first_row, n_rows, answer) in answers {
            tally.add(*first_row, *n_rows, serde_json::from_value(answer.clone()).unwrap());
        }
        tally
    }

    #[test]
    fn rows_are_counted_where_each_has_its_verdict() {
        let results = json!([{"is_drift": false, "time": 3}, {"is_drift": true, "time": 4}]);
        let tally = tally(&[
            (100, 2, json!({"is_drift": false, "results": [{"is_drift": false}, {"is_drift": false}]})),
            (102, 2, json!({"is_drift": true, "statistic": 6.125, "threshold": 5.68, "results": results})),
            (104, 1, json!({"is_drift": true, "time": 5, "statistic": 6.5, "threshold": 5.68, "results": []})),
        ]);
        assert_eq!(
            tally.to_string(),
            "5 rows fed, 2 in drift, first at row 103 (time 4); last statistic 6.5 against threshold 5.68"
        );
        assert!(tally.is_drift());
    }

    #[test]
    fn windows_are_counted_where_they_are_judged_whole() {
        let tally = tally(&[
            (0, 50, json!({"is_drift": false, "p_value": 0.2})),
            (50, 50, json!({"is_drift": true, "time": 100, "statistic": 0.5, "p_value": 0.001})),
        ]);
        assert_eq!(
            tally.to_string(),
            "100 rows fed in 2 windows, 1 in drift, first at rows 50..100 (time 100); last statistic 0.5, p-value 0.001"
        );
    }

    #[test]
    fn rows_that_were_left_out_are_told_and_are_no_windows() {
        let results = json!([{"is_drift": false, "time": 1}, {"is_drift": true, "time": 2}]);
        let some = tally(&[(7, 3, json!({"is_drift": true, "rows": 2, "rows_dropped": 1, "results": results}))]);
        assert_eq!(
            some.to_string(),
            "2 rows fed, 1 left out for missing values, 1 in drift, first at rows 7..10 (time 2)"
        );
        assert_eq!(some.rows(), 3);
        let none = tally(&[(0, 19, json!({"is_drift": false, "rows": 0, "rows_dropped": 19, "results": []}))]);
        assert_eq!(none.to_string(), "0 rows fed, 19 left out for missing values, no drift");
    }

    #[test]
    fn findings_are_told_once_a_column_and_check() {
        let finding = |check: &str, detail: &str| json!({"check": check, "column": "x", "detail": detail});
        let tally = tally(&[
            (0, 1, json!({"quality": [finding("out_of_range", "first"), finding("missing_burst", "none")]})),
            (1, 1, json!({"quality": [finding("out_of_range", "second")]})),
        ]);
        assert_eq!(
            tally.findings(),
            "  quality: missing_burst: none\n  quality: out_of_range, 2 times, at last: second\n"
        );
        let many: Vec<Value> = (0..30).map(|n| json!({"check": "out_of_range", "column": format!("{n}")})).collect();
        let told = self::tally(&[(0, 1, json!({"quality": many}))]).findings();
        assert_eq!(
            (told.lines().count(), told.lines().last()),
            (21, Some("  quality: and 10 columns and checks more"))
        );
        assert_eq!(self::tally(&[(0, 1, json!({"quality": []}))]).findings(), "");
    }

    #[test]
    fn warm_up_is_said() {
        let tally = tally(&[(0, 1, json!({"is_drift": false, "warm_up": true, "statistic": null, "results": []}))]);
        assert_eq!(tally.to_string(), "1 row fed, no drift; still warming up");
        assert!(!tally.is_drift());
    }

    #[test]
    fn an_answer_that_drifts_counts_even_if_its_parts_do_not_say_so() {
        assert!(tally(&[(0, 9, json!({"is_drift": true, "results": [{"rows": 3}, {"rows": 3}]}))]).is_drift());
    }
}
