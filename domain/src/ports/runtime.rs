//! Time and processors.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// The time of day.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;

    /// Time since some fixed moment, to measure how long something takes. By default the time of day, which may be set back; a
    /// machine has a steadier clock.
    fn elapsed(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.now().timestamp_micros()).unwrap_or(0))
    }
}

/// Processors for work that would hold up answers (over about half a millisecond).
///
/// # Contract
/// * A spawned job runs once, on another thread than the caller's, even if nobody waits for it.
/// * `for_each` returns after every task has run; which thread runs which task is open, and so is their order.
/// * `for_each` may be called from inside a job.
/// * A job that panics takes neither the pool nor another job with it.
pub trait CpuPool: Send + Sync {
    /// Runs a job some time soon.
    fn spawn(&self, job: Box<dyn FnOnce() + Send>);

    /// Runs `task(0)` … `task(n_tasks - 1)`, several at a time, and waits for them.
    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync));

    /// How many jobs run at once, at least.
    fn n_threads(&self) -> usize {
        1
    }
}

/// Who watches a long computation.
pub trait Progress: Send + Sync {
    /// A stage begins: what is done from here on, in a few words for people.
    fn stage(&self, _words: &'static str) {}

    /// So many steps of so many are done, over all stages. Tasks that run at once may report out of order.
    fn report(&self, done: usize, total: usize);

    /// Whether nobody wants the result any more; the computation then stops soon.
    fn is_cancelled(&self) -> bool;
}

/// Nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn report(&self, _done: usize, _total: usize) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}
