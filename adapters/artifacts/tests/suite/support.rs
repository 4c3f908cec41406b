//! What the tests share.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use drifting_artifacts::OpendalArtifacts;
use drifting_domain::data::Tensors;
use drifting_domain::ports::{ArtifactStore, PortError, PortErrorKind, StoredProject};
use tempfile::TempDir;

/// The store on a directory.
pub fn open(root: &Path) -> OpendalArtifacts {
    OpendalArtifacts::open_local(root).unwrap()
}

/// A store on a directory of its own.
pub fn fresh() -> (TempDir, OpendalArtifacts) {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    (root, store)
}

/// A state with a value that tells it from others.
pub fn state(time: u64) -> Tensors {
    let mut state = Tensors::new();
    state.insert_u64("time", vec![time]);
    state.insert_rows("window", 1, vec![f64::NAN, -0.0]);
    state
}

/// Equality that holds `NaN` equal to itself.
pub fn same(left: &Tensors, right: &Tensors) -> bool {
    format!("{left:?}") == format!("{right:?}")
}

/// The project as it was stored, whole.
pub async fn assert_holds(store: &dyn ArtifactStore, expected: &StoredProject) {
    let name = &expected.configuration.project;
    let read = store.project(name).await.unwrap().unwrap();
    assert_eq!(read.configuration, expected.configuration);
    assert!(same(&read.parameters, &expected.parameters));
    assert_eq!(store.configuration(name).await.unwrap().as_ref(), Some(&expected.configuration));
}

/// That a result is an error of kind `Damaged`.
pub fn assert_damaged<T: std::fmt::Debug>(result: Result<T, PortError>, what: &str) {
    match result {
        Err(error) => assert_eq!(error.kind(), PortErrorKind::Damaged, "{what}: {error:?}"),
        Ok(value) => panic!("{what}: expected damage to be noticed, {value:?} came"),
    }
}

/// Every file under a directory with its bytes, but for the lock.
pub fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                if name != ".tmp/lock" {
                    found.insert(name, fs::read(&path).unwrap());
                }
            }
        }
    }
    found
}

/// The names of every file under a directory, but for the lock.
pub fn names(root: &Path) -> Vec<String> {
    files(root).into_keys().collect()
}
