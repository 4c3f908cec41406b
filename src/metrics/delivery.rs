//! The task that carries records to the database, and everything else that is done with it.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use drifting_domain::ports::{DriftRecord, MetricsRepository, PortError, PortErrorKind};
use drifting_domain::project::ProjectName;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, block_in_place};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::Connection;
use super::database::{Database, NotOpened, OpenDatabase, told};
use crate::outbox::{Backlog, Dropped, Pacing, Queue, Spill, done};

/// How long records are gathered before they are delivered.
const GATHER: Duration = Duration::from_millis(100);
/// Between two tries passes at most so long.
const RETRY_MAX: Duration = Duration::from_secs(10);
/// How long everything that waits may take at the end.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// How long a database of the server's own that is still being started may take at the end.
const LATE_START_MAX: Duration = Duration::from_secs(10);
/// How often a database of the server's own is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A batch of no more records is not halved for a failure that has nothing to do with them.
const BATCH_MIN: usize = 250;
/// So many causes of one failure are said.
const CAUSES_MAX: usize = 5;
/// How often records that have become too old are removed.
const PRUNE_EVERY: Duration = Duration::from_hours(1);
/// How long after a failure that is tried again.
const PRUNE_AGAIN: Duration = Duration::from_mins(1);

/// What is asked of the task beside.
pub(super) enum Command {
    /// To remove a project's records, those that wait included.
    Purge(ProjectName, oneshot::Sender<Result<u64, PortError>>),
}

/// The task.
pub(super) struct Delivering {
    pub(super) queue: Arc<Queue<DriftRecord>>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) connection: watch::Sender<Connection>,
    pub(super) stopped: oneshot::Receiver<()>,
    pub(super) retention: Option<Duration>,
}

/// What is being done with the database.
type Work = BoxFuture<'static, Done>;

enum Done {
    Opened(Result<OpenDatabase, NotOpened>),
    Appended(Vec<DriftRecord>, Result<(), PortError>),
    Purged(Purge, Result<u64, PortError>),
}

/// A purge, which comes when everything before it is delivered.
struct Purge {
    project: ProjectName,
    after: u64,
    asked: oneshot::Sender<Result<u64, PortError>>,
}

/// How far things are.
struct State {
    backlog: Backlog<DriftRecord>,
    database: Arc<Database>,
    open: Option<OpenDatabase>,
    purges: Vec<Purge>,
    pacing: Pacing,
    is_failing: bool,
    /// Why, as far as it has been said since it last answered.
    told: Vec<String>,
    /// When the process of the server's own is looked at.
    look_at: Instant,
    prune_at: Instant,
    pruning: Option<JoinHandle<()>>,
}

impl Delivering {
    /// Delivers until it is told to stop, then what is left within a deadline. What is not delivered at all, because there is
    /// no hope for a database, is given to `keep`.
    pub(super) async fn run(
        mut self,
        database: Database,
        spill: Spill<DriftRecord>,
        keep: impl FnOnce(Vec<DriftRecord>),
    ) {
        let now = Instant::now();
        let mut state = State {
            backlog: Backlog::new(spill, Arc::clone(self.queue.counts()), self.queue.limits()),
            database: Arc::new(database),
            open: None,
            purges: Vec::new(),
            pacing: Pacing::new(RETRY_MAX),
            is_failing: false,
            told: Vec::new(),
            look_at: now,
            prune_at: now,
            pruning: None,
        };
        let mut work: Option<Work> = None;
        let mut gather_until: Option<Instant> = None;
        loop {
            if work.is_none() {
                work = state.next_work();
            }
            let is_waiting = work.is_none() && state.has_work();
            tokio::select! {
                biased;
                _ = &mut self.stopped => break,
                done = done(&mut work) => {
                    work = None;
                    if state.settle(done, &self).is_err() {
                        if let Some(pruning) = state.pruning {
                            pruning.abort();
                        }
                        return self.give_up(state.backlog, keep);
                    }
                }
                Some(Command::Purge(project, asked)) = self.commands.recv() => {
                    state.take(self.queue.take());
                    let after = state.backlog.n_delivered() + state.backlog.len() as u64;
                    state.purge(Purge { project, after, asked });
                }
                () = self.queue.arrived() => {
                    if self.queue.is_worth_taking() {
                        state.take(self.queue.take());
                        gather_until = None;
                    } else {
                        gather_until.get_or_insert(Instant::now() + GATHER);
                    }
                }
                () = sleep_until(gather_until.unwrap_or(now)), if gather_until.is_some() => {
                    state.take(self.queue.take());
                    gather_until = None;
                }
                () = sleep_until(state.pacing.retry_at()), if is_waiting => {}
                () = sleep_until(state.look_at), if work.is_none() && state.open.is_some() && state.database.is_local() => {
                    state.look_after(&self);
                }
                () = sleep_until(state.prune_at), if self.retention.is_some() && state.open.is_some() => {
                    state.prune(self.retention);
                }
            }
        }
        self.finish(state, work).await;
    }

    /// There will be no database.
    fn give_up(self, backlog: Backlog<DriftRecord>, keep: impl FnOnce(Vec<DriftRecord>)) {
        let last = self.queue.close();
        let mut rest = block_in_place(|| backlog.into_rest());
        rest.extend(last);
        self.queue.counts().dropped(rest.len(), Dropped::NoDatabase);
        keep(rest);
        // Nobody asks any more when the server has stopped.
        let _ = self.connection.send(Connection::None);
    }

    /// Delivers what is left, within a deadline, and closes the database.
    async fn finish(self, mut state: State, mut work: Option<Work>) {
        state.take(self.queue.close());
        state.purges.clear();
        if let Some(pruning) = state.pruning.take() {
            pruning.abort();
        }
        let is_starting = state.open.is_none() && work.is_some() && state.database.is_local();
        let limit = if is_starting {
            // One of the server's own that is half started is better closed in order.
            LATE_START_MAX
        } else if state.backlog.len() == 0 {
            Duration::ZERO
        } else {
            DRAIN_MAX
        };
        let deadline = Instant::now() + limit;
        let drained = timeout_at(deadline, async {
            loop {
                if work.is_none() {
                    work = state.next_work();
                }
                match &mut work {
                    Some(doing) => {
                        let done = doing.await;
                        work = None;
                        if state.settle(done, &self).is_err() {
                            return;
                        }
                    }
                    None if state.has_work() => sleep_until(state.pacing.retry_at()).await,
                    None => return,
                }
            }
        });
        let is_late = drained.await.is_err();
        let n_left = state.backlog.len();
        if n_left > 0 {
            self.queue.counts().dropped(n_left, Dropped::Shutdown);
            tracing::warn!(dropped = n_left, is_late, "the last metrics were not delivered");
        }
        drop(work);
        let _ = self.connection.send(Connection::None);
        if let Some(open) = state.open {
            open.close().await;
        }
    }
}

impl State {
    /// Takes records in, which may write to the disk.
    fn take(&mut self, records: Vec<DriftRecord>) {
        if !records.is_empty() {
            block_in_place(|| self.backlog.push(records));
        }
    }

    /// Whether there is something to do with the database, now or later.
    fn has_work(&self) -> bool {
        self.open.is_none() || self.backlog.len() > 0 || !self.purges.is_empty()
    }

    /// The next thing to do with it, if it is time.
    fn next_work(&mut self) -> Option<Work> {
        if !self.pacing.is_time() {
            return None;
        }
        let Some(open) = &mut self.open else {
            let database = Arc::clone(&self.database);
            return Some(Box::pin(async move { Done::Opened(database.open().await) }));
        };
        let repository = open.repository();
        // What was lost or refused on the way is waited for in vain.
        let (delivered, is_idle) = (self.backlog.n_delivered(), self.backlog.len() == 0);
        if let Some(place) = self.purges.iter().position(|purge| purge.after <= delivered || is_idle) {
            let purge = self.purges.swap_remove(place);
            return Some(Box::pin(async move {
                let purged = repository.purge(&purge.project).await;
                Done::Purged(purge, purged)
            }));
        }
        let (first, batch) = block_in_place(|| self.backlog.next_batch())?;
        Some(Box::pin(async move {
            let appended = repository.append(first, &batch).await;
            Done::Appended(batch, appended)
        }))
    }

    /// What follows from what was done; fails where there is no hope for the database.
    fn settle(&mut self, done: Done, of: &Delivering) -> Result<(), ()> {
        match done {
            Done::Opened(Ok(open)) => {
                self.succeeded(of);
                let _ = of.connection.send(Connection::Open(open.repository()));
                self.open = Some(open);
            }
            Done::Opened(Err(NotOpened::Never)) => return Err(()),
            Done::Opened(Err(NotOpened::Yet(reason))) => self.failed(of, &reason),
            Done::Appended(batch, Ok(())) => {
                self.backlog.delivered(&batch);
                self.succeeded(of);
            }
            Done::Appended(batch, Err(error)) => {
                if error.kind() == PortErrorKind::Refused {
                    self.refused(batch, &error);
                    return Ok(());
                }
                self.backlog.not_delivered(batch, BATCH_MIN);
                self.failed(of, &told(&error));
                // It is asked again at once for what it did not wait for.
                for purge in self.purges.drain(..) {
                    let _ = purge.asked.send(Err(unavailable("purge the metrics of a project")));
                }
                self.look_after(of);
            }
            Done::Purged(purge, purged) => {
                // Whoever asked may have left.
                let _ = purge.asked.send(purged);
            }
        }
        Ok(())
    }

    /// The database works, and does not take this: record by record what it takes is delivered, and what not is dropped.
    fn refused(&mut self, batch: Vec<DriftRecord>, error: &PortError) {
        if batch.len() > 1 {
            return self.backlog.not_delivered(batch, 1);
        }
        tracing::warn!(cause = told(error), project = %batch[0].project, "the metrics database refuses a record");
        self.backlog.given_up(&batch, Dropped::Refused);
    }

    /// Starts a database of the server's own again that has ended.
    fn look_after(&mut self, of: &Delivering) {
        self.look_at = Instant::now() + LOOK_EVERY;
        if self.open.as_mut().is_some_and(OpenDatabase::has_ended) {
            tracing::warn!("the local postgres has ended; it is started again");
            self.open = None;
            of.queue.counts().up(false);
            let _ = of.connection.send(Connection::Coming);
        }
    }

    fn succeeded(&mut self, of: &Delivering) {
        if self.is_failing {
            tracing::info!(waiting = self.backlog.len(), "the metrics database answers again");
        }
        self.is_failing = false;
        self.pacing.succeeded();
        self.told.clear();
        of.queue.counts().up(true);
    }

    fn failed(&mut self, of: &Delivering, reason: &str) {
        // A restart may end in a refusal: each further cause is said too, as long as they are few.
        if self.told.len() < CAUSES_MAX && self.told.iter().all(|told| told != reason) {
            tracing::warn!(cause = reason, "metrics wait for their database; detection goes on without it");
            self.told.push(reason.to_owned());
        }
        self.is_failing = true;
        self.pacing.failed();
        of.queue.counts().up(false);
    }

    fn purge(&mut self, purge: Purge) {
        if self.open.is_none() || self.is_failing {
            let _ = purge.asked.send(Err(unavailable("purge the metrics of a project")));
        } else {
            self.purges.push(purge);
        }
    }

    /// Removes what is too old, beside everything else.
    fn prune(&mut self, retention: Option<Duration>) {
        self.prune_at = Instant::now() + PRUNE_EVERY;
        let Some(open) = self.open.as_ref().filter(|_| self.pruning.as_ref().is_none_or(JoinHandle::is_finished))
        else {
            return;
        };
        let Some(before) =
            retention.and_then(|age| Utc::now().checked_sub_signed(chrono::TimeDelta::from_std(age).ok()?))
        else {
            return;
        };
        let repository: Arc<dyn MetricsRepository> = open.repository();
        self.pruning = Some(tokio::spawn(async move {
            while let Err(error) = repository.prune(before).await.map(|count| {
                if count > 0 {
                    tracing::info!(count, %before, "old metrics were removed");
                }
            }) {
                tracing::warn!(cause = error.source_text(), "old metrics were not removed; it is tried again");
                tokio::time::sleep(PRUNE_AGAIN).await;
            }
        }));
    }
}

fn unavailable(operation: &'static str) -> PortError {
    PortError::new(PortErrorKind::Unavailable, operation, "the metrics database does not answer now")
}
