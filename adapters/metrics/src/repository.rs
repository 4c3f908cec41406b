//! The repository: appending on one connection, questions on others.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use drifting_domain::ports::{
    BucketPage, BucketQuery, DriftRecord, Extent, MetricsHistory, MetricsRepository, PortError, PortErrorKind,
    TrendPage, TrendQuery,
};
use drifting_domain::project::ProjectName;
use sea_orm::{DatabaseConnection, DbBackend};
use tokio::sync::Mutex;

use crate::address::{Address, Options};
use crate::connect::{migrate, open, pool_of};
use crate::error::port_error;
use crate::postgres::PostgresWriter;
use crate::start::ServerStart;
use crate::{buckets, history, removal, sqlite};

/// How long a question may take.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the removal of a project's records may take; delivery waits for it.
const PURGE_TIMEOUT: Duration = Duration::from_mins(5);
/// How long the removal of old records may take: there may be a hundred million.
const REMOVAL_TIMEOUT: Duration = Duration::from_mins(30);

/// The records in the tables `drift_record`, `drift_feature`, `drift_rollup` and `drift_server` of a Postgres or SQLite
/// database.
///
/// Times are cut to the microsecond, in what is written and in what is asked for.
///
/// # Cost
/// Appending n records to Postgres is one `COPY` and one statement for the sums of their minutes. Pages and ranges follow
/// the primary key; buckets of whole minutes read a row a minute that has records, whatever their number.
#[derive(Clone)]
pub struct SeaOrmMetrics(Arc<Shared>);

/// Without what may be secret.
impl fmt::Debug for SeaOrmMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SeaOrmMetrics").field(&self.0.address).finish()
    }
}

struct Shared {
    address: Address,
    /// For questions; replaced when its connections no longer answer.
    reading: RwLock<DatabaseConnection>,
    writer: Mutex<Writer>,
}

enum Writer {
    Postgres(Box<PostgresWriter>),
    Sqlite(ServerStart),
}

impl SeaOrmMetrics {
    /// Connects and runs the migrations that are missing. A SQLite file and its folder are created.
    ///
    /// # Errors
    /// When the address is none, or the database cannot be reached or changed; neither the texts nor the causes carry the
    /// password.
    pub async fn connect(address: &Address, start: ServerStart) -> Result<Self, PortError> {
        let database = open(address).await?;
        migrate(&database).await?;
        let writer = match database.get_database_backend() {
            DbBackend::Postgres => Writer::Postgres(Box::new(PostgresWriter::new(address.clone(), start))),
            _ => Writer::Sqlite(start),
        };
        Ok(Self(Arc::new(Shared {
            address: address.clone(),
            reading: RwLock::new(database),
            writer: Mutex::new(writer),
        })))
    }

    /// Closes all connections, after the statements that run.
    ///
    /// # Errors
    /// When the connections cannot be closed.
    pub async fn close(&self) -> Result<(), PortError> {
        self.0.database().close_by_ref().await.map_err(|error| port_error("close the metrics database", error))
    }
}

/// Runs the migrations that are missing; gives their names, in order.
///
/// # Errors
/// As for [`SeaOrmMetrics::connect`].
pub async fn migrate_only(address: &Address) -> Result<Vec<String>, PortError> {
    let database = open(address).await?;
    let names = migrate(&database).await?;
    database.close().await.map_err(|error| port_error("close the metrics database", error))?;
    Ok(names)
}

impl Shared {
    fn database(&self) -> DatabaseConnection {
        self.reading.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An answer in time. Connections that do not answer are given up, all of them: the network or the server behind them may
    /// be gone without a word.
    async fn within<T>(
        &self,
        limit: Duration,
        operation: &'static str,
        answer: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        let answer = match tokio::time::timeout(limit, answer).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(PortError::new(PortErrorKind::Unavailable, operation, elapsed)),
        };
        if let Err(error) = &answer
            && matches!(error.kind(), PortErrorKind::Unavailable | PortErrorKind::Permission)
            && let Ok(Options::Postgres(options)) = self.address.options().await
        {
            *self.reading.write().unwrap_or_else(PoisonError::into_inner) = pool_of(options);
        }
        answer
    }
}

#[async_trait]
impl MetricsHistory for SeaOrmMetrics {
    async fn trend(&self, query: &TrendQuery) -> Result<TrendPage, PortError> {
        let database = self.0.database();
        self.0.within(QUESTION_TIMEOUT, "read the metrics", history::trend(&database, query)).await
    }

    async fn extent(
        &self,
        project: &ProjectName,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Option<Extent>, PortError> {
        let database = self.0.database();
        self.0.within(QUESTION_TIMEOUT, "read the metrics", buckets::extent(&database, project, from, to)).await
    }

    async fn buckets(&self, query: &BucketQuery) -> Result<BucketPage, PortError> {
        let database = self.0.database();
        self.0.within(QUESTION_TIMEOUT, "read the metrics", buckets::buckets(&database, query)).await
    }

    async fn purge(&self, project: &ProjectName) -> Result<u64, PortError> {
        let database = self.0.database();
        // Nothing is appended meanwhile.
        let _writer = self.0.writer.lock().await;
        self.0.within(PURGE_TIMEOUT, "purge the metrics of a project", removal::purge(&database, project)).await
    }
}

#[async_trait]
impl MetricsRepository for SeaOrmMetrics {
    async fn append(&self, first: u64, records: &[DriftRecord]) -> Result<(), PortError> {
        if records.is_empty() {
            return Ok(());
        }
        match &mut *self.0.writer.lock().await {
            Writer::Postgres(writer) => writer.append(first, records).await,
            Writer::Sqlite(start) => sqlite::append(&self.0.database(), start, first, records).await,
        }
    }

    async fn prune(&self, before: DateTime<Utc>) -> Result<u64, PortError> {
        let database = self.0.database();
        self.0.within(REMOVAL_TIMEOUT, "prune the metrics", removal::prune(&database, before)).await
    }
}
