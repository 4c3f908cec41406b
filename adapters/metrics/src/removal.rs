//! Taking records away: those of a project, and those that have become too old.
//!
//! Both go along the primary keys, which begin with the project and the time: whatever else is in the tables is not read,
//! however often records have come and gone before.

use chrono::{DateTime, TimeDelta, Utc};
use drifting_domain::ports::PortError;
use drifting_domain::project::ProjectName;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait, Value};

use crate::error::port_error;
use crate::rollup::minute_of;
use crate::row::time_of;

/// At most so many steps for a project; each takes the locks of its own records alone, and none lasts long.
const STEPS_MAX: i32 = 1_000;
const STEP_MIN: TimeDelta = TimeDelta::hours(1);
/// A step that nobody waits for any more ends by itself.
const STEP_TIMEOUT: &str = "SET LOCAL statement_timeout = '4min'";

/// The names in a table, each found by one look into its key.
const PROJECTS: &str = "WITH RECURSIVE names(name) AS (SELECT min(project) FROM drift_record UNION ALL \
     SELECT (SELECT min(project) FROM drift_record WHERE project > names.name) FROM names WHERE names.name IS NOT NULL) \
     SELECT name FROM names WHERE name IS NOT NULL";

/// Removes all records of a project; says how many.
pub(crate) async fn purge(database: &DatabaseConnection, project: &ProjectName) -> Result<u64, PortError> {
    let removed = remove(database, project.as_str(), time_of(i64::MAX)).await;
    removed.map_err(|error| port_error("purge the metrics of a project", error))
}

/// Removes the records of the whole minutes before a time; says how many.
pub(crate) async fn prune(database: &DatabaseConnection, before: DateTime<Utc>) -> Result<u64, PortError> {
    let end = minute_of(before);
    let removed = async {
        let statement = Statement::from_string(database.get_database_backend(), PROJECTS);
        let mut n_removed = 0;
        for row in database.query_all_raw(statement).await? {
            let project: String = row.try_get("", "name")?;
            n_removed += remove(database, &project, end).await?;
        }
        Ok(n_removed)
    };
    removed.await.map_err(|error: DbErr| port_error("prune the metrics", error))
}

/// Removes the records of a project before a time, some hours after the others.
async fn remove(database: &DatabaseConnection, project: &str, end: DateTime<Utc>) -> Result<u64, DbErr> {
    let mut n_removed = 0;
    if let Some((first, last)) = extremes(database, project).await? {
        let step = STEP_MIN.max((last - first) / STEPS_MAX);
        let mut to = minute_of(first + step);
        while to < end && to <= last {
            n_removed += remove_step(database, project, to).await?;
            to = minute_of(to + step);
        }
    }
    // The rest, and sums of which there is no record.
    n_removed += remove_step(database, project, end).await?;
    Ok(n_removed)
}

/// The sums first: a server that appends to the same minute waits, so that its records and their sums stay together.
async fn remove_step(database: &DatabaseConnection, project: &str, to: DateTime<Utc>) -> Result<u64, DbErr> {
    let backend = database.get_database_backend();
    let transaction = database.begin().await?;
    if backend == DbBackend::Postgres {
        transaction.execute_unprepared(STEP_TIMEOUT).await?;
    }
    let mut n_removed = 0;
    for (table, time) in [("drift_rollup", "minute"), ("drift_feature", "at"), ("drift_record", "at")] {
        let text = format!("DELETE FROM {table} WHERE project = $1 AND {time} < $2");
        let values: [Value; 2] = [project.into(), to.into()];
        let statement = Statement::from_sql_and_values(backend, text, values);
        n_removed = transaction.execute_raw(statement).await?.rows_affected();
    }
    transaction.commit().await?;
    Ok(n_removed)
}

/// The times of the first and the last record of a project.
async fn extremes(
    database: &DatabaseConnection,
    project: &str,
) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>, DbErr> {
    let text = "SELECT min(at) AS first, max(at) AS last FROM drift_record WHERE project = $1";
    let statement = Statement::from_sql_and_values(database.get_database_backend(), text, [project.into()]);
    let Some(row) = database.query_one_raw(statement).await? else { return Ok(None) };
    let first: Option<DateTime<Utc>> = row.try_get("", "first")?;
    let last: Option<DateTime<Utc>> = row.try_get("", "last")?;
    Ok(first.zip(last))
}
