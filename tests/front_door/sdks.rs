//! Clients that generators of others make of the committed OpenAPI document: each fits, predicts, reads the trend and is refused
//! (`tests/sdks`).

use std::path::Path;
use std::process::Command;

use crate::python;
use crate::server::{Launch, Server};

const KEY: &str = "the key of a generated client";

/// A script of the repository, with what `scripts/test` has set up for it. Returns what it prints.
fn run(script: &str, arguments: &[&str]) -> String {
    let tools = python::environment("openapi-tools");
    let output = Command::new(format!("{}/{script}", env!("CARGO_MANIFEST_DIR")))
        .args(arguments)
        .env("CARGO_TARGET_DIR", tools.parent().expect("the folder of builds"))
        .env("DRIFTING_API_KEY", KEY)
        .output()
        .expect("the script runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script} {arguments:?}");
    printed
}

fn round_trip(language: &str) {
    let directory = tempfile::tempdir().expect("a folder");
    let launch =
        Launch { arguments: &["--grpc-port", "none"], environment: &[("DRIFTING_API_KEY", KEY)], ..Launch::default() };
    let server = Server::launch(directory.path(), &launch).unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    let printed = run("tests/sdks/round_trip.sh", &[language, &server.url]);
    assert!(printed.contains(&format!("{language}: 31 rows judged, 31 metrics")), "it has come to its end");
}

#[test]
fn the_generated_python_client_makes_a_round_trip() {
    round_trip("python");
}

#[test]
fn the_generated_typescript_client_makes_a_round_trip() {
    round_trip("typescript");
}

#[test]
fn the_generated_rust_client_makes_a_round_trip() {
    round_trip("rust");
}

/// Their compilers are not here: what they make is only looked at.
#[test]
fn go_and_java_clients_have_the_operations() {
    let printed = run("openapi/generate.sh", &["go", "java"]);
    let [go, java] = printed.lines().collect::<Vec<_>>()[..] else { panic!("a folder each") };
    for (file, operation) in [
        (format!("{go}/api_predictions.go"), "Predict(ctx context.Context, project string)"),
        (format!("{java}/src/main/java/io/drifting/client/api/PredictionsApi.java"), "public Detection predict("),
    ] {
        let text = std::fs::read_to_string(Path::new(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(operation), "{file} lacks {operation}");
    }
}
