//! Appending to a Postgres, on a connection of its own.

use std::time::Duration;

use drifting_domain::ports::{DriftRecord, PortError, PortErrorKind, RecordSums, ValueSums};
use sea_orm::sqlx::{self, Connection, PgConnection, Postgres, Transaction};

use crate::address::{Address, Options};
use crate::connect::{connect_to_postgres, migrate, pool_of};
use crate::copy;
use crate::error::{port_error, sqlx_port_error};
use crate::rollup::{Rollup, columns, merging, rollup, values_of};
use crate::row::{not_yet, signed};
use crate::start::ServerStart;

/// How long a batch may take: a server that no longer answers is given up.
const APPEND_TIMEOUT: Duration = Duration::from_secs(15);
/// The server gives each statement up a little earlier, so that none goes on for long without us.
const SESSION: &str = "SET statement_timeout = '12s'; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '30s'; SET synchronous_commit = on";
/// `undefined_table`.
const NO_TABLE: &str = "42P01";

const APPEND: &str = "append to the metrics";

/// The connection on which records are appended. After a failure it is made anew: what had become of a transaction is
/// asked of the database, not guessed.
pub(crate) struct PostgresWriter {
    address: Address,
    start: ServerStart,
    open: Option<Open>,
    upsert: String,
}

struct Open {
    connection: PgConnection,
    server_id: i64,
}

impl PostgresWriter {
    pub(crate) fn new(address: Address, start: ServerStart) -> Self {
        let least = |left: &str, right: &str| format!("least({left}, {right})");
        let greatest = |left: &str, right: &str| format!("greatest({left}, {right})");
        let kinds = ["text[]", "timestamptz[]", "int8[]", "int8[]", "int8[]", "int8[]"];
        let of_values = ["int8[]", "float8[]", "float8[]", "float8[]"];
        let kinds = kinds.into_iter().chain(of_values.into_iter().cycle().take(16)).enumerate();
        let arrays: Vec<String> = kinds.map(|(n, kind)| format!("${}::{kind}", n + 1)).collect();
        let upsert = format!(
            "INSERT INTO drift_rollup ({}) SELECT * FROM unnest({}) ON CONFLICT (project, minute) DO UPDATE SET {}",
            columns().join(", "),
            arrays.join(", "),
            merging(least, greatest)
        );
        Self { address, start, open: None, upsert }
    }

    /// Appends what is not there yet, all or none.
    pub(crate) async fn append(&mut self, first: u64, records: &[DriftRecord]) -> Result<(), PortError> {
        // It comes back when the batch is committed; dropped in the middle, its connection is closed.
        let open = self.open.take();
        let appended = async {
            let mut open = match open {
                Some(open) => open,
                None => self.connect().await?,
            };
            self.append_on(&mut open, first, records).await?;
            Ok(open)
        };
        let appended = tokio::time::timeout(APPEND_TIMEOUT, appended).await;
        let open = appended.map_err(|elapsed| PortError::new(PortErrorKind::Unavailable, APPEND, elapsed))??;
        self.open = Some(open);
        Ok(())
    }

    async fn connect(&self) -> Result<Open, PortError> {
        let Options::Postgres(options) = self.address.options().await? else {
            return Err(PortError::new(PortErrorKind::Other, APPEND, "the address is that of another kind"));
        };
        let failed = |error| sqlx_port_error(APPEND, error);
        let mut connection = connect_to_postgres(&options).await?;
        sqlx::raw_sql(SESSION).execute(&mut connection).await.map_err(failed)?;
        let server_id = match self.register(&mut connection).await {
            // Somebody has emptied the database.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(NO_TABLE) => {
                let pool = pool_of(options);
                migrate(&pool).await?;
                pool.close().await.map_err(|error| port_error(APPEND, error))?;
                self.register(&mut connection).await
            }
            registered => registered,
        };
        Ok(Open { connection, server_id: server_id.map_err(failed)? })
    }

    async fn register(&self, connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
        let ServerStart { id, instance, version, started_at } = &self.start;
        sqlx::query(
            "INSERT INTO drift_server (start, instance, version, started_at, delivered) VALUES ($1, $2, $3, $4, 0) \
             ON CONFLICT (start) DO NOTHING",
        )
        .bind(id)
        .bind(instance)
        .bind(version)
        .bind(started_at)
        .execute(&mut *connection)
        .await?;
        sqlx::query_scalar("SELECT id FROM drift_server WHERE start = $1").bind(id).fetch_one(connection).await
    }

    async fn append_on(&self, open: &mut Open, first: u64, records: &[DriftRecord]) -> Result<(), PortError> {
        let Open { connection, server_id } = open;
        let failed = |error| sqlx_port_error(APPEND, error);
        let mut transaction = connection.begin().await.map_err(failed)?;
        // The lock waits for a transaction of ours that lost its connection and is not over yet.
        let delivered: i64 = sqlx::query_scalar("SELECT delivered FROM drift_server WHERE id = $1 FOR UPDATE")
            .bind(*server_id)
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed)?;
        let (first, records) = not_yet(delivered, first, records);
        if !records.is_empty() {
            let written = self.write(&mut transaction, *server_id, first, records).await;
            written.map_err(failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    async fn write(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        server_id: i64,
        first: u64,
        records: &[DriftRecord],
    ) -> Result<(), sqlx::Error> {
        copy_in(transaction, copy::COPY_RECORDS, copy::records(records, server_id, first)).await?;
        if let Some(features) = copy::features(records, server_id, first) {
            copy_in(transaction, copy::COPY_FEATURES, features).await?;
        }
        let arrays = Arrays::of(&rollup(records));
        let mut upsert = sqlx::query(sqlx::AssertSqlSafe(self.upsert.as_str()))
            .bind(arrays.projects)
            .bind(arrays.minutes)
            .bind(arrays.records)
            .bind(arrays.rows)
            .bind(arrays.drifts)
            .bind(arrays.warm_ups);
        for ValueArrays { count, sum, min, max } in arrays.values {
            upsert = upsert.bind(count).bind(sum).bind(min).bind(max);
        }
        upsert.execute(&mut **transaction).await?;
        sqlx::query("UPDATE drift_server SET delivered = $1 WHERE id = $2")
            .bind(signed(first + records.len() as u64 - 1))
            .bind(server_id)
            .execute(&mut **transaction)
            .await?;
        Ok(())
    }
}

async fn copy_in(
    transaction: &mut Transaction<'_, Postgres>,
    statement: &'static str,
    rows: Vec<u8>,
) -> Result<(), sqlx::Error> {
    let mut copying = transaction.copy_in_raw(statement).await?;
    copying.send(rows).await?;
    copying.finish().await?;
    Ok(())
}

/// Sums as a statement takes them: an array a column.
#[derive(Default)]
struct Arrays {
    projects: Vec<String>,
    minutes: Vec<chrono::DateTime<chrono::Utc>>,
    records: Vec<i64>,
    rows: Vec<i64>,
    drifts: Vec<i64>,
    warm_ups: Vec<i64>,
    values: [ValueArrays; 4],
}

#[derive(Default)]
struct ValueArrays {
    count: Vec<i64>,
    sum: Vec<f64>,
    min: Vec<Option<f64>>,
    max: Vec<Option<f64>>,
}

impl Arrays {
    fn of(rollup: &Rollup<'_>) -> Self {
        let mut arrays = Self::default();
        for ((project, minute), sums) in rollup {
            let RecordSums { records, rows, drifts, warm_ups, .. } = sums;
            arrays.projects.push((*project).to_owned());
            arrays.minutes.push(*minute);
            arrays.records.push(signed(*records));
            arrays.rows.push(signed(*rows));
            arrays.drifts.push(signed(*drifts));
            arrays.warm_ups.push(signed(*warm_ups));
            for (array, ValueSums { count, sum, range }) in arrays.values.iter_mut().zip(values_of(sums)) {
                array.count.push(signed(count));
                array.sum.push(sum);
                array.min.push(range.map(|(min, _)| min));
                array.max.push(range.map(|(_, max)| max));
            }
        }
        arrays
    }
}
