//! A look at a directory changes nothing.

use std::fs;
use std::os::unix::fs::symlink;

use drifting_artifacts::{OpendalArtifacts, look_at_local};
use drifting_domain::ports::PortErrorKind;

#[tokio::test]
async fn a_directory_that_is_not_there_stays_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let look = look_at_local(&folder.path().join("a/b")).await.expect("it can be looked at");
    assert!(!look.exists && !look.in_use && look.round_trip.is_ok());
    assert!(look.bytes_available.expect("the disk answers") > 0);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

#[tokio::test]
async fn a_server_at_work_is_seen_and_not_disturbed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = OpendalArtifacts::open_local(folder.path()).expect("the store opens");
    let look = look_at_local(folder.path()).await.expect("it can be looked at");
    assert!(look.exists && look.in_use && look.round_trip.is_ok());
    drop(store);
    let look = look_at_local(folder.path()).await.expect("it can be looked at");
    assert!(look.exists && !look.in_use && look.round_trip.is_ok());
    let left: Vec<_> =
        fs::read_dir(folder.path().join(".tmp")).expect("a folder").map(|e| e.expect("it").file_name()).collect();
    assert_eq!(left, ["lock"]);
    OpendalArtifacts::open_local(folder.path()).expect("the lock is free");
}

#[tokio::test]
async fn what_is_no_directory_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file is written");
    let nowhere = folder.path().join("link");
    symlink(folder.path().join("absent"), &nowhere).expect("a link is made");
    for path in [file.clone(), file.join("below"), nowhere] {
        let error = look_at_local(&path).await.expect_err("it is refused");
        assert_eq!(error.kind(), PortErrorKind::Other, "{}", path.display());
    }
    // A sweep through a link would remove files elsewhere.
    let store = folder.path().join("store");
    fs::create_dir(&store).expect("a folder is made");
    symlink(folder.path(), store.join(".tmp")).expect("a link is made");
    let look = look_at_local(&store).await.expect("it can be looked at");
    assert!(look.round_trip.is_err());
}
