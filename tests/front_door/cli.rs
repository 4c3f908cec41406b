//! The command line against a real server.

use std::fmt::Write;
use std::process::Output;

use serde_json::Value;

use crate::electricity::market;
use crate::server::{Server, drifting};

fn run(server: &Server, arguments: &[&str]) -> Output {
    drifting().args(arguments).env("DRIFTING_URL", &server.url).output().expect("the program runs")
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the output is JSON")
}

#[test]
fn a_file_is_fitted_fed_shown_and_deleted() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let mut csv = "nswprice,nswdemand\n".to_owned();
    for row in market().iter().take(3_000) {
        writeln!(csv, "{},{}", row[0], row[1]).expect("a text grows");
    }
    let file = directory.path().join("market.csv");
    std::fs::write(&file, csv).expect("the file is written");
    let file = file.to_str().expect("a plain path");

    let fitted = json(&run(
        &server,
        &["fit", "market", file, "--rows", "0..1000", "--ert", "100", "--n-bootstraps", "2000", "--json"],
    ));
    assert_eq!((&fitted["drift_type"], &fitted["detector"]["ert"]), (&"tabular".into(), &100.0.into()));

    let fed = run(&server, &["predict", "market", file, "--rows", "1000..3000", "--batch", "500", "--fail-on-drift"]);
    assert_eq!(fed.status.code(), Some(3), "{}", String::from_utf8_lossy(&fed.stderr));
    let shown = json(&run(&server, &["projects", "show", "market", "--json"]));
    assert_eq!(shown["rows_seen"], 2_000);
    let listed = String::from_utf8(run(&server, &["projects", "list"]).stdout).expect("a text");
    assert!(listed.contains("market") && listed.contains("mmd_online"), "{listed}");
    assert!(run(&server, &["projects", "trend", "market"]).status.success());
    assert!(run(&server, &["projects", "delete", "market"]).status.success());
    let gone = run(&server, &["projects", "show", "market"]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&gone.stderr).contains("no project"), "{gone:?}");
}

#[test]
fn the_document_is_the_committed_one() {
    let printed = drifting().arg("openapi").output().expect("the program runs").stdout;
    let committed = include_bytes!("../../openapi/openapi.json");
    assert!(printed == committed, "run `cargo run -- openapi > openapi/openapi.json`");
}

#[test]
fn a_server_that_is_not_there_is_told_in_a_sentence() {
    let output = drifting().args(["projects", "list", "--url", "http://127.0.0.1:9"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("127.0.0.1:9") && text.contains("drifting serve"), "{text}");
}
