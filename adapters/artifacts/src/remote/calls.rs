//! The calls that leave the process, counted as they are answered, each try for itself.

use std::sync::Arc;
use std::time::Instant;

use http::{Request, Response};
use opendal::raw::{Layer, Operation};
use opendal::{Buffer, HttpBody, HttpTransport, HttpTransporter, OperationContext};

use crate::calls::{CallCounts, CallOutcome};

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
        call.outcome = CallOutcome::of_status(response.status());
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
