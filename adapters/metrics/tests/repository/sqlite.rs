use std::fs;

use drifting_domain::contract::{metrics_repository, sample_record};
use drifting_domain::ports::{MetricsHistory, MetricsRepository, PortErrorKind};
use drifting_metrics::SeaOrmMetrics;
use tempfile::TempDir;

use crate::{all_of, chain, connect, migrating, open, scenarios};

const REFUSAL: &str = "CREATE TRIGGER refusal BEFORE INSERT ON drift_record WHEN NEW.rows = 666
    BEGIN SELECT RAISE(ABORT, 'refused'); END";

async fn metrics(folder: &TempDir) -> (String, SeaOrmMetrics) {
    let uri = format!("sqlite://{}/not/there/yet/metrics.sqlite", folder.path().display());
    let metrics = connect(&uri).await.expect("the file and its folders are created");
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
    metrics.close().await.unwrap();
    scenarios::times_are_cut_to_the_microsecond(&uri).await;
    scenarios::a_request_is_appended_whole_or_not_at_all(&uri, REFUSAL).await;
    scenarios::any_page_can_be_asked_for(&uri).await;
    scenarios::servers_append_side_by_side(&uri).await;
    scenarios::pages_have_no_gap_while_records_are_appended(&uri).await;
    scenarios::late_records_stand_where_their_times_are(&uri).await;
}

#[tokio::test]
async fn keeps_records_between_runs_in_a_journal_ahead_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("100%?/metrics.sqlite");
    let metrics = open(&file).await.unwrap();
    metrics.append(1, &[sample_record("a", 1)]).await.unwrap();
    assert!(file.with_extension("sqlite-wal").exists(), "no write-ahead log");
    metrics.close().await.unwrap();

    let metrics = open(&file).await.unwrap();
    let query = all_of("a");
    assert_eq!(metrics.trend(&query).await.unwrap().records, [sample_record("a", 1)]);
}

#[tokio::test]
async fn what_former_versions_wrote_still_reads() {
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("sqlite://{}/metrics.sqlite?mode=rwc", folder.path().display());
    migrating::what_was_written_still_reads(&uri).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_may_start_on_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("metrics.sqlite");
    let (first, second) = tokio::join!(open(&file), open(&file));
    first.unwrap().append(1, &[sample_record("a", 1)]).await.unwrap();
    second.unwrap().append(1, &[sample_record("a", 2)]).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_damage_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("metrics.sqlite");
    let text = "this is no database, and long enough to be seen as none ".repeat(10);
    fs::write(&file, &text).unwrap();
    let error = open(&file).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Damaged, "{}", chain(&error));
    assert_eq!(fs::read_to_string(file).unwrap(), text);
}

#[tokio::test]
async fn other_addresses_are_refused() {
    for uri in ["mysql://u:secret@h/d", "metrics.sqlite", "", "sqlite://x?secret=1", "postgres://u:secret@h:port/d"] {
        let error = connect(uri).await.unwrap_err();
        assert_eq!(error.operation(), "understand the address of the metrics database");
        assert!(!chain(&error).contains("secret"), "{}", chain(&error));
    }
}
