//! Accepts connections, and puts deadlines on them.

use std::io;

use drifting_listening::{Accepting, GuardedStream};
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::net::TcpListener;

use super::activity::Connections;
use super::guard::HttpGuard;
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
        let accepting =
            Accepting::new(listener, settings.connections_max, settings.tls.clone(), settings.timeouts.head);
        Ok(Self { accepting, address, connections, timeouts: settings.timeouts, scheme })
    }

    /// The next connection, and what requests that come over it are told: where it was accepted, where it comes from, and its scheme.
    /// Nothing is lost when this is given up.
    ///
    /// # Errors
    /// When there will be none any more.
    pub(super) async fn accept(&mut self) -> io::Result<(GuardedStream<HttpGuard>, LocalAddr, RemoteAddr, Scheme)> {
        let accepted = self.accepting.next().await?;
        let address = accepted.address;
        let guard = HttpGuard::new(address, self.connections.clone(), self.timeouts);
        let stream = GuardedStream::new(accepted, guard, self.timeouts.write);
        Ok((stream, self.address.clone(), RemoteAddr(address.into()), self.scheme.clone()))
    }
}
