//! The calls that leave the process, counted as they are answered, each try for itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode};
use opendal::raw::{Layer, Operation};
use opendal::{Buffer, HttpBody, HttpTransport, HttpTransporter, OperationContext};

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

    fn of(status: StatusCode) -> Self {
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
}

/// The calls of one operation with one outcome since the store was connected.
#[derive(Debug, Clone, PartialEq)]
pub struct CallCount {
    /// `read`, `write`, `stat`, `list`, `delete`; `credentials` for what is asked of the platform.
    pub operation: &'static str,
    /// What came of them.
    pub outcome: CallOutcome,
    /// How many there were, each try for itself.
    pub n: u64,
    /// How long they took until the head of the answer, all together.
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
    fn add(&self, operation: &'static str, outcome: CallOutcome, elapsed: Duration) {
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
}

/// Lets every request of an operator pass through the counts, and through a client of its own.
#[derive(Debug)]
pub struct CountedTransport {
    client: HttpTransporter,
    counts: Arc<CallCounts>,
}

impl CountedTransport {
    /// Requests go out by this client.
    pub fn new(client: HttpTransporter, counts: Arc<CallCounts>) -> Self {
        Self { client, counts }
    }
}

impl Layer for CountedTransport {
    fn apply_context(&self, _service: opendal::raw::Servicer, context: OperationContext) -> OperationContext {
        let transport = Transport { client: self.client.clone(), counts: Arc::clone(&self.counts) };
        context.with_http_transport(HttpTransporter::new(transport))
    }
}

struct Transport {
    client: HttpTransporter,
    counts: Arc<CallCounts>,
}

impl HttpTransport for Transport {
    async fn fetch(&self, request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        let operation = request.extensions().get::<Operation>().map_or("credentials", |of| of.into_static());
        // A call that runs out of time is dropped.
        let mut call =
            Call { counts: &self.counts, operation, began: Instant::now(), outcome: CallOutcome::Unanswered };
        let response = self.client.fetch(request).await?;
        call.outcome = CallOutcome::of(response.status());
        Ok(response)
    }
}

struct Call<'a> {
    counts: &'a CallCounts,
    operation: &'static str,
    began: Instant,
    outcome: CallOutcome,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.counts.add(self.operation, self.outcome, self.began.elapsed());
    }
}
