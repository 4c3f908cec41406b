//! `demo`: with a server of its own, and on somebody else's.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::electricity::market;
use crate::server::{Server, drifting};

fn events(mut command: Command) -> Vec<Value> {
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("a text");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

fn event<'a>(events: &'a [Value], name: &str, phase: Option<&str>) -> &'a Value {
    let mut found = events.iter().filter(|event| event["event"] == name && event["phase"].as_str() == phase);
    found.next().unwrap_or_else(|| panic!("no {name} in {events:?}"))
}

#[test]
fn it_needs_nothing_and_tells_the_change() {
    let folder = tempfile::tempdir().expect("a folder");
    // Neither a file nor the environment configures the demo's own server.
    std::fs::write(folder.path().join("drifting.yaml"), "artifacts_path: store\n").expect("a file is written");
    let mut command = drifting();
    command.arg("demo").current_dir(folder.path()).env("DRIFTING_ARTIFACTS_PATH", "store");
    let output = command.output().expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("a text");
    assert!(output.status.success() && output.stderr.is_empty(), "{text}");
    for part in ["M. Harries", "BSD-3", "•", "╌", "^", "COLUMN", "vicdemand", "drifting fit market", "is deleted again"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder is read").count(), 1, "nothing is left behind");

    let mut command = drifting();
    command.args(["demo", "--json"]).current_dir(folder.path());
    let events = events(command);
    let false_alarms = event(&events, "fed", Some("before"))["false_alarms"].as_u64().expect("a count");
    // One in a thousand rows is expected; with the chance of a few, more than five would be a defect.
    assert!(false_alarms <= 5, "{events:?}");
    let told_after = event(&events, "alarm", None)["rows_after_change"].as_u64().expect("a row");
    assert!(told_after <= 40, "{events:?}");
    let after = event(&events, "fed", Some("after"));
    assert!(["transfer", "vicdemand"].contains(&after["features"][0]["name"].as_str().expect("a name")), "{after}");
    assert_eq!(events.last().expect("events"), &json!({"event": "deleted", "project": "demo"}));
}

#[test]
fn nobody_elses_project_is_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let body = json!({"drift_type": "label", "data": (0..200).collect::<Vec<_>>()});
    for project in ["DEMO", "demo-2"] {
        server.post(&format!("/api/v1/projects/{project}/fit"), &body).expect(201);
    }
    let demo = |arguments: &[&str]| {
        let mut command = drifting();
        command.args(["demo", "--json", "--url", &server.url]).args(arguments);
        events(command)
    };
    let projects = || {
        let listed = server.get("/api/v1/projects").expect(200);
        let listed = listed["projects"].as_array().expect("a list").iter();
        listed.map(|project| project["project"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(event(&demo(&[]), "fitted", None)["project"], "demo-3");
    assert_eq!(projects(), ["DEMO", "demo-2"]);
    assert_eq!(demo(&["--keep"]).last().expect("events"), &json!({"event": "kept", "project": "demo-3"}));
    assert_eq!(projects(), ["DEMO", "demo-2", "demo-3"]);
    assert_eq!(server.get("/api/v1/projects/demo-3").expect(200)["rows_seen"], 1_100);
    assert_eq!(server.get("/api/v1/projects/DEMO").expect(200)["rows_seen"], 0);
}

#[test]
fn an_interrupted_demo_tidies_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    // A demo may be done before the signal comes: then the next is interrupted.
    let is_interrupted = (0..20).any(|_| {
        let mut child = drifting()
            .args(["demo", "--json", "--url", &server.url])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("standard output is piped")).lines();
        let is_fitted = lines.any(|line| line.expect("a line").contains("\"fitted\""));
        assert!(is_fitted, "the demo fits");
        kill_process(Pid::from_child(&child), Signal::INT).expect("the signal is sent");
        lines.for_each(drop);
        let status = child.wait().expect("the program ends");
        assert_eq!(server.get("/api/v1/projects").expect(200)["projects"], json!([]));
        assert!([Some(0), Some(130)].contains(&status.code()), "{status}");
        status.code() == Some(130)
    });
    assert!(is_interrupted);
}

#[test]
fn its_rows_are_those_of_the_market_on_their_side_of_the_change() {
    const CHANGE: usize = 17_424;
    let bundled = include_str!("../../src/commands/demo/electricity.csv").lines().skip(1);
    let bundled: Vec<[u64; 5]> = bundled
        .map(|line| {
            let values: Vec<u64> =
                line.split(',').map(|value| value.parse::<f64>().expect("a number").to_bits()).collect();
            values.try_into().expect("five columns")
        })
        .collect();
    let bits =
        |rows: &[[f64; 5]]| rows.iter().map(|row| row.map(f64::to_bits)).collect::<std::collections::HashSet<_>>();
    let market = market();
    let (before, after) = (bits(&market[..CHANGE]), bits(&market[CHANGE..]));
    assert!(bundled[..2_000].iter().all(|row| before.contains(row)));
    assert!(bundled[2_000..].iter().all(|row| after.contains(row)));
}
