//! What a start would do, done and taken back.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use drifting_domain::contract::sample_record;
use drifting_domain::ports::{MetricsHistory, MetricsRepository};
use drifting_local_postgres::{Cluster, LocalPostgres};
use drifting_metrics::{Address, Rehearsal, rehearse};

use crate::{all_of, chain, connect};

/// On an empty database, on one that is in use, on one of a later version.
async fn is_taken_back(uri: &str, migrate_further: impl AsyncFn()) {
    for _ in 0..2 {
        assert_eq!(
            rehearse(&Address::of_uri(uri)).await.expect("the database answers"),
            Rehearsal::Ready { n_pending: 2 }
        );
    }
    let metrics = connect(uri).await.expect("the database answers");
    metrics.append(1, &[sample_record("kept", 1)]).await.expect("the database answers");
    assert_eq!(rehearse(&Address::of_uri(uri)).await.expect("the database answers"), Rehearsal::Ready { n_pending: 0 });
    assert_eq!(metrics.trend(&all_of("kept")).await.expect("the database answers").records, [sample_record("kept", 1)]);
    assert!(metrics.trend(&all_of("drifting-check")).await.expect("the database answers").records.is_empty());
    metrics.close().await.expect("the database answers");
    migrate_further().await;
    let error = rehearse(&Address::of_uri(uri)).await.expect_err("it is refused");
    assert!(chain(&error).contains("a later version"), "{}", chain(&error));
}

const LATER: &str = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m2999', 0)";

#[tokio::test]
async fn a_sqlite_file_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("below/metrics.sqlite");
    assert_eq!(rehearse(&Address::of_file(&file)).await.unwrap(), Rehearsal::NotYet);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    let file = folder.path().join("metrics.sqlite");
    fs::write(&file, "").unwrap();
    let uri = format!("sqlite://{}", file.display());
    is_taken_back(&uri, async || {
        let database = sea_orm::Database::connect(&uri).await.unwrap();
        sea_orm::ConnectionTrait::execute_unprepared(&database, LATER).await.unwrap();
        database.close().await.unwrap();
    })
    .await;

    fs::write(&file, "no database at all, but long enough for a header to be looked for").unwrap();
    rehearse(&Address::of_file(&file)).await.unwrap_err();
    assert!(rehearse(&Address::of_uri("sqlite:///proc/no/such/file")).await.is_err());
}

#[tokio::test]
async fn a_postgres_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    // The unprivileged account that Postgres runs as has to pass through.
    fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
    let directory = folder.path().join("postgres");
    let Cluster::NotYet { major } = LocalPostgres::look(&directory).await.unwrap() else {
        panic!("there is a cluster")
    };
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a look makes nothing");
    let postgres = LocalPostgres::start(&directory).await.unwrap_or_else(|error| panic!("{error}"));
    let running = LocalPostgres::look(&directory).await.unwrap();
    assert_eq!(running, Cluster::Running { major, uri: postgres.uri() });
    let uri = postgres.uri();
    is_taken_back(&uri, async || {
        let database = sea_orm::Database::connect(&uri).await.unwrap();
        sea_orm::ConnectionTrait::execute_unprepared(&database, LATER).await.unwrap();
        database.close().await.unwrap();
    })
    .await;
    postgres.stop().await.unwrap();
    assert_eq!(LocalPostgres::look(&directory).await.unwrap(), Cluster::Stopped { major });
    let error = rehearse(&Address::of_uri("postgres://drifting:geheim@127.0.0.1:9/metrics")).await.unwrap_err();
    assert!(!chain(&error).contains("geheim"), "{}", chain(&error));
}
