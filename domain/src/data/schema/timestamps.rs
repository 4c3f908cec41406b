//! Columns of points in time: texts as RFC 3339 writes them, also without an offset or without a time of day, or seconds since 1970.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use super::read::{parse_number, quoted, read_numeric, report};
use crate::data::frame::Cells;
use crate::data::table::{DataIssue, Values};

/// Seconds of the years 0 to 9999.
const SECONDS: std::ops::RangeInclusive<f64> = -62_167_219_200.0..=253_402_300_799.0;

/// How times without an offset are written.
const FORMS: [&str; 4] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];

/// Reads points in time as seconds since 1970 on the clock of the place: a text in the offset that it tells (UTC without one), a number
/// in UTC.
pub(super) fn read_timestamps<'t>(values: &'t Values, column: &str, issues: &mut Vec<DataIssue>) -> Cells<'t> {
    let cells = match values {
        Values::Text(texts) | Values::Untyped(texts) => {
            let time = |(row, text): (usize, Option<&str>)| {
                let Some(text) = text else { return f64::NAN };
                seconds(text).unwrap_or_else(|| {
                    report(issues, row, column, || {
                        format!(
                            "expected a time such as 2024-05-01T13:00:00Z, or seconds since 1970, the text {} came",
                            quoted(text)
                        )
                    });
                    f64::NAN
                })
            };
            Cells::Numeric(texts.iter().enumerate().map(time).collect())
        }
        Values::Numeric(_) | Values::Boolean(_) | Values::Images(_) | Values::Missing(_) => {
            read_numeric(values, column, issues)
        }
    };
    if let Cells::Numeric(times) = &cells {
        for (row, time) in times.iter().enumerate().filter(|(_, time)| time.is_finite() && !SECONDS.contains(*time)) {
            report(issues, row, column, || {
                format!("expected seconds since 1970 within the years 0 to 9999, {time} came")
            });
        }
    }
    cells
}

fn seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(number) = parse_number(text) {
        return Some(number).filter(|number| number.is_finite());
    }
    let zoned = DateTime::parse_from_rfc3339(text).map(|time| time.naive_local()).ok();
    let without_zone = || FORMS.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    let local = zoned.or_else(without_zone).or_else(day)?;
    Some(local.and_utc().timestamp() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_their_own_clock_shows_them() {
        let texts = [
            "1970-01-01T01:00:00Z",
            "1970-01-01T01:00:00+05:00",
            "1970-01-01 01:00:00.25",
            "1970-01-01T01:00",
            "1970-01-02",
            "3600",
            "3600.5",
        ];
        let values = Values::Text(texts.iter().map(Some).collect());
        let mut issues = Vec::new();
        let expected = Cells::Numeric(vec![3_600.0, 3_600.0, 3_600.0, 3_600.0, 86_400.0, 3_600.0, 3_600.5].into());
        assert_eq!(read_timestamps(&values, "at", &mut issues), expected);
        assert!(issues.is_empty());
    }

    #[test]
    fn what_is_no_time_is_told_by_its_row() {
        let mut issues = Vec::new();
        read_timestamps(&Values::Text(["1970-01-01T00:00:00Z", "today"].iter().map(Some).collect()), "at", &mut issues);
        read_timestamps(&Values::Numeric(vec![1e300, f64::NAN]), "at", &mut issues);
        let rows: Vec<_> = issues.iter().map(|issue| issue.row).collect();
        assert_eq!(rows, [Some(1), Some(0)], "{issues:?}");
    }
}
