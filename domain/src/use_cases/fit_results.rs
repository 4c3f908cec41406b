//! What becomes of fits, counted: of each that had a place in the queue, once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::FitError;

/// What has become of a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FitResult {
    /// The project is stored and serves.
    Succeeded,
    /// There is no project of it: its settings or its data could not be used, or something failed.
    Failed,
    /// Somebody asked for that, or nobody waited for it any more.
    Cancelled,
    /// The server ended before it, which the next start tells.
    Interrupted,
}

impl FitResult {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::Cancelled, Self::Interrupted];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

/// How many fits ended in which way since the server started.
#[derive(Debug, Default)]
pub(super) struct FitResults([AtomicU64; FitResult::ALL.len()]);

impl FitResults {
    pub(super) fn count(&self, result: FitResult) {
        self.0[result as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> [(FitResult, u64); FitResult::ALL.len()] {
        FitResult::ALL.map(|result| (result, self.0[result as usize].load(Ordering::Relaxed)))
    }
}

/// A fit that has its place. When this is dropped its end is counted: as cancelled while nobody has told another, since whoever waited
/// for it has left.
pub(super) struct Ending {
    results: Arc<FitResults>,
    /// Nothing where somebody else counts it.
    result: Option<FitResult>,
}

impl Ending {
    pub(super) fn of(results: &Arc<FitResults>) -> Self {
        Self { results: Arc::clone(results), result: Some(FitResult::Cancelled) }
    }

    /// Goes on with what has been done for the fit, which has failed where that has.
    pub(super) fn after<T>(mut self, done: Result<T, FitError>) -> Result<(T, Self), FitError> {
        match done {
            Ok(done) => Ok((done, self)),
            Err(error) => {
                self.result = Some(FitResult::Failed);
                Err(error)
            }
        }
    }

    /// From here on nobody waits for it: while nothing else is told, it has failed.
    pub(super) fn in_the_background(mut self) -> Self {
        self.result = Some(FitResult::Failed);
        self
    }

    /// This is its end.
    pub(super) fn ended_as(mut self, result: FitResult) {
        // Whoever is interrupted may have no time to be asked: the next start counts it.
        self.result = Some(result).filter(|result| *result != FitResult::Interrupted);
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(result) = self.result {
            self.results.count(result);
        }
    }
}
