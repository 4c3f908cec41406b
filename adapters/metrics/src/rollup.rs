//! Sums over the records of a project in a minute, kept beside the records so that long trends are quick.

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use drifting_domain::ports::{DriftRecord, RecordSums, ValueSums};

/// The values that are summed up.
pub(crate) const VALUES: [&str; 4] = ["statistic", "threshold", "p_value", "distance"];

/// The sums of some records, in the order of the table's key: two servers that write at once wait for each other in the
/// same order.
pub(crate) type Rollup<'a> = BTreeMap<(&'a str, DateTime<Utc>), RecordSums>;

/// Sums up.
pub(crate) fn rollup<'a>(records: impl IntoIterator<Item = &'a DriftRecord>) -> Rollup<'a> {
    let mut rollup = Rollup::new();
    for record in records {
        rollup.entry((record.project.as_str(), minute_of(record.at))).or_default().add(record);
    }
    rollup
}

/// When the minute of a time begins.
pub(crate) fn minute_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at)
}

/// The sums in the order of [`VALUES`].
pub(crate) fn values_of(sums: &RecordSums) -> [ValueSums; 4] {
    [sums.statistic, sums.threshold, sums.p_value, sums.distance]
}

/// The names of the columns, in the order of the table.
pub(crate) fn columns() -> Vec<String> {
    let counts = ["project", "minute", "records", "rows", "drifts", "warm_ups"].map(str::to_owned);
    let values = VALUES.into_iter().flat_map(|value| ["count", "sum", "min", "max"].map(|of| format!("{value}_{of}")));
    counts.into_iter().chain(values).collect()
}

/// What becomes of the columns where the minute has sums already. `least` and `greatest` are the functions of that name,
/// which must pass over what is null.
pub(crate) fn merging(least: impl Fn(&str, &str) -> String, greatest: impl Fn(&str, &str) -> String) -> String {
    let merged = columns().into_iter().skip(2).map(|column| {
        let (kept, new) = (format!("drift_rollup.{column}"), format!("excluded.{column}"));
        let value = match column.rsplit_once('_') {
            Some((_, "min")) => least(&kept, &new),
            Some((_, "max")) => greatest(&kept, &new),
            _ => format!("{kept} + {new}"),
        };
        format!("{column} = {value}")
    });
    merged.collect::<Vec<_>>().join(", ")
}
