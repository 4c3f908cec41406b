//! What holds on both databases and is more than the contract's suite asks.

use std::num::NonZeroU32;

use chrono::TimeDelta;
use drifting_domain::contract::{name, sample_record};
use drifting_domain::ports::{
    BucketQuery, Cursor, DriftRecord, MetricsHistory, MetricsRepository, PortErrorKind, TrendQuery,
};
use sea_orm::{ConnectionTrait, Database};
use tokio::task::JoinHandle;

use crate::{all_of, connect};

/// What is finer than a microsecond is cut off, in what is written and in what is asked for.
pub(crate) async fn times_are_cut_to_the_microsecond(uri: &str) {
    let metrics = connect(uri).await.expect("the database is there");
    let micro = sample_record("fine", 60);
    let at = |nanoseconds| micro.at + TimeDelta::nanoseconds(nanoseconds);
    // Whole seconds have no fraction in SQLite's texts, which are compared as texts.
    let second = micro.at - TimeDelta::microseconds(123_456);
    let times = [second, second + TimeDelta::milliseconds(100), at(0), at(789), at(1_000)];
    let records: Vec<_> = times.map(|at| DriftRecord { at, ..micro.clone() }).into();
    metrics.append(1, &records).await.expect("append");

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
    assert_eq!(metrics.prune(second + TimeDelta::seconds(59)).await.expect("prune"), 0);
    assert_eq!(metrics.prune(second + TimeDelta::seconds(60)).await.expect("prune"), 5);
}

/// Several servers append at once, each trying everything twice; nothing is missed or there twice, in records and in sums.
pub(crate) async fn servers_append_side_by_side(uri: &str) {
    const SERVERS: u32 = 4;
    const REQUESTS: u32 = 25;
    const ROWS: u32 = 40;
    let mut servers = Vec::new();
    for server in 0..SERVERS {
        let metrics = connect(uri).await.expect("the database is there");
        servers.push(tokio::spawn(async move {
            for request in 0..REQUESTS {
                let record = DriftRecord { generation: server.into(), ..sample_record("busy", request * 7) };
                let records = vec![record; ROWS as usize];
                for _ in 0..2 {
                    metrics.append(u64::from(request * ROWS) + 1, &records).await.expect("append");
                }
            }
        }));
    }
    for server in servers {
        let server: JoinHandle<()> = server;
        server.await.expect("a server");
    }
    let metrics = connect(uri).await.expect("the database is there");
    let expected = u64::from(SERVERS * REQUESTS * ROWS);
    let mut read = Vec::new();
    let mut query = TrendQuery { page_size: 7, ..all_of("busy") };
    loop {
        let page = metrics.trend(&query).await.expect("a page");
        read.extend(page.records);
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(read.len() as u64, expected);
    assert!(read.is_sorted_by_key(|record| record.at));
    let all = metrics.trend(&all_of("busy")).await.expect("trend").records;
    assert!(read == all, "the pages are not the whole");
    for server in 0..SERVERS {
        let of_server = all.iter().filter(|record| record.generation == u64::from(server)).count();
        assert_eq!(of_server, (REQUESTS * ROWS) as usize);
    }
    let buckets = BucketQuery {
        project: name("busy"),
        from: None,
        to: None,
        origin_s: 0,
        width_s: NonZeroU32::new(86_400).expect("not zero"),
        page_size: 10,
        after: None,
    };
    let sums = &metrics.buckets(&buckets).await.expect("buckets").buckets[0].sums;
    assert_eq!((sums.records, sums.statistic.count), (expected, expected), "the sums are those of the records");
}

/// A reader follows the pages while a server appends: no record is missed, and none is told twice.
pub(crate) async fn pages_have_no_gap_while_records_are_appended(uri: &str) {
    const REQUESTS: u32 = 100;
    const ROWS: usize = 40;
    let server = connect(uri).await.expect("the database is there");
    let writer = tokio::spawn(async move {
        for request in 0..REQUESTS {
            let records = vec![sample_record("paged", request); ROWS];
            server.append(u64::from(request) * ROWS as u64 + 1, &records).await.expect("append");
        }
    });
    let metrics = connect(uri).await.expect("the database is there");
    let mut read = Vec::new();
    let mut query = TrendQuery { page_size: 7, ..all_of("paged") };
    loop {
        let appended = writer.is_finished();
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
    writer.await.expect("the writer");
    let all = metrics.trend(&all_of("paged")).await.expect("trend").records;
    assert_eq!(all.len(), REQUESTS as usize * ROWS);
    assert!(read == all, "the pages had {} of {} records, or others", read.len(), all.len());
    assert!(all.chunks(ROWS).all(|request| request.iter().all(|row| row == &request[0])), "requests are mixed up");
}

/// What is delivered late has its place in time, and servers of one time do not hide each other.
pub(crate) async fn late_records_stand_where_their_times_are(uri: &str) {
    let (first, second) = (connect(uri).await.expect("connect"), connect(uri).await.expect("connect"));
    first.append(1, &[sample_record("late", 1), sample_record("late", 9)]).await.expect("append");
    second.append(1, &[sample_record("late", 9), sample_record("late", 5)]).await.expect("append");
    let seconds = [1, 5, 9, 9].map(|second| sample_record("late", second));
    assert_eq!(first.trend(&all_of("late")).await.expect("trend").records, seconds);
}

/// What cannot be appended takes back what was appended before it; `refusal` makes the database refuse 666 rows.
pub(crate) async fn a_request_is_appended_whole_or_not_at_all(uri: &str, refusal: &str) {
    let metrics = connect(uri).await.expect("the database is there");
    let database = Database::connect(uri).await.expect("the database is there");
    database.execute_unprepared(refusal).await.expect("the table is there");
    let mut records = vec![sample_record("whole", 0); 2_500];
    records.push(DriftRecord { rows: 666, ..sample_record("whole", 1) });
    let error = metrics.append(1, &records).await.expect_err("refused");
    assert_eq!(error.kind(), PortErrorKind::Refused);
    assert_eq!(metrics.trend(&all_of("whole")).await.expect("trend").records.len(), 0);
    assert_eq!(metrics.extent(&name("whole"), None, None).await.expect("extent"), None);
    records.pop();
    metrics.append(1, &records).await.expect("it goes on");
    assert_eq!(metrics.trend(&all_of("whole")).await.expect("trend").records.len(), 2_500);
    database.close().await.expect("close");
}

/// Tokens come from clients.
pub(crate) async fn any_page_can_be_asked_for(uri: &str) {
    let metrics = connect(uri).await.expect("the database is there");
    metrics.append(1, &[sample_record("odd", 0), sample_record("odd", 1)]).await.expect("append");
    let beyond = Cursor { at_us: i64::MAX, server: i64::MAX, number: u64::MAX };
    let query = TrendQuery { after: Some(beyond), ..all_of("odd") };
    assert_eq!(metrics.trend(&query).await.expect("beyond the end").records.len(), 0);
    let before = Cursor { at_us: i64::MIN, server: i64::MIN, number: 0 };
    let query = TrendQuery { after: Some(before), ..all_of("odd") };
    assert_eq!(metrics.trend(&query).await.expect("before the start").records.len(), 2);
    let largest = TrendQuery { page_size: usize::MAX, ..all_of("odd") };
    assert_eq!(metrics.trend(&largest).await.expect("as many as there are").records.len(), 2);
    for after in [i64::MIN, -1, i64::MAX] {
        for width in [1, 60, 366 * 86_400] {
            let buckets = BucketQuery {
                project: name("odd"),
                from: None,
                to: None,
                origin_s: 0,
                width_s: NonZeroU32::new(width).expect("not zero"),
                page_size: 10,
                after: Some(after),
            };
            let told = metrics.buckets(&buckets).await.expect("any page of buckets").buckets;
            assert_eq!(told.is_empty(), after == i64::MAX, "{after} {width}");
        }
    }
    let exact = TrendQuery { page_size: 2, ..all_of("odd") };
    assert_eq!(metrics.trend(&exact).await.expect("exactly a page").next, None);
}
