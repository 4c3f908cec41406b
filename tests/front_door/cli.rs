//! The command line against a real server.

use std::fmt::Write;
use std::path::Path;
use std::process::Output;

use arrow_ipc::reader::StreamReader;
use drifting_domain::data::{Column, Values};
use drifting_formats::arrow_stream;
use parquet::arrow::ArrowWriter;
use serde_json::Value;
use serde_json::json as value;

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

/// The same rows as Parquet, Arrow and NDJSON.
fn files(folder: &Path) -> [String; 3] {
    let rows: Vec<_> = market().into_iter().take(1_500).collect();
    let column = |name: &str, at: usize| Column {
        name: name.to_owned(),
        values: Values::Numeric(rows.iter().map(|row| row[at]).collect()),
    };
    let stream = arrow_stream(vec![column("nswprice", 0), column("nswdemand", 1)]).expect("columns of one length");
    let batch = StreamReader::try_new(stream.as_slice(), None).expect("a stream").next().expect("a batch");
    let batch = batch.expect("a whole batch");
    let mut parquet = ArrowWriter::try_new(Vec::new(), batch.schema(), None).expect("a flat schema");
    parquet.write(&batch).expect("it is written to memory");
    let ndjson = rows.iter().fold(String::new(), |lines, row| {
        lines + &value!({"nswprice": row[0], "nswdemand": row[1]}).to_string() + "\n"
    });
    let files =
        [("parquet", parquet.into_inner().expect("it is whole")), ("arrow", stream), ("ndjson", ndjson.into_bytes())];
    files.map(|(ending, bytes)| {
        let file = folder.join(format!("market.{ending}"));
        std::fs::write(&file, bytes).expect("the file is written");
        file.to_str().expect("a plain path").to_owned()
    })
}

#[test]
fn every_format_of_a_file_is_sent_whole_or_in_part() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let settings = ["--ert", "100", "--n-bootstraps", "2000", "--window-size", "20", "--json"];
    let mut told = Vec::new();
    for file in files(directory.path()) {
        let name = file.rsplit('.').next().expect("an ending");
        let whole = json(&run(&server, &[&["fit", name, &file][..], &settings].concat()));
        assert_eq!((&whole["drift_type"], &whole["reference_rows"]), (&"tabular".into(), &1_500.into()), "{name}");
        let part = ["--columns", "nswdemand,nswprice", "--rows", "..1000", "--overwrite"];
        let part = json(&run(&server, &[&["fit", name, &file][..], &settings, &part].concat()));
        assert_eq!(part["reference_rows"], 1_000, "{name}");
        assert_eq!(part["schema"]["columns"][0]["name"], "nswdemand", "{name}");
        let rest = ["predict", name, &file, "--rows", "1000..", "--batch", "200", "--json"];
        let fed = run(&server, &rest);
        assert!(fed.status.success(), "{name}: {}", String::from_utf8_lossy(&fed.stderr));
        let answers = String::from_utf8(fed.stdout).expect("a text").replace(name, "");
        assert_eq!(answers.lines().count(), 3, "{name}");
        told.push(answers);
        let shown = json(&run(&server, &["projects", "show", name, "--json"]));
        assert_eq!(shown["rows_seen"], 500, "{name}");
    }
    assert!(told.iter().all(|answers| *answers == told[0]), "the same rows have the same verdicts");
    let refused = run(&server, &["predict", "parquet", "market.xlsx"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
}

#[test]
fn the_document_is_the_committed_one() {
    let printed = drifting().arg("openapi").output().expect("the program runs").stdout;
    let committed = include_bytes!("../../openapi/openapi.json");
    let document: Value = serde_json::from_slice(committed).expect("JSON");
    assert!(document["paths"].get("/api/v1/projects/{project}/predict").is_some(), "it describes the operations");
    assert!(printed == committed, "run `cargo run -- openapi > openapi/openapi.json`");
}

#[test]
fn a_server_that_is_not_there_is_told_in_a_sentence() {
    let output = drifting().args(["projects", "list", "--url", "http://127.0.0.1:9"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("127.0.0.1:9") && text.contains("drifting serve"), "{text}");
}

#[test]
fn a_server_says_whether_it_takes_requests() {
    let directory = tempfile::tempdir().expect("a folder");
    let arguments = ["--drain-delay", "20s", "--allowed-hosts", "drift.example"];
    let server = Server::start(directory.path(), &arguments);
    let healthy = run(&server, &["health"]);
    assert!(healthy.status.success() && healthy.stdout == b"ready\n", "{healthy:?}");
    assert_eq!(json(&run(&server, &["health", "--json"])), value!({"status": "ready"}));
    let pid = rustix::process::Pid::from_child(&server.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("the signal is sent");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let draining = loop {
        let draining = run(&server, &["health"]);
        if !draining.status.success() {
            break draining;
        }
        assert!(std::time::Instant::now() < deadline, "it goes on saying that it is ready");
    };
    assert_eq!(draining.status.code(), Some(1));
    let told = String::from_utf8_lossy(&draining.stderr);
    assert!(told.contains("shutting down"), "{told}");
}
