//! Without a metrics database a server has no thread, no file and no connection for one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::json;

use crate::delivery::wait_until;
use crate::metrics::{fit_and_feed, made, metrics};
use crate::server::{Launch, Server};

/// How many threads there are of each name. Those of the runtime come and go.
fn threads(server: &Server) -> BTreeMap<String, usize> {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.child.id())).expect("the server runs");
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    let mut threads = BTreeMap::new();
    for name in names.filter(|name| !name.starts_with("tokio")) {
        *threads.entry(name.trim_end().to_owned()).or_default() += 1;
    }
    threads
}

/// What the files are that the server has open.
fn open_files(server: &Server) -> Vec<String> {
    let files = fs::read_dir(format!("/proc/{}/fd", server.child.id())).expect("the server runs");
    let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    targets.map(|target| target.to_string_lossy().into_owned()).collect()
}

/// The sockets of the server among those that a table of the kernel lists: their states and addresses.
fn sockets(server: &Server, table: &str, inode_at: usize) -> Vec<String> {
    let open = open_files(server);
    let text = fs::read_to_string(format!("/proc/{}/net/{table}", server.child.id())).unwrap_or_default();
    let lines = text.lines().skip(1).filter(|line| {
        let inode = line.split_whitespace().nth(inode_at).unwrap_or_default();
        open.contains(&format!("socket:[{inode}]"))
    });
    lines.map(str::to_owned).collect()
}

fn n_unix_sockets(server: &Server) -> usize {
    sockets(server, "unix", 6).len()
}

/// Only what listens for requests is left of TCP, once those that asked are gone.
fn assert_unconnected(server: &Server) {
    const LISTENING: &str = "0A";
    let tcp = || [sockets(server, "tcp", 9), sockets(server, "tcp6", 9)].concat();
    let is_listening = |socket: &String| socket.split_whitespace().nth(3) == Some(LISTENING);
    wait_until(server, "only the listeners are left", || tcp().iter().all(is_listening));
    assert_eq!(tcp().len(), 2, "of HTTP and of gRPC: {:?}", tcp());
}

fn store_of(directory: &Path) -> Vec<String> {
    [made(&directory.join("store")), made(&directory.join("store/.tmp"))].concat()
}

#[test]
fn none_adds_no_thread_no_file_and_no_connection() {
    let (directory, with_file) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let server = Server::start(directory.path(), &["--database-uri", "none"]);
    let uri = format!("sqlite://{}/m.sqlite", with_file.path().display());
    let other = Server::start(with_file.path(), &["--database-uri", &uri]);
    for server in [&server, &other] {
        fit_and_feed(server, 30);
        wait_until(server, "all rows are told", || metrics(server).len() == 30);
    }
    assert_unconnected(&server);
    assert_eq!(n_unix_sockets(&server), n_unix_sockets(&other));
    let mut of_other = threads(&other);
    let n_before = of_other.len();
    of_other.retain(|name, _| !name.starts_with("sqlx"));
    assert!(of_other.len() < n_before, "this test knows no longer how threads of databases are called: {of_other:?}");
    assert_eq!(threads(&server), of_other);
    let open = open_files(&server);
    assert!(!open.iter().any(|file| file.contains("sqlite") || file.contains("(deleted)")), "{open:?}");
    assert_eq!(made(directory.path()), ["server.log", "store"]);
    assert_eq!(store_of(directory.path()), store_of(with_file.path()));
    assert!(server.stop().success() && other.stop().success());
    assert_eq!(made(directory.path()), ["server.log", "store"]);
}

#[test]
fn a_reader_of_a_store_makes_no_database_beside_it() {
    let directory = tempfile::tempdir().expect("a folder");
    let writer = Server::start(directory.path(), &[]);
    let body = json!({"drift_type": "label", "data": (0..40).collect::<Vec<_>>(), "detector": {"kind": "ks"}});
    writer.post("/api/v1/projects/window/fit", &body).expect(201);
    assert!(writer.stop().success());
    let before = (made(directory.path()), store_of(directory.path()));

    let launch = Launch { arguments: &["--read-only"], with_default_database: true, ..Launch::default() };
    let started = Server::launch(directory.path(), &launch);
    let reader = started.unwrap_or_else(|(status, log)| panic!("{status}: {log}"));
    reader.post("/api/v1/projects/window/predict", &json!({"data": (0..40).collect::<Vec<_>>()})).expect(200);
    let told = reader.get("/api/v1/projects/window/metrics").expect(200);
    assert_eq!(told["metrics"].as_array().map(Vec::len), Some(1), "{told}");
    assert_unconnected(&reader);
    assert!(threads(&reader).keys().all(|name| !name.starts_with("sqlx")), "{:?}", threads(&reader));
    assert!(reader.stop().success());
    assert_eq!((made(directory.path()), store_of(directory.path())), before);
}
