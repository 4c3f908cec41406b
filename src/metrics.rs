//! Drift values on their way to the metrics database, which may be slow, down or absent: nothing ever waits for it.

mod counts;
mod database;
mod delivery;
mod spilled;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use drifting_domain::ports::{
    BucketPage, BucketQuery, DriftRecord, Extent, MetricsHistory, MetricsRepository, MetricsSink, PortError,
    PortErrorKind, TrendPage, TrendQuery,
};
use drifting_domain::project::ProjectName;
use drifting_memory::MemoryMetrics;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use delivery::{Command, Delivering};

use crate::outbox::{Counts, Limits, Queue, Spill};

pub use counts::DeliveryCounts;
pub use database::{Database, Place, migrate, takes_sqlite};

/// How long a question waits for a database that is being connected.
const CONNECTING_MAX: Duration = Duration::from_secs(2);
/// How much waits in the queue (some 15 MB) and in memory (some 30 MB), and is delivered at once, in records without
/// verdicts on columns.
const LIMITS: Limits = Limits { queued: 100_000, worth_taking: 5_000, in_memory: 200_000, batch: 5_000 };
/// How many purges may wait.
const COMMANDS_MAX: usize = 16;

/// Keeps all records in a database where there is one, else the latest in memory.
pub struct Metrics {
    recent: Arc<MemoryMetrics>,
    to_database: Option<ToDatabase>,
}

struct ToDatabase {
    queue: Arc<Queue<DriftRecord>>,
    commands: mpsc::Sender<Command>,
    connection: watch::Receiver<Connection>,
}

/// How far the way to the database is.
#[derive(Clone)]
pub(crate) enum Connection {
    /// There is none, or no hope for it.
    None,
    /// It is being started or connected.
    Coming,
    /// It has answered.
    Open(Arc<dyn MetricsRepository>),
}

/// How records are delivered.
pub struct DeliverySettings {
    /// Where they wait while the database does not take them.
    pub spill_folder: PathBuf,
    /// How much may wait there.
    pub spill_max_bytes: u64,
    /// How long they are kept in the database.
    pub retention: Option<Duration>,
}

/// The task that talks to the database.
pub struct Delivery {
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
    counts: Arc<Counts>,
}

impl Metrics {
    /// Without a database.
    pub fn in_memory() -> Self {
        Self { recent: Arc::default(), to_database: None }
    }

    /// With a database, which is started in the background.
    pub fn with_database(database: Database, settings: DeliverySettings) -> (Self, Delivery) {
        let counts = Arc::new(Counts::of("metrics"));
        let queue = Arc::new(Queue::new(Arc::clone(&counts), LIMITS));
        let (stop, stopped) = oneshot::channel();
        let (connected, connection) = watch::channel(Connection::Coming);
        let (commands, asked) = mpsc::channel(COMMANDS_MAX);
        let recent = Arc::<MemoryMetrics>::default();
        let delivering = Delivering {
            queue: Arc::clone(&queue),
            commands: asked,
            connection: connected,
            stopped,
            retention: settings.retention,
        };
        let spill = Spill::new(settings.spill_folder, settings.spill_max_bytes);
        let keep = Arc::clone(&recent);
        let task = tokio::spawn(delivering.run(database, spill, move |records| keep.record(records)));
        let to_database = Some(ToDatabase { queue, commands, connection });
        (Self { recent, to_database }, Delivery { task, stop, counts })
    }

    /// The database, waited for a little while it is coming: an empty answer would pass for an empty history.
    async fn connected(&self) -> Result<Option<Arc<dyn MetricsRepository>>, PortError> {
        let Some(ToDatabase { connection, .. }) = &self.to_database else { return Ok(None) };
        let mut connection = connection.clone();
        let settled = connection.wait_for(|connection| !matches!(connection, Connection::Coming));
        match tokio::time::timeout(CONNECTING_MAX, settled).await {
            Ok(Ok(connection)) => Ok(match &*connection {
                Connection::Open(database) => Some(Arc::clone(database)),
                Connection::None | Connection::Coming => None,
            }),
            // The sender is gone: it is closed already.
            Ok(Err(_)) => Ok(None),
            Err(elapsed) => Err(PortError::new(PortErrorKind::Unavailable, "reach the metrics database", elapsed)),
        }
    }
}

impl Delivery {
    /// What has become of the records.
    pub fn counts(&self) -> DeliveryCounts {
        DeliveryCounts::with_database(Arc::clone(&self.counts))
    }

    /// Delivers what waits, within a deadline, and stops a database of the server's own.
    pub async fn finish(self) {
        // The task may have ended with its database.
        let _ = self.stop.send(());
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the metrics database was not closed");
        }
    }
}

impl MetricsSink for Metrics {
    fn record(&self, records: Vec<DriftRecord>) {
        let left = match &self.to_database {
            Some(to_database) => to_database.queue.put(records).err(),
            None => Some(records),
        };
        if let Some(records) = left {
            self.recent.record(records);
        }
    }
}

#[async_trait]
impl MetricsHistory for Metrics {
    async fn trend(&self, query: &TrendQuery) -> Result<TrendPage, PortError> {
        match self.connected().await? {
            Some(database) => database.trend(query).await,
            None => self.recent.trend(query).await,
        }
    }

    async fn extent(
        &self,
        project: &ProjectName,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Option<Extent>, PortError> {
        match self.connected().await? {
            Some(database) => database.extent(project, from, to).await,
            None => self.recent.extent(project, from, to).await,
        }
    }

    async fn buckets(&self, query: &BucketQuery) -> Result<BucketPage, PortError> {
        match self.connected().await? {
            Some(database) => database.buckets(query).await,
            None => self.recent.buckets(query).await,
        }
    }

    async fn purge(&self, project: &ProjectName) -> Result<u64, PortError> {
        let gone = || {
            let text = "the metrics database was closed meanwhile";
            PortError::new(PortErrorKind::Unavailable, "purge the metrics of a project", text)
        };
        match (self.connected().await?, &self.to_database) {
            (Some(_), Some(ToDatabase { commands, .. })) => {
                let (asked, answer) = oneshot::channel();
                commands.send(Command::Purge(project.clone(), asked)).await.map_err(|_| gone())?;
                answer.await.map_err(|_| gone())?
            }
            _ => self.recent.purge(project).await,
        }
    }
}
