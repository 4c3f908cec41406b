//! One writer for each store.

use std::time::{Duration, Instant};

use drifting_artifacts::{Lease, LeaseSettings, OpendalArtifacts, RemoteFile, RemoteStore};
use drifting_domain::contract::{name, sample_project};
use drifting_domain::ports::{ArtifactStore, PortErrorKind};
use drifting_object_stores::{Calls, Fault, FaultyProxy};

use crate::raw::{names, raw};
use crate::support::{Server, assert_holds, kind_of, settings, state};

const SHORT: Duration = Duration::from_secs(2);

async fn short(store: &RemoteStore) -> Result<Lease, drifting_domain::ports::PortError> {
    Lease::acquire(store, LeaseSettings { duration: SHORT }).await
}

#[tokio::test]
async fn a_second_server_is_refused_and_a_clean_stop_frees_at_once() {
    for server in [Server::s3(), Server::gcs(), Server::plain_gcs()] {
        let (first, second) = (server.store("p").await, server.store("p").await);
        let lease = short(&first).await.unwrap();
        let error = short(&second).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::InUse);
        assert!(error.source_text().starts_with("another server on "), "{}", error.source_text());
        assert!(lease.check("write").is_ok(), "the first is not disturbed");

        let projects = OpendalArtifacts::open_remote(&first, &lease);
        lease.release().await.unwrap();
        lease.release().await.unwrap();
        assert_eq!(kind_of(projects.put_project(&sample_project("a", 1, 1)).await), PortErrorKind::Unavailable);
        assert_eq!(names(&raw(&server.location("p", None))).await, [""; 0]);
        let began = Instant::now();
        let lease = short(&second).await.unwrap();
        assert!(began.elapsed() < SHORT);
        lease.release().await.unwrap();
        assert!(!raw(&server.location("p", None)).exists(".tmp/lease").await.unwrap());
    }
}

#[tokio::test]
async fn a_server_that_vanished_is_waited_for_and_taken_over() {
    for server in Server::both() {
        let (first, second) = (server.store("p").await, server.store("p").await);
        drop(short(&first).await.unwrap());
        let began = Instant::now();
        let lease = short(&second).await.unwrap();
        assert!(began.elapsed() >= SHORT, "its whole time has to pass");
        OpendalArtifacts::open_remote(&second, &lease).put_project(&sample_project("a", 1, 1)).await.unwrap();
    }
}

#[tokio::test]
async fn what_nobody_understands_is_waited_for_too() {
    let server = Server::gcs();
    raw(&server.location("p", None)).write(".tmp/lease", "{\"format_version\": 2}").await.unwrap();
    let began = Instant::now();
    short(&server.store("p").await).await.unwrap();
    assert!(began.elapsed() >= SHORT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_cut_off_stops_itself_before_it_is_taken_over() {
    for server in Server::both() {
        let proxy = FaultyProxy::start(server.endpoint());
        let cut_off = server.store_through("p", proxy.endpoint()).await;
        let lease = short(&cut_off).await.unwrap();
        let projects = OpendalArtifacts::open_remote(&cut_off, &lease);
        projects.put_project(&sample_project("a", 1, 1)).await.unwrap();
        proxy.inject(1, &[(Calls::Containing("lease".to_owned()), Fault::Hang)]);

        let store = server.store("p").await;
        let successor = tokio::spawn(async move { (short(&store).await.unwrap(), store) });
        while lease.check("write").is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(!successor.is_finished(), "it stops while nobody else may write");
        let error = projects.put_project(&sample_project("a", 2, 2)).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Unavailable);
        assert!(error.source_text().contains("lease"), "{}", error.source_text());
        assert_eq!(kind_of(projects.put_state(&name("a"), 1, &state(1)).await), PortErrorKind::Unavailable);
        assert_eq!(kind_of(projects.delete(&name("a")).await), PortErrorKind::Unavailable);
        assert_holds(&projects, &sample_project("a", 1, 1)).await;

        let (taken, store) = successor.await.unwrap();
        let after = OpendalArtifacts::open_remote(&store, &taken);
        after.put_project(&sample_project("a", 2, 3)).await.unwrap();
        proxy.heal();
        lease.lost().await;
        assert_eq!(kind_of(projects.put_project(&sample_project("a", 3, 4)).await), PortErrorKind::InUse);
        // Its end does not end the lease of the other.
        lease.release().await.unwrap();
        assert!(taken.check("write").is_ok());
        assert_holds(&after, &sample_project("a", 2, 3)).await;
        assert_eq!(kind_of(short(&server.store("p").await).await), PortErrorKind::InUse);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_outlives_lost_answers_and_short_failures() {
    for server in Server::both() {
        let proxy = FaultyProxy::start(server.endpoint());
        let store = server.store_through("p", proxy.endpoint()).await;
        let lease = short(&store).await.unwrap();
        proxy.inject(3, &[(Calls::Share(0.2), Fault::ResetAfter), (Calls::Share(0.2), Fault::Status(503))]);
        proxy.forget_calls();
        while proxy.n_calls() < 20 {
            lease.check("write").unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        proxy.heal();
        lease.release().await.unwrap();
        short(&server.store("p").await).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_store_delays_writes_and_refuses_none() {
    let server = Server::gcs();
    let proxy = FaultyProxy::start(server.endpoint());
    let store = server.store_through("p", proxy.endpoint()).await;
    let lease = short(&store).await.unwrap();
    // The same share of a lease as five seconds are of the usual one; a renewal is two requests here.
    proxy.inject(1, &[(Calls::All, Fault::Delay(SHORT / 6))]);
    let projects = OpendalArtifacts::open_remote(&store, &lease);
    for generation in 1..4 {
        projects.put_project(&sample_project("a", generation, 1)).await.unwrap();
        projects.put_state(&name("a"), generation, &state(1)).await.unwrap();
    }
    assert!(projects.delete(&name("a")).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_do_not_queue_behind_other_calls() {
    let server = Server::gcs();
    let proxy = FaultyProxy::start(server.endpoint());
    let mut settings = settings();
    settings.n_calls_max = 1;
    let store = RemoteStore::connect(&server.location("p", Some(proxy.endpoint())), settings).await.unwrap();
    let lease = short(&store).await.unwrap();
    let projects = OpendalArtifacts::open_remote(&store, &lease);
    proxy.inject(1, &[(Calls::Containing("configuration.yaml".to_owned()), Fault::Hang)]);
    let stuck = tokio::spawn(async move { projects.configuration(&name("a")).await });
    let began = Instant::now();
    while began.elapsed() < SHORT * 2 {
        lease.check("write").unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!stuck.is_finished());
}

#[tokio::test]
async fn a_mirrored_file_is_written_over_what_was_read_alone() {
    for server in Server::both() {
        let (first, second) = (server.store("p").await, server.store("p").await);
        let (one, two) = (server.other_lease("one").await, server.other_lease("two").await);
        let (mine, theirs) = (
            RemoteFile::new(&first, Some(&one), "store.db").unwrap(),
            RemoteFile::new(&second, Some(&two), "store.db").unwrap(),
        );
        assert_eq!(mine.read().await.unwrap(), None);
        assert_eq!(theirs.read().await.unwrap(), None);
        mine.write(b"1".to_vec()).await.unwrap();
        mine.write(b"2".to_vec()).await.unwrap();
        assert_eq!(kind_of(theirs.write(b"other".to_vec()).await), PortErrorKind::InUse);
        assert_eq!(kind_of(theirs.write(b"other".to_vec()).await), PortErrorKind::InUse, "it has to be read first");
        assert_eq!(theirs.read().await.unwrap().as_deref(), Some(&b"2"[..]));
        theirs.write(b"other".to_vec()).await.unwrap();
        assert_eq!(kind_of(mine.write(b"3".to_vec()).await), PortErrorKind::InUse);
        let reader = RemoteFile::new(&first, None, "store.db").unwrap();
        assert_eq!(reader.read().await.unwrap().as_deref(), Some(&b"other"[..]));
        assert_eq!(kind_of(reader.write(b"4".to_vec()).await), PortErrorKind::Permission);
        for name in ["", "a", ".tmp", "a/b", "../store.db"] {
            assert!(RemoteFile::new(&first, None, name).is_err(), "{name}");
        }
    }
}
