//! Connections: deadlines, ids, clients that leave, the end of the server.

use std::time::{Duration, Instant};

use drifting_http::{HttpSettings, HttpTimeouts};
use drifting_listening::Places;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::support::{TestServer, label_fit, read_reply, request};

/// Settings with these time-outs of heads and of silence.
pub fn short(head_ms: u64, idle_ms: u64) -> HttpSettings {
    let timeouts = HttpTimeouts {
        head: Duration::from_millis(head_ms),
        idle: Duration::from_millis(idle_ms),
        ..HttpTimeouts::default()
    };
    HttpSettings { timeouts, ..HttpSettings::default() }
}

/// How long it takes the server to close a connection.
pub async fn closes_after(stream: &mut tokio::net::TcpStream) -> Duration {
    let started = Instant::now();
    let mut bytes = Vec::new();
    let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut bytes)).await.expect("not closed");
    started.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_head_is_closed_at_its_deadline_also_if_it_drips() {
    let server = TestServer::with(short(300, 60_000)).await;
    let mut stalled = server.connect().await;
    stalled.write_all(b"GET /livez HT").await.unwrap();
    let took = closes_after(&mut stalled).await;
    assert!(took > Duration::from_millis(200) && took < Duration::from_secs(2), "{took:?}");

    let (mut read, mut write) = server.connect().await.into_split();
    let dripping = tokio::spawn(async move {
        for byte in b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: 1\r\n" {
            if write.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
    });
    let started = Instant::now();
    let mut bytes = Vec::new();
    let _ = timeout(Duration::from_secs(2), read.read_to_end(&mut bytes)).await.expect("not closed");
    assert!(started.elapsed() > Duration::from_millis(200), "{:?}", started.elapsed());
    dripping.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_are_closed_and_busy_ones_are_not() {
    let server = TestServer::with(short(200, 300)).await;
    let took = closes_after(&mut server.connect().await).await;
    assert!(took > Duration::from_millis(200), "{took:?}");

    // A request that works for longer than any deadline.
    server.fits.delay(Duration::from_millis(600));
    server.fit_label("slow").await;

    // Two requests on one connection, with a pause within the deadline.
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        sleep(Duration::from_millis(150)).await;
        let mut rest = vec![0; 4_096];
        assert!(stream.read(&mut rest).await.unwrap() > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_takes_is_given_up() {
    let timeouts = HttpTimeouts { write: Duration::from_millis(200), ..HttpTimeouts::default() };
    let server = TestServer::with(HttpSettings { timeouts, ..HttpSettings::default() }).await;
    let mut stream = server.connect().await;
    // More than the buffers of the sockets hold.
    let requests = "GET /docs HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(10);
    stream.write_all(requests.as_bytes()).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    let mut bytes = Vec::new();
    let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut bytes)).await.expect("not closed");
    assert!(bytes.len() < 10 * 1_600_000, "{}", bytes.len());
}

fn places(n: usize) -> HttpSettings {
    HttpSettings { places: Places::new(n), ..HttpSettings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_cap_wait_while_nobody_rests() {
    let server = TestServer::with(places(1)).await;
    let mut holding = server.connect().await;
    holding.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
    let waiting = server.get("/livez");
    tokio::pin!(waiting);
    assert!(timeout(Duration::from_secs(1), &mut waiting).await.is_err());
    drop(holding);
    assert_eq!(timeout(Duration::from_secs(5), waiting).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_work_keep_their_places() {
    let server = TestServer::with(places(1)).await;
    server.fits.delay(Duration::from_millis(1_200));
    let mut fitting = server.connect().await;
    let fit = request("POST", "/api/v1/projects/p/fit", &[], label_fit().to_string().as_bytes());
    fitting.write_all(&fit).await.unwrap();
    server.fits.until_running(true).await;
    let waiting = server.get("/livez");
    let (fitted, waited) = tokio::join!(read_reply(&mut fitting), timeout(Duration::from_secs(10), waiting));
    assert_eq!(fitted.status, 201, "{}", fitted.text());
    assert_eq!(waited.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_rested_for_longest_makes_room() {
    let settings = places(3);
    let counted = settings.places.clone();
    let server = TestServer::with(settings).await;
    let mut resting = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 4_096]).await.unwrap() > 0);
        resting.push(stream);
        sleep(Duration::from_millis(50)).await;
    }
    let mut begun = server.connect().await;
    begun.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n").await.unwrap();
    sleep(Duration::from_millis(700)).await;
    assert_eq!((counted.n_taken(), counted.n_places()), (3, 3), "nobody makes room while nobody comes");

    // Its place is taken as soon as it is free, and kept.
    let mut coming = server.connect().await;
    coming.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let read = timeout(Duration::from_secs(5), coming.read(&mut [0; 4_096])).await;
    assert!(read.expect("it is kept out").unwrap() > 0);
    closes_after(&mut resting[0]).await;
    resting[1].write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert!(resting[1].read(&mut [0; 4_096]).await.unwrap() > 0);
    begun.write_all(b"\r\n").await.unwrap();
    assert_eq!(read_reply(&mut begun).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn request_ids_are_echoed_or_made() {
    let server = TestServer::start().await;
    let reply = server.send("GET", "/livez", &[("X-Request-Id", "my-id_1.2")], b"").await;
    assert_eq!(reply.header("x-request-id"), Some("my-id_1.2"));
    let long = "x".repeat(129);
    let mut made = Vec::new();
    for id in ["a b", "<script>", "", long.as_str()] {
        let reply = server.send("GET", "/nothing", &[("X-Request-Id", id)], b"").await;
        let id = reply.header("x-request-id").unwrap().to_owned();
        assert_eq!(reply.json()["request_id"], id);
        made.push(id);
    }
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_ends_its_fit() {
    let server = TestServer::start().await;
    server.fits.delay(Duration::from_secs(1));
    let fit = label_fit().to_string();
    for connection in ["close", "keep-alive"] {
        let request = request("POST", "/api/v1/projects/p/fit", &[("X-Connection", connection)], fit.as_bytes());
        let request =
            String::from_utf8(request).unwrap().replace("Connection: close", &format!("Connection: {connection}"));
        let mut stream = server.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        server.fits.until_running(true).await;
        let other = server.post_json("/api/v1/projects/P/fit", &label_fit()).await;
        assert_eq!((other.status, &other.json()["code"]), (409, &json!("fit_in_progress")));
        drop(stream);
        server.fits.until_running(false).await;
        assert_eq!(server.get("/api/v1/projects/p").await.status, 404);
    }
    server.fits.delay(Duration::ZERO);
    server.fit_label("p").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shutting_down_finishes_requests_under_way() {
    let server = TestServer::start().await;
    server.fits.delay(Duration::from_millis(300));
    let mut fitting = server.connect().await;
    let fit = request("POST", "/api/v1/projects/p/fit", &[], label_fit().to_string().as_bytes());
    fitting.write_all(&fit).await.unwrap();
    server.fits.until_running(true).await;
    let idle = server.connect().await;
    let address = server.address;
    let served = server.stop();
    let reply = read_reply(&mut fitting).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    timeout(Duration::from_secs(5), served).await.expect("the server does not end").unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    drop(idle);
}
