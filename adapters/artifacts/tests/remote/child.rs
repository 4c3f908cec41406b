//! A process of its own, for what only a process has: an environment, a death, a pause.

use std::env;
use std::process::{Command, Stdio};

use drifting_artifacts::{GcsLocation, RemoteLocation, RemoteStore, S3Location, StaticCredentials};

use crate::support::{BUCKET, Server, settings};

const ENDPOINT: &str = "DRIFTING_TEST_ENDPOINT";
const KEY: &str = "DRIFTING_TEST_KEY";
const DIALECT: &str = "DRIFTING_TEST_DIALECT";
/// The role that the process assumes, if any.
pub const ROLE: &str = "DRIFTING_TEST_ROLE";
/// What the process is to do.
pub const TASK: &str = "DRIFTING_TEST_TASK";

/// The test of this name in a process of its own, on the prefix `p` of a server.
pub fn command(test: &str, server: &Server, task: &str) -> Command {
    command_at(test, server, server.endpoint(), task)
}

/// The same, by another address of the server.
pub fn command_at(test: &str, server: &Server, endpoint: &str, task: &str) -> Command {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture"]).env(ENDPOINT, endpoint).env(TASK, task);
    let dialect = if matches!(server, Server::Seaweed(_) | Server::Moto(_)) { "s3" } else { "gs" };
    child.env(DIALECT, dialect).stdout(Stdio::null()).stderr(Stdio::null());
    child
}

/// Hands over the key of a server.
pub fn with_key(child: &mut Command, server: &Server) {
    if let Server::Seaweed(seaweed) = server {
        child.env(KEY, format!("{}:{}", seaweed.access_key(), seaweed.secret_key()));
    }
}

/// The task of this process and the store that it is for, if it is such a process.
pub async fn task(anonymous: bool) -> Option<(String, RemoteStore)> {
    let (endpoint, task) = (env::var(ENDPOINT).ok()?, env::var(TASK).ok()?);
    let (bucket, prefix, endpoint) = (BUCKET.to_owned(), "p".to_owned(), Some(endpoint));
    let location = if env::var(DIALECT).unwrap() == "s3" {
        let key = env::var(KEY).ok();
        let credentials = key.as_deref().and_then(|key| key.split_once(':')).map(|(id, secret)| StaticCredentials {
            access_key_id: id.to_owned(),
            secret_access_key: secret.to_owned(),
            session_token: None,
        });
        let (profile, role_arn) = (env::var("AWS_PROFILE").ok(), env::var(ROLE).ok());
        RemoteLocation::S3(S3Location {
            bucket,
            prefix,
            endpoint,
            credentials,
            profile,
            role_arn,
            ..S3Location::default()
        })
    } else {
        RemoteLocation::Gcs(GcsLocation { bucket, prefix, endpoint, anonymous, ..GcsLocation::default() })
    };
    Some((task, RemoteStore::connect(&location, settings()).await.unwrap()))
}
