//! The directory itself: its lock, and what in it belongs to others.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use drifting_artifacts::OpendalArtifacts;
use drifting_domain::contract::{name, sample_project};
use drifting_domain::ports::{ArtifactStore, PortErrorKind};

use crate::support::{assert_holds, files, fresh, open};

#[tokio::test]
async fn a_second_server_is_refused_until_the_first_one_ends() {
    let (root, store) = fresh();
    let error = OpendalArtifacts::open_local(root.path()).unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::InUse);
    assert!(!error.to_string().contains(root.path().to_str().unwrap()), "no path stands in the text");
    let clone = store.clone();
    drop(store);
    OpendalArtifacts::open_local(root.path()).unwrap_err();
    drop(clone);
    open(root.path());
}

#[tokio::test]
async fn a_server_that_is_just_ending_is_waited_for() {
    let (root, store) = fresh();
    let ending = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        drop(store);
    });
    open(root.path());
    ending.join().unwrap();
}

#[test]
fn the_directory_is_made_with_its_ancestors() {
    let root = tempfile::tempdir().unwrap();
    let deep = root.path().join("a/b/c");
    let _store = open(&deep);
    assert!(deep.join(".tmp/lock").is_file());
}

#[test]
fn a_file_in_the_directory_s_place_is_refused() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("file"), "x").unwrap();
    OpendalArtifacts::open_local(&root.path().join("file")).unwrap_err();
    OpendalArtifacts::open_local(Path::new("")).unwrap_err();
}

#[test]
fn a_linked_folder_of_temporary_files_is_refused() {
    let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    symlink(elsewhere.path(), root.path().join(".tmp")).unwrap();
    OpendalArtifacts::open_local(root.path()).unwrap_err();
}

#[tokio::test]
async fn what_is_no_project_is_not_listed() {
    let (root, store) = fresh();
    store.put_project(&sample_project("a", 1, 1)).await.unwrap();
    store.put_project(&sample_project("b.2_-", 1, 1)).await.unwrap();
    fs::write(root.path().join("store.db"), "x").unwrap();
    fs::write(root.path().join("file"), "x").unwrap();
    for folder in ["-odd", "fit", "no configuration", "active.db", ".hidden", "lost+found"] {
        fs::create_dir(root.path().join(folder)).unwrap();
        fs::write(root.path().join(folder).join("configuration.yaml"), "x").unwrap();
    }
    fs::create_dir(root.path().join("empty")).unwrap();
    assert_eq!(store.list().await.unwrap(), [name("a"), name("b.2_-")]);

    fs::create_dir(root.path().join("damaged")).unwrap();
    fs::write(root.path().join("damaged/configuration.yaml"), "").unwrap();
    assert_eq!(store.list().await.unwrap(), [name("a"), name("b.2_-"), name("damaged")]);
}

#[tokio::test]
async fn links_are_not_followed() {
    let (root, store) = fresh();
    let (other_root, other) = fresh();
    other.put_project(&sample_project("a", 1, 1)).await.unwrap();
    symlink(other_root.path().join("a"), root.path().join("a")).unwrap();
    let before = files(other_root.path());

    assert_eq!(store.list().await.unwrap(), []);
    assert!(store.project(&name("a")).await.unwrap().is_none());
    assert!(store.state(&name("a"), 1).await.unwrap().is_none());
    assert!(!store.delete(&name("a")).await.unwrap());
    assert_eq!(store.put_project(&sample_project("a", 2, 2)).await.unwrap_err().kind(), PortErrorKind::Other);
    assert_eq!(store.sweep().await.unwrap(), 0);
    assert_eq!(files(other_root.path()), before);
    assert_holds(&other, &sample_project("a", 1, 1)).await;
}

#[tokio::test]
async fn what_a_user_put_into_a_folder_stays() {
    let (root, store) = fresh();
    store.put_project(&sample_project("a", 1, 1)).await.unwrap();
    fs::write(root.path().join("a/notes.txt"), "mine").unwrap();
    assert!(store.delete(&name("a")).await.unwrap());
    assert_eq!(store.list().await.unwrap(), []);
    assert_eq!(files(root.path()).into_keys().collect::<Vec<_>>(), ["a/notes.txt"]);
    assert!(!store.delete(&name("a")).await.unwrap());
    store.put_project(&sample_project("a", 1, 2)).await.unwrap();
    assert_holds(&store, &sample_project("a", 1, 2)).await;
}

#[tokio::test]
async fn ten_thousand_projects_are_listed_in_order() {
    let (root, store) = fresh();
    for n in (0..10_000).rev() {
        let folder = root.path().join(format!("project-{n:05}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("configuration.yaml"), "format_version: 1\n").unwrap();
    }
    let projects = store.list().await.unwrap();
    assert_eq!(projects.len(), 10_000);
    assert!(projects.is_sorted());
}
