//! Where the programs of Postgres are.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The programs of one installation.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    home: PathBuf,
}

impl Programs {
    /// The first installation that has all that a server needs.
    pub(crate) fn find() -> Self {
        let mut home = folders().into_iter().filter_map(|folder| {
            // What belongs to the programs lies beside where they really are.
            let postgres = fs::canonicalize(folder.join("postgres")).ok()?;
            postgres.parent().filter(|home| home.join("initdb").is_file()).map(PathBuf::from)
        });
        let missing = "no Postgres is installed for the tests: run scripts/test once, or `apt-get install postgresql`";
        Self { home: home.next().expect(missing) }
    }

    pub(crate) fn path_of(&self, program: &str) -> PathBuf {
        self.home.join(program)
    }
}

/// The stock client, as a client that is not ours: `psql` takes the address of a server as its last argument.
///
/// # Panics
///
/// When no Postgres is installed.
pub fn psql() -> PathBuf {
    // Debian's on the path is a script, which takes its time; elsewhere the client may be a package of its own.
    let beside = Programs::find().path_of("psql");
    let mut places = [beside].into_iter().chain(folders().into_iter().map(|folder| folder.join("psql")));
    places.find(|place| place.is_file()).expect("psql is missing: run scripts/test once, or install Postgres's client")
}

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<_> = env::var_os("PATH").iter().flat_map(env::split_paths).collect();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output()
        && let Ok(folder) = String::from_utf8(output.stdout)
    {
        folders.push(folder.trim().into());
    }
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<_> = debian.map(|version| version.path().join("bin")).collect();
    debian.sort();
    folders.extend(debian);
    folders
}
