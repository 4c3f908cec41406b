//! Appending, reading and pruning.

use std::path::Path;

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound, Utc};
use drifting_domain::ports::{DriftRecord, MetricsRepository, PortError, TrendPage, TrendQuery};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait, Order,
    QueryFilter, QueryOrder, QuerySelect, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use crate::connect::{connect_to, connect_to_file};
use crate::error::port_error;
use crate::row::{self, Column, Entity, MICROSECONDS};

/// One statement takes at most 32,766 parameters in SQLite and 65,535 in Postgres; a row has 11. Larger chunks are no
/// faster in either.
const ROWS_PER_INSERT: usize = 1_000;

/// One writer at a time, until it commits. Postgres hands out ids before the commit: without the lock, a page could
/// end behind rows of a slower writer that appear later with smaller ids, and the next page would miss them. The
/// number only has to differ from those of other advisory locks in the same database.
const ONE_WRITER: &str = "SET LOCAL lock_timeout = '5s'; SELECT pg_advisory_xact_lock(7234921650093);";

/// The records in the table `drift_record` of a Postgres or SQLite database.
///
/// Times are cut to the microsecond, in what is written and in what is asked for.
#[derive(Debug, Clone)]
pub struct SeaOrmMetrics {
    database: DatabaseConnection,
}

impl SeaOrmMetrics {
    /// Connects to `postgres://…` or `sqlite://file` and runs the migrations. A SQLite file and its folder are
    /// created; characters such as `%` and `?` in its path are percent-encoded (or use [`Self::open`]).
    ///
    /// # Errors
    /// When the address is neither, or the database cannot be reached or changed; neither the texts nor the causes
    /// carry the password.
    pub async fn connect(uri: &str) -> Result<Self, PortError> {
        Ok(Self { database: connect_to(uri).await? })
    }

    /// Opens a SQLite file, which is created together with its folder, and runs the migrations.
    ///
    /// # Errors
    /// When the file cannot be created, opened or changed, or is no SQLite database.
    pub async fn open(file: &Path) -> Result<Self, PortError> {
        Ok(Self { database: connect_to_file(file).await? })
    }

    /// Closes all connections, after the statements that run.
    ///
    /// # Errors
    /// When the connections cannot be closed.
    pub async fn close(&self) -> Result<(), PortError> {
        self.database.close_by_ref().await.map_err(|error| port_error("close the metrics database", error))
    }

    async fn insert(&self, rows: Vec<row::ActiveModel>) -> Result<(), DbErr> {
        let transaction = begin_writing(&self.database).await?;
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let chunk = rows.by_ref().take(ROWS_PER_INSERT);
            Entity::insert_many(chunk).exec_without_returning(&transaction).await?;
        }
        transaction.commit().await
    }

    async fn select(&self, query: &TrendQuery) -> Result<Vec<row::Model>, DbErr> {
        let mut select = Entity::find().filter(Column::Project.eq(query.project.as_str()));
        if let Some(from) = query.from {
            select = select.filter(Column::At.gte(from.trunc_subsecs(MICROSECONDS)));
        }
        if let Some(to) = query.to {
            select = select.filter(Column::At.lt(to.trunc_subsecs(MICROSECONDS)));
        }
        if let Some(after) = query.after {
            // No id is larger, so nothing follows.
            select = select.filter(Column::Id.gt(i64::try_from(after).unwrap_or(i64::MAX)));
        }
        // One more than asked for tells whether another page follows.
        let limit = i64::try_from(query.page_size).unwrap_or(i64::MAX).saturating_add(1).unsigned_abs();
        select.order_by(Column::Id, Order::Asc).limit(limit).all(&self.database).await
    }
}

#[async_trait]
impl MetricsRepository for SeaOrmMetrics {
    async fn append(&self, records: &[DriftRecord]) -> Result<(), PortError> {
        if records.is_empty() {
            return Ok(());
        }
        let rows = records.iter().map(row::from_record).collect::<Result<_, _>>()?;
        self.insert(rows).await.map_err(|error| port_error("append to the metrics", error))
    }

    async fn trend(&self, query: &TrendQuery) -> Result<TrendPage, PortError> {
        let mut rows = self.select(query).await.map_err(|error| port_error("read the metrics", error))?;
        let more = rows.len() > query.page_size;
        rows.truncate(query.page_size);
        let next = rows.last().filter(|_| more).map(|row| row.id.unsigned_abs());
        let records = rows.into_iter().map(row::into_record).collect::<Result<_, _>>()?;
        Ok(TrendPage { records, next })
    }

    async fn prune(&self, before: DateTime<Utc>) -> Result<u64, PortError> {
        let before = before.trunc_subsecs(MICROSECONDS);
        let deleted = Entity::delete_many().filter(Column::At.lt(before)).exec(&self.database).await;
        Ok(deleted.map_err(|error| port_error("prune the metrics", error))?.rows_affected)
    }
}

/// Begins a transaction that no other writer of this table runs beside.
pub(crate) async fn begin_writing(database: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    if database.get_database_backend() == DbBackend::Postgres {
        let transaction = database.begin().await?;
        transaction.execute_unprepared(ONE_WRITER).await?;
        return Ok(transaction);
    }
    // A transaction of SQLite that reads before it writes would fail beside a writer, instead of waiting for it.
    let immediate = Some(SqliteTransactionMode::Immediate);
    let options = TransactionOptions { sqlite_transaction_mode: immediate, ..TransactionOptions::default() };
    database.begin_with_options(options).await
}
