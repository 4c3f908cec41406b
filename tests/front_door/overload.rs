//! More than the server takes: it says so at once, and goes on with what it has taken.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::Server;

fn fit(server: &Server) {
    let reference: Vec<f64> = (0..60).map(|i| f64::from((i * 37) % 101)).collect();
    let detector = json!({"ert": 20, "window_sizes": [4], "n_bootstraps": 2_000});
    let body = json!({"drift_type": "label", "data": reference, "detector": detector});
    server.post("/api/v1/projects/score/fit", &body).expect(201);
    // Judges a thousand rows for seconds.
    let reference: Vec<f64> = (0..1_500).map(|i| f64::from((i * 37) % 101)).collect();
    let detector = json!({"kind": "mmd", "n_permutations": 10_000});
    let body = json!({"drift_type": "label", "data": reference, "detector": detector});
    server.post("/api/v1/projects/slow/fit", &body).expect(201);
}

/// Sends the head of a prediction.
fn begin(server: &Server, project: &str, n_bytes: usize) -> TcpStream {
    let host = server.url.strip_prefix("http://").expect("a plain address");
    let mut stream = TcpStream::connect(host).expect("the server accepts");
    let head = format!(
        "POST /api/v1/projects/{project}/predict HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {n_bytes}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("the head is sent");
    stream
}

/// Has a prediction at work for a while.
fn work(server: &Server) -> TcpStream {
    let rows: Vec<f64> = (0..1_500).map(|i| f64::from((i * 41) % 103)).collect();
    let body = json!({"data": rows}).to_string();
    let mut stream = begin(server, "slow", body.len());
    stream.write_all(body.as_bytes()).expect("the body is sent");
    stream
}

fn answer(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server answers");
    answer
}

#[test]
fn bodies_that_do_not_come_take_no_place() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--predict-queue", "2"]);
    fit(&server);
    let mut slow = [(); 10].map(|()| begin(&server, "score", 14));
    for _ in 0..20 {
        server.post("/api/v1/projects/score/predict", &json!({"data": [0.5]})).expect(200);
        let tensor = json!({"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [0.5]}]});
        server.post("/v2/models/score/infer", &tensor).expect(200);
    }
    for stream in &mut slow {
        stream.write_all(br#"{"data":[0.5]}"#).expect("the body is sent");
        let answer = answer(stream);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[test]
fn predictions_beyond_the_queue_are_refused_at_once_and_nothing_else_is() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--predict-queue", "2"]);
    fit(&server);
    let path = "/api/v1/projects/score/predict";
    let mut under_way = [work(&server), work(&server)];
    let deadline = Instant::now() + Duration::from_secs(10);
    let refused = loop {
        let began = Instant::now();
        let answer = server.post(path, &json!({"data": [0.5]}));
        if answer.status == 503 {
            assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
            break answer.body;
        }
        assert!(Instant::now() < deadline, "it is never refused");
    };
    assert_eq!(refused["code"], "overloaded");
    // Of a large body nothing is read before that.
    let host = server.url.strip_prefix("http://").expect("a plain address");
    let mut large = TcpStream::connect(host).expect("the server accepts");
    let head = format!(
        "POST /v2/models/score/infer HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 30000000\r\n\r\n"
    );
    large.write_all(head.as_bytes()).expect("the head is sent");
    let mut told = [0; 4_096];
    let n = large.read(&mut told).expect("the server answers");
    let told = String::from_utf8_lossy(&told[..n]).to_lowercase();
    assert!(told.starts_with("http/1.1 503") && told.contains("retry-after: 1\r\n"), "{told}");

    for path in ["/livez", "/readyz", "/metrics", "/api/v1/projects/score", "/v2/health/live"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    for stream in &mut under_way {
        let answer = answer(stream);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    server.post(path, &json!({"data": [0.5]})).expect(200);
}

#[test]
fn fits_compute_as_many_at_once_and_wait_as_many_as_is_said() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--concurrent-fits", "1", "--fit-queue", "2"]);
    let reference: Vec<f64> = (0..2_000).map(|i| f64::from((i * 37) % 101)).collect();
    let detector = json!({"ert": 5_000, "window_sizes": [50], "n_bootstraps": 200_000});
    let body = json!({"drift_type": "label", "data": reference, "detector": detector});
    let first = server.begin("first", &body);
    let status = |path: &str| server.get(path).expect(200)["status"].clone();
    let deadline = Instant::now() + Duration::from_secs(20);
    while status(&first) != "running" {
        assert!(Instant::now() < deadline, "{}", status(&first));
        std::thread::sleep(Duration::from_millis(10));
    }
    let waiting = [server.begin("second", &body), server.begin("third", &body)];
    assert!(waiting.iter().all(|path| status(path) == "queued"));
    let refused = server.post("/api/v1/projects/fourth/fit", &body).expect(503);
    assert_eq!(refused["code"], "fit_queue_full");
    // The next one begins when one ends.
    server.post(&format!("{first}/cancel"), &Value::Null);
    while status(&waiting[0]) != "running" {
        assert!(Instant::now() < deadline, "{}", status(&waiting[0]));
        std::thread::sleep(Duration::from_millis(10));
    }
    for path in &waiting {
        server.post(&format!("{path}/cancel"), &Value::Null);
    }
}
