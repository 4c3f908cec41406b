//! Drift values over time, with each kind of database and with none.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::server::Server;

pub fn fit_and_feed(server: &Server, n_rows: usize) {
    let values: Vec<f64> = (0..200).map(|n| f64::from((n * 37) % 101)).collect();
    let detector = json!({"ert": 30, "window_size": 10, "n_bootstraps": 1000});
    let body = json!({"drift_type": "label", "data": values, "detector": detector});
    server.post("/api/v1/projects/price/fit", &body).expect(201);
    server.post("/api/v1/projects/price/predict", &json!({"data": &values[..n_rows]})).expect(200);
}

pub fn metrics(server: &Server) -> Vec<Value> {
    let answer = server.get("/api/v1/projects/price/metrics").expect(200);
    answer["metrics"].as_array().expect("a list").clone()
}

pub fn made(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("the folder is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Stopped at once, while its database may still be starting, and started again: nothing is lost, and the first question
/// has its answer.
fn assert_kept_over_a_restart(directory: &Path, arguments: &[&str]) {
    let server = Server::start(directory, arguments);
    fit_and_feed(&server, 30);
    assert!(server.stop().success());
    let server = Server::start(directory, arguments);
    let kept = metrics(&server);
    assert_eq!(kept.len(), 30, "{}", server.log());
    assert_eq!((&kept[8]["warm_up"], &kept[9]["warm_up"]), (&json!(true), &json!(false)));
    assert!(kept[9]["statistic"].is_number() && kept[9]["threshold"].is_number(), "{}", kept[9]);
    server.post("/api/v1/projects/price/predict", &json!({"data": [1]})).expect(200);
    let time = |metric: &Value| metric["time"].as_u64().expect("a time");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(2);
    while metrics(&server).last().map(time) != Some(31) {
        assert!(std::time::Instant::now() < deadline, "a metric is told within two seconds");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    server.stop();
}

#[test]
fn a_local_database_is_made_beside_the_store_and_keeps_everything() {
    let directory = tempfile::tempdir().expect("a folder");
    // Postgres runs as another user, who must be able to enter.
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).expect("the mode is set");
    assert_kept_over_a_restart(directory.path(), &["--database-uri", "local"]);
    assert_eq!(made(directory.path()), ["server.log", "store", "store-metrics"]);
    assert_eq!(made(&directory.path().join("store-metrics")), ["postgres"], "postgres is installed for the tests");
}

#[test]
fn a_sqlite_file_keeps_everything() {
    let directory = tempfile::tempdir().expect("a folder");
    let uri = format!("sqlite://{}/m.sqlite", directory.path().display());
    assert_kept_over_a_restart(directory.path(), &["--database-uri", &uri]);
    assert!(directory.path().join("m.sqlite").exists());
}

#[test]
fn without_a_database_the_latest_values_are_told_and_nothing_is_made() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--database-uri", "none"]);
    fit_and_feed(&server, 30);
    assert_eq!(metrics(&server).len(), 30);
    server.stop();
    assert_eq!(made(directory.path()), ["server.log", "store"]);
}

#[test]
fn a_database_that_does_not_answer_stops_no_prediction() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--database-uri", "postgres://nobody@127.0.0.1:9/none"]);
    fit_and_feed(&server, 30);
    let refused = server.get("/api/v1/projects/price/metrics").expect(503);
    assert_eq!(refused["code"], "storage_unavailable");
    assert!(server.stop().success());
}
