//! The calls of a store, counted by what they were for and what came of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use drifting_domain::ports::{PortError, PortErrorKind};
use futures_util::FutureExt;
use http::StatusCode;

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallOutcome {
    /// It was done.
    Done,
    /// There was nothing of that name.
    Absent,
    /// Its condition did not hold.
    Conflict,
    /// The right to it was missing.
    Denied,
    /// The store asked for fewer calls.
    Throttled,
    /// The store failed, or could not understand it.
    Failed,
    /// No answer came.
    Unanswered,
}

impl CallOutcome {
    /// The outcome in one word, for a label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Absent => "absent",
            Self::Conflict => "conflict",
            Self::Denied => "denied",
            Self::Throttled => "throttled",
            Self::Failed => "failed",
            Self::Unanswered => "unanswered",
        }
    }

    /// By the status of an answer.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::Absent,
            StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => Self::Conflict,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Denied,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Self::Throttled,
            // A part of an upload that goes on is answered by 308.
            _ if status.is_client_error() || status.is_server_error() => Self::Failed,
            _ => Self::Done,
        }
    }

    /// By the failure of a call of the operating system.
    fn of_failure(kind: PortErrorKind) -> Self {
        match kind {
            // It was done, and what was found there is of no use.
            PortErrorKind::Damaged => Self::Done,
            PortErrorKind::Permission => Self::Denied,
            PortErrorKind::InUse | PortErrorKind::Replaced => Self::Conflict,
            PortErrorKind::Unavailable | PortErrorKind::Full | PortErrorKind::Refused | PortErrorKind::Other => {
                Self::Failed
            }
        }
    }
}

/// The calls of one operation with one outcome since the store was opened.
#[derive(Debug, Clone, PartialEq)]
pub struct CallCount {
    /// `read`, `write`, `stat`, `list`, `delete`; in a directory also `create_dir`, and `sync` of what is in a folder; for a bucket
    /// `credentials`, which are asked of the platform.
    pub operation: &'static str,
    /// What came of them.
    pub outcome: CallOutcome,
    /// How many there were; of a bucket, each try for itself.
    pub n: u64,
    /// How long they took, all together; in a bucket, until the head of the answer.
    pub seconds: f64,
}

/// Counts calls by what they were for and what came of them.
#[derive(Debug, Default)]
pub struct CallCounts(Mutex<BTreeMap<(&'static str, CallOutcome), Total>>);

#[derive(Debug, Clone, Copy, Default)]
struct Total {
    n: u64,
    time: Duration,
}

impl CallCounts {
    /// Counts a call that has ended.
    pub(crate) fn add(&self, operation: &'static str, outcome: CallOutcome, elapsed: Duration) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total = counts.entry((operation, outcome)).or_default();
        total.n += 1;
        total.time += elapsed;
    }

    /// The counts as they are now.
    pub fn snapshot(&self) -> Vec<CallCount> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut snapshot = Vec::with_capacity(counts.len());
        for (&(operation, outcome), total) in counts.iter() {
            snapshot.push(CallCount { operation, outcome, n: total.n, seconds: total.time.as_secs_f64() });
        }
        snapshot
    }

    /// Counts a call in a directory. One that nobody waits for any more is not counted.
    pub(crate) fn counted<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, PortError>>,
    ) -> impl Future<Output = Result<T, PortError>> {
        self.sought(operation, |_| true, call)
    }

    /// The same of a call that may find nothing.
    pub(crate) fn sought<T>(
        &self,
        operation: &'static str,
        is_there: fn(&T) -> bool,
        call: impl Future<Output = Result<T, PortError>>,
    ) -> impl Future<Output = Result<T, PortError>> {
        let began = Instant::now();
        // An async function would hold the call twice.
        call.map(move |result: Result<T, PortError>| {
            let outcome = match &result {
                Ok(found) if is_there(found) => CallOutcome::Done,
                Ok(_) => CallOutcome::Absent,
                Err(error) => CallOutcome::of_failure(error.kind()),
            };
            self.add(operation, outcome, began.elapsed());
            result
        })
    }
}

/// The calls of a store, for whoever watches it.
#[derive(Debug, Clone)]
pub struct StoreCalls {
    backend: &'static str,
    counts: Arc<CallCounts>,
}

impl StoreCalls {
    pub(crate) fn new(backend: &'static str, counts: &Arc<CallCounts>) -> Self {
        Self { backend, counts: Arc::clone(counts) }
    }

    /// What the store is: `local`, `s3` or `gcs`.
    pub fn backend(&self) -> &'static str {
        self.backend
    }

    /// The calls since it was opened.
    pub fn now(&self) -> Vec<CallCount> {
        self.counts.snapshot()
    }
}
