use chrono::{DateTime, TimeDelta, Utc};

use super::name;
use crate::ports::{DriftRecord, MetricsRepository, TrendQuery};

/// A record of `project` at a second of a fixed day, with microseconds.
///
/// # Panics
/// Never for seconds within a day.
pub fn sample_record(project: &str, second: u32) -> DriftRecord {
    DriftRecord {
        project: name(project),
        generation: 3,
        at: midnight() + TimeDelta::seconds(i64::from(second)) + TimeDelta::microseconds(123_456),
        time: u64::from(second) + 1,
        rows: 1,
        statistic: Some(-0.1 - f64::from(second) / 3.0),
        threshold: (second > 0).then_some(5.25),
        p_value: None,
        distance: None,
        is_drift: second % 2 == 1,
        warm_up: second == 0,
    }
}

fn midnight() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_012_800, 0).expect("a valid time")
}

fn all_of(project: &str) -> TrendQuery {
    TrendQuery { project: name(project), from: None, to: None, page_size: 100, after: None }
}

/// The contract of [`MetricsRepository`].
///
/// # Panics
/// Where the repository does other than the contract says.
pub async fn metrics_repository(repository: &dyn MetricsRepository) {
    repository.append(&[]).await.expect("appending nothing succeeds");
    let none = repository.trend(&all_of("a")).await.expect("the trend of nothing");
    assert_eq!((none.records.len(), none.next), (0, None), "nothing has been appended");

    let records: Vec<_> = (0..10).map(|second| sample_record("a", second)).collect();
    repository.append(&records[..6]).await.expect("append");
    repository.append(&[sample_record("b", 0)]).await.expect("append another project");
    repository.append(&records[6..]).await.expect("append more");
    let trend = repository.trend(&all_of("a")).await.expect("trend");
    assert_eq!(trend.records, records, "records come back as they were, in order, of one project only");
    assert_eq!(trend.next, None, "all records fit on the page");

    let mut paged = Vec::new();
    let mut query = TrendQuery { page_size: 4, ..all_of("a") };
    loop {
        let page = repository.trend(&query).await.expect("a page");
        assert!(page.records.len() <= 4, "a page holds no more than asked for");
        paged.extend(page.records);
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(paged, records, "pages follow each other without a gap or a repetition");

    let range = TrendQuery { from: Some(records[2].at), to: Some(records[5].at), ..all_of("a") };
    assert_eq!(repository.trend(&range).await.expect("a range").records, records[2..5], "the range is half-open");

    let many: Vec<_> = (0..3_000).map(|second| sample_record("many", second)).collect();
    repository.append(&many).await.expect("append thousands at once");
    let query = TrendQuery { page_size: 5_000, ..all_of("many") };
    assert_eq!(repository.trend(&query).await.expect("trend").records, many);

    assert_eq!(repository.prune(records[1].at).await.expect("prune"), 3, "records before the time go, of all projects");
    assert_eq!(repository.trend(&all_of("a")).await.expect("trend").records, records[1..]);
}
