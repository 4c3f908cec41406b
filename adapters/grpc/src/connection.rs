//! Connections: no more at once than allowed, with deadlines, and cut when the server has waited long enough for their end.

mod guard;

use std::io;

use drifting_listening::{Accepting, GuardedStream};
use futures_util::future::Shared;
use futures_util::{FutureExt, Stream};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub(crate) use self::guard::ClientAddress;
use self::guard::{GrpcGuard, Incoming};
use crate::settings::GrpcSettings;

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
) -> impl Stream<Item = io::Result<Incoming>> + use<> {
    let timeouts = settings.timeouts;
    let accepting = Accepting::new(listener, settings.places.clone(), settings.tls.clone(), timeouts.preface);
    futures_util::stream::unfold(accepting, move |mut accepting| {
        let cut = cut.clone();
        async move {
            let accepted = accepting.next().await.ok()?;
            let guard = GrpcGuard::new(timeouts, cut);
            let address = accepted.address;
            let stream = GuardedStream::new(accepted, guard, timeouts.write);
            Some((Ok(Incoming { stream, address }), accepting))
        }
    })
}
