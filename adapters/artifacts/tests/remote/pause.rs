//! A server that is stopped by a signal while it writes, and goes on when another has long taken over.

use std::process::Stdio;
use std::time::Duration;

use drifting_artifacts::{Lease, LeaseSettings, OpendalArtifacts};
use drifting_domain::contract::{name, sample_project};
use drifting_domain::ports::ArtifactStore;
use rustix::process::{Pid, Signal, kill_process};

use crate::child;
use crate::raw::{names, raw};
use crate::support::{Server, assert_holds, same, state};

const SETTINGS: LeaseSettings = LeaseSettings { duration: Duration::from_secs(2) };

/// What the process does that will be paused: it writes for as long as it may; nothing in an ordinary run.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Some((_, store)) = child::task(true).await else { return };
    let lease = Lease::acquire(&store, SETTINGS).await.unwrap();
    let projects = OpendalArtifacts::open_remote(&store, &lease);
    let refused = loop {
        if let Err(error) = projects.put_project(&sample_project("a", 1, 1)).await {
            // Its own project stands in the way of its next one.
            if error.source_text() != "generation 1 is in use" {
                break error;
            }
        }
        if let Err(error) = projects.put_state(&name("a"), 1, &state(1)).await {
            break error;
        }
    };
    lease.lost().await;
    println!("refused: {}", refused.source_text());
    assert!(projects.put_project(&sample_project("a", 3, 3)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_writes_nothing_more() {
    for server in Server::both() {
        let mut child = child::command("pause::child", &server, "write");
        child::with_key(&mut child, &server);
        let child = child.stdout(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&child);
        let raw = raw(&server.location("p", None));
        while !raw.exists("a/state.safetensors").await.unwrap() {
            tokio::task::yield_now().await;
        }
        kill_process(pid, Signal::STOP).unwrap();

        let store = server.store("p").await;
        let lease = Lease::acquire(&store, SETTINGS).await.unwrap();
        let projects = OpendalArtifacts::open_remote(&store, &lease);
        projects.put_project(&sample_project("a", 2, 2)).await.unwrap();
        projects.put_state(&name("a"), 2, &state(2)).await.unwrap();
        kill_process(pid, Signal::CONT).unwrap();

        let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && said.contains("refused: "), "{said}");
        assert_holds(&projects, &sample_project("a", 2, 2)).await;
        assert!(same(&projects.state(&name("a"), 2).await.unwrap().unwrap(), &state(2)));
        let expected = ["a/configuration.yaml", "a/drift_detector-2.safetensors", "a/state.safetensors"];
        assert_eq!(names(&raw).await, expected);
    }
}
