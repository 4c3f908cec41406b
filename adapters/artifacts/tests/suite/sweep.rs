//! What a sweep removes, and what it leaves alone.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use drifting_artifacts::OpendalArtifacts;
use drifting_domain::contract::{name, sample_project};
use drifting_domain::ports::{ArtifactStore, PortErrorKind};

use crate::support::{assert_holds, files, fresh, names, same, state};

#[tokio::test]
async fn what_crashes_leave_is_removed_and_counted() {
    let (root, store) = fresh();
    store.put_project(&sample_project("a", 2, 1)).await.unwrap();
    store.put_state(&name("a"), 2, &state(1)).await.unwrap();
    let whole = names(root.path());

    for temporary in ["configuration.yaml.a1b2c3d4", "state.safetensors.XYZ"] {
        fs::write(root.path().join(".tmp").join(temporary), "cut o").unwrap();
    }
    for folder in ["empty", "half", "stateful"] {
        fs::create_dir(root.path().join(folder)).unwrap();
    }
    fs::write(root.path().join("half/drift_detector.safetensors"), "x").unwrap();
    fs::write(root.path().join("half/drift_detector-7.safetensors"), "x").unwrap();
    fs::write(root.path().join("stateful/state.safetensors"), "x").unwrap();
    fs::write(root.path().join("a/drift_detector-3.safetensors"), "x").unwrap();

    assert_eq!(store.sweep().await.unwrap(), 2 + 3 + 1);
    assert_eq!(names(root.path()), whole);
    assert!(root.path().join(".tmp/lock").exists());
    for folder in ["empty", "half", "stateful"] {
        assert!(!root.path().join(folder).exists(), "{folder}");
    }
    assert_holds(&store, &sample_project("a", 2, 1)).await;
    assert!(same(&store.state(&name("a"), 2).await.unwrap().unwrap(), &state(1)));
    assert_eq!(store.sweep().await.unwrap(), 0, "nothing is left for a second sweep");
}

#[tokio::test]
async fn a_state_of_another_generation_is_removed() {
    let (root, store) = fresh();
    store.put_project(&sample_project("a", 1, 1)).await.unwrap();
    store.put_state(&name("a"), 1, &state(1)).await.unwrap();
    let old = fs::read(root.path().join("a/state.safetensors")).unwrap();
    store.put_project(&sample_project("a", 2, 2)).await.unwrap();
    fs::write(root.path().join("a/state.safetensors"), old).unwrap();

    assert!(store.state(&name("a"), 2).await.unwrap().is_none(), "it is not read even before the sweep");
    assert_eq!(store.sweep().await.unwrap(), 1);
    assert!(!root.path().join("a/state.safetensors").exists());
}

#[tokio::test]
async fn the_folder_of_temporary_files_is_emptied_but_for_the_lock() {
    let (root, store) = fresh();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("notes"), "mine").unwrap();
    let temporary = root.path().join(".tmp");
    for file in ["notes", "configuration.yaml", "lock.old", "store.db.new"] {
        fs::write(temporary.join(file), "x").unwrap();
    }
    fs::write(temporary.join(OsStr::from_bytes(b"\xff")), "x").unwrap();
    fs::create_dir_all(temporary.join("index-check/deep")).unwrap();
    fs::write(temporary.join("index-check/deep/lock"), "x").unwrap();
    symlink(elsewhere.path(), temporary.join("index-check/link")).unwrap();
    symlink(elsewhere.path(), temporary.join("link")).unwrap();
    symlink("nowhere", temporary.join("dangling")).unwrap();

    assert_eq!(store.sweep().await.unwrap(), 4 + 1 + 1 + 2);
    let left: Vec<_> = fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
    assert_eq!(names(elsewhere.path()), ["notes"], "links are not followed");
    assert_eq!(OpendalArtifacts::open_local(root.path()).unwrap_err().kind(), PortErrorKind::InUse, "still locked");
    assert_eq!(store.sweep().await.unwrap(), 0);
    store.put_project(&sample_project("a", 1, 1)).await.unwrap();
    assert_holds(&store, &sample_project("a", 1, 1)).await;
}

#[tokio::test]
async fn what_others_wrote_stays() {
    let (root, store) = fresh();
    store.put_project(&sample_project("a", 1, 1)).await.unwrap();
    let folders = [".hidden", "fit", "lost+found", "backup", "folder/drift_detector.safetensors", "store.db"];
    for folder in folders {
        fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    for file in [
        "active.db",
        "state.safetensors",
        "a/notes.txt",
        "a/drift_detector-02.safetensors",
        "backup/drift_detector.safetensors",
        "backup/notes.txt",
        ".hidden/state.safetensors",
        "fit/state.safetensors",
    ] {
        fs::write(root.path().join(file), "mine").unwrap();
    }
    let before = files(root.path());
    assert_eq!(store.sweep().await.unwrap(), 0);
    assert_eq!(files(root.path()), before);
    for folder in folders {
        assert!(root.path().join(folder).is_dir(), "{folder}");
    }
}

#[tokio::test]
async fn a_damaged_project_stays_as_it_is_and_disturbs_no_other() {
    let (root, store) = fresh();
    for project in ["a", "b"] {
        store.put_project(&sample_project(project, 1, 1)).await.unwrap();
        fs::write(root.path().join(project).join("drift_detector-9.safetensors"), "x").unwrap();
    }
    fs::write(root.path().join("a/configuration.yaml"), "format_version: 2\n").unwrap();
    assert_eq!(store.sweep().await.unwrap(), 1, "what is left over in the other project goes");
    assert_eq!(fs::read_dir(root.path().join("a")).unwrap().count(), 3);
    assert_eq!(store.list().await.unwrap(), [name("a"), name("b")]);
}

#[tokio::test]
async fn a_damaged_state_stays_and_keeps_nothing_else() {
    let (root, store) = fresh();
    store.put_project(&sample_project("a", 1, 1)).await.unwrap();
    fs::write(root.path().join("a/drift_detector-9.safetensors"), "x").unwrap();
    fs::write(root.path().join("a/state.safetensors"), "x").unwrap();
    assert_eq!(store.sweep().await.unwrap(), 1);
    assert_eq!(names(root.path()), ["a/configuration.yaml", "a/drift_detector.safetensors", "a/state.safetensors"]);
}
