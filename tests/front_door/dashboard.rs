//! The dashboard in a real browser (`tests/browser/dashboard.py`), with the data of an electricity market and names that are hostile; and
//! what its fragments and its stream answer to those who ask without a browser.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::browser;
use crate::hostile_names::hostile_names;
use crate::server::{Launch, Server};

const KEY: &str = "a-key-for-the-dashboard";

fn with_key(directory: &Path) -> Server {
    let launch = Launch {
        arguments: &["--grpc-port", "none", "--database-uri", "none"],
        environment: &[("DRIFTING_API_KEY", KEY)],
        ..Launch::default()
    };
    Server::launch(directory, &launch).unwrap_or_else(|(status, log)| panic!("{status}: {log}"))
}

#[test]
fn pages_show_real_data_in_every_look() {
    let directories = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let uri = format!("sqlite://{}", directories[0].path().join("metrics.sqlite").display());
    let open = Server::start(directories[0].path(), &["--grpc-port", "none", "--database-uri", &uri]);
    let keyed = with_key(directories[1].path());
    browser::run("dashboard", &open, &[&keyed.url]);
}

#[test]
fn fragments_need_a_key_where_there_is_one() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = with_key(directory.path());
    for path in ["/", "/projects/any", "/fit", "/operations"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    for path in [
        "/dashboard/projects",
        "/dashboard/projects/any",
        "/dashboard/projects/any/line",
        "/dashboard/projects/any/trend",
        "/dashboard/projects/any/columns",
        "/dashboard/operations",
        "/dashboard/events",
    ] {
        assert_eq!(server.get(path).expect(401)["code"], "unauthenticated", "{path}");
    }
}

#[test]
fn hostile_names_are_no_pages_and_no_fragments() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--grpc-port", "none", "--database-uri", "none"]);
    let page = server.get("/projects/price").expect(200);
    let mut connection = server.connect();
    for name in hostile_names() {
        for part in ["", "/line", "/trend", "/columns"] {
            let path = format!("/dashboard/projects/{name}{part}");
            let Ok(answer) = connection.try_request("GET", &path, None) else {
                connection = server.connect();
                continue;
            };
            assert!((400..500).contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
        }
        if let Ok(answer) = connection.try_request("GET", &format!("/projects/{name}"), None) {
            assert!(answer.body == page || answer.status >= 400, "a page tells the name {name}");
        } else {
            connection = server.connect();
        }
    }
}

#[test]
fn the_stream_tells_what_moves_and_ends_with_the_server() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--grpc-port", "none", "--database-uri", "none"]);
    let values: Vec<f64> = (0..60).map(|n| f64::from(n * 37 % 101) / 101.0).collect();
    let detector = json!({"ert": 20, "window_sizes": [4], "n_bootstraps": 2_000});
    let body = json!({"drift_type": "label", "data": values, "detector": detector});
    server.post("/api/v1/projects/label/fit", &body).expect(201);

    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
    stream
        .write_all(b"GET /dashboard/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
        .expect("it is sent");
    let mut told = String::new();
    let mut until = |wanted: &str| {
        let mut bytes = [0; 4_096];
        while !told.contains(wanted) {
            let n = stream.read(&mut bytes).expect("more comes");
            assert!(n > 0, "{wanted} has not come: {told}");
            told.push_str(&String::from_utf8_lossy(&bytes[..n]));
        }
        std::mem::take(&mut told)
    };
    until("\"operations\":false");
    server.post("/api/v1/projects/label/predict", &json!({"data": [0.25]})).expect(200);
    let moved = until("\"projects\":[\"label\"]");
    assert!(moved.contains("event: moved") || moved.contains("event:moved"), "{moved}");
    server.delete("/api/v1/projects/label").expect(204);
    until("\"gone\":[\"label\"]");

    let begun = Instant::now();
    server.stop();
    assert!(begun.elapsed() < Duration::from_secs(10), "it waits for whoever follows: {:?}", begun.elapsed());
}
