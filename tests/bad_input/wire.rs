//! Requests as bytes, and the answers to them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
    /// What came after it, where the connection was watched to its end.
    pub rest: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.head.lines().filter_map(|line| line.split_once(": "));
        values.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// The body, which is JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The beginning of the body.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().take(400).collect()
    }
}

/// Sends a request on a connection of its own and reads the answer, which may come before all is sent.
pub fn exchange(url: &str, request: &[u8], hangs_up: bool, to_its_end: bool) -> std::io::Result<Reply> {
    let stream = TcpStream::connect(url.strip_prefix("http://").expect("a plain address"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut writing = stream.try_clone()?;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // The server may have closed it: then the answer says why.
            let _ = writing.write_all(request);
            if hangs_up {
                let _ = writing.shutdown(Shutdown::Write);
            }
        });
        let reply = read(&stream, to_its_end);
        // Nothing more is sent, or waited for.
        let _ = stream.shutdown(Shutdown::Both);
        reply
    })
}

fn read(stream: &TcpStream, to_its_end: bool) -> std::io::Result<Reply> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(std::io::Error::other(format!("the connection ended in the head {head:?}")));
        }
    }
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("no status in {head:?}")))?;
    let mut reply = Reply { status, head, body: Vec::new(), rest: Vec::new() };
    let length = reply.header("content-length").map_or(0, |length| length.parse().expect("a length"));
    reply.body.resize(length, 0);
    stream.read_exact(&mut reply.body)?;
    if to_its_end {
        match stream.read_to_end(&mut reply.rest) {
            Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => return Err(error),
            _ => {}
        }
    }
    Ok(reply)
}
