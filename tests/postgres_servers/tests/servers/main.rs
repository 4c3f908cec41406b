//! The servers and the link to them, as a client sees them that is not ours.

mod link;
mod server;

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use drifting_postgres_servers::psql;

/// A client that carries out one statement.
fn client(uri: &str, sql: &str) -> Command {
    let mut client = Command::new(psql());
    client.args(["-XAtqc", sql, uri]).env("LC_ALL", "C").env("PGCONNECT_TIMEOUT", "30");
    client
}

fn run(uri: &str, sql: &str) -> Output {
    client(uri, sql).output().expect("psql runs")
}

/// What the one value of the answer is.
fn answer(uri: &str, sql: &str) -> String {
    let output = run(uri, sql);
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

/// What is said about a statement that fails.
fn refusal(uri: &str, sql: &str) -> String {
    let output = run(uri, sql);
    assert!(!output.status.success(), "it fails");
    said(&output)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A client on its way.
fn begin(uri: &str, sql: &str) -> Child {
    client(uri, sql).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("psql runs")
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
