//! What is told of records that are kept.

use std::collections::HashMap;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use drifting_domain::ports::{
    BucketPage, BucketQuery, Extent, PortError, PortErrorKind, RecordSums, TrendBucket, TrendPage, TrendQuery,
    ValueSums,
};
use drifting_domain::project::ProjectName;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, QueryResult, QuerySelect, Statement, Value,
};

use crate::error::port_error;
use crate::rollup::{VALUES, minute_of};
use crate::row::{self, MICROSECONDS, feature, record, signed};

const READ: &str = "read the metrics";
const MINUTE_S: u32 = 60;

fn failed(error: DbErr) -> PortError {
    port_error(READ, error)
}

/// A page of records.
pub(crate) async fn trend(database: &DatabaseConnection, query: &TrendQuery) -> Result<TrendPage, PortError> {
    let mut rows = select(database, query).await.map_err(failed)?;
    let more = rows.len() > query.page_size;
    rows.truncate(query.page_size);
    let next = rows.last().filter(|_| more).map(row::cursor);
    let mut features = features_of(database, &rows).await.map_err(failed)?;
    let records = rows.into_iter().map(|row| {
        let features = features.remove(&(row.server_id, row.number)).unwrap_or_default();
        row::into_record(row, features.into_iter())
    });
    Ok(TrendPage { records: records.collect::<Result<_, _>>()?, next })
}

async fn select(database: &DatabaseConnection, query: &TrendQuery) -> Result<Vec<record::Model>, DbErr> {
    use record::Column;
    let mut select = record::Entity::find().filter(Column::Project.eq(query.project.as_str()));
    match (query.after, query.from) {
        (Some(after), _) => {
            let place = Expr::tuple([Column::At, Column::ServerId, Column::Number].map(ColumnTrait::into_expr));
            let (at, number) = (row::time_of(after.at_us), signed(after.number));
            let after = Expr::tuple([Expr::value(at), Expr::value(after.server), Expr::value(number)]);
            // A comparison of rows, so that the index is entered at the right place.
            select = select.filter(place.gt(after));
        }
        (None, Some(from)) => select = select.filter(Column::At.gte(from.trunc_subsecs(MICROSECONDS))),
        (None, None) => {}
    }
    if let Some(to) = query.to {
        select = select.filter(Column::At.lt(to.trunc_subsecs(MICROSECONDS)));
    }
    // One more than asked for tells whether another page follows.
    let limit = i64::try_from(query.page_size).unwrap_or(i64::MAX).saturating_add(1).unsigned_abs();
    let ordered = select.order_by_asc(Column::At).order_by_asc(Column::ServerId).order_by_asc(Column::Number);
    ordered.limit(limit).all(database).await
}

/// The columns of some records, by the numbers of these.
async fn features_of(
    database: &DatabaseConnection,
    rows: &[record::Model],
) -> Result<HashMap<(i64, i64), Vec<feature::Model>>, DbErr> {
    use feature::Column;
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(HashMap::new()) };
    let place = || Expr::tuple([Column::At, Column::ServerId, Column::Number].map(ColumnTrait::into_expr));
    let of =
        |row: &record::Model| Expr::tuple([Expr::value(row.at), Expr::value(row.server_id), Expr::value(row.number)]);
    let found = feature::Entity::find()
        .filter(Column::Project.eq(&first.project))
        .filter(place().gte(of(first)))
        .filter(place().lte(of(last)))
        .order_by_asc(Column::Position)
        .all(database)
        .await?;
    let mut features = HashMap::<_, Vec<_>>::new();
    for feature in found {
        features.entry((feature.server_id, feature.number)).or_default().push(feature);
    }
    Ok(features)
}

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
    let mut sql = Sql::new(project);
    let range = sql.range("minute", from.map(minute_of), to);
    let text = format!(
        "SELECT min(minute) AS first, max(minute) AS last, CAST(sum(records) AS bigint) AS n_records \
         FROM drift_rollup WHERE project = $1{range}"
    );
    let statement = Statement::from_sql_and_values(database.get_database_backend(), text, sql.values);
    let row = ExtentRow::find_by_statement(statement).one(database).await.map_err(failed)?;
    Ok(row.and_then(|row| {
        let end = row.last? + TimeDelta::seconds(i64::from(MINUTE_S));
        Some(Extent { first: row.first?, end, n_records: row.n_records?.unsigned_abs() })
    }))
}

/// A page of buckets. Whole minutes come from their sums, the parts of minutes at the ends from their records.
pub(crate) async fn buckets(database: &DatabaseConnection, query: &BucketQuery) -> Result<BucketPage, PortError> {
    let backend = database.get_database_backend();
    let follows = query.after.map(|after| comparable(query.start_of(after.saturating_add(1))));
    let from = Ord::max(query.from, follows).map(|from| from.trunc_subsecs(MICROSECONDS));
    let to = query.to.map(|to| to.trunc_subsecs(MICROSECONDS));
    let mut sql = Sql::new(&query.project);
    let parts = parts(&mut sql, backend, query, from, to).join(" UNION ALL ");
    let sums = VALUES.map(|value| {
        format!(
            ", CAST(sum({value}_count) AS bigint) AS {value}_count, sum({value}_sum) AS {value}_sum, \
             min({value}_min) AS {value}_min, max({value}_max) AS {value}_max"
        )
    });
    let sums = sums.concat();
    let counts = ["records", "rows", "drifts", "warm_ups"]
        .map(|count| format!(", CAST(sum({count}) AS bigint) AS {count}"))
        .concat();
    let limit = query.page_size.saturating_add(1).min(1 << 30);
    let text =
        format!("SELECT bucket{counts}{sums} FROM ({parts}) parts GROUP BY bucket ORDER BY bucket LIMIT {limit}");
    let statement = Statement::from_sql_and_values(backend, text, sql.values);
    let rows = database.query_all_raw(statement).await.map_err(failed)?;
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

fn parts(
    sql: &mut Sql,
    backend: DbBackend,
    query: &BucketQuery,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> Vec<String> {
    let is_by_minute = query.width_s.get().is_multiple_of(MINUTE_S) && query.origin_s % i64::from(MINUTE_S) == 0;
    let a_minute_less = TimeDelta::seconds(i64::from(MINUTE_S)) - TimeDelta::microseconds(1);
    let first_whole = from.map(|from| minute_of(comparable(from + a_minute_less)));
    let end_whole = to.map(minute_of);
    let has_whole = first_whole.zip(end_whole).is_none_or(|(first, end)| first < end);
    if !is_by_minute || !has_whole {
        return vec![of_records(sql, backend, query, from, to)];
    }
    let mut parts = vec![of_minutes(sql, backend, query, first_whole, end_whole)];
    if from < first_whole {
        parts.push(of_records(sql, backend, query, from, first_whole));
    }
    if end_whole < to {
        parts.push(of_records(sql, backend, query, end_whole, to));
    }
    parts
}

/// The time, or the nearest that both databases can compare.
fn comparable(time: DateTime<Utc>) -> DateTime<Utc> {
    row::time_of(time.timestamp_micros())
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

fn of_minutes(
    sql: &mut Sql,
    backend: DbBackend,
    query: &BucketQuery,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> String {
    let range = sql.range("minute", from, to);
    let values = VALUES.map(|value| format!(", {value}_count, {value}_sum, {value}_min, {value}_max")).concat();
    format!(
        "SELECT {} AS bucket, records, rows, drifts, warm_ups{values} FROM drift_rollup WHERE project = $1{range}",
        bucket_of("minute", backend, query)
    )
}

fn of_records(
    sql: &mut Sql,
    backend: DbBackend,
    query: &BucketQuery,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> String {
    let range = sql.range("at", from, to);
    let values = VALUES.map(|value| {
        // As the sums by the minute pass over what is not finite.
        let finite = format!("CASE WHEN abs({value}) <= 1.797e308 THEN {value} END");
        format!(
            ", CASE WHEN abs({value}) <= 1.797e308 THEN 1 ELSE 0 END AS {value}_count, coalesce({finite}, 0.0) AS {value}_sum, \
             {finite} AS {value}_min, {finite} AS {value}_max"
        )
    });
    let values = values.concat();
    format!(
        "SELECT {} AS bucket, 1 AS records, rows, CASE WHEN is_drift THEN 1 ELSE 0 END AS drifts, \
         CASE WHEN warm_up THEN 1 ELSE 0 END AS warm_ups{values} FROM drift_record WHERE project = $1{range}",
        bucket_of("at", backend, query)
    )
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

/// The values of a statement; the first is the project.
struct Sql {
    values: Vec<Value>,
}

impl Sql {
    fn new(project: &ProjectName) -> Self {
        Self { values: vec![project.as_str().into()] }
    }

    /// A condition on a column of times.
    fn range(&mut self, column: &str, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> String {
        let mut text = String::new();
        for (operator, time) in [(" >= $", from), (" < $", to)] {
            if let Some(time) = time {
                self.values.push(time.into());
                text.extend([" AND ", column, operator, &self.values.len().to_string()]);
            }
        }
        text
    }
}
