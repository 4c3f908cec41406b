//! What tests of the life of a cluster have in common.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use drifting_local_postgres::LocalPostgres;
use rustix::process::Pid;
use tempfile::TempDir;

const STARTED_ELSEWHERE: &str = "DRIFTING_TEST_DIRECTORY";

/// A folder that the unprivileged account can pass through.
pub fn passable() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).expect("its owner may change it");
    folder
}

pub async fn start(directory: &Path) -> LocalPostgres {
    // The text says what to install where Postgres is missing.
    LocalPostgres::start(directory).await.unwrap_or_else(|error| panic!("{error}"))
}

pub fn record(directory: &Path) -> PathBuf {
    directory.join("data/postmaster.pid")
}

/// The server that this test has started.
pub fn pid_of(directory: &Path) -> Pid {
    let record = fs::read_to_string(record(directory)).expect("the cluster runs");
    let pid = record.lines().next().and_then(|line| line.parse().ok());
    pid.and_then(Pid::from_raw).expect("the first line is the process id")
}

/// Another process that starts the cluster and keeps it: this test program, with one test alone.
pub fn start_elsewhere(directory: &Path) -> Child {
    let mut starter = Command::new(std::env::current_exe().expect("a path of its own"))
        .args(["--exact", "start_for_another_test", "--nocapture"])
        .env(STARTED_ELSEWHERE, directory)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut said = BufReader::new(starter.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
    assert!(said.any(|line| line == "started"), "the other process starts a cluster");
    starter
}

/// What the test `start_for_another_test` does.
pub async fn start_here_if_asked() {
    if let Some(directory) = std::env::var_os(STARTED_ELSEWHERE) {
        let _postgres = start(Path::new(&directory)).await;
        println!("\nstarted");
        std::future::pending::<()>().await;
    }
}
