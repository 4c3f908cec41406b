//! From an address to a connected database whose migrations have run.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use drifting_domain::ports::{PortError, PortErrorKind};
use drifting_migrations::Migrator;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::sqlx::{self, ConnectOptions, Connection};
use sea_orm::{DatabaseConnection, DbErr, SqlxPostgresConnector, SqlxSqliteConnector};
use sea_orm_migration::MigratorTrait;
use tokio::time::{Instant, sleep, timeout};

use crate::error::{io_port_error, port_error, sqlx_port_error};
use crate::repository::begin_writing;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a writer waits for another one.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const BUSY_POLL: Duration = Duration::from_millis(20);
/// One writes, the others read.
const CONNECTIONS_MAX: u32 = 4;

pub(crate) const CONNECT: &str = "connect to the metrics database";

/// Connects to `postgres://…` (or `postgresql://…`) or `sqlite://file`.
pub(crate) async fn connect_to(uri: &str) -> Result<DatabaseConnection, PortError> {
    match uri.split_once("://").map(|(scheme, _)| scheme) {
        Some("postgres" | "postgresql") => migrated(connect_to_postgres(parse(uri)?).await?).await,
        Some("sqlite") => connect_to_sqlite(parse(uri)?).await,
        _ => Err(not_understood("neither postgres:// nor sqlite://")),
    }
}

/// Opens a SQLite file.
pub(crate) async fn connect_to_file(file: &Path) -> Result<DatabaseConnection, PortError> {
    connect_to_sqlite(SqliteConnectOptions::new().filename(file)).await
}

pub(crate) fn parse<O: FromStr<Err = sqlx::Error>>(uri: &str) -> Result<O, PortError> {
    // The source is left out: a parser may quote what it read, and that may be a password.
    uri.parse().map_err(|_| not_understood("malformed"))
}

pub(crate) fn not_understood(why: &'static str) -> PortError {
    PortError::new(PortErrorKind::Other, "understand the address of the metrics database", why)
}

// The pools are built here and not by sea-orm's `Database::connect`, which traces the address with its password.
pub(crate) async fn connect_to_postgres(options: PgConnectOptions) -> Result<DatabaseConnection, PortError> {
    let options = options.application_name("drifting").disable_statement_logging();
    // The pool would only say that it timed out; a single connection says why.
    let first = timeout(CONNECT_TIMEOUT, options.connect())
        .await
        .map_err(|elapsed| PortError::new(PortErrorKind::Unavailable, CONNECT, elapsed))?
        .map_err(|error| sqlx_port_error(CONNECT, error))?;
    first.close().await.map_err(|error| sqlx_port_error(CONNECT, error))?;
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with(options);
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}

async fn connect_to_sqlite(options: SqliteConnectOptions) -> Result<DatabaseConnection, PortError> {
    if let Some(folder) = options.get_filename().parent() {
        tokio::fs::create_dir_all(folder)
            .await
            .map_err(|error| io_port_error("create the folder of the metrics database", error))?;
    }
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // With the journal ahead, this loses at most the last records in a power cut, and never damages the file.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    let pool =
        SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX).acquire_timeout(BUSY_TIMEOUT + ACQUIRE_TIMEOUT);
    let deadline = Instant::now() + BUSY_TIMEOUT;
    // Two servers that turn a new file to the write-ahead log at once are told that it is locked, without a wait.
    let pool = loop {
        match pool.clone().connect_with(options.clone()).await.map_err(|error| sqlx_port_error(CONNECT, error)) {
            Err(error) if error.kind() == PortErrorKind::InUse && Instant::now() < deadline => sleep(BUSY_POLL).await,
            connected => break connected?,
        }
    };
    migrated(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)).await
}

async fn migrated(database: DatabaseConnection) -> Result<DatabaseConnection, PortError> {
    match migrate(&database).await {
        Ok(()) => Ok(database),
        Err(error) => Err(port_error("migrate the metrics database", error)),
    }
}

/// All or nothing, and never two servers at once.
async fn migrate(database: &DatabaseConnection) -> Result<(), DbErr> {
    let transaction = begin_writing(database).await?;
    Migrator::up(&transaction, None).await?;
    transaction.commit().await
}
