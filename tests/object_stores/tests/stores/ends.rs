//! How stores end.

use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};

use drifting_object_stores::{FakeGcs, FaultyProxy, GcsStub, Moto, SeaweedFs};

fn is_reachable(endpoint: &str) -> bool {
    let address: SocketAddr = endpoint.trim_start_matches("http://").parse().expect("an address");
    TcpStream::connect(address).is_ok()
}

/// The endpoint of a store whose test panics.
fn panicking<S>(store: S, endpoint: fn(&S) -> &str) -> String {
    let mut known = String::new();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let store = store;
        endpoint(&store).clone_into(&mut known);
        assert!(is_reachable(&known), "it runs");
        std::panic::resume_unwind(Box::new("the test fails"));
    }));
    assert!(result.is_err(), "the test has failed");
    known
}

#[test]
fn a_store_ends_with_a_test_that_panics() {
    let upstream = GcsStub::start();
    let endpoints = [
        panicking(SeaweedFs::start(), SeaweedFs::endpoint),
        panicking(Moto::start(), Moto::endpoint),
        panicking(FakeGcs::start(), FakeGcs::endpoint),
        panicking(GcsStub::start(), GcsStub::endpoint),
        panicking(FaultyProxy::start(upstream.endpoint()), FaultyProxy::endpoint),
    ];
    for endpoint in endpoints {
        assert!(!is_reachable(&endpoint), "{endpoint} is free again");
    }
}

#[test]
fn stores_of_a_kind_run_beside_each_other() {
    let (one, other) = (SeaweedFs::start(), SeaweedFs::start());
    assert_ne!(one.endpoint(), other.endpoint());
    assert!(is_reachable(one.endpoint()) && is_reachable(other.endpoint()));
}

#[tokio::test]
async fn a_store_starts_and_ends_within_a_runtime() {
    let endpoint = GcsStub::start().endpoint().to_owned();
    assert!(!is_reachable(&endpoint));
}
