//! The events that came lately: deliveries are at least once, and a row that is fed twice biases a detector.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

/// So many events are remembered, in some 10 MB.
pub(super) const REMEMBERED: usize = 200_000;

/// Which events came lately.
#[derive(Default)]
pub(super) struct Recent {
    /// Two hashes with secret keys: by chance two events have both in common once in 10^28 windows.
    hashers: [RandomState; 2],
    seen: HashSet<[u64; 2]>,
    order: VecDeque<[u64; 2]>,
}

impl Recent {
    /// The mark of an event for a project.
    pub(super) fn mark(&self, project: &str, source: &str, id: &str) -> [u64; 2] {
        self.hashers.each_ref().map(|hasher| hasher.hash_one((project, source, id)))
    }

    pub(super) fn contains(&self, mark: [u64; 2]) -> bool {
        self.seen.contains(&mark)
    }

    /// Remembers one; the oldest is forgotten where there are too many.
    pub(super) fn insert(&mut self, mark: [u64; 2]) {
        if !self.seen.insert(mark) {
            return;
        }
        self.order.push_back(mark);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered() {
        let mut recent = Recent::default();
        let mark = recent.mark("p", "a", "1");
        assert!(!recent.contains(mark));
        recent.insert(mark);
        recent.insert(mark);
        assert!(recent.contains(mark) && recent.order.len() == 1);
        for other in [("p", "a", "2"), ("p", "b", "1"), ("q", "a", "1"), ("p", "a1", "")] {
            assert!(!recent.contains(recent.mark(other.0, other.1, other.2)), "{other:?}");
        }
        for id in 0..REMEMBERED {
            recent.insert(recent.mark("p", "other", &id.to_string()));
        }
        assert!(!recent.contains(mark) && recent.seen.len() == REMEMBERED);
    }
}
