//! Finding `initdb` and `postgres`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::account::Account;
use crate::{LocalPostgresError, SearchPath};

/// All that is used here has been there since this version; older ones were not tried.
const MAJOR_MIN: u32 = 13;

/// The programs of one installation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Programs {
    pub(crate) major: u32,
    pub(crate) initdb: PathBuf,
    pub(crate) postgres: PathBuf,
}

impl Programs {
    /// The programs for a cluster of this major version, or the newest ones for a new cluster; of several of the same
    /// version those that were found first. Programs that the account cannot reach are as if they were not there, unless
    /// there are no others.
    pub(crate) async fn find(
        search: &SearchPath,
        cluster: Option<u32>,
        directory: &Path,
        account: Account,
    ) -> Result<Self, LocalPostgresError> {
        let mut newest: Option<Self> = None;
        let mut out_of_reach = None;
        for home in search.homes() {
            let postgres = home.join("postgres");
            let Some(version) = output_of(Command::new(&postgres).arg("--version")).await else { continue };
            let Some(major) = major_of(&version).filter(|&major| major >= MAJOR_MIN) else { continue };
            if cluster.is_none_or(|cluster| cluster == major)
                && let Err(error) = account.check_way_to(&home)
            {
                out_of_reach.get_or_insert(error);
                continue;
            }
            let programs = Self { major, initdb: home.join("initdb"), postgres };
            if cluster == Some(major) {
                return Ok(programs);
            }
            if newest.as_ref().is_none_or(|newest| newest.major < major) {
                newest = Some(programs);
            }
        }
        let directory = directory.to_owned();
        match (cluster, newest, out_of_reach) {
            (None, Some(newest), _) => Ok(newest),
            (_, _, Some(error)) => Err(error),
            (None, None, None) => Err(LocalPostgresError::NotInstalled),
            (Some(cluster), None, None) => Err(LocalPostgresError::NoLongerInstalled { directory, cluster }),
            (Some(cluster), Some(newest), None) => {
                Err(LocalPostgresError::OtherVersion { directory, cluster, installed: newest.major })
            }
        }
    }
}

/// What a program says, if it succeeds.
pub(crate) async fn output_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

/// From a text such as `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` or `postgres (PostgreSQL) 19beta1`.
fn major_of(version: &str) -> Option<u32> {
    let (_, number) = version.split_once("(PostgreSQL) ")?;
    let digits = number.find(|character: char| !character.is_ascii_digit()).unwrap_or(number.len());
    number[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn fake(folder: &Path, version: &str) -> PathBuf {
        fs::create_dir_all(folder).unwrap();
        for program in ["initdb", "postgres"] {
            let program = folder.join(program);
            fs::write(&program, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")).unwrap();
            fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder.to_owned()
    }

    #[test]
    fn versions_are_understood() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(major_of("postgres 15"), None);
    }

    #[tokio::test]
    async fn the_newest_is_taken_for_a_new_cluster_and_the_same_for_an_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let homes = [("a", "15.1"), ("b", "17.2"), ("c", "17.1"), ("d", "9.6")];
        let search = SearchPath::new(homes.map(|(name, version)| fake(&root.join(name), version)));

        let found = |cluster| Programs::find(&search, cluster, &root, Account::Own);
        let newest = found(None).await.unwrap();
        assert_eq!((newest.major, newest.initdb), (17, root.join("b/initdb")));
        assert_eq!(found(Some(15)).await.unwrap().postgres, root.join("a/postgres"));
        let error = found(Some(16)).await.unwrap_err();
        assert!(matches!(error, LocalPostgresError::OtherVersion { cluster: 16, installed: 17, .. }), "{error}");
    }

    #[tokio::test]
    async fn too_old_ones_are_none_and_a_cluster_tells_which_one_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let old = SearchPath::new([fake(&folder.path().join("old"), "12.22")]);
        let error = Programs::find(&old, None, folder.path(), Account::Own).await.unwrap_err();
        assert!(matches!(error, LocalPostgresError::NotInstalled), "{error}");
        let error = Programs::find(&old, Some(15), folder.path(), Account::Own).await.unwrap_err();
        assert!(matches!(error, LocalPostgresError::NoLongerInstalled { cluster: 15, .. }), "{error}");

        let oldest = SearchPath::new([fake(&folder.path().join("oldest"), "13.0")]);
        assert_eq!(Programs::find(&oldest, None, folder.path(), Account::Own).await.unwrap().major, 13);
    }

    #[tokio::test]
    async fn programs_that_the_account_cannot_reach_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o711)).unwrap();
        let (closed, open) = (root.join("closed"), root.join("open"));
        let homes = [fake(&closed.join("bin"), "17.0"), fake(&open, "15.0")];
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        // Nobody has this number.
        let stranger = Account::Other { uid: 3_999_999_999, gid: 3_999_999_999 };
        let search = SearchPath::new(homes.clone());
        assert_eq!(Programs::find(&search, None, &root, stranger).await.unwrap().major, 15);
        assert_eq!(Programs::find(&search, None, &root, Account::Own).await.unwrap().major, 17);

        let closed_alone = SearchPath::new([homes[0].clone()]);
        let error = Programs::find(&closed_alone, None, &root, stranger).await.unwrap_err();
        assert!(matches!(&error, LocalPostgresError::NotTraversable { path } if *path == closed), "{error}");
        let error = Programs::find(&search, Some(17), &root, stranger).await.unwrap_err();
        assert!(matches!(error, LocalPostgresError::NotTraversable { .. }), "{error}");
        assert_eq!(Programs::find(&search, Some(15), &root, stranger).await.unwrap().major, 15);
    }
}
