//! Every port in memory: for tests, and for servers that keep nothing.

mod artifacts;
mod clock;
mod cpu;
mod index;
mod metrics;
mod operations;
mod service;

pub use artifacts::MemoryArtifacts;
pub use clock::FixedClock;
pub use cpu::InlineCpuPool;
pub use index::MemoryIndex;
pub use metrics::MemoryMetrics;
pub use operations::MemoryOperations;
pub use service::service;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Nothing in this crate panics while it holds a lock, so what a poisoned one guards is whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
