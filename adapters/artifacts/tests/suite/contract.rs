//! The contract of the port.

use drifting_domain::contract;
use drifting_domain::ports::{ArtifactStore, OperationJournal};

use crate::support::{fresh, names, open};

#[tokio::test]
async fn the_contract_holds() {
    let (root, store) = fresh();
    contract::artifact_store(&store).await;
    assert!(names(root.path()).iter().all(|file| !file.starts_with(".tmp/")), "no temporary file is left");
}

#[tokio::test]
async fn the_contract_of_the_journal_holds() {
    let (root, store) = fresh();
    contract::operation_journal(&store).await;
    assert!(names(root.path()).is_empty(), "no note is left: {:?}", names(root.path()));
}

#[tokio::test]
async fn notes_survive_a_crash_until_the_sweep_and_damaged_ones_are_left_out() {
    let (root, store) = fresh();
    let note = contract::sample_note(1, "a", 0);
    store.note(&note).await.unwrap();
    for (file, text) in [
        (format!("operation-{}.yaml", "0".repeat(32)), "cut o"),
        (format!("operation-{}.yaml", "1".repeat(32)), "operation: other"),
        ("operation-x.yaml".to_owned(), "x"),
    ] {
        std::fs::write(root.path().join(".tmp").join(file), text).unwrap();
    }
    drop(store);
    let store = open(root.path());
    assert_eq!(store.notes().await.unwrap(), [note]);
    assert_eq!(store.sweep().await.unwrap(), 4);
    assert_eq!(store.notes().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_on_many_threads() {
    contract::artifact_store(&fresh().1).await;
}
