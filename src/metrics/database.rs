//! The metrics database that the configuration asks for, from its start to its end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use drifting_domain::ports::{MetricsRepository, PortError, PortErrorKind};
use drifting_local_postgres::{LocalPostgres, LocalPostgresError, SearchPath};
use drifting_metrics::{Address, SeaOrmMetrics, ServerStart, migrate_only};

/// Which database, and for which server.
pub struct Database {
    /// Where it is.
    place: Place,
    /// The start whose records it takes.
    start: ServerStart,
    has_been_open: AtomicBool,
}

/// Where a database is.
pub enum Place {
    /// In this directory, of the server's own: Postgres, or SQLite where there is no Postgres.
    Local(PathBuf),
    /// At this address.
    At(Address),
}

/// Why a database is not open.
pub(super) enum NotOpened {
    /// It may be later.
    Yet(String),
    /// It has been said in the log.
    Never,
}

/// A database that is connected.
pub(super) struct OpenDatabase {
    metrics: SeaOrmMetrics,
    postgres: Option<LocalPostgres>,
}

impl Database {
    /// A database that is not open yet.
    pub fn new(place: Place, start: ServerStart) -> Self {
        Self { place, start, has_been_open: AtomicBool::new(false) }
    }

    pub(super) fn is_local(&self) -> bool {
        matches!(self.place, Place::Local(_))
    }

    /// Starts and connects it.
    pub(super) async fn open(&self) -> Result<OpenDatabase, NotOpened> {
        match &self.place {
            Place::At(address) => {
                let metrics =
                    SeaOrmMetrics::connect(address, self.start.clone()).await.map_err(|error| not_opened(&error))?;
                Ok(OpenDatabase { metrics, postgres: None })
            }
            Place::Local(directory) => self.open_local(directory, &SearchPath::of_system().await).await,
        }
    }

    async fn open_local(&self, directory: &Path, search: &SearchPath) -> Result<OpenDatabase, NotOpened> {
        let (cluster, file) = (directory.join("postgres"), directory.join("metrics.sqlite"));
        // What the first start chose is kept, so that its records are found.
        if file.exists() {
            return self.open_file(&file).await;
        }
        match LocalPostgres::start_with(&cluster, search).await {
            Ok(postgres) => {
                let address = Address::of_uri(&postgres.uri());
                match SeaOrmMetrics::connect(&address, self.start.clone()).await {
                    Ok(metrics) => {
                        tracing::info!("metrics go to a local postgres of the server's own");
                        self.has_been_open.store(true, Ordering::Relaxed);
                        Ok(OpenDatabase { metrics, postgres: Some(postgres) })
                    }
                    Err(error) => {
                        stop(postgres).await;
                        Err(not_opened(&error))
                    }
                }
            }
            Err(error) if takes_sqlite(&error) && !LocalPostgres::has_cluster(&cluster) => {
                tracing::info!(reason = %error, "metrics go to a SQLite file, from now on");
                self.open_file(&file).await
            }
            // What has worked once may work again, whatever it is now.
            Err(error) if may_pass(&error) || self.has_been_open.load(Ordering::Relaxed) => {
                Err(NotOpened::Yet(format!("{:#}", anyhow::Error::new(error))))
            }
            Err(error) => {
                // With what the operating system said.
                let error = format!("{:#}", anyhow::Error::new(error));
                tracing::error!(error, "no metrics database; detection goes on without it");
                Err(NotOpened::Never)
            }
        }
    }

    async fn open_file(&self, file: &Path) -> Result<OpenDatabase, NotOpened> {
        let connected = SeaOrmMetrics::connect(&Address::of_file(file), self.start.clone()).await;
        connected.map(|metrics| OpenDatabase { metrics, postgres: None }).map_err(|error| not_opened(&error))
    }
}

impl OpenDatabase {
    pub(super) fn repository(&self) -> Arc<dyn MetricsRepository> {
        Arc::new(self.metrics.clone())
    }

    /// Whether it is the server's own and its process is gone.
    pub(super) fn has_ended(&mut self) -> bool {
        self.postgres.as_mut().is_some_and(LocalPostgres::has_ended)
    }

    /// Closes it, and stops it where it is the server's own.
    pub(super) async fn close(self) {
        if let Err(error) = self.metrics.close().await {
            tracing::warn!(cause = error.source_text(), "the metrics database was not closed");
        }
        if let Some(postgres) = self.postgres {
            stop(postgres).await;
        }
    }
}

/// Runs the migrations that are missing; gives their names. A Postgres of the server's own is started for it.
///
/// # Errors
/// When the database cannot be reached or changed.
pub async fn migrate(place: &Place) -> anyhow::Result<Vec<String>> {
    let directory = match place {
        Place::At(address) => return Ok(migrate_only(address).await?),
        Place::Local(directory) => directory,
    };
    let (cluster, file) = (directory.join("postgres"), directory.join("metrics.sqlite"));
    if file.exists() {
        return Ok(migrate_only(&Address::of_file(&file)).await?);
    }
    match LocalPostgres::start(&cluster).await {
        Ok(postgres) => {
            let ran = migrate_only(&Address::of_uri(&postgres.uri())).await;
            stop(postgres).await;
            Ok(ran?)
        }
        Err(error) if takes_sqlite(&error) && !LocalPostgres::has_cluster(&cluster) => {
            Ok(migrate_only(&Address::of_file(&file)).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn stop(postgres: LocalPostgres) {
    if let Err(error) = postgres.stop().await {
        tracing::warn!(%error, "the local postgres was not stopped");
    }
}

/// A file that is no database stays none, and a later version's is never understood; everything else may be mended while the
/// server runs.
fn not_opened(error: &PortError) -> NotOpened {
    let is_later_version =
        error.kind() == PortErrorKind::Other && error.operation() == "understand the metrics database";
    if error.kind() == PortErrorKind::Damaged || is_later_version {
        tracing::error!(cause = told(error), "no metrics database; detection goes on without it");
        return NotOpened::Never;
    }
    NotOpened::Yet(told(error))
}

/// What could not be done, and why.
pub(super) fn told(error: &PortError) -> String {
    format!("{error}: {}", error.source_text())
}

/// Whether a SQLite file takes the place of a Postgres that cannot be started for this reason.
pub fn takes_sqlite(error: &LocalPostgresError) -> bool {
    matches!(
        error,
        LocalPostgresError::NotInstalled
            | LocalPostgresError::NotTraversable { .. }
            | LocalPostgresError::NoAccount
            | LocalPostgresError::NotCreated { .. }
    )
}

/// Whether a later start may succeed while nobody does anything.
fn may_pass(error: &LocalPostgresError) -> bool {
    matches!(
        error,
        LocalPostgresError::InUse { .. } | LocalPostgresError::NotReady { .. } | LocalPostgresError::Ended { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_postgres_a_sqlite_file_is_made_and_kept() {
        let directory = tempfile::tempdir().expect("a folder");
        let database = Database::new(Place::Local(directory.path().to_owned()), ServerStart::now("test", "0"));
        let opened = database.open_local(directory.path(), &SearchPath::default()).await;
        opened.ok().expect("a file is made").close().await;
        assert!(directory.path().join("metrics.sqlite").exists());
        // With Postgres installed it stays with the file, where its records are.
        database.open().await.ok().expect("the file is opened").close().await;
        assert!(!directory.path().join("postgres").exists());
    }
}
