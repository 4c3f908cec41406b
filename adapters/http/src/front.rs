//! Around every operation: the request's id, the checks of host, page and key, the access log, and failures as problem details.

mod access_log;
mod compression;
mod cross_origin;
mod head;
mod hosts;
mod overload;
mod routes;
mod watched;

pub(crate) use hosts::HostCheck;
pub(crate) use overload::Overload;
pub(crate) use routes::Routes;
pub(crate) use watched::{METHODS, STATUSES, Watch};

use std::any::Any;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use drifting_access::{Caller, Gate};
use drifting_listening::{IDEMPOTENCY_REPLAYED, REQUEST_ID, RequestId};
use futures_util::FutureExt;
use poem::error::{MethodNotAllowedError, NotFoundError};
use poem::http::{HeaderValue, Method, StatusCode, Uri, header};
use poem::{Endpoint, Request, Response};
use tracing::Instrument;

use self::access_log::Access;
use self::watched::Watched;
use crate::body::leave_unread;
use crate::connection::{Connections, Working};
use crate::error::{Code, Failure, Problem, shown};
use crate::rights::is_open;
use crate::settings::HeadLimits;

/// The outermost endpoint.
pub(crate) struct Front<E> {
    pub(crate) inner: E,
    pub(crate) hosts: HostCheck,
    pub(crate) gate: Arc<Gate>,
    pub(crate) overload: Overload,
    pub(crate) head: HeadLimits,
    pub(crate) connections: Connections,
    pub(crate) routes: Routes,
    pub(crate) watch: Watch,
}

impl<E: Endpoint<Output = Response>> Endpoint for Front<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let working = self.connections.begin(request.remote_addr());
        let id = RequestId::of(request.header(REQUEST_ID));
        let watched = self.watch.begin(&mut request, &id);
        let span = watched.span.clone();
        request.set_data(id.clone());
        self.served(request, id.0, watched, working.as_ref()).instrument(span).await
    }
}

impl<E: Endpoint<Output = Response>> Front<E> {
    /// The answer, within the span of the request.
    async fn served(
        &self,
        mut request: Request,
        id: String,
        watched: Watched,
        working: Option<&Working>,
    ) -> poem::Result<Response> {
        // Cloning shares the text.
        let uri = request.uri().clone();
        let method = request.method().clone();
        let route = watched.route;
        let access = Access::begin(method.clone(), uri.clone(), watched);
        let coding = compression::wanted(&request);
        let origin = self.hosts.cross_origins().of(&request).cloned();
        let outcome = match self.admit(&mut request, route) {
            Ok(Some(answer)) => Ok(Ok(answer)),
            Ok(None) => {
                // The server under us goes on with a request whose client has left, so this is seen to here.
                tokio::select! {
                    biased;
                    outcome = AssertUnwindSafe(self.inner.call(request)).catch_unwind() => outcome,
                    () = client_left(working) => return Ok(nobody_reads_this()),
                }
            }
            Err(failure) => {
                leave_unread(&mut request);
                Ok(Err(failure.into()))
            }
        };
        let mut response = match outcome {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => self.failed(error, &method, &uri, &id),
            Err(panic) => render(Failure::internal(format!("panic: {}", panic_text(&*panic))), &uri, &id),
        };
        compression::compress(&mut response, coding).await;
        if let Ok(value) = HeaderValue::try_from(id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        if response.headers().contains_key(IDEMPOTENCY_REPLAYED) {
            access.replayed();
        }
        cross_origin::say(response.headers_mut(), origin, self.hosts.cross_origins().are_some());
        access.end(response.status());
        Ok(response)
    }
}

impl<E> Front<E> {
    /// Decides by the head alone whether a request is served, and notes who sends it. A browser that only asks what a page may
    /// send has its answer at once.
    fn admit(&self, request: &mut Request, route: Option<usize>) -> Result<Option<Response>, Failure> {
        head::check(request, &self.head)?;
        self.hosts.check(request)?;
        if self.hosts.cross_origins().of(request).is_some()
            && let Some(answer) = cross_origin::preflight(request)
        {
            return Ok(Some(answer));
        }
        let caller = if is_open(request.method(), request.uri().path()) {
            Caller::ANYBODY
        } else {
            let address = request.remote_addr().as_socket_addr().map(SocketAddr::ip);
            self.gate.admit(request.headers(), address)?
        };
        self.overload.check(request.method(), route)?;
        request.set_data(caller);
        Ok(None)
    }

    fn failed(&self, error: poem::Error, method: &Method, uri: &Uri, id: &str) -> Response {
        if error.is::<NotFoundError>() {
            return render(Failure::new(Code::RouteNotFound, "there is nothing at this path; see /docs"), uri, id);
        }
        if error.is::<MethodNotAllowedError>() {
            let allowed = self.routes.allowed(uri.path());
            let one_of = if allowed.contains(',') { "one of " } else { "" };
            let detail = format!("expected {one_of}{allowed} for this path, {} came", shown(method.as_str()));
            let mut response = render(Failure::new(Code::MethodNotAllowed, detail), uri, id);
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
        render(failure, uri, id)
    }
}

async fn client_left(working: Option<&Working>) {
    match working {
        Some(working) => working.client_left().await,
        None => std::future::pending().await,
    }
}

fn nobody_reads_this() -> Response {
    Response::builder().status(StatusCode::REQUEST_TIMEOUT).finish()
}

/// The answer of a failure; its cause goes to the log, once.
fn render(failure: Failure, uri: &Uri, id: &str) -> Response {
    let cause = failure.cause.as_deref();
    // Being asked for too much is no fault of the server.
    if failure.code.status().is_server_error() && failure.code != Code::Overloaded {
        tracing::error!(code = failure.code.as_str(), cause, "a request failed");
    } else {
        tracing::debug!(code = failure.code.as_str(), cause, "a request was refused");
    }
    Problem::answer(failure, uri.path(), id)
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

    #[tokio::test]
    async fn a_panic_is_a_problem_that_tells_nothing_of_the_inside() {
        let front = Front {
            inner: make_sync(|_| -> Response { panic!("the inside") }),
            hosts: HostCheck::new(&AllowedHosts::Any, &[]),
            gate: Arc::new(Gate::open()),
            overload: Overload::default(),
            head: HeadLimits::default(),
            connections: Connections::default(),
            routes: Routes::default(),
            watch: Watch::new(Arc::new(crate::server::request_measures()), Tracing::default()),
        };
        let request = Request::builder().uri_str("/x").header("x-request-id", "given").finish();
        let response = front.call(request).await.unwrap();
        assert_eq!((response.status().as_u16(), response.header("x-request-id")), (500, Some("given")));
        let body = response.into_body().into_string().await.unwrap();
        assert!(body.contains("\"internal\"") && !body.contains("the inside"), "{body}");
    }
}
