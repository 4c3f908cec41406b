//! What the stub does that emulators do not.

use drifting_object_stores::GcsStub;
use opendal::{ErrorKind, Operator};

use crate::gcs::{BUCKET, open_client};
use crate::{Depth, n_winners, names};

fn start() -> (GcsStub, Operator) {
    let stub = GcsStub::start_without_auth();
    stub.create_bucket(BUCKET);
    let store = open_client(stub.endpoint());
    (stub, store)
}

async fn generation(store: &Operator, name: &str) -> String {
    store.stat(name).await.expect("there").version().expect("a generation").to_owned()
}

#[tokio::test]
async fn one_of_sixteen_racers_creates_an_object() {
    let (_stub, store) = start();
    assert_eq!(n_winners(&store).await, 1);
}

#[tokio::test]
async fn what_has_changed_is_not_replaced() {
    let (_stub, store) = start();
    store.write("status", "one").await.expect("written");
    let first = generation(&store, "status").await;
    let written = store.write_with("status", "two").if_version_match(&first).await.expect("nobody was faster");
    assert_eq!(written.version().expect("a generation"), generation(&store, "status").await);
    let error = store.write_with("status", "three").if_version_match(&first).await.expect_err("it has changed");
    assert_eq!(error.kind(), ErrorKind::ConditionNotMatch, "{error}");
    assert_eq!(store.read("status").await.expect("read").to_vec(), b"two");
    let error = store.write_with("other", "one").if_version_match(&first).await.expect_err("it is not there");
    assert_eq!(error.kind(), ErrorKind::ConditionNotMatch, "{error}");
}

#[tokio::test]
async fn what_has_changed_is_not_deleted() {
    let (_stub, store) = start();
    store.write("status", "one").await.expect("written");
    let first = generation(&store, "status").await;
    store.write("status", "two").await.expect("written");
    let error = store.delete_with("status").if_version_match(&first).await.expect_err("it has changed");
    assert_eq!(error.kind(), ErrorKind::ConditionNotMatch, "{error}");
    let second = generation(&store, "status").await;
    store.delete_with("status").if_version_match(&second).await.expect("nobody was faster");
    assert!(!store.exists("status").await.expect("asked"));
}

#[tokio::test]
async fn a_read_can_be_of_one_generation() {
    let (_stub, store) = start();
    store.write("status", "one").await.expect("written");
    let first = generation(&store, "status").await;
    store.read_with("status").if_version_match(&first).await.expect("it is that");
    store.write("status", "two").await.expect("written");
    let error = store.read_with("status").if_version_match(&first).await.expect_err("it has changed");
    assert_eq!(error.kind(), ErrorKind::ConditionNotMatch, "{error}");
}

#[tokio::test]
async fn a_session_takes_an_object_in_pieces() {
    let (_stub, store) = start();
    let content: Vec<u8> = (0..20_000_001_u32).map(|n| u8::try_from(n % 251).expect("small")).collect();
    store.write_with("large", content.clone()).if_not_exists(true).await.expect("written");
    assert!(store.read("large").await.expect("read").to_vec() == content, "it comes back as it was");
    let error = store.write_with("large", content).if_not_exists(true).await.expect_err("it is there");
    assert_eq!(error.kind(), ErrorKind::ConditionNotMatch, "{error}");
    store.write_with("empty", Vec::<u8>::new()).if_not_exists(true).await.expect("written");
    assert_eq!(store.stat("empty").await.expect("there").content_length(), 0);
}

#[tokio::test]
async fn an_upload_takes_an_object_in_parts() {
    let (_stub, store) = start();
    let content: Vec<u8> = (0..12_u32 << 20).map(|n| u8::try_from(n % 251).expect("small")).collect();
    store.write_with("large", content.clone()).chunk(5 << 20).concurrent(2).await.expect("written");
    assert!(store.read("large").await.expect("read").to_vec() == content, "it comes back as it was");
    let mut writer = store.writer_with("given-up").chunk(5 << 20).await.expect("begun");
    writer.write(vec![1; 11 << 20]).await.expect("taken");
    writer.abort().await.expect("given up");
    assert_eq!(names(&store, "", Depth::All).await, ["large"]);
}

#[tokio::test]
async fn what_is_said_of_an_object_is_kept() {
    let (_stub, store) = start();
    let metadata = [("origin".to_owned(), "test".to_owned())];
    store.write_with("one", "{}").content_type("application/json").user_metadata(metadata).await.expect("written");
    store.copy("one", "two").await.expect("copied");
    for name in ["one", "two"] {
        let found = store.stat(name).await.expect("there");
        assert_eq!(found.content_type(), Some("application/json"));
        assert!(found.last_modified().is_some() && found.etag().is_some() && found.content_md5().is_some());
        assert_eq!(store.read(name).await.expect("read").to_vec(), b"{}");
    }
}

#[tokio::test]
async fn a_listing_has_pages() {
    let (stub, store) = start();
    let mut written = Vec::new();
    for n in 0..7 {
        written.extend([format!("a{n}"), format!("b{n}/x"), format!("b{n}/y")]);
        store.write(&format!("a{n}"), "").await.expect("written");
        store.write(&format!("b{n}/x"), "").await.expect("written");
        store.write(&format!("b{n}/y"), "").await.expect("written");
    }
    written.sort();
    let n_reads = || stub.requests().get("GET").copied().unwrap_or_default();
    let before = n_reads();
    let paths = |entries: Vec<opendal::Entry>| entries.iter().map(|entry| entry.path().to_owned()).collect::<Vec<_>>();
    let all = store.list_with("").recursive(true).limit(4).await.expect("listed");
    assert_eq!(paths(all), written);
    assert_eq!(n_reads() - before, 6, "21 names in pages of 4");
    let mut folders = paths(store.list_with("").limit(3).await.expect("listed"));
    folders.sort();
    let expected = (0..7).map(|n| format!("a{n}")).chain((0..7).map(|n| format!("b{n}/")));
    assert_eq!(folders, expected.collect::<Vec<_>>());
    let late = store.list_with("").recursive(true).start_after("b5/x").await.expect("listed");
    assert_eq!(paths(late), ["b5/y", "b6/x", "b6/y"]);
}

#[tokio::test]
async fn a_missing_bucket_is_told() {
    let stub = GcsStub::start_without_auth();
    let error = open_client(stub.endpoint()).write("one", "content").await.expect_err("there is no bucket");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.to_string().contains("bucket does not exist"), "{error}");
    assert_eq!(stub.requests()["POST"], 1);
}
