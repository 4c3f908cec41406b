//! Where events are taken: at once, in bounded queues, one for each project, which are fed in their order.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drifting_domain::project::ProjectName;
use drifting_domain::use_cases::ExpectedProject;
use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::counts::{Counters, EventCounts, Unused};
use super::envelope::{Envelope, EventKind};
use super::feeding::table;
use super::payload::Payload;
use super::recent::{Mark, Recent};
use crate::{Inference, OpenModel, Refusal, RefusalCode};

/// So many events of one project may wait.
pub const PROJECT_EVENTS_MAX: usize = 1_000;
/// So many events may wait in all.
const EVENTS_MAX: usize = 10_000;
/// So many bytes may wait in all, as they are in memory; events that come together may have more, where nothing waits.
const BYTES_MAX: usize = 128 << 20;
/// Reading rows of fewer bytes takes less time than handing them to another thread.
const READ_INLINE_MAX: usize = 64 << 10;
/// A store that cannot be reached is tried again after so long, twice as long each time, so often.
const RETRY_MIN: Duration = Duration::from_millis(100);
const TRIES_MAX: u32 = 9;
/// So often is said why rows cannot be used.
const SAID_EVERY: Duration = Duration::from_mins(1);

/// An event whose data have been read.
#[derive(Debug)]
pub struct Event {
    /// Whose rows it brings.
    pub project: ExpectedProject,
    /// What it says of itself.
    pub envelope: Envelope,
    /// Its rows, if it brings any.
    pub payload: Option<Payload>,
}

/// What became of events that came together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accepted {
    /// Those whose rows will be fed.
    pub accepted: usize,
    /// Those that had come before.
    pub duplicates: usize,
    /// Those that bring no rows.
    pub ignored: usize,
}

/// Why events that came together were not taken, none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// As many wait as may.
    Full,
    /// The server stops.
    Stopping,
}

/// Takes events and feeds their rows. Clones share the queues.
#[derive(Clone)]
pub struct EventIntake(Arc<Inner>);

struct Inner {
    inference: Inference,
    state: Mutex<State>,
    counters: Counters,
    /// Told when a lane has become empty.
    emptied: Notify,
}

#[derive(Default)]
struct State {
    /// The projects of which events wait or are being fed; each has a task.
    lanes: HashMap<ProjectName, VecDeque<Waiting>>,
    recent: Recent,
    /// Those that wait or are being fed.
    n_events: usize,
    n_bytes: usize,
    /// Nothing is taken any more.
    is_closed: bool,
    /// Nothing is fed any more.
    is_over: bool,
    /// When it was last said that rows cannot be used, by reason.
    said: [Option<Instant>; Unused::ALL.len()],
}

struct Waiting {
    project: ExpectedProject,
    id: Box<str>,
    payload: Payload,
    mark: Mark,
    n_bytes: usize,
}

impl Waiting {
    fn of(project: ExpectedProject, id: String, payload: Payload, mark: Mark) -> Self {
        // Rows are found again by the request in which they came, where it has an id of its own.
        let id: Box<str> = payload.request_id().map_or_else(|| id.into(), Into::into);
        let n_bytes = size_of::<Self>() + id.len() + payload.n_bytes();
        Self { project, id, payload, mark, n_bytes }
    }
}

impl fmt::Debug for EventIntake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventIntake").field("counts", &self.counts()).finish()
    }
}

impl EventIntake {
    /// What its rows are fed to.
    pub fn inference(&self) -> &Inference {
        &self.0.inference
    }

    /// An intake without anything.
    pub fn new(inference: Inference) -> Self {
        let (state, counters, emptied) = (Mutex::default(), Counters::default(), Notify::new());
        Self(Arc::new(Inner { inference, state, counters, emptied }))
    }

    /// Takes events that came together, all or none, in their order; waits for nothing. To be called within a runtime of tokio.
    ///
    /// # Errors
    /// When too many wait, or when the server stops.
    pub fn take(&self, events: Vec<Event>) -> Result<Accepted, NotTaken> {
        let counters = &self.0.counters;
        let n_came = events.len();
        let mut state = self.0.state();
        if state.is_closed {
            return Err(NotTaken::Stopping);
        }
        let mut accepted = Accepted::default();
        let mut marks = Vec::new();
        let mut by_project: HashMap<&ProjectName, usize> = HashMap::new();
        for event in &events {
            let name = event.project.name();
            if event.payload.is_none() || event.envelope.kind() == EventKind::Other {
                accepted.ignored += 1;
                marks.push(None);
                continue;
            }
            let mark = state.recent.mark(name.as_str(), &event.envelope.source, &event.envelope.id);
            if state.recent.contains(mark) || marks.contains(&Some(mark)) {
                accepted.duplicates += 1;
                marks.push(None);
                continue;
            }
            accepted.accepted += 1;
            *by_project.entry(name).or_default() += 1;
            marks.push(Some(mark));
        }
        let is_room = |(project, n): (&&ProjectName, &usize)| {
            state.lanes.get(*project).map_or(0, VecDeque::len) + n <= PROJECT_EVENTS_MAX
        };
        let are_few = state.n_events + accepted.accepted <= EVENTS_MAX && by_project.iter().all(is_room);
        let taken = events.into_iter().zip(marks).filter_map(|(Event { project, envelope, payload }, mark)| {
            Some(Waiting::of(project, envelope.id, payload?, mark?))
        });
        let taken: Vec<Waiting> = taken.collect();
        let n_bytes: usize = taken.iter().map(|waiting| waiting.n_bytes).sum();
        let has_room = are_few && (state.n_bytes == 0 || state.n_bytes + n_bytes <= BYTES_MAX);
        if !has_room {
            Counters::add(&counters.refused, n_came);
            return Err(NotTaken::Full);
        }
        state.n_events += accepted.accepted;
        state.n_bytes += n_bytes;
        for waiting in taken {
            state.recent.insert(waiting.mark);
            let project = waiting.project.name().clone();
            if let Some(lane) = state.lanes.get_mut(&project) {
                lane.push_back(waiting);
            } else {
                state.lanes.insert(project.clone(), VecDeque::from([waiting]));
                tokio::spawn(Arc::clone(&self.0).feed_lane(project));
            }
        }
        drop(state);
        Counters::add(&counters.accepted, accepted.accepted);
        Counters::add(&counters.duplicates, accepted.duplicates);
        Counters::add(&counters.ignored, accepted.ignored);
        Ok(accepted)
    }

    /// What has become of events.
    pub fn counts(&self) -> EventCounts {
        let n_events = self.0.state().n_events;
        self.0.counters.now(n_events)
    }

    /// Takes nothing more, and feeds what waits for so long.
    pub async fn finish(&self, within: Duration) {
        self.0.state().is_closed = true;
        let emptied = async {
            loop {
                // Asked for before it is looked, so that no telling is missed.
                let emptied = self.0.emptied.notified();
                if self.0.state().lanes.is_empty() {
                    return;
                }
                emptied.await;
            }
        };
        if timeout(within, emptied).await.is_ok() {
            return;
        }
        let n_left = {
            let mut state = self.0.state();
            state.is_over = true;
            let n_left: usize = state.lanes.values_mut().map(|lane| std::mem::take(lane).len()).sum();
            state.n_events -= n_left;
            n_left
        };
        self.0.counters.unused(Unused::Shutdown, n_left);
        tracing::warn!(dropped = n_left, "the last events were not fed");
    }
}

impl Inner {
    /// Nothing panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Feeds the events of a project, one after the other, until none waits.
    async fn feed_lane(self: Arc<Self>, project: ProjectName) {
        loop {
            let waiting = {
                let mut state = self.state();
                let next = state.lanes.get_mut(&project).and_then(VecDeque::pop_front);
                if next.is_none() {
                    state.lanes.remove(&project);
                }
                next
            };
            let Some(Waiting { project: expected, id, payload, mark, n_bytes }) = waiting else {
                self.emptied.notify_waiters();
                return;
            };
            // Other tasks of the thread have their turn although this one may never wait.
            tokio::task::consume_budget().await;
            let feeding = AssertUnwindSafe(self.feed(&expected, payload, &id, n_bytes)).catch_unwind();
            let fed = feeding.await.unwrap_or_else(|_| Err(Refusal::internal("feeding an event ended unexpectedly")));
            let mut state = self.state();
            state.n_events -= 1;
            state.n_bytes -= n_bytes;
            // Sent again it is fed: it was not, since the store could not be reached.
            if fed.as_ref().is_err_and(|refusal| Unused::of(refusal.code) == Unused::Storage) {
                state.recent.remove(mark);
            }
            drop(state);
            match fed {
                Ok(()) => Counters::add(&self.counters.fed, 1),
                Err(refusal) => self.unused(&project, &refusal),
            }
        }
    }

    async fn feed(&self, project: &ExpectedProject, payload: Payload, id: &str, n_bytes: usize) -> Result<(), Refusal> {
        let model = self.open(project).await?;
        let drift_type = model.configuration().drift_type;
        let rows = if n_bytes <= READ_INLINE_MAX {
            table(payload, drift_type)?
        } else {
            let read = tokio::task::spawn_blocking(move || table(payload, drift_type)).await;
            read.unwrap_or_else(|error| Err(Refusal::internal(format!("reading an event: {error}"))))?
        };
        self.inference.feed(&model, rows, id).await
    }

    /// The project, which a store that cannot be reached for a while may hold up. Rows are in no detector yet.
    async fn open(&self, project: &ExpectedProject) -> Result<OpenModel, Refusal> {
        let mut wait = RETRY_MIN;
        for _ in 1..TRIES_MAX {
            match self.inference.open_expected(project).await {
                Err(refusal) if refusal.code == RefusalCode::StorageUnavailable && !self.state().is_over => {}
                opened => return opened,
            }
            sleep(wait).await;
            wait *= 2;
        }
        self.inference.open_expected(project).await
    }

    /// Counts rows that cannot be used, and says why once a while.
    fn unused(&self, project: &ProjectName, refusal: &Refusal) {
        let why = Unused::of(refusal.code);
        self.counters.unused(why, 1);
        let now = Instant::now();
        let is_said = {
            let said = &mut self.state().said[why as usize];
            let is_due = said.is_none_or(|said| now.duration_since(said) >= SAID_EVERY);
            if is_due {
                *said = Some(now);
            }
            is_due
        };
        if is_said {
            let (reason, cause) = (why.as_str(), refusal.cause.as_deref());
            tracing::warn!(%project, reason, detail = %refusal, cause, "the rows of an event were not fed");
        }
    }
}
