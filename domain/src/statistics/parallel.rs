//! Independent tasks on several processors, with results in order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::ports::{CpuPool, Progress};

/// Runs `work(task)` for each of `n_tasks` tasks and gives the results in the order of the tasks; `None` when
/// cancelled before all were begun. Reports each task that is done.
pub fn run_tasks<T: Send>(
    n_tasks: usize,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
    work: &(dyn Fn(usize) -> T + Sync),
) -> Option<Vec<T>> {
    let results: Vec<Mutex<Option<T>>> = (0..n_tasks).map(|_| Mutex::new(None)).collect();
    let n_done = AtomicUsize::new(0);
    pool.for_each(n_tasks, &|task| {
        if progress.is_cancelled() {
            return;
        }
        let result = work(task);
        *results[task].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        progress.report(n_done.fetch_add(1, Ordering::Relaxed) + 1, n_tasks);
    });
    results.into_iter().map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}
