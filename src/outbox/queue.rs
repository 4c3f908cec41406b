//! Where predictions leave what is to be delivered: a lock, held for as long as it takes to move it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::counts::{Counts, Dropped};
use super::{Limits, Waits, weight};

/// The queue between predictions and delivery.
pub struct Queue<T> {
    waiting: Mutex<Waiting<T>>,
    /// Told when there is something, and once more when there is much.
    arrived: Notify,
    counts: Arc<Counts>,
    limits: Limits,
}

struct Waiting<T> {
    items: Vec<T>,
    weight: usize,
    /// Nobody takes anything any more.
    is_closed: bool,
}

impl<T: Waits> Queue<T> {
    /// An empty one.
    pub fn new(counts: Arc<Counts>, limits: Limits) -> Self {
        let waiting = Mutex::new(Waiting { items: Vec::new(), weight: 0, is_closed: false });
        Self { waiting, arrived: Notify::new(), counts, limits }
    }

    /// What has become of everything that came here.
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// How much may wait.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Takes items without waiting for anything but others that do the same; gives them back where nobody delivers any more.
    ///
    /// # Errors
    /// With the items, where nobody delivers any more.
    pub fn put(&self, mut items: Vec<T>) -> Result<(), Vec<T>> {
        let (n_items, added) = (items.len(), weight(&items));
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_closed {
            return Err(items);
        }
        self.counts.recorded(n_items);
        let before = waiting.weight;
        let is_room = before == 0 || before + added <= self.limits.queued;
        if is_room {
            waiting.weight += added;
            waiting.items.append(&mut items);
        }
        drop(waiting);
        if !is_room {
            self.counts.dropped(n_items, Dropped::QueueFull);
        }
        let worth_taking = self.limits.worth_taking;
        if before == 0 || (before < worth_taking && before + added >= worth_taking) {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Everything that waits.
    pub fn take(&self) -> Vec<T> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.weight = 0;
        std::mem::take(&mut waiting.items)
    }

    /// Everything that waits; nothing is taken from now on.
    pub fn close(&self) -> Vec<T> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.is_closed = true;
        std::mem::take(&mut waiting.items)
    }

    /// Whether there is so much that waiting for more gains nothing.
    pub fn is_worth_taking(&self) -> bool {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).weight >= self.limits.worth_taking
    }

    /// Waits until something has come.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }
}
