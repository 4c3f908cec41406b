//! The check that stands between a file from the disk and the server.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::Command;

use crate::check::verify;
use crate::table::Table;

/// A sound file takes milliseconds.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// Who reads a file first.
#[derive(Debug, Clone)]
pub enum Guard {
    /// A process of its own: whatever a damaged file does to it, the server lives.
    ChildProcess {
        /// The program to start.
        program: PathBuf,
        /// Its arguments. The paths of the files come after them. The program is to call
        /// [`check_command`](crate::check_command) with these paths.
        arguments: Vec<OsString>,
    },
    /// This process. Panics are caught; but a damaged file can also loop or abort the process. For tests.
    InProcess,
}

impl Guard {
    /// Checks copies of files; says which are damaged.
    ///
    /// # Errors
    /// Where the check itself could not be made, which says nothing about the files.
    pub(crate) async fn damaged(&self, copies: &[(Table, PathBuf)]) -> io::Result<Vec<Table>> {
        if copies.is_empty() {
            return Ok(Vec::new());
        }
        match self {
            Self::ChildProcess { program, arguments } => {
                match child(program, arguments, copies).await? {
                    Verdict::Damaged(tables) => Ok(tables),
                    Verdict::Died if copies.len() == 1 => Ok(vec![copies[0].0]),
                    // It did not come as far as saying which of them it died of.
                    Verdict::Died => {
                        let mut damaged = Vec::new();
                        for copy in copies {
                            match child(program, arguments, std::slice::from_ref(copy)).await? {
                                Verdict::Damaged(tables) => damaged.extend(tables),
                                Verdict::Died => damaged.push(copy.0),
                            }
                        }
                        Ok(damaged)
                    }
                }
            }
            Self::InProcess => {
                let copies = copies.to_vec();
                let check = move || copies.iter().filter(|copy| verify(&copy.1).is_err()).map(|copy| copy.0).collect();
                tokio::task::spawn_blocking(check).await.map_err(io::Error::other)
            }
        }
    }
}

/// How a checking process ended.
enum Verdict {
    /// It said which files are damaged, or that none is.
    Damaged(Vec<Table>),
    /// It was killed, by itself or for want of an end.
    Died,
}

async fn child(program: &PathBuf, arguments: &[OsString], copies: &[(Table, PathBuf)]) -> io::Result<Verdict> {
    let output = Command::new(program)
        .args(arguments)
        .args(copies.iter().map(|(_, path)| path))
        .stdin(Stdio::null())
        // Of a damaged file persy's panics are all that would be heard.
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let Ok(output) = tokio::time::timeout(CHECK_TIMEOUT, output).await else { return Ok(Verdict::Died) };
    let output = output?;
    let names = String::from_utf8_lossy(&output.stdout);
    let named = |table: Table| names.lines().any(|line| line == table.file_name());
    let damaged: Vec<Table> = copies.iter().map(|copy| copy.0).filter(|table| named(*table)).collect();
    if !damaged.is_empty() || output.status.success() {
        Ok(Verdict::Damaged(damaged))
    } else if killed(output.status) {
        Ok(Verdict::Died)
    } else {
        // A program that does not know the command, for example. Taking this for damage would cost every status.
        Err(io::Error::other(format!("the checking process ended with {} and named no file", output.status)))
    }
}

fn killed(status: ExitStatus) -> bool {
    status.code().is_none()
}
