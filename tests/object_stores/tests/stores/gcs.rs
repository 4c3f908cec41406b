//! The plain path of Google Cloud Storage, on the emulator and on the stub.

use drifting_object_stores::{FakeGcs, GcsStub};
use opendal::{Operator, services};

use crate::{Depth, client, names, write_read_list_delete};

pub(crate) const BUCKET: &str = "bucket";

/// A configuration that takes nothing from the surroundings.
pub(crate) fn service(endpoint: &str) -> services::Gcs {
    services::Gcs::default().endpoint(endpoint).bucket(BUCKET).disable_config_load()
}

/// A client without credentials.
pub(crate) fn open_client(endpoint: &str) -> Operator {
    client(service(endpoint).disable_vm_metadata().skip_signature())
}

#[tokio::test]
async fn the_stub_writes_reads_lists_and_deletes() {
    let stub = GcsStub::start_without_auth();
    stub.create_bucket(BUCKET);
    write_read_list_delete(&open_client(stub.endpoint())).await;
}

#[tokio::test]
async fn the_emulator_writes_reads_lists_and_deletes_one_by_one() {
    let server = FakeGcs::start();
    server.create_bucket(BUCKET);
    let store = open_client(server.endpoint());
    store.write("folder/one", "content").await.expect("written");
    assert_eq!(store.read("folder/one").await.expect("read").to_vec(), b"content");
    assert_eq!(names(&store, "folder/", Depth::All).await, ["folder/one"]);
    store.delete("folder/one").await.expect("deleted");
    assert!(names(&store, "", Depth::All).await.is_empty());
}
