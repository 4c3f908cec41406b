//! Accepts connections, and puts deadlines on them.

use std::io;
use std::sync::Arc;

use drifting_listening::{Accepting, GuardedStream};
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::net::TcpListener;

use super::activity::{Activity, Connections};
use super::guard::HttpGuard;
use super::refusing::{Refuse, RefusingStream};
use crate::settings::{HttpSettings, HttpTimeouts};

/// A listener whose connections have deadlines.
pub(crate) struct GuardedAcceptor {
    accepting: Accepting,
    address: LocalAddr,
    connections: Connections,
    timeouts: HttpTimeouts,
    scheme: Scheme,
}

impl GuardedAcceptor {
    pub(crate) fn new(listener: TcpListener, connections: Connections, settings: &HttpSettings) -> io::Result<Self> {
        let address = LocalAddr(listener.local_addr()?.into());
        let scheme = if settings.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        let accepting = Accepting::new(listener, settings.places.clone(), settings.tls.clone(), settings.timeouts.head);
        Ok(Self { accepting, address, connections, timeouts: settings.timeouts, scheme })
    }

    /// The next connection, on which `refuse` is asked first. Nothing is lost when this is given up.
    ///
    /// # Errors
    /// When there will be none any more.
    pub(super) async fn accept<R: Refuse>(&mut self, refuse: &Arc<R>) -> io::Result<Accepted<R>> {
        let accepted = self.accepting.next().await?;
        let address = accepted.address;
        let guard = HttpGuard::new(address, self.connections.clone(), self.timeouts);
        let activity = guard.activity();
        let stream = GuardedStream::new(accepted, guard, self.timeouts.write);
        let is_plain = self.scheme == Scheme::HTTP;
        let stream = RefusingStream::new(stream, Arc::clone(&activity), Arc::clone(refuse), address, is_plain);
        Ok(Accepted {
            stream,
            activity,
            local: self.address.clone(),
            remote: RemoteAddr(address.into()),
            scheme: self.scheme.clone(),
        })
    }
}

/// A connection, and what requests that come over it are told.
pub(super) struct Accepted<R> {
    pub(super) stream: RefusingStream<R>,
    pub(super) activity: Arc<Activity>,
    /// Where it was accepted.
    pub(super) local: LocalAddr,
    /// Where it comes from.
    pub(super) remote: RemoteAddr,
    pub(super) scheme: Scheme,
}
