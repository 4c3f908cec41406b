use std::num::NonZeroU32;

use chrono::{DateTime, TimeDelta, Utc};

use super::name;
use crate::ports::{BucketQuery, DriftRecord, FeatureRecord, MetricsRepository, RecordSums, TrendBucket, TrendQuery};

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
        features: Box::default(),
    }
}

fn with_features(record: DriftRecord) -> DriftRecord {
    let feature = |name: &str, p_value| FeatureRecord {
        name: name.into(),
        is_drift: p_value < 0.05,
        statistic: Some(0.25),
        threshold: None,
        p_value: Some(p_value),
        distance: Some(-1e300),
    };
    DriftRecord { features: Box::new([feature("größe, \"x\"\t\\", 0.5), feature("a", 1e-300)]), ..record }
}

fn midnight() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_012_800, 0).expect("a valid time")
}

fn all_of(project: &str) -> TrendQuery {
    TrendQuery { project: name(project), from: None, to: None, page_size: 100, after: None, with_features: false }
}

/// The contract of [`MetricsRepository`].
///
/// # Panics
/// Where the repository does other than the contract says.
pub async fn metrics_repository(repository: &dyn MetricsRepository) {
    repository.append(1, &[]).await.expect("appending nothing succeeds");
    let none = repository.trend(&all_of("a")).await.expect("the trend of nothing");
    assert_eq!((none.records.len(), none.next), (0, None), "nothing has been appended");
    assert_eq!(repository.extent(&name("a"), None, None).await.expect("the extent of nothing"), None);
    assert_eq!(repository.purge(&name("a")).await.expect("nothing is purged"), 0);

    let records: Vec<_> = (0..10).map(|second| sample_record("a", second)).collect();
    repository.append(1, &records[..6]).await.expect("append");
    repository.append(7, &[sample_record("b", 0)]).await.expect("append another project");
    repository.append(8, &records[6..]).await.expect("append more");
    repository.append(8, &records[6..]).await.expect("append what is there");
    repository.append(2, &records[1..5]).await.expect("append what is there long since");
    let trend = repository.trend(&all_of("a")).await.expect("trend");
    assert_eq!(trend.records, records, "records come back once, as they were, in order, of one project only");
    assert_eq!(trend.next, None, "all records fit on the page");
    pages_follow_each_other(repository, &records).await;

    let range = TrendQuery { from: Some(records[2].at), to: Some(records[5].at), ..all_of("a") };
    assert_eq!(repository.trend(&range).await.expect("a range").records, records[2..5], "the range is half-open");

    let many: Vec<_> = (0..3_000).map(|second| sample_record("many", second)).collect();
    repository.append(12, &many).await.expect("append thousands at once");
    let query = TrendQuery { page_size: 5_000, ..all_of("many") };
    assert_eq!(repository.trend(&query).await.expect("trend").records, many);
    buckets_are_sums_of_records(repository, &many).await;

    let detailed: Vec<_> = (0..3).map(|second| with_features(sample_record("detailed", second))).collect();
    repository.append(3_012, &detailed).await.expect("append with verdicts on columns");
    let with_features = TrendQuery { with_features: true, ..all_of("detailed") };
    assert_eq!(repository.trend(&with_features).await.expect("trend").records, detailed);
    let told = repository.trend(&all_of("detailed")).await.expect("trend").records;
    let bare = detailed.iter().map(|record| DriftRecord { features: Box::default(), ..record.clone() });
    assert_eq!(told, bare.collect::<Vec<_>>(), "columns are told where they are asked for");

    let later = midnight() + TimeDelta::seconds(90);
    let pruned = repository.prune(later).await.expect("prune");
    assert_eq!(pruned, 10 + 1 + 60 + 3, "the whole minutes before the time go, of all projects");
    assert_eq!(repository.trend(&query).await.expect("trend").records, many[60..]);
    assert_eq!(repository.extent(&name("a"), None, None).await.expect("the extent of nothing"), None);
    repository.append(3_015, &records).await.expect("append late");
    assert_eq!(repository.purge(&name("many")).await.expect("purge"), 2_940);
    assert_eq!(repository.trend(&query).await.expect("trend").records, []);
    assert_eq!(repository.extent(&name("many"), None, None).await.expect("the extent of nothing"), None);
    assert_eq!(repository.trend(&all_of("a")).await.expect("trend").records, records, "other projects stay");
}

async fn pages_follow_each_other(repository: &dyn MetricsRepository, records: &[DriftRecord]) {
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
}

/// For widths below and above a minute, and ranges that begin and end within one.
async fn buckets_are_sums_of_records(repository: &dyn MetricsRepository, records: &[DriftRecord]) {
    let project = name("many");
    let extent = repository.extent(&project, None, None).await.expect("the extent").expect("there are records");
    assert_eq!(extent.n_records, 3_000);
    assert!(extent.first <= records[0].at && records[2_999].at < extent.end, "{extent:?}");
    let whole = (None, None);
    let within = (Some(records[61].at), Some(records[1_234].at + TimeDelta::microseconds(1)));
    let short = (Some(records[70].at), Some(records[75].at));
    let start = midnight().timestamp();
    for (width, origin_s) in [(60, 0), (7, start - 5), (3_600, 0), (180, start - 60), (86_400, 0), (1, 0)] {
        for (from, to) in [whole, within, short] {
            let width_s = NonZeroU32::new(width).expect("not zero");
            let mut query =
                BucketQuery { project: project.clone(), from, to, origin_s, width_s, page_size: 11, after: None };
            let is_in =
                |record: &&DriftRecord| from.is_none_or(|from| from <= record.at) && to.is_none_or(|to| record.at < to);
            let mut expected: Vec<TrendBucket> = Vec::new();
            for record in records.iter().filter(is_in) {
                let at = query.start_of(query.bucket_of(record.at));
                if expected.last().is_none_or(|bucket| bucket.at != at) {
                    expected.push(TrendBucket { at, sums: RecordSums::default() });
                }
                expected.last_mut().expect("just pushed").sums.add(record);
            }
            let mut told = Vec::new();
            loop {
                let page = repository.buckets(&query).await.expect("a page of buckets");
                assert!(page.buckets.len() <= 11, "a page holds no more than asked for");
                told.extend(page.buckets);
                query.after = page.next;
                if query.after.is_none() {
                    break;
                }
            }
            assert_eq!(told.len(), expected.len(), "{width} s, {from:?} to {to:?}");
            for (told, expected) in told.iter().zip(&expected) {
                assert!(are_alike(told, expected), "{width} s, {from:?} to {to:?}: {told:?}, expected {expected:?}");
            }
        }
    }
}

/// The same but for the rounding of sums, whose order is the repository's.
fn are_alike(left: &TrendBucket, right: &TrendBucket) -> bool {
    let values = |bucket: &TrendBucket| {
        [bucket.sums.statistic, bucket.sums.threshold, bucket.sums.p_value, bucket.sums.distance]
    };
    let counts = |bucket: &TrendBucket| {
        let sums = &bucket.sums;
        (bucket.at, sums.records, sums.rows, sums.drifts, sums.warm_ups)
    };
    let pairs = values(left).into_iter().zip(values(right));
    counts(left) == counts(right)
        && pairs.into_iter().all(|(left, right)| {
            let is_near = (left.sum - right.sum).abs() <= 1e-9 * left.sum.abs().max(1.0);
            left.count == right.count && left.range == right.range && is_near
        })
}
