//! The contracts of the ports.

use drifting_domain::contract;
use drifting_domain::ports::ArtifactStore;

use crate::support::Server;

async fn contracts_hold(server: &Server, is_conditional: bool) {
    let store = server.store("deep/prefix").await;
    assert_eq!(store.conditional_writes().await.unwrap(), is_conditional);
    let projects = server.projects("deep/prefix").await;
    contract::operation_journal(&projects).await;
    contract::artifact_store(&projects).await;
    // Nor is the whole bucket anything else.
    let projects = server.projects("").await;
    contract::artifact_store(&projects).await;
    assert_eq!(server.projects("deep").await.list().await.unwrap(), []);
}

#[tokio::test]
async fn they_hold_on_s3() {
    contracts_hold(&Server::s3(), true).await;
}

#[tokio::test]
async fn they_hold_on_what_answers_like_amazon() {
    contracts_hold(&Server::moto(), true).await;
}

#[tokio::test]
async fn they_hold_on_gcs() {
    contracts_hold(&Server::gcs(), true).await;
}

#[tokio::test]
async fn they_hold_on_a_store_that_ignores_conditions() {
    contracts_hold(&Server::plain_gcs(), false).await;
}
