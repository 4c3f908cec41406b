//! What former versions wrote still reads, there and back.

use std::num::NonZeroU32;

use chrono::DateTime;
use drifting_domain::contract::{name, sample_record};
use drifting_domain::ports::{BucketQuery, MetricsHistory, MetricsRepository};
use drifting_metrics::{Address, SeaOrmMetrics, migrate_only};
use drifting_migrations::Migrator;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use sea_orm_migration::MigratorTrait;

use crate::{all_of, connect};

const FIRST: &str = include_str!("first_migration.sql");

/// On an empty database.
pub(crate) async fn what_was_written_still_reads(uri: &str) {
    let database = Database::connect(uri).await.expect("the database is there");
    Migrator::up(&database, Some(1)).await.expect("the first migration");
    database.execute_unprepared(FIRST).await.expect("the rows of the first migration");
    let names = migrate_only(&Address::of_uri(uri)).await.expect("the rest");
    assert_eq!(names, ["m20261128_000002_number_the_records"]);
    assert_eq!(migrate_only(&Address::of_uri(uri)).await.expect("nothing"), Vec::<String>::new());
    is_there(&connect(uri).await.expect("the database is there"), 0).await;
    there_and_back(&database, uri).await;
    database.close().await.expect("close");
}

async fn there_and_back(database: &DatabaseConnection, uri: &str) {
    let metrics = connect(uri).await.expect("the database is there");
    metrics.append(1, &[sample_record("price", 3)]).await.expect("append");
    metrics.close().await.expect("close");
    Migrator::down(database, Some(1)).await.expect("down");
    Migrator::up(database, None).await.expect("up");
    let metrics = connect(uri).await.expect("the database is there");
    is_there(&metrics, 1).await;
    metrics.append(1, &[sample_record("price", 4)]).await.expect("append");
    is_there(&metrics, 2).await;
    Migrator::down(database, None).await.expect("down");
    Migrator::up(database, None).await.expect("up");
    assert_eq!(metrics.trend(&all_of("price")).await.expect("trend").records, []);
    metrics.close().await.expect("close");
}

async fn is_there(metrics: &SeaOrmMetrics, n_samples: usize) {
    let records = metrics.trend(&all_of("price")).await.expect("trend").records;
    let samples = (0..n_samples).map(|n| sample_record("price", 3 + u32::try_from(n).expect("few")));
    assert_eq!(records[..n_samples], samples.collect::<Vec<_>>());
    let first: Vec<_> = records[n_samples..].iter().map(|record| (record.time, record.statistic)).collect();
    assert_eq!(first, [(1, None), (2, Some(-0.25)), (3, Some(6.25))]);
    let other = metrics.trend(&all_of("Labels-2")).await.expect("trend").records;
    assert_eq!((other.len(), other[0].generation, other[0].p_value), (1, 7, Some(0.001)));
    assert_eq!(other[0].at, DateTime::from_timestamp_micros(1_795_514_459_999_999).expect("a time"));
    let day = BucketQuery {
        project: name("price"),
        from: Some(DateTime::from_timestamp(1_795_478_400, 0).expect("a time")),
        to: None,
        origin_s: 0,
        width_s: NonZeroU32::new(60).expect("not zero"),
        page_size: 10,
        after: None,
    };
    let minutes = metrics.buckets(&day).await.expect("buckets").buckets;
    let told: Vec<_> =
        minutes.iter().map(|minute| (minute.sums.records, minute.sums.drifts, minute.sums.warm_ups)).collect();
    assert_eq!(told, [(2, 0, 1), (1, 1, 0)], "the sums are there too");
    assert_eq!(minutes[0].sums.statistic.range, Some((-0.25, -0.25)));
}
