//! Connections of HTTP/2, frame by frame: what keeps one open, and what does not.

use std::time::{Duration, Instant};

use drifting_http::HttpSettings;
use drifting_listening::Places;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::connections::{closes_after, short};
use crate::frames::{
    CANCEL, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, beginning,
    begun, frame, head,
};
use crate::support::TestServer;

/// Long enough for everything here on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(8);

/// What a server may send before the client makes more room.
const WINDOW: usize = 65_535;
/// More than that.
const LONG: &str = "/docs";

/// A client.
struct Peer {
    write: OwnedWriteHalf,
    frames: mpsc::UnboundedReceiver<Frame>,
    reading: JoinHandle<()>,
}

/// What came from the server.
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    n_bytes: usize,
}

impl Peer {
    async fn connect(server: &TestServer) -> Self {
        let (mut read, write) = server.connect().await.into_split();
        let (sender, frames) = mpsc::unbounded_channel();
        let reading = tokio::spawn(async move {
            let mut header = [0; 9];
            while read.read_exact(&mut header).await.is_ok() {
                let (n_bytes, kind, flags, stream) = begun(header);
                if read.read_exact(&mut vec![0; n_bytes]).await.is_err() {
                    break;
                }
                let _ = sender.send(Frame { kind, flags, stream, n_bytes });
            }
        });
        let mut peer = Self { write, frames, reading };
        assert!(peer.send(&beginning()).await);
        peer
    }

    /// Whether the server has not closed the connection before.
    async fn send(&mut self, bytes: &[u8]) -> bool {
        !self.reading.is_finished() && self.write.write_all(bytes).await.is_ok()
    }

    async fn ping(&mut self) -> bool {
        self.send(&frame(PING, 0, 0, &[7; 8])).await
    }

    async fn get(&mut self, stream: u32, path: &str) {
        assert!(self.send(&frame(HEADERS, END_STREAM | END_HEADERS, stream, &head("GET", path))).await, "it is closed");
    }

    /// Makes room for so many bytes more of an answer.
    async fn allow(&mut self, stream: u32, n_bytes: u32) {
        for stream in [0, stream] {
            assert!(self.send(&frame(WINDOW_UPDATE, 0, stream, &n_bytes.to_be_bytes())).await, "it is closed");
        }
    }

    async fn next(&mut self) -> Frame {
        timeout(PATIENCE, self.frames.recv()).await.expect("nothing comes").expect("it is closed")
    }

    /// Waits for the end of an answer.
    async fn answered(&mut self, stream: u32) {
        loop {
            let frame = self.next().await;
            assert!(frame.kind != RST_STREAM, "it is refused");
            if frame.stream == stream && [DATA, HEADERS].contains(&frame.kind) && frame.flags & END_STREAM != 0 {
                return;
            }
        }
    }

    /// Waits for so many bytes of an answer.
    async fn takes(&mut self, stream: u32, n_bytes: usize) {
        let mut n_came = 0;
        while n_came < n_bytes {
            let frame = self.next().await;
            if (frame.kind, frame.stream) == (DATA, stream) {
                n_came += frame.n_bytes;
            }
        }
        assert_eq!(n_came, n_bytes);
    }

    /// Pings until the server closes the connection.
    async fn ping_on(&mut self) {
        let pinging = async {
            while self.ping().await {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, pinging).await.expect("it is not closed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_only_pings_is_silent() {
    let server = TestServer::with(short(60_000, 1_000)).await;
    let started = Instant::now();
    Peer::connect(&server).await.ping_on().await;
    assert!(started.elapsed() > Duration::from_millis(800), "{:?}", started.elapsed());

    // Whoever asks for something now and then is not.
    let mut asking = Peer::connect(&server).await;
    for stream in (1..20).step_by(2) {
        asking.get(stream, "/livez").await;
        asking.answered(stream).await;
        sleep(Duration::from_millis(200)).await;
    }
    assert!(asking.ping().await);
    asking.ping_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_a_long_answer_is_not_silent_and_whoever_takes_nothing_of_it_is() {
    let server = TestServer::with(short(60_000, 1_000)).await;
    let mut peer = Peer::connect(&server).await;
    peer.get(1, LONG).await;
    peer.takes(1, WINDOW).await;
    for _ in 0..10 {
        sleep(Duration::from_millis(200)).await;
        peer.allow(1, 1_000).await;
        peer.takes(1, 1_000).await;
    }
    peer.ping_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_without_an_end_are_closed_at_their_deadline() {
    let server = TestServer::with(short(400, 60_000)).await;
    let whole = frame(HEADERS, END_STREAM | END_HEADERS, 1, &head("GET", "/livez"));
    let without_end = frame(HEADERS, END_STREAM, 1, &head("GET", "/livez"));
    for (what, bytes) in [
        ("half the first bytes", PREFACE[..12].to_vec()),
        ("half a head", [beginning(), whole[..whole.len() - 3].to_vec()].concat()),
        ("a head that is to go on", [beginning(), without_end].concat()),
    ] {
        let mut stream = server.connect().await;
        stream.write_all(&bytes).await.unwrap();
        let took = closes_after(&mut stream).await;
        assert!(took > Duration::from_millis(200), "{what}: {took:?}");
    }

    // A head of which each byte comes late.
    let (mut read, mut write) = server.connect().await.into_split();
    let dripping = tokio::spawn(async move {
        let header = &frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0; 1_000])[..9];
        let mut part = [&beginning(), header].concat();
        while write.write_all(&part).await.is_ok() {
            sleep(Duration::from_millis(50)).await;
            part = vec![0x82];
        }
    });
    let _ = timeout(PATIENCE, read.read_to_end(&mut Vec::new())).await.expect("it is not closed");
    dripping.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_between_requests_is_no_head() {
    let server = TestServer::with(short(300, 60_000)).await;
    let mut peer = Peer::connect(&server).await;
    for _ in 0..5 {
        assert!(peer.ping().await);
        assert!(peer.send(&frame(SETTINGS, 0, 0, &[])).await);
        assert!(peer.send(&frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes())).await);
        sleep(Duration::from_millis(200)).await;
    }
    // A ping of which the second half comes late.
    let ping = frame(PING, 0, 0, &[7; 8]);
    for half in ping.chunks(10) {
        assert!(peer.send(half).await);
        sleep(Duration::from_millis(600)).await;
    }
    peer.get(1, "/livez").await;
    peer.answered(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_only_pings_keeps_nobody_out() {
    let server = TestServer::with(HttpSettings { places: Places::new(1), ..HttpSettings::default() }).await;
    let mut pinging = Peer::connect(&server).await;
    pinging.get(1, "/livez").await;
    pinging.answered(1).await;
    let other = async {
        sleep(Duration::from_millis(300)).await;
        timeout(PATIENCE, server.get("/livez")).await.expect("it is kept out")
    };
    let (reply, ()) = tokio::join!(other, pinging.ping_on());
    assert_eq!(reply.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_on_its_way_keeps_its_place_until_it_is_given_up() {
    let server = TestServer::with(HttpSettings { places: Places::new(1), ..HttpSettings::default() }).await;
    let mut taking = Peer::connect(&server).await;
    taking.get(1, LONG).await;
    taking.takes(1, WINDOW).await;
    let waiting = server.get("/livez");
    tokio::pin!(waiting);
    assert!(timeout(Duration::from_secs(1), &mut waiting).await.is_err());
    taking.allow(1, 1_000).await;
    taking.takes(1, 1_000).await;
    assert!(taking.send(&frame(RST_STREAM, 0, 1, &CANCEL)).await);
    assert_eq!(timeout(PATIENCE, waiting).await.expect("it is kept out").status, 200);
}
