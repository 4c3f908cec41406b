//! What holds on both databases and is more than the contract's suite asks.

use chrono::TimeDelta;
use drifting_domain::contract::{name, sample_record};
use drifting_domain::ports::{DriftRecord, MetricsRepository, PortErrorKind, TrendQuery};
use drifting_metrics::SeaOrmMetrics;
use sea_orm::{ConnectionTrait, Database};
use tokio::task::JoinHandle;

fn all_of(project: &str) -> TrendQuery {
    TrendQuery { project: name(project), from: None, to: None, page_size: 10_000, after: None }
}

/// What is finer than a microsecond is cut off, in what is written and in what is asked for.
pub(crate) async fn times_are_cut_to_the_microsecond(metrics: &SeaOrmMetrics) {
    let micro = sample_record("fine", 0);
    let at = |nanoseconds| micro.at + TimeDelta::nanoseconds(nanoseconds);
    // Whole seconds have no fraction in SQLite's texts, which are compared as texts.
    let second = micro.at - TimeDelta::microseconds(123_456);
    let times = [second, second + TimeDelta::milliseconds(100), at(0), at(789), at(1_000)];
    let records: Vec<_> = times.map(|at| DriftRecord { at, ..micro.clone() }).into();
    metrics.append(&records).await.expect("append");

    let kept = metrics.trend(&all_of("fine")).await.expect("trend").records;
    let kept: Vec<_> = kept.iter().map(|record| record.at).collect();
    assert_eq!(kept, [times[0], times[1], at(0), at(0), at(1_000)]);

    let count = async |from, to| {
        let query = TrendQuery { from: Some(from), to: Some(to), ..all_of("fine") };
        metrics.trend(&query).await.expect("a range").records.len()
    };
    assert_eq!(count(at(789), at(1_000)).await, 2, "the record is where its own time asks for it");
    assert_eq!(count(at(0), at(789)).await, 0);
    assert_eq!(count(second, times[1]).await, 1);
    assert_eq!(count(times[1], at(0)).await, 1);
    assert_eq!(metrics.prune(at(789)).await.expect("prune"), 2);
}

/// Readers follow the pages while several writers append; nobody's record is missed, all of a request stay together.
pub(crate) async fn pages_have_no_gap_while_records_are_appended(metrics: &SeaOrmMetrics) {
    const WRITERS: u32 = 4;
    const REQUESTS: u32 = 25;
    const ROWS: usize = 40;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let metrics = metrics.clone();
            tokio::spawn(async move {
                for request in 0..REQUESTS {
                    let record = DriftRecord { generation: writer.into(), ..sample_record("busy", request) };
                    metrics.append(&vec![record; ROWS]).await.expect("append");
                }
            })
        })
        .collect();

    let expected = WRITERS as usize * REQUESTS as usize * ROWS;
    let mut read = Vec::new();
    let mut query = TrendQuery { page_size: 7, ..all_of("busy") };
    loop {
        let appended = writers.iter().all(JoinHandle::is_finished);
        let page = metrics.trend(&query).await.expect("a page");
        // While it may still grow, the last page is asked for again.
        if page.next.is_some() || appended {
            read.extend(page.records);
            query.after = page.next;
        }
        if page.next.is_none() && appended {
            break;
        }
    }
    for writer in writers {
        writer.await.expect("a writer");
    }
    let all = metrics.trend(&all_of("busy")).await.expect("trend").records;
    assert_eq!(all.len(), expected);
    assert!(read == all, "the pages had {} of {expected} records, or others", read.len());
    assert!(all.chunks(ROWS).all(|request| request.iter().all(|row| row == &request[0])), "requests are mixed up");
}

/// What cannot be appended takes back what was appended before it; `refusal` makes the database refuse 666 rows.
pub(crate) async fn a_request_is_appended_whole_or_not_at_all(metrics: &SeaOrmMetrics, uri: &str, refusal: &str) {
    let database = Database::connect(uri).await.expect("the database is there");
    database.execute_unprepared(refusal).await.expect("the table is there");
    for rows in [666, u64::MAX] {
        let mut records = vec![sample_record("whole", 0); 2_500];
        records.push(DriftRecord { rows, ..sample_record("whole", 1) });
        let error = metrics.append(&records).await.expect_err("refused");
        assert_eq!(error.kind(), PortErrorKind::Other);
        assert_eq!(metrics.trend(&all_of("whole")).await.expect("trend").records.len(), 0);
    }
    database.close().await.expect("close");
}

/// Tokens come from clients.
pub(crate) async fn any_page_can_be_asked_for(metrics: &SeaOrmMetrics) {
    metrics.append(&[sample_record("odd", 0), sample_record("odd", 1)]).await.expect("append");
    let beyond = TrendQuery { after: Some(u64::MAX), ..all_of("odd") };
    assert_eq!(metrics.trend(&beyond).await.expect("beyond the end").records.len(), 0);
    let largest = TrendQuery { page_size: usize::MAX, ..all_of("odd") };
    assert_eq!(metrics.trend(&largest).await.expect("as many as there are").records.len(), 2);
    let exact = TrendQuery { page_size: 2, ..all_of("odd") };
    assert_eq!(metrics.trend(&exact).await.expect("exactly a page").next, None);
}
