//! Around every call: the request's id, the checks of host and key, deadlines on what comes, the access log, and failures below the
//! service in words for people.

mod access;
mod hosts;
mod received;
mod rights;
mod watched;

pub(crate) use hosts::HostCheck;
pub use watched::request_measures;

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use drifting_access::{AuditLog, Caller, Change, Gate, Recording, Scope};
use drifting_domain::use_cases::PredictAnnouncement;
use drifting_inference::Inference;
use drifting_listening::{
    BodyMemory, BodyShare, IDEMPOTENCY_REPLAYED, REQUEST_ID, RequestId, RequestMeasures, Tracing,
};
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service;
use tracing::Instrument;

use self::access::{Access, Answer};
pub(crate) use self::received::BODIES_FULL;
use self::received::Received;
use self::watched::{Incoming, Watched};
use crate::connection::ClientAddress;
use crate::settings::GrpcTimeouts;
use crate::status;
use crate::stop::Stopping;

/// What is decided for all calls.
pub(crate) struct Rules {
    /// Whose predictions are called for; without it there is always a place for one.
    pub(crate) inference: Option<Inference>,
    pub(crate) hosts: HostCheck,
    pub(crate) gate: Arc<Gate>,
    pub(crate) audit: Option<AuditLog>,
    pub(crate) bodies: BodyMemory,
    pub(crate) timeouts: GrpcTimeouts,
    pub(crate) max_message_bytes: usize,
    pub(crate) stopping: Stopping,
    pub(crate) measures: Arc<RequestMeasures>,
    pub(crate) tracing: Tracing,
}

/// The outermost service.
#[derive(Clone)]
pub(crate) struct Front<S> {
    pub(crate) inner: S,
    pub(crate) rules: Arc<Rules>,
}

impl<S> Service<Request<Body>> for Front<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let rules = Arc::clone(&self.rules);
        let id = RequestId::of(request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()));
        let watched = Watched::begin(&rules.measures, &rules.tracing, &mut request, &id);
        let (span, incoming) = (watched.span.clone(), watched.incoming());
        let address = request.extensions().get::<ClientAddress>().map(|address| address.0.ip());
        let mut access = Access::begin(request.uri().path(), address, watched);
        let mut recording = None;
        let share = rules.bodies.share();
        let served: Result<_, Status> = span.in_scope(|| {
            let (caller, scope) = rules.admit(&request, address)?;
            access.came_from(caller.clone());
            // What is asked for in vain is written down too.
            recording = rules.record(&request, address, &caller, &id);
            if let Some(announced) = rules.allow(&request, &caller, scope)? {
                request.extensions_mut().insert(announced);
            }
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(share.clone());
            if let Some(recording) = &recording {
                request.extensions_mut().insert(recording.audited());
            }
            Ok(self.inner.call(rules.guard(request, incoming, share.clone())))
        });
        let answering = async move {
            let response = match served {
                Ok(serving) => match AssertUnwindSafe(serving).catch_unwind().await {
                    Ok(Ok(response)) => rules.mended(response),
                    Err(panic) => status::internal(&format!("panic: {}", panic_text(&*panic))).into_http(),
                },
                Err(status) => status.into_http(),
            };
            drop(share);
            if let Some(recording) = recording {
                let code = Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code());
                recording.end(&format!("{code:?}"));
            }
            let (mut head, body) = response.into_parts();
            if let Ok(id) = HeaderValue::from_str(&id.0) {
                head.headers.insert(REQUEST_ID, id);
            }
            if head.headers.contains_key(IDEMPOTENCY_REPLAYED) {
                rules.measures.replayed();
            }
            let answer = Answer::new(&head.headers, body, access);
            Ok(Response::from_parts(head, answer))
        };
        Box::pin(answering.instrument(span))
    }
}

impl Rules {
    /// Who sends a call, and the scope that it needs, by its head alone: nothing of its message has been read.
    fn admit(&self, request: &Request<Body>, address: Option<IpAddr>) -> Result<(Caller, Option<Scope>), Status> {
        if !self.hosts.allows(request) {
            let detail = "the request names a host that this server is not set to serve; see `--allowed-hosts`";
            return Err(status::coded(Code::PermissionDenied, detail, "host_not_allowed"));
        }
        let Some(scope) = rights::scope_of(request.uri().path()) else { return Ok((Caller::ANYBODY, None)) };
        let caller = self.gate.admit(request.headers(), address).map_err(|denied| status::denied(&denied))?;
        Ok((caller, Some(scope)))
    }

    /// Whether a call may be served: for a prediction, the place that it has among those on their way.
    fn allow(
        &self,
        request: &Request<Body>,
        caller: &Caller,
        scope: Option<Scope>,
    ) -> Result<Option<PredictAnnouncement>, Status> {
        scope.map_or(Ok(()), |scope| caller.check(scope)).map_err(|denied| status::denied(&denied))?;
        // A stream is asked for each of its messages.
        let inference = self.inference.as_ref().filter(|_| is_prediction(request.uri().path()));
        inference.map(Inference::announce).transpose().map_err(|refusal| status::refused(&refusal))
    }

    /// Begins to write down a call that changes projects.
    fn record(
        &self,
        request: &Request<Body>,
        address: Option<IpAddr>,
        caller: &Caller,
        id: &RequestId,
    ) -> Option<Recording> {
        let path = request.uri().path();
        let log = self.audit.as_ref().filter(|_| rights::changes(path))?;
        Some(log.begin(Change::new(&id.0, address, caller, "gRPC", path)))
    }

    /// The request with deadlines on its messages, which are counted.
    fn guard(&self, request: Request<Body>, incoming: Incoming, share: BodyShare) -> Request<Body> {
        let path = request.uri().path();
        let (is_open, is_stream) = (rights::scope_of(path).is_none(), is_stream(path));
        request.map(|body| {
            Body::new(if is_open {
                Received::probe(body, incoming, self.timeouts)
            } else if is_stream {
                Received::stream(body, incoming, self.timeouts, share, self.stopping.clone())
            } else {
                Received::one(body, incoming, self.timeouts, share)
            })
        })
    }

    /// The response, with what failed below the service in words for people.
    fn mended(&self, response: Response<Body>) -> Response<Body> {
        match Status::from_header_map(response.headers()) {
            Some(status) if status.code() != Code::Ok => status::mended(status, self.max_message_bytes).into_http(),
            _ => response,
        }
    }
}

/// Whether a method takes rows in one message.
fn is_prediction(path: &str) -> bool {
    path.rsplit('/').next() == Some("ModelInfer")
}

/// Whether a method takes any number of messages.
fn is_stream(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("ModelStreamInfer" | "ServerReflectionInfo"))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use tower::service_fn;

    use super::*;
    use crate::stop::Stopper;

    fn rules(hosts: Option<&[String]>) -> Arc<Rules> {
        let (_, stopping) = Stopper::new();
        let hosts = HostCheck::new(hosts);
        Arc::new(Rules {
            inference: None,
            hosts,
            gate: Arc::new(Gate::open()),
            audit: None,
            bodies: BodyMemory::default(),
            timeouts: GrpcTimeouts::default(),
            max_message_bytes: 10,
            stopping,
            measures: Arc::new(request_measures()),
            tracing: Tracing::default(),
        })
    }

    async fn status_of(hosts: Option<&[String]>, answer: fn() -> Response<Body>) -> (Status, String) {
        let inner = service_fn(move |_: Request<Body>| async move { Ok(answer()) });
        let request = Request::builder().uri("http://localhost/x").header("x-request-id", "given");
        let mut front = Front { inner, rules: rules(hosts) };
        let response = front.call(request.body(Body::default()).unwrap()).await.unwrap();
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        (Status::from_header_map(response.headers()).unwrap(), id)
    }

    #[tokio::test]
    async fn a_panic_tells_nothing_of_the_inside() {
        let (status, id) = status_of(None, || panic!("the inside")).await;
        assert_eq!((status.code(), id.as_str()), (Code::Internal, "given"));
        assert!(!status.message().contains("inside"), "{status}");
    }

    #[tokio::test]
    async fn what_fails_below_the_service_is_said_for_people() {
        for (below, code, word) in [
            (Code::OutOfRange, Code::ResourceExhausted, "at most 10 bytes"),
            (Code::Internal, Code::InvalidArgument, "framed"),
            (Code::Unimplemented, Code::Unimplemented, "no such method"),
        ] {
            let mended = rules(None).mended(Status::new(below, "").into_http());
            let status = Status::from_header_map(mended.headers()).unwrap();
            assert_eq!(status.code(), code);
            assert!(status.message().contains(word), "{status}");
        }
    }

    #[tokio::test]
    async fn other_hosts_do_not_get_in() {
        let (status, _) = status_of(Some(&["drift.example".to_owned()]), || panic!("it is served")).await;
        assert_eq!(status.code(), Code::PermissionDenied);
    }
}
