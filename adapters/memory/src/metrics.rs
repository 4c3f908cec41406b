//! The last records of each project in memory.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use drifting_domain::ports::{
    BucketPage, BucketQuery, Cursor, DriftRecord, Extent, MetricsHistory, MetricsRepository, MetricsSink, PortError,
    RecordSums, TrendBucket, TrendPage, TrendQuery,
};
use drifting_domain::project::ProjectName;

use crate::locked;

/// The last [`MemoryMetrics::RECORDS_MAX`] records of each of the [`MemoryMetrics::PROJECTS_MAX`] projects that were
/// written last, [`MemoryMetrics::TOTAL_MAX`] in all; what is older gives way and is counted.
///
/// # Cost
/// A record takes 144 bytes, and the rings have room for up to half as many more: 144 MB when full, in the worst case 216;
/// verdicts on columns come on top. Writing one takes O(log projects), buckets take O(records of the project).
#[derive(Debug, Default)]
pub struct MemoryMetrics(Mutex<Rings>);

#[derive(Debug, Default)]
struct Rings {
    /// The number of the next record; numbers rise over all projects and are never used twice.
    next: u64,
    n_records: usize,
    n_displaced: u64,
    /// The number that the next appended record has with whoever appends.
    next_appended: u64,
    by_project: HashMap<ProjectName, Ring>,
    /// The same projects by the number of their last record: first comes the one that has been silent longest.
    by_silence: BTreeMap<u64, ProjectName>,
}

#[derive(Debug, Default)]
struct Ring {
    /// Each record with its number, in rising order.
    records: VecDeque<(u64, DriftRecord)>,
    /// The number of the record that was written last, which may be gone by now.
    last: Option<u64>,
}

impl MemoryMetrics {
    /// So many records of a project are kept.
    pub const RECORDS_MAX: usize = 10_000;
    /// Records of so many projects are kept.
    pub const PROJECTS_MAX: usize = 1_000;
    /// So many records are kept in all: beyond them, the oldest records of the project that has been silent longest give
    /// way, so that a hundred busy projects keep all of theirs.
    pub const TOTAL_MAX: usize = 1_000_000;

    /// No record.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many records have given way to newer ones.
    pub fn displaced(&self) -> u64 {
        locked(&self.0).n_displaced
    }
}

impl Rings {
    fn push(&mut self, mut record: DriftRecord) {
        if self.by_project.len() >= MemoryMetrics::PROJECTS_MAX && !self.by_project.contains_key(&record.project) {
            self.forget_the_longest_silent();
        }
        let number = self.next;
        self.next += 1;
        let ring = self.by_project.entry(record.project.clone()).or_default();
        let before = ring.last.replace(number).and_then(|last| self.by_silence.remove(&last));
        // All records of a project share the memory of one name.
        let project = before.unwrap_or_else(|| record.project.clone());
        record.project = project.clone();
        self.by_silence.insert(number, project);
        if ring.records.len() >= MemoryMetrics::RECORDS_MAX {
            ring.records.pop_front();
            self.n_records -= 1;
            self.n_displaced += 1;
        }
        ring.push((number, record));
        self.n_records += 1;
        if self.n_records > MemoryMetrics::TOTAL_MAX {
            self.shorten_the_longest_silent();
        }
    }

    fn forget_the_longest_silent(&mut self) {
        let silent = self.by_silence.pop_first();
        if let Some(ring) = silent.and_then(|(_, project)| self.by_project.remove(&project)) {
            self.n_records -= ring.records.len();
            self.n_displaced += ring.records.len() as u64;
        }
    }

    /// Its oldest record gives way; it is forgotten with its last one.
    fn shorten_the_longest_silent(&mut self) {
        let silent = self.by_silence.first_key_value();
        let Some(ring) = silent.and_then(|(_, project)| self.by_project.get_mut(project)) else { return };
        if ring.records.len() <= 1 {
            return self.forget_the_longest_silent();
        }
        ring.records.pop_front();
        ring.give_back();
        self.n_records -= 1;
        self.n_displaced += 1;
    }
}

impl Ring {
    /// Grows by a quarter: doubling, as by default, would leave up to half of the memory empty.
    fn push(&mut self, record: (u64, DriftRecord)) {
        let n_records = self.records.len();
        if n_records == self.records.capacity() {
            let more = (n_records / 4).max(4).min(MemoryMetrics::RECORDS_MAX - n_records);
            self.records.reserve_exact(more);
        }
        self.records.push_back(record);
    }

    /// Gives back memory that records no longer need. What stays is moved, but only after a fair part has gone: O(1) for
    /// each record that goes.
    fn give_back(&mut self) {
        let n_records = self.records.len();
        if self.records.capacity() > n_records + n_records / 2 + 4 {
            self.records.shrink_to(n_records + n_records / 4);
        }
    }
}

impl MetricsSink for MemoryMetrics {
    fn record(&self, records: Vec<DriftRecord>) {
        let mut rings = locked(&self.0);
        for record in records {
            rings.push(record);
        }
    }
}

#[async_trait]
impl MetricsHistory for MemoryMetrics {
    async fn trend(&self, query: &TrendQuery) -> Result<TrendPage, PortError> {
        let rings = locked(&self.0);
        let Some(ring) = rings.by_project.get(&query.project) else {
            return Ok(TrendPage { records: Vec::new(), next: None });
        };
        // Records before the page are skipped at once, so that paging through all costs no more than reading all.
        let is_before = |number| query.after.is_some_and(|after| number <= after.number);
        let start = ring.records.partition_point(|(number, _)| is_before(*number));
        let mut matching = ring.records.range(start..).filter(|(_, record)| is_in_range(record, query.from, query.to));
        let page: Vec<&(u64, DriftRecord)> = matching.by_ref().take(query.page_size).collect();
        let has_more = matching.next().is_some();
        let place = |(number, record): &(u64, DriftRecord)| Cursor {
            at_us: record.at.timestamp_micros(),
            server: 0,
            number: *number,
        };
        let next = page.last().filter(|_| has_more).map(|last| place(last));
        let told = |record: &DriftRecord| {
            let bare = || DriftRecord { features: Box::default(), ..record.clone() };
            if query.with_features { record.clone() } else { bare() }
        };
        Ok(TrendPage { records: page.into_iter().map(|(_, record)| told(record)).collect(), next })
    }

    async fn extent(
        &self,
        project: &ProjectName,
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
    ) -> Result<Option<Extent>, PortError> {
        let rings = locked(&self.0);
        let records = rings.by_project.get(project).into_iter().flat_map(|ring| &ring.records);
        let times = records.map(|(_, record)| record).filter(|record| is_in_range(record, from, to));
        Ok(times.fold(None, |extent: Option<Extent>, record| {
            let end = record.at + TimeDelta::microseconds(1);
            let former = extent.unwrap_or(Extent { first: record.at, end, n_records: 0 });
            let (first, end) = (former.first.min(record.at), former.end.max(end));
            Some(Extent { first, end, n_records: former.n_records + 1 })
        }))
    }

    async fn buckets(&self, query: &BucketQuery) -> Result<BucketPage, PortError> {
        let mut sums = BTreeMap::<i64, RecordSums>::new();
        {
            let rings = locked(&self.0);
            let records = rings.by_project.get(&query.project).into_iter().flat_map(|ring| &ring.records);
            for (_, record) in records.filter(|(_, record)| is_in_range(record, query.from, query.to)) {
                sums.entry(query.bucket_of(record.at)).or_default().add(record);
            }
        }
        let mut following = sums.into_iter().filter(|(bucket, _)| query.after.is_none_or(|after| *bucket > after));
        let page: Vec<(i64, RecordSums)> = following.by_ref().take(query.page_size).collect();
        let next = page.last().map(|(bucket, _)| *bucket).filter(|_| following.next().is_some());
        let buckets = page.into_iter().map(|(bucket, sums)| TrendBucket { at: query.start_of(bucket), sums });
        Ok(BucketPage { buckets: buckets.collect(), next })
    }

    async fn purge(&self, project: &ProjectName) -> Result<u64, PortError> {
        let Rings { n_records, by_project, by_silence, .. } = &mut *locked(&self.0);
        let Some(ring) = by_project.remove(project) else { return Ok(0) };
        by_silence.retain(|_, silent| silent != project);
        *n_records -= ring.records.len();
        Ok(ring.records.len() as u64)
    }
}

#[async_trait]
impl MetricsRepository for MemoryMetrics {
    async fn append(&self, first: u64, records: &[DriftRecord]) -> Result<(), PortError> {
        let mut rings = locked(&self.0);
        for (number, record) in (first..).zip(records) {
            if number >= rings.next_appended {
                rings.push(record.clone());
                rings.next_appended = number + 1;
            }
        }
        Ok(())
    }

    async fn prune(&self, before: DateTime<Utc>) -> Result<u64, PortError> {
        let Rings { n_records, by_project, by_silence, .. } = &mut *locked(&self.0);
        let before = before.duration_trunc(TimeDelta::minutes(1)).unwrap_or(before);
        let mut n_removed = 0;
        for ring in by_project.values_mut() {
            let n_before = ring.records.len();
            ring.records.retain(|(_, record)| record.at >= before);
            n_removed += n_before - ring.records.len();
            ring.give_back();
        }
        by_project.retain(|_, ring| !ring.records.is_empty());
        by_silence.retain(|_, project| by_project.contains_key(project));
        *n_records -= n_removed;
        Ok(n_removed as u64)
    }
}

fn is_in_range(record: &DriftRecord, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> bool {
    from.is_none_or(|from| from <= record.at) && to.is_none_or(|to| record.at < to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use drifting_domain::contract::sample_record;

    fn room(ring: &Ring) -> usize {
        let room = ring.records.capacity();
        assert!(room <= ring.records.len() * 3 / 2 + 4, "{} records, room for {room}", ring.records.len());
        room
    }

    #[test]
    fn a_ring_takes_the_memory_that_is_promised() {
        assert!(size_of::<(u64, DriftRecord)>() <= 144);
        let mut ring = Ring::default();
        for number in 0..MemoryMetrics::RECORDS_MAX {
            ring.push((number as u64, sample_record("a", 0)));
            room(&ring);
        }
        assert_eq!(room(&ring), MemoryMetrics::RECORDS_MAX);
        while ring.records.pop_front().is_some() {
            ring.give_back();
            room(&ring);
        }
    }

    #[tokio::test]
    async fn the_books_are_kept() {
        let metrics = MemoryMetrics::new();
        // Some projects often, many seldom, more than there is room for; some records are pruned on the way.
        for n in 0..30_000_u32 {
            let project = if n % 3 == 0 { n % 5 } else { n * 7 % 1_300 };
            metrics.record(vec![sample_record(&format!("p{project}"), n)]);
            if n % 10_000 == 9_999 {
                metrics.prune(sample_record("a", n - 2_000).at).await.unwrap();
            }
        }
        let rings = locked(&metrics.0);
        assert_eq!(rings.n_records, rings.by_project.values().map(|ring| ring.records.len()).sum::<usize>());
        assert_eq!(rings.by_silence.len(), rings.by_project.len());
        for (number, project) in &rings.by_silence {
            let (last, record) = rings.by_project[project].records.back().unwrap();
            assert_eq!((last, &record.project), (number, project));
        }
    }
}
