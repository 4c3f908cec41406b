//! The objects that are left, byte for byte.

use std::fs;

use drifting_artifacts::OpendalArtifacts;
use drifting_domain::contract::{name, sample_project};
use drifting_domain::ports::ArtifactStore;

use crate::raw::{names, objects, raw};
use crate::support::{Server, assert_holds, same, state};

#[tokio::test]
async fn they_are_those_of_a_directory() {
    for server in [Server::s3(), Server::gcs(), Server::plain_gcs()] {
        let folder = tempfile::tempdir().unwrap();
        let local = OpendalArtifacts::open_local(folder.path()).unwrap();
        let remote = server.projects("p").await;
        let raw = raw(&server.location("p", None));
        for store in [&local, &remote] {
            store.put_project(&sample_project("a", 1, 1)).await.unwrap();
            store.put_state(&name("a"), 1, &state(1)).await.unwrap();
            store.put_project(&sample_project("b", 1, 1)).await.unwrap();
            store.put_project(&sample_project("b", 2, 2)).await.unwrap();
            store.put_state(&name("b"), 2, &state(2)).await.unwrap();
            store.put_project(&sample_project("c", 1, 1)).await.unwrap();
            assert!(store.delete(&name("c")).await.unwrap());
        }
        let objects = objects(&raw).await;
        let expected = [
            "a/configuration.yaml",
            "a/drift_detector.safetensors",
            "a/state.safetensors",
            "b/configuration.yaml",
            "b/drift_detector-2.safetensors",
            "b/state.safetensors",
        ];
        assert_eq!(objects.keys().collect::<Vec<_>>(), expected);
        for (path, bytes) in &objects {
            let local = fs::read(folder.path().join(path)).unwrap();
            if path.ends_with("state.safetensors") {
                // The entries of its header stand in any order, in a directory too.
                assert_eq!(local.len(), bytes.len(), "{path}");
            } else {
                assert_eq!(&local, bytes, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn what_was_copied_in_is_served_with_its_state() {
    for server in Server::both() {
        let folder = tempfile::tempdir().unwrap();
        let local = OpendalArtifacts::open_local(folder.path()).unwrap();
        local.put_project(&sample_project("a", 3, 1)).await.unwrap();
        local.put_state(&name("a"), 3, &state(5)).await.unwrap();
        let (remote, raw) = (server.projects("p").await, raw(&server.location("p", None)));
        for file in fs::read_dir(folder.path().join("a")).unwrap() {
            let file = file.unwrap();
            let path = format!("copied/{}", file.file_name().to_str().unwrap());
            raw.write(&path, fs::read(file.path()).unwrap()).await.unwrap();
        }
        assert_eq!(remote.list().await.unwrap(), [name("copied")]);
        let mut expected = sample_project("a", 3, 1);
        expected.configuration.project = name("copied");
        assert_holds(&remote, &expected).await;
        assert!(same(&remote.state(&name("copied"), 3).await.unwrap().unwrap(), &state(5)));
        remote.put_state(&name("copied"), 3, &state(6)).await.unwrap();
        assert!(same(&remote.state(&name("copied"), 3).await.unwrap().unwrap(), &state(6)));
    }
}

#[tokio::test]
async fn large_parameters_go_in_parts_and_come_back() {
    for server in Server::both() {
        let projects = server.projects("p").await;
        for (project, n_values) in [("a", 700_000), ("b", 1_400_000)] {
            let mut stored = sample_project(project, 1, 1);
            stored.parameters.insert_u64("large", (0..n_values).collect());
            projects.put_project(&stored).await.unwrap();
            assert_holds(&projects, &stored).await;
        }
        assert_eq!(names(&raw(&server.location("p", None))).await.len(), 4);
    }
}
