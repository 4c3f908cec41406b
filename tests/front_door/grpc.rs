//! The port of gRPC: chosen, told, taken, and off.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Launch, Server, drifting};

/// A server that has started: the lines that it said, and its log.
pub struct Told {
    child: Child,
    pub lines: Vec<String>,
    log: PathBuf,
}

impl Told {
    /// Whether it logs this soon: lines are written behind what they tell of.
    fn logs(&self, part: &str) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let is_logged = std::fs::read_to_string(&self.log).unwrap_or_default().contains(part);
            if is_logged || Instant::now() > deadline {
                return is_logged;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn start(directory: &Path, arguments: &[&str], n_lines: usize) -> Told {
    let (mut child, log) = Server::spawn(directory, &Launch { arguments, ..Launch::default() });
    let stdout = BufReader::new(child.stdout.take().expect("standard output is piped"));
    let lines = stdout.lines().take(n_lines).map(|line| line.expect("a line")).collect();
    Told { child, lines, log }
}

/// A port that is free now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address").port()
}

/// Whether HTTP/2 is spoken there: the first frame is one of settings.
fn speaks_http2(address: SocketAddr) -> bool {
    const FRAME_OF_SETTINGS: u8 = 4;
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit is set");
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").expect("it reads");
    let mut head = [0; 9];
    stream.read_exact(&mut head).expect("it answers");
    head[3] == FRAME_OF_SETTINGS
}

#[test]
fn a_free_port_is_taken_and_told_after_that_of_http() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &[], 2);
    assert!(server.lines[0].starts_with("listening on http://127.0.0.1:"), "{:?}", server.lines);
    let address = server.lines[1].strip_prefix("gRPC on ").expect("the second line").parse().expect("an address");
    assert!(speaks_http2(address));
    assert!(server.logs(&format!("\"grpc\":\"{address}\"")));
}

#[test]
fn the_port_that_is_given_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let server = start(folder.path(), &["--grpc-port", &port.to_string(), "--json"], 1);
    let told: Value = serde_json::from_str(&server.lines[0]).expect("JSON");
    assert_eq!(told["grpc_address"], format!("127.0.0.1:{port}"));
    assert!(told["url"].as_str().expect("an address").starts_with("http://"), "{told}");
    assert!(speaks_http2(SocketAddr::from(([127, 0, 0, 1], port))));
}

#[test]
fn none_turns_it_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &["--grpc-port", "none", "--json"], 1);
    let told: Value = serde_json::from_str(&server.lines[0]).expect("JSON");
    assert_eq!(told["grpc_address"], Value::Null);
    assert!(server.logs("\"grpc\":\"off\""));
}

#[test]
fn a_port_that_is_taken_matters_to_those_who_asked_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    // Where another program has it already, it is taken all the same.
    let _by_default = TcpListener::bind("127.0.0.1:8081");
    let http = free_port().to_string();
    let server = start(folder.path(), &["--port", &http], 1);
    assert_eq!(server.lines, [format!("listening on http://127.0.0.1:{http}")]);
    assert!(server.logs("the port of gRPC is taken"));
    drop(server);

    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let port = address.port().to_string();
    let refused = Server::try_start(folder.path(), &["--grpc-port", &port]).err().expect("it does not start");
    assert_eq!(refused.0.code(), Some(1), "{}", refused.1);
    assert!(refused.1.contains(&format!("cannot listen for gRPC on {address}")), "{}", refused.1);
}

/// Takes an address, which a server of another test may have for a moment; whoever has it for longer keeps it taken, too.
fn hold(address: &str) -> Option<TcpListener> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match TcpListener::bind(address) {
            Ok(listener) => return Some(listener),
            Err(_) if Instant::now() > deadline => return None,
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

#[test]
fn check_looks_at_the_port() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let _by_default = hold("127.0.0.1:8081");
    for (arguments, ok, part) in [
        (&["--port", "0", "--grpc-port", &port][..], false, "in use"),
        (&["--port", &free_port().to_string()], true, "is taken: a start serves HTTP alone"),
        (&["--port", "0"], true, "any free port"),
        (&["--port", "0", "--grpc-port", "none"], true, "off"),
    ] {
        let mut command = drifting();
        command.args(["check", "--json", "--artifacts-path", "memory://", "--database-uri", "none"]).args(arguments);
        let output = command.current_dir(folder.path()).output().expect("it runs");
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let found = answer["checks"].as_array().expect("a list").iter().find(|found| found["check"] == "gRPC");
        let found = found.expect("a finding");
        assert_eq!((&found["ok"], &answer["ok"]), (&json!(ok), &json!(ok)), "{answer}");
        assert!(found["detail"].as_str().expect("a text").contains(part), "{found}");
        assert_eq!(found["remedy"].is_string(), !ok, "{found}");
    }
}
