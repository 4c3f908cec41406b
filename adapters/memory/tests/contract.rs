//! The contracts of the ports, and the limits that are this crate's own.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;

use chrono::{DateTime, TimeDelta};
use drifting_domain::contract::{self, name, sample_project, sample_record};
use drifting_domain::data::Tensors;
use drifting_domain::ports::{
    ArtifactStore, Clock, CpuPool, DriftRecord, MetricsHistory, MetricsSink, PortErrorKind, TrendQuery,
};
use drifting_memory::{FixedClock, InlineCpuPool, MemoryArtifacts, MemoryIndex, MemoryMetrics, MemoryOperations};

#[tokio::test]
async fn artifacts_keep_their_contract() {
    contract::artifact_store(&MemoryArtifacts::new()).await;
}

#[tokio::test]
async fn the_index_keeps_its_contract() {
    contract::project_index(&MemoryIndex::new()).await;
}

#[tokio::test]
async fn operations_keep_their_contract() {
    contract::operation_journal(&MemoryOperations::new()).await;
}

#[tokio::test]
async fn metrics_keep_their_contract() {
    contract::metrics_repository(&MemoryMetrics::new()).await;
}

#[tokio::test]
async fn a_state_needs_the_project_of_its_generation() {
    let store = MemoryArtifacts::new();
    let kind_of = async |generation| {
        let put = store.put_state(&name("a"), generation, &Tensors::new()).await;
        put.map_err(|error| error.kind())
    };
    assert_eq!(kind_of(1).await, Err(PortErrorKind::Other));
    store.put_project(&sample_project("a", 2, 1)).await.unwrap();
    assert_eq!(kind_of(1).await, Err(PortErrorKind::Other));
    assert_eq!(kind_of(2).await, Ok(()));
    let twice = store.put_project(&sample_project("a", 2, 2)).await;
    assert_eq!(twice.unwrap_err().kind(), PortErrorKind::Other);
}

fn all_of(project: &str) -> TrendQuery {
    TrendQuery {
        project: name(project),
        from: None,
        to: None,
        page_size: usize::MAX,
        after: None,
        with_features: false,
    }
}

#[tokio::test]
async fn the_oldest_records_give_way() {
    let metrics = MemoryMetrics::new();
    let records: Vec<_> = (0..10_003).map(|second| sample_record("a", second)).collect();
    metrics.record(records.clone());
    assert_eq!(metrics.trend(&all_of("a")).await.unwrap().records, records[3..]);
    assert_eq!(metrics.displaced(), 3);
}

#[tokio::test]
async fn the_longest_silent_project_gives_way() {
    let metrics = MemoryMetrics::new();
    let mut records: Vec<_> = (0..1_000).map(|n| sample_record(&format!("p{n}"), 0)).collect();
    records.extend([sample_record("p0", 1), sample_record("new", 0)]);
    metrics.record(records);
    assert_eq!(metrics.trend(&all_of("p0")).await.unwrap().records.len(), 2, "it was written again");
    assert_eq!(metrics.trend(&all_of("p1")).await.unwrap().records.len(), 0);
    assert_eq!(metrics.trend(&all_of("p2")).await.unwrap().records.len(), 1);
    assert_eq!(metrics.trend(&all_of("new")).await.unwrap().records.len(), 1);
    assert_eq!(metrics.displaced(), 1);
}

#[tokio::test]
async fn beyond_the_total_the_oldest_records_of_the_longest_silent_project_give_way() {
    let metrics = MemoryMetrics::new();
    let length_of = async |project| metrics.trend(&all_of(project)).await.unwrap().records.len();
    let write = |project: &str, seconds: Range<u32>| {
        let record = sample_record(project, 0);
        metrics.record(seconds.map(|second| DriftRecord { time: second.into(), ..record.clone() }).collect());
    };
    for n in 0..100 {
        write(&format!("p{n}"), 0..10_000);
    }
    assert_eq!(metrics.displaced(), 0);

    write("p0", 10_000..10_001);
    assert_eq!((metrics.displaced(), length_of("p1").await), (1, 10_000), "its own oldest record gave way");
    write("new", 0..10);
    let shortened = metrics.trend(&all_of("p1")).await.unwrap().records;
    assert_eq!((shortened.len(), shortened[0].time), (9_990, 10));
    assert_eq!((length_of("p0").await, length_of("p2").await, length_of("new").await), (10_000, 10_000, 10));

    write("p1", 10_000..10_001);
    assert_eq!((length_of("p1").await, length_of("p2").await), (9_991, 9_999), "who speaks is not silent");
    write("other", 0..10_000);
    assert_eq!((length_of("p2").await, length_of("p3").await), (0, 9_999), "the next one follows");
    assert_eq!(metrics.displaced(), 1 + 10 + 1 + 10_000);
}

#[tokio::test]
async fn pages_follow_each_other_while_records_are_appended_and_displaced() {
    let metrics = MemoryMetrics::new();
    metrics.record((0..10_000).map(|second| sample_record("a", second)).collect());
    let mut query = TrendQuery { page_size: 4_000, ..all_of("a") };
    let first = metrics.trend(&query).await.unwrap();
    metrics.record((10_000..10_500).map(|second| sample_record("a", second)).collect());
    query.after = first.next;
    let second = metrics.trend(&query).await.unwrap();
    assert_eq!(second.records[0], sample_record("a", 4_000));
    query.after = second.next;
    let third = metrics.trend(&query).await.unwrap();
    assert_eq!(third.records.last(), Some(&sample_record("a", 10_499)));
    assert_eq!((first.records.len() + second.records.len() + third.records.len(), third.next), (10_500, None));
    query.page_size = 0;
    assert_eq!(metrics.trend(&query).await.unwrap().next, None, "an empty page leads nowhere");
}

#[test]
fn the_clock_moves_when_told() {
    let start = DateTime::from_timestamp(1_780_012_800, 0).unwrap();
    let clock = FixedClock::new(start);
    assert_eq!(clock.now(), start);
    clock.advance(TimeDelta::seconds(90));
    assert_eq!(clock.now(), start + TimeDelta::seconds(90));
}

#[test]
fn jobs_run_once_on_other_threads_and_panics_stay_there() {
    let (sender, receiver) = mpsc::channel();
    InlineCpuPool.spawn(Box::new(|| panic!("a job that fails")));
    InlineCpuPool.spawn(Box::new(move || {
        let seen = Mutex::new(Vec::new());
        InlineCpuPool.for_each(5, &|task| seen.lock().unwrap().push(task));
        sender.send((thread::current().id(), seen.into_inner().unwrap())).unwrap();
    }));
    let (thread, mut seen) = receiver.recv().unwrap();
    seen.sort_unstable();
    assert_ne!(thread, thread::current().id());
    assert_eq!(seen, [0, 1, 2, 3, 4]);
    assert!(receiver.recv().is_err(), "the job ran once");
}
