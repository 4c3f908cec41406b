//! How bodies arrive: in pieces, without a length, too large, too slowly, not at all.

use std::time::Duration;

use drifting_http::{HttpSettings, HttpTimeouts};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::support::{Reply, TestServer, read_reply, request};

const PREDICT: &str = "/api/v1/projects/p/predict";

fn small() -> HttpSettings {
    HttpSettings { max_body_bytes: 1_000, ..HttpSettings::default() }
}

fn chunked(path: &str, chunks: &[&[u8]]) -> Vec<u8> {
    let mut bytes =
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
            .into_bytes();
    for chunk in chunks {
        bytes.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend(*chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_come_in_pieces_without_a_length_or_a_type() {
    let server = TestServer::with(small()).await;
    server.fit_label("p").await;
    let reply = server.raw(&chunked(PREDICT, &[b"{\"da", b"ta\": [0.", b"5, 0.25]}"])).await;
    assert_eq!((reply.status, &reply.json()["rows"]), (200, &2.into()), "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_counts_what_comes_not_what_was_told() {
    let server = TestServer::with(small()).await;
    server.fit_label("p").await;
    let blanks = [b' '; 400];
    for (n_chunks, status) in [(2, 400), (3, 413)] {
        let reply = server.raw(&chunked(PREDICT, &vec![&blanks[..]; n_chunks])).await;
        assert_eq!(reply.status, status, "{}", reply.text());
    }
    // Much more than sockets buffer: the answer must arrive although the body has not been taken.
    let told = server.send("POST", PREDICT, &[], &vec![b' '; 8_000_000]).await;
    assert_eq!((told.status, &told.json()["code"]), (413, &"body_too_large".into()));
    let fit = server.send("POST", "/api/v1/projects/p/fit", &[], &vec![b' '; 2_000]).await;
    assert_eq!((fit.status, &fit.json()["code"]), (409, &"project_exists".into()), "fits have their own limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_will_not_be_used_is_not_asked_for() {
    let server = TestServer::with(small()).await;
    server.fit_label("p").await;
    for (path, status) in [("/api/v1/projects/nobody/predict", 404), ("/api/v1/projects/P/fit", 409), (PREDICT, 413)] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n"
        );
        assert_eq!(server.raw(head.as_bytes()).await.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_in_the_coding_that_was_said_are_refused() {
    let server = TestServer::with(small()).await;
    server.fit_label("p").await;
    for (coding, status, code) in
        [("gzip", 400, "malformed"), ("zstd", 400, "malformed"), ("br", 415, "unsupported_media_type")]
    {
        let reply = server.send("POST", PREDICT, &[("Content-Encoding", coding)], b"\x1f\x8b").await;
        assert_eq!((reply.status, &reply.json()["code"]), (status, &code.into()), "{coding}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_ends_early_or_stalls_feeds_nothing() {
    let timeouts = HttpTimeouts { body_chunk: Duration::from_millis(200), ..HttpTimeouts::default() };
    let server = TestServer::with(HttpSettings { timeouts, ..small() }).await;
    server.fit_label("p").await;
    let whole = request("POST", PREDICT, &[], b"{\"data\": [0.5]}");

    let mut stalled = server.connect().await;
    stalled.write_all(&whole[..whole.len() - 3]).await.unwrap();
    let reply = read_reply(&mut stalled).await;
    assert_eq!((reply.status, &reply.json()["code"]), (408, &"request_timeout".into()));

    let mut left = server.connect().await;
    left.write_all(&whole[..whole.len() - 3]).await.unwrap();
    drop(left);
    assert_eq!(server.get("/api/v1/projects/p").await.json()["rows_seen"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips_is_given_up() {
    let dripped = async |timeouts: HttpTimeouts, path: &str| {
        let server = TestServer::with(HttpSettings { timeouts, ..small() }).await;
        server.fit_label("p").await;
        let whole = request("POST", path, &[], b"{\"data\": [0.5                                   ]}");
        let mut stream = server.connect().await;
        let (head, body) = whole.split_at(whole.len() - 40);
        stream.write_all(head).await.unwrap();
        for byte in body {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        read_reply(&mut stream).await.status
    };
    let grace = Duration::from_millis(100);
    let slow = HttpTimeouts { body_grace: grace, body_bytes_per_second_min: 1_000_000_000, ..HttpTimeouts::default() };
    assert_eq!(dripped(slow, PREDICT).await, 408);
    // However much comes, it may take so long.
    let late = HttpTimeouts { body: grace, ..HttpTimeouts::default() };
    assert_eq!(dripped(late, PREDICT).await, 408);
    assert_eq!(dripped(late, "/api/v1/projects/q/fit").await, 422, "a fit has longer");
    let late = HttpTimeouts { fit_body: grace, ..HttpTimeouts::default() };
    assert_eq!(dripped(late, "/api/v1/projects/q/fit").await, 408);
    assert_eq!(dripped(late, PREDICT).await, 200, "and a prediction too, then");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_are_parsed_as_small_ones_are() {
    let server = TestServer::start().await;
    server.fit_label("p").await;
    let values = vec!["0.5"; 30_000].join(", ");
    let reply = server.send("POST", PREDICT, &[], format!("{{\"data\": [{values}]}}").as_bytes()).await;
    assert_eq!((reply.status, &reply.json()["rows"]), (200, &30_000.into()));
    let wrong = format!("{{\"data\": [{values}, \"x\"]}}");
    let reply = server.send("POST", PREDICT, &[], wrong.as_bytes()).await;
    assert_eq!((reply.status, &reply.json()["errors"][0]["pointer"]), (422, &"/data/30000".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn sparse_records_do_not_fill_the_memory() {
    let server = TestServer::start().await;
    let records: Vec<String> = (0..60_000).map(|i| format!("{{\"k{i}\": 1}}")).collect();
    let body = format!("{{\"drift_type\": \"tabular\", \"data\": [{}]}}", records.join(", "));
    let reply = server.send("POST", "/api/v1/projects/p/fit", &[], body.as_bytes()).await;
    assert_eq!((reply.status, &reply.json()["code"]), (422, &"invalid_data".into()), "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_answers_may_be_in_a_content_coding() {
    let server = TestServer::start().await;
    let values: Vec<f64> = (0..400).map(|i| f64::from(i % 17)).collect();
    let body = json!({"drift_type": "label", "data": values, "detector": {"kind": "ks"}}).to_string();
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let coded = gzip(&body);
    let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let fitted = server.send("POST", "/api/v1/projects/price/fit", &headers, &coded).await;
    assert_eq!((fitted.status, &fitted.json()["project"]), (201, &"price".into()), "{}", fitted.text());
    let document = server.send("GET", "/openapi.json", &[("accept-encoding", "gzip")], b"").await;
    assert_eq!((document.header("content-encoding"), document.header("vary")), (Some("gzip"), Some("accept-encoding")));
    let mut plain = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*document.body), &mut plain).unwrap();
    assert_eq!(plain, drifting_http::openapi_document());
    let csv = gzip("value\n1\n2\n3\n");
    let headers = [("content-type", "text/csv"), ("content-encoding", "gzip")];
    let judged = server.send("POST", "/api/v1/projects/price/predict", &headers, &csv).await;
    assert_eq!((judged.status, judged.json()["rows"].as_u64()), (200, Some(3)), "{}", judged.text());
    // Not worth coding.
    let short = server.send("GET", "/livez", &[("accept-encoding", "gzip")], b"").await;
    assert_eq!((short.status, short.header("content-encoding")), (200, None));
    for (coding, bytes, status) in [("br", &csv, 415), ("gzip", &b"no gzip".to_vec(), 400)] {
        let headers = [("content-type", "text/csv"), ("content-encoding", coding)];
        assert_eq!(
            server.send("POST", "/api/v1/projects/price/predict", &headers, bytes).await.status,
            status,
            "{coding}"
        );
    }
    let bomb = gzip(&" ".repeat(64 << 20));
    let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
    assert_eq!(server.send("POST", "/api/v1/projects/price/predict", &headers, &bomb).await.status, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_are_too_large_are_refused_in_words() {
    let server = TestServer::start().await;
    let long = server.get(&format!("/api/v1/projects?page_token={}", "a".repeat(8 * 1024))).await;
    assert_eq!((long.status, long.json()["code"].as_str()), (414, Some("target_too_long")));
    let value = "b".repeat(1_024);
    let names: Vec<String> = (0..40).map(|index| format!("x-{index}")).collect();
    let headers: Vec<_> = names.iter().map(|name| (name.as_str(), value.as_str())).collect();
    let large = server.send("GET", "/api/v1/projects", &headers, b"").await;
    assert_eq!((large.status, large.json()["code"].as_str()), (431, Some("headers_too_large")));
    // More than what reads the protocol takes by default.
    let many = with_headers(&server, 250).await;
    assert_eq!((many.status, many.json()["code"].as_str()), (431, Some("headers_too_large")));
    assert!(many.header("x-request-id").is_some(), "{}", many.head);
}

/// The answer to so many headers, with the two that every request has here.
async fn with_headers(server: &TestServer, n: usize) -> Reply {
    let names: Vec<String> = (0..n - 2).map(|index| format!("x-{index}")).collect();
    let headers: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    server.send("GET", "/livez", &headers, b"").await
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_headers_are_taken_as_may_be() {
    let server = TestServer::start().await;
    assert_eq!(with_headers(&server, 100).await.status, 200);
    assert_eq!(with_headers(&server, 101).await.status, 431);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_nobody_reads_are_refused_by_a_status_alone() {
    let server = TestServer::start().await;
    let many = with_headers(&server, 257).await;
    assert_eq!((many.status, many.body.len(), many.header("x-request-id")), (431, 0, None));
    let long = server.get(&format!("/livez?{}", "a".repeat(65_535))).await;
    assert_eq!((long.status, long.body.len(), long.header("x-request-id")), (414, 0, None));
    assert_eq!(server.get("/livez").await.status, 200);
}
