//! Creating the cluster beside what interrupted creations left, with the Postgres that is installed.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use drifting_local_postgres::{LocalPostgres, LocalPostgresError, SearchPath};
use tempfile::TempDir;

const DIRECTORY: &str = "DRIFTING_TEST_DIRECTORY";

/// A folder that the unprivileged account can pass through.
fn passable() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).expect("its owner may change it");
    folder
}

async fn start_and_stop(directory: &Path) {
    let postgres = LocalPostgres::start(directory).await.unwrap_or_else(|error| panic!("{error}"));
    postgres.stop().await.expect("stop");
}

/// The names of clusters that are not whole.
fn unfinished(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("our own names"));
    names.filter(|name| name.starts_with("data.unfinished")).collect()
}

#[tokio::test]
async fn what_interrupted_creations_left_is_removed() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    for leftover in ["data.unfinished", "data.unfinished.AbC123"] {
        fs::create_dir_all(directory.join(leftover).join("base")).unwrap();
    }
    start_and_stop(&directory).await;
    assert_eq!(unfinished(&directory), [""; 0]);

    fs::create_dir_all(directory.join("data.unfinished.later/base")).unwrap();
    start_and_stop(&directory).await;
    assert_eq!(unfinished(&directory), [""; 0], "also where there is a cluster");
}

#[tokio::test]
async fn a_leftover_that_is_still_written_to_does_not_keep_it_from_starting() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    let leftover = directory.join("data.unfinished");
    fs::create_dir_all(&leftover).unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let is_over = Arc::clone(&is_over);
        // Like the orphan of a killed server, but one that does not end by itself.
        move || {
            for n in 0.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                fs::create_dir_all(leftover.join(format!("base/{n}"))).ok();
                thread::sleep(Duration::from_micros(200));
            }
        }
    });
    let started = LocalPostgres::start(&directory).await;
    is_over.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    started.unwrap().stop().await.unwrap();

    start_and_stop(&directory).await;
    assert_eq!(unfinished(&directory), [""; 0], "the next start removes it");
}

/// Does nothing, unless [`a_server_that_is_killed_while_it_creates_can_start_again_at_once`] runs it in a process of its
/// own to kill.
#[tokio::test]
async fn create_for_another_test() {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        start_and_stop(Path::new(&directory)).await;
    }
}

#[tokio::test]
async fn a_server_that_is_killed_while_it_creates_can_start_again_at_once() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    for delay in [0, 50, 150, 300] {
        let before = unfinished(&directory);
        let mut server = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "create_for_another_test"])
            .env(DIRECTORY, &directory)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while unfinished(&directory).iter().all(|name| before.contains(name)) && !directory.join("data").exists() {
            assert!(Instant::now() < deadline, "the other process creates a cluster");
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(delay));
        server.kill().unwrap();
        server.wait().unwrap();
    }
    start_and_stop(&directory).await;

    // The orphans end by themselves.
    let deadline = Instant::now() + Duration::from_secs(30);
    while !unfinished(&directory).is_empty() {
        assert!(Instant::now() < deadline, "still there: {:?}", unfinished(&directory));
        start_and_stop(&directory).await;
    }
}

#[tokio::test]
async fn a_look_tells_what_a_start_would_meet_and_makes_nothing() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    let nothing = SearchPath::new([]);
    let error = LocalPostgres::look_with(&directory, &nothing).await.unwrap_err();
    assert!(matches!(error, LocalPostgresError::NotInstalled), "{error}");
    fs::create_dir_all(directory.join("data")).expect("a folder is made");
    fs::write(directory.join("data/PG_VERSION"), "9\n").expect("a file is written");
    let error = LocalPostgres::look(&directory).await.unwrap_err();
    assert!(matches!(error, LocalPostgresError::OtherVersion { cluster: 9, .. }), "{error}");
    assert_eq!(fs::read_dir(&directory).expect("a folder").count(), 1);
}
