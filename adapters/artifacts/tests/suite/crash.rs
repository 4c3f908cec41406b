//! A process that dies at each step of the commit protocol, and what the next one finds.

use std::env;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use drifting_artifacts::OpendalArtifacts;
use drifting_domain::contract::{name, sample_project};
use drifting_domain::faults::{self, CRASH_AT};
use drifting_domain::ports::ArtifactStore;

use crate::support::{assert_holds, names, open, same, state};

const ROOT: &str = "DRIFTING_TEST_ROOT";
const OPERATION: &str = "DRIFTING_TEST_OPERATION";

/// What the dying process does; nothing in an ordinary run.
#[tokio::test]
async fn child() {
    let (Some(root), Ok(operation)) = (env::var_os(ROOT), env::var(OPERATION)) else { return };
    faults::inject(|name| env::var(name).ok());
    let store = open(Path::new(&root));
    match operation.as_str() {
        "fit" => store.put_project(&sample_project("a", 1, 1)).await.unwrap(),
        "overwrite" => store.put_project(&sample_project("a", 2, 2)).await.unwrap(),
        "delete" => assert!(store.delete(&name("a")).await.unwrap()),
        "state" => store.put_state(&name("a"), 1, &state(2)).await.unwrap(),
        other => panic!("unknown operation {other}"),
    }
}

/// Lets a process do something and die at a step; without a step it lives.
fn run(root: &Path, operation: &str, step: Option<&str>) {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "crash::child"]).env(ROOT, root).env(OPERATION, operation).env_remove(CRASH_AT);
    child.envs(step.map(|step| (CRASH_AT, step))).stdout(Stdio::null()).stderr(Stdio::null());
    let status = child.status().unwrap();
    // An aborted process, not one whose test failed.
    let expected = if step.is_some() { (None, Some(6)) } else { (Some(0), None) };
    assert_eq!((status.code(), status.signal()), expected, "{operation} at {step:?}: {status}");
}

/// A directory with the project and its state, if it is to exist.
async fn before(exists: bool) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    if exists {
        let store = open(root.path());
        store.put_project(&sample_project("a", 1, 1)).await.unwrap();
        store.put_state(&name("a"), 1, &state(1)).await.unwrap();
    }
    root
}

/// What is there, seen by every way of reading; 0 for no project.
async fn generation(store: &OpendalArtifacts) -> u64 {
    let a = name("a");
    let Some(configuration) = store.configuration(&a).await.unwrap() else {
        assert_eq!(store.list().await.unwrap(), []);
        assert!(store.project(&a).await.unwrap().is_none());
        assert!(store.state(&a, 1).await.unwrap().is_none());
        return 0;
    };
    assert_eq!(store.list().await.unwrap(), [a]);
    let generation = configuration.generation;
    assert_holds(store, &sample_project("a", generation, u32::try_from(generation).unwrap())).await;
    generation
}

#[tokio::test]
async fn a_crash_shows_the_old_or_the_new_one_whole() {
    for (operation, step, expected, n_swept) in [
        ("fit", "put:folder", 0, 1),
        ("fit", "put:parameters", 0, 1),
        ("fit", "put:configuration", 1, 0),
        ("fit", "put:removed-old", 1, 0),
        ("overwrite", "put:folder", 1, 0),
        ("overwrite", "put:parameters", 1, 1),
        ("overwrite", "put:configuration", 2, 2),
        ("overwrite", "put:removed-old", 2, 0),
        ("delete", "delete:configuration", 0, 1),
        ("delete", "delete:files", 0, 1),
        ("state", "state:written", 1, 0),
    ] {
        let what = format!("{operation}, crash at {step}");
        let root = before(operation != "fit").await;
        run(root.path(), operation, Some(step));

        let store = open(root.path());
        assert_eq!(generation(&store).await, expected, "{what}");
        assert_eq!(store.sweep().await.unwrap(), n_swept, "{what}");
        assert_eq!(generation(&store).await, expected, "{what}, after the sweep");
        assert_eq!(store.sweep().await.unwrap(), 0, "{what}: one sweep is enough");
        let has_state = operation == "state" || (operation == "overwrite" && expected == 1);
        let found = store.state(&name("a"), expected).await.unwrap();
        match (operation, has_state) {
            ("state", _) => assert!(same(&found.unwrap(), &state(2)), "{what}"),
            (_, true) => assert!(same(&found.unwrap(), &state(1)), "{what}"),
            _ => assert!(found.is_none(), "{what}"),
        }
        let n_files = [0, 2][usize::from(expected > 0)] + usize::from(has_state);
        assert_eq!(names(root.path()).len(), n_files, "{what}: {:?}", names(root.path()));
        assert_eq!(root.path().join("a").exists(), expected > 0, "{what}");
    }
}

#[tokio::test]
async fn what_crashed_can_be_done_again_without_a_sweep() {
    for (operation, step, expected) in [
        ("fit", "put:folder", 1),
        ("fit", "put:parameters", 1),
        ("overwrite", "put:folder", 2),
        ("overwrite", "put:parameters", 2),
        ("state", "state:written", 1),
    ] {
        let root = before(operation != "fit").await;
        run(root.path(), operation, Some(step));
        run(root.path(), operation, None);
        let store = open(root.path());
        assert_eq!(generation(&store).await, expected, "{operation} after a crash at {step}");
        assert_eq!(store.sweep().await.unwrap(), 0, "{operation} after a crash at {step}");
    }
}

#[tokio::test]
async fn a_fit_after_a_crashed_deletion_starts_without_a_state() {
    for step in ["delete:configuration", "delete:files"] {
        let root = before(true).await;
        run(root.path(), "delete", Some(step));
        run(root.path(), "fit", None);
        let store = open(root.path());
        assert_eq!(generation(&store).await, 1, "{step}");
        assert!(store.state(&name("a"), 1).await.unwrap().is_none(), "{step}: the deleted state does not come back");
        assert_eq!(names(root.path()), ["a/configuration.yaml", "a/drift_detector.safetensors"], "{step}");
    }
}
