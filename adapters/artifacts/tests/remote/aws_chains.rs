//! The chain of Amazon: the environment, profiles, and the identities of workloads, which are given keys for some time.

use std::fs;
use std::path::Path;
use std::time::Duration;

use drifting_artifacts::{RemoteLocation, RemoteStore, S3Location, StaticCredentials, look_at_remote};
use drifting_domain::ports::PortErrorKind;
use drifting_object_stores::{AwsIdentityStub, LedHosts};

use crate::chains::{n_working, said_at, said_with};
use crate::support::{BUCKET, Server, settings};

/// A store behind the gate of a stub of Amazon's identities.
struct Amazon {
    server: Server,
    identity: AwsIdentityStub,
}

impl Amazon {
    fn start() -> Self {
        let server = Server::s3();
        let Server::Seaweed(seaweed) = &server else { panic!("it is one") };
        let identity = AwsIdentityStub::before(seaweed);
        Self { server, identity }
    }

    /// What a process with these variables says of some looks at the store.
    fn said<V: AsRef<str>>(&self, n_looks: usize, variables: &[(&str, V)]) -> String {
        said_at(&self.server, self.identity.s3_endpoint(), n_looks, variables)
    }
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

    let said = said_with::<&str>(&server, &[]);
    assert!(said.contains("Permission: expected credentials") && said.contains("AWS_ACCESS_KEY_ID"), "{said}");
}

#[test]
fn keys_with_a_session_token_open_s3_until_they_end() {
    let amazon = Amazon::start();
    let keys = amazon.identity.keys();
    let environment =
        [("AWS_ACCESS_KEY_ID", &keys.id), ("AWS_SECRET_ACCESS_KEY", &keys.secret), ("AWS_SESSION_TOKEN", &keys.token)];
    assert_eq!(n_working(&amazon.said(2, &environment)), 2);
    let said = amazon.said(1, &environment[..2]);
    assert!(said.contains("Permission: the store does not accept the session token"), "{said}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let text = format!(
        "[profile temporary]\naws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\nregion = us-east-1\n",
        keys.id, keys.secret, keys.token
    );
    fs::write(&file, text).unwrap();
    let profile = [("AWS_CONFIG_FILE", file.to_str().unwrap()), ("AWS_PROFILE", "temporary")];
    let said = amazon.said(1, &profile);
    assert_eq!(n_working(&said), 1, "{said}");

    amazon.identity.expire();
    let said = amazon.said(1, &environment);
    assert!(said.contains("Permission: the credentials that were found have expired"), "{said}");
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// As the webhook of EKS sets it for a pod whose service account has a role.
#[test]
fn the_web_identity_of_a_pod_opens_s3() {
    let amazon = Amazon::start();
    for (host, regional) in [("sts.us-east-1.amazonaws.com", "regional"), ("sts.amazonaws.com", "legacy")] {
        let hosts = LedHosts::start(&[(host, amazon.identity.endpoint())]);
        let mut environment = hosts.environment();
        environment.extend([
            ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/drifting".to_owned()),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", text(&amazon.identity.web_identity_token_file())),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_STS_REGIONAL_ENDPOINTS", regional.to_owned()),
        ]);
        let n_before = amazon.identity.holders().len();
        let said = amazon.said(3, &environment);
        assert_eq!(n_working(&said), 3, "{said}");
        assert_eq!(amazon.identity.holders()[n_before..], ["drifting"], "the keys are kept");
        assert_eq!(hosts.asked(), [host]);

        environment.push(("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent".to_owned()));
        let said = amazon.said(1, &environment);
        assert!(said.contains("Permission: expected credentials"), "{said}");
    }
}

/// The service of EKS Pod Identity and of ECS, with the token in a file or in the environment.
#[test]
fn the_identity_of_a_container_opens_s3() {
    let amazon = Amazon::start();
    let address = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/container", amazon.identity.endpoint()));
    let file = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", text(&amazon.identity.container_token_file()));
    let said = amazon.said(2, &[address.clone(), file.clone()]);
    assert_eq!(n_working(&said), 2, "{said}");
    let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", amazon.identity.container_token());
    let said = amazon.said(2, &[address.clone(), token.clone()]);
    assert_eq!(n_working(&said), 2, "{said}");
    assert_eq!(amazon.identity.holders(), ["container", "container"]);

    amazon.identity.rotate_tokens();
    let said = amazon.said(1, &[address.clone(), token]);
    assert!(said.contains("Permission: expected credentials"), "{said}");
    let said = amazon.said(1, &[address, file]);
    assert_eq!(n_working(&said), 1, "the file has the new token: {said}");

    let hosts = LedHosts::start(&[("169.254.170.2", amazon.identity.endpoint())]);
    let mut environment = hosts.environment();
    environment.push(("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/container".to_owned()));
    environment.push(("AWS_CONTAINER_AUTHORIZATION_TOKEN", amazon.identity.container_token()));
    let said = amazon.said(1, &environment);
    assert_eq!(n_working(&said), 1, "{said}");
}

#[test]
fn the_role_of_a_machine_opens_s3() {
    let amazon = Amazon::start();
    let is_disabled = ("AWS_EC2_METADATA_DISABLED", "false".to_owned());
    let service = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", amazon.identity.endpoint().to_owned());
    let said = amazon.said(2, &[is_disabled.clone(), service.clone()]);
    assert_eq!(n_working(&said), 2, "{said}");
    assert_eq!(amazon.identity.holders(), ["machine-role"]);

    // At the address that no setting names.
    let hosts = LedHosts::start(&[("169.254.169.254", amazon.identity.endpoint())]);
    let mut environment = hosts.environment();
    environment.push(is_disabled);
    let said = amazon.said(1, &environment);
    assert_eq!(n_working(&said), 1, "{said}");

    let said = amazon.said(1, &[("AWS_EC2_METADATA_DISABLED", "true".to_owned()), service]);
    assert!(said.contains("Permission: expected credentials"), "{said}");
}

/// The adapter can; the server has no setting for it.
#[test]
fn a_role_is_assumed_with_other_keys() {
    let amazon = Amazon::start();
    let Server::Seaweed(seaweed) = &amazon.server else { panic!("it is one") };
    let hosts = LedHosts::start(&[("sts.us-east-1.amazonaws.com", amazon.identity.endpoint())]);
    let mut environment = hosts.environment();
    environment.extend([
        ("AWS_ACCESS_KEY_ID", seaweed.access_key().to_owned()),
        ("AWS_SECRET_ACCESS_KEY", seaweed.secret_key().to_owned()),
        (crate::child::ROLE, "arn:aws:iam::123456789012:role/assumed".to_owned()),
    ]);
    let said = amazon.said(2, &environment);
    assert_eq!(n_working(&said), 2, "{said}");
    assert_eq!(amazon.identity.holders(), ["assumed"]);
}

#[test]
fn keys_that_end_soon_are_renewed_in_time() {
    let amazon = Amazon::start();
    // They are renewed two minutes before their end, so each call renews these.
    amazon.identity.set_lifetime(Duration::from_mins(1));
    let address = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/container", amazon.identity.endpoint()));
    let file = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", text(&amazon.identity.container_token_file()));
    let said = amazon.said(2, &[address, file]);
    assert_eq!(n_working(&said), 2, "{said}");
    assert!(amazon.identity.holders().len() > 2, "{:?}", amazon.identity.holders());
}

#[tokio::test]
async fn keys_that_the_store_holds_to_have_ended_are_told() {
    let amazon = Amazon::start();
    let keys = amazon.identity.keys();
    let location = RemoteLocation::S3(S3Location {
        bucket: BUCKET.to_owned(),
        endpoint: Some(amazon.identity.s3_endpoint().to_owned()),
        credentials: Some(StaticCredentials {
            access_key_id: keys.id,
            secret_access_key: keys.secret,
            session_token: Some(keys.token),
        }),
        ..S3Location::default()
    });
    let store = RemoteStore::connect(&location, settings()).await.unwrap();
    look_at_remote(&store).await.put.unwrap();
    amazon.identity.expire();
    let error = look_at_remote(&store).await.put.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Permission);
    assert!(error.source_text().contains("have expired"), "{}", error.source_text());
}
