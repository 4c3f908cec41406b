//! A call as whoever watches the server sees it: counted by its method, and in a span of its own.

use std::sync::Arc;
use std::time::Duration;

use drifting_listening::{
    RequestId, RequestMeasures, TRACE_PARENT, TRACE_STATE, TRACED, TraceContext, Tracing, escaped,
};
use http::header::HeaderValue;
use http::{HeaderMap, Request};
use tonic::Code;
use tracing::Span;
use tracing::field::Empty;

/// The methods that are served.
pub(crate) const ROUTES: [&str; 25] = [
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ServerReady",
    "/inference.GRPCInferenceService/ServerMetadata",
    "/inference.GRPCInferenceService/ModelReady",
    "/inference.GRPCInferenceService/ModelMetadata",
    "/inference.GRPCInferenceService/ModelInfer",
    "/inference.GRPCInferenceService/ModelStreamInfer",
    "/inference.GRPCInferenceService/RepositoryIndex",
    "/inference.GRPCInferenceService/RepositoryModelLoad",
    "/inference.GRPCInferenceService/RepositoryModelUnload",
    "/inference.GRPCInferenceService/ModelConfig",
    "/inference.GRPCInferenceService/ModelStatistics",
    "/inference.GRPCInferenceService/SystemSharedMemoryStatus",
    "/inference.GRPCInferenceService/SystemSharedMemoryRegister",
    "/inference.GRPCInferenceService/SystemSharedMemoryUnregister",
    "/inference.GRPCInferenceService/CudaSharedMemoryStatus",
    "/inference.GRPCInferenceService/CudaSharedMemoryRegister",
    "/inference.GRPCInferenceService/CudaSharedMemoryUnregister",
    "/inference.GRPCInferenceService/TraceSetting",
    "/inference.GRPCInferenceService/LogSettings",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.health.v1.Health/List",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// The statuses, by their codes; the last is for calls whose client left.
const STATUSES: &[&str] = &[
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
    "client_left",
];

/// Counts of the calls of this interface.
pub fn request_measures() -> RequestMeasures {
    RequestMeasures::new(ROUTES.map(str::to_owned).to_vec(), &[""], STATUSES)
}

/// The place of the one method that calls have.
const METHOD: usize = 0;

/// A call that is watched.
pub(crate) struct Watched {
    measures: Arc<RequestMeasures>,
    route: Option<usize>,
    pub(super) span: Span,
}

/// Where the messages that come with a call are counted.
pub(super) struct Incoming {
    measures: Arc<RequestMeasures>,
    route: Option<usize>,
}

impl Incoming {
    /// So many messages have come whole.
    pub(super) fn received(&self, n: u64) {
        if n > 0 {
            self.measures.received(self.route, METHOD, n);
        }
    }
}

impl Watched {
    /// A call begins; what is called for it finds its trace among its extensions.
    pub(super) fn begin<B>(
        measures: &Arc<RequestMeasures>,
        tracing: &Tracing,
        request: &mut Request<B>,
        id: &RequestId,
    ) -> Self {
        let path = request.uri().path();
        let route = ROUTES.iter().position(|route| *route == path);
        let context = context_of(request.headers());
        let traced = || traced_span(id, measures.route(route), request.headers());
        let (span, context) = tracing.begin(id, context, (!is_probe(path)).then_some(traced), true);
        if let Some(context) = context {
            request.extensions_mut().insert(context);
        }
        measures.begun(route, METHOD);
        Self { measures: Arc::clone(measures), route, span }
    }

    /// Where its messages are counted as they come.
    pub(super) fn incoming(&self) -> Incoming {
        Incoming { measures: Arc::clone(&self.measures), route: self.route }
    }

    /// So many messages go out as its answer.
    pub(super) fn sent(&self, n: u64) {
        if n > 0 {
            self.measures.sent(self.route, METHOD, n);
        }
    }

    /// The call has been answered, unless its client has left.
    pub(super) fn end(&self, code: Option<Code>, took: Duration) {
        let status = code.map_or(usize::MAX, |code| usize::try_from(i32::from(code)).unwrap_or(usize::MAX));
        self.measures.ended(self.route, METHOD, status, took);
        // Spans that only name calls in the log lack these fields, and nothing is recorded.
        match code {
            Some(code) => {
                self.span.record("rpc.grpc.status_code", i32::from(code));
                if is_of_the_server(code) {
                    self.span.record("otel.status_code", "ERROR");
                }
            }
            None => {
                self.span.record("error.type", "client_left");
            }
        }
    }
}

/// Whether the server, rather than its client, is at fault, as the semantic conventions of OpenTelemetry have it.
fn is_of_the_server(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// By the semantic conventions of OpenTelemetry for RPC servers.
fn traced_span(id: &RequestId, route: &str, headers: &HeaderMap) -> Span {
    let (service, method) = route.trim_start_matches('/').rsplit_once('/').unwrap_or(("", "_OTHER"));
    let agent = headers.get("user-agent").and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    tracing::error_span!(
        target: TRACED,
        "request",
        request_id = id.0,
        trace_id = Empty,
        otel.name = route.trim_start_matches('/'),
        otel.kind = "server",
        otel.status_code = Empty,
        error.type = Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = Empty,
        user_agent.original = %escaped(agent),
    )
}

fn context_of(headers: &HeaderMap) -> Option<TraceContext> {
    // Most calls have none, and are looked at once.
    if !headers.contains_key(TRACE_PARENT) {
        return None;
    }
    let all = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
    TraceContext::of(all(TRACE_PARENT), all(TRACE_STATE))
}

/// The methods of probes: nobody traces them, and few want to read of them. KServe asks for a model as others ask for the server.
const PROBES: [&str; 6] = [
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ServerReady",
    "/inference.GRPCInferenceService/ModelReady",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.health.v1.Health/List",
];

/// Whether somebody only asks whether the server, or a model, is there.
pub(super) fn is_probe(path: &str) -> bool {
    PROBES.contains(&path)
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;
    use crate::protocol;

    #[test]
    fn every_method_that_is_served_has_a_route() {
        for descriptors in [protocol::DESCRIPTORS, tonic_health::pb::FILE_DESCRIPTOR_SET] {
            let files = FileDescriptorSet::decode(descriptors).unwrap().file;
            let services = files.iter().flat_map(|file| file.service.iter().map(move |of| (file.package(), of)));
            for (package, service) in services {
                for method in &service.method {
                    let path = format!("/{package}.{}/{}", service.name(), method.name());
                    assert!(ROUTES.contains(&path.as_str()), "{path}");
                }
            }
        }
    }

    #[test]
    fn probes_are_methods_that_are_served_and_predictions_are_none() {
        for probe in PROBES {
            assert!(ROUTES.contains(&probe), "{probe}");
        }
        for other in ["ServerMetadata", "ModelMetadata", "ModelInfer", "ModelStreamInfer"] {
            let path = format!("/inference.GRPCInferenceService/{other}");
            assert!(ROUTES.contains(&path.as_str()) && !is_probe(&path), "{path}");
        }
    }

    #[test]
    fn statuses_stand_in_the_order_of_their_codes() {
        for (code, word) in
            [(Code::Ok, "OK"), (Code::NotFound, "NOT_FOUND"), (Code::Unauthenticated, "UNAUTHENTICATED")]
        {
            assert_eq!(STATUSES[usize::try_from(i32::from(code)).unwrap()], word);
        }
    }
}
