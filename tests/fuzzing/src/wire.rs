//! Bytes there, an answer back.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// An answer; the status is 0 where none came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

/// Sends bytes and no more, and reads what comes until the server closes.
pub(crate) fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    send(address, request, true)
}

fn send(address: SocketAddr, request: &[u8], is_all: bool) -> Answer {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    // Nothing of the connection stays behind: there are thousands a second.
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).expect("no lingering");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
    // It may have answered and closed before all was sent.
    let _ = stream.write_all(request);
    if is_all {
        // A request that is cut off would be waited for.
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    if let Err(error) = read {
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "the server does not answer");
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, text }
}

/// Posts a body.
pub(crate) fn post(address: SocketAddr, path: &str, media_type: &str, body: &[u8]) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {media_type}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    // A client that has closed its side has left, and whoever leaves needs no fit.
    send(address, &[head.as_bytes(), body].concat(), false)
}
