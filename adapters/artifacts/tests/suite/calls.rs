//! What the calls of a directory are counted as.

use std::fs;

use drifting_artifacts::{CallOutcome, OpendalArtifacts};
use drifting_domain::contract::{name, sample_project};
use drifting_domain::ports::ArtifactStore;

use crate::support::{assert_damaged, fresh, state};

fn n_calls(store: &OpendalArtifacts, operation: &str, outcome: CallOutcome) -> u64 {
    let calls = store.calls().now();
    calls.iter().filter(|call| call.operation == operation && call.outcome == outcome).map(|call| call.n).sum()
}

#[tokio::test]
async fn calls_are_counted_by_what_they_were_for_and_what_came_of_them() {
    let (root, store) = fresh();
    assert_eq!((store.calls().backend(), store.calls().now()), ("local", Vec::new()));
    assert!(store.project(&name("a")).await.unwrap().is_none());
    assert_eq!(n_calls(&store, "stat", CallOutcome::Absent), 1);

    store.put_project(&sample_project("a", 1, 1)).await.unwrap();
    for (operation, n) in [("create_dir", 1), ("write", 2), ("sync", 3), ("read", 0)] {
        assert_eq!(n_calls(&store, operation, CallOutcome::Done), n, "{operation}");
    }
    assert!(store.project(&name("a")).await.unwrap().is_some());
    assert!(store.state(&name("a"), 1).await.unwrap().is_none());
    assert_eq!(n_calls(&store, "read", CallOutcome::Done), 3, "the configuration twice, and the parameters");
    assert_eq!(n_calls(&store, "read", CallOutcome::Absent), 1);

    // What is found there is of no use, but the directory has answered; a write has nowhere to go.
    fs::create_dir(root.path().join("a/state.safetensors")).unwrap();
    assert_damaged(store.state(&name("a"), 1).await, "a folder for the state");
    store.put_state(&name("a"), 1, &state(1)).await.unwrap_err();
    assert_eq!(n_calls(&store, "read", CallOutcome::Failed), 0);
    assert_eq!(n_calls(&store, "write", CallOutcome::Failed), 1);
}
