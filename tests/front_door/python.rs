//! Programs in Python that tests start, with the packages that `scripts/test` has installed.

use std::path::PathBuf;
use std::process::Command;

/// An environment of `scripts/test`, by its path below the folder of builds.
pub fn environment(path: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let mut places = test.ancestors().map(|folder| folder.join(path));
    places.find(|place| place.join("pins").is_file()).unwrap_or_else(|| {
        panic!("the packages of `{path}` are missing: run scripts/test once, which installs them for Python 3.11")
    })
}

/// A program of an environment.
pub fn program(path: &str, name: &str) -> Command {
    let environment = environment(path);
    let mut command = Command::new(environment.join("bin").join(name));
    // The packages are compiled once, beside them.
    command.env_remove("PYTHONDONTWRITEBYTECODE").env("PYTHONPYCACHEPREFIX", environment.join("compiled"));
    command
}
