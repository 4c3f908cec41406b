//! The way to a server, which fails on purpose.

mod connection;
mod switch;

use std::io::Result;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::PostgresServer;
use connection::Connection;
use switch::{Mode, Switch};

/// A proxy on a port of its own in front of a [`PostgresServer`]. Until it is told otherwise it passes everything on. What
/// it is told holds at once, for the connections that live as well as for new ones.
///
/// A connection that is reset ends without a goodbye in both directions (TCP RST): neither side can tell what the other
/// has received.
#[derive(Debug)]
pub struct FaultyLink {
    uri: String,
    address: SocketAddr,
    switch: Arc<Switch>,
    acceptor: Option<JoinHandle<()>>,
}

impl FaultyLink {
    /// Starts one in front of a server, which may be stopped and started again meanwhile.
    ///
    /// # Panics
    ///
    /// When there is no free port.
    pub fn start(server: &PostgresServer) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("some port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()));
        let switch = Arc::new(Switch::default());
        let shared = Arc::clone(&switch);
        let acceptor = thread::spawn(move || accept(&listener, upstream, &shared));
        Self { uri: server.uri_at(address.port()), address, switch, acceptor: Some(acceptor) }
    }

    /// Where clients go instead of the server: its address with the port of the link.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// From now on everything passes, also what was held.
    pub fn pass(&self) {
        self.switch.turn(Mode::Pass);
    }

    /// From now on each piece that comes for the server is late by so much, one after the other.
    pub fn delay(&self, by: Duration) {
        self.switch.turn(Mode::Delay(by));
    }

    /// From now on nothing moves: connections are accepted and kept, and nothing comes out of them, not even their end.
    pub fn hold(&self) {
        self.switch.turn(Mode::Hold);
    }

    /// Resets all connections, and from now on each new one at once.
    pub fn refuse(&self) {
        self.switch.turn(Mode::Refuse);
    }

    /// From now on so many bytes pass towards the server on each connection, counted from here or from its beginning, and
    /// with the last of them it is reset: in the middle of a transaction, or with a commit that nobody hears of.
    pub fn reset_after(&self, n_bytes: u64) {
        self.switch.turn(Mode::ResetAfter(n_bytes));
    }

    /// How many connections have come so far, also those that were reset at once.
    pub fn n_connections(&self) -> u64 {
        self.switch.counts().n_connections
    }

    /// How many bytes have passed towards the server so far, on all connections.
    pub fn n_bytes_to_server(&self) -> u64 {
        self.switch.counts().n_bytes_to_server
    }

    /// How many bytes have passed towards the clients so far, on all connections.
    pub fn n_bytes_to_client(&self) -> u64 {
        self.switch.counts().n_bytes_to_client
    }
}

impl Drop for FaultyLink {
    fn drop(&mut self) {
        self.switch.turn(Mode::Over);
        // It sees that when the next one comes.
        TcpStream::connect(self.address).ok();
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().ok();
        }
    }
}

fn accept(listener: &TcpListener, upstream: SocketAddr, switch: &Arc<Switch>) {
    for client in listener.incoming() {
        // A client may have left before it was accepted.
        let Ok(connection) = client.and_then(Connection::with) else { continue };
        let connection = Arc::new(connection);
        match switch.admit(&connection) {
            Mode::Over => return,
            Mode::Refuse => connection.reset(),
            Mode::Pass | Mode::Delay(_) | Mode::Hold | Mode::ResetAfter(_) => {
                let switch = Arc::clone(switch);
                thread::spawn(move || serve(&switch, &connection, upstream));
            }
        }
    }
}

/// Both ways of a connection, until it ends.
fn serve(switch: &Switch, connection: &Arc<Connection>, upstream: SocketAddr) {
    let open = || -> Result<()> {
        switch.wait_while_held(connection);
        if connection.is_reset() { Ok(()) } else { connection.connect(upstream) }
    };
    // The server is down: the link says so in the only way it has.
    if open().is_err() {
        connection.reset();
    }
    thread::scope(|scope| {
        scope.spawn(|| connection.pump_to_server(switch));
        connection.pump_to_client(switch);
    });
}
