//! Which calls fail, and how.

use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// It is answered with this status, 500 or 503 say, and never reaches the store.
    Status(u16),
    /// The connection is reset before the body is read; the call never reaches the store.
    ResetBefore,
    /// The store carries it out, and then the connection is reset: the answer is lost.
    ResetAfter,
    /// The store carries it out, and the answer is this late.
    Delay(Duration),
    /// It never reaches the store and is never answered.
    Hang,
}

/// Which calls a fault happens to. They are counted from the injection.
#[derive(Debug, Clone, PartialEq)]
pub enum Calls {
    /// Every call.
    All,
    /// Each call with this probability.
    Share(f64),
    /// Each call that changes something (`PUT`, `POST`, `DELETE`, `PATCH`) with this probability.
    ShareOfChanges(f64),
    /// The n-th call that changes something, counted from 1, alone.
    NthChange(u64),
    /// That call, and every change after it.
    ChangesFrom(u64),
    /// Every call whose path or query contains this.
    Containing(String),
}

/// The faults that a test wants, and how far they have come.
pub(super) struct Faults {
    wanted: Vec<(Calls, Fault)>,
    draws: ChaCha8Rng,
    n_changes: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self::new(0, &[])
    }
}

impl Faults {
    pub(super) fn new(seed: u64, wanted: &[(Calls, Fault)]) -> Self {
        Self { wanted: wanted.to_vec(), draws: ChaCha8Rng::seed_from_u64(seed), n_changes: 0 }
    }

    /// What happens to the next call.
    pub(super) fn of(&mut self, method: &str, path: &str) -> Option<Fault> {
        let is_change = matches!(method, "PUT" | "POST" | "DELETE" | "PATCH");
        self.n_changes += u64::from(is_change);
        let Self { wanted, draws, n_changes } = self;
        // Every share draws for every call, so that what one fault takes does not move the draws of another.
        let hits: Vec<Fault> = wanted
            .iter()
            .filter(|(calls, _)| calls.is_hit(is_change, *n_changes, path, draws))
            .map(|(_, fault)| *fault)
            .collect();
        hits.first().copied()
    }
}

impl Calls {
    fn is_hit(&self, is_change: bool, n_changes: u64, path: &str, draws: &mut ChaCha8Rng) -> bool {
        match self {
            Self::All => true,
            Self::Share(share) => draws.random::<f64>() < *share,
            Self::ShareOfChanges(share) => draws.random::<f64>() < *share && is_change,
            Self::NthChange(n) => is_change && n_changes == *n,
            Self::ChangesFrom(n) => is_change && n_changes >= *n,
            Self::Containing(text) => path.contains(text.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_says_which_calls_fail() {
        let faults = |seed| {
            let mut faults = Faults::new(seed, &[(Calls::Share(0.5), Fault::Hang)]);
            (0..64).map(|_| faults.of("GET", "/").is_some()).collect::<Vec<bool>>()
        };
        assert_eq!(faults(1), faults(1));
        assert_ne!(faults(1), faults(2));
    }

    #[test]
    fn changes_are_counted_without_reads() {
        let mut faults = Faults::new(0, &[(Calls::NthChange(2), Fault::ResetAfter)]);
        let calls = ["PUT", "GET", "GET", "DELETE", "PUT"];
        let hits: Vec<bool> = calls.iter().map(|method| faults.of(method, "/").is_some()).collect();
        assert_eq!(hits, [false, false, false, true, false]);
    }

    #[test]
    fn the_first_fault_that_is_for_a_call_happens() {
        let wanted =
            [(Calls::Containing("configuration".into()), Fault::Status(503)), (Calls::ChangesFrom(1), Fault::Hang)];
        let mut faults = Faults::new(0, &wanted);
        assert_eq!(faults.of("PUT", "/a/configuration.yaml"), Some(Fault::Status(503)));
        assert_eq!(faults.of("PUT", "/a/state"), Some(Fault::Hang));
        assert_eq!(faults.of("GET", "/a/state"), None);
    }
}
