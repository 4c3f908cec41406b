//! How many jobs some threads have.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The jobs of so many threads, at work or waiting.
#[derive(Debug)]
pub struct Load {
    n_threads: usize,
    n_jobs: AtomicUsize,
    waiting: Mutex<()>,
    has_room: Condvar,
}

/// A job, until it is dropped.
pub(super) struct Job(Arc<Load>);

impl Load {
    pub(super) fn new(n_threads: usize) -> Arc<Self> {
        Arc::new(Self { n_threads, n_jobs: AtomicUsize::new(0), waiting: Mutex::default(), has_room: Condvar::new() })
    }

    pub(super) fn begin(self: &Arc<Self>) -> Job {
        self.n_jobs.fetch_add(1, Ordering::SeqCst);
        Job(Arc::clone(self))
    }

    /// Whether every thread has a job. O(1).
    pub fn is_full(&self) -> bool {
        self.n_jobs.load(Ordering::SeqCst) >= self.n_threads
    }

    /// Waits for as long as every thread has a job, and for no longer than this.
    pub fn wait_while_full(&self, most: Duration) {
        if self.is_full() {
            let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            drop(self.has_room.wait_timeout_while(waiting, most, |()| self.is_full()));
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let load = &self.0;
        // Jobs beyond the threads leave nobody without one.
        if load.n_jobs.fetch_sub(1, Ordering::SeqCst) == load.n_threads {
            // Whoever is about to wait has either seen this or is waiting now.
            drop(load.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            load.has_room.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn the_wait_ends_once_a_thread_has_no_job() {
        let load = Load::new(2);
        let jobs: Vec<Job> = (0..3).map(|_| load.begin()).collect();
        let begin = Instant::now();
        load.wait_while_full(Duration::from_millis(20));
        assert!(begin.elapsed() >= Duration::from_millis(20), "both have one, and a third waits");
        let waits = thread::spawn({
            let load = Arc::clone(&load);
            move || load.wait_while_full(LONG)
        });
        drop(jobs);
        waits.join().unwrap();
        load.wait_while_full(LONG);
        assert!(begin.elapsed() < LONG);
    }
}
