//! The span of a request: whatever is logged within it carries the request's id, and that of its trace.

use std::fmt;
use std::sync::Arc;

use tracing::Span;

use crate::{RequestId, TraceContext};

/// The target of the spans that are handed to a tracing system; others only name requests in the log.
pub const TRACED: &str = "drifting::traced";

/// Hands requests to a tracing system.
pub trait RequestTracer: Send + Sync {
    /// A request has begun, in a span of the target [`TRACED`], with the context that came. Gives the context that goes on to whoever
    /// is called for the request, if the tracing system has one.
    fn begin(&self, span: &Span, came: Option<&TraceContext>) -> Option<TraceContext>;
}

/// The tracing system, if there is one.
#[derive(Clone, Default)]
pub struct Tracing(Option<Arc<dyn RequestTracer>>);

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Tracing(on)" } else { "Tracing(off)" })
    }
}

impl Tracing {
    /// Requests are handed to this one.
    pub fn by(tracer: Arc<dyn RequestTracer>) -> Self {
        Self(Some(tracer))
    }

    /// Whether there is a tracing system.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The span of a request, and the context that goes on. `traced` makes the span where a tracing system has the request: one of the
    /// target [`TRACED`] and of the level of errors, with the fields `request_id` and, still empty, `trace_id`. Without one, a request of
    /// which nothing is logged needs no span.
    pub fn begin(
        &self,
        id: &RequestId,
        came: Option<TraceContext>,
        traced: Option<impl FnOnce() -> Span>,
        is_logged: bool,
    ) -> (Span, Option<TraceContext>) {
        if let (Some(tracer), Some(traced)) = (&self.0, traced) {
            let span = traced();
            let goes_on = tracer.begin(&span, came.as_ref()).or(came);
            if let Some(context) = &goes_on {
                span.record("trace_id", context.trace_id());
            }
            return (span, goes_on);
        }
        if !is_logged {
            return (Span::none(), came);
        }
        // One of errors, so that every line has it that is logged at all. Without a trace the field stays empty.
        let trace_id = came.as_ref().map(TraceContext::trace_id);
        let span = tracing::error_span!("request", request_id = id.0, trace_id);
        (span, came)
    }
}
