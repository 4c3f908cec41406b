//! The database of the server's own, through the deaths of the server and of its own.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process, test_kill_process};
use serde_json::json;
use tempfile::TempDir;

use crate::metrics::{fit_and_feed, made};
use crate::server::{Launch, Server};

/// An unprivileged user that every system has.
const NOBODY: u32 = 65_534;
/// One that none has, as whom whoever runs the test is seen.
const NAMELESS: &str = "--map-user=54321";

/// A folder of a server, and who runs it; where that is nobody, whoever runs the tests.
struct Place {
    directory: TempDir,
    user: Option<u32>,
}

impl Place {
    fn of(user: Option<u32>) -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        // Postgres runs as another user than root, who must be able to enter.
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).expect("the mode is set");
        if user.is_some() {
            chown(directory.path(), user, user).expect("root gives it away");
        }
        Self { directory, user }
    }

    fn start(&self) -> Server {
        // What was fed is counted after a kill too.
        let arguments = ["--database-uri", "local", "--state-durability", "always"];
        let launch = Launch { arguments: &arguments, user: self.user, ..Launch::default() };
        let started = Server::launch(self.directory.path(), &launch);
        started.unwrap_or_else(|(status, log)| panic!("{status}: {log}"))
    }

    fn database(&self) -> PathBuf {
        self.directory.path().join("store-metrics")
    }

    /// The process of the cluster's server, if one is recorded.
    fn postmaster(&self) -> Option<Pid> {
        let record = std::fs::read_to_string(self.database().join("postgres/data/postmaster.pid")).ok()?;
        record.lines().next()?.parse().ok().and_then(Pid::from_raw)
    }
}

/// Feeds the next row, which is answered whatever becomes of the database, and waits until it is told with all before it.
fn assert_told(server: &Server, time: u64) {
    let verdict = server.post("/api/v1/projects/price/predict", &json!({"data": [1]})).expect(200);
    assert_eq!(verdict["time"], time);
    assert_all_told(server, time);
}

fn wait_until(server: &Server, what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: {}", server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A server that has delivered thirty rows.
fn delivered(place: &Place) -> Server {
    let server = place.start();
    fit_and_feed(&server, 30);
    assert_all_told(&server, 30);
    server
}

/// Waits until all rows are told; while the database is being made, the answer is that it cannot be reached.
fn assert_all_told(server: &Server, n_rows: u64) {
    wait_until(server, "all rows are told", || {
        let answer = server.get("/api/v1/projects/price/metrics");
        assert!(matches!(answer.status, 200 | 503), "{}", answer.body);
        let told = answer.body["metrics"].as_array().cloned().unwrap_or_default();
        told.iter().map(|metric| metric["time"].as_u64()).eq((1..=n_rows).map(Some))
    });
}

fn assert_made_and_kept(user: Option<u32>) {
    let place = Place::of(user);
    let server = delivered(&place);
    let owner = std::fs::metadata(place.database().join("postgres/data")).expect("the cluster is there").uid();
    assert_ne!(owner, 0, "postgres does not run as root");
    assert!(user.is_none_or(|user| user == owner), "{owner}");
    assert!(server.stop().success());
    assert_eq!(place.postmaster(), None, "it stops with the server");
    assert_eq!(made(&place.database()), ["postgres"], "postgres is installed for the tests");

    let server = place.start();
    assert_all_told(&server, 30);
    assert!(server.stop().success());
}

#[test]
fn a_cluster_is_made_for_whoever_runs_the_server() {
    assert_made_and_kept(None);
    if geteuid().is_root() {
        assert_made_and_kept(Some(NOBODY));
    }
}

#[test]
fn a_server_that_was_killed_finds_its_database_running_and_every_row_in_it() {
    let place = Place::of(None);
    let server = delivered(&place);
    let postmaster = place.postmaster().expect("it runs");
    server.kill();
    test_kill_process(postmaster).expect("the database outlives the server");

    let server = place.start();
    assert_all_told(&server, 30);
    assert_eq!(place.postmaster(), Some(postmaster), "it is adopted");
    assert_told(&server, 31);
    assert!(server.stop().success());
    assert_eq!(place.postmaster(), None, "it stops with the server that adopted it");
}

#[test]
fn a_database_that_was_killed_is_started_again_while_the_server_goes_on() {
    let place = Place::of(None);
    let server = delivered(&place);
    let killed = place.postmaster().expect("it runs");
    kill_process(killed, Signal::KILL).expect("the test may");
    assert_told(&server, 31);
    assert_told(&server, 32);
    let next = place.postmaster();
    assert_ne!(next, Some(killed));
    // Nobody sends a row: it is noticed all the same.
    kill_process(next.expect("it runs"), Signal::KILL).expect("the test may");
    wait_until(&server, "another one runs", || place.postmaster().is_some_and(|now| Some(now) != next));
    assert_all_told(&server, 32);
    assert!(server.stop().success());
    assert_eq!(place.postmaster(), None);
}

/// A user without a name cannot create a cluster, as it happens in containers.
#[test]
fn where_no_cluster_can_be_made_a_file_takes_its_place_and_keeps_it() {
    let place = Place::of(None);
    let start = || {
        let wrapper = ["unshare", "--user", NAMELESS];
        let launch = Launch { arguments: &["--database-uri", "local"], wrapper: &wrapper, ..Launch::default() };
        let started = Server::launch(place.directory.path(), &launch);
        started.unwrap_or_else(|(status, log)| panic!("nobody can be somebody else (unshare --user): {status}: {log}"))
    };
    let server = start();
    fit_and_feed(&server, 30);
    assert_all_told(&server, 30);
    assert!(place.database().join("metrics.sqlite").exists(), "{}", server.log());
    assert_eq!(server.log().matches("metrics go to a SQLite file").count(), 1, "{}", server.log());
    assert!(server.stop().success());

    let server = start();
    assert_all_told(&server, 30);
    assert_eq!(server.log().matches("initdb failed").count(), 1, "it is not tried again: {}", server.log());
    assert!(server.stop().success());
}

/// Starts what follows where no Postgres can be found: its folders are hidden, and nothing is on the path.
const WITHOUT_POSTGRES: &str = "for place in /usr/lib/postgresql /usr/local/pgsql; do \
     if [ -d $place ]; then mount -t tmpfs none $place || exit 9; fi; done; PATH=/nowhere exec \"$0\" \"$@\"";

#[test]
fn where_no_postgres_is_installed_a_file_takes_its_place_and_keeps_it() {
    let place = Place::of(None);
    let as_root = ["unshare", "--mount", "/bin/sh", "-c", WITHOUT_POSTGRES];
    let as_user = ["unshare", "--map-root-user", "--mount", "/bin/sh", "-c", WITHOUT_POSTGRES];
    let wrapper: &[&str] = if geteuid().is_root() { &as_root } else { &as_user };
    let launch = Launch { arguments: &["--database-uri", "local"], wrapper, ..Launch::default() };
    let started = Server::launch(place.directory.path(), &launch);
    let advice = "folders cannot be hidden: run the tests as root, or allow user namespaces to unshare";
    let server = started.unwrap_or_else(|(status, log)| panic!("{advice}: {status}: {log}"));
    fit_and_feed(&server, 30);
    assert_all_told(&server, 30);
    assert_eq!(made(&place.database()).iter().filter(|name| name.as_str() == "postgres").count(), 0);
    assert_eq!(server.log().matches("metrics go to a SQLite file").count(), 1, "{}", server.log());
    assert!(server.stop().success());

    // With a Postgres to be found again, the file stays where the rows are.
    let server = place.start();
    assert_all_told(&server, 30);
    assert!(place.database().join("metrics.sqlite").exists());
    assert!(!place.database().join("postgres").exists(), "{}", server.log());
    assert!(server.stop().success());
}
