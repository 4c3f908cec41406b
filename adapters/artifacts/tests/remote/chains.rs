//! Where credentials come from: the environment, files, the platform.

use std::fs;
use std::process::{Command, Stdio};

use drifting_artifacts::{GcsLocation, RemoteLocation, RemoteStore, look_at_remote};
use drifting_domain::ports::PortErrorKind;
use drifting_object_stores::GcsStub;

use crate::child;
use crate::support::{BUCKET, Server, settings};

/// What the process with its own environment does; nothing in an ordinary run.
#[tokio::test]
async fn child() {
    let Some((_, store)) = child::task(false).await else { return };
    match look_at_remote(&store).await.put {
        Ok(()) => println!("it works"),
        Err(error) => println!("{:?}: {}", error.kind(), error.source_text()),
    }
}

/// What a process with these variables, and none of the platform's others, says of the store.
fn said_with(server: &Server, variables: &[(&str, &str)]) -> String {
    let mut child: Command = child::command("chains::child", server, "look");
    let inherited = std::env::vars().map(|(name, _)| name);
    for name in inherited.filter(|name| ["AWS_", "GOOGLE_", "GCE_", "CLOUDSDK_"].iter().any(|p| name.starts_with(p))) {
        child.env_remove(name);
    }
    let nowhere = "/nonexistent";
    child.envs([("HOME", nowhere), ("AWS_EC2_METADATA_DISABLED", "true"), ("AWS_CONFIG_FILE", nowhere)]);
    child.envs(variables.iter().copied()).stdout(Stdio::piped());
    String::from_utf8(child.output().unwrap().stdout).unwrap()
}

#[test]
fn keys_of_the_environment_and_of_profiles_open_s3() {
    let server = Server::s3();
    let Server::Seaweed(seaweed) = &server else { panic!("it is one") };
    let (id, secret) = (seaweed.access_key(), seaweed.secret_key());
    let said = said_with(&server, &[("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)]);
    assert!(said.contains("it works"), "{said}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let text = format!(
        "[default]\naws_access_key_id = stranger\naws_secret_access_key = x\n\n[other]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
    );
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let said = said_with(&server, &[("AWS_SHARED_CREDENTIALS_FILE", file), ("AWS_PROFILE", "other")]);
    assert!(said.contains("it works"), "{said}");
    let said = said_with(&server, &[("AWS_SHARED_CREDENTIALS_FILE", file)]);
    assert!(said.contains("Permission: the store does not know the access key"), "{said}");

    let said = said_with(&server, &[]);
    assert!(said.contains("Permission: expected credentials") && said.contains("AWS_ACCESS_KEY_ID"), "{said}");
}

#[test]
fn files_and_the_metadata_server_open_google() {
    let stub = GcsStub::start();
    stub.create_bucket(BUCKET);
    let (file, host) = (stub.external_account_file(), stub.metadata_host().to_owned());
    let server = Server::Stub(stub);
    for variables in [("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().unwrap()), ("GCE_METADATA_HOST", &host)] {
        let said = said_with(&server, &[variables]);
        assert!(said.contains("it works"), "{variables:?}: {said}");
    }
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
