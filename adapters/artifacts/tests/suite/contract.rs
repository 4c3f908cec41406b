//! The contract of the port.

use drifting_domain::contract;

use crate::support::{fresh, names};

#[tokio::test]
async fn the_contract_holds() {
    let (root, store) = fresh();
    contract::artifact_store(&store).await;
    assert!(names(root.path()).iter().all(|file| !file.starts_with(".tmp/")), "no temporary file is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_holds_on_many_threads() {
    contract::artifact_store(&fresh().1).await;
}
