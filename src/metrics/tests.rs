//! Delivery to a real Postgres through a network that fails: every record that was recorded is there once, or counted as
//! dropped.

use std::time::{Duration, Instant};

use drifting_domain::contract::sample_record;
use drifting_domain::ports::{DriftRecord, MetricsHistory, MetricsSink, PortErrorKind, TrendQuery};
use drifting_metrics::{Address, ServerStart};
use drifting_postgres_servers::{FaultyLink, PostgresServer};

use crate::outbox::Counts;

use super::counts::DROPPED;
use super::{Database, Delivery, DeliverySettings, Metrics, Place};

/// Recorded, delivered, dropped by reason, waiting.
fn told(counts: &Counts) -> (u64, u64, Vec<(&'static str, u64)>, u64) {
    let now = counts.now();
    let dropped = DROPPED.map(|why| (why.as_str(), now.dropped(why)));
    (now.recorded, now.delivered, dropped.into_iter().filter(|(_, n)| *n > 0).collect(), now.waiting)
}

struct Bench {
    server: PostgresServer,
    link: FaultyLink,
    metrics: Metrics,
    delivery: Delivery,
    n_recorded: u64,
    _spill: tempfile::TempDir,
}

impl Bench {
    fn start(spill_max_bytes: u64) -> Self {
        let server = PostgresServer::start();
        let link = FaultyLink::start(&server);
        let spill = tempfile::tempdir().expect("a folder");
        let database = Database::new(Place::At(Address::of_uri(link.uri())), ServerStart::now("test", "0"));
        let settings = DeliverySettings { spill_folder: spill.path().to_owned(), spill_max_bytes, retention: None };
        let (metrics, delivery) = Metrics::with_database(database, settings);
        Self { server, link, metrics, delivery, n_recorded: 0, _spill: spill }
    }

    /// Records as many rows, each with a time of its own.
    fn record(&mut self, n: u64) {
        let records = (self.n_recorded..self.n_recorded + n).map(|time| DriftRecord { time, ..sample_record("a", 1) });
        self.metrics.record(records.collect());
        self.n_recorded += n;
    }

    fn n_rows(&self) -> u64 {
        let text = self.server.query_value("SELECT count(*) FROM drift_record");
        text.trim().parse().expect("a number")
    }

    /// Waits until nearly all has been taken from the queue, however slow the machine is, so that it is never full.
    async fn taken(&self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        let queue = &self.metrics.to_database.as_ref().expect("a database").queue;
        while queue.is_worth_taking() {
            assert!(Instant::now() < deadline, "{:?}", told(&self.delivery.counts));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn delivered(&self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while told(&self.delivery.counts).3 > 0 {
            assert!(Instant::now() < deadline, "{:?}", told(&self.delivery.counts));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What is in the database is what was delivered, once and in order.
    fn assert_exact(&self) {
        let (recorded, delivered, dropped, waiting) = told(&self.delivery.counts);
        let n_dropped: u64 = dropped.iter().map(|(_, n)| n).sum();
        assert_eq!(recorded, self.n_recorded);
        assert_eq!(delivered + n_dropped + waiting, recorded, "{dropped:?}");
        assert_eq!(self.n_rows(), delivered);
        let distinct = self.server.query_value("SELECT count(DISTINCT time) FROM drift_record");
        assert_eq!(distinct.trim(), delivered.to_string(), "a record is there twice");
        let summed = self.server.query_value("SELECT coalesce(sum(records), 0) FROM drift_rollup");
        assert_eq!(summed.trim(), delivered.to_string(), "the sums are others");
        let unordered = self.server.query_value(
            "SELECT count(*) FROM (SELECT time - lag(time) OVER (ORDER BY number) AS step FROM drift_record) steps \
             WHERE step <= 0",
        );
        assert_eq!(unordered.trim(), "0", "the order is another");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_is_there_once_whatever_the_network_does() {
    let mut bench = Bench::start(64 << 20);
    bench.record(3);
    bench.delivered().await;
    // Cut at every hundred bytes or so of a batch: in the question, the rows, the sums, the commit and its answer.
    for n_bytes in (0..4_000).step_by(97) {
        bench.link.reset_after(n_bytes);
        bench.record(7);
        tokio::time::sleep(Duration::from_millis(if n_bytes % 2 == 0 { 150 } else { 30 })).await;
        if n_bytes % 5 == 0 {
            bench.link.pass();
            bench.delivered().await;
        }
    }
    bench.link.pass();
    bench.delivered().await;
    bench.assert_exact();
    let (_, delivered, dropped, _) = told(&bench.delivery.counts);
    assert_eq!((delivered, dropped), (bench.n_recorded, Vec::new()), "nothing is dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_memory_waits_in_a_file_and_what_does_not_fit_there_is_counted() {
    let mut bench = Bench::start(8 << 20);
    bench.record(10);
    bench.delivered().await;
    bench.server.stop();
    // Some 30 bytes each in the file, after 200,000 in memory.
    for _ in 0..300 {
        bench.record(2_000);
        bench.taken().await;
    }
    bench.server.start_again();
    bench.delivered().await;
    bench.assert_exact();
    let (_, delivered, dropped, _) = told(&bench.delivery.counts);
    assert!(delivered > 350_000, "{delivered} delivered");
    assert!(dropped.len() == 1 && dropped[0].0 == "spill_full" && dropped[0].1 > 10_000, "{dropped:?}");
    bench.record(5);
    bench.delivered().await;
    assert_eq!(bench.n_rows(), delivered + 5, "it goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_and_missing_connections_are_waited_out() {
    let mut bench = Bench::start(1 << 20);
    bench.record(10);
    bench.delivered().await;
    bench.server.execute("ALTER TABLE drift_record RENAME TO elsewhere");
    bench.record(10);
    tokio::time::sleep(Duration::from_millis(700)).await;
    bench.server.execute("ALTER TABLE elsewhere RENAME TO drift_record");
    bench.delivered().await;
    bench.assert_exact();
    // Nobody comes in, as with too many connections.
    bench.server.execute("ALTER ROLE drifting CONNECTION LIMIT 0");
    bench.server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'drifting'");
    bench.record(10);
    tokio::time::sleep(Duration::from_millis(700)).await;
    bench.server.execute("ALTER ROLE drifting CONNECTION LIMIT -1");
    bench.delivered().await;
    bench.assert_exact();
    // Everything is gone, as after a restore of nothing: the tables are made anew.
    let owned = "DROP TABLE drift_record, drift_feature, drift_rollup, drift_server, seaql_migrations";
    bench.server.execute(owned);
    bench.record(10);
    bench.delivered().await;
    assert_eq!(bench.n_rows(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_database_is_given_up_and_tried_again() {
    let mut bench = Bench::start(1 << 20);
    bench.record(10);
    bench.delivered().await;
    bench.link.hold();
    bench.record(10);
    // The batch is given up after fifteen seconds, and so is each new connection after five.
    tokio::time::sleep(Duration::from_secs(17)).await;
    bench.link.pass();
    bench.delivered().await;
    bench.assert_exact();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_delivers_what_waits_and_does_not_wait_for_ever() {
    let mut bench = Bench::start(1 << 20);
    bench.record(4_000);
    let Bench { server, link, metrics, delivery, .. } = bench;
    delivery.finish().await;
    assert_eq!(server.query_value("SELECT count(*) FROM drift_record").trim(), "4000");
    drop((metrics, link));

    let mut bench = Bench::start(1 << 20);
    bench.record(1);
    bench.delivered().await;
    bench.link.hold();
    bench.record(4_000);
    let begin = Instant::now();
    let counts = std::sync::Arc::clone(&bench.delivery.counts);
    bench.delivery.finish().await;
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    assert_eq!(told(&counts).2, [("shutdown", 4_000)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_takes_what_waits_along() {
    let mut bench = Bench::start(1 << 20);
    bench.record(1_000);
    let project = "a".parse().expect("a name");
    assert_eq!(bench.metrics.purge(&project).await.expect("it is purged"), 1_000);
    assert_eq!(bench.n_rows(), 0);
    bench.record(2);
    bench.delivered().await;
    let query =
        TrendQuery { project: project.clone(), from: None, to: None, page_size: 10, after: None, with_features: false };
    assert_eq!(bench.metrics.trend(&query).await.expect("the trend").records.len(), 2);
    bench.link.refuse();
    bench.record(2);
    let error = bench.metrics.purge(&project).await.expect_err("it cannot be purged");
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    bench.link.pass();
    bench.delivered().await;
    assert_eq!(bench.n_rows(), 4, "nothing is purged without being told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_refused_holds_up_no_other() {
    let mut bench = Bench::start(1 << 20);
    bench.record(10);
    bench.delivered().await;
    bench.server.execute("ALTER TABLE drift_record ADD CHECK (time NOT IN (13, 700))");
    bench.record(1_000);
    bench.delivered().await;
    bench.assert_exact();
    assert_eq!(told(&bench.delivery.counts).2, [("refused", 2)]);
}
