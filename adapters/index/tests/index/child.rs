//! This test binary as the processes that tests start.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use drifting_index::{Guard, check_command};

/// The guard whose process is this binary, running the test [`check`].
pub fn guard() -> Guard {
    let arguments = ["child::check", "--exact", "--nocapture"].map(OsString::from).to_vec();
    Guard::ChildProcess { program: std::env::current_exe().unwrap(), arguments }
}

/// This binary, running another test.
pub fn command(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]);
    command
}

#[test]
fn check() {
    let files: Vec<PathBuf> =
        std::env::args_os().skip(1).map(PathBuf::from).filter(|path| path.is_absolute()).collect();
    if files.is_empty() {
        return; // An ordinary run of the tests.
    }
    // The test harness has begun a line.
    println!();
    std::process::exit(i32::from(check_command(&files) != ExitCode::SUCCESS));
}
