//! The server is killed between rows, and goes on.

use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::server::Server;

fn numbers(n: usize, seed: u64) -> Vec<f64> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| generator.random::<f64>() + generator.random::<f64>()).collect()
}

fn fit_both(server: &Server) {
    let small = json!({"ert": 50, "window_size": 10, "n_bootstraps": 2000});
    let label = json!({"drift_type": "label", "data": numbers(300, 1), "detector": small});
    server.post("/api/v1/projects/score/fit", &label).expect(201);
    let table = json!({"a": numbers(300, 2), "b": numbers(300, 3)});
    let table = json!({"drift_type": "tabular", "data": table, "detector": small});
    server.post("/api/v1/projects/rows/fit", &table).expect(201);
}

/// The row of a time, for both projects.
fn row(time: usize) -> (Value, Value) {
    let values = numbers(2, 1_000 + time as u64);
    (json!({"data": [values[0]]}), json!({"data": [values]}))
}

fn feed(server: &Server, time: usize) -> (Value, Value) {
    let (score, rows) = row(time);
    let mut connection = server.connect();
    let mut answer =
        |project: &str, body: &Value| connection.post(&format!("/api/v1/projects/{project}/predict"), body).expect(200);
    (answer("score", &score), answer("rows", &rows))
}

#[test]
fn with_durability_always_a_kill_between_any_two_rows_loses_none() {
    let straight_directory = tempfile::tempdir().expect("a folder");
    let straight = Server::start(straight_directory.path(), &[]);
    fit_both(&straight);
    let directory = tempfile::tempdir().expect("a folder");
    let always = ["--state-durability", "always"];
    let mut server = Server::start(directory.path(), &always);
    fit_both(&server);
    for time in 1..=60 {
        // The same seed and data are the same detector, so every number of the answers is the same.
        let answers = feed(&server, time);
        assert_eq!((&answers.0["time"], &answers.1["time"]), (&json!(time), &json!(time)));
        assert_eq!(answers, feed(&straight, time), "row {time}");
        if [1, 2, 9, 10, 11, 25, 40, 41].contains(&time) {
            server.kill();
            server = Server::start(directory.path(), &always);
        }
    }
}

#[test]
fn with_durability_by_interval_a_kill_loses_no_more_than_the_interval() {
    let directory = tempfile::tempdir().expect("a folder");
    let interval = ["--state-interval", "100ms"];
    let server = Server::start(directory.path(), &interval);
    fit_both(&server);
    for time in 1..=30 {
        feed(&server, time);
    }
    // Several intervals: everything up to here is saved.
    std::thread::sleep(Duration::from_millis(500));
    for time in 31..=35 {
        feed(&server, time);
    }
    server.kill();
    let server = Server::start(directory.path(), &interval);
    let time = feed(&server, 36).0["time"].as_u64().expect("a time");
    assert!((31..=36).contains(&time), "time goes on at {time}");
}

#[test]
fn a_stopped_server_has_saved_everything() {
    let directory = tempfile::tempdir().expect("a folder");
    // An interval that never comes: the stop alone saves.
    let server = Server::start(directory.path(), &["--state-interval", "1h"]);
    fit_both(&server);
    for time in 1..=15 {
        feed(&server, time);
    }
    assert!(server.stop().success());
    let server = Server::start(directory.path(), &[]);
    let (score, rows) = feed(&server, 16);
    assert_eq!((&score["time"], &rows["time"]), (&json!(16), &json!(16)));
    let shown = server.get("/api/v1/projects/score").expect(200);
    assert_eq!(shown["rows_seen"], 16);
}

#[test]
fn unloaded_reset_and_deleted_projects_stay_so_over_a_kill() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--state-durability", "always"]);
    fit_both(&server);
    for time in 1..=3 {
        feed(&server, time);
    }
    server.post("/api/v1/projects/score/reset", &json!({})).expect(200);
    server.post("/api/v1/projects/rows/unload", &json!({})).expect(200);
    server.kill();

    let server = Server::start(directory.path(), &["--state-durability", "always"]);
    let (score, rows) = row(1);
    assert_eq!(server.post("/api/v1/projects/score/predict", &score).expect(200)["time"], 1);
    let refused = server.post("/api/v1/projects/rows/predict", &rows).expect(409);
    assert_eq!(refused["code"], "project_inactive");
    server.post("/api/v1/projects/rows/load", &json!({})).expect(200);
    assert_eq!(server.post("/api/v1/projects/rows/predict", &rows).expect(200)["time"], 4, "its state was kept");
    assert_eq!(server.delete("/api/v1/projects/score").status, 204);
    server.kill();

    let server = Server::start(directory.path(), &[]);
    assert_eq!(server.get("/api/v1/projects/score").expect(404)["code"], "project_not_found");
    let listed = server.get("/api/v1/projects").expect(200);
    assert_eq!(listed["projects"].as_array().expect("a list").len(), 1, "{listed}");
}
