//! The stores and the proxy, as a client sees them that is not ours.

mod ends;
mod gcs;
mod gcs_stub;
mod proxy;
mod s3;
mod tokens;

use std::sync::Once;

use opendal::{Builder, HttpTransporter, Operator};
use opendal_http_transport_reqwest::ReqwestTransport;

/// A client of a service.
fn client(service: impl Builder) -> Operator {
    static DEFAULT: Once = Once::new();
    DEFAULT.call_once(|| HttpTransporter::install_default(ReqwestTransport::default()));
    Operator::new(service).expect("the client is configured")
}

/// Writes, reads, lists and deletes.
async fn write_read_list_delete(store: &Operator) {
    let content = b"the content".to_vec();
    store.write("folder/one", content.clone()).await.expect("written");
    store.write("folder/inner/two", vec![7; 100_000]).await.expect("written");
    store.write("empty", Vec::<u8>::new()).await.expect("written");
    assert_eq!(store.read("folder/one").await.expect("read").to_vec(), content);
    let part = store.read_with("folder/one").range(4..7).await.expect("a part is read");
    assert_eq!(part.to_vec(), b"con");
    assert_eq!(store.stat("folder/inner/two").await.expect("there").content_length(), 100_000);
    assert_eq!(store.stat("empty").await.expect("there").content_length(), 0);
    assert_eq!(names(store, "folder/", Depth::One).await, ["folder/inner/", "folder/one"]);
    assert_eq!(names(store, "folder/", Depth::All).await, ["folder/inner/two", "folder/one"]);

    // Batches are for several at once.
    store.delete_iter(["folder/one", "folder/inner/two", "never-there"]).await.expect("deleted");
    store.delete("empty").await.expect("deleted");
    assert!(names(store, "", Depth::All).await.is_empty());
    let error = store.read("folder/one").await.expect_err("it is gone");
    assert_eq!(error.kind(), opendal::ErrorKind::NotFound, "{error}");
}

enum Depth {
    One,
    All,
}

/// What a listing shows, in order, without the folder itself.
async fn names(store: &Operator, folder: &str, depth: Depth) -> Vec<String> {
    let listing = store.list_with(folder).recursive(matches!(depth, Depth::All)).await.expect("listed");
    let mut names: Vec<String> = listing.iter().map(|entry| entry.path().to_owned()).collect();
    names.retain(|name| name != folder && name != "/");
    names.sort();
    names
}

/// How many of sixteen racers create the same object.
async fn n_winners(store: &Operator) -> usize {
    let racers = (0..16_u8).map(|racer| {
        let store = store.clone();
        tokio::spawn(async move { store.write_with("raced", vec![racer; 1_000]).if_not_exists(true).await })
    });
    let results = futures_util::future::join_all(racers.collect::<Vec<_>>()).await;
    let results = results.into_iter().map(|result| result.expect("no racer panics"));
    let (winners, losers): (Vec<_>, Vec<_>) = results.partition(Result::is_ok);
    for error in losers.into_iter().filter_map(Result::err) {
        assert_eq!(error.kind(), opendal::ErrorKind::ConditionNotMatch, "{error}");
    }
    winners.len()
}
