//! A cluster whose server somebody else ends, and which is started again by the same program.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use drifting_local_postgres::{LocalPostgres, LocalPostgresError};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use support::{passable, pid_of, record, start};

/// Waits until something is so.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The processes that the head of the server has started.
fn children_of(head: Pid) -> Vec<Pid> {
    let text = fs::read_to_string(format!("/proc/{0}/task/{0}/children", head.as_raw_pid())).expect("it runs");
    text.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

fn title_of(process: Pid) -> String {
    fs::read_to_string(format!("/proc/{}/cmdline", process.as_raw_pid())).unwrap_or_default()
}

#[tokio::test]
async fn a_server_that_was_killed_is_seen_and_started_again_at_once() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    let mut postgres = start(&directory).await;
    assert!(!postgres.has_ended());
    let pid = pid_of(&directory);
    kill_process(pid, Signal::KILL).expect("it runs");
    wait_until("the end is seen", || postgres.has_ended());
    assert!(postgres.has_ended(), "it stays so");
    assert!(test_kill_process(pid).is_err(), "it is reaped");
    assert!(record(&directory).exists(), "killed, it could not clean up");
    drop(postgres);

    let mut again = start(&directory).await;
    assert_ne!(pid_of(&directory), pid);
    assert!(!again.has_ended());
    again.stop().await.expect("stop");
}

/// Starts a server and kills its head; its checkpointer is stopped before, so that it does not notice, and holds the memory that it
/// shared with it.
async fn head_killed_but_checkpointer(directory: &Path) -> Pid {
    let mut postgres = start(directory).await;
    let head = pid_of(directory);
    let checkpointer = children_of(head).into_iter().find(|&child| title_of(child).contains("checkpointer"));
    let checkpointer = checkpointer.expect("every server has one");
    kill_process(checkpointer, Signal::STOP).expect("it runs");
    kill_process(head, Signal::KILL).expect("it runs");
    wait_until("the end is seen", || postgres.has_ended());
    checkpointer
}

#[tokio::test]
async fn a_server_whose_processes_outlive_their_head_is_started_again_when_they_are_gone() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    let checkpointer = head_killed_but_checkpointer(&directory).await;
    let starting = tokio::spawn({
        let directory = directory.clone();
        async move { start(&directory).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!starting.is_finished(), "it waits for what is left of the first");
    kill_process(checkpointer, Signal::CONT).expect("it is there");
    starting.await.expect("it is started").stop().await.expect("stop");
}

#[tokio::test]
async fn processes_that_do_not_leave_are_told_and_nothing_is_destroyed() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    let checkpointer = head_killed_but_checkpointer(&directory).await;
    let error = LocalPostgres::start(&directory).await.expect_err("its memory is still in use");
    assert!(matches!(error, LocalPostgresError::InUse { .. }), "{error}");
    kill_process(checkpointer, Signal::CONT).expect("it is there");
    start(&directory).await.stop().await.expect("stop");
}

#[tokio::test]
async fn somebody_who_looks_around_in_the_cluster_does_not_keep_it_from_starting() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    let mut postgres = start(&directory).await;
    let mut shell = shell_in(directory.join("data"));
    kill_process(pid_of(&directory), Signal::KILL).expect("it runs");
    wait_until("the end is seen", || postgres.has_ended());
    drop(postgres);
    // Cut off, it cannot be told from one whose server still runs.
    fs::write(record(&directory), "").expect("the record can be replaced");

    start(&directory).await.stop().await.expect("stop");
    assert!(shell.try_wait().expect("our own child").is_none(), "the shell was left alone");
    shell.kill().expect("our own child");
    shell.wait().expect("our own child");
}

fn shell_in(folder: PathBuf) -> Child {
    let mut shell = Command::new("sh");
    shell.args(["-c", "read line"]).current_dir(folder).stdin(Stdio::piped());
    shell.spawn().expect("every system has a shell")
}

#[tokio::test]
async fn an_adopted_server_that_was_killed_is_seen_and_started_again_at_once() {
    let folder = passable();
    let directory = folder.path().join("postgres");
    let pid = orphan_in(&directory);
    let mut adopted = start(&directory).await;
    assert_eq!(pid_of(&directory), pid);
    assert!(!adopted.has_ended());
    // Nobody reaps it here in every container: it may stay a zombie.
    kill_process(pid, Signal::KILL).expect("it runs");
    wait_until("the end is seen", || adopted.has_ended());
    drop(adopted);

    let again = start(&directory).await;
    assert_ne!(pid_of(&directory), pid);
    again.stop().await.expect("stop");
}

/// The server of a program that was killed.
fn orphan_in(directory: &Path) -> Pid {
    let mut starter = support::start_elsewhere(directory);
    let pid = pid_of(directory);
    starter.kill().expect("our own child");
    starter.wait().expect("our own child");
    pid
}

/// Does nothing, unless another test runs it in a process of its own to kill.
#[tokio::test]
async fn start_for_another_test() {
    support::start_here_if_asked().await;
}
