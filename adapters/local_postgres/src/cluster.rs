//! Creating a cluster.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;
use tracing::info;

use crate::LocalPostgresError;
use crate::diagnosis::last_words;
use crate::place::Place;
use crate::probe::NAME;
use crate::programs::Programs;
use crate::unfinished::Unfinished;

/// Usually a second.
const CREATION_TIMEOUT: Duration = Duration::from_mins(2);

/// The major version of the cluster, if there is one.
pub(crate) fn version_of(data: &Path) -> Result<Option<u32>, LocalPostgresError> {
    let failed = LocalPostgresError::io("read the version of the cluster");
    match fs::read_to_string(data.join("PG_VERSION")) {
        Ok(version) => {
            let major = version.trim().split('.').next().unwrap_or_default().parse();
            major.map(Some).map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// Creates the cluster with a role and a database of our own. It gets its name when it is whole: a creation that is
/// interrupted is begun anew by the next start.
pub(crate) async fn create(place: &Place, programs: &Programs) -> Result<(), LocalPostgresError> {
    let unfinished = Unfinished::begin(place)?;
    let mut initdb = place.account.command(&programs.initdb);
    initdb.arg("-D").arg(unfinished.path()).args(["--username", NAME, "--encoding", "UTF8", "--locale", "C"]);
    // The socket's folder says who may come in; there is no other way.
    initdb.args(["--auth-local", "trust", "--auth-host", "reject"]);
    run(&mut initdb, "initdb", place, "").await?;

    let mut postgres = place.account.command(&programs.postgres);
    postgres.arg("--single").arg("-D").arg(unfinished.path()).args(["-c", "exit_on_error=on", "postgres"]);
    run(&mut postgres, "postgres --single", place, &format!("CREATE DATABASE {NAME}\n")).await?;

    unfinished.finish(place)?;
    info!(major = programs.major, directory = %place.directory.display(), "created a postgres cluster");
    Ok(())
}

async fn run(
    command: &mut Command,
    program: &'static str,
    place: &Place,
    input: &str,
) -> Result<(), LocalPostgresError> {
    command.current_dir(&place.directory).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let failed = |detail: String| LocalPostgresError::NotCreated { program, detail };
    let output = timeout(CREATION_TIMEOUT, output_of(command, input))
        .await
        .map_err(|_| failed(format!("not done within {} s", CREATION_TIMEOUT.as_secs())))?
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = last_words(&String::from_utf8_lossy(&output.stderr));
    Err(failed(format!("{}: {said}", output.status)))
}

async fn output_of(command: &mut Command, input: &str) -> io::Result<Output> {
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that has already failed no longer reads; its own words say more than a broken pipe.
        stdin.write_all(input.as_bytes()).await.ok();
    }
    child.wait_with_output().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_a_cluster_is_read() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(version_of(data.path()).unwrap(), None);
        fs::write(data.path().join("PG_VERSION"), "15\n").unwrap();
        assert_eq!(version_of(data.path()).unwrap(), Some(15));
        fs::write(data.path().join("PG_VERSION"), "").unwrap();
        version_of(data.path()).unwrap_err();
    }
}
