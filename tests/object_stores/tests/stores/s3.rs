//! The servers with an S3 interface.

use drifting_object_stores::{Moto, SeaweedFs};
use opendal::{ErrorKind, Operator, services};

use crate::{n_winners, write_read_list_delete};

const BUCKET: &str = "bucket";

/// A client of S3 that takes nothing from the surroundings.
pub(crate) fn client(endpoint: &str, bucket: &str, access_key: &str, secret_key: &str) -> Operator {
    let service = services::S3::default()
        .endpoint(endpoint)
        .region("us-east-1")
        .bucket(bucket)
        .access_key_id(access_key)
        .secret_access_key(secret_key)
        .disable_config_load();
    crate::client(service)
}

fn client_of(store: &SeaweedFs, bucket: &str) -> Operator {
    store.create_bucket(bucket);
    client(store.endpoint(), bucket, store.access_key(), store.secret_key())
}

#[tokio::test]
async fn seaweedfs_writes_reads_lists_and_deletes() {
    let server = SeaweedFs::start();
    write_read_list_delete(&client_of(&server, BUCKET)).await;
}

#[tokio::test]
async fn moto_writes_reads_lists_and_deletes() {
    let server = Moto::start();
    server.create_bucket(BUCKET);
    write_read_list_delete(&client(server.endpoint(), BUCKET, server.access_key(), server.secret_key())).await;
}

#[tokio::test]
async fn seaweedfs_takes_an_object_in_parts() {
    let server = SeaweedFs::start();
    let store = client_of(&server, BUCKET);
    let content: Vec<u8> = (0..12_u32 << 20).map(|n| u8::try_from(n % 251).expect("small")).collect();
    store.write_with("large", content.clone()).chunk(5 << 20).concurrent(2).await.expect("written");
    assert!(store.read("large").await.expect("read").to_vec() == content, "it comes back as it was");
}

#[tokio::test]
async fn on_seaweedfs_one_of_sixteen_racers_creates_an_object() {
    let server = SeaweedFs::start();
    assert_eq!(n_winners(&client_of(&server, BUCKET)).await, 1);
}

#[tokio::test]
async fn seaweedfs_refuses_to_replace_what_has_changed() {
    let server = SeaweedFs::start();
    let store = client_of(&server, BUCKET);
    store.write("status", "one").await.expect("written");
    let etag = store.stat("status").await.expect("there").etag().expect("an entity tag").to_owned();
    store.write_with("status", "two").if_match(&etag).await.expect("nobody was faster");
    let error = store.write_with("status", "three").if_match(&etag).await.expect_err("it has changed");
    assert_eq!(error.kind(), ErrorKind::ConditionNotMatch, "{error}");
    assert_eq!(store.read("status").await.expect("read").to_vec(), b"two");
}

#[tokio::test]
async fn seaweedfs_refuses_wrong_keys() {
    let server = SeaweedFs::start();
    server.create_bucket(BUCKET);
    for (access_key, secret_key) in [(server.access_key(), "wrong"), ("wrong", server.secret_key())] {
        let store = client(server.endpoint(), BUCKET, access_key, secret_key);
        let error = store.write("one", "content").await.expect_err("the signature is wrong");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    }
}

#[tokio::test]
async fn a_missing_bucket_is_told() {
    let (seaweedfs, moto) = (SeaweedFs::start(), Moto::start());
    let stores = [
        client(seaweedfs.endpoint(), "missing", seaweedfs.access_key(), seaweedfs.secret_key()),
        client(moto.endpoint(), "missing", moto.access_key(), moto.secret_key()),
    ];
    for store in stores {
        let error = store.write("one", "content").await.expect_err("there is no bucket");
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
        assert!(error.to_string().contains("NoSuchBucket"), "{error}");
    }
}
