//! Whom Postgres runs as.

use std::env;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::geteuid;
use tokio::process::Command;

use crate::LocalPostgresError;

/// Whom Postgres runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    /// Whoever runs this program.
    Own,
    /// Somebody unprivileged, because this program runs as root and Postgres refuses to.
    Other { uid: u32, gid: u32 },
}

impl Account {
    /// The owner of an existing cluster, or whoever suits a new one.
    pub(crate) fn choose(data: &Path) -> Result<Self, LocalPostgresError> {
        if !geteuid().is_root() {
            return Ok(Self::Own);
        }
        if let Ok(owner) = fs::metadata(data)
            && owner.uid() != 0
        {
            return Ok(Self::Other { uid: owner.uid(), gid: owner.gid() });
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        unprivileged(&users).ok_or(LocalPostgresError::NoAccount)
    }

    /// A command that runs as this account.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // `PGDATA`, `PGPORT`, `PGOPTIONS` and the like are meant for other clusters.
        for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C");
        if let Self::Other { uid, gid } = self {
            // The standard library drops root's supplementary groups together with the uid.
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Hands a path over to the account.
    pub(crate) fn own(self, path: &Path) -> io::Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, gid } => chown(path, Some(uid), Some(gid)),
        }
    }

    /// Opens a file of the account to write at its end, and creates it where it is missing. Root is not led elsewhere by
    /// a link that the account may have put there.
    pub(crate) fn append(self, path: &Path) -> io::Result<File> {
        let mut options = File::options();
        options.create(true).append(true);
        let Self::Other { uid, gid } = self else { return options.open(path) };
        let file = options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path)?;
        fchown(&file, Some(uid), Some(gid))?;
        Ok(file)
    }

    /// Creates a folder with its parents that the account can pass through, also where root's own new folders are
    /// closed to everybody else.
    pub(crate) fn create_passable(self, folder: &Path) -> io::Result<()> {
        let missing: Vec<_> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
        fs::create_dir_all(folder)?;
        if self != Self::Own {
            for folder in missing {
                let mode = fs::metadata(folder)?.mode();
                fs::set_permissions(folder, fs::Permissions::from_mode(mode | 0o011))?;
            }
        }
        Ok(())
    }

    /// Whether something belongs to the account.
    pub(crate) fn owns(self, metadata: &Metadata) -> bool {
        metadata.uid()
            == match self {
                Self::Own => geteuid().as_raw(),
                Self::Other { uid, .. } => uid,
            }
    }

    /// Refuses a folder when the account cannot enter it, or a folder on the way to it.
    pub(crate) fn check_way_to(self, folder: &Path) -> Result<(), LocalPostgresError> {
        for folder in folder.ancestors() {
            let metadata =
                fs::metadata(folder).map_err(LocalPostgresError::io("look at the parents of the directory"))?;
            if !self.may_enter(&metadata) {
                return Err(LocalPostgresError::NotTraversable { path: folder.to_owned() });
            }
        }
        Ok(())
    }

    fn may_enter(self, folder: &Metadata) -> bool {
        let Self::Other { uid, gid } = self else { return true };
        let bit = if folder.uid() == uid {
            0o100
        } else if folder.gid() == gid {
            0o010
        } else {
            0o001
        };
        folder.mode() & bit != 0
    }
}

fn unprivileged(users: &str) -> Option<Account> {
    ["postgres", "nobody"].iter().find_map(|name| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(str::parse);
        let (Some(Ok(uid @ 1..)), Some(Ok(gid))) = (numbers.next(), numbers.next()) else { return None };
        Some(Account::Other { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::getegid;

    #[test]
    fn postgres_is_preferred_to_nobody_and_root_never_taken() {
        let nobody = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n";
        let postgres = "postgres:x:101:104::/:/bin/sh\n";
        assert_eq!(unprivileged(&format!("{nobody}{postgres}")), Some(Account::Other { uid: 101, gid: 104 }));
        assert_eq!(unprivileged(nobody), Some(Account::Other { uid: 65534, gid: 65534 }));
        assert_eq!(unprivileged("postgres:x:0:0::/:/bin/sh\n"), None);
        assert_eq!(unprivileged(""), None);
    }

    #[test]
    fn root_is_not_led_elsewhere_by_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "kept").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let other = Account::Other { uid: geteuid().as_raw(), gid: getegid().as_raw() };
        other.append(&link).unwrap_err();
        other.append(&file).unwrap();
        Account::Own.append(&link).unwrap();
        assert_eq!(fs::read_to_string(file).unwrap(), "kept");
    }

    #[test]
    fn new_folders_are_passable_and_old_ones_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join("old");
        fs::create_dir(&old).unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(0o700)).unwrap();
        let other = Account::Other { uid: geteuid().as_raw(), gid: getegid().as_raw() };
        other.create_passable(&old.join("new/newer")).unwrap();
        let mode = |path: &str| fs::metadata(old.join(path)).unwrap().mode() & 0o777;
        assert_eq!((mode("new") & 0o011, mode("new/newer") & 0o011, mode("")), (0o011, 0o011, 0o700));
    }
}
