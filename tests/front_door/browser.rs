//! A server on loopback and a browser on the same machine (`tests/browser`): pages of others change nothing and read nothing,
//! a name that was bound to this machine is refused, and the server's own pages work.

use std::path::Path;

use serde_json::{Value, json};

use crate::delivery::wait_until;
use crate::python;
use crate::server::Server;

/// A server with a project, and the path of the operation that has fitted it.
fn start(directory: &Path, arguments: &[&str]) -> (Server, String) {
    let server = Server::start(directory, &[&["--grpc-port", "none"], arguments].concat());
    let values: Vec<f64> = (0..60).map(|n| f64::from(n * 37 % 101) / 101.0).collect();
    let detector = json!({"ert": 20, "window_sizes": [4], "n_bootstraps": 2_000});
    let body = json!({"drift_type": "label", "data": values, "detector": detector});
    let operation = server.begin("label", &body);
    wait_until(&server, "the project is fitted", || !server.get(&operation).expect(200)["ended_at"].is_null());
    server.post("/api/v1/projects/label/predict", &json!({"data": [0.25]})).expect(200);
    (server, operation)
}

/// Runs a program of `tests/browser` against a server; what it has seen is shown with `--no-capture`, and where it fails.
pub fn run(program: &str, server: &Server, arguments: &[&str]) {
    let chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let chromium = chromium.into_iter().find(|path| Path::new(path).exists());
    let chromium = chromium.expect("Chromium is missing: run scripts/test once, which installs it");
    let output = python::program("browser", "python")
        .arg(format!("{}/tests/browser/{program}.py", env!("CARGO_MANIFEST_DIR")))
        .arg(&server.url)
        .args(arguments)
        .env("CHROMIUM", chromium)
        .output()
        .expect("the program runs");
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program}: something is not as expected");
}

/// Everything that somebody could have changed.
fn seen(server: &Server) -> [Value; 3] {
    ["/api/v1/projects", "/api/v1/projects/label", "/api/v1/operations"].map(|path| server.get(path).expect(200))
}

#[test]
fn pages_of_others_change_nothing_and_read_nothing() {
    let directory = tempfile::tempdir().expect("a folder");
    let (server, operation) = start(directory.path(), &[]);
    let before = seen(&server);
    run("attacks", &server, &[&operation]);
    assert_eq!(seen(&server), before, "a page of another origin has changed something");
}

#[test]
fn a_page_of_a_host_that_was_named_may_change_something() {
    let directory = tempfile::tempdir().expect("a folder");
    let (server, operation) = start(directory.path(), &["--allowed-hosts", "localhost,127.0.0.1,evil.example"]);
    let before = seen(&server);
    run("attacks", &server, &[&operation, "allowed"]);
    assert_ne!(seen(&server), before, "the attacks do nothing where they may");
}

#[test]
fn its_own_pages_work() {
    let directory = tempfile::tempdir().expect("a folder");
    let (server, _) = start(directory.path(), &[]);
    run("own_pages", &server, &[]);
    let project = server.get("/api/v1/projects/label").expect(200);
    assert_eq!(project["rows_seen"], 2, "its own page has predicted once");
}
