//! What a sweep removes, and what it leaves alone.

use std::time::Duration;

use drifting_artifacts::OpendalArtifacts;
use drifting_domain::contract::{name, sample_note, sample_project};
use drifting_domain::ports::{ArtifactStore, OperationJournal, PortErrorKind};

use crate::raw::{names, objects, raw};
use crate::support::{Server, assert_holds, lease, state};

#[tokio::test]
async fn leftovers_go_once_they_are_old_enough() {
    for server in [Server::s3(), Server::gcs(), Server::plain_gcs()] {
        let (store, raw) = (server.store("p").await, raw(&server.location("p", None)));
        let lease = lease(&store).await;
        let projects = OpendalArtifacts::open_remote(&store, &lease);
        projects.put_project(&sample_project("a", 2, 1)).await.unwrap();
        projects.put_state(&name("a"), 2, &state(1)).await.unwrap();
        let whole = names(&raw).await;
        for path in [
            ".tmp/old",
            "half/drift_detector.safetensors",
            "half/drift_detector-7.safetensors",
            "stateful/state.safetensors",
            "a/drift_detector-3.safetensors",
        ] {
            raw.write(path, "x").await.unwrap();
        }
        let before = names(&raw).await;
        projects.note(&sample_note(7, "a", 0)).await.unwrap();
        assert_eq!(projects.sweep().await.unwrap(), 1, "a note goes at once");
        assert_eq!(names(&raw).await, before, "what is young may be somebody's work");
        assert_eq!(projects.list().await.unwrap(), [name("a")]);

        let impatient = OpendalArtifacts::open_remote_with_grace(&store, &lease, Duration::ZERO);
        assert_eq!(impatient.sweep().await.unwrap(), 1 + 2 + 1);
        assert_eq!(names(&raw).await, whole);
        assert_holds(&impatient, &sample_project("a", 2, 1)).await;
        assert!(impatient.state(&name("a"), 2).await.unwrap().is_some());
        assert_eq!(impatient.sweep().await.unwrap(), 0, "nothing is left for a second sweep");
        assert!(lease.check("look").is_ok());
        assert!(raw.exists(".tmp/lease").await.unwrap());
    }
}

#[tokio::test]
async fn what_others_wrote_stays() {
    for server in Server::both() {
        let (store, raw) = (server.store("p").await, raw(&server.location("p", None)));
        let projects = OpendalArtifacts::open_remote_with_grace(&store, &lease(&store).await, Duration::ZERO);
        projects.put_project(&sample_project("a", 1, 1)).await.unwrap();
        for path in [
            "active.db",
            "store.db",
            "state.safetensors",
            "a/notes.txt",
            "a/deep/state.safetensors",
            "a/drift_detector-02.safetensors",
            "backup/drift_detector.safetensors",
            "backup/notes.txt",
            "deep/er/state.safetensors",
            ".hidden/state.safetensors",
            "fit/state.safetensors",
            "lost+found/state.safetensors",
        ] {
            raw.write(path, "mine").await.unwrap();
        }
        raw.write("damaged/configuration.yaml", "format_version: 2\n").await.unwrap();
        raw.write("damaged/drift_detector.safetensors", "x").await.unwrap();
        raw.write("damaged/drift_detector-9.safetensors", "x").await.unwrap();
        let before = objects(&raw).await;
        assert_eq!(projects.sweep().await.unwrap(), 0);
        assert_eq!(objects(&raw).await, before);
        assert_eq!(projects.list().await.unwrap(), [name("a"), name("damaged")]);
        // A folder with more in it than this program wrote keeps it.
        assert!(projects.delete(&name("a")).await.unwrap());
        let left: Vec<_> = names(&raw).await.into_iter().filter(|path| path.starts_with("a/")).collect();
        assert_eq!(left, ["a/deep/state.safetensors", "a/drift_detector-02.safetensors", "a/notes.txt"]);
    }
}

#[tokio::test]
async fn a_fit_does_not_take_the_place_of_leftovers() {
    for server in Server::both() {
        let (projects, raw) = (server.projects("p").await, raw(&server.location("p", None)));
        raw.write("a/drift_detector.safetensors", "another's").await.unwrap();
        raw.write("a/drift_detector-1.safetensors", "another's").await.unwrap();
        raw.write("a/state.safetensors", "another's").await.unwrap();
        projects.put_project(&sample_project("a", 1, 1)).await.unwrap();
        assert_holds(&projects, &sample_project("a", 1, 1)).await;
        assert!(projects.state(&name("a"), 1).await.unwrap().is_none());
        assert_eq!(names(&raw).await, ["a/configuration.yaml", "a/drift_detector-2.safetensors"]);
    }
}

#[tokio::test]
async fn read_only_changes_nothing_and_says_so() {
    let server = Server::gcs();
    let projects = server.projects("p").await;
    projects.put_project(&sample_project("a", 1, 1)).await.unwrap();
    projects.put_state(&name("a"), 1, &state(1)).await.unwrap();
    let (store, raw) = (server.store("p").await, raw(&server.location("p", None)));
    raw.write("half/state.safetensors", "x").await.unwrap();
    let before = objects(&raw).await;
    let reader = OpendalArtifacts::open_remote_read_only(&store);
    assert_holds(&reader, &sample_project("a", 1, 1)).await;
    assert_eq!(reader.list().await.unwrap(), [name("a")]);
    for refused in [
        reader.put_project(&sample_project("a", 2, 1)).await,
        reader.put_project(&sample_project("b", 1, 1)).await,
        reader.put_state(&name("a"), 1, &state(2)).await,
        reader.delete(&name("a")).await.map(drop),
        reader.sweep().await.map(drop),
        reader.note(&sample_note(7, "a", 0)).await,
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Permission);
        assert!(error.source_text().contains("read-only"), "{}", error.source_text());
    }
    assert_eq!(objects(&raw).await, before);
    assert!(store.calls().iter().all(|call| !["write", "delete"].contains(&call.operation)), "{:?}", store.calls());
}
