//! What is on its way to somebody who may be slow or gone, in the order in which it came: a queue that nobody waits for, then
//! memory, then a file, all of them bounded, and every loss counted.

mod backlog;
mod counts;
mod pacing;
mod queue;
mod spill;

use std::io;

pub use backlog::Backlog;
pub use counts::{Counts, CountsNow, Dropped};
pub use pacing::{Pacing, done};
pub use queue::Queue;
pub use spill::Spill;

/// What can wait in memory and in a file.
pub trait Waits: Sized {
    /// How much memory it takes, in whatever unit [`Limits`] count.
    fn weight(&self) -> usize;

    /// How much of a batch it is, in the unit of [`Limits::batch`].
    fn part_of_batch(&self) -> usize {
        self.weight()
    }

    /// As it is written into a file.
    ///
    /// # Errors
    /// When it cannot be written.
    fn encode(items: &[Self]) -> io::Result<Vec<u8>>;

    /// As it is read from a file.
    ///
    /// # Errors
    /// When these are not the bytes of such things.
    fn decode(bytes: &[u8]) -> io::Result<Vec<Self>>;
}

/// How much may wait where, in weights. One push may bring more than that: it is taken where nothing waits.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// In the queue, until it is taken, which happens several times a second.
    pub queued: usize,
    /// So much is worth taking at once.
    pub worth_taking: usize,
    /// In memory.
    pub in_memory: usize,
    /// So much is delivered at once, in parts of a batch.
    pub batch: usize,
}

fn weight<T: Waits>(items: &[T]) -> usize {
    items.iter().map(Waits::weight).sum()
}
