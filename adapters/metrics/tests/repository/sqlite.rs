use std::fs;

use drifting_domain::contract::{metrics_repository, name, sample_record};
use drifting_domain::ports::{MetricsRepository, PortErrorKind, TrendQuery};
use drifting_metrics::SeaOrmMetrics;
use tempfile::TempDir;

use crate::{chain, scenarios};

const REFUSAL: &str = "CREATE TRIGGER refusal BEFORE INSERT ON drift_record WHEN NEW.rows = 666
    BEGIN SELECT RAISE(ABORT, 'refused'); END";

async fn metrics(folder: &TempDir) -> (String, SeaOrmMetrics) {
    let uri = format!("sqlite://{}/not/there/yet/metrics.sqlite", folder.path().display());
    let metrics = SeaOrmMetrics::connect(&uri).await.expect("the file and its folders are created");
    (uri, metrics)
}

#[tokio::test]
async fn keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let (_, metrics) = metrics(&folder).await;
    metrics_repository(&metrics).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn does_more_than_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let (uri, metrics) = metrics(&folder).await;
    scenarios::times_are_cut_to_the_microsecond(&metrics).await;
    scenarios::a_request_is_appended_whole_or_not_at_all(&metrics, &uri, REFUSAL).await;
    scenarios::any_page_can_be_asked_for(&metrics).await;
    scenarios::pages_have_no_gap_while_records_are_appended(&metrics).await;
}

#[tokio::test]
async fn keeps_records_between_runs_in_a_journal_ahead_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("100%?/metrics.sqlite");
    let metrics = SeaOrmMetrics::open(&file).await.unwrap();
    metrics.append(&[sample_record("a", 1)]).await.unwrap();
    assert!(file.with_extension("sqlite-wal").exists(), "no write-ahead log");
    metrics.close().await.unwrap();

    let metrics = SeaOrmMetrics::open(&file).await.unwrap();
    let query = TrendQuery { project: name("a"), from: None, to: None, page_size: 10, after: None };
    assert_eq!(metrics.trend(&query).await.unwrap().records, [sample_record("a", 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_may_start_on_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("metrics.sqlite");
    let (first, second) = tokio::join!(SeaOrmMetrics::open(&file), SeaOrmMetrics::open(&file));
    first.unwrap().append(&[sample_record("a", 1)]).await.unwrap();
    second.unwrap().append(&[sample_record("a", 2)]).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_damage_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("metrics.sqlite");
    let text = "this is no database, and long enough to be seen as none ".repeat(10);
    fs::write(&file, &text).unwrap();
    let error = SeaOrmMetrics::open(&file).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Damaged, "{}", chain(&error));
    assert_eq!(fs::read_to_string(file).unwrap(), text);
}

#[tokio::test]
async fn other_addresses_are_refused() {
    for uri in ["mysql://u:secret@h/d", "metrics.sqlite", "", "sqlite://x?secret=1", "postgres://u:secret@h:port/d"] {
        let error = SeaOrmMetrics::connect(uri).await.unwrap_err();
        assert_eq!(error.operation(), "understand the address of the metrics database");
        assert!(!chain(&error).contains("secret"), "{}", chain(&error));
    }
}
