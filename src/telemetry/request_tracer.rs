//! Requests for the tracing system: each goes on in the trace that it came with, or begins one.

use drifting_listening::{RequestTracer, TraceContext};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The tracer of the process.
pub(super) struct SpansOfRequests;

impl RequestTracer for SpansOfRequests {
    fn begin(&self, span: &Span, came: Option<&TraceContext>) -> Option<TraceContext> {
        if let Some(parent) = came.and_then(remote) {
            // It has begun just now, so its parent can still be said.
            let _ = span.set_parent(Context::new().with_remote_span_context(parent));
        }
        let context = span.context();
        let of_span = context.span().span_context().clone();
        if !of_span.is_valid() {
            return None;
        }
        let (trace_id, span_id) = (of_span.trace_id().to_string(), of_span.span_id().to_string());
        TraceContext::of_ids(&trace_id, &span_id, of_span.is_sampled(), Some(of_span.trace_state().header()))
    }
}

/// The span of who calls.
fn remote(came: &TraceContext) -> Option<SpanContext> {
    let trace_id = TraceId::from_hex(came.trace_id()).ok()?;
    let span_id = SpanId::from_hex(came.span_id()).ok()?;
    let flags = if came.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let members = came.state().into_iter().flat_map(|state| state.split(','));
    let state = TraceState::from_key_value(members.filter_map(|member| member.split_once('='))).unwrap_or_default();
    Some(SpanContext::new(trace_id, span_id, flags, true, state))
}
