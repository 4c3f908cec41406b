//! The laws of a column that have been resampled, by the size of the window.

use std::sync::{Arc, Mutex, PoisonError};

use super::ResampledLaw;

/// Laws that are kept, the latest sizes.
const KEPT_MAX: usize = 8;

/// What was computed for windows of some sizes. It follows from the column and the size, so that it is no part of what makes
/// columns equal, and a copy begins without it.
#[derive(Debug, Default)]
pub(super) struct Laws {
    column: u64,
    by_size: Mutex<Vec<(usize, Arc<ResampledLaw>)>>,
    thresholds: Mutex<Vec<(usize, f64)>>,
}

impl Laws {
    pub(super) fn new(column: usize) -> Self {
        Self { column: column as u64, ..Self::default() }
    }

    /// The law at a size, with the stream that its draws come from.
    pub(super) fn law(&self, size: usize, resample: impl FnOnce(usize, u64) -> ResampledLaw) -> Arc<ResampledLaw> {
        kept(&self.by_size, size, || Arc::new(resample(size, self.stream(size))))
    }

    /// The stream of the draws at a size. Sizes of windows are below 2^32.
    pub(super) fn stream(&self, size: usize) -> u64 {
        (self.column << 32) ^ size as u64
    }

    /// A threshold at a size.
    pub(super) fn number(&self, size: usize, compute: impl FnOnce(usize) -> f64) -> f64 {
        kept(&self.thresholds, size, || compute(size))
    }
}

fn kept<T: Clone>(all: &Mutex<Vec<(usize, T)>>, size: usize, compute: impl FnOnce() -> T) -> T {
    let find = |all: &Vec<(usize, T)>| all.iter().find(|(kept, _)| *kept == size).map(|(_, value)| value.clone());
    if let Some(value) = find(&all.lock().unwrap_or_else(PoisonError::into_inner)) {
        return value;
    }
    // Not under the lock: others may compute the same meanwhile, with the same result.
    let value = compute();
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    if find(&all).is_none() {
        if all.len() == KEPT_MAX {
            all.remove(0);
        }
        all.push((size, value.clone()));
    }
    value
}

impl Clone for Laws {
    fn clone(&self) -> Self {
        Self { column: self.column, ..Self::default() }
    }
}

impl PartialEq for Laws {
    fn eq(&self, other: &Self) -> bool {
        self.column == other.column
    }
}
