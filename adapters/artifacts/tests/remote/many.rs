//! Many projects cost few calls.

use std::time::Instant;

use drifting_artifacts::OpendalArtifacts;
use drifting_domain::contract::sample_project;
use drifting_domain::ports::ArtifactStore;
use futures_util::{StreamExt, stream};

use crate::raw::{objects, raw};
use crate::support::{Server, lease, n_calls};

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
