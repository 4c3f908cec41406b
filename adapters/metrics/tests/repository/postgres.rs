use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use drifting_domain::contract::{metrics_repository, sample_record};
use drifting_domain::ports::{MetricsHistory, MetricsRepository, PortErrorKind};
use drifting_local_postgres::LocalPostgres;
use tempfile::TempDir;

use crate::{all_of, chain, connect, migrating, scenarios};

const REFUSAL: &str = "ALTER TABLE drift_record ADD CHECK (rows <> 666)";

async fn start(folder: &TempDir) -> LocalPostgres {
    // The unprivileged account that Postgres runs as has to pass through.
    fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).expect("its owner may change it");
    // The text says what to install where Postgres is missing.
    let started = LocalPostgres::start(&folder.path().join("post gres")).await;
    started.unwrap_or_else(|error| panic!("{error}"))
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[tokio::test]
async fn keeps_the_contract_and_the_records_between_runs() {
    let folder = folder();
    let postgres = start(&folder).await;
    let metrics = connect(&postgres.uri()).await.unwrap();
    metrics_repository(&metrics).await;
    metrics.append(10_000, &[sample_record("kept", 1)]).await.unwrap();
    postgres.stop().await.unwrap();

    let query = all_of("kept");
    let error = metrics.trend(&query).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable, "{}", chain(&error));

    let postgres = start(&folder).await;
    assert_eq!(metrics.trend(&query).await.unwrap().records, [sample_record("kept", 1)], "the pool has recovered");
    let other_spelling = postgres.uri().replacen("postgres://", "postgresql://", 1);
    let again = connect(&other_spelling).await.unwrap();
    assert_eq!(again.trend(&query).await.unwrap().records, [sample_record("kept", 1)]);
    postgres.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn does_more_than_the_contract() {
    let folder = folder();
    let postgres = start(&folder).await;
    let uri = postgres.uri();
    // Replicas of a server start at once on an empty database.
    let (first, second) = tokio::join!(connect(&uri), connect(&uri));
    let metrics = first.unwrap();
    second.unwrap().close().await.unwrap();
    scenarios::times_are_cut_to_the_microsecond(&uri).await;
    scenarios::a_request_is_appended_whole_or_not_at_all(&uri, REFUSAL).await;
    scenarios::any_page_can_be_asked_for(&uri).await;
    scenarios::servers_append_side_by_side(&uri).await;
    scenarios::pages_have_no_gap_while_records_are_appended(&uri).await;
    scenarios::late_records_stand_where_their_times_are(&uri).await;
    metrics.close().await.unwrap();

    let error = connect(&uri.replace("user=drifting", "user=stranger&password=secret")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Permission, "{}", chain(&error));
    assert!(!chain(&error).contains("secret"), "{}", chain(&error));
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn what_former_versions_wrote_still_reads() {
    let folder = folder();
    let postgres = start(&folder).await;
    migrating::what_was_written_still_reads(&postgres.uri()).await;
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn an_absent_database_is_unavailable_and_its_password_stays_secret() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let uri = format!("postgres://somebody:secret@127.0.0.1:{port}/drifting");
    let error = connect(&uri).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    let text = chain(&error);
    assert!(text.starts_with("cannot connect to the metrics database: "), "{text}");
    assert!(text.contains("refused"), "says why: {text}");
    assert!(!text.contains("secret") && !text.contains("somebody"), "{text}");
}

#[tokio::test]
async fn a_database_that_is_silent_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let uri = format!("postgres://somebody:secret@127.0.0.1:{port}/drifting");
    let error = connect(&uri).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable, "{}", chain(&error));
}
