//! The metrics database that the configuration asks for, from its start to its end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use drifting_domain::ports::MetricsRepository;
use drifting_local_postgres::{LocalPostgres, LocalPostgresError};
use drifting_metrics::SeaOrmMetrics;

use crate::config::Secret;

/// Which database.
pub enum Database {
    /// One of the server's own in this directory: Postgres, or SQLite where there is no Postgres.
    Local(PathBuf),
    /// At this address.
    At(Secret),
}

/// A database that is connected.
pub(super) struct OpenDatabase {
    metrics: SeaOrmMetrics,
    postgres: Option<LocalPostgres>,
}

const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

impl Database {
    /// Starts and connects it. Trying goes on while an address does not answer; `None` where there is no hope.
    pub(super) async fn open(self) -> Option<OpenDatabase> {
        match self {
            Self::At(address) => Some(OpenDatabase { metrics: connect(address.expose()).await, postgres: None }),
            Self::Local(directory) => open_local(&directory).await,
        }
    }
}

impl OpenDatabase {
    pub(super) fn repository(&self) -> Arc<dyn MetricsRepository> {
        Arc::new(self.metrics.clone())
    }

    /// Closes it, and stops it where it is the server's own.
    pub(super) async fn close(self) {
        if let Err(error) = self.metrics.close().await {
            tracing::warn!(cause = error.source_text(), "the metrics database was not closed");
        }
        if let Some(postgres) = self.postgres
            && let Err(error) = postgres.stop().await
        {
            tracing::warn!(%error, "the local postgres was not stopped");
        }
    }
}

async fn connect(address: &str) -> SeaOrmMetrics {
    let mut retry_after = RETRY_AFTER_MIN;
    loop {
        match SeaOrmMetrics::connect(address).await {
            Ok(metrics) => return metrics,
            Err(error) => tracing::warn!(
                cause = error.source_text(),
                retry_after_s = retry_after.as_secs(),
                "the metrics database does not answer; detection goes on without it"
            ),
        }
        tokio::time::sleep(retry_after).await;
        retry_after = (retry_after * 2).min(RETRY_AFTER_MAX);
    }
}

async fn open_local(directory: &Path) -> Option<OpenDatabase> {
    let (cluster, file) = (directory.join("postgres"), directory.join("metrics.sqlite"));
    // What the first start chose is kept, so that its records are found.
    if file.exists() {
        return open_file(&file).await;
    }
    match LocalPostgres::start(&cluster).await {
        Ok(postgres) => {
            let metrics = connect(&postgres.uri()).await;
            tracing::info!("metrics go to a local postgres of the server's own");
            Some(OpenDatabase { metrics, postgres: Some(postgres) })
        }
        Err(error) if takes_sqlite(&error) && !LocalPostgres::has_cluster(&cluster) => {
            tracing::info!(reason = %error, "metrics go to a SQLite file, from now on");
            open_file(&file).await
        }
        Err(error) => {
            tracing::error!(%error, "no metrics database; detection goes on without it");
            None
        }
    }
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

async fn open_file(file: &Path) -> Option<OpenDatabase> {
    match SeaOrmMetrics::open(file).await {
        Ok(metrics) => Some(OpenDatabase { metrics, postgres: None }),
        Err(error) => {
            tracing::error!(cause = error.source_text(), "no metrics database; detection goes on without it");
            None
        }
    }
}
