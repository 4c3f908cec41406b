//! The events that came lately: deliveries are at least once, and a row that is fed twice biases a detector.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

/// So many events are remembered, in some 10 MB.
pub(super) const REMEMBERED: usize = 200_000;

/// What tells an event from others.
pub(super) type Mark = [u64; 2];

/// Which events came lately.
#[derive(Default)]
pub(super) struct Recent {
    /// Two hashes with secret keys: by chance two events have both in common once in 10^28 windows.
    hashers: [RandomState; 2],
    seen: HashSet<Mark>,
    order: VecDeque<Mark>,
}

impl Recent {
    /// The mark of an event for a project.
    pub(super) fn mark(&self, project: &str, source: &str, id: &str) -> Mark {
        self.hashers.each_ref().map(|hasher| hasher.hash_one((project, source, id)))
    }

    pub(super) fn contains(&self, mark: Mark) -> bool {
        self.seen.contains(&mark)
    }

    /// Remembers one; the oldest is forgotten where there are too many.
    pub(super) fn insert(&mut self, mark: Mark) {
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

    /// Forgets one. Looked for from the latest on, since what is forgotten came lately.
    pub(super) fn remove(&mut self, mark: Mark) {
        if self.seen.remove(&mark)
            && let Some(place) = self.order.iter().rposition(|other| *other == mark)
        {
            self.order.remove(place);
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
        recent.remove(mark);
        recent.remove(mark);
        assert!(!recent.contains(mark) && recent.order.is_empty());
        recent.insert(mark);
        for id in 0..REMEMBERED {
            recent.insert(recent.mark("p", "other", &id.to_string()));
        }
        assert!(!recent.contains(mark) && recent.seen.len() == REMEMBERED);
    }
}
