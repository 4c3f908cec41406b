//! The memory of bodies that have come and whose requests have not been answered. Each body has a limit of its own; many at once would take
//! that limit many times, also when their clients send them slowly, or as a few bytes that decode to many.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The first bytes of a body do not count: a few rows are always taken, whatever large bodies are on their way.
pub const FREE_BYTES: usize = 16 << 10;

/// What bodies may take together. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct BodyMemory(Arc<Memory>);

#[derive(Debug, Default)]
struct Memory {
    /// Nothing where there is no bound.
    bytes_max: Option<usize>,
    n_taken: AtomicUsize,
}

impl BodyMemory {
    /// For so many bytes; without a bound for any number.
    #[must_use]
    pub fn new(bytes_max: Option<usize>) -> Self {
        Self(Arc::new(Memory { bytes_max, n_taken: AtomicUsize::new(0) }))
    }

    /// How many bytes bodies may take, if there is a bound.
    #[must_use]
    pub fn bytes_max(&self) -> Option<usize> {
        self.0.bytes_max
    }

    /// How many bytes of bodies count now.
    #[must_use]
    pub fn n_taken(&self) -> usize {
        self.0.n_taken.load(Ordering::Relaxed)
    }

    /// The share of a request, of which nothing has come.
    #[must_use]
    pub fn share(&self) -> BodyShare {
        let share = Share { memory: Arc::clone(&self.0), n_came: AtomicUsize::new(0), n_taken: AtomicUsize::new(0) };
        BodyShare(Some(Arc::new(share)))
    }
}

/// What the body of one request takes, until the last clone is dropped; by default nothing, and without a bound.
#[derive(Debug, Clone, Default)]
pub struct BodyShare(Option<Arc<Share>>);

#[derive(Debug)]
struct Share {
    memory: Arc<Memory>,
    n_came: AtomicUsize,
    /// How many of the bytes that came count.
    n_taken: AtomicUsize,
}

impl BodyShare {
    /// Whether there is room for so many bytes more, which are taken then. A body that is alone has room for all that it may be, so that one
    /// of the largest is taken when others have been answered. To be called by one task at a time. O(1).
    #[must_use]
    pub fn take(&self, n_bytes: usize) -> bool {
        let Some(Share { memory, n_came, n_taken }) = self.0.as_deref() else { return true };
        let Some(bytes_max) = memory.bytes_max else { return true };
        let n_came = n_came.fetch_add(n_bytes, Ordering::Relaxed).saturating_add(n_bytes);
        let n_own = n_taken.load(Ordering::Relaxed);
        let n_more = n_came.saturating_sub(FREE_BYTES).saturating_sub(n_own);
        if n_more == 0 {
            return true;
        }
        let taken = |n_all: usize| {
            let n_after = n_all.saturating_add(n_more);
            (n_after <= bytes_max || n_all == n_own).then_some(n_after)
        };
        let has_room = memory.n_taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok();
        if has_room {
            n_taken.store(n_own + n_more, Ordering::Relaxed);
        }
        has_room
    }

    /// Nothing of what came is kept any more: the next message of a stream begins.
    pub fn give_back(&self) {
        if let Some(share) = self.0.as_deref() {
            share.n_came.store(0, Ordering::Relaxed);
            share.memory.n_taken.fetch_sub(share.n_taken.swap(0, Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.n_taken.fetch_sub(*self.n_taken.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_take_no_more_than_there_is_and_give_it_back() {
        let memory = BodyMemory::new(Some(100_000));
        let (first, second) = (memory.share(), memory.share());
        assert!(first.take(FREE_BYTES) && second.take(FREE_BYTES));
        assert_eq!(memory.n_taken(), 0);
        assert!(first.take(60_000) && second.take(40_000));
        assert_eq!(memory.n_taken(), 100_000);
        assert!(!second.take(1), "all of it is taken");
        let small = memory.share();
        assert!(small.take(FREE_BYTES), "a few rows are always taken");
        assert!(!small.take(1));
        let copy = first.clone();
        drop(first);
        assert_eq!(memory.n_taken(), 100_000, "there is a copy");
        drop(copy);
        assert_eq!(memory.n_taken(), 40_000);
        assert!(memory.share().take(FREE_BYTES + 60_000));
        second.give_back();
        assert_eq!(memory.n_taken(), 0);
        assert!(second.take(FREE_BYTES + 100_000) && !memory.share().take(FREE_BYTES + 1));
    }

    #[test]
    fn one_that_is_alone_may_be_as_large_as_it_may_be() {
        let memory = BodyMemory::new(Some(1_000));
        let alone = memory.share();
        assert!(alone.take(1 << 20) && alone.take(1 << 20));
        assert!(!memory.share().take(FREE_BYTES + 1));
        drop(alone);
        assert_eq!(memory.n_taken(), 0);
    }

    #[test]
    fn without_a_bound_nothing_counts() {
        for share in [BodyShare::default(), BodyMemory::new(None).share()] {
            assert!(share.take(usize::MAX) && share.take(usize::MAX));
        }
    }

    #[test]
    fn threads_that_take_and_give_back_at_once_lose_nothing() {
        let memory = BodyMemory::new(Some(1 << 20));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for n in 0..10_000 {
                        let share = memory.share();
                        let _ = share.take(FREE_BYTES + n * 97 % 400_000);
                        assert!(memory.n_taken() <= 1 << 20);
                    }
                });
            }
        });
        assert_eq!(memory.n_taken(), 0);
    }
}
