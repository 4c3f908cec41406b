//! The task that carries events to one sink, in their order.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use drifting_sinks::{DriftEvent, Posted, Sink};
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::outbox::{Backlog, Dropped, Pacing, Queue, Spill, done};

/// Between two tries passes at most so long, unless the sink asks for more.
const RETRY_MAX: Duration = Duration::from_mins(1);
/// How long everything that waits may take at the end.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// Events that were tried in vain for so long are of no use to anybody any more, in microseconds.
const EXPIRES_AFTER_US: i64 = 24 * 60 * 60 * 1_000_000;
/// A cause of failures is said so often, and so many causes meanwhile.
const SAID_EVERY: Duration = Duration::from_mins(1);
const CAUSES_MAX: usize = 5;

/// The task.
pub(super) struct Delivering {
    pub(super) name: Arc<str>,
    pub(super) sink: Sink,
    pub(super) queue: Arc<Queue<DriftEvent>>,
    pub(super) stopped: oneshot::Receiver<()>,
}

/// A post under way.
type Work = BoxFuture<'static, (Vec<DriftEvent>, Posted)>;

/// How far things are.
struct State {
    backlog: Backlog<DriftEvent>,
    pacing: Pacing,
    /// Until when the sink itself does not want to be asked.
    asked_to_wait: Option<Instant>,
    /// How many events were refused since the last that was taken.
    n_refused: usize,
    /// So many are posted at once.
    batch_max: usize,
    /// Whether the sink failed last.
    is_down: bool,
    /// When each cause was last said.
    said: HashMap<String, Instant>,
}

impl Delivering {
    /// Delivers until it is told to stop, then what is left within a deadline.
    pub(super) async fn run(mut self, spill: Spill<DriftEvent>) {
        let backlog = Backlog::new(spill, Arc::clone(self.queue.counts()), self.queue.limits());
        let mut state = State {
            backlog,
            pacing: Pacing::new(RETRY_MAX),
            asked_to_wait: None,
            n_refused: 0,
            batch_max: self.sink.events_max(),
            is_down: false,
            said: HashMap::new(),
        };
        let mut work: Option<Work> = None;
        loop {
            if work.is_none() {
                work = state.next_work(&self.sink);
            }
            let is_waiting = work.is_none() && state.backlog.len() > 0;
            tokio::select! {
                biased;
                _ = &mut self.stopped => break,
                (events, posted) = done(&mut work) => {
                    work = None;
                    state.settle(&self, events, posted);
                }
                () = self.queue.arrived() => state.take(self.queue.take()),
                () = sleep_until(state.pacing.retry_at()), if is_waiting => {}
            }
        }
        self.finish(state, work).await;
    }

    /// Delivers what is left, within a deadline.
    async fn finish(self, mut state: State, mut work: Option<Work>) {
        state.take(self.queue.close());
        let deadline = Instant::now() + DRAIN_MAX;
        // There is no later time to wait for.
        state.pacing.restart(state.asked_to_wait.unwrap_or_else(Instant::now));
        let drained = timeout_at(deadline, async {
            loop {
                if work.is_none() {
                    work = state.next_work(&self.sink);
                }
                match &mut work {
                    Some(doing) => {
                        let (events, posted) = doing.await;
                        work = None;
                        state.settle(&self, events, posted);
                    }
                    None if state.backlog.len() == 0 || state.pacing.retry_at() >= deadline => return,
                    None => sleep_until(state.pacing.retry_at()).await,
                }
            }
        });
        let is_late = drained.await.is_err();
        let n_left = state.backlog.len();
        if n_left > 0 {
            self.queue.counts().dropped(n_left, Dropped::Shutdown);
            tracing::warn!(sink = %self.name, dropped = n_left, is_late, "the last events were not delivered");
        }
    }
}

impl State {
    /// Takes events in, which may write to the disk.
    fn take(&mut self, events: Vec<DriftEvent>) {
        if !events.is_empty() {
            block_in_place(|| self.backlog.push(events));
        }
    }

    /// The next post, if it is time.
    fn next_work(&mut self, sink: &Sink) -> Option<Work> {
        if self.backlog.len() == 0 || !self.pacing.is_time() {
            return None;
        }
        let events = loop {
            let (_, events) = block_in_place(|| self.backlog.next_batch())?;
            if !self.is_down || !events.iter().all(is_expired) {
                break events;
            }
            self.backlog.given_up(&events, Dropped::Expired);
        };
        let sink = sink.clone();
        Some(Box::pin(async move {
            let posted = sink.post(&events).await;
            (events, posted)
        }))
    }

    fn settle(&mut self, of: &Delivering, events: Vec<DriftEvent>, posted: Posted) {
        let counts = of.queue.counts();
        self.asked_to_wait = None;
        match posted {
            Posted::Taken => {
                self.backlog.delivered(&events);
                if self.is_down && self.is_due("it takes events again") {
                    tracing::info!(sink = %of.name, waiting = self.backlog.len(), "the event sink takes events again");
                }
                self.pacing.succeeded();
                (self.is_down, self.n_refused) = (false, 0);
                self.post_at_once(self.batch_max.saturating_mul(2).min(of.sink.events_max()));
                counts.up(true);
            }
            // One of them is at fault; the others are not lost with it.
            Posted::Refused { .. } if events.len() > 1 => self.backlog.not_delivered(events, 1),
            Posted::Refused { status } => {
                self.say(of, &format!("it answers {status}"), "an event sink refuses events, which are dropped");
                self.backlog.given_up(&events, Dropped::Refused);
                self.n_refused += 1;
                // One event is at fault by itself; of several in a row the sink may be.
                if self.n_refused > 1 {
                    counts.up(false);
                    self.pacing.failed();
                }
            }
            Posted::Again { after, is_late, reason } => {
                counts.retried();
                counts.up(false);
                self.say(of, &reason, "events wait for their sink; detection goes on without it");
                self.is_down = true;
                self.pacing.failed();
                if let Some(asked) = after.map(|after| Instant::now() + after) {
                    self.asked_to_wait = Some(asked);
                    self.pacing.wait_until(asked);
                }
                if is_late {
                    self.post_at_once(events.len().div_ceil(2));
                }
                self.backlog.not_delivered(events, if is_late { 1 } else { usize::MAX });
            }
        }
    }

    /// So many from now on.
    fn post_at_once(&mut self, n_events: usize) {
        self.batch_max = n_events;
        self.backlog.limit_batches(n_events);
    }

    /// Says why, once a while.
    fn say(&mut self, of: &Delivering, reason: &str, what: &'static str) {
        if self.is_due(reason) {
            tracing::warn!(sink = %of.name, cause = reason, "{what}");
        }
    }

    /// Whether a cause may be said, and that it is.
    fn is_due(&mut self, cause: &str) -> bool {
        let now = Instant::now();
        self.said.retain(|_, said| now.duration_since(*said) < SAID_EVERY);
        let is_due = self.said.len() < CAUSES_MAX && !self.said.contains_key(cause);
        if is_due {
            self.said.insert(cause.to_owned(), now);
        }
        is_due
    }
}

fn is_expired(event: &DriftEvent) -> bool {
    Utc::now().timestamp_micros() - event.at_us > EXPIRES_AFTER_US
}
