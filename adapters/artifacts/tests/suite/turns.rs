//! Readers and writers at the same time.

use std::time::Duration;

use drifting_domain::contract::{name, sample_project};
use drifting_domain::ports::ArtifactStore;

use crate::support::{assert_holds, files, fresh, names, state};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_overwrite_shows_the_old_or_the_new_one_whole() {
    let (root, store) = fresh();
    store.put_project(&sample_project("a", 1, 1)).await.unwrap();
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for generation in 2..60 {
                let seed = u32::try_from(generation).unwrap();
                store.put_project(&sample_project("a", generation, seed)).await.unwrap();
                store.put_state(&name("a"), generation, &state(generation)).await.unwrap();
            }
        }
    });
    let sweeper = tokio::spawn({
        let (store, writer) = (store.clone(), writer.abort_handle());
        async move {
            while !writer.is_finished() {
                assert_eq!(store.sweep().await.unwrap(), 0, "what is being written is not left over");
            }
        }
    });
    let mut last = 0;
    while !writer.is_finished() {
        let read = store.project(&name("a")).await.unwrap().unwrap();
        let generation = read.configuration.generation;
        assert!(generation >= last, "no way back");
        last = generation;
        let expected = sample_project("a", generation, u32::try_from(generation).unwrap());
        assert_eq!(format!("{read:?}"), format!("{expected:?}"), "a project is visible whole");
        if let Some(found) = store.state(&name("a"), generation).await.unwrap() {
            assert_eq!(found.u64s("time").unwrap(), [generation]);
        }
    }
    writer.await.unwrap();
    sweeper.await.unwrap();
    assert_holds(&store, &sample_project("a", 59, 59)).await;
    assert_eq!(names(root.path()), ["a/configuration.yaml", "a/drift_detector-59.safetensors", "a/state.safetensors"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn first_fits_and_deletions_are_whole_too() {
    let (root, store) = fresh();
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for seed in 1..40 {
                store.put_project(&sample_project("a", 1, seed)).await.unwrap();
                assert!(store.delete(&name("a")).await.unwrap());
            }
        }
    });
    while !writer.is_finished() {
        store.project(&name("a")).await.unwrap();
        assert_eq!(store.sweep().await.unwrap(), 0);
    }
    writer.await.unwrap();
    assert!(files(root.path()).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_has_begun_is_finished_without_its_caller() {
    let (root, store) = fresh();
    for n in 0..20 {
        let project = sample_project(&format!("p{n}"), 1, 1);
        // Whoever asked leaves at some point on the way.
        let put = store.put_project(&project);
        let _ = tokio::time::timeout(Duration::from_micros(n * 100), put).await;
    }
    // The lock is given back only when everything is done.
    drop(store);
    let store = loop {
        match drifting_artifacts::OpendalArtifacts::open_local(root.path()) {
            Ok(store) => break store,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(store.sweep().await.unwrap(), 0, "nothing is left half done");
    for project in store.list().await.unwrap() {
        assert_holds(&store, &sample_project(project.as_str(), 1, 1)).await;
    }
}
