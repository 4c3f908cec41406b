//! What bodies of requests take together: no more than they may, however slowly they come and whatever they decode to.

use std::io::Write;
use std::time::Duration;

use drifting_http::HttpSettings;
use drifting_listening::BodyMemory;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{TestServer, label_fit, numbers, read_reply};

const BYTES_MAX: usize = 1 << 20;
const PREDICT: &str = "/api/v1/projects/load/predict";

async fn server() -> (TestServer, BodyMemory) {
    let bodies = BodyMemory::new(Some(BYTES_MAX));
    let settings = HttpSettings { bodies: bodies.clone(), fit_bodies: bodies.clone(), ..HttpSettings::default() };
    let server = TestServer::with(settings).await;
    server.fit_label("load").await;
    (server, bodies)
}

/// Sends the first bytes of a body that is told to be longer, and waits until they have been read.
async fn stalled(server: &TestServer, bodies: &BodyMemory, n_bytes: usize) -> TcpStream {
    let before = bodies.n_taken();
    let mut stream = server.connect().await;
    let head = format!(
        "POST {PREDICT} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        2 * n_bytes
    );
    stream.write_all(&[head.as_bytes(), &vec![b' '; n_bytes]].concat()).await.unwrap();
    until(|| bodies.n_taken() + drifting_listening::FREE_BYTES >= before + n_bytes).await;
    stream
}

async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it comes to hold");
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_are_refused_while_others_have_taken_the_memory_and_a_few_rows_are_not() {
    let (server, bodies) = server().await;
    let first = stalled(&server, &bodies, 700_000).await;
    assert!(bodies.n_taken() <= BYTES_MAX);
    // Each is short as it comes, or is not: either way it would take more than there is.
    let spaces = vec![b' '; 500_000];
    let json = [("content-type", "application/json")];
    let gzip = [json[0], ("content-encoding", "gzip")];
    for path in [PREDICT, "/api/v1/projects/new/fit", "/api/v1/backtest", "/v2/models/load/infer"] {
        for (headers, body) in [(&json[..], spaces.clone()), (&gzip[..], zipped(&spaces))] {
            let reply = server.send("POST", path, headers, &body).await;
            assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{path}: {}", reply.text());
            assert_eq!(reply.json()["code"], "overloaded", "{path}");
        }
    }
    let reply = server.post_json(PREDICT, &serde_json::json!({"data": numbers(100)})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    drop(first);
    until(|| bodies.n_taken() == 0).await;
    let reply = server.send("POST", PREDICT, &gzip, &zipped(&spaces)).await;
    assert_eq!(reply.status, 400, "an empty body: {}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_alone_is_taken_whatever_may_be_taken_together() {
    let (server, bodies) = server().await;
    let spaces = vec![b' '; 3 * BYTES_MAX];
    let body = [&spaces[..], label_fit().to_string().as_bytes()].concat();
    for headers in [&[][..], &[("content-encoding", "gzip")]] {
        let headers = [&[("content-type", "application/json")], headers].concat();
        let body = if headers.len() > 1 { zipped(&body) } else { body.clone() };
        let path = format!("/api/v1/projects/alone-{}/fit", headers.len());
        let reply = server.send("POST", &path, &headers, &body).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
    }
    until(|| bodies.n_taken() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fit_in_the_background_holds_what_came_until_it_ends() {
    let (server, bodies) = server().await;
    server.fits.delay(Duration::from_secs(2));
    let mut fit = label_fit();
    fit["data"] = numbers(20_000).into();
    let begun = server.begin("long", &fit).await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    assert!(bodies.n_taken() > 100_000, "{}", bodies.n_taken());
    let path = begun.header("location").unwrap().to_owned();
    assert_eq!(server.ended(&path).await["status"], "succeeded");
    until(|| bodies.n_taken() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stalls_gives_its_memory_back_when_it_leaves() {
    let (server, bodies) = server().await;
    let mut kept = stalled(&server, &bodies, 300_000).await;
    for _ in 0..3 {
        drop(stalled(&server, &bodies, 500_000).await);
        until(|| bodies.n_taken() <= 300_000).await;
    }
    // What is left of the body makes it no JSON.
    kept.write_all(&vec![b'x'; 300_000]).await.unwrap();
    assert_eq!(read_reply(&mut kept).await.status, 400);
    until(|| bodies.n_taken() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_fits_keep_no_prediction_waiting() {
    let [bodies, fit_bodies] = [(); 2].map(|()| BodyMemory::new(Some(BYTES_MAX)));
    let settings = HttpSettings { bodies: bodies.clone(), fit_bodies: fit_bodies.clone(), ..HttpSettings::default() };
    let server = TestServer::with(settings).await;
    server.fit_label("load").await;
    server.fits.delay(Duration::from_secs(2));
    let mut fit = label_fit();
    fit["data"] = numbers(20_000).into();
    for project in ["long", "longer"] {
        assert_eq!(server.begin(project, &fit).await.status, 202);
    }
    assert!(fit_bodies.n_taken() > BYTES_MAX / 2 && bodies.n_taken() == 0);
    let kept = stalled(&server, &bodies, 700_000).await;
    assert!(fit_bodies.n_taken() + bodies.n_taken() > BYTES_MAX);
    drop(kept);
    until(|| fit_bodies.n_taken() + bodies.n_taken() == 0).await;
}
