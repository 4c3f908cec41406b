//! Connections: no more at once than allowed, with deadlines, and cut when the server has waited long enough for their end.

mod guarded;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::Shared;
use futures_util::{FutureExt, Stream};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};

use self::guarded::GuardedStream;
use crate::settings::GrpcSettings;

/// After an error, such as no file descriptor left, accepting waits so long.
const PAUSE: Duration = Duration::from_millis(100);

/// Ready when connections are no longer waited for.
pub(crate) type Cut = Shared<oneshot::Receiver<()>>;

/// What cuts every connection when it is dropped.
pub(crate) struct Scissors {
    _sender: oneshot::Sender<()>,
}

impl Scissors {
    /// Scissors, and what the connections see of them.
    pub(crate) fn new() -> (Self, Cut) {
        let (sender, receiver) = oneshot::channel();
        (Self { _sender: sender }, receiver.shared())
    }
}

/// The connections that a listener accepts; dropping the stream closes the listener.
pub(crate) fn incoming(
    listener: TcpListener,
    settings: &GrpcSettings,
    cut: Cut,
) -> impl Stream<Item = io::Result<GuardedStream>> + use<> {
    let permits = Arc::new(Semaphore::new(settings.connections_max.min(Semaphore::MAX_PERMITS)));
    let timeouts = settings.timeouts;
    futures_util::stream::unfold((listener, false), move |(listener, mut is_failing)| {
        let (permits, cut) = (Arc::clone(&permits), cut.clone());
        async move {
            let permit = permits.acquire_owned().await.ok()?;
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        if let Err(error) = stream.set_nodelay(true) {
                            tracing::debug!(%error, "a connection keeps Nagle's delay");
                        }
                        return Some((Ok(GuardedStream::new(stream, timeouts, cut, permit)), (listener, false)));
                    }
                    Err(error) => {
                        // Once a run of errors: they may come ten times a second.
                        if !std::mem::replace(&mut is_failing, true) {
                            tracing::warn!(%error, "cannot accept gRPC connections; trying on");
                        }
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
    })
}
