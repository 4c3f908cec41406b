//! Serves what comes over accepted connections, by hyper itself: poem's own server gives its connections no limit of memory, hides
//! from hyper that a socket takes several pieces at once (which keeps a copy of the largest answer for each connection), and locks
//! each socket for each read and write.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use poem::http::Version;
use poem::{Endpoint, Response};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::acceptor::{Accepted, GuardedAcceptor};
use super::answer::Answer;
use super::refusing::Refuse;
use crate::settings::HeadLimits;

/// Requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
/// A head that is larger than allowed by so much is still answered with words.
const HEAD_SLACK: usize = 64 << 10;

/// Serves until `shutdown` completes; then takes no more connections, and those that are open finish their requests for up to `grace`.
///
/// Memory of a connection of HTTP/1.1, beside its request and its answer: 16 KiB to read into, while a client sends no large bodies;
/// never more than a head may have and [`HEAD_SLACK`].
pub(crate) async fn serve(
    mut acceptor: GuardedAcceptor,
    endpoint: impl Endpoint<Output = Response> + Refuse,
    head: HeadLimits,
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) {
    let protocols = protocols(head);
    let endpoint = Arc::new(endpoint);
    let (open, ending, over) = (TaskTracker::new(), GracefulShutdown::new(), CancellationToken::new());
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = acceptor.accept(&endpoint) => accepted,
        };
        let Accepted { stream, activity, local, remote, scheme } = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::error!(%error, "no more connections are accepted");
                shutdown.await;
                break;
            }
        };
        let endpoint = Arc::clone(&endpoint);
        let answer = service_fn(move |request: hyper::Request<Incoming>| {
            let (endpoint, activity) = (Arc::clone(&endpoint), Arc::clone(&activity));
            // Of the requests of HTTP/2 it says nothing that several are on their way at once.
            let is_alone = request.version() < Version::HTTP_2;
            activity.begun(request.body().size_hint().exact().filter(|_| is_alone));
            let request = (request, local.clone(), remote.clone(), scheme.clone()).into();
            async move {
                let response: hyper::Response<_> = endpoint.get_response(request).await.into();
                Ok::<_, Infallible>(response.map(|body| Answer::new(body, activity)))
            }
        });
        let connection = protocols.serve_connection(TokioIo::new(stream), answer).into_owned();
        let (connection, over) = (ending.watch(connection), over.clone());
        open.spawn(async move {
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection broke");
                    }
                }
                () = over.cancelled() => {}
            }
        });
    }
    drop(acceptor);
    open.close();
    if tokio::time::timeout(grace, ending.shutdown()).await.is_err() {
        tracing::warn!(open = open.len(), "connections are closed before their requests have ended");
        over.cancel();
    }
    open.wait().await;
}

/// What is spoken: HTTP/1.1, or HTTP/2 where a client begins with it.
fn protocols(head: HeadLimits) -> auto::Builder<TokioExecutor> {
    let mut protocols = auto::Builder::new(TokioExecutor::new());
    protocols.http1().max_buf_size(head.target_bytes.saturating_add(head.headers_bytes).saturating_add(HEAD_SLACK));
    protocols
        .http2()
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(head.headers_bytes).unwrap_or(u32::MAX));
    protocols
}
