//! One connection through the link.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use super::switch::{Direction, Passed, Switch, Verdict};

/// How soon a write that nobody reads notices that the connection was reset.
const WRITE_TIMEOUT: Duration = Duration::from_millis(50);

/// A client, and the server once it is connected. Both are closed when this is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    client: TcpStream,
    server: OnceLock<TcpStream>,
    is_reset: AtomicBool,
}

impl Connection {
    pub(super) fn with(client: TcpStream) -> io::Result<Self> {
        prepare(&client)?;
        Ok(Self { client, server: OnceLock::new(), is_reset: AtomicBool::new(false) })
    }

    pub(super) fn connect(&self, upstream: SocketAddr) -> io::Result<()> {
        let server = TcpStream::connect(upstream)?;
        prepare(&server)?;
        self.server.get_or_init(|| server);
        if self.is_reset() {
            // It was reset while this was not there yet.
            self.reset();
        }
        Ok(())
    }

    /// Ends it as a broken network would: what closes it now sends a reset.
    pub(super) fn reset(&self) {
        self.doom();
        for end in [Some(&self.client), self.server.get()].into_iter().flatten() {
            // The other side may have closed it already.
            set_socket_linger(end, Some(Duration::ZERO)).ok();
            // Only wakes who reads here: nothing is sent.
            end.shutdown(Shutdown::Read).ok();
        }
    }

    /// From now on no piece passes any more.
    pub(super) fn doom(&self) {
        self.is_reset.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_reset(&self) -> bool {
        self.is_reset.load(Ordering::SeqCst)
    }

    pub(super) fn pump_to_server(&self, switch: &Switch) {
        if let Some(server) = self.server.get() {
            self.pump(switch, Direction::ToServer, &self.client, server);
        }
    }

    pub(super) fn pump_to_client(&self, switch: &Switch) {
        if let Some(server) = self.server.get() {
            self.pump(switch, Direction::ToClient, server, &self.client);
        }
    }

    /// Passes on what comes, as the switch says, until there is no more.
    fn pump(&self, switch: &Switch, direction: Direction, mut from: &TcpStream, to: &TcpStream) {
        let mut passed = Passed::default();
        let mut piece = [0; 16 * 1024];
        loop {
            let n = match from.read(&mut piece) {
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // One side has reset it: so has the link.
                Err(_) => break,
            };
            let verdict = switch.judge(self, direction, n, &mut passed);
            let n_passing = if let Verdict::ResetAfter(n) = verdict { n } else { n };
            if self.write_all(to, &piece[..n_passing]).is_err() || verdict != Verdict::Pass {
                break;
            }
            if n == 0 {
                to.shutdown(Shutdown::Write).ok();
                return;
            }
        }
        self.reset();
        switch.wake();
    }

    fn write_all(&self, mut to: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match to.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if self.is_reset() {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn prepare(end: &TcpStream) -> io::Result<()> {
    end.set_nodelay(true)?;
    end.set_write_timeout(Some(WRITE_TIMEOUT))
}
