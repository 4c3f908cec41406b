//! Verdicts on their way to event sinks, which may be slow or gone: nothing ever waits for them.

mod delivery;
mod measures;
mod selection;
#[cfg(test)]
mod tests;
mod waiting;

use std::path::Path;
use std::sync::Arc;

use drifting_domain::ports::{EventSink, Verdicts};
use drifting_sinks::{Common, DriftEvent, EventIds, Sink, SinkError, SinkSettings};
use rand::RngExt;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::outbox::{Counts, Limits, Queue, Spill};

use delivery::Delivering;
use selection::Selection;

pub use measures::SinkMeasures;
pub use selection::{Pattern, Which};

/// How much waits for a sink in the queue and in memory, in bytes. What is delivered at once depends on the sink.
const QUEUED_MAX: usize = 6 << 20;
const IN_MEMORY_MAX: usize = 12 << 20;

/// A sink as it is configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    /// What it is called in logs and measures.
    pub name: String,
    /// Which verdicts it is told of.
    pub which: Which,
    /// Of which projects; of all where there is none.
    pub projects: Vec<Pattern>,
    /// How it is reached.
    pub sink: SinkSettings,
}

/// Every sink.
pub struct Sinks {
    outlets: Vec<Outlet>,
    ids: EventIds,
}

struct Outlet {
    selection: Selection,
    queue: Arc<Queue<DriftEvent>>,
}

/// The tasks that post.
pub struct SinkDelivery {
    tasks: Vec<(oneshot::Sender<()>, JoinHandle<()>)>,
    measures: Vec<(Arc<str>, Arc<Counts>)>,
}

impl Sinks {
    /// Begins to deliver; what does not fit into memory waits in files of a folder, of at most so many bytes a sink.
    ///
    /// # Errors
    /// When a sink cannot be used.
    pub fn start(
        subscriptions: Vec<Subscription>,
        spool_folder: &Path,
        spool_max_bytes: u64,
    ) -> Result<(Self, SinkDelivery), SinkError> {
        let mut outlets = Vec::new();
        let mut delivery = SinkDelivery { tasks: Vec::new(), measures: Vec::new() };
        for Subscription { name, which, projects, sink } in subscriptions {
            let sink = Sink::new(sink)?;
            let batch = sink.events_max();
            let limits = Limits { queued: QUEUED_MAX, worth_taking: 1, in_memory: IN_MEMORY_MAX, batch };
            let counts = Arc::new(Counts::of(format!("events for the sink {name}")));
            // Nobody has failed yet.
            counts.up(true);
            let queue = Arc::new(Queue::new(Arc::clone(&counts), limits));
            let name: Arc<str> = name.into();
            let (stop, stopped) = oneshot::channel();
            let spill = Spill::new(spool_folder.to_path_buf(), spool_max_bytes);
            let delivering = Delivering { name: Arc::clone(&name), sink, queue: Arc::clone(&queue), stopped };
            delivery.tasks.push((stop, tokio::spawn(delivering.run(spill))));
            delivery.measures.push((name, counts));
            outlets.push(Outlet { selection: Selection::new(which, projects), queue });
        }
        Ok((Self { outlets, ids: EventIds::of_start(rand::rng().random()) }, delivery))
    }
}

impl EventSink for Sinks {
    fn tell(&self, verdicts: Verdicts<'_>) {
        let Some(common) = Common::of(&verdicts) else { return };
        // The same verdict has the same id at every sink.
        let mut events: Vec<Option<DriftEvent>> = Vec::new();
        for Outlet { selection, queue } in &self.outlets {
            let wanted = selection.of(verdicts.records);
            if wanted.is_empty() {
                continue;
            }
            events.resize(verdicts.records.len(), None);
            let event = |index: usize| {
                let made = || DriftEvent::of(&verdicts.records[index], &common, self.ids.next());
                events[index].get_or_insert_with(made).clone()
            };
            // After the end nobody delivers any more.
            let _ = queue.put(wanted.into_iter().map(event).collect());
        }
    }
}

impl SinkDelivery {
    /// What has become of the events, for `/metrics`.
    pub fn measures(&self) -> SinkMeasures {
        SinkMeasures(self.measures.clone())
    }

    /// Delivers what waits, within a deadline.
    pub async fn finish(self) {
        let (stops, tasks): (Vec<_>, Vec<_>) = self.tasks.into_iter().unzip();
        for stop in stops {
            // A task that has ended has been told already.
            let _ = stop.send(());
        }
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "the delivery to an event sink ended unexpectedly");
            }
        }
    }
}
