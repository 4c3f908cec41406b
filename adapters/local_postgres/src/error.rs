//! Why there is no local Postgres.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the cluster cannot be started or stopped. Nothing in the directory has been destroyed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LocalPostgresError {
    /// `initdb` and `postgres` were not found together.
    #[error(
        "no postgres of version 13 or later is installed: install one, for example with `apt-get install postgresql`"
    )]
    NotInstalled,
    /// The account that Postgres runs as cannot enter a folder on the way.
    #[error("the unprivileged user that postgres runs as cannot enter {}", path.display())]
    NotTraversable {
        /// The folder.
        path: PathBuf,
    },
    /// Started as root, and there is nobody else to run Postgres as.
    #[error("postgres does not run as root, and there is neither a user `postgres` nor a user `nobody`")]
    NoAccount,
    /// Another server uses the directory.
    #[error("another server uses the postgres cluster in {}", directory.display())]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// The cluster belongs to another major version.
    #[error(
        "the cluster in {} was created by postgres {cluster}, but only {installed} is installed: install postgres \
         {cluster} again, upgrade the cluster with pg_upgrade, or move the directory away to start a new one",
        directory.display()
    )]
    OtherVersion {
        /// The directory.
        directory: PathBuf,
        /// The cluster's major version.
        cluster: u32,
        /// The newest major version that is installed.
        installed: u32,
    },
    /// The cluster was created by a Postgres that is gone, and there is no other.
    #[error(
        "the cluster in {} was created by postgres {cluster}, which is no longer installed: install postgres {cluster} \
         again, or move the directory away to start a new one",
        directory.display()
    )]
    NoLongerInstalled {
        /// The directory.
        directory: PathBuf,
        /// The cluster's major version.
        cluster: u32,
    },
    /// The cluster could not be created.
    #[error("{program} failed: {detail}")]
    NotCreated {
        /// What was run.
        program: &'static str,
        /// What it said last.
        detail: String,
    },
    /// The server ended before it answered.
    #[error("postgres ended with {status}: {detail}")]
    Ended {
        /// How it ended.
        status: String,
        /// What it said last.
        detail: String,
    },
    /// The server did not answer in time.
    #[error("postgres did not answer within {seconds} s: {detail}")]
    NotReady {
        /// How long it was waited for.
        seconds: u64,
        /// What it said last.
        detail: String,
    },
    /// The server goes on, whatever signal it gets.
    #[error("postgres with process id {pid} does not stop")]
    NotStopped {
        /// Its process id.
        pid: i32,
    },
    /// The operating system refused something.
    #[error("cannot {operation}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// Why not.
        source: io::Error,
    },
}

impl LocalPostgresError {
    /// For `map_err`: what was tried when the operating system refused.
    pub(crate) fn io(operation: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { operation, source }
    }
}
