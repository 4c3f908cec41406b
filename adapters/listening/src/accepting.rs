//! Accepts connections: no more at once than allowed, without Nagle's delay, and without spinning when it cannot.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::places::{Place, Resting};
use crate::{Places, Tls, Transport};

/// After an error, such as no file descriptor left, accepting waits so long.
const PAUSE: Duration = Duration::from_millis(100);

/// So many connections may wait to be accepted, where the system allows it. One that finds no place tries again after a second, by TCP's
/// rules: a thousand clients that come at once are not many.
const BACKLOG: u32 = 4_096;

/// A listener of which so many connections are open at once.
pub struct Accepting {
    listener: TcpListener,
    places: Places,
    resting: Resting,
    /// One that has been accepted and has no place yet.
    waiting: Option<(TcpStream, SocketAddr)>,
    tls: Option<Arc<Tls>>,
    handshake: Duration,
    is_failing: bool,
}

/// A connection, which makes room for another one when its place is dropped.
pub struct Accepted {
    /// Its bytes.
    pub transport: Transport,
    /// Where it comes from.
    pub address: SocketAddr,
    /// Its place among those that are open.
    pub(crate) place: Place,
}

impl Accepting {
    /// Connections of this listener, as many at once as there are places; more wait in the system's queue where none rests that could make
    /// room. With TLS they begin with a handshake, which goes on while they are read and for which a client may take so long.
    pub fn new(listener: TcpListener, places: Places, tls: Option<Arc<Tls>>, handshake: Duration) -> Self {
        Self { listener, places, resting: Resting::default(), waiting: None, tls, handshake, is_failing: false }
    }

    /// The next connection, once there is room for it. Nothing is lost when this is given up.
    ///
    /// # Errors
    /// When there will be none any more.
    pub async fn next(&mut self) -> io::Result<Accepted> {
        loop {
            // First, since nobody is to make room while nobody comes.
            if self.waiting.is_none() {
                self.waiting = Some(self.accept().await);
            }
            let place = self.places.take(&mut self.resting).await?;
            if let Some((stream, address)) = self.waiting.take() {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection keeps Nagle's delay");
                }
                let transport = match &self.tls {
                    Some(tls) => Transport::tls(tls.accept(stream), self.handshake),
                    None => Transport::plain(stream),
                };
                return Ok(Accepted { transport, address, place });
            }
        }
    }

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => {
                    self.is_failing = false;
                    return accepted;
                }
                Err(error) => {
                    // Once a run of errors: they may come ten times a second.
                    if !std::mem::replace(&mut self.is_failing, true) {
                        tracing::warn!(%error, address = ?self.listener.local_addr().ok(), "cannot accept connections; trying on");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Listens on an address, on the runtime that polls this; with port 0 the system chooses a free one.
///
/// # Errors
/// When the address cannot be bound.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that starts again need not wait until the connections of the last one are forgotten.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
