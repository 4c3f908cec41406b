//! Starting, stopping and recovering, with the Postgres that is installed.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};

use drifting_local_postgres::{LocalPostgres, LocalPostgresError, SearchPath};
use rustix::process::{Signal, geteuid, kill_process, test_kill_process};
use support::{passable, pid_of, record, start};

/// Drawn anew for every cluster: the same number is the same cluster.
fn identity_of(directory: &Path) -> Vec<u8> {
    let control = fs::read(directory.join("data/global/pg_control")).expect("the cluster exists");
    control[..8].to_vec()
}

fn log_of(directory: &Path) -> String {
    fs::read_to_string(directory.join("postgres.log")).expect("the log exists")
}

#[tokio::test]
async fn starts_again_with_the_same_cluster_and_is_closed_to_others() {
    let folder = passable();
    // What would break an address, a list of sockets or a shell.
    let directory = folder.path().join("sub/a b%,c'&+");
    assert!(!LocalPostgres::has_cluster(&directory));
    let postgres = start(&directory).await;
    assert!(LocalPostgres::has_cluster(&directory));
    let identity = identity_of(&directory);
    assert!(postgres.uri().starts_with("postgres:///drifting?host=%2F"), "{}", postgres.uri());
    assert_eq!(fs::metadata(&directory).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(directory.join("data")).unwrap().mode() & 0o777, 0o700);
    let runs_as = fs::metadata(directory.join("data")).unwrap().uid();
    assert_ne!(runs_as, 0, "postgres does not run as root");
    let pid = pid_of(&directory);

    postgres.stop().await.unwrap();
    assert!(test_kill_process(pid).is_err(), "stopped and reaped");
    assert!(!record(&directory).exists(), "shut down in order");

    start(&directory).await.stop().await.unwrap();
    assert_eq!(identity_of(&directory), identity);
}

#[tokio::test]
async fn the_socket_goes_elsewhere_when_the_path_is_too_long() {
    let folder = passable();
    let directory = folder.path().join("long".repeat(30));
    let postgres = start(&directory).await;
    assert!(!postgres.uri().contains("long"), "{}", postgres.uri());
    assert!(!directory.join("socket").exists());
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn recovers_after_a_kill() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    let postgres = start(&directory).await;
    kill_process(pid_of(&directory), Signal::KILL).unwrap();
    postgres.stop().await.unwrap();
    assert!(record(&directory).exists(), "killed, it could not clean up");

    start(&directory).await.stop().await.unwrap();
    assert!(log_of(&directory).contains("automatic recovery"), "{}", log_of(&directory));
}

#[tokio::test]
async fn dropping_shuts_down_and_the_next_start_waits_for_it() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    let postgres = start(&directory).await;
    let pid = pid_of(&directory);
    drop(postgres);
    let again = start(&directory).await;
    assert_ne!(pid_of(&directory), pid);
    again.stop().await.unwrap();
}

/// A program of the account that owns the cluster: Postgres takes its process id for a running server.
fn program_of_the_account(directory: &Path, program: &str) -> Child {
    let owner = fs::metadata(directory.join("data")).expect("the cluster exists");
    let mut command = Command::new(program);
    command.arg("600").current_dir("/");
    if geteuid().is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    command.spawn().expect("every system has this program")
}

async fn starts_beside_a_stale_record_with_the_process_id_of(program: &str) {
    let folder = passable();
    let directory = folder.path().join("postgres");
    let postgres = start(&directory).await;
    kill_process(pid_of(&directory), Signal::KILL).expect("it runs");
    postgres.stop().await.expect("it has ended");
    let mut other = program_of_the_account(&directory, program);
    for path in [record(&directory), directory.join("socket/.s.PGSQL.5432.lock")] {
        let left = fs::read_to_string(&path).expect("killed, it could not clean up");
        let (_, rest) = left.split_once('\n').expect("a record has lines");
        fs::write(&path, format!("{}\n{rest}", other.id())).expect("a record can be replaced");
    }

    let postgres = start(&directory).await;
    postgres.stop().await.expect("stop");
    other.kill().ok();
    other.wait().expect("our own child");
}

#[tokio::test]
async fn a_process_id_that_went_to_another_program_does_not_keep_it_from_starting() {
    starts_beside_a_stale_record_with_the_process_id_of("sleep").await;
}

#[tokio::test]
async fn a_zombie_does_not_keep_it_from_starting() {
    // It ends at once, and nobody reaps it before the end of the test.
    starts_beside_a_stale_record_with_the_process_id_of("true").await;
}

#[tokio::test]
async fn an_empty_record_does_not_keep_it_from_starting() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    start(&directory).await.stop().await.unwrap();
    fs::write(record(&directory), "").unwrap();
    start(&directory).await.stop().await.unwrap();
}

#[tokio::test]
async fn a_directory_in_use_is_refused() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    let first = start(&directory).await;
    let error = LocalPostgres::start(&directory).await.unwrap_err();
    assert!(matches!(error, LocalPostgresError::InUse { .. }), "{error}");
    first.stop().await.unwrap();
}

/// Does nothing, unless [`an_orphan_is_adopted`] runs it in a process of its own to kill.
#[tokio::test]
async fn start_for_another_test() {
    support::start_here_if_asked().await;
}

#[tokio::test]
async fn an_orphan_is_adopted() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    let mut server = support::start_elsewhere(&directory);
    let pid = pid_of(&directory);
    server.kill().unwrap();
    server.wait().unwrap();
    test_kill_process(pid).expect("postgres outlives its starter");

    let adopted = start(&directory).await;
    assert_eq!(pid_of(&directory), pid);
    adopted.stop().await.unwrap();
    assert!(!record(&directory).exists(), "shut down in order");
    start(&directory).await.stop().await.unwrap();
}

#[tokio::test]
async fn without_programs_nothing_is_created() {
    let folder = passable();
    let directory = folder.path().join("metrics/postgres");
    let error = LocalPostgres::start_with(&directory, &SearchPath::default()).await.unwrap_err();
    assert!(matches!(error, LocalPostgresError::NotInstalled), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_cluster_of_another_version_is_left_alone() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    let version = directory.join("data/PG_VERSION");
    fs::create_dir_all(directory.join("data")).unwrap();
    fs::write(&version, "9.6\n").unwrap();
    let error = LocalPostgres::start(&directory).await.unwrap_err();
    assert!(matches!(error, LocalPostgresError::OtherVersion { cluster: 9, .. }), "{error}");
    assert_eq!(fs::read_to_string(version).unwrap(), "9.6\n");
}

#[tokio::test]
async fn a_cluster_whose_programs_are_gone_tells_which_to_install() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    start(&directory).await.stop().await.expect("stop");
    let error = LocalPostgres::start_with(&directory, &SearchPath::default()).await.unwrap_err();
    assert!(matches!(error, LocalPostgresError::NoLongerInstalled { .. }), "{error}");
    start(&directory).await.stop().await.expect("it is still there");
}

#[tokio::test]
async fn a_folder_that_the_account_cannot_enter_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let closed = fs::canonicalize(folder.path()).unwrap().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    let link = folder.path().join("link");
    symlink(&closed, &link).unwrap();
    let started = LocalPostgres::start(&link.join("sub/postgres")).await;
    if geteuid().is_root() {
        let error = started.unwrap_err();
        assert!(matches!(&error, LocalPostgresError::NotTraversable { path } if *path == closed), "{error}");
        assert_eq!(fs::read_dir(&closed).unwrap().count(), 0, "nothing is left behind");
    } else {
        // Its own folders are open to whoever is not root.
        started.unwrap().stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_ends_tells_why() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    start(&directory).await.stop().await.unwrap();
    fs::write(directory.join("data/postgresql.conf"), "no_such_setting = 1\n").unwrap();
    let error = LocalPostgres::start(&directory).await.unwrap_err();
    assert!(error.to_string().contains("contains errors"), "{error}");
}
