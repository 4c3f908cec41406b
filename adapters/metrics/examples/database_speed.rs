//! How fast records go into a database and come out again: `cargo run --release -p drifting-metrics --example
//! database_speed -- [postgres|sqlite] [millions]`. Postgres is a cluster of its own, with the settings of the server.

use std::fs::Permissions;
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use drifting_domain::ports::{BucketQuery, DriftRecord, MetricsHistory, MetricsRepository, TrendQuery};
use drifting_domain::project::ProjectName;
use drifting_local_postgres::LocalPostgres;
use drifting_metrics::{Address, SeaOrmMetrics, ServerStart};

const BATCH: usize = 5_000;
const N_PROJECTS: usize = 10;
const N_BUCKETS: i64 = 200;

fn project(n: usize) -> ProjectName {
    format!("project-{n}").parse().expect("a name")
}

fn record(project: &ProjectName, start: DateTime<Utc>, n: u64) -> DriftRecord {
    DriftRecord {
        project: project.clone(),
        generation: 1,
        at: start + TimeDelta::milliseconds(i64::try_from(n).expect("small") * 10),
        time: n,
        rows: 1,
        statistic: Some((n as f64).sin()),
        threshold: Some(5.25),
        p_value: None,
        distance: None,
        is_drift: n.is_multiple_of(400),
        warm_up: false,
        features: Box::default(),
    }
}

fn processor() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("nanoseconds"))
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().unwrap_or_else(|| "postgres".to_owned());
    let millions: u64 = arguments.next().map_or(10, |text| text.parse().expect("a number of millions"));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).expect("its mode is set");
    let postgres = if kind == "postgres" {
        Some(LocalPostgres::start(&folder.path().join("postgres")).await.unwrap_or_else(|error| panic!("{error}")))
    } else {
        None
    };
    let address = match &postgres {
        Some(postgres) => Address::of_uri(&postgres.uri()),
        None => Address::of_file(&folder.path().join("metrics.sqlite")),
    };
    let metrics = SeaOrmMetrics::connect(&address, ServerStart::now("speed", "0")).await.expect("it connects");
    let start = Utc::now() - TimeDelta::days(30);
    append(&metrics, start, millions * 1_000_000, &kind).await;
    ask(&metrics, start, millions * 1_000_000).await;
    for hour in 1..=4 {
        let begin = Instant::now();
        let n_pruned = metrics.prune(start + TimeDelta::hours(hour)).await.expect("it prunes");
        println!("prune of {n_pruned} records: {:?}", begin.elapsed());
    }
    metrics.close().await.expect("it closes");
    if let Some(postgres) = postgres {
        postgres.stop().await.expect("it stops");
    }
}

/// One project has all records but for a tenth that the others share.
async fn append(metrics: &SeaOrmMetrics, start: DateTime<Utc>, n_records: u64, kind: &str) {
    let projects: Vec<ProjectName> = (0..N_PROJECTS).map(project).collect();
    let of = |n: u64| if n.is_multiple_of(10) { usize::try_from(n / 10 % N_PROJECTS as u64).unwrap_or(0) } else { 0 };
    let (mut spent, mut ours) = (Duration::ZERO, Duration::ZERO);
    let mut first = 1;
    while first <= n_records {
        let batch: Vec<DriftRecord> =
            (first..first + BATCH as u64).map(|n| record(&projects[of(n)], start, n)).collect();
        let (begin, used) = (Instant::now(), processor());
        metrics.append(first, &batch).await.expect("it appends");
        spent += begin.elapsed();
        ours += processor().saturating_sub(used);
        first += BATCH as u64;
    }
    println!(
        "{kind}: {n_records} records in batches of {BATCH}: {:.0} records a second, {:.2} us of this process each",
        n_records as f64 / spent.as_secs_f64(),
        ours.as_secs_f64() * 1e6 / n_records as f64
    );
}

async fn ask(metrics: &SeaOrmMetrics, start: DateTime<Utc>, n_records: u64) {
    let seconds = i64::try_from(n_records).expect("small") / 100;
    let width = (seconds / N_BUCKETS / 60 + 1) * 60;
    let query = BucketQuery {
        project: project(0),
        from: Some(start + TimeDelta::seconds(1)),
        to: None,
        origin_s: start.timestamp() / 60 * 60,
        width_s: NonZeroU32::new(u32::try_from(width).expect("small")).expect("not zero"),
        page_size: 1_000,
        after: None,
    };
    let begin = Instant::now();
    let buckets = metrics.buckets(&query).await.expect("buckets").buckets;
    let n_told: u64 = buckets.iter().map(|bucket| bucket.sums.records).sum();
    println!("{} buckets over {n_told} records: {:?}", buckets.len(), begin.elapsed());
    let mut query = TrendQuery {
        project: project(0),
        from: Some(start + TimeDelta::seconds(seconds / 2)),
        to: None,
        page_size: 1_000,
        after: None,
        with_features: false,
    };
    for page in ["first page in the middle", "next page"] {
        let begin = Instant::now();
        let told = metrics.trend(&query).await.expect("a page");
        println!("{page} of {} records: {:?}", told.records.len(), begin.elapsed());
        query.after = told.next;
    }
}
