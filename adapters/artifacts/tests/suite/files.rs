//! Which files there are, and that they can be moved.

use std::fs;
use std::process::Command;

use drifting_domain::contract::{name, sample_project};
use drifting_domain::data::Tensors;
use drifting_domain::ports::{ArtifactStore, PortErrorKind};

use crate::support::{assert_damaged, assert_holds, fresh, names, open, same, state};

#[tokio::test]
async fn the_files_are_those_named() {
    let (root, store) = fresh();
    store.put_project(&sample_project("a", 1, 1)).await.unwrap();
    assert_eq!(names(root.path()), ["a/configuration.yaml", "a/drift_detector.safetensors"]);

    store.put_state(&name("a"), 1, &state(1)).await.unwrap();
    assert_eq!(names(root.path()), ["a/configuration.yaml", "a/drift_detector.safetensors", "a/state.safetensors"]);

    store.put_project(&sample_project("a", 2, 2)).await.unwrap();
    assert_eq!(names(root.path()), ["a/configuration.yaml", "a/drift_detector-2.safetensors"]);

    store.put_project(&sample_project("a", 3, 3)).await.unwrap();
    assert_eq!(names(root.path()), ["a/configuration.yaml", "a/drift_detector-3.safetensors"]);

    assert!(store.delete(&name("a")).await.unwrap());
    assert_eq!(names(root.path()), [""; 0]);
    assert!(!root.path().join("a").exists());
}

#[tokio::test]
async fn a_copied_folder_is_a_project_under_its_new_name() {
    let (root, store) = fresh();
    let project = sample_project("a", 1, 1);
    store.put_project(&project).await.unwrap();
    store.put_state(&name("a"), 1, &state(5)).await.unwrap();

    let (other_root, other) = fresh();
    let copy = Command::new("cp").arg("-r").arg(root.path().join("a")).arg(other_root.path().join("b")).status();
    assert!(copy.unwrap().success());
    let mut renamed = project.clone();
    renamed.configuration.project = name("b");
    assert_eq!(other.list().await.unwrap(), [name("b")]);
    assert_holds(&other, &renamed).await;
    assert!(same(&other.state(&name("b"), 1).await.unwrap().unwrap(), &state(5)), "the state comes along");
    assert_eq!(other.sweep().await.unwrap(), 0);
    assert_holds(&other, &renamed).await;
}

#[tokio::test]
async fn what_was_stored_is_there_after_opening_again() {
    let (root, store) = fresh();
    store.put_project(&sample_project("a", 1, 1)).await.unwrap();
    store.put_state(&name("a"), 1, &state(1)).await.unwrap();
    drop(store);
    let store = open(root.path());
    assert_holds(&store, &sample_project("a", 1, 1)).await;
    assert!(same(&store.state(&name("a"), 1).await.unwrap().unwrap(), &state(1)));
}

#[tokio::test]
async fn a_state_needs_its_project() {
    let (root, store) = fresh();
    let a = name("a");
    assert_eq!(store.put_state(&a, 1, &state(1)).await.unwrap_err().kind(), PortErrorKind::Other);
    assert_eq!(names(root.path()), [""; 0], "no folder is made for a state alone");

    store.put_project(&sample_project("a", 2, 1)).await.unwrap();
    store.put_state(&a, 2, &state(2)).await.unwrap();
    assert_eq!(store.put_state(&a, 1, &state(1)).await.unwrap_err().kind(), PortErrorKind::Other);
    assert!(same(&store.state(&a, 2).await.unwrap().unwrap(), &state(2)), "a late checkpoint does not win");
}

#[tokio::test]
async fn a_generation_is_not_used_twice() {
    let (_root, store) = fresh();
    store.put_project(&sample_project("a", 1, 1)).await.unwrap();
    assert_eq!(store.put_project(&sample_project("a", 1, 2)).await.unwrap_err().kind(), PortErrorKind::Other);
    assert_holds(&store, &sample_project("a", 1, 1)).await;
}

#[tokio::test]
async fn a_damaged_project_can_be_replaced() {
    let (root, store) = fresh();
    store.put_project(&sample_project("a", 1, 1)).await.unwrap();
    store.put_state(&name("a"), 1, &state(1)).await.unwrap();
    fs::write(root.path().join("a/configuration.yaml"), "format_version: 1\n").unwrap();
    store.put_project(&sample_project("a", 1, 2)).await.unwrap();
    assert_holds(&store, &sample_project("a", 1, 2)).await;
    assert!(store.state(&name("a"), 1).await.unwrap().is_none(), "the damaged project's state is not taken over");
    assert_eq!(names(root.path()), ["a/configuration.yaml", "a/drift_detector-1.safetensors"]);
}

#[tokio::test]
async fn what_cannot_be_stored_leaves_the_old_project() {
    let (root, store) = fresh();
    store.put_project(&sample_project("a", 1, 1)).await.unwrap();
    let before = names(root.path());

    let mut project = sample_project("a", 2, 2);
    project.parameters.insert_u64("__metadata__", vec![1]);
    assert_eq!(store.put_project(&project).await.unwrap_err().kind(), PortErrorKind::Other);

    let mut project = sample_project("a", 2, 2);
    project.configuration.warnings = vec!["x".repeat(17 * 1024 * 1024)];
    assert_eq!(store.put_project(&project).await.unwrap_err().kind(), PortErrorKind::Other);

    assert_eq!(names(root.path()), before);
    assert_holds(&store, &sample_project("a", 1, 1)).await;
}

#[tokio::test]
async fn a_failed_write_leaves_nothing() {
    let (root, store) = fresh();
    // A folder in the configuration's place makes the commit fail.
    fs::create_dir_all(root.path().join("a/configuration.yaml")).unwrap();
    store.put_project(&sample_project("a", 1, 1)).await.unwrap_err();
    assert_eq!(names(root.path()), [""; 0]);
    // What stands there is no project that can be loaded, and nothing that may be overlooked.
    assert_eq!(store.list().await.unwrap(), [name("a")]);
    assert_damaged(store.project(&name("a")).await, "a folder in the configuration's place");
}

#[tokio::test]
async fn arrays_without_values_and_none_at_all_come_back() {
    let (_root, store) = fresh();
    let mut project = sample_project("a", 1, 1);
    project.parameters = Tensors::new();
    store.put_project(&project).await.unwrap();
    assert_holds(&store, &project).await;
    store.put_state(&name("a"), 1, &Tensors::new()).await.unwrap();
    assert_eq!(store.state(&name("a"), 1).await.unwrap(), Some(Tensors::new()));
}
