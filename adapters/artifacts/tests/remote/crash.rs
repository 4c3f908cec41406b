//! A process that dies at each step, and what the next one finds in the store.

use std::env;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use drifting_artifacts::OpendalArtifacts;
use drifting_domain::contract::{name, sample_project};
use drifting_domain::faults::{self, CRASH_AT};
use drifting_domain::ports::ArtifactStore;

use crate::child;
use crate::raw::{names, raw};
use crate::support::{Server, assert_holds, lease, same, state};

/// What the dying process does; nothing in an ordinary run.
#[tokio::test]
async fn child() {
    let Some((task, store)) = child::task(true).await else { return };
    faults::inject(|name| env::var(name).ok());
    let projects = OpendalArtifacts::open_remote(&store, &lease(&store).await);
    match task.as_str() {
        "fit" => projects.put_project(&sample_project("a", 1, 1)).await.unwrap(),
        "overwrite" => projects.put_project(&sample_project("a", 2, 2)).await.unwrap(),
        "delete" => assert!(projects.delete(&name("a")).await.unwrap()),
        "state" => projects.put_state(&name("a"), 1, &state(2)).await.unwrap(),
        other => panic!("unknown operation {other}"),
    }
}

/// Lets a process do something and die at a step.
fn run(server: &Server, operation: &str, step: &str) {
    let mut child = child::command("crash::child", server, operation);
    child::with_key(&mut child, server);
    let status = child.env(CRASH_AT, step).status().unwrap();
    assert_eq!((status.code(), status.signal()), (None, Some(6)), "{operation} at {step}: {status}");
}

/// What is there; 0 for no project.
async fn generation(store: &OpendalArtifacts) -> u64 {
    let Some(configuration) = store.configuration(&name("a")).await.unwrap() else { return 0 };
    let generation = configuration.generation;
    assert_holds(store, &sample_project("a", generation, u32::try_from(generation).unwrap())).await;
    generation
}

#[tokio::test]
async fn a_crash_shows_the_old_or_the_new_one_whole_and_its_lease_is_free_at_once() {
    for server in Server::both() {
        for (operation, step, expected, n_swept) in [
            ("fit", "put:folder", 0, 0),
            ("fit", "put:parameters", 0, 1),
            ("fit", "put:configuration", 1, 0),
            ("fit", "put:removed-old", 1, 0),
            ("overwrite", "put:folder", 1, 0),
            ("overwrite", "put:parameters", 1, 1),
            // The state of another generation stays: it is ignored, and the next checkpoint replaces it.
            ("overwrite", "put:configuration", 2, 1),
            ("overwrite", "put:removed-old", 2, 0),
            ("delete", "delete:configuration", 0, 1),
            ("delete", "delete:files", 0, 0),
            ("state", "state:written", 1, 0),
        ] {
            let what = format!("{operation}, crash at {step}");
            let raw = raw(&server.location("p", None));
            raw.delete_with("").recursive(true).await.unwrap();
            if operation != "fit" {
                let store = server.store("p").await;
                let lease = lease(&store).await;
                let projects = OpendalArtifacts::open_remote(&store, &lease);
                projects.put_project(&sample_project("a", 1, 1)).await.unwrap();
                projects.put_state(&name("a"), 1, &state(1)).await.unwrap();
                lease.release().await.unwrap();
            }
            run(&server, operation, step);

            let store = server.store("p").await;
            let began = Instant::now();
            let lease = lease(&store).await;
            assert!(began.elapsed() < Duration::from_secs(5), "{what}: a dead process is not waited for");
            let projects = OpendalArtifacts::open_remote_with_grace(&store, &lease, Duration::ZERO);
            assert_eq!(generation(&projects).await, expected, "{what}");
            assert_eq!(projects.sweep().await.unwrap(), n_swept, "{what}");
            assert_eq!(generation(&projects).await, expected, "{what}, after the sweep");
            let found = projects.state(&name("a"), expected).await.unwrap();
            match (operation, expected) {
                ("state", _) => assert!(same(&found.unwrap(), &state(2)), "{what}"),
                ("overwrite", 1) => assert!(same(&found.unwrap(), &state(1)), "{what}"),
                _ => assert!(found.is_none(), "{what}"),
            }
            if expected == 0 {
                assert_eq!(names(&raw).await, [""; 0], "{what}");
            }
            // What crashed can be done again.
            projects.put_project(&sample_project("a", 5, 5)).await.unwrap();
            assert_eq!(generation(&projects).await, 5, "{what}");
            assert!(projects.state(&name("a"), 5).await.unwrap().is_none(), "{what}: no former state comes back");
            lease.release().await.unwrap();
        }
    }
}
