//! Drift values on their way to the metrics database, which may be slow, down or absent: nothing ever waits for it.

mod database;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use drifting_domain::ports::{
    DriftRecord, MetricsRepository, MetricsSink, PortError, PortErrorKind, TrendPage, TrendQuery,
};
use drifting_memory::MemoryMetrics;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use database::OpenDatabase;

pub use database::{Database, takes_sqlite};

/// Requests whose records may wait for the database.
const QUEUE_MAX: usize = 10_000;
/// Records that may wait for it: some 100 MB.
const WAITING_MAX: usize = 1_000_000;
/// Records that are appended at once.
const BATCH_MAX: usize = 1_000;
/// How long after a failure the next attempt is made.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long the queue may take to drain at the end.
const DRAIN_MAX: Duration = Duration::from_secs(3);
/// How long a database of the server's own that is still being started may take at the end.
const LATE_START_MAX: Duration = Duration::from_secs(10);
/// How long a question waits for a database that is being connected.
const CONNECTING_MAX: Duration = Duration::from_secs(2);

/// Keeps the latest records in memory, and all of them in a database where there is one.
pub struct Metrics {
    recent: MemoryMetrics,
    queue: Option<mpsc::Sender<Vec<DriftRecord>>>,
    n_waiting: Arc<AtomicUsize>,
    database: watch::Receiver<Connection>,
    n_dropped: AtomicU64,
}

/// How far the way to the database is.
#[derive(Clone)]
enum Connection {
    /// There is none, or no hope for it.
    None,
    /// It is being started or connected.
    Coming,
    /// It answers.
    Open(Arc<dyn MetricsRepository>),
}

/// The task that talks to the database.
pub struct Delivery {
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Metrics {
    /// Without a database.
    pub fn in_memory() -> Self {
        Self {
            recent: MemoryMetrics::new(),
            queue: None,
            n_waiting: Arc::default(),
            database: watch::channel(Connection::None).1,
            n_dropped: AtomicU64::new(0),
        }
    }

    /// With a database, which is started in the background.
    pub fn with_database(database: Database) -> (Self, Delivery) {
        let (queue, records) = mpsc::channel(QUEUE_MAX);
        let (stop, stopped) = oneshot::channel();
        let (connection, connected) = watch::channel(Connection::Coming);
        let metrics = Self { queue: Some(queue), database: connected, ..Self::in_memory() };
        let queue = Queue { records, n_waiting: Arc::clone(&metrics.n_waiting), stopped, is_stopped: false };
        let task = tokio::spawn(deliver(database, connection, queue));
        (metrics, Delivery { task, stop })
    }
}

impl Delivery {
    /// Delivers what waits, within a deadline, and stops a database of the server's own.
    pub async fn finish(self) {
        // The task may have ended with its database.
        let _ = self.stop.send(());
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the metrics database was not closed");
        }
    }
}

impl Metrics {
    /// The database, waited for a little while it is coming: an empty answer would pass for an empty history.
    async fn connected(&self) -> Result<Option<Arc<dyn MetricsRepository>>, PortError> {
        let mut connection = self.database.clone();
        let settled = connection.wait_for(|connection| !matches!(connection, Connection::Coming));
        match tokio::time::timeout(CONNECTING_MAX, settled).await {
            Ok(Ok(connection)) => Ok(match &*connection {
                Connection::Open(database) => Some(Arc::clone(database)),
                Connection::None | Connection::Coming => None,
            }),
            // The sender is gone: there never was a database, or it is closed already.
            Ok(Err(_)) => Ok(None),
            Err(elapsed) => Err(PortError::new(PortErrorKind::Unavailable, "reach the metrics database", elapsed)),
        }
    }

    /// Puts records into the queue; says whether there was room.
    fn enqueue(&self, queue: &mpsc::Sender<Vec<DriftRecord>>, records: Vec<DriftRecord>) -> bool {
        let n_records = records.len();
        if self.n_waiting.fetch_add(n_records, Ordering::Relaxed) + n_records > WAITING_MAX {
            self.n_waiting.fetch_sub(n_records, Ordering::Relaxed);
            return false;
        }
        match queue.try_send(records) {
            // There is no database, which has been said in the log.
            Ok(()) | Err(TrySendError::Closed(_)) => true,
            Err(TrySendError::Full(_)) => {
                self.n_waiting.fetch_sub(n_records, Ordering::Relaxed);
                false
            }
        }
    }
}

impl MetricsSink for Metrics {
    fn record(&self, records: Vec<DriftRecord>) {
        let queue = self.queue.as_ref().filter(|queue| !queue.is_closed());
        if let Some(queue) = queue
            && !self.enqueue(queue, records.clone())
        {
            let n_records = records.len() as u64;
            let before = self.n_dropped.fetch_add(n_records, Ordering::Relaxed);
            // Once at the first, then at each further hundred thousand.
            if before == 0 || before / 100_000 != (before + n_records) / 100_000 {
                tracing::warn!(dropped = before + n_records, "the metrics queue is full, records are dropped");
            }
        }
        self.recent.record(records);
    }
}

#[async_trait]
impl MetricsRepository for Metrics {
    async fn append(&self, records: &[DriftRecord]) -> Result<(), PortError> {
        self.record(records.to_vec());
        Ok(())
    }

    async fn trend(&self, query: &TrendQuery) -> Result<TrendPage, PortError> {
        match self.connected().await? {
            Some(database) => database.trend(query).await,
            None => self.recent.trend(query).await,
        }
    }

    async fn prune(&self, before: DateTime<Utc>) -> Result<u64, PortError> {
        match self.connected().await? {
            Some(database) => database.prune(before).await,
            None => self.recent.prune(before).await,
        }
    }
}

/// What waits for the database.
struct Queue {
    records: mpsc::Receiver<Vec<DriftRecord>>,
    n_waiting: Arc<AtomicUsize>,
    stopped: oneshot::Receiver<()>,
    /// Whether it has been told to stop: the receiver must not be asked again then.
    is_stopped: bool,
}

impl Queue {
    /// The records of some requests; `None` when told to stop.
    async fn next(&mut self) -> Option<Vec<DriftRecord>> {
        if self.is_stopped {
            return None;
        }
        let mut requests = Vec::new();
        tokio::select! {
            biased;
            _ = &mut self.stopped => None,
            _ = self.records.recv_many(&mut requests, BATCH_MAX) => Some(self.taken(requests)),
        }
    }

    fn taken(&self, requests: Vec<Vec<DriftRecord>>) -> Vec<DriftRecord> {
        let records: Vec<DriftRecord> = requests.into_iter().flatten().collect();
        self.n_waiting.fetch_sub(records.len(), Ordering::Relaxed);
        records
    }

    /// Everything that is left.
    fn rest(&mut self) -> Vec<DriftRecord> {
        let mut requests = Vec::new();
        while let Ok(records) = self.records.try_recv() {
            requests.push(records);
        }
        self.taken(requests)
    }
}

async fn deliver(database: Database, connection: watch::Sender<Connection>, mut queue: Queue) {
    let Some(open) = open(database, &mut queue).await else {
        // Nobody asks any more when the server has stopped.
        let _ = connection.send(Connection::None);
        let lost = queue.rest();
        if !lost.is_empty() {
            tracing::warn!(dropped = lost.len(), "the last metrics found no database");
        }
        return;
    };
    let repository = open.repository();
    let _ = connection.send(Connection::Open(Arc::clone(&repository)));
    let mut undelivered = Vec::new();
    while let Some(batch) = queue.next().await {
        undelivered = append_all(&*repository, batch, &mut queue.stopped).await;
        if !undelivered.is_empty() {
            break;
        }
    }
    undelivered.extend(queue.rest());
    let last = tokio::time::timeout(DRAIN_MAX, async {
        for part in undelivered.chunks(BATCH_MAX) {
            repository.append(part).await?;
        }
        Ok::<_, PortError>(())
    });
    match last.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(cause = error.source_text(), "the last metrics were not delivered"),
        Err(_) => tracing::warn!("the last metrics were not delivered in time"),
    }
    drop(repository);
    open.close().await;
}

/// Opens the database. When the server stops meanwhile, records that wait are worth some seconds more; and one of the
/// server's own that is half started is better closed in order.
async fn open(database: Database, queue: &mut Queue) -> Option<OpenDatabase> {
    let is_local = matches!(database, Database::Local(_));
    let mut opening = Box::pin(database.open());
    tokio::select! {
        biased;
        open = &mut opening => return open,
        _ = &mut queue.stopped => queue.is_stopped = true,
    }
    let more = match (is_local, queue.n_waiting.load(Ordering::Relaxed)) {
        (true, _) => LATE_START_MAX,
        (false, 0) => return None,
        (false, _) => DRAIN_MAX,
    };
    tokio::time::timeout(more, opening).await.unwrap_or_default()
}

/// Appends in parts, and tries again until it succeeds; gives back what is left when told to stop first.
async fn append_all(
    repository: &dyn MetricsRepository,
    mut batch: Vec<DriftRecord>,
    stopped: &mut oneshot::Receiver<()>,
) -> Vec<DriftRecord> {
    let mut is_waiting = false;
    while !batch.is_empty() {
        let n_next = batch.len().min(BATCH_MAX);
        match repository.append(&batch[..n_next]).await {
            Ok(()) => {
                batch.drain(..n_next);
                is_waiting = false;
            }
            Err(error) => {
                if !is_waiting {
                    tracing::warn!(cause = error.source_text(), "metrics wait for their database");
                    is_waiting = true;
                }
                tokio::select! {
                    _ = &mut *stopped => return batch,
                    () = tokio::time::sleep(RETRY_AFTER) => {}
                }
            }
        }
    }
    batch
}
