//! Requests that are sent again because the server was killed before they were answered: each row counts once.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::server::{Answer, Connection, Server};

const ALWAYS: [&str; 2] = ["--state-durability", "always"];

fn numbers(n: usize, seed: u64) -> Vec<f64> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| generator.random::<f64>() + generator.random::<f64>()).collect()
}

fn fits() -> [(&'static str, Value); 2] {
    let small = json!({"ert": 50, "window_size": 10, "n_bootstraps": 2000});
    let table = json!({"a": numbers(300, 2), "b": numbers(300, 3)});
    [
        ("score", json!({"drift_type": "label", "data": numbers(300, 1), "detector": small})),
        ("rows", json!({"drift_type": "tabular", "data": table, "detector": small})),
    ]
}

fn row(project: &str, time: usize) -> Value {
    let values = numbers(2, 1_000 + time as u64);
    if project == "score" { json!({"data": [values[0]]}) } else { json!({"data": [values]}) }
}

fn post(url: &str, path: &str, key: &str, body: &Value) -> std::io::Result<Answer> {
    let headers = format!("Idempotency-Key: {key}\r\n");
    Connection::try_open(url)?.try_request_with(&headers, "POST", path, Some(("application/json", &body.to_string())))
}

/// Sends a request whose answer nobody reads. It is given up when the stream is dropped.
fn send_alone(url: &str, path: &str, key: &str, body: &Value) -> TcpStream {
    let host = url.strip_prefix("http://").expect("a plain address");
    let body = body.to_string();
    let length = body.len();
    let mut stream = TcpStream::connect(host).expect("the server accepts");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nIdempotency-Key: {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    stream.write_all((head + &body).as_bytes()).expect("the request is sent");
    stream
}

#[test]
fn rows_sent_again_after_kills_at_any_point_count_once() {
    const ROWS: usize = 60;
    const KILLS: usize = 20;
    let straight_directory = tempfile::tempdir().expect("a folder");
    let straight = Server::start(straight_directory.path(), &[]);
    let directory = tempfile::tempdir().expect("a folder");
    let mut server = Server::start(directory.path(), &ALWAYS);
    for (project, fit) in fits() {
        for server in [&straight, &server] {
            server.post(&format!("/api/v1/projects/{project}/fit"), &fit).expect(201);
        }
    }
    let mut generator = ChaCha8Rng::seed_from_u64(1);
    let mut n_replayed = 0;
    // A kill comes within this time. It goes after how long a row takes here, so that some come before a row is saved and some after.
    let mut window = Duration::from_millis(4);
    for time in 1..=ROWS {
        for project in ["score", "rows"] {
            let path = format!("/api/v1/projects/{project}/predict");
            let (key, body) = (format!("row-{time}"), row(project, time));
            if time % (ROWS / KILLS) == 0 {
                // Sent and not waited for: it may not have come, be fed, be saved or be answered when the kill comes.
                let _unread = send_alone(&server.url, &path, &key, &body);
                std::thread::sleep(window.mul_f64(generator.random()));
                server.kill();
                server = Server::start(directory.path(), &ALWAYS);
                let before = server.get(&format!("/api/v1/projects/{project}")).expect(200)["time"].clone();
                let is_saved = before == time;
                n_replayed += usize::from(is_saved);
                window = if is_saved { window / 2 } else { window * 2 };
            }
            let answer = post(&server.url, &path, &key, &body).expect("an answer").expect(200);
            assert_eq!(answer, straight.post(&path, &body).expect(200), "{project}, row {time}");
            let again = post(&server.url, &path, &key, &body).expect("an answer").expect(200);
            assert_eq!(again, answer);
        }
    }
    assert!((1..2 * KILLS).contains(&n_replayed), "kills came before and after rows were saved: {n_replayed}");
}

#[test]
fn with_durability_by_interval_answers_are_as_durable_as_their_rows() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--state-interval", "1h"]);
    let [(project, fit), _] = fits();
    server.post(&format!("/api/v1/projects/{project}/fit"), &fit).expect(201);
    let path = format!("/api/v1/projects/{project}/predict");
    post(&server.url, &path, "lost", &row(project, 1)).expect("an answer").expect(200);
    server.kill();
    let server = Server::start(directory.path(), &["--state-interval", "1h"]);
    let answer = post(&server.url, &path, "lost", &row(project, 1)).expect("an answer").expect(200);
    assert_eq!(answer["time"], 1, "neither the row nor its answer was saved, so it counts now");
    assert!(server.stop().success());
    let server = Server::start(directory.path(), &[]);
    let again = post(&server.url, &path, "lost", &row(project, 1)).expect("an answer").expect(200);
    assert_eq!(again, answer, "both were saved");
    let reused = post(&server.url, &path, "lost", &row(project, 2)).expect("an answer").expect(422);
    assert_eq!(reused["code"], "idempotency_key_reused");
    assert_eq!(server.get(&format!("/api/v1/projects/{project}")).expect(200)["time"], 1);
}

#[test]
fn a_fit_sent_again_after_a_kill_is_the_same_project() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let [(project, fit), _] = fits();
    let path = format!("/api/v1/projects/{project}/fit");
    let first = post(&server.url, &path, "once", &fit).expect("an answer").expect(201);
    server.kill();
    let server = Server::start(directory.path(), &[]);
    assert_eq!(post(&server.url, &path, "once", &fit).expect("an answer").expect(201), first);
    assert_eq!(post(&server.url, &path, "other", &fit).expect("an answer").expect(409)["code"], "project_exists");
    let mut other = fit.clone();
    other["overwrite"] = json!(true);
    let reused = post(&server.url, &path, "once", &other).expect("an answer").expect(422);
    assert_eq!(reused["code"], "idempotency_key_reused");
}

#[test]
fn a_fit_of_tensors_sent_again_after_a_kill_is_known() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let path = "/v2/models/fit?detector_name=tensors&drift_type=label&ert=50";
    let of_seed = |seed| {
        let data = numbers(300, seed);
        json!({"inputs": [{"name": "x", "shape": [300, 1], "datatype": "FP64", "data": data}]})
    };
    let first = post(&server.url, path, "once", &of_seed(1)).expect("an answer").expect(200);
    server.kill();
    let server = Server::start(directory.path(), &[]);
    let refused =
        |key: &str, body: &Value, status| post(&server.url, path, key, body).expect("an answer").expect(status);
    assert_eq!(refused("other", &of_seed(1), 409)["code"], "project_exists");
    assert_eq!(refused("once", &of_seed(2), 422)["code"], "idempotency_key_reused");
    assert_eq!(post(&server.url, path, "once", &of_seed(1)).expect("an answer").expect(200), first);
}
