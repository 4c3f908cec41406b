//! What a start would do to the database, done and taken back.

use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::Path;

use chrono::Utc;
use drifting_domain::ports::{DriftRecord, PortError};
use drifting_domain::project::ProjectName;
use drifting_migrations::Migrator;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel, Set, SqlxSqliteConnector};
use sea_orm_migration::MigratorTrait;

use crate::address::{Address, Options};
use crate::connect::{BUSY_TIMEOUT, CONNECT, begin_alone, connect_to_postgres, later_version, pool_of};
use crate::error::{io_port_error, port_error, sqlx_port_error};
use crate::row::{self, record, server};

/// What a start would find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rehearsal {
    /// A SQLite file that is not there yet and can be made.
    NotYet,
    /// A database that answers, takes a record, and needs so many migrations first.
    Ready {
        /// Migrations that the next start runs.
        n_pending: usize,
    },
}

/// Connects, runs the migrations that are missing, appends a record, and takes all of it back. A SQLite file is not made
/// where it is missing. Of a Postgres, one number of the sequence of servers is used up.
///
/// # Errors
/// When a start could not use the database; neither the texts nor the causes carry the password.
pub async fn rehearse(address: &Address) -> Result<Rehearsal, PortError> {
    match address.options().await? {
        Options::Postgres(options) => {
            connect_to_postgres(&options).await?;
            rehearse_with(pool_of(options)).await
        }
        Options::Sqlite(options) => rehearse_sqlite(options).await,
    }
}

async fn rehearse_sqlite(options: SqliteConnectOptions) -> Result<Rehearsal, PortError> {
    let file = options.get_filename();
    if !file.exists() {
        can_be_made(file).map_err(|error| io_port_error("make the file of the metrics database", error))?;
        return Ok(Rehearsal::NotYet);
    }
    // Its journal stays as it is.
    let options = options.create_if_missing(false).busy_timeout(BUSY_TIMEOUT);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
    let pool = pool.map_err(|error| sqlx_port_error(CONNECT, error))?;
    rehearse_with(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)).await
}

/// Makes a file and removes it, in the nearest folder that there is.
fn can_be_made(file: &Path) -> io::Result<()> {
    let file = std::path::absolute(file)?;
    let folder = file.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let probe = folder.join(format!(".drifting-check-{:016x}", RandomState::new().build_hasher().finish()));
    File::create_new(&probe).map(drop)?;
    fs::remove_file(probe)
}

async fn rehearse_with(database: DatabaseConnection) -> Result<Rehearsal, PortError> {
    let tried = rolled_back(&database).await;
    let closed = database.close().await.map_err(|error| port_error("close the metrics database", error));
    let n_pending = tried?;
    closed?;
    Ok(Rehearsal::Ready { n_pending })
}

async fn rolled_back(database: &DatabaseConnection) -> Result<usize, PortError> {
    let begun = begin_alone(database).await;
    let transaction = begun.map_err(|error| port_error("write to the metrics database", error))?;
    let pending = Migrator::get_pending_migrations_read_only(&transaction).await.map_err(|error| match error {
        DbErr::Custom(_) => later_version(),
        other => port_error("read the migrations of the metrics database", other),
    })?;
    let migrated = Migrator::up(&transaction, None).await;
    migrated.map_err(|error| port_error("migrate the metrics database", error))?;
    let appended = append(&transaction).await;
    appended.map_err(|error| port_error("append to the metrics", error))?;
    transaction.rollback().await.map_err(|error| port_error("take the rehearsal back", error))?;
    Ok(pending.len())
}

async fn append(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    let start = server::ActiveModel {
        start: Set("check".to_owned()),
        instance: Set("check".to_owned()),
        version: Set(String::new()),
        started_at: Set(Utc::now()),
        delivered: Set(0),
        ..Default::default()
    };
    let server_id = server::Entity::insert(start).exec(transaction).await?.last_insert_id;
    let row = row::of_record(&record(), server_id, 1).into_active_model();
    record::Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

fn record() -> DriftRecord {
    DriftRecord {
        project: "drifting-check".parse::<ProjectName>().expect("the name is valid"),
        generation: 1,
        at: Utc::now(),
        time: 1,
        rows: 1,
        statistic: None,
        threshold: None,
        p_value: None,
        distance: None,
        is_drift: false,
        warm_up: true,
        features: Box::default(),
    }
}
