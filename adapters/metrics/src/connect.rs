//! From an address to a connected database whose migrations have run.

use std::io;
use std::path::Path;
use std::time::Duration;

use drifting_domain::ports::{PortError, PortErrorKind};
use drifting_migrations::Migrator;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::sqlx::{self, Connection, PgConnection};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    SqlxPostgresConnector, SqlxSqliteConnector, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use tokio::time::{Instant, sleep, timeout};

use crate::address::{Address, Options};
use crate::error::{io_port_error, port_error, sqlx_port_error};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a writer waits for another one.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const BUSY_POLL: Duration = Duration::from_millis(20);
/// For questions; records have a connection of their own.
const CONNECTIONS_MAX: u32 = 3;
/// Two servers that migrate at once would stand in each other's way. The number only has to differ from those of other
/// advisory locks in the same database.
const ONE_MIGRATION: &str = "SET LOCAL statement_timeout = '29min'; SET LOCAL lock_timeout = '1min'; \
     SELECT pg_advisory_xact_lock(7234921650093);";

/// How long it takes to find out which migrations are missing, the wait for another server's included. A network that has
/// gone silent would never end it.
const LOOK_TIMEOUT: Duration = Duration::from_secs(75);
/// How long migrations may take: there may be a hundred million records.
const MIGRATION_TIMEOUT: Duration = Duration::from_mins(30);
const MIGRATE: &str = "migrate the metrics database";

/// A question that nobody waits for any more ends by itself.
const QUESTION_SESSION: &str = "SET statement_timeout = '9s'";

pub(crate) const CONNECT: &str = "connect to the metrics database";

/// Opens the database for questions. A SQLite file is created together with its folder.
pub(crate) async fn open(address: &Address) -> Result<DatabaseConnection, PortError> {
    match address.options().await? {
        Options::Postgres(options) => {
            // The pool would only say that it timed out; a single connection says why.
            let first = connect_to_postgres(&options).await?;
            first.close().await.map_err(|error| sqlx_port_error(CONNECT, error))?;
            Ok(pool_of(options))
        }
        Options::Sqlite(options) => open_sqlite(options).await,
    }
}

/// One connection of its own.
pub(crate) async fn connect_to_postgres(options: &PgConnectOptions) -> Result<PgConnection, PortError> {
    let connected = timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await;
    connected
        .map_err(|elapsed| PortError::new(PortErrorKind::Unavailable, CONNECT, elapsed))?
        .map_err(|error| sqlx_port_error(CONNECT, error))
}

/// Connections that are made when they are needed. The pool is built here and not by sea-orm's `Database::connect`, which
/// traces the address with its password.
pub(crate) fn pool_of(options: PgConnectOptions) -> DatabaseConnection {
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(|connection, _| {
            Box::pin(async move { sqlx::raw_sql(QUESTION_SESSION).execute(connection).await.map(drop) })
        })
        .connect_lazy_with(options);
    SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
}

async fn open_sqlite(options: SqliteConnectOptions) -> Result<DatabaseConnection, PortError> {
    if let Some(folder) = options.get_filename().parent() {
        make_folder(folder).await.map_err(|error| io_port_error("create the folder of the metrics database", error))?;
    }
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // With the journal ahead, this loses at most the last records in a power cut, and never damages the file.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT);
    let pool =
        SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX).acquire_timeout(BUSY_TIMEOUT + ACQUIRE_TIMEOUT);
    let deadline = Instant::now() + BUSY_TIMEOUT;
    // Two servers that turn a new file to the write-ahead log at once are told that it is locked, without a wait.
    loop {
        match pool.clone().connect_with(options.clone()).await.map_err(|error| sqlx_port_error(CONNECT, error)) {
            Err(error) if error.kind() == PortErrorKind::InUse && Instant::now() < deadline => sleep(BUSY_POLL).await,
            connected => return Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(connected?)),
        }
    }
}

async fn make_folder(folder: &Path) -> io::Result<()> {
    tokio::fs::create_dir_all(folder).await
}

/// Runs the migrations that are missing, all or none, and never two servers at once; gives their names.
pub(crate) async fn migrate(database: &DatabaseConnection) -> Result<Vec<String>, PortError> {
    let failed = |error: DbErr| match error {
        // Migrations have run that this version does not know.
        DbErr::Custom(_) => later_version(),
        error => port_error(MIGRATE, error),
    };
    let late = |elapsed| PortError::new(PortErrorKind::Unavailable, MIGRATE, elapsed);
    let begun = timeout(LOOK_TIMEOUT, async {
        let transaction = begin_alone(database).await?;
        let pending = Migrator::get_pending_migrations(&transaction).await?;
        let names: Vec<String> = pending.iter().map(|migration| migration.name().to_owned()).collect();
        Ok((transaction, names))
    });
    let (transaction, names) = begun.await.map_err(late)?.map_err(failed)?;
    let limit = if names.is_empty() { LOOK_TIMEOUT } else { MIGRATION_TIMEOUT };
    let ran = timeout(limit, async {
        Migrator::up(&transaction, None).await?;
        transaction.commit().await
    });
    ran.await.map_err(late)?.map_err(failed)?;
    Ok(names)
}

/// The database has been migrated further than this version knows.
pub(crate) fn later_version() -> PortError {
    let text = "a later version of drifting has migrated it";
    PortError::new(PortErrorKind::Other, "understand the metrics database", text)
}

/// Begins a transaction that no other migration runs beside; of SQLite, no other writer at all.
pub(crate) async fn begin_alone(database: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    if database.get_database_backend() == DbBackend::Postgres {
        let transaction = database.begin().await?;
        transaction.execute_unprepared(ONE_MIGRATION).await?;
        return Ok(transaction);
    }
    begin_writing_sqlite(database).await
}

/// A transaction of SQLite that reads before it writes would fail beside a writer, instead of waiting for it.
pub(crate) async fn begin_writing_sqlite(database: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let immediate = Some(SqliteTransactionMode::Immediate);
    let options = TransactionOptions { sqlite_transaction_mode: immediate, ..TransactionOptions::default() };
    database.begin_with_options(options).await
}
