//! Finding `initdb` and `postgres`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::LocalPostgresError;

/// Older ones lack options that are used here, and are no longer maintained.
const MAJOR_MIN: u32 = 14;

/// The folders in which Postgres programs are looked for.
#[derive(Debug, Clone, Default)]
pub struct SearchPath {
    folders: Vec<PathBuf>,
}

impl SearchPath {
    /// These folders only.
    pub fn new(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { folders: folders.into_iter().collect() }
    }

    /// `PATH`, what `pg_config --bindir` says, and the places where distributions put them.
    pub async fn of_system() -> Self {
        let mut folders: Vec<_> = env::var_os("PATH").iter().flat_map(env::split_paths).collect();
        folders.extend(output_of(Command::new("pg_config").arg("--bindir")).await.map(PathBuf::from));
        let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        folders.extend(debian.map(|version| version.path().join("bin")));
        folders.push("/usr/local/pgsql/bin".into());
        Self { folders }
    }

    /// Where both programs are, without repetition. Links are followed, because what belongs to the programs lies
    /// beside where they really are.
    fn homes(&self) -> Vec<PathBuf> {
        let mut homes = Vec::new();
        for folder in &self.folders {
            let postgres = fs::canonicalize(folder.join("postgres")).ok();
            let Some(home) = postgres.as_deref().and_then(Path::parent) else { continue };
            if home.join("initdb").is_file() && !homes.iter().any(|known| known == home) {
                homes.push(home.to_owned());
            }
        }
        homes
    }
}

/// The programs of one installation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Programs {
    pub(crate) major: u32,
    pub(crate) initdb: PathBuf,
    pub(crate) postgres: PathBuf,
}

impl Programs {
    /// The programs for a cluster of this major version, or the newest ones for a new cluster; of several of the same
    /// version those that were found first.
    pub(crate) async fn find(
        search: &SearchPath,
        cluster: Option<u32>,
        directory: &Path,
    ) -> Result<Self, LocalPostgresError> {
        let mut newest: Option<Self> = None;
        for home in search.homes() {
            let postgres = home.join("postgres");
            let Some(version) = output_of(Command::new(&postgres).arg("--version")).await else { continue };
            let Some(major) = major_of(&version).filter(|&major| major >= MAJOR_MIN) else { continue };
            let programs = Self { major, initdb: home.join("initdb"), postgres };
            if cluster == Some(major) {
                return Ok(programs);
            }
            if newest.as_ref().is_none_or(|newest| newest.major < major) {
                newest = Some(programs);
            }
        }
        let newest = newest.ok_or(LocalPostgresError::NotInstalled)?;
        match cluster {
            None => Ok(newest),
            Some(cluster) => Err(LocalPostgresError::OtherVersion {
                directory: directory.to_owned(),
                cluster,
                installed: newest.major,
            }),
        }
    }
}

async fn output_of(command: &mut Command) -> Option<String> {
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

        let newest = Programs::find(&search, None, &root).await.unwrap();
        assert_eq!((newest.major, newest.initdb), (17, root.join("b/initdb")));
        assert_eq!(Programs::find(&search, Some(15), &root).await.unwrap().postgres, root.join("a/postgres"));
        let error = Programs::find(&search, Some(16), &root).await.unwrap_err();
        assert!(matches!(error, LocalPostgresError::OtherVersion { cluster: 16, installed: 17, .. }), "{error}");
    }

    #[tokio::test]
    async fn links_are_followed_and_too_old_or_incomplete_ones_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let old = SearchPath::new([fake(&root.join("old"), "13.9"), root.join("absent")]);
        let error = Programs::find(&old, None, &root).await.unwrap_err();
        assert!(matches!(error, LocalPostgresError::NotInstalled));

        fake(&root.join("real"), "16.0");
        fs::create_dir(root.join("links")).unwrap();
        std::os::unix::fs::symlink(root.join("real/postgres"), root.join("links/postgres")).unwrap();
        let linked = SearchPath::new([root.join("links")]);
        assert_eq!(Programs::find(&linked, None, &root).await.unwrap().initdb, root.join("real/initdb"));
    }
}
