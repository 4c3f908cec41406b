//! Serves what comes over accepted connections, by hyper itself: poem's own server gives its connections no limit of memory, hides
//! from hyper that a socket takes several pieces at once (which keeps a copy of the largest answer for each connection), and locks
//! each socket for each read and write.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulConnection;
use poem::http::{HeaderValue, Version, header};
use poem::{Endpoint, Response};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::acceptor::{Accepted, GuardedAcceptor};
use super::answer::Answer;
use super::framing::OddFraming;
use super::refusing::Refuse;
use crate::settings::HeadLimits;

/// Requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
/// A head that is larger than allowed by so much is still answered with words.
const HEAD_SLACK: usize = 64 << 10;
/// So many headers are read, and refused with words where they are more than are allowed; more than these are refused without. Where
/// they stand in a head takes 16 KiB while it is read.
const HEADERS_READ_MAX: usize = 256;
/// What a header of HTTP/2 counts for beside its name and its value (RFC 9113, section 6.5.2).
const HEADER_OVERHEAD: usize = 32;
/// Connections are accepted, and those on which nothing is asked stay open, for so long after the server was told to stop: what their clients
/// have sent by then may be on its way, and would be lost.
const LINGER: Duration = Duration::from_millis(100);
/// Requests that have not ended in time are told so within this, at the end of that time.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// How far the server has come in stopping, as its connections are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Serving,
    /// Each connection ends after its next answer.
    Leaving,
    /// Connections end when no request is at work on them.
    Ending,
    /// They are closed.
    Over,
}

/// Serves until `shutdown` completes; then takes no more connections, and those that are open finish their requests for up to `grace`. What
/// has not ended shortly before is answered as interrupted.
///
/// From the end of `draining` on, or that of `shutdown`, each answer of HTTP/1.1 says that its connection is closed behind it, and connections of
/// HTTP/2 say that they take no more requests: so clients go elsewhere, and none sends a request on a connection that is about to be closed.
///
/// Memory of a connection of HTTP/1.1, beside its request and its answer: 16 KiB to read into, while a client sends no large bodies;
/// never more than a head may have and [`HEAD_SLACK`].
pub(crate) async fn serve<E: Endpoint<Output = Response> + Refuse>(
    mut acceptor: GuardedAcceptor,
    endpoint: E,
    head: HeadLimits,
    draining: impl Future<Output = ()>,
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) {
    let protocols = protocols(head);
    let endpoint = Arc::new(endpoint);
    let open = TaskTracker::new();
    let (stage, stages) = watch::channel(Stage::Serving);
    let serve_one = |accepted: Accepted<E>| {
        let Accepted { stream, activity, local, remote, scheme } = accepted;
        let endpoint = Arc::clone(&endpoint);
        let speaks_http2 = Arc::new(AtomicBool::new(false));
        let heard_http2 = Arc::clone(&speaks_http2);
        let answer = service_fn(move |mut request: hyper::Request<Incoming>| {
            let (endpoint, activity) = (Arc::clone(&endpoint), Arc::clone(&activity));
            // Of the requests of HTTP/2 it says nothing that several are on their way at once.
            let is_alone = request.version() < Version::HTTP_2;
            if !is_alone {
                heard_http2.store(true, Ordering::Relaxed);
            }
            activity.begun(request.body().size_hint().exact().filter(|_| is_alone));
            let odd = is_alone.then(|| OddFraming::of(request.headers(), activity.take_ambiguous())).flatten();
            if let Some(odd) = odd {
                request.extensions_mut().insert(odd);
            }
            let request = (request, local.clone(), remote.clone(), scheme.clone()).into();
            async move {
                let mut response: hyper::Response<_> = endpoint.get_response(request).await.into();
                if is_alone && (odd.is_some() || endpoint.is_leaving()) {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response.map(|body| Answer::new(body, activity)))
            }
        });
        let connection = protocols.serve_connection(TokioIo::new(stream), answer).into_owned();
        open.spawn(carry(connection, stages.clone(), speaks_http2));
    };
    let (mut draining, mut shutdown) = (pin!(draining), pin!(shutdown));
    loop {
        let is_leaving = *stages.borrow() > Stage::Serving;
        tokio::select! {
            () = &mut shutdown => break,
            () = &mut draining, if !is_leaving => {
                stage.send_replace(Stage::Leaving);
            }
            accepted = acceptor.accept(&endpoint) => match accepted {
                Ok(accepted) => serve_one(accepted),
                Err(error) => {
                    tracing::error!(%error, "no more connections are accepted");
                    shutdown.await;
                    break;
                }
            },
        }
    }
    stage.send_replace(Stage::Leaving);
    open.close();
    // Who has been connected by the system already may have sent a request, too.
    let lingering = async {
        loop {
            tokio::select! {
                biased;
                Ok(accepted) = acceptor.accept(&endpoint) => serve_one(accepted),
                () = open.wait() => return,
            }
        }
    };
    let _ = tokio::time::timeout(LINGER.min(grace), lingering).await;
    drop(acceptor);
    stage.send_replace(Stage::Ending);
    let for_answers = ANSWER_WITHIN.min(grace / 4);
    if tokio::time::timeout(grace.saturating_sub(for_answers), open.wait()).await.is_err() {
        tracing::warn!(open = open.len(), "requests are interrupted on connections that have not ended in time");
        endpoint.interrupt();
        if tokio::time::timeout(for_answers, open.wait()).await.is_err() {
            tracing::warn!(open = open.len(), "connections are closed whose clients have not taken their answers");
            stage.send_replace(Stage::Over);
        }
    }
    open.wait().await;
}

/// Serves a connection to its end, which comes by the stage of the server if not before.
async fn carry<C: GracefulConnection<Error: std::fmt::Display>>(
    connection: C,
    mut stages: watch::Receiver<Stage>,
    speaks_http2: Arc<AtomicBool>,
) {
    let mut connection = pin!(connection);
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                }
                return;
            }
            changed = stages.changed() => {
                let stage = *stages.borrow_and_update();
                // Its sender outlives all connections.
                if changed.is_err() || stage == Stage::Over {
                    return;
                }
                if stage == Stage::Ending || (stage == Stage::Leaving && speaks_http2.load(Ordering::Relaxed)) {
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// What is spoken: HTTP/1.1, or HTTP/2 where a client begins with it.
fn protocols(head: HeadLimits) -> auto::Builder<TokioExecutor> {
    let mut protocols = auto::Builder::new(TokioExecutor::new());
    // Over HTTP/2 the path counts as a header.
    let allowed = head.target_bytes.saturating_add(head.headers_bytes);
    protocols.http1().max_headers(HEADERS_READ_MAX).max_buf_size(allowed.saturating_add(HEAD_SLACK));
    let listed = allowed.saturating_add(HEADERS_READ_MAX * HEADER_OVERHEAD);
    protocols
        .http2()
        // Small at first, so that little of what is refused is on its way by then, and wider where a long body is read as fast as it comes.
        .adaptive_window(true)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(listed).unwrap_or(u32::MAX));
    protocols
}
