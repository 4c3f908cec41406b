//! `backtest`: in the process of the command, and on a server, of a real history whose change is known.

use std::fmt::Write;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::electricity::market;
use crate::server::{Server, drifting};

/// The first row that is kept, and the one from which Victoria's market is joined.
const FIRST: usize = 16_000;
const JOINED: usize = 17_424 - FIRST;

/// Rows of the market before and after it is joined, in a file.
fn history(folder: &Path) -> String {
    let mut csv = "nswprice,nswdemand,vicprice,vicdemand,transfer\n".to_owned();
    for row in &market()[FIRST..18_000] {
        let cells: Vec<_> = row.iter().map(ToString::to_string).collect();
        writeln!(csv, "{}", cells.join(",")).expect("a text grows");
    }
    let file = folder.join("market.csv");
    std::fs::write(&file, csv).expect("the file is written");
    file.to_str().expect("a plain path").to_owned()
}

fn backtest(arguments: &[&str]) -> Output {
    drifting().arg("backtest").args(arguments).env_remove("DRIFTING_URL").output().expect("the program runs")
}

/// The report of a run that has ended well.
pub fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the output is JSON")
}

/// The report without what differs from run to run: times.
pub fn timeless(mut report: Value) -> Value {
    for candidate in report["candidates"].as_array_mut().expect("candidates") {
        if let Some(cost) = candidate["replayed"]["cost"].as_object_mut() {
            cost.remove("fit_s");
            cost.remove("row_ns");
        }
    }
    report
}

#[test]
fn a_history_is_replayed_here_and_on_a_server_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = history(folder.path());
    let change = JOINED.to_string();
    let asked = [
        &file,
        "--columns",
        "vicprice,vicdemand,transfer",
        "--reference",
        "960",
        "--change",
        &change,
        "--margin",
        "96",
        "--kind",
        "ks,cvm_online",
        "--window",
        "48",
    ];
    let here = report(&backtest(&[&asked[..], &["--json"]].concat()));
    assert_eq!((&here["reference_rows"], &here["changes"]), (&json!(960), &json!([JOINED])));
    for candidate in here["candidates"].as_array().expect("candidates") {
        assert_eq!(candidate["replayed"]["n_missed"], 0, "{candidate}");
    }
    let store = folder.path().join("store");
    std::fs::create_dir(&store).expect("a folder");
    let server = Server::start(&store, &[]);
    let there = report(&backtest(&[&asked[..], &["--json", "--url", &server.url]].concat()));
    assert_eq!(timeless(here), timeless(there));

    let shown = backtest(&asked);
    let text = String::from_utf8(shown.stdout).expect("a text");
    for part in
        ["KIND", "FALSE PER 1000 ROWS", "cvm_online", "0 of 1", "suggestion: ", "--rows 0..960", "\"detector\":"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    // The command that it suggests fits.
    let command = text.lines().find_map(|line| line.trim().strip_prefix("drifting ")).expect("a command");
    let command = command.replace("NAME", "market");
    let fitted =
        drifting().args(command.split(' ')).env("DRIFTING_URL", &server.url).output().expect("the program runs");
    assert!(fitted.status.success(), "{command}: {}", String::from_utf8_lossy(&fitted.stderr));
}

#[test]
fn every_format_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows: Vec<f64> = (0..400).map(|row| f64::from((row * 7_919) % 1_009)).collect();
    let csv = rows.iter().map(|row| format!("{row}\n")).collect::<Vec<_>>().concat();
    let files = [("h.csv", format!("value\n{csv}")), ("h.ndjson", csv), ("h.json", json!(rows).to_string())];
    for (name, text) in files {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("the file is written");
        let file = file.to_str().expect("a plain path");
        let asked = [file, "--kind", "ks", "--window", "40", "--no-change", "--reference", "50%", "--json"];
        let report = report(&backtest(&asked));
        assert_eq!((&report["reference_rows"], &report["changes"]), (&json!(200), &json!([])), "{name}");
        assert_eq!(report["candidates"].as_array().map(Vec::len), Some(1), "{name}");
    }
}

#[test]
fn what_cannot_be_is_told_by_its_flag() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = history(folder.path());
    for (arguments, code, part) in [
        (&["--kind", "kss"][..], 1, "--kind: expected one of"),
        (&["--change", "5"], 1, "--change: expected rows after the reference"),
        (&["--ert", "1"], 1, "--ert: expected"),
        (&["--reference", "0"], 2, "expected a number of rows such as 5000"),
        (&["--change", "1500", "--no-change"], 2, "cannot be used with"),
    ] {
        let output = backtest(&[&[&*file][..], arguments].concat());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(part), "{arguments:?}: {told}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
