//! Where predictions leave their records: a lock, held for as long as it takes to move them.

use std::sync::{Arc, Mutex, PoisonError};

use drifting_domain::ports::DriftRecord;
use tokio::sync::Notify;

use super::counts::{Counts, Dropped};

/// As much as may wait here until it is taken, which happens several times a second.
const WEIGHT_MAX: usize = 100_000;
/// As much as is worth taking at once.
pub(super) const WORTH_TAKING: usize = 5_000;

/// How much memory records take, in records without verdicts on columns: some 150 bytes.
pub(super) fn weight(records: &[DriftRecord]) -> usize {
    records.iter().map(|record| 1 + record.features.len()).sum()
}

/// The queue between predictions and delivery.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Told when there is something, and once more when there is much.
    arrived: Notify,
    pub(super) counts: Arc<Counts>,
}

#[derive(Default)]
struct Waiting {
    records: Vec<DriftRecord>,
    weight: usize,
    /// Nobody takes anything any more.
    is_closed: bool,
}

impl Queue {
    pub(super) fn new(counts: Arc<Counts>) -> Self {
        Self { waiting: Mutex::default(), arrived: Notify::new(), counts }
    }

    /// Takes records without waiting for anything but others that do the same; gives them back where nobody delivers any
    /// more.
    pub(super) fn put(&self, mut records: Vec<DriftRecord>) -> Result<(), Vec<DriftRecord>> {
        let (n_records, added) = (records.len(), weight(&records));
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_closed {
            return Err(records);
        }
        self.counts.recorded(n_records);
        let before = waiting.weight;
        let is_room = before == 0 || before + added <= WEIGHT_MAX;
        if is_room {
            waiting.weight += added;
            waiting.records.append(&mut records);
        }
        drop(waiting);
        if !is_room {
            self.counts.dropped(n_records, Dropped::QueueFull);
        }
        if before == 0 || (before < WORTH_TAKING && before + added >= WORTH_TAKING) {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Everything that waits.
    pub(super) fn take(&self) -> Vec<DriftRecord> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.weight = 0;
        std::mem::take(&mut waiting.records)
    }

    /// Everything that waits; nothing is taken from now on.
    pub(super) fn close(&self) -> Vec<DriftRecord> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.is_closed = true;
        std::mem::take(&mut waiting.records)
    }

    /// Whether there is so much that waiting for more gains nothing.
    pub(super) fn is_worth_taking(&self) -> bool {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).weight >= WORTH_TAKING
    }

    /// Waits until something has come.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }
}
