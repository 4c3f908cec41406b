//! Predictions on their way: a bounded number of them, whose rows have come, waits or is at work, and more are refused before
//! their bodies are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{DriftService, PredictError};

/// How many predictions are on their way.
#[derive(Debug)]
pub(super) struct PredictQueue {
    n_max: usize,
    n_entered: AtomicUsize,
}

impl PredictQueue {
    pub(super) fn new(n_max: usize) -> Self {
        Self { n_max, n_entered: AtomicUsize::new(0) }
    }

    /// How many there are.
    pub(super) fn n_entered(&self) -> usize {
        self.n_entered.load(Ordering::Relaxed)
    }
}

/// A place among the predictions on their way, until it is dropped.
#[derive(Debug)]
pub struct PredictPlace(Arc<PredictQueue>);

impl Drop for PredictPlace {
    fn drop(&mut self) {
        self.0.n_entered.fetch_sub(1, Ordering::Relaxed);
    }
}

impl DriftService {
    /// Whether there is a place among the predictions on their way. To be asked before a body is read, which takes none: a client that
    /// is slow to send would hold it.
    ///
    /// # Errors
    /// [`PredictError::Overloaded`].
    pub fn check_predictions(&self) -> Result<(), PredictError> {
        let queue = &self.predict_queue;
        if queue.n_entered() < queue.n_max { Ok(()) } else { Err(PredictError::Overloaded) }
    }

    /// Takes a place among the predictions on their way, for rows that have come. To be held until they are judged.
    ///
    /// # Errors
    /// [`PredictError::Overloaded`].
    pub fn enter_predictions(&self) -> Result<PredictPlace, PredictError> {
        let queue = &self.predict_queue;
        let one_more = |n: usize| (n < queue.n_max).then_some(n + 1);
        match queue.n_entered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more) {
            Ok(_) => Ok(PredictPlace(Arc::clone(queue))),
            Err(_) => Err(PredictError::Overloaded),
        }
    }
}
