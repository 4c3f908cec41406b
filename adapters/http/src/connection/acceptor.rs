//! Accepts connections: no more at once than allowed, without Nagle's delay, and without spinning when it cannot.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::activity::Connections;
use super::guarded::GuardedStream;
use crate::settings::HttpTimeouts;

/// After an error, such as no file descriptor left, accepting waits so long.
const PAUSE: Duration = Duration::from_millis(100);

/// A listener whose connections have deadlines.
pub(crate) struct GuardedAcceptor {
    listener: TcpListener,
    address: LocalAddr,
    permits: Arc<Semaphore>,
    connections: Connections,
    timeouts: HttpTimeouts,
    is_failing: bool,
}

impl GuardedAcceptor {
    pub(crate) fn new(
        listener: TcpListener,
        connections: Connections,
        connections_max: usize,
        timeouts: HttpTimeouts,
    ) -> io::Result<Self> {
        let address = LocalAddr(listener.local_addr()?.into());
        let permits = Arc::new(Semaphore::new(connections_max.min(Semaphore::MAX_PERMITS)));
        Ok(Self { listener, address, permits, connections, timeouts, is_failing: false })
    }
}

impl Acceptor for GuardedAcceptor {
    type Io = GuardedStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        vec![self.address.clone()]
    }

    async fn accept(&mut self) -> io::Result<(GuardedStream, LocalAddr, RemoteAddr, Scheme)> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(io::Error::other)?;
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    self.is_failing = false;
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection keeps Nagle's delay");
                    }
                    let stream = GuardedStream::new(stream, address, self.connections.clone(), permit, self.timeouts);
                    return Ok((stream, self.address.clone(), RemoteAddr(address.into()), Scheme::HTTP));
                }
                Err(error) => {
                    // Once a run of errors: they may come ten times a second.
                    if !std::mem::replace(&mut self.is_failing, true) {
                        tracing::warn!(%error, "cannot accept connections; trying on");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}
