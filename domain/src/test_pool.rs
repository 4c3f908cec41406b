//! A pool of threads for tests.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::ports::CpuPool;

/// So many threads for each call.
pub(crate) struct Threads(pub(crate) usize);

impl CpuPool for Threads {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        std::thread::spawn(job);
    }

    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..self.0 {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= n_tasks {
                            break;
                        }
                        task(index);
                    }
                });
            }
        });
    }
}
