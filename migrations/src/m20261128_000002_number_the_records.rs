//! Records are numbered by the start of a server that they are from, verdicts on columns stand beside them, and sums by the
//! minute make long trends quick.

use async_trait::async_trait;
use sea_orm_migration::prelude::{DbErr, DeriveMigrationName};
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::{MigrationTrait, SchemaManager};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// What differs between the two databases.
struct Dialect {
    id: &'static str,
    time: &'static str,
    double: &'static str,
    /// The minute of `at`.
    minute: &'static str,
    /// Ranges of time over all projects. On Postgres records of one time lie side by side: an index of a few bytes for every 32 pages
    /// finds them, and costs nothing to keep.
    by_time: Option<&'static str>,
}

const POSTGRES: Dialect = Dialect {
    id: "bigserial",
    time: "timestamp with time zone",
    double: "double precision",
    minute: "date_trunc('minute', at)",
    by_time: Some(
        "CREATE INDEX drift_record_at ON drift_record USING brin (at) WITH (pages_per_range = 32, autosummarize = on)",
    ),
};
const SQLITE: Dialect = Dialect {
    id: "integer",
    time: "timestamp_with_timezone_text",
    double: "double",
    minute: "substr(at, 1, 16) || ':00+00:00'",
    by_time: None,
};

const COMMON: &str = "generation, at, time, rows, statistic, threshold, p_value, distance, is_drift, warm_up";
const VALUES: [&str; 4] = ["statistic", "threshold", "p_value", "distance"];

fn dialect(manager: &SchemaManager<'_>) -> Dialect {
    if manager.get_database_backend() == DbBackend::Postgres { POSTGRES } else { SQLITE }
}

async fn execute(manager: &SchemaManager<'_>, statements: &[String]) -> Result<(), DbErr> {
    for statement in statements {
        manager.get_connection().execute_unprepared(statement).await?;
    }
    Ok(())
}

/// The columns of the verdicts, each with its type.
fn columns(Dialect { time, double, .. }: &Dialect) -> String {
    format!(
        "project varchar NOT NULL, generation bigint NOT NULL, at {time} NOT NULL, time bigint NOT NULL, \
         rows bigint NOT NULL, statistic {double}, threshold {double}, p_value {double}, distance {double}, \
         is_drift boolean NOT NULL, warm_up boolean NOT NULL"
    )
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dialect = dialect(manager);
        let Dialect { id, time, double, minute, by_time } = &dialect;
        let sums = VALUES
            .map(|value| {
                format!(
                    ", {value}_count bigint NOT NULL, {value}_sum {double} NOT NULL, {value}_min {double}, \
                     {value}_max {double}"
                )
            })
            .concat();
        // Over finite values, as those that are added later.
        let summed = VALUES.map(|value| {
            let finite = format!("CASE WHEN abs({value}) <= 1.797e308 THEN {value} END");
            format!(", count({finite}), coalesce(sum({finite}), 0), min({finite}), max({finite})")
        });
        let summed = summed.concat();
        execute(
            manager,
            &[
                format!(
                    "CREATE TABLE drift_server (id {id} NOT NULL PRIMARY KEY, start varchar NOT NULL UNIQUE, \
                     instance varchar NOT NULL, version varchar NOT NULL, started_at {time} NOT NULL, \
                     delivered bigint NOT NULL)"
                ),
                "INSERT INTO drift_server (start, instance, version, started_at, delivered) \
                 SELECT 'before', '', '', min(at), max(id) FROM drift_record HAVING count(*) > 0"
                    .to_owned(),
                "ALTER TABLE drift_record RENAME TO drift_record_without_number".to_owned(),
                // Pages of a project's records follow the key, which a range of time begins.
                format!(
                    "CREATE TABLE drift_record ({}, server_id bigint NOT NULL, number bigint NOT NULL, \
                     PRIMARY KEY (project, at, server_id, number))",
                    columns(&dialect)
                ),
                format!(
                    "INSERT INTO drift_record (project, {COMMON}, server_id, number) SELECT project, {COMMON}, \
                     (SELECT id FROM drift_server WHERE start = 'before'), id FROM drift_record_without_number"
                ),
                "DROP TABLE drift_record_without_number".to_owned(),
                format!(
                    "CREATE TABLE drift_feature (project varchar NOT NULL, at {time} NOT NULL, \
                     server_id bigint NOT NULL, number bigint NOT NULL, position integer NOT NULL, \
                     name varchar NOT NULL, is_drift boolean NOT NULL, statistic {double}, threshold {double}, \
                     p_value {double}, distance {double}, PRIMARY KEY (project, at, server_id, number, position))"
                ),
                format!(
                    "CREATE TABLE drift_rollup (project varchar NOT NULL, minute {time} NOT NULL, \
                     records bigint NOT NULL, rows bigint NOT NULL, drifts bigint NOT NULL, \
                     warm_ups bigint NOT NULL{sums}, PRIMARY KEY (project, minute))"
                ),
                format!(
                    "INSERT INTO drift_rollup SELECT project, {minute}, count(*), sum(rows), \
                     sum(CASE WHEN is_drift THEN 1 ELSE 0 END), sum(CASE WHEN warm_up THEN 1 ELSE 0 END){summed} \
                     FROM drift_record GROUP BY project, {minute}"
                ),
            ],
        )
        .await?;
        let by_time = by_time.map(str::to_owned);
        execute(manager, by_time.as_slice()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dialect = dialect(manager);
        let id = if manager.get_database_backend() == DbBackend::Postgres {
            "bigserial PRIMARY KEY"
        } else {
            "integer NOT NULL PRIMARY KEY AUTOINCREMENT"
        };
        execute(
            manager,
            &[
                "ALTER TABLE drift_record RENAME TO drift_record_with_number".to_owned(),
                format!("CREATE TABLE drift_record (id {id}, {})", columns(&dialect)),
                format!(
                    "INSERT INTO drift_record (project, {COMMON}) SELECT project, {COMMON} \
                     FROM drift_record_with_number ORDER BY at, server_id, number"
                ),
                "DROP TABLE drift_record_with_number".to_owned(),
                "CREATE INDEX drift_record_project_id ON drift_record (project, id)".to_owned(),
                "CREATE INDEX drift_record_project_at ON drift_record (project, at)".to_owned(),
                "DROP TABLE drift_rollup".to_owned(),
                "DROP TABLE drift_feature".to_owned(),
                "DROP TABLE drift_server".to_owned(),
            ],
        )
        .await
    }
}
