//! The chain of Google: files of accounts, of users and of other providers, and the metadata server.

use std::fs;

use drifting_artifacts::{GcsLocation, RemoteLocation, RemoteStore, look_at_remote};
use drifting_domain::ports::PortErrorKind;
use drifting_object_stores::{GcsStub, LedHosts};

use crate::chains::{n_working, said_at};
use crate::support::{BUCKET, Server, settings};

fn google() -> (Server, LedHosts) {
    let stub = GcsStub::start();
    stub.create_bucket(BUCKET);
    let hosts =
        LedHosts::start(&[("oauth2.googleapis.com", stub.endpoint()), ("metadata.google.internal", stub.endpoint())]);
    (Server::Stub(stub), hosts)
}

fn stub(server: &Server) -> &GcsStub {
    let Server::Stub(stub) = server else { panic!("it is one") };
    stub
}

fn said(server: &Server, hosts: &LedHosts, variables: &[(&'static str, String)]) -> String {
    let mut environment = hosts.environment();
    environment.extend(variables.iter().cloned());
    said_at(server, server.endpoint(), 3, &environment)
}

#[test]
fn each_way_opens_google_and_its_token_is_kept() {
    let (server, hosts) = google();
    let stub = stub(&server);
    let home = tempfile::tempdir().unwrap();
    let gcloud = home.path().join(".config/gcloud");
    fs::create_dir_all(&gcloud).unwrap();
    fs::copy(stub.user_file(), gcloud.join("application_default_credentials.json")).unwrap();
    let file = |path: std::path::PathBuf| ("GOOGLE_APPLICATION_CREDENTIALS", path.to_str().unwrap().to_owned());
    for (way, variables) in [
        ("service account", vec![file(stub.service_account_file())]),
        ("workload identity federation", vec![file(stub.external_account_file())]),
        ("user", vec![file(stub.user_file())]),
        ("gcloud", vec![("HOME", home.path().to_str().unwrap().to_owned())]),
        ("metadata server", vec![("GCE_METADATA_HOST", stub.metadata_host().to_owned())]),
        ("metadata server by its own name", vec![]),
    ] {
        let n_before = stub.n_tokens();
        let said = said(&server, &hosts, &variables);
        assert_eq!(n_working(&said), 3, "{way}: {said}");
        assert_eq!(stub.n_tokens() - n_before, 1, "{way}: one token is enough");
    }
}

#[test]
fn tokens_that_end_soon_are_renewed_in_time() {
    let (server, hosts) = google();
    let stub = stub(&server);
    // They are renewed two minutes before their end, so each call renews these.
    stub.set_token_lifetime(60);
    let file = stub.service_account_file().to_str().unwrap().to_owned();
    for variable in [("GOOGLE_APPLICATION_CREDENTIALS", file), ("GCE_METADATA_HOST", stub.metadata_host().to_owned())] {
        let n_before = stub.n_tokens();
        let said = said(&server, &hosts, &[variable]);
        assert_eq!(n_working(&said), 3, "{said}");
        assert!(stub.n_tokens() > n_before + 3, "{}", stub.n_tokens());
    }
}

#[test]
fn an_account_that_google_refuses_is_told_with_what_would_do() {
    let (server, _) = google();
    let elsewhere = LedHosts::start(&[]);
    let file = stub(&server).service_account_file().to_str().unwrap().to_owned();
    let said = said(&server, &elsewhere, &[("GOOGLE_APPLICATION_CREDENTIALS", file)]);
    assert!(said.contains("expected credentials") && said.contains("GOOGLE_APPLICATION_CREDENTIALS"), "{said}");
    assert!(!said.contains("PRIVATE KEY"), "{said}");
}

#[tokio::test]
async fn a_given_file_opens_google_until_its_token_is_worthless() {
    let stub = GcsStub::start();
    stub.create_bucket(BUCKET);
    let location = RemoteLocation::Gcs(GcsLocation {
        bucket: BUCKET.to_owned(),
        endpoint: Some(stub.endpoint().to_owned()),
        credential_path: Some(stub.external_account_file().to_str().unwrap().to_owned()),
        ..GcsLocation::default()
    });
    let store = RemoteStore::connect(&location, settings()).await.unwrap();
    look_at_remote(&store).await.put.unwrap();
    assert!(store.calls().iter().any(|call| call.operation == "credentials"), "{:?}", store.calls());
    stub.revoke_tokens();
    let error = look_at_remote(&store).await.put.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Permission, "{}", error.source_text());
    assert!(error.source_text().contains("credentials"), "{}", error.source_text());
}
