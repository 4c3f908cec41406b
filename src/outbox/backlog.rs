//! What waits to be delivered, in the order in which it came: the oldest in memory, what does not fit there in a file.

use std::collections::VecDeque;
use std::sync::Arc;

use super::counts::{Counts, Dropped};
use super::spill::{Spill, SpillError};
use super::{Limits, Waits, weight};

/// What waits.
pub struct Backlog<T> {
    /// The oldest.
    front: VecDeque<T>,
    front_weight: usize,
    /// Those after them, if any.
    spill: Spill<T>,
    /// What is being delivered; it stays the oldest until it is.
    batch: Vec<T>,
    /// How many of the batch are on their way now.
    n_under_way: usize,
    n_delivered: u64,
    counts: Arc<Counts>,
    limits: Limits,
    /// So much is delivered at once for now.
    batch_max: usize,
}

impl<T: Waits> Backlog<T> {
    /// Nothing yet.
    pub fn new(spill: Spill<T>, counts: Arc<Counts>, limits: Limits) -> Self {
        Self {
            front: VecDeque::new(),
            front_weight: 0,
            spill,
            batch: Vec::new(),
            n_under_way: 0,
            n_delivered: 0,
            counts,
            batch_max: limits.batch,
            limits,
        }
    }

    /// How many wait or are on their way.
    pub fn len(&self) -> usize {
        self.n_under_way + self.batch.len() + self.front.len() + self.spill.n_items()
    }

    /// How many have been delivered; the oldest of the others has the number after it, now and when it is tried again.
    pub fn n_delivered(&self) -> u64 {
        self.n_delivered
    }

    /// Puts these behind all others. May write to the disk.
    pub fn push(&mut self, items: Vec<T>) {
        let n_items = items.len();
        let added = weight(&items);
        if n_items == 0 {
            return;
        }
        // One push may be more than that.
        let is_room = self.front_weight == 0 || self.front_weight + added <= self.limits.in_memory;
        if self.spill.is_empty() && is_room {
            self.front_weight += added;
            self.front.extend(items);
            return;
        }
        match self.spill.push(&items) {
            Ok(()) => {}
            Err(SpillError::Full) => self.counts.dropped(n_items, Dropped::SpillFull),
            Err(SpillError::Failed(error)) => {
                self.counts.dropped(n_items, Dropped::SpillFailed);
                tracing::debug!(%error, what = self.counts.what(), "the file in which they wait cannot be written");
            }
        }
        self.counts.spilled(self.spill.n_bytes());
    }

    /// What to deliver next, with the number of the first; nothing where all is delivered. May read from the disk.
    pub fn next_batch(&mut self) -> Option<(u64, Vec<T>)> {
        if self.batch.is_empty() {
            let mut filled = 0;
            while filled < self.batch_max {
                self.read_ahead();
                let Some(item) = self.front.pop_front() else { break };
                filled += item.part_of_batch();
                self.front_weight -= item.weight();
                self.batch.push(item);
            }
        }
        self.n_under_way = self.batch.len();
        (!self.batch.is_empty()).then(|| (self.n_delivered + 1, std::mem::take(&mut self.batch)))
    }

    /// Reads the oldest of the file where nothing waits before them.
    fn read_ahead(&mut self) {
        while self.front.is_empty() && !self.spill.is_empty() {
            match self.spill.pop() {
                Ok(items) => {
                    self.front_weight += weight(&items);
                    self.front.extend(items);
                }
                Err((n_lost, error)) => {
                    self.counts.dropped(n_lost, Dropped::SpillFailed);
                    tracing::debug!(%error, what = self.counts.what(), "the file in which they wait cannot be read");
                }
            }
            self.counts.spilled(self.spill.n_bytes());
        }
    }

    /// The batch is there.
    pub fn delivered(&mut self, batch: &[T]) {
        self.n_under_way = 0;
        self.n_delivered += batch.len() as u64;
        self.counts.delivered(batch.len());
    }

    /// The batch may be there or not; it is the next one again, by half as long as it has more than that: somebody slow is
    /// caught up with, and what is refused is found.
    pub fn not_delivered(&mut self, mut batch: Vec<T>, n_items_min: usize) {
        self.n_under_way = 0;
        if batch.len() > n_items_min {
            let rest = batch.split_off(batch.len() / 2);
            self.front_weight += weight(&rest);
            for item in rest.into_iter().rev() {
                self.front.push_front(item);
            }
        }
        self.batch = batch;
    }

    /// From now on at most so much is delivered at once, never more than the limits say.
    pub fn limit_batches(&mut self, batch: usize) {
        self.batch_max = batch.clamp(1, self.limits.batch.max(1));
    }

    /// The batch will never be there.
    pub fn given_up(&mut self, batch: &[T], why: Dropped) {
        self.n_under_way = 0;
        self.counts.dropped(batch.len(), why);
    }

    /// Everything that is left and can be read.
    pub fn into_rest(mut self) -> Vec<T> {
        let mut rest = std::mem::take(&mut self.batch);
        rest.extend(std::mem::take(&mut self.front));
        while !self.spill.is_empty() {
            match self.spill.pop() {
                Ok(items) => rest.extend(items),
                Err((n_lost, _)) => self.counts.dropped(n_lost, Dropped::SpillFailed),
            }
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use drifting_domain::contract::sample_record;
    use drifting_domain::ports::DriftRecord;

    use super::*;

    #[test]
    fn a_batch_is_filled_from_several_blocks_of_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let spill = Spill::<DriftRecord>::new(folder.path().to_owned(), 1 << 20);
        let limits = Limits { queued: 100, worth_taking: 1, in_memory: 3, batch: 10 };
        let mut backlog = Backlog::new(spill, Arc::new(Counts::of("records")), limits);
        for block in 0..10 {
            backlog.push((block * 3..block * 3 + 3).map(|second| sample_record("a", second)).collect());
        }
        let next = |backlog: &mut Backlog<DriftRecord>| {
            let (_, batch) = backlog.next_batch().expect("there are more");
            backlog.delivered(&batch);
            batch.len()
        };
        assert_eq!(next(&mut backlog), 10);
        backlog.limit_batches(4);
        assert_eq!((next(&mut backlog), next(&mut backlog)), (4, 4));
        backlog.limit_batches(1_000);
        assert_eq!((next(&mut backlog), next(&mut backlog), backlog.len()), (10, 2, 0));
        assert!(backlog.next_batch().is_none());
    }
}
