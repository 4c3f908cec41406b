//! How much memory the data of one file may take. A budget is shared by everything that decodes the file.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::FormatError;

/// What is left of the memory that a file's data may take.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    bytes_max: usize,
    /// Bytes that are held now.
    held: AtomicUsize,
    /// Those of them that nobody needs once the batch at hand has been taken over.
    stale: AtomicUsize,
    /// Bytes that were decompressed so far.
    decompressed: AtomicUsize,
    /// Why decoding stopped; the libraries in between would make a text of it.
    refusal: Mutex<Option<FormatError>>,
}

impl Budget {
    /// So often the budget may be decompressed, for pages that held little of use: it bounds the time.
    const DECOMPRESSED_MAX: usize = 2;

    pub(crate) fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Counters {
            bytes_max,
            held: AtomicUsize::new(0),
            stale: AtomicUsize::new(0),
            decompressed: AtomicUsize::new(0),
            refusal: Mutex::new(None),
        }))
    }

    pub(crate) fn bytes_max(&self) -> usize {
        self.0.bytes_max
    }

    /// Takes memory, before it is reserved.
    pub(crate) fn take(&self, n_bytes: usize) -> Result<(), FormatError> {
        let held = self.0.held.load(Ordering::Relaxed).saturating_add(n_bytes);
        if held > self.0.bytes_max {
            return Err(self.too_large());
        }
        self.0.held.store(held, Ordering::Relaxed);
        Ok(())
    }

    /// Whether there is memory for something that will be gone at once.
    pub(crate) fn has_room_for(&self, n_bytes: usize) -> Result<(), FormatError> {
        let held = self.0.held.load(Ordering::Relaxed).saturating_add(n_bytes);
        if held > self.0.bytes_max { Err(self.too_large()) } else { Ok(()) }
    }

    /// Takes memory for what is to be decompressed.
    pub(crate) fn take_decompressed(&self, n_bytes: usize) -> Result<(), FormatError> {
        let decompressed = self.0.decompressed.load(Ordering::Relaxed).saturating_add(n_bytes);
        if decompressed / Self::DECOMPRESSED_MAX > self.0.bytes_max {
            return Err(self.too_large());
        }
        self.0.decompressed.store(decompressed, Ordering::Relaxed);
        self.take(n_bytes)
    }

    /// Memory that is needed no longer than the batch at hand.
    pub(crate) fn retire(&self, n_bytes: usize) {
        self.0.stale.fetch_add(n_bytes, Ordering::Relaxed);
    }

    /// The batch at hand has been taken over.
    pub(crate) fn end_batch(&self) {
        let stale = self.0.stale.swap(0, Ordering::Relaxed);
        self.0.held.fetch_sub(stale, Ordering::Relaxed);
    }

    /// Notes why decoding stops.
    pub(crate) fn refuse(&self, error: FormatError) -> String {
        let text = error.to_string();
        self.0.refusal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        text
    }

    /// Why decoding stopped, if it was not for a library's own reasons.
    pub(crate) fn refusal(&self) -> Option<FormatError> {
        self.0.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn too_large(&self) -> FormatError {
        FormatError::TooLarge { bytes_max: self.0.bytes_max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stale_may_be_taken_again_when_the_batch_has_ended() {
        let budget = Budget::new(100);
        budget.take(50).unwrap();
        assert!(budget.has_room_for(50).is_ok() && budget.has_room_for(51).is_err());
        budget.take_decompressed(50).unwrap();
        assert_eq!(budget.take(1), Err(FormatError::TooLarge { bytes_max: 100 }));
        budget.retire(50);
        assert!(budget.take(1).is_err());
        budget.end_batch();
        budget.take_decompressed(50).unwrap();
    }

    #[test]
    fn time_is_bounded_too() {
        let budget = Budget::new(100);
        for _ in 0..2 {
            budget.take_decompressed(100).unwrap();
            budget.retire(100);
            budget.end_batch();
        }
        budget.take(2).unwrap();
        assert!(budget.take_decompressed(2).is_err());
        assert!(budget.take_decompressed(usize::MAX).is_err());
    }
}
