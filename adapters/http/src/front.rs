//! Around every operation: the request's id, the checks of host, page and key, the access log, and failures as problem details.

mod access_log;
mod compression;
mod cross_origin;
mod head;
mod hosts;
mod overload;
mod prepared;
mod routes;
mod transport_security;
mod watched;

pub(crate) use hosts::HostCheck;
pub(crate) use overload::Overload;
pub(crate) use prepared::PreparedRefusals;
pub(crate) use routes::Routes;
pub(crate) use transport_security::TransportSecurity;
pub(crate) use watched::{METHODS, STATUSES, Watch};

use std::any::Any;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use drifting_access::{Caller, Gate};
use drifting_listening::{
    BodyMemory, BodyShare, FREE_BYTES, IDEMPOTENCY_REPLAYED, REQUEST_ID, RequestId, TraceContext,
};
use futures_util::FutureExt;
use poem::error::{MethodNotAllowedError, NotFoundError};
use poem::http::{HeaderValue, StatusCode, Version, header};
use poem::{Endpoint, Request, Response};
use tracing::Instrument;
use tracing::level_filters::LevelFilter;

use self::access_log::Access;
use crate::api::Readiness;
use crate::body::{Coding, leave_unread};
use crate::connection::{Connections, Refuse, Untimely, Working, written};
use crate::error::{Code, Failure, Problem, shown};
use crate::rights::is_open;
use crate::settings::HeadLimits;

/// The outermost endpoint.
pub(crate) struct Front<E> {
    pub(crate) inner: E,
    pub(crate) hosts: HostCheck,
    pub(crate) gate: Arc<Gate>,
    pub(crate) overload: Overload,
    pub(crate) bodies: BodyMemory,
    pub(crate) fit_bodies: BodyMemory,
    pub(crate) refusals: PreparedRefusals,
    pub(crate) head: HeadLimits,
    pub(crate) connections: Connections,
    pub(crate) readiness: Readiness,
    pub(crate) transport_security: TransportSecurity,
    pub(crate) routes: Routes,
    pub(crate) watch: Watch,
}

impl<E: Endpoint<Output = Response>> Endpoint for Front<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let working = self.connections.begin(request.remote_addr());
        let route = self.watch.route(request.uri().path());
        let address = request.remote_addr().as_socket_addr().copied();
        let (begun, trace) = self.begin(&request, address, route, true);
        request.set_data(begun.id.clone());
        if let Some(trace) = trace {
            request.set_data(trace);
        }
        let span = begun.access.span();
        self.served(request, address, route, begun, working.as_ref()).instrument(span).await
    }
}

impl<E: Endpoint<Output = Response>> Front<E> {
    /// The answer, within the span of the request.
    async fn served(
        &self,
        mut request: Request,
        address: Option<SocketAddr>,
        route: Option<usize>,
        mut begun: Begun,
        working: Option<&Working>,
    ) -> poem::Result<Response> {
        // Held until there is an answer.
        let _share = self.share(&mut request);
        let admitted = self.admit(&mut request, address, &mut begun.access);
        let admitted = admitted.and_then(|answer| {
            // What is answered already waits for no rows.
            if answer.is_none()
                && let Some(announced) = self.overload.announce(&request, route)?
            {
                request.set_data(announced);
            }
            Ok(answer)
        });
        let outcome = match admitted {
            Ok(Some(answer)) => Ok(Ok(answer)),
            Ok(None) => {
                // The server under us goes on with a request whose client has left, so this is seen to here.
                tokio::select! {
                    biased;
                    outcome = AssertUnwindSafe(self.inner.call(request)).catch_unwind() => outcome,
                    untimely = untimely(working) => match untimely {
                        Untimely::ClientLeft => return Ok(nobody_reads_this()),
                        Untimely::Interrupted => Ok(Err(Failure::interrupted().into())),
                    },
                }
            }
            Err(failure) => {
                leave_unread(&mut request);
                Ok(Err(failure.into()))
            }
        };
        let response = match outcome {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => self.failed(error, &begun),
            Err(panic) => render(Failure::internal(format!("panic: {}", panic_text(&*panic))), &begun),
        };
        Ok(self.end(response, begun).await)
    }
}

impl<E: Send + Sync + 'static> Refuse for Front<E> {
    fn is_leaving(&self) -> bool {
        self.readiness.has_ended()
    }

    fn interrupt(&self) {
        self.connections.interrupt();
    }

    fn is_refusing(&self) -> bool {
        // What is refused here does not tell that the server leaves.
        self.overload.is_full() && !self.is_leaving()
    }

    fn refusal(&self, request: Request, address: SocketAddr) -> Option<Bytes> {
        let route = self.watch.route(request.uri().path());
        if !self.overload.refuses(&request, route) {
            return None;
        }
        // A refusal is worth no line of a higher level.
        let is_logged = LevelFilter::current() >= LevelFilter::INFO;
        let (mut begun, _) = self.begin(&request, Some(address), route, is_logged);
        let _span = begun.access.span().entered();
        let failure = match self.check(&request).and_then(|()| self.caller(&request, Some(address))) {
            Ok(caller) => {
                begun.access.came_from(caller);
                self.overload.refuse();
                if let Some(bytes) = self.prepared_refusal(&begun) {
                    tell(Code::Overloaded, None);
                    begun.access.end(Code::Overloaded.status());
                    return Some(bytes);
                }
                Failure::overloaded()
            }
            Err(failure) => failure,
        };
        let response = render(failure, &begun);
        // A short answer is not coded, and waits for nothing.
        self.end(response, begun).then(written).now_or_never().flatten()
    }
}

/// A request that has begun, and what its answer needs of it.
struct Begun {
    id: RequestId,
    access: Access,
    coding: Coding,
    origin: Option<HeaderValue>,
}

impl<E> Front<E> {
    /// A request begins: it is counted, traced and named. Gives the trace that goes on to whoever is called for it, if there is one.
    fn begin(
        &self,
        request: &Request,
        address: Option<SocketAddr>,
        route: Option<usize>,
        is_logged: bool,
    ) -> (Begun, Option<TraceContext>) {
        let id = RequestId::of(request.header(REQUEST_ID));
        let (watched, trace) = self.watch.begin(request, &id, route, is_logged);
        // Cloning shares the text.
        let client = address.as_ref().map(SocketAddr::ip);
        let access = Access::begin(request.method().clone(), request.uri().clone(), client, watched);
        let origin = self.hosts.cross_origins().of(request).cloned();
        (Begun { id, access, coding: compression::wanted(request), origin }, trace)
    }

    /// What the body of a request takes of the memory of all bodies, unless it is so short that it counts nothing.
    fn share(&self, request: &mut Request) -> Option<BodyShare> {
        let length = request.header(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let headers = request.headers();
        let has_body = headers.contains_key(header::TRANSFER_ENCODING) || request.version() >= Version::HTTP_2;
        let may_count = length.map_or(has_body, |length: usize| length > FREE_BYTES);
        (may_count || headers.contains_key(header::CONTENT_ENCODING)).then(|| {
            let bodies = if takes_references(request.uri().path()) { &self.fit_bodies } else { &self.bodies };
            let share = bodies.share();
            request.set_data(share.clone());
            share
        })
    }

    /// Decides by the head alone whether a request is served, and notes who sends it. A browser that only asks what a page may
    /// send has its answer at once.
    fn admit(
        &self,
        request: &mut Request,
        address: Option<SocketAddr>,
        access: &mut Access,
    ) -> Result<Option<Response>, Failure> {
        self.check(request)?;
        if self.hosts.cross_origins().of(request).is_some()
            && let Some(answer) = cross_origin::preflight(request)
        {
            return Ok(Some(answer));
        }
        let caller = self.caller(request, address)?;
        access.came_from(caller.clone());
        request.set_data(caller);
        Ok(None)
    }

    /// Whether a request is within the limits and may come from where it comes from.
    fn check(&self, request: &Request) -> Result<(), Failure> {
        head::check(request, &self.head)?;
        self.hosts.check(request)
    }

    /// The answer to a prediction that is refused, where only its path and its id tell it from others.
    fn prepared_refusal(&self, begun: &Begun) -> Option<Bytes> {
        if begun.origin.is_some() {
            return None;
        }
        let path = begun.access.path();
        let prepared = self.refusals.of(path, begun.coding, |path| {
            let answer = Problem::answer(Failure::overloaded(), path, "");
            self.dressed(answer, begun.coding, None).now_or_never()
        });
        prepared?.answer(path, &begun.id.0)
    }

    /// Who sends a request.
    fn caller(&self, request: &Request, address: Option<SocketAddr>) -> Result<Caller, Failure> {
        if is_open(request.method(), request.uri().path()) {
            return Ok(Caller::ANYBODY);
        }
        Ok(self.gate.admit(request.headers(), address.as_ref().map(SocketAddr::ip))?)
    }

    /// The answer as it is sent.
    async fn end(&self, response: Response, begun: Begun) -> Response {
        let Begun { id, access, coding, origin } = begun;
        let mut response = self.dressed(response, coding, origin).await;
        if response.headers().contains_key(IDEMPOTENCY_REPLAYED) {
            access.replayed();
        }
        if let Ok(value) = HeaderValue::try_from(id.0) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        access.end(response.status());
        response
    }

    /// The answer with what every answer has.
    async fn dressed(&self, mut response: Response, coding: Coding, origin: Option<HeaderValue>) -> Response {
        compression::compress(&mut response, coding).await;
        cross_origin::say(response.headers_mut(), origin, self.hosts.cross_origins().are_some());
        self.transport_security.say(response.headers_mut());
        response
    }

    fn failed(&self, error: poem::Error, begun: &Begun) -> Response {
        if error.is::<NotFoundError>() {
            return render(Failure::new(Code::RouteNotFound, "there is nothing at this path; see /docs"), begun);
        }
        if error.is::<MethodNotAllowedError>() {
            let method = begun.access.method();
            let allowed = self.routes.allowed(begun.access.path());
            let one_of = if allowed.contains(',') { "one of " } else { "" };
            let detail = format!("expected {one_of}{allowed} for this path, {} came", shown(method.as_str()));
            let mut response = render(Failure::new(Code::MethodNotAllowed, detail), begun);
            if let Ok(allowed) = allowed.parse() {
                response.headers_mut().insert(header::ALLOW, allowed);
            }
            return response;
        }
        let failure = error.downcast::<Failure>().unwrap_or_else(|error| {
            if error.status().is_client_error() {
                Failure::new(Code::Malformed, "the request cannot be understood")
            } else {
                Failure::internal(error.to_string())
            }
        });
        render(failure, begun)
    }
}

/// Whether what is at this path takes references or histories, which may be large.
fn takes_references(path: &str) -> bool {
    matches!(path.trim_end_matches('/').rsplit('/').next(), Some("fit" | "backtest"))
}

async fn untimely(working: Option<&Working>) -> Untimely {
    match working {
        Some(working) => working.untimely().await,
        None => std::future::pending().await,
    }
}

fn nobody_reads_this() -> Response {
    Response::builder().status(StatusCode::REQUEST_TIMEOUT).finish()
}

/// The answer of a failure, which is told to the log.
fn render(failure: Failure, begun: &Begun) -> Response {
    tell(failure.code, failure.cause.as_deref());
    Problem::answer(failure, begun.access.path(), &begun.id.0)
}

/// A failure and its cause go to the log, once.
fn tell(code: Code, cause: Option<&str>) {
    if code.is_fault() {
        tracing::error!(code = code.as_str(), cause, "a request failed");
    } else {
        tracing::debug!(code = code.as_str(), cause, "a request was refused");
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use drifting_listening::Tracing;
    use poem::endpoint::make_sync;

    use super::*;
    use crate::settings::AllowedHosts;

    /// A front of something that panics.
    fn front() -> Front<impl Endpoint<Output = Response>> {
        Front {
            inner: make_sync(|_| -> Response { panic!("the inside") }),
            hosts: HostCheck::new(&AllowedHosts::Any, &[]),
            gate: Arc::new(Gate::open()),
            overload: Overload::default(),
            bodies: BodyMemory::default(),
            fit_bodies: BodyMemory::default(),
            refusals: PreparedRefusals::default(),
            head: HeadLimits::default(),
            connections: Connections::default(),
            readiness: Readiness::default(),
            transport_security: TransportSecurity::default(),
            routes: Routes::default(),
            watch: Watch::new(Arc::new(crate::server::request_measures()), Tracing::default()),
        }
    }

    #[tokio::test]
    async fn a_panic_is_a_problem_that_tells_nothing_of_the_inside() {
        let request = Request::builder().uri_str("/x").header("x-request-id", "given").finish();
        let response = front().call(request).await.unwrap();
        assert_eq!((response.status().as_u16(), response.header("x-request-id")), (500, Some("given")));
        let body = response.into_body().into_string().await.unwrap();
        assert!(body.contains("\"internal\"") && !body.contains("the inside"), "{body}");
    }

    #[tokio::test]
    async fn every_answer_over_tls_says_to_come_back_over_tls() {
        const NAME: &str = "strict-transport-security";
        let beyond_loopback = TransportSecurity::over_tls("192.0.2.1".parse().unwrap());
        let over_tls = Front { transport_security: beyond_loopback, ..front() };
        let answer = over_tls.call(Request::builder().uri_str("/x").finish()).await.unwrap();
        assert_eq!(answer.header(NAME), Some("max-age=86400"));
        let plain = front().call(Request::builder().uri_str("/x").finish()).await.unwrap();
        assert_eq!(plain.header(NAME), None);
    }
}
