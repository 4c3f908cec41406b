//! Predictions on their way: a bounded number of them waits or is at work, and more are refused before their bodies are read.

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
    /// Takes a place among the predictions on their way. To be asked for before a body is read, and held until its rows are
    /// judged.
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
