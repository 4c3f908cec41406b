//! Where the programs of the stores are.

use std::path::{Path, PathBuf};

/// The folder of the environment that `scripts/test` makes in the target directory.
const FOLDER: &str = "object-stores";

/// The path of a program: in `bin` of the folder that `DRIFTING_OBJECT_STORES` names, on the `PATH`, or in the target
/// directory that this very test was built into.
pub(crate) fn path_of(program: &str) -> PathBuf {
    let named = std::env::var_os("DRIFTING_OBJECT_STORES").map(|folder| Path::new(&folder).join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let test = std::env::current_exe().unwrap_or_default();
    let installed = test.ancestors().map(|folder| folder.join(FOLDER).join("bin"));
    let mut places = named.into_iter().chain(on_path).chain(installed).map(|folder| folder.join(program));
    places.find(|place| place.is_file()).unwrap_or_else(|| {
        panic!("{program} is missing: run scripts/test once, which installs the object stores that tests start")
    })
}

/// `SeaweedFS`, for tests of what others write to start it.
pub fn seaweedfs_program() -> PathBuf {
    path_of("weed")
}

/// The Python that has a stock client of S3 (boto3) beside it.
pub fn python() -> PathBuf {
    path_of("moto_server").with_file_name("python")
}
