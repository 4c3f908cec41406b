//! Long fits on a real server: killed, stopped, cancelled, followed by the command line.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Server, drifting};

/// A fit that takes a processor for many seconds: a million and a half permutations.
fn endless() -> Value {
    let numbers: Vec<f64> = (0..300).map(|index| f64::from((index * 7_919) % 1_009) / 1_009.0).collect();
    json!({"drift_type": "tabular", "data": {"a": numbers},
           "detector": {"kind": "mmd_online", "ert": 50, "window_size": 20, "n_bootstraps": 1_500_000}})
}

/// Waits until an operation is as it should be.
fn until(server: &Server, operation: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let shown = server.get(operation).expect(200);
        if is_so(&shown) {
            return shown;
        }
        assert!(Instant::now() < deadline, "{shown}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn until_computing(server: &Server, operation: &str) -> Value {
    until(server, operation, |shown| shown["progress"]["fraction"].as_f64().is_some_and(|share| share > 0.0))
}

#[test]
fn a_kill_in_the_middle_of_a_fit_is_told_after_the_restart() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let operation = server.begin("long", &endless());
    let running = until_computing(&server, &operation);
    assert_eq!(running["status"], "running");
    server.kill();

    let server = Server::start(directory.path(), &[]);
    let told = server.get(&operation).expect(200);
    assert_eq!((&told["status"], &told["problem"]["code"]), (&json!("failed"), &json!("interrupted")), "{told}");
    assert_eq!(told["created_at"], running["created_at"]);
    assert!(server.log().contains("a fit was interrupted"), "{}", server.log());
    assert_eq!(server.get("/api/v1/projects/long").status, 404);
    // The name is free, and what has ended leaves no note.
    let small = json!({"drift_type": "label", "data": (0..300).collect::<Vec<u32>>(),
                       "detector": {"ert": 50, "window_size": 10, "n_bootstraps": 2_000}});
    let operation = server.begin("long", &small);
    until(&server, &operation, |shown| shown["status"] == "succeeded");
    server.kill();
    let server = Server::start(directory.path(), &[]);
    assert_eq!(server.get(&operation).expect(404)["code"], "operation_not_found");
    assert_eq!(server.get("/api/v1/projects/long").status, 200);
}

#[test]
fn a_stop_does_not_wait_for_a_fit_that_nobody_waits_for() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let operation = server.begin("long", &endless());
    until_computing(&server, &operation);
    // Whoever follows is told too.
    let address = server.url.strip_prefix("http://").expect("a plain address").to_owned();
    let mut stream = TcpStream::connect(&address).expect("the server accepts");
    let request = format!("GET {operation}/events HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("data: ")), "the stream has begun");
    let started = Instant::now();
    assert!(server.stop().success());
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let last = lines.filter(|line| line.starts_with("data: ")).last().expect("events to the end");
    assert!(last.contains("\"interrupted\""), "{last}");

    let server = Server::start(directory.path(), &[]);
    let told = server.get(&operation).expect(200);
    assert_eq!((&told["status"], &told["problem"]["code"]), (&json!("failed"), &json!("interrupted")), "{told}");
}

#[test]
fn a_stop_answers_a_fit_that_somebody_waits_for() {
    let directory = tempfile::tempdir().expect("a folder");
    let audit = directory.path().join("audit");
    let told = audit.to_str().expect("a plain path");
    let mut server = Server::start(directory.path(), &["--shutdown-timeout", "2s", "--audit-log", told]);
    let address = server.url.strip_prefix("http://").expect("a plain address").to_owned();
    let body = endless().to_string();
    let mut stream = TcpStream::connect(&address).expect("the server accepts");
    let head = format!(
        "POST /api/v1/projects/long/fit HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).expect("sent");
    let deadline = Instant::now() + Duration::from_mins(1);
    while server.processor_time() < Duration::from_secs(1) {
        assert!(Instant::now() < deadline, "it does not compute");
        std::thread::sleep(Duration::from_millis(20));
    }
    let waiting = std::thread::spawn(move || {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    });
    let pid = rustix::process::Pid::from_child(&server.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("the signal is sent");
    assert!(server.ended(Duration::from_secs(30)).expect("it stops").success());
    let answer = waiting.join().expect("nobody panics").to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 503 "), "{answer}");
    assert!(answer.contains("\r\nretry-after: 10\r\n") && answer.contains("\"code\":\"interrupted\""), "{answer}");
    let log = server.log();
    assert!(log.contains("requests are interrupted") && !log.contains("client left"), "{log}");
    let files = std::fs::read_dir(audit).expect("the audit log is there").map(|file| file.expect("a file").path());
    let audited: String = files.map(|file| std::fs::read_to_string(file).expect("it is read")).collect();
    assert!(
        audited.contains("/api/v1/projects/long/fit") && audited.contains("\"status\":null"),
        "it did not end: {audited}"
    );
    let server = Server::start(directory.path(), &[]);
    assert_eq!(server.get("/api/v1/projects/long").status, 404);
}

#[test]
fn a_cancelled_fit_gives_the_processor_back() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let operation = server.begin("long", &endless());
    until_computing(&server, &operation);
    let cancelled = server.post(&format!("{operation}/cancel"), &json!({})).expect(200);
    assert_eq!(cancelled["status"], "cancelled", "{cancelled}");
    let before = server.processor_time();
    std::thread::sleep(Duration::from_secs(1));
    let taken = server.processor_time().saturating_sub(before);
    assert!(taken < Duration::from_millis(300), "it still computes: {taken:?} in a second");
    assert_eq!(server.get("/api/v1/projects/long").status, 404);
}

#[test]
fn the_command_line_follows_a_fit_and_cancels_it_when_interrupted() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    // More than one piece, so that its sending is told.
    let file = directory.path().join("rows.csv");
    let mut rows = "value\n".to_owned();
    for index in 0..20_000 {
        writeln!(rows, "{}", f64::from((index * 7_919) % 10_007) / 10_007.0).expect("a text grows");
    }
    std::fs::write(&file, rows).expect("the file is written");
    let file = file.to_str().expect("a plain path");
    let fit = |arguments: &[&str]| {
        let mut command = drifting();
        command.args(["fit", "rows", file]).args(arguments).env("DRIFTING_URL", &server.url);
        command
    };
    let output = |arguments: &[&str]| fit(arguments).output().expect("the program runs");

    let fitted = output(&["--ert", "50", "--n-bootstraps", "2000", "--json"]);
    assert!(fitted.status.success(), "{fitted:?}");
    let project: Value = serde_json::from_slice(&fitted.stdout).expect("the output is JSON");
    assert_eq!((&project["project"], &project["reference_rows"]), (&json!("rows"), &json!(20_000)));
    let told = String::from_utf8_lossy(&fitted.stderr);
    assert!(!told.contains('%'), "no bar where nobody watches: {told}");
    let exists = output(&[]);
    assert_eq!(exists.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&exists.stderr).contains("--overwrite"), "{exists:?}");

    let long =
        ["--overwrite", "--detector", "mmd_online", "--ert", "50", "--window-size", "20", "--n-bootstraps", "1500000"];
    let listed = || server.get("/api/v1/operations").expect(200)["operations"][0].clone();
    let running = fit(&long).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let deadline = Instant::now() + Duration::from_mins(1);
    while listed()["status"] != "running" {
        assert!(Instant::now() < deadline, "{}", listed());
        std::thread::sleep(Duration::from_millis(20));
    }
    // It may not have read the answer yet.
    std::thread::sleep(Duration::from_millis(500));
    let pid = rustix::process::Pid::from_child(&running);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("the signal is sent");
    let interrupted = running.wait_with_output().expect("the program ends");
    assert_eq!(interrupted.status.code(), Some(130), "{interrupted:?}");
    assert!(String::from_utf8_lossy(&interrupted.stderr).contains("cancelled"), "{interrupted:?}");
    assert_eq!(listed()["status"], "cancelled");
    let kept = server.get("/api/v1/projects/rows").expect(200);
    assert_eq!(kept["generation"], 1, "what was there is still there");

    let begun = output(&[&long[..], &["--no-wait"]].concat());
    assert!(begun.status.success(), "{begun:?}");
    let id = String::from_utf8(begun.stdout).expect("a text").trim().to_owned();
    let operations = |arguments: &[&str]| {
        let output = drifting().arg("operations").args(arguments).env("DRIFTING_URL", &server.url).output();
        let output = output.expect("the program runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("a text")
    };
    assert!(operations(&["list"]).contains(&id));
    assert!(operations(&["show", &id]).contains("progress.fraction"));
    let cancelled: Value = serde_json::from_str(&operations(&["cancel", &id, "--json"])).expect("JSON");
    assert_eq!(cancelled["status"], "cancelled");
}
