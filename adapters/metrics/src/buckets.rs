//! Records summed up in buckets of time, and how far they reach, by the database.

use std::ops::Range;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use drifting_domain::ports::{
    BucketPage, BucketQuery, Extent, PortError, PortErrorKind, RecordSums, TrendBucket, ValueSums,
};
use drifting_domain::project::ProjectName;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, FromQueryResult, QueryResult, Statement, Value};

use crate::history::{READ, failed};
use crate::rollup::{VALUES, minute_of};
use crate::row::{self, MICROSECONDS};

const MINUTE_S: u32 = 60;

/// A range of times, half-open; an end that is not there is open.
type Times = Range<Option<DateTime<Utc>>>;

#[derive(FromQueryResult)]
struct ExtentRow {
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
    n_records: Option<i64>,
}

/// How far records reach, to the minute.
pub(crate) async fn extent(
    database: &DatabaseConnection,
    project: &ProjectName,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> Result<Option<Extent>, PortError> {
    let mut values = vec![project.as_str().into()];
    let within = condition("minute", &(from.map(minute_of)..to), &mut values);
    let text = format!(
        "SELECT min(minute) AS first, max(minute) AS last, CAST(sum(records) AS bigint) AS n_records \
         FROM drift_rollup WHERE project = $1{within}"
    );
    let statement = Statement::from_sql_and_values(database.get_database_backend(), text, values);
    let row = ExtentRow::find_by_statement(statement).one(database).await.map_err(failed)?;
    Ok(row.and_then(|row| {
        let end = row.last? + TimeDelta::seconds(i64::from(MINUTE_S));
        Some(Extent { first: row.first?, end, n_records: row.n_records?.unsigned_abs() })
    }))
}

/// A page of buckets.
pub(crate) async fn buckets(database: &DatabaseConnection, query: &BucketQuery) -> Result<BucketPage, PortError> {
    let rows = database.query_all_raw(statement(database.get_database_backend(), query)).await.map_err(failed)?;
    let more = rows.len() > query.page_size;
    let mut buckets = Vec::with_capacity(rows.len());
    let mut next = None;
    for row in rows.iter().take(query.page_size) {
        let bucket = row.try_get("", "bucket").map_err(failed)?;
        buckets.push(TrendBucket { at: query.start_of(bucket), sums: sums_of(row)? });
        next = Some(bucket);
    }
    Ok(BucketPage { buckets, next: next.filter(|_| more) })
}

fn statement(backend: DbBackend, query: &BucketQuery) -> Statement {
    let mut values = vec![query.project.as_str().into()];
    let parts = parts(query).into_iter().map(|(source, times)| source.part(backend, query, &times, &mut values));
    let parts = parts.collect::<Vec<_>>().join(" UNION ALL ");
    let sums = VALUES.map(|value| {
        format!(
            ", CAST(sum({value}_count) AS bigint) AS {value}_count, sum({value}_sum) AS {value}_sum, \
             min({value}_min) AS {value}_min, max({value}_max) AS {value}_max"
        )
    });
    let counts =
        ["records", "rows", "drifts", "warm_ups"].map(|count| format!(", CAST(sum({count}) AS bigint) AS {count}"));
    let limit = query.page_size.saturating_add(1).min(1 << 30);
    let (counts, sums) = (counts.concat(), sums.concat());
    let text =
        format!("SELECT bucket{counts}{sums} FROM ({parts}) parts GROUP BY bucket ORDER BY bucket LIMIT {limit}");
    Statement::from_sql_and_values(backend, text, values)
}

/// What a part of a range is summed up from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The sums by the minute.
    Minutes,
    /// The records themselves.
    Records,
}

/// Whole minutes come from their sums, the parts of minutes at the ends from their records.
fn parts(query: &BucketQuery) -> Vec<(Source, Times)> {
    let follows = query.after.map(|after| comparable(query.start_of(after.saturating_add(1))));
    let from = query.from.max(follows).map(|from| from.trunc_subsecs(MICROSECONDS));
    let to = query.to.map(|to| to.trunc_subsecs(MICROSECONDS));
    let is_by_minute = query.width_s.get().is_multiple_of(MINUTE_S) && query.origin_s % i64::from(MINUTE_S) == 0;
    let a_minute_less = TimeDelta::seconds(i64::from(MINUTE_S)) - TimeDelta::microseconds(1);
    let first_whole = from.map(|from| minute_of(comparable(from + a_minute_less)));
    let end_whole = to.map(minute_of);
    let has_whole = first_whole.zip(end_whole).is_none_or(|(first, end)| first < end);
    if !is_by_minute || !has_whole {
        return vec![(Source::Records, from..to)];
    }
    let mut parts = vec![(Source::Minutes, first_whole..end_whole)];
    if from < first_whole {
        parts.push((Source::Records, from..first_whole));
    }
    if end_whole < to {
        parts.push((Source::Records, end_whole..to));
    }
    parts
}

/// The time, or the nearest that both databases can compare.
fn comparable(time: DateTime<Utc>) -> DateTime<Utc> {
    row::time_of(time.timestamp_micros())
}

impl Source {
    /// The statement of a part: rows with the number of their bucket.
    fn part(self, backend: DbBackend, query: &BucketQuery, times: &Times, values: &mut Vec<Value>) -> String {
        let (table, time) = match self {
            Self::Minutes => ("drift_rollup", "minute"),
            Self::Records => ("drift_record", "at"),
        };
        let (bucket, columns) = (bucket_of(time, backend, query), self.columns());
        let within = condition(time, times, values);
        format!("SELECT {bucket} AS bucket, {columns} FROM {table} WHERE project = $1{within}")
    }

    fn columns(self) -> String {
        match self {
            Self::Minutes => {
                let sums = VALUES.map(|value| format!(", {value}_count, {value}_sum, {value}_min, {value}_max"));
                format!("records, rows, drifts, warm_ups{}", sums.concat())
            }
            Self::Records => {
                let sums = VALUES.map(|value| {
                    // As the sums by the minute pass over what is not finite.
                    let finite = format!("CASE WHEN abs({value}) <= 1.797e308 THEN {value} END");
                    format!(
                        ", CASE WHEN abs({value}) <= 1.797e308 THEN 1 ELSE 0 END AS {value}_count, \
                         coalesce({finite}, 0.0) AS {value}_sum, {finite} AS {value}_min, {finite} AS {value}_max"
                    )
                });
                format!(
                    "1 AS records, rows, CASE WHEN is_drift THEN 1 ELSE 0 END AS drifts, \
                     CASE WHEN warm_up THEN 1 ELSE 0 END AS warm_ups{}",
                    sums.concat()
                )
            }
        }
    }
}

/// The number of the bucket of a time.
fn bucket_of(column: &str, backend: DbBackend, query: &BucketQuery) -> String {
    let seconds = if backend == DbBackend::Postgres {
        format!("CAST(floor(extract(epoch FROM {column})) AS bigint)")
    } else {
        // Of a time with its fraction SQLite rounds.
        format!("CAST(strftime('%s', substr({column}, 1, 19)) AS integer)")
    };
    format!("({seconds} - {}) / {}", query.origin_s, query.width_s)
}

/// A condition on a column of times; its values go behind those that there are.
fn condition(column: &str, times: &Times, values: &mut Vec<Value>) -> String {
    let mut text = String::new();
    for (operator, time) in [(" >= $", times.start), (" < $", times.end)] {
        if let Some(time) = time {
            values.push(time.into());
            text.extend([" AND ", column, operator, &values.len().to_string()]);
        }
    }
    text
}

fn sums_of(row: &QueryResult) -> Result<RecordSums, PortError> {
    let count = |name: &str| -> Result<u64, PortError> {
        let count: i64 = row.try_get("", name).map_err(failed)?;
        count.try_into().map_err(|error| PortError::new(PortErrorKind::Damaged, READ, error))
    };
    let value = |name: &str| -> Result<ValueSums, PortError> {
        let number = |of: &str| row.try_get::<Option<f64>>("", &format!("{name}_{of}")).map_err(failed);
        let range = number("min")?.zip(number("max")?);
        Ok(ValueSums { count: count(&format!("{name}_count"))?, sum: number("sum")?.unwrap_or_default(), range })
    };
    Ok(RecordSums {
        records: count("records")?,
        rows: count("rows")?,
        drifts: count("drifts")?,
        warm_ups: count("warm_ups")?,
        statistic: value("statistic")?,
        threshold: value("threshold")?,
        p_value: value("p_value")?,
        distance: value("distance")?,
    })
}
