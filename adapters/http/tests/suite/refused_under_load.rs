//! Connections that go on while predictions are refused: answers are whole and in order, whatever comes in whatever pieces.

use std::sync::Arc;
use std::time::{Duration, Instant};

use drifting_domain::use_cases::PredictPlace;
use drifting_http::{AllowedHosts, HttpSettings, HttpTimeouts};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::support::{Reply, TestServer, request};

const PREDICT: &str = "/api/v1/projects/p/predict";

/// Takes all places of predictions.
fn fill(server: &TestServer) -> Vec<PredictPlace> {
    std::iter::from_fn(|| server.service.enter_predictions(None).ok()).collect()
}

/// A prediction after which the connection goes on.
fn prediction(id: &str, n_blanks: usize) -> Vec<u8> {
    let body = format!(r#"{{"data": [0.5]{}}}"#, " ".repeat(n_blanks));
    let head = format!(
        "POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {id}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head, body].concat().into_bytes()
}

/// The next answer, by the length that it tells.
async fn next(stream: &mut TcpStream) -> Reply {
    let answer = async {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            bytes.push(stream.read_u8().await.expect("a head"));
        }
        let head = String::from_utf8(bytes).expect("text").trim_end().to_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let mut reply = Reply { status, head, body: Vec::new() };
        let length = reply.header("content-length").and_then(|length| length.parse().ok()).expect("a length");
        reply.body = vec![0; length];
        stream.read_exact(&mut reply.body).await.expect("a body");
        reply
    };
    timeout(Duration::from_secs(10), answer).await.expect("an answer")
}

async fn ask(stream: &mut TcpStream, bytes: &[u8]) -> Reply {
    stream.write_all(bytes).await.expect("it is sent");
    next(stream).await
}

fn status_and_id(reply: &Reply) -> (u16, String) {
    (reply.status, reply.header("x-request-id").unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_serves_on_after_refusals_and_is_refused_again_after_answers() {
    let requests = Arc::new(drifting_http::request_measures());
    let server = TestServer::with(HttpSettings { requests: Arc::clone(&requests), ..HttpSettings::default() }).await;
    server.fit_label("p").await;
    let mut stream = server.connect().await;
    for round in 0..3 {
        let places = fill(&server);
        for n_blanks in [0, 1_000, 30_000, 60_000] {
            let id = format!("refused-{round}-{n_blanks}");
            let reply = ask(&mut stream, &prediction(&id, n_blanks)).await;
            assert_eq!(status_and_id(&reply), (503, id.clone()));
            let (problem, length) = (reply.json(), reply.body.len().to_string());
            assert_eq!((&problem["code"], &problem["request_id"]), (&json!("overloaded"), &json!(id)));
            assert_eq!((reply.header("retry-after"), reply.header("content-length")), (Some("1"), Some(&*length)));
        }
        // More than is read at once to refuse it is left to what serves the connection.
        let long = ask(&mut server.connect().await, &prediction("long", 100_000)).await;
        assert_eq!(status_and_id(&long), (503, "long".to_owned()));
        // Of everything else nothing is refused.
        let livez = ask(&mut stream, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert_eq!(livez.status, 200);
        drop(places);
        for n_blanks in [0, 30_000] {
            let id = format!("taken-{round}-{n_blanks}");
            assert_eq!(status_and_id(&ask(&mut stream, &prediction(&id, n_blanks)).await), (200, id));
        }
    }
    let n_counted = |status: &str| {
        let of = |counts: &drifting_listening::RequestCounts<'_>| {
            counts.method == "POST" && counts.status == status && counts.route.ends_with("/predict")
        };
        requests.counts().filter(of).map(|counts| counts.durations.n()).sum::<u64>()
    };
    assert_eq!((n_counted("503"), n_counted("200"), requests.n_under_way()), (15, 6, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn overload_of_one_project_keeps_the_only_prediction_of_another_not_out() {
    let server = TestServer::start().await;
    for project in ["p", "q"] {
        server.fit_label(project).await;
    }
    // So many end one after the other that their pace is known; then 64 may be on their way.
    let enter = || server.service.enter_predictions(None).expect("a place");
    let mut places: Vec<PredictPlace> = (0..40).map(|_| enter()).collect();
    while !places.is_empty() {
        server.clock.advance(chrono::TimeDelta::milliseconds(10));
        places.pop();
    }
    let announced = server.service.announce_prediction(Some("p")).expect("a place");
    let _of_p = server.service.enter_predictions(Some(&announced)).expect("its place");
    let others = fill(&server);
    assert_eq!(others.len(), 63);
    let row = r#"{"data": [0.5]}"#;
    let infer = r#"{"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [0.5]}]}"#;
    // The first is refused by its head alone where it is to be, the second by what serves its connection.
    for connection in ["keep-alive", "close"] {
        for (project, status) in [("p", 503), ("q", 200), ("p", 503), ("q", 200)] {
            for (path, body) in
                [(format!("/api/v1/projects/{project}/predict"), row), (format!("/v2/models/{project}/infer"), infer)]
            {
                let request = format!(
                    "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\nContent-Type: application/json\r\n\
                     Content-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                let reply = ask(&mut server.connect().await, request.as_bytes()).await;
                assert_eq!(reply.status, status, "{path}, {connection}: {}", reply.text());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_let_in_on_the_last_place_and_takes_it_not_keeps_nobody_out() {
    let server = TestServer::start().await;
    server.fit_label("p").await;
    let mut places = fill(&server);
    places.pop();
    let mut stream = server.connect().await;
    let with_body = |path: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let (row, infer) =
        (r#"{"data": [0.5]}"#, r#"{"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [0.5]}]}"#);
    for (path, body, status) in [
        ("/api/v1/projects/unknown/predict", row, 404),
        (PREDICT, "[", 400),
        ("/v2/models/unknown/infer", infer, 404),
        ("/v2/models/p/infer", "[", 400),
        ("/v2/models/p/infer", infer, 200),
        (PREDICT, row, 200),
        (PREDICT, row, 200),
    ] {
        let reply = ask(&mut stream, with_body(path, body).as_bytes()).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_the_same_whoever_writes_it() {
    let allowed_hosts = AllowedHosts::Loopback(vec!["localhost".to_owned()]);
    let server = TestServer::with(HttpSettings { allowed_hosts, ..HttpSettings::default() }).await;
    server.fit_label("p").await;
    let _places = fill(&server);
    let headers = |reply: &Reply| {
        let mut lines: Vec<String> = reply.head.lines().skip(1).map(str::to_lowercase).collect();
        lines.retain(|line| !line.starts_with("date: ") && !line.starts_with("connection: "));
        lines.sort();
        lines
    };
    let cases = [
        (PREDICT, None, 503),
        ("/api/v1/projects/p/predict?x=%3Cb%3E", Some(("Accept-Encoding", "gzip")), 503),
        ("/v2/models/p/infer", None, 503),
        ("/v2/models/p/infer/", None, 503),
        ("/api/v1/projects/%22a\"b/predict", None, 503),
        (&format!("/api/v1/projects/{}/predict", "p".repeat(1_000)), Some(("Accept-Encoding", "gzip")), 503),
        (PREDICT, Some(("Host", "elsewhere.example")), 403),
        (PREDICT, Some(("Origin", "http://elsewhere.example")), 403),
    ];
    for (path, more, status) in cases {
        let mut came = vec![("X-Request-Id", "same"), ("Content-Type", "application/json")];
        came.extend(more);
        // What closes its connection is left to what serves it.
        let closing = request("POST", path, &came, br#"{"data": [0.5]}"#);
        let one = server.raw(&closing).await;
        let going_on = String::from_utf8(closing).expect("text").replace("Connection: close\r\n", "");
        let mut stream = server.connect().await;
        for _ in 0..2 {
            let other = ask(&mut stream, going_on.as_bytes()).await;
            assert_eq!((one.status, other.status), (status, status), "{path} {came:?}");
            assert_eq!((headers(&one), one.text()), (headers(&other), other.text()), "{path} {came:?}");
            assert!(other.header("date").is_some_and(|date| date.ends_with(" GMT")), "{}", other.head);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_any_pieces_are_answered_in_their_order() {
    let server = TestServer::start().await;
    server.fit_label("p").await;
    let livez = |id: &str| format!("GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {id}\r\n\r\n").into_bytes();
    let chunked = |id: &str| {
        let head = format!("POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {id}\r\n");
        format!("{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n{{\"data\": [0.5]}}\r\n0\r\n\r\n").into_bytes()
    };
    let parts = [
        prediction("a", 0),
        prediction("b", 5_000),
        livez("c"),
        prediction("d", 20_000),
        chunked("e"),
        prediction("f", 0),
        livez("g"),
        prediction("h", 3_000),
    ];
    let all = parts.concat();
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for is_full in [true, false] {
        let places = if is_full { fill(&server) } else { Vec::new() };
        let wanted = if is_full { 503 } else { 200 };
        // Pieces that cut heads and bodies anywhere, and all at once.
        for piece in [7, 61, 200, 1_999, 2_048, 2_100, all.len()] {
            let mut stream = server.connect().await;
            let (mut read, mut write) = stream.split();
            let sent = async {
                for piece in all.chunks(piece) {
                    write.write_all(piece).await.expect("it is sent");
                    tokio::task::yield_now().await;
                }
            };
            let answered = async {
                let mut bytes = Vec::new();
                let is_whole =
                    |bytes: &[u8]| bytes.windows(9).filter(|window| window == b"HTTP/1.1 ").count() == ids.len();
                while !is_whole(&bytes) || !bytes.ends_with(b"}") {
                    let mut more = vec![0; 65_536];
                    let n_bytes =
                        timeout(Duration::from_secs(10), read.read(&mut more)).await.expect("answers").expect("bytes");
                    assert!(n_bytes > 0, "closed: {}", String::from_utf8_lossy(&bytes));
                    bytes.extend(&more[..n_bytes]);
                }
                String::from_utf8(bytes).expect("text")
            };
            let ((), answers) = tokio::join!(sent, answered);
            let seen: Vec<(u16, String)> = answers
                .split("HTTP/1.1 ")
                .skip(1)
                .map(|answer| {
                    let id = answer.split("x-request-id: ").nth(1).and_then(|rest| rest.lines().next()).expect("an id");
                    (answer[..3].parse().expect("a status"), id.to_owned())
                })
                .collect();
            let due: Vec<(u16, String)> =
                ids.iter().map(|id| (if ["c", "g"].contains(id) { 200 } else { wanted }, (*id).to_owned())).collect();
            assert_eq!(seen, due, "pieces of {piece} bytes, full: {is_full}");
        }
        drop(places);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_send_the_body_of_a_refused_request_is_closed() {
    let timeouts = HttpTimeouts { head: Duration::from_millis(300), ..HttpTimeouts::default() };
    let server = TestServer::with(HttpSettings { timeouts, ..HttpSettings::default() }).await;
    server.fit_label("p").await;
    let _places = fill(&server);
    let mut stream = server.connect().await;
    let whole = prediction("slow", 10_000);
    let reply = ask(&mut stream, &whole[..400]).await;
    assert_eq!(reply.status, 503);
    let started = Instant::now();
    let (mut read, mut write) = stream.split();
    let dripping = async {
        for byte in &whole[400..] {
            if write.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let mut rest = Vec::new();
    tokio::select! {
        () = dripping => panic!("all was taken"),
        _ = read.read_to_end(&mut rest) => {}
    }
    assert!(rest.is_empty() && started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
