//! Taking records away: those of a project, and those that have become too old.

use chrono::{DateTime, TimeDelta, Utc};
use drifting_domain::ports::PortError;
use drifting_domain::project::ProjectName;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement, TransactionTrait, Value};

use crate::error::port_error;
use crate::rollup::minute_of;

/// At most so many steps; each takes the locks of its own records alone, and none lasts long.
const STEPS_MAX: i32 = 1_000;
const STEP_MIN: TimeDelta = TimeDelta::hours(1);

async fn delete(database: &impl ConnectionTrait, from: &str, condition: &str, values: &[Value]) -> Result<u64, DbErr> {
    let text = format!("DELETE FROM {from} WHERE {condition}");
    let statement = Statement::from_sql_and_values(database.get_database_backend(), text, values.to_vec());
    Ok(database.execute_raw(statement).await?.rows_affected())
}

/// Removes all records of a project; says how many.
pub(crate) async fn purge(database: &DatabaseConnection, project: &ProjectName) -> Result<u64, PortError> {
    let removed = async {
        let transaction = database.begin().await?;
        let values = [project.as_str().into()];
        // In the order in which they are written.
        let n_removed = delete(&transaction, "drift_record", "project = $1", &values).await?;
        delete(&transaction, "drift_feature", "project = $1", &values).await?;
        delete(&transaction, "drift_rollup", "project = $1", &values).await?;
        transaction.commit().await?;
        Ok(n_removed)
    };
    removed.await.map_err(|error: DbErr| port_error("purge the metrics of a project", error))
}

/// Removes the records of the whole minutes before a time, some hours after the others; says how many.
pub(crate) async fn prune(database: &DatabaseConnection, before: DateTime<Utc>) -> Result<u64, PortError> {
    let end = minute_of(before);
    let removed = async {
        let mut n_removed = 0;
        let first = oldest(database).await?.filter(|first| *first < end).unwrap_or(end);
        let step = STEP_MIN.max((end - first) / STEPS_MAX);
        // What somebody has put there without sums may be older: the first step has no beginning.
        let mut from = None;
        let mut to = minute_of(first + step).min(end);
        loop {
            n_removed += prune_step(database, from, to).await?;
            if to >= end {
                return Ok(n_removed);
            }
            from = Some(to);
            to = minute_of(to + step).min(end);
        }
    };
    removed.await.map_err(|error: DbErr| port_error("prune the metrics", error))
}

async fn prune_step(
    database: &DatabaseConnection,
    from: Option<DateTime<Utc>>,
    to: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let values: Vec<Value> = [Some(to), from].into_iter().flatten().map(Into::into).collect();
    let within = |time: &str| {
        let begin = from.map(|_| format!(" AND {time} >= $2")).unwrap_or_default();
        format!("{time} < $1{begin}")
    };
    let transaction = database.begin().await?;
    let n_removed = delete(&transaction, "drift_record", &within("at"), &values).await?;
    delete(&transaction, "drift_feature", &within("at"), &values).await?;
    delete(&transaction, "drift_rollup", &within("minute"), &values).await?;
    transaction.commit().await?;
    Ok(n_removed)
}

/// The first minute that has sums.
async fn oldest(database: &DatabaseConnection) -> Result<Option<DateTime<Utc>>, DbErr> {
    let text = "SELECT min(minute) AS oldest FROM drift_rollup";
    let statement = Statement::from_string(database.get_database_backend(), text);
    let row = database.query_one_raw(statement).await?;
    row.map_or(Ok(None), |row| row.try_get("", "oldest"))
}
