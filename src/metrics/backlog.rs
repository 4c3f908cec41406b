//! Records on their way, in the order in which they came: the oldest in memory, what does not fit there in a file.

use std::collections::VecDeque;
use std::sync::Arc;

use drifting_domain::ports::DriftRecord;

use super::counts::{Counts, Dropped};
use super::queue::weight;
use super::spill::{Spill, SpillError};

/// As much as waits in memory, some 30 MB; see [`weight`].
const WEIGHT_MAX: usize = 200_000;
/// As much as is delivered at once.
const BATCH_WEIGHT: usize = 5_000;

pub(super) struct Backlog {
    /// The oldest.
    front: VecDeque<DriftRecord>,
    front_weight: usize,
    /// Those after them, if any.
    spill: Spill,
    /// What is being delivered; it stays the oldest until it is.
    batch: Vec<DriftRecord>,
    /// How many records of the batch are on their way now.
    n_under_way: usize,
    n_delivered: u64,
    counts: Arc<Counts>,
}

impl Backlog {
    pub(super) fn new(spill: Spill, counts: Arc<Counts>) -> Self {
        Self {
            front: VecDeque::new(),
            front_weight: 0,
            spill,
            batch: Vec::new(),
            n_under_way: 0,
            n_delivered: 0,
            counts,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.n_under_way + self.batch.len() + self.front.len() + self.spill.n_records()
    }

    /// How many have been delivered; the oldest of the others has the number after it, now and when it is tried again.
    pub(super) fn n_delivered(&self) -> u64 {
        self.n_delivered
    }

    /// Puts records behind all others. May write to the disk.
    pub(super) fn push(&mut self, records: Vec<DriftRecord>) {
        let n_records = records.len();
        let added = weight(&records);
        if n_records == 0 {
            return;
        }
        // One request may be more than that.
        let is_room = self.front_weight == 0 || self.front_weight + added <= WEIGHT_MAX;
        if self.spill.is_empty() && is_room {
            self.front_weight += added;
            self.front.extend(records);
            return;
        }
        match self.spill.push(&records) {
            Ok(()) => {}
            Err(SpillError::Full) => self.counts.dropped(n_records, Dropped::SpillFull),
            Err(SpillError::Failed(error)) => {
                self.counts.dropped(n_records, Dropped::SpillFailed);
                tracing::debug!(%error, "the file in which metrics wait cannot be written");
            }
        }
        self.counts.spilled(self.spill.n_bytes());
    }

    /// The records to deliver next, with the number of the first; none where all are delivered. May read from the disk.
    pub(super) fn next_batch(&mut self) -> Option<(u64, Vec<DriftRecord>)> {
        if self.batch.is_empty() {
            while self.front.is_empty() && !self.spill.is_empty() {
                match self.spill.pop() {
                    Ok(records) => {
                        self.front_weight += weight(&records);
                        self.front.extend(records);
                    }
                    Err((n_lost, error)) => {
                        self.counts.dropped(n_lost, Dropped::SpillFailed);
                        tracing::debug!(%error, "the file in which metrics wait cannot be read");
                    }
                }
                self.counts.spilled(self.spill.n_bytes());
            }
            let mut batch_weight = 0;
            while let Some(record) = self.front.pop_front() {
                batch_weight += 1 + record.features.len();
                self.batch.push(record);
                if batch_weight >= BATCH_WEIGHT {
                    break;
                }
            }
            self.front_weight -= batch_weight;
        }
        self.n_under_way = self.batch.len();
        (!self.batch.is_empty()).then(|| (self.n_delivered + 1, std::mem::take(&mut self.batch)))
    }

    /// The batch is there.
    pub(super) fn delivered(&mut self, batch: &[DriftRecord]) {
        self.n_under_way = 0;
        self.n_delivered += batch.len() as u64;
        self.counts.delivered(batch.len());
    }

    /// The batch may be there or not; it is the next one again, by half as long as it has more records than that: a slow
    /// database is caught up with, and a record that it refuses is found.
    pub(super) fn not_delivered(&mut self, mut batch: Vec<DriftRecord>, n_records_min: usize) {
        self.n_under_way = 0;
        if batch.len() > n_records_min {
            let rest = batch.split_off(batch.len() / 2);
            self.front_weight += weight(&rest);
            for record in rest.into_iter().rev() {
                self.front.push_front(record);
            }
        }
        self.batch = batch;
    }

    /// The database will never take this batch.
    pub(super) fn refused(&mut self, batch: &[DriftRecord]) {
        self.n_under_way = 0;
        self.counts.dropped(batch.len(), Dropped::Refused);
    }

    /// Everything that is left and can be read.
    pub(super) fn into_rest(mut self) -> Vec<DriftRecord> {
        let mut rest = std::mem::take(&mut self.batch);
        rest.extend(std::mem::take(&mut self.front));
        while !self.spill.is_empty() {
            match self.spill.pop() {
                Ok(records) => rest.extend(records),
                Err((n_lost, _)) => self.counts.dropped(n_lost, Dropped::SpillFailed),
            }
        }
        rest
    }
}
