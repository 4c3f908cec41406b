//! Clusters that are being created, and those whose creation was interrupted.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::{Builder, TempDir};
use tokio::time::{Instant, sleep};
use tracing::warn;

use crate::LocalPostgresError;
use crate::place::Place;

const PREFIX: &str = "data.unfinished";
/// What an earlier start's `initdb` needs to notice that nobody listens to it any more.
const PATIENCE: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(50);

/// A folder for a new cluster, removed when it is dropped before it is finished.
///
/// It never has the name of an earlier one: an `initdb` that outlived its starter still writes to that name, and removes
/// it when it fails.
#[derive(Debug)]
pub(crate) struct Unfinished(TempDir);

impl Unfinished {
    /// An empty folder beside the cluster's place.
    pub(crate) fn begin(place: &Place) -> Result<Self, LocalPostgresError> {
        let private = Permissions::from_mode(0o700);
        Builder::new()
            .prefix(&format!("{PREFIX}."))
            .rand_bytes(12)
            .permissions(private)
            .tempdir_in(&place.directory)
            .and_then(|folder| place.account.own(folder.path()).map(|()| Self(folder)))
            .map_err(LocalPostgresError::io("create a folder for a new cluster"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Puts the cluster, which is whole and durable, in its place.
    pub(crate) fn finish(self, place: &Place) -> Result<(), LocalPostgresError> {
        let cannot = LocalPostgresError::io("put the new cluster in its place");
        fs::rename(self.path(), place.data()).map_err(&cannot)?;
        // It has another name now: there is nothing to remove.
        let _ = self.0.keep();
        File::open(&place.directory).and_then(|directory| directory.sync_all()).map_err(&cannot)
    }
}

/// Removes what interrupted creations left behind. What cannot be removed, as an `initdb` that outlived its starter still
/// writes into it, is in nobody's way, and is left for the next start.
pub(crate) async fn remove_leftovers(place: &Place) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let Err((leftover, error)) = try_to_remove(&place.directory) else { return };
        if Instant::now() > deadline {
            warn!(path = %leftover.display(), %error, "an unfinished cluster is left for the next start to remove");
            return;
        }
        sleep(POLL).await;
    }
}

/// Removes all that can be removed; tells of one that cannot.
fn try_to_remove(directory: &Path) -> Result<(), (PathBuf, io::Error)> {
    let mut result = Ok(());
    for entry in fs::read_dir(directory).map_err(|error| (directory.to_owned(), error))?.flatten() {
        if !entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let removed = fs::remove_dir_all(entry.path());
        if let Err(error) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            result = Err((entry.path(), error));
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;

    fn place() -> (TempDir, Place) {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::claim(&folder.path().join("postgres"), Account::Own).unwrap();
        (folder, place)
    }

    #[test]
    fn a_finished_cluster_gets_its_name_and_an_abandoned_one_goes() {
        let (_folder, place) = place();
        let (first, second) = (Unfinished::begin(&place).unwrap(), Unfinished::begin(&place).unwrap());
        let (path, abandoned) = (first.path().to_owned(), second.path().to_owned());
        assert_ne!(path, abandoned);
        fs::write(path.join("PG_VERSION"), "15\n").unwrap();
        first.finish(&place).unwrap();
        drop(second);
        assert!(place.data().join("PG_VERSION").exists());
        assert!(!path.exists() && !abandoned.exists());
    }

    #[tokio::test]
    async fn leftovers_go_and_what_cannot_be_removed_keeps_no_other() {
        let (_folder, place) = place();
        for leftover in ["data.unfinished/base", "data.unfinished.a/base", "data.unfinished.c/base", "data/base"] {
            fs::create_dir_all(place.directory.join(leftover)).unwrap();
        }
        let file = place.directory.join("data.unfinished.b");
        fs::write(&file, "").unwrap();
        remove_leftovers(&place).await;
        let mut left: Vec<_> =
            fs::read_dir(&place.directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["data", "data.unfinished.b", "in-use.lock"]);
    }
}
