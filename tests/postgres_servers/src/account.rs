//! Whom Postgres runs as.

use std::env;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::geteuid;

/// Whoever runs the test; for root, which Postgres refuses, somebody unprivileged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    other: Option<(u32, u32)>,
}

impl Account {
    pub(crate) fn choose() -> Self {
        if !geteuid().is_root() {
            return Self { other: None };
        }
        let users = fs::read_to_string("/etc/passwd").expect("every system has users");
        let other = ["postgres", "nobody"].iter().find_map(|name| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut numbers = line.split(':').skip(2).map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        });
        assert!(other.is_some(), "postgres does not run as root: add a user `postgres`");
        Self { other }
    }

    /// A command that runs as this account.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = plain_command(program);
        if let Some((uid, gid)) = self.other {
            // The standard library drops root's supplementary groups together with the uid.
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Hands a path over to the account.
    pub(crate) fn own(self, path: &Path) {
        if let Some((uid, gid)) = self.other {
            chown(path, Some(uid), Some(gid)).expect("root gives away what it likes");
        }
    }
}

/// A command that no variable for programs of Postgres reaches, such as `PGHOST`, and that speaks English.
pub(crate) fn plain_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C");
    command
}
