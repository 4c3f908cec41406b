//! The last records of each project in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use drifting_domain::ports::{DriftRecord, MetricsRepository, MetricsSink, PortError, TrendPage, TrendQuery};
use drifting_domain::project::ProjectName;

use crate::locked;

/// The last [`MemoryMetrics::RECORDS_MAX`] records of each of the [`MemoryMetrics::PROJECTS_MAX`] projects that were
/// written last; what is older gives way and is counted.
#[derive(Debug, Default)]
pub struct MemoryMetrics(Mutex<Rings>);

#[derive(Debug, Default)]
struct Rings {
    /// The number of the next record; numbers rise over all projects and are never used twice.
    next: u64,
    n_displaced: u64,
    by_project: HashMap<ProjectName, Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    /// Each record with its number, in rising order.
    records: VecDeque<(u64, DriftRecord)>,
    /// The number of the record that was written last, which may be gone by now.
    last: u64,
}

impl MemoryMetrics {
    /// So many records of a project are kept.
    pub const RECORDS_MAX: usize = 10_000;
    /// Records of so many projects are kept.
    pub const PROJECTS_MAX: usize = 1_000;

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
    fn push(&mut self, record: DriftRecord) {
        if self.by_project.len() >= MemoryMetrics::PROJECTS_MAX && !self.by_project.contains_key(&record.project) {
            self.forget_the_longest_silent();
        }
        let number = self.next;
        self.next += 1;
        let ring = self.by_project.entry(record.project.clone()).or_default();
        if ring.records.len() >= MemoryMetrics::RECORDS_MAX {
            ring.records.pop_front();
            self.n_displaced += 1;
        }
        ring.records.push_back((number, record));
        ring.last = number;
    }

    fn forget_the_longest_silent(&mut self) {
        let silent = self.by_project.iter().min_by_key(|(_, ring)| ring.last).map(|(project, _)| project.clone());
        if let Some(ring) = silent.and_then(|project| self.by_project.remove(&project)) {
            self.n_displaced += ring.records.len() as u64;
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
impl MetricsRepository for MemoryMetrics {
    async fn append(&self, records: &[DriftRecord]) -> Result<(), PortError> {
        self.record(records.to_vec());
        Ok(())
    }

    async fn trend(&self, query: &TrendQuery) -> Result<TrendPage, PortError> {
        let rings = locked(&self.0);
        let Some(ring) = rings.by_project.get(&query.project) else {
            return Ok(TrendPage { records: Vec::new(), next: None });
        };
        // Records before the page are skipped at once, so that paging through all costs no more than reading all.
        let start = ring.records.partition_point(|(number, _)| query.after.is_some_and(|after| *number <= after));
        let mut matching = ring.records.range(start..).filter(|(_, record)| is_in_range(record, query));
        let page: Vec<&(u64, DriftRecord)> = matching.by_ref().take(query.page_size).collect();
        let has_more = matching.next().is_some();
        let next = page.last().filter(|_| has_more).map(|(number, _)| *number);
        Ok(TrendPage { records: page.into_iter().map(|(_, record)| record.clone()).collect(), next })
    }

    async fn prune(&self, before: DateTime<Utc>) -> Result<u64, PortError> {
        let mut rings = locked(&self.0);
        let mut n_removed = 0;
        for ring in rings.by_project.values_mut() {
            let n_before = ring.records.len();
            ring.records.retain(|(_, record)| record.at >= before);
            n_removed += n_before - ring.records.len();
        }
        rings.by_project.retain(|_, ring| !ring.records.is_empty());
        Ok(n_removed as u64)
    }
}

fn is_in_range(record: &DriftRecord, query: &TrendQuery) -> bool {
    query.from.is_none_or(|from| from <= record.at) && query.to.is_none_or(|to| record.at < to)
}
