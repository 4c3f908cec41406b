//! How clients learn that the server leaves, and that nothing is lost which they have sent by then.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::frames::{END_HEADERS, END_STREAM, GOAWAY, HEADERS, beginning, begun, frame, head};
use crate::support::{TestServer, read_reply};

const ASKED: &[u8] = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// The head of the next answer on a connection that is kept, and its body, which has a length.
async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        bytes.push(stream.read_u8().await.expect("an answer"));
        let Some(head) = std::str::from_utf8(&bytes).unwrap().strip_suffix("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("its length");
        let mut body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut body).await.unwrap();
        return head;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_drains_each_answer_is_the_last_of_its_connection() {
    let mut server = TestServer::start().await;
    let mut kept = server.connect().await;
    for _ in 0..2 {
        kept.write_all(ASKED).await.unwrap();
        assert!(!answer(&mut kept).await.contains("connection:"));
    }
    server.drain();
    server.until_not_ready().await;
    kept.write_all(ASKED).await.unwrap();
    let last = read_reply(&mut kept).await;
    assert_eq!((last.status, last.header("connection")), (200, Some("close")));
    // Whoever comes anew is served.
    let mut new = server.connect().await;
    new.write_all(ASKED).await.unwrap();
    assert_eq!(read_reply(&mut new).await.header("connection"), Some("close"));
    timeout(Duration::from_secs(5), server.stop()).await.expect("the server does not end").unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_before_the_server_stopped_is_answered() {
    let server = TestServer::start().await;
    let (mut kept, mut new) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        let mut stream = server.connect().await;
        stream.write_all(ASKED).await.unwrap();
        answer(&mut stream).await;
        kept.push(stream);
    }
    for _ in 0..8 {
        new.push(server.connect().await);
    }
    for stream in kept.iter_mut().chain(&mut new) {
        stream.write_all(ASKED).await.unwrap();
    }
    let served = server.stop();
    for (n, stream) in kept.iter_mut().chain(&mut new).enumerate() {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap_or_else(|error| panic!("connection {n}: {error}"));
        assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\n"), "connection {n}: {}", bytes.escape_ascii());
    }
    timeout(Duration::from_secs(5), served).await.expect("the server does not end").unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_drains_connections_of_http_2_are_told_to_go() {
    let mut server = TestServer::start().await;
    let mut stream = server.connect().await;
    let asked = frame(HEADERS, END_STREAM | END_HEADERS, 1, &head("GET", "/"));
    stream.write_all(&[beginning(), asked].concat()).await.unwrap();
    let mut until = async |wanted: u8| loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.expect("a frame");
        let (length, kind, ..) = begun(head);
        stream.read_exact(&mut vec![0; length]).await.expect("a frame");
        if kind == wanted {
            return;
        }
    };
    timeout(Duration::from_secs(5), until(HEADERS)).await.expect("the head of the answer");
    server.drain();
    timeout(Duration::from_secs(5), until(GOAWAY)).await.expect("a client is told");
    assert_eq!(server.get("/livez").await.status, 200, "it still serves others");
}
