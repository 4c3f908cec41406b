//! The faults of the proxy, as a client sees them.

use std::time::{Duration, Instant};

use drifting_object_stores::{Call, Calls, Fault, FaultyProxy, GcsStub, SeaweedFs};
use opendal::{ErrorKind, Operator};

use crate::gcs::{BUCKET, open_client};
use crate::{Depth, names, s3, write_read_list_delete};

/// A stub behind a proxy, the client that passes the proxy, and one that does not.
struct Stage {
    _stub: GcsStub,
    proxy: FaultyProxy,
    store: Operator,
    direct: Operator,
}

fn stage() -> Stage {
    let stub = GcsStub::start_without_auth();
    stub.create_bucket(BUCKET);
    let proxy = FaultyProxy::start(stub.endpoint());
    let (store, direct) = (open_client(proxy.endpoint()), open_client(stub.endpoint()));
    Stage { _stub: stub, proxy, store, direct }
}

#[tokio::test]
async fn without_faults_signatures_and_sessions_pass() {
    let server = SeaweedFs::start();
    server.create_bucket(BUCKET);
    let proxy = FaultyProxy::start(server.endpoint());
    let store = s3::client(proxy.endpoint(), BUCKET, server.access_key(), server.secret_key());
    write_read_list_delete(&store).await;
    let first = Call { method: "PUT".into(), path: format!("/{BUCKET}/folder/one"), fault: None };
    assert_eq!(proxy.calls()[0], first);

    let stage = stage();
    write_read_list_delete(&stage.store).await;
    stage.proxy.forget_calls();
    stage.store.write_with("large", vec![1; 9 << 20]).if_not_exists(true).await.expect("written");
    let methods: Vec<String> = stage.proxy.calls().into_iter().map(|call| call.method).collect();
    assert_eq!(methods, ["POST", "PUT", "PUT"], "a session stays with the proxy");
}

#[tokio::test]
async fn a_status_comes_from_the_proxy_alone() {
    let server = SeaweedFs::start();
    server.create_bucket(BUCKET);
    let proxy = FaultyProxy::start(server.endpoint());
    let stage = stage();
    let signed = s3::client(proxy.endpoint(), BUCKET, server.access_key(), server.secret_key());
    for (proxy, store) in [(&proxy, &signed), (&stage.proxy, &stage.store)] {
        for status in [500, 503] {
            proxy.inject(0, &[(Calls::All, Fault::Status(status))]);
            let error = store.write("one", "content").await.expect_err("it is refused");
            assert!(error.is_temporary() && error.to_string().contains("on purpose"), "{error}");
        }
        proxy.heal();
        assert!(!store.exists("one").await.expect("asked"), "it was not written");
    }
}

#[tokio::test]
async fn a_reset_before_leaves_the_store_as_it_was() {
    let stage = stage();
    stage.proxy.inject(0, &[(Calls::All, Fault::ResetBefore)]);
    let error = stage.store.write("one", vec![1; 1 << 20]).await.expect_err("the connection breaks");
    assert!(error.is_temporary(), "{error:?}");
    assert!(!stage.direct.exists("one").await.expect("asked"));
}

#[tokio::test]
async fn a_reset_after_loses_the_answer_alone() {
    let stage = stage();
    stage.proxy.inject(0, &[(Calls::NthChange(2), Fault::ResetAfter)]);
    stage.store.write("one", "content").await.expect("the first passes");
    let error = stage.store.write("two", "content").await.expect_err("the connection breaks");
    assert!(error.is_temporary() && format!("{error:?}").contains("reset"), "{error:?}");
    stage.store.write("three", "content").await.expect("the third passes");
    assert_eq!(names(&stage.direct, "", Depth::All).await, ["one", "three", "two"]);
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_loses_its_repetition() {
    let stage = stage();
    // A create is two calls there: the session is begun, and the content follows.
    stage.proxy.inject(0, &[(Calls::NthChange(2), Fault::ResetAfter)]);
    let create = || async { stage.store.write_with("one", "content").if_not_exists(true).await };
    create().await.expect_err("the answer is lost");
    assert_eq!(create().await.expect_err("it is there").kind(), ErrorKind::ConditionNotMatch);
}

#[tokio::test]
async fn an_answer_can_be_late_or_never_come() {
    let stage = stage();
    let delay = Duration::from_millis(300);
    stage.proxy.inject(0, &[(Calls::All, Fault::Delay(delay))]);
    let start = Instant::now();
    stage.store.write("one", "content").await.expect("it comes");
    assert!(start.elapsed() >= delay);
    stage.proxy.inject(0, &[(Calls::All, Fault::Hang)]);
    let hanging = tokio::time::timeout(delay, stage.store.read("one")).await;
    assert!(hanging.is_err(), "nothing comes");
    stage.proxy.heal();
    stage.store.read("one").await.expect("the next call passes");
}

#[tokio::test]
async fn a_share_of_the_calls_fails_as_the_seed_says() {
    let stage = stage();
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        stage.proxy.inject(seed, &[(Calls::ShareOfChanges(0.3), Fault::Status(503))]);
        stage.proxy.forget_calls();
        for n in 0..50 {
            let _ = stage.store.write(&format!("object-{n}"), "content").await;
            stage.store.list("").await.expect("reads pass");
        }
        let calls = stage.proxy.calls();
        let n_failed = calls.iter().filter(|call| call.fault.is_some()).count();
        assert!((5..=25).contains(&n_failed), "{n_failed} of 50");
        assert_eq!(stage.proxy.n_calls(), 100);
        runs.push(calls);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}
