//! How commands end, and what they say then: failures, wrong usage, readers that go away, interruptions.

use std::os::unix::process::ExitStatusExt;
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::server::{Server, drifting};

/// The discard port, where nobody listens.
const NOBODY: &str = "http://127.0.0.1:9";

fn run(arguments: &[&str]) -> Output {
    drifting().args(arguments).stdin(Stdio::null()).output().expect("the program runs")
}

fn stderr_json(output: &Output) -> Value {
    serde_json::from_slice(&output.stderr)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn every_command_ends_with_its_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = folder.path().join("rows.csv");
    std::fs::write(&rows, "a\n1\n2\n").expect("a file is written");
    let rows = rows.to_str().expect("a plain path");
    let failing: [&[&str]; 13] = [
        &["fit", "p", rows, "--drift-type", "label"],
        &["fit", "p", "absent.csv"],
        &["predict", "p", rows],
        &["predict", "p", rows, "--fail-on-drift"],
        &["projects", "list"],
        &["projects", "show", "p"],
        &["projects", "load", "p"],
        &["projects", "unload", "p"],
        &["projects", "reset", "p"],
        &["projects", "delete", "p"],
        &["projects", "trend", "p"],
        &["demo"],
        &["config", "show", "--config", "absent.yaml"],
    ];
    let wrong: [&[&str]; 15] = [
        &[],
        &["fti"],
        &["fit", "p"],
        &["predict", "p", rows, "--batch", "0"],
        &["projects"],
        &["projects", "trend"],
        &["projects", "list", "--url", "127.0.0.1:8080"],
        &["serve", "--port", "many"],
        &["check", "--port", "many"],
        &["config", "show", "--port", "many"],
        &["config", "init", "a", "b"],
        &["completions", "tcsh"],
        &["openapi", "--toml"],
        &["demo", "--kep"],
        &["backtest", rows, "--reference", "0"],
    ];
    for (arguments, code) in failing.iter().map(|line| (line, 1)).chain(wrong.iter().map(|line| (line, 2))) {
        for with_json in [false, true] {
            let mut command = drifting();
            command.args(*arguments).env("DRIFTING_URL", NOBODY).current_dir(folder.path());
            if with_json {
                command.arg("--json");
            }
            let output = command.output().expect("the program runs");
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
            let text = String::from_utf8_lossy(&output.stderr);
            if with_json {
                let problem = stderr_json(&output);
                assert_eq!(problem["exit_code"], code, "{arguments:?}: {problem}");
                assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
                assert_eq!(problem["code"], if code == 2 { "usage" } else { "failed" });
            } else {
                assert!(text.starts_with("error: ") || arguments.len() < 2, "{arguments:?}: {text}");
            }
            // `demo` tells where its rows are from before it looks for a server.
            assert!(output.stdout.is_empty() || arguments[0] == "demo", "{arguments:?}");
        }
    }
    for arguments in [&["--help"][..], &["--version"], &["help", "config"], &["openapi"], &["openapi", "--yaml"]] {
        let output = run(arguments);
        assert!(output.status.success() && !output.stdout.is_empty() && output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_refusal_of_the_server_is_handed_on_as_its_problem_document() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let output = run(&["projects", "show", "absent", "--json", "--url", &server.url]);
    let problem = stderr_json(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        (&problem["status"], &problem["code"], &problem["exit_code"]),
        (&json!(404), &json!("project_not_found"), &json!(1))
    );
    assert!(problem["request_id"].is_string() && problem["title"].is_string(), "{problem}");
}

#[test]
fn a_slip_is_answered_with_what_was_meant() {
    for (arguments, meant) in [
        (&["sevre"][..], "'serve'"),
        (&["projects", "lst"], "'list'"),
        (&["config", "shw"], "'show'"),
        (&["check", "--prot", "1"], "'--port'"),
    ] {
        let output = run(arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && text.contains(meant), "{text}");
    }
}

/// A pipe whose reader has gone.
fn closed_pipe() -> std::io::PipeWriter {
    std::io::pipe().expect("a pipe is made").1
}

#[test]
fn a_reader_that_goes_away_is_no_news() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    for arguments in [
        &["openapi"][..],
        &["openapi", "--yaml"],
        &["completions", "bash"],
        &["config", "show"],
        &["config", "init", "-"],
        &["check"],
        &["demo"],
        &["demo", "--json"],
        &["projects", "list"],
        &["projects", "list", "--json"],
    ] {
        let output = drifting()
            .args(arguments)
            .env("DRIFTING_URL", &server.url)
            .current_dir(directory.path())
            .stdout(closed_pipe())
            .output()
            .expect("the program runs");
        assert_eq!(output.status.code(), Some(141), "{arguments:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
    for arguments in [&["--help"][..], &["help", "serve"]] {
        let output = drifting().args(arguments).stdout(closed_pipe()).output().expect("the program runs");
        assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
    // Nor is one of the errors.
    for (arguments, code) in [(&["projects", "show", "absent"][..], 1), (&["fti"], 2), (&["fti", "--json"], 2)] {
        let mut command = drifting();
        command.args(arguments).env("DRIFTING_URL", &server.url).stderr(closed_pipe());
        assert_eq!(command.output().expect("the program runs").status.code(), Some(code), "{arguments:?}");
    }
    assert_eq!(server.get("/api/v1/projects").expect(200)["projects"], json!([]), "the demo has tidied up");
}

#[test]
fn an_interrupted_command_ends_as_the_shell_expects() {
    // It waits for rows that do not come.
    let mut child = drifting()
        .args(["predict", "p", "-", "--url", NOBODY])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    kill_process(Pid::from_child(&child), Signal::INT).expect("the signal is sent");
    let status = child.wait().expect("the program ends");
    // A shell shows this as 130.
    assert_eq!(status.signal(), Some(Signal::INT.as_raw()), "{status}");
}
