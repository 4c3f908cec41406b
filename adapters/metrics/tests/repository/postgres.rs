use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use drifting_domain::contract::{metrics_repository, name, sample_record};
use drifting_domain::ports::{MetricsRepository, PortErrorKind, TrendQuery};
use drifting_local_postgres::LocalPostgres;
use drifting_metrics::SeaOrmMetrics;
use tempfile::TempDir;

use crate::{chain, scenarios};

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
    let metrics = SeaOrmMetrics::connect(&postgres.uri()).await.unwrap();
    metrics_repository(&metrics).await;
    metrics.append(&[sample_record("kept", 1)]).await.unwrap();
    postgres.stop().await.unwrap();

    let query = TrendQuery { project: name("kept"), from: None, to: None, page_size: 10, after: None };
    let error = metrics.trend(&query).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable, "{}", chain(&error));

    let postgres = start(&folder).await;
    assert_eq!(metrics.trend(&query).await.unwrap().records, [sample_record("kept", 1)], "the pool has recovered");
    let other_spelling = postgres.uri().replacen("postgres://", "postgresql://", 1);
    let again = SeaOrmMetrics::connect(&other_spelling).await.unwrap();
    assert_eq!(again.trend(&query).await.unwrap().records, [sample_record("kept", 1)]);
    postgres.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn does_more_than_the_contract() {
    let folder = folder();
    let postgres = start(&folder).await;
    let uri = postgres.uri();
    // Replicas of a server start at once on an empty database.
    let (first, second) = tokio::join!(SeaOrmMetrics::connect(&uri), SeaOrmMetrics::connect(&uri));
    let metrics = first.unwrap();
    second.unwrap().close().await.unwrap();
    scenarios::times_are_cut_to_the_microsecond(&metrics).await;
    scenarios::a_request_is_appended_whole_or_not_at_all(&metrics, &uri, REFUSAL).await;
    scenarios::any_page_can_be_asked_for(&metrics).await;
    scenarios::pages_have_no_gap_while_records_are_appended(&metrics).await;
    metrics.close().await.unwrap();

    let error =
        SeaOrmMetrics::connect(&uri.replace("user=drifting", "user=stranger&password=secret")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Permission, "{}", chain(&error));
    assert!(!chain(&error).contains("secret"), "{}", chain(&error));
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn an_absent_database_is_unavailable_and_its_password_stays_secret() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let uri = format!("postgres://somebody:secret@127.0.0.1:{port}/drifting");
    let error = SeaOrmMetrics::connect(&uri).await.unwrap_err();
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
    let error = SeaOrmMetrics::connect(&uri).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable, "{}", chain(&error));
}
