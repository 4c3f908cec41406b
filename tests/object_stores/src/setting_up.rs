//! The few plain requests that set a store up, before a test speaks to it.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// Status and text of the answer to one request.
pub(crate) fn ask(method: &str, port: u16, path: &str, body: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n")?;
    if !body.is_empty() {
        write!(stream, "Content-Type: application/json\r\n")?;
    }
    write!(stream, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or_else(|| Error::from(ErrorKind::InvalidData))?, answer))
}

/// One request that must succeed.
pub(crate) fn must(method: &str, port: u16, path: &str, body: &str) {
    expect(method, path, ask(method, port, path, body));
}

/// The answer to a request that must succeed.
pub(crate) fn expect(method: &str, path: &str, answer: Result<(u16, String)>) {
    match answer {
        Ok((200..=299, _)) => {}
        Ok((_, answer)) => panic!("{method} {path} is refused: {answer}"),
        Err(error) => panic!("{method} {path} is not answered: {error}"),
    }
}
