//! Processors for tests: nothing is shared, nothing runs in an order of its own.

use std::thread;

use drifting_domain::ports::CpuPool;

/// Runs each job on a thread of its own, and the tasks of `for_each` one after the other on the caller's.
#[derive(Debug, Clone, Copy, Default)]
pub struct InlineCpuPool;

impl CpuPool for InlineCpuPool {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        // Nobody waits for it; a panic ends its own thread and no other.
        drop(thread::spawn(job));
    }

    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..n_tasks).for_each(task);
    }
}
