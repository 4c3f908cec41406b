//! The directory of a cluster: who owns it, who uses it, and where its socket is.

use std::env;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::LocalPostgresError;
use crate::account::Account;
use crate::probe::socket_in;

/// An address of a socket has 108 bytes on Linux and 104 on macOS, the last of which is zero.
const SOCKET_PATH_LENGTH_MAX: usize = 103;

/// The directory of a cluster while this server uses it.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) directory: PathBuf,
    pub(crate) account: Account,
    /// The operating system lets go of the lock when this server ends, however it ends.
    _lock: File,
}

impl Place {
    /// Creates the directory where it is missing, hands it over to the account and claims it for this server.
    pub(crate) fn claim(directory: &Path, account: Account) -> Result<Self, LocalPostgresError> {
        let parent = directory.parent().unwrap_or(directory);
        // First what is there already, so that nothing is left behind in a place that cannot be used.
        if let Some(existing) = parent.ancestors().find(|ancestor| ancestor.exists()) {
            account.check_way_to(&canonical(existing)?)?;
        }
        account
            .create_passable(parent)
            .map_err(LocalPostgresError::io("create the parents of the directory of postgres"))?;
        account.check_way_to(&canonical(parent)?)?;
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => {
                fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).and_then(|()| account.own(directory))
            }
        }
        .map_err(LocalPostgresError::io("create the directory of postgres"))?;
        let directory = canonical(directory)?;
        let lock = lock(&directory, account)?;
        Ok(Self { directory, account, _lock: lock })
    }

    /// The cluster itself.
    pub(crate) fn data(&self) -> PathBuf {
        data_in(&self.directory)
    }

    /// What the cluster's server says.
    pub(crate) fn log(&self) -> PathBuf {
        self.directory.join("postgres.log")
    }

    /// A folder for the socket that only the account can enter: in the directory, or where that path is too long or
    /// has characters that Postgres would take for a list, in the system's folder for temporary files.
    pub(crate) fn socket_folder(&self) -> Result<PathBuf, LocalPostgresError> {
        let mut hasher = DefaultHasher::new();
        self.directory.hash(&mut hasher);
        let short = format!("drifting-{:016x}", hasher.finish());
        let candidates = [self.directory.join("socket"), env::temp_dir().join(&short), Path::new("/tmp").join(&short)];
        let folder = candidates
            .into_iter()
            .find(|folder| can_hold_a_socket(folder) && self.is_within_reach(folder))
            .ok_or_else(|| io::Error::other("every path is too long or cannot be entered"))
            .map_err(LocalPostgresError::io("find a place for the socket of postgres"))?;
        self.make_private(&folder).map_err(LocalPostgresError::io("create a folder for the socket of postgres"))?;
        Ok(folder)
    }

    fn is_within_reach(&self, folder: &Path) -> bool {
        let parent = folder.parent().and_then(|parent| fs::canonicalize(parent).ok());
        parent.is_some_and(|parent| self.account.check_way_to(&parent).is_ok())
    }

    fn make_private(&self, folder: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => self.account.own(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // In a folder that everybody may write to, somebody else may have been there first.
                let metadata = fs::symlink_metadata(folder)?;
                // The rights of the group and of others are the lowest six bits.
                let private = metadata.mode().trailing_zeros() >= 6;
                let ours = self.account.owns(&metadata) || metadata.uid() == geteuid().as_raw();
                if metadata.is_dir() && ours && private {
                    self.account.own(folder)
                } else {
                    Err(io::ErrorKind::PermissionDenied.into())
                }
            }
            Err(error) => Err(error),
        }
    }
}

/// The cluster in a directory.
pub(crate) fn data_in(directory: &Path) -> PathBuf {
    directory.join("data")
}

fn canonical(folder: &Path) -> Result<PathBuf, LocalPostgresError> {
    fs::canonicalize(folder).map_err(LocalPostgresError::io("look at the directory of postgres"))
}

fn lock(directory: &Path, account: Account) -> Result<File, LocalPostgresError> {
    let file = account
        .append(&directory.join("in-use.lock"))
        .map_err(LocalPostgresError::io("open the lock file of postgres"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LocalPostgresError::InUse { directory: directory.to_owned() }),
        Err(TryLockError::Error(error)) => Err(LocalPostgresError::io("lock the directory of postgres")(error)),
    }
}

fn can_hold_a_socket(folder: &Path) -> bool {
    let fits = socket_in(folder).as_os_str().len() <= SOCKET_PATH_LENGTH_MAX;
    let strange = |character: char| character.is_control() || matches!(character, ',' | '"');
    fits && folder.to_str().is_some_and(|text| !text.contains(strange))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_needs_a_short_and_plain_path() {
        assert!(can_hold_a_socket(Path::new("/var/lib/my drifting%/socket")));
        assert!(!can_hold_a_socket(Path::new("/var/lib/a,b/socket")));
        assert!(can_hold_a_socket(&Path::new("/").join("x".repeat(88))));
        assert!(!can_hold_a_socket(&Path::new("/").join("x".repeat(89))));
    }

    #[test]
    fn a_directory_has_one_user_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("postgres");
        let first = Place::claim(&directory, Account::Own).unwrap();
        let error = Place::claim(&directory, Account::Own).unwrap_err();
        assert!(matches!(error, LocalPostgresError::InUse { .. }), "{error}");
        drop(first);
        Place::claim(&directory, Account::Own).unwrap();
    }

    #[test]
    fn a_folder_that_others_can_enter_is_not_taken_for_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::claim(&folder.path().join("postgres"), Account::Own).unwrap();
        let socket = folder.path().join("socket");
        place.make_private(&socket).unwrap();
        place.make_private(&socket).unwrap();
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(place.make_private(&socket).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }
}
