//! Stores that fail, hang and lose their answers.

use std::time::Duration;

use drifting_artifacts::{OpendalArtifacts, RemoteSettings, RemoteStore};
use drifting_domain::contract::{name, sample_project};
use drifting_domain::ports::{ArtifactStore, PortErrorKind};
use drifting_object_stores::{Calls, Fault, FaultyProxy};

use crate::raw::{names, raw};
use crate::support::{Server, assert_holds, n_failed, same, state};

/// A store behind a proxy, with a lease that does not pass through it.
async fn behind(server: &Server, proxy: &FaultyProxy, settings: RemoteSettings) -> (RemoteStore, OpendalArtifacts) {
    let store = RemoteStore::connect(&server.location("p", Some(proxy.endpoint())), settings).await.unwrap();
    store.conditional_writes().await.unwrap();
    let lease = server.other_lease("lease").await;
    let projects = OpendalArtifacts::open_remote(&store, &lease);
    (store, projects)
}

fn settings(n_tries: usize) -> RemoteSettings {
    RemoteSettings {
        n_tries,
        first_pause: Duration::from_millis(2),
        try_timeout: Duration::from_millis(300),
        ..RemoteSettings::default()
    }
}

/// Everything that is done with a project.
async fn a_life(projects: &OpendalArtifacts, project: &str) {
    let project_name = name(project);
    projects.put_project(&sample_project(project, 1, 1)).await.unwrap();
    projects.put_state(&project_name, 1, &state(1)).await.unwrap();
    projects.put_state(&project_name, 1, &state(2)).await.unwrap();
    assert_holds(projects, &sample_project(project, 1, 1)).await;
    assert!(same(&projects.state(&project_name, 1).await.unwrap().unwrap(), &state(2)));
    projects.put_project(&sample_project(project, 2, 2)).await.unwrap();
    projects.put_state(&project_name, 2, &state(3)).await.unwrap();
    assert_holds(projects, &sample_project(project, 2, 2)).await;
    assert!(projects.list().await.unwrap().contains(&project_name));
    assert!(projects.delete(&project_name).await.unwrap());
    assert!(projects.project(&project_name).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_of_all_calls_may_fail() {
    for server in Server::both() {
        let proxy = FaultyProxy::start(server.endpoint());
        let (store, projects) = behind(&server, &proxy, settings(12)).await;
        proxy.inject(
            7,
            &[
                (Calls::Share(0.15), Fault::Status(503)),
                (Calls::Share(0.15), Fault::Status(500)),
                (Calls::Share(0.02), Fault::ResetAfter),
                (Calls::Share(0.02), Fault::ResetBefore),
            ],
        );
        for n in 0..10 {
            a_life(&projects, &format!("p{n}")).await;
        }
        assert!(n_failed(&store) > 30, "{:?}", store.calls());
        proxy.heal();
        assert_eq!(names(&raw(&server.location("p", None))).await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_change_may_lose_its_answer_or_hang() {
    for server in Server::both() {
        let proxy = FaultyProxy::start(server.endpoint());
        let (_, projects) = behind(&server, &proxy, settings(4)).await;
        for fault in [Fault::ResetAfter, Fault::ResetBefore, Fault::Hang, Fault::Delay(Duration::from_millis(450))] {
            for n in 1.. {
                proxy.inject(1, &[(Calls::NthChange(n), fault)]);
                proxy.forget_calls();
                a_life(&projects, "a").await;
                if proxy.calls().iter().all(|call| call.fault.is_none()) {
                    assert!(n > 10, "{n} changes are too few");
                    break;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_it_ends_the_old_or_the_new_one_is_whole() {
    for server in Server::both() {
        let proxy = FaultyProxy::start(server.endpoint());
        let (store, projects) = behind(&server, &proxy, settings(2)).await;
        let direct = OpendalArtifacts::open_remote(&server.store("p").await, &server.other_lease("direct").await);
        let mut n_names = 0;
        for operation in ["fit", "overwrite", "delete", "state"] {
            for n in 1.. {
                let mut is_untouched = true;
                for fault in [Fault::Status(500), Fault::ResetAfter] {
                    n_names += 1;
                    let project = format!("p{n_names}");
                    let project_name = name(&project);
                    if operation != "fit" {
                        direct.put_project(&sample_project(&project, 1, 1)).await.unwrap();
                        direct.put_state(&project_name, 1, &state(1)).await.unwrap();
                    }
                    proxy.inject(1, &[(Calls::ChangesFrom(n), fault)]);
                    proxy.forget_calls();
                    let done = match operation {
                        "fit" => projects.put_project(&sample_project(&project, 1, 1)).await,
                        "overwrite" => projects.put_project(&sample_project(&project, 2, 2)).await,
                        "delete" => projects.delete(&project_name).await.map(|existed| assert!(existed)),
                        _ => projects.put_state(&project_name, 1, &state(2)).await,
                    };
                    is_untouched &= proxy.calls().iter().all(|call| call.fault.is_none());
                    proxy.heal();
                    let what = format!("{operation}, {fault:?} from change {n}");
                    if let Err(error) = &done {
                        assert_eq!(error.kind(), PortErrorKind::Unavailable, "{what}: {}", error.source_text());
                    }
                    let found = direct.configuration(&project_name).await.unwrap().map(|found| found.generation);
                    match (operation, &done, found) {
                        ("fit" | "state", _, Some(1)) | ("overwrite" | "delete", Err(_), Some(1)) => {
                            assert_holds(&direct, &sample_project(&project, 1, 1)).await;
                        }
                        ("overwrite", _, Some(2)) => assert_holds(&direct, &sample_project(&project, 2, 2)).await,
                        ("fit", Err(_), None) | ("delete", _, None) => {}
                        other => panic!("{what}: {other:?}"),
                    }
                    if operation == "state" {
                        let time = direct.state(&project_name, 1).await.unwrap().unwrap().u64s("time").unwrap()[0];
                        assert!(time == 2 || (time == 1 && done.is_err()), "{what}");
                    }
                    // It can be done again.
                    projects.put_project(&sample_project(&project, 9, 9)).await.unwrap();
                    assert_holds(&direct, &sample_project(&project, 9, 9)).await;
                }
                if is_untouched {
                    break;
                }
            }
        }
        assert!(n_failed(&store) > 30, "{:?}", store.calls());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_store_is_given_up_within_the_deadline() {
    let server = Server::gcs();
    let proxy = FaultyProxy::start(server.endpoint());
    let deadline = Duration::from_secs(1);
    let (_, projects) = behind(&server, &proxy, RemoteSettings { deadline, ..settings(20) }).await;
    proxy.inject(1, &[(Calls::All, Fault::Hang)]);
    let began = std::time::Instant::now();
    let error = projects.project(&name("a")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    assert!(began.elapsed() < deadline * 2, "{:?}", began.elapsed());
    assert!(projects.list().await.is_err());
}
