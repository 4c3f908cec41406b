//! Whether more predictions are refused than are judged, and not for a moment alone.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// So many more must have been refused than have ended.
const MANY: usize = 64;

/// A flood of predictions. It begins when [`MANY`] more have been refused than have ended, and is over once as many more have ended than were
/// refused, or nobody waits for a thread: then those that were refused have not come again, as they were told not to at once, and whoever
/// comes next is welcome. Nobody waits, too, where each thread has one that takes long.
///
/// O(1) each, without a lock.
pub(super) struct Flood {
    n_threads: usize,
    /// How many more have been refused than have ended, up to [`MANY`].
    n_more: AtomicUsize,
    is_on: AtomicBool,
}

impl Flood {
    /// None yet, where so many threads judge.
    pub(super) fn new(n_threads: usize) -> Self {
        Self { n_threads, n_more: AtomicUsize::new(0), is_on: AtomicBool::new(false) }
    }

    /// Whether there is one.
    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// A prediction has been refused; whether the flood begins with it.
    pub(super) fn refused(&self) -> bool {
        let one_more = |n: usize| (n < MANY).then_some(n + 1);
        let before = self.n_more.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        before == Ok(MANY - 1) && !self.is_on.swap(true, Ordering::Relaxed)
    }

    /// One of those on their way has ended, and so many are left.
    pub(super) fn ended(&self, n_left: usize) {
        let nobody_waits = n_left <= self.n_threads;
        let less = |n: usize| (n > 0).then(|| if nobody_waits { 0 } else { n - 1 });
        let before = self.n_more.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if before.is_ok_and(|n| n == 1 || nobody_waits) {
            self.is_on.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many are refused; whether a flood began with one of them.
    fn refuse(flood: &Flood, n: usize) -> bool {
        (0..n).filter(|_| flood.refused()).count() == 1
    }

    #[test]
    fn it_begins_with_many_more_refused_than_ended_and_is_over_with_as_many_ended() {
        let flood = Flood::new(2);
        assert!(!refuse(&flood, MANY - 1));
        flood.ended(10);
        assert!(!refuse(&flood, 1) && !flood.is_on(), "one of them made up for one");
        assert!(refuse(&flood, 1_000) && flood.is_on());
        (1..MANY).for_each(|_| flood.ended(10));
        assert!(flood.is_on());
        flood.ended(10);
        assert!(!flood.is_on());
    }

    #[test]
    fn it_does_not_begin_while_fewer_are_refused_than_end() {
        let flood = Flood::new(2);
        for _ in 0..10_000 {
            flood.ended(64);
            assert!(!flood.refused());
            flood.ended(64);
        }
        assert!(!flood.is_on());
    }

    #[test]
    fn it_is_over_when_nobody_waits_for_a_thread() {
        for n_left in [0, 2] {
            let flood = Flood::new(2);
            assert!(refuse(&flood, 1_000));
            flood.ended(3);
            assert!(flood.is_on());
            flood.ended(n_left);
            assert!(!flood.is_on());
            assert!(!refuse(&flood, MANY - 1) && !flood.is_on(), "nothing is left of the one before");
        }
    }
}
