//! Many projects cost few calls.

use std::time::Instant;

use drifting_artifacts::OpendalArtifacts;
use drifting_domain::contract::{name, sample_project};
use drifting_domain::ports::ArtifactStore;
use futures_util::{StreamExt, stream};

use crate::raw::{objects, raw};
use crate::support::{Server, lease, n_calls, state};

#[tokio::test(flavor = "multi_thread")]
async fn a_start_lists_them_once_and_reads_none() {
    let n_projects: usize = std::env::var("DRIFTING_TEST_PROJECTS").ok().map_or(2_000, |n| n.parse().unwrap());
    for server in Server::both() {
        server.projects("one").await.put_project(&sample_project("p", 1, 1)).await.unwrap();
        let one = objects(&raw(&server.location("one", None))).await;
        let raw = raw(&server.location("many", None));
        stream::iter(0..n_projects)
            .for_each_concurrent(32, |n| {
                let (raw, one) = (&raw, &one);
                async move {
                    for (path, bytes) in one {
                        raw.write(&path.replace("p/", &format!("p{n}/")), bytes.clone()).await.unwrap();
                    }
                    raw.write(&format!("p{n}/state.safetensors"), vec![0; 400]).await.unwrap();
                }
            })
            .await;
        let store = server.store("many").await;
        let projects = OpendalArtifacts::open_remote(&store, &lease(&store).await);
        let before = ["read", "stat", "write", "delete"].map(|operation| n_calls(&store, operation));
        let began = Instant::now();
        assert_eq!(projects.sweep().await.unwrap(), 0);
        assert_eq!(projects.list().await.unwrap().len(), n_projects);
        println!("{n_projects} projects: {:?}, {} calls", began.elapsed(), n_calls(&store, "list"));
        assert!(n_calls(&store, "list") <= (n_projects as u64 * 3).div_ceil(1000) + 1, "{:?}", store.calls());
        // One renewal of the lease may have come between.
        let after = ["read", "stat", "write", "delete"].map(|operation| n_calls(&store, operation));
        assert!(after.iter().sum::<u64>() <= before.iter().sum::<u64>() + 4, "{:?}", store.calls());
        assert_eq!(projects.list().await.unwrap().len(), n_projects, "without a sweep it is listed anew");
    }
}

/// What an operation costs: calls that write or list, which are the dear ones, and calls that read.
#[tokio::test]
async fn each_operation_costs_few_calls() {
    for server in Server::both() {
        let store = server.store("p").await;
        // Renewals of the lease are counted for another store.
        let projects = OpendalArtifacts::open_remote(&store, &server.other_lease("other").await);
        store.conditional_writes().await.unwrap();
        let mut before = (0, 0, 0);
        let mut cost = || {
            let now = (
                n_calls(&store, "write") + n_calls(&store, "list"),
                n_calls(&store, "read") + n_calls(&store, "stat"),
                n_calls(&store, "delete"),
            );
            let spent = (now.0 - before.0, now.1 - before.1, now.2 - before.2);
            before = now;
            spent
        };
        cost();
        // Google's conditional writes take two requests each.
        let write = if matches!(server, Server::Seaweed(_)) { 1 } else { 2 };
        let a = name("a");
        projects.put_project(&sample_project("a", 1, 1)).await.unwrap();
        assert_eq!(cost(), (2 * write + 2, 1, 0), "a first fit");
        projects.put_state(&a, 1, &state(1)).await.unwrap();
        assert_eq!(cost(), (write, 1, 0), "a first checkpoint");
        projects.put_state(&a, 1, &state(2)).await.unwrap();
        assert_eq!(cost(), (write, 1, 0), "a checkpoint");
        projects.project(&a).await.unwrap().unwrap();
        projects.state(&a, 1).await.unwrap().unwrap();
        assert_eq!(cost(), (0, 4, 0), "a load");
        projects.put_project(&sample_project("a", 2, 2)).await.unwrap();
        assert_eq!(cost(), (2 * write + 2, 2, 2), "an overwrite");
        assert!(projects.delete(&a).await.unwrap());
        assert_eq!(cost(), (1, 1, 2), "a deletion");
    }
}
