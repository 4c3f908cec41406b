//! The contract of the index, with its files in real object stores. That a start finds what was written is tested with
//! the real program, `tests/front_door/buckets.rs`.

use drifting_artifacts::{
    GcsLocation, LeaseSettings, RemoteLocation, RemoteSettings, RemoteStore, S3Location, StaticCredentials,
};
use drifting_domain::contract;
use drifting_object_stores::{FakeGcs, GcsStub, SeaweedFs};

use super::*;

const BUCKET: &str = "bucket";

async fn contract_holds(location: RemoteLocation) {
    let store = RemoteStore::connect(&location, RemoteSettings::default()).await.expect("the store answers");
    let lease = Lease::acquire(&store, LeaseSettings::default()).await.expect("nobody holds it");
    let cache = tempfile::tempdir().expect("a folder");
    let index = MirroredIndex::open(&store, &lease, cache.path()).await.expect("an index is made");
    contract::project_index(&index).await;
    index.flush().await.expect("the store takes the files");
    for name in FILES {
        let file = RemoteFile::new(&store, None, name).expect("a name");
        let kept = file.read().await.expect("the store answers").expect("the file is there");
        assert_eq!(kept, std::fs::read(index.mirror.directory.join(name)).expect("the file is here"));
    }
}

fn gcs(endpoint: &str) -> RemoteLocation {
    RemoteLocation::Gcs(GcsLocation {
        bucket: BUCKET.to_owned(),
        prefix: "deep/prefix".to_owned(),
        endpoint: Some(endpoint.to_owned()),
        anonymous: true,
        ..GcsLocation::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn it_holds_on_s3() {
    let server = SeaweedFs::start();
    server.create_bucket(BUCKET);
    contract_holds(RemoteLocation::S3(S3Location {
        bucket: BUCKET.to_owned(),
        prefix: "deep/prefix".to_owned(),
        endpoint: Some(server.endpoint().to_owned()),
        credentials: Some(StaticCredentials {
            access_key_id: server.access_key().to_owned(),
            secret_access_key: server.secret_key().to_owned(),
            session_token: None,
        }),
        ..S3Location::default()
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_holds_on_gcs() {
    let server = GcsStub::start_without_auth();
    server.create_bucket(BUCKET);
    contract_holds(gcs(server.endpoint())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_holds_on_a_store_that_ignores_conditions() {
    let server = FakeGcs::start();
    server.create_bucket(BUCKET);
    contract_holds(gcs(server.endpoint())).await;
}
