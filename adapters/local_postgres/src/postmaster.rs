//! What the file `postmaster.pid` of a cluster says, and whether it is still true.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::time::{Instant, sleep};

use crate::LocalPostgresError;
use crate::probe::socket_in;
use crate::processes::{Member, is_head, members_in};

const POLL: Duration = Duration::from_millis(50);
/// Usually the processes of a server whose head was killed end within milliseconds.
const LEAVING_TIMEOUT: Duration = Duration::from_secs(5);

/// What is known of the server of a cluster.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// There is none, or none that Postgres would not find to be gone by itself.
    Nothing,
    /// It runs.
    Running(Postmaster),
    /// It is gone, but Postgres would not believe it: nobody reaped it, its process id belongs to another program (as
    /// it happens after a container's restart), or its record was cut off.
    Stale,
}

/// A running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Postmaster {
    pub(crate) pid: Pid,
    pub(crate) socket_folder: PathBuf,
}

/// Reads the record in a cluster and compares it with the processes that run.
pub(crate) fn recorded(data: &Path) -> Result<Recorded, LocalPostgresError> {
    let record = match fs::read_to_string(record_in(data)) {
        Ok(record) => record,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Recorded::Nothing),
        Err(error) => return Err(LocalPostgresError::io("read the process id of postgres")(error)),
    };
    let Some(postmaster) = parse(&record) else { return Ok(Recorded::Stale) };
    if test_kill_process(postmaster.pid) == Err(Errno::SRCH) {
        return Ok(Recorded::Nothing);
    }
    Ok(match is_head(postmaster.pid, data) {
        Some(true) => Recorded::Running(postmaster),
        Some(false) => Recorded::Stale,
        // Postgres itself then refuses to start beside it.
        None => Recorded::Nothing,
    })
}

/// Whether the process is the head of a server on this cluster, and has not ended.
pub(crate) fn serves(pid: Pid, data: &Path) -> bool {
    is_head(pid, data) == Some(true)
}

/// Waits until no process works in the cluster any more whose head is gone: while one does, Postgres does not start. They
/// notice by themselves only when they next wait for something.
pub(crate) async fn left_by_all(data: &Path) -> Result<(), LocalPostgresError> {
    let deadline = Instant::now() + LEAVING_TIMEOUT;
    loop {
        let members = members_in(data);
        if members.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(LocalPostgresError::InUse { directory: data.to_owned() });
        }
        if !members.contains(&Member::Head) {
            for member in members {
                if let Member::Other(pid) = member {
                    // It may just have gone.
                    kill_process(pid, Signal::QUIT).ok();
                }
            }
        }
        sleep(POLL).await;
    }
}

/// Removes what a server left behind that is gone, once no process of it works in the cluster any more.
pub(crate) async fn clear(data: &Path, socket_folder: &Path) -> Result<(), LocalPostgresError> {
    left_by_all(data).await?;
    let socket = socket_in(socket_folder);
    for path in [record_in(data), socket.with_added_extension("lock"), socket] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(LocalPostgresError::io("remove a stale lock file of postgres")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Waits until the process no longer serves the cluster.
pub(crate) async fn gone(pid: Pid, data: &Path) {
    while serves(pid, data) {
        sleep(POLL).await;
    }
}

fn record_in(data: &Path) -> PathBuf {
    data.join("postmaster.pid")
}

/// The process id is in the first line, the folder of the socket in the fifth.
fn parse(record: &str) -> Option<Postmaster> {
    let mut lines = record.lines();
    let pid = lines.next()?.trim().parse().ok().filter(|&pid: &i32| pid > 0)?;
    let socket_folder = lines.nth(3).unwrap_or_default().into();
    Some(Postmaster { pid: Pid::from_raw(pid)?, socket_folder })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, id};

    fn cluster_with(record: &str) -> tempfile::TempDir {
        let data = tempfile::tempdir().unwrap();
        fs::write(record_in(data.path()), record).unwrap();
        data
    }

    #[test]
    fn a_record_tells_the_process_and_its_socket() {
        let record = "4711\n/var/lib/data\n1780012800\n5432\n/var/lib/socket\n\n  1234  5\nready   \n";
        let expected = Postmaster { pid: Pid::from_raw(4711).unwrap(), socket_folder: "/var/lib/socket".into() };
        assert_eq!(parse(record), Some(expected));
        assert_eq!(parse(""), None);
        assert_eq!(parse("-4711\n"), None);
    }

    #[test]
    fn another_program_with_the_same_process_id_is_not_the_server() {
        assert_eq!(recorded(cluster_with(&id().to_string()).path()).unwrap(), Recorded::Stale);
        assert_eq!(recorded(cluster_with("").path()).unwrap(), Recorded::Stale);
    }

    #[test]
    fn what_has_ended_is_not_the_server() {
        let mut child = Command::new("true").spawn().unwrap();
        let data = cluster_with(&child.id().to_string());
        // It still runs or has become a zombie: neither is a server.
        assert_eq!(recorded(data.path()).unwrap(), Recorded::Stale);
        child.wait().unwrap();
        assert_eq!(recorded(data.path()).unwrap(), Recorded::Nothing, "postgres sees by itself that it is gone");
    }

    #[tokio::test]
    async fn a_stale_record_is_removed_with_its_locks() {
        let data = cluster_with("");
        let socket = socket_in(data.path());
        fs::write(&socket, "").unwrap();
        fs::write(socket.with_added_extension("lock"), "").unwrap();
        clear(data.path(), data.path()).await.unwrap();
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
        clear(data.path(), data.path()).await.unwrap();
    }
}
