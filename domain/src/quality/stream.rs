//! The checks of rows that come in turn: counts in blocks of several sizes.
//!
//! Row `t` belongs to the block `t / 32` of 32 rows, the block `t / 256` of 256, and so on. Without a change, the count of a
//! whole block reaches its limit with at most the block's level; as counts only grow within a block, a finding is told at the
//! row that reaches it. So findings come at most as often as the levels say, whatever the sizes: a level is the wanted rate a
//! row times the rows of a block, divided by the number of sizes. Small blocks find bursts within a few rows, large ones small
//! shares. After a finding, the counts of that check start anew.

use std::collections::HashMap;

use super::checks::{CheckedColumn, Counted, Event, N_EVENTS, Seen};
use super::findings::{Evidence, QualityFinding};
use super::law::Share;
use super::unseen::{UnseenCounts, UnseenLaw};
use crate::data::{Cells, Frame, TensorError, Tensors};

/// Rows of the blocks.
const BLOCKS: [u64; 3] = [32, 256, 2_048];
/// Where no count is too many.
const NEVER: u32 = u32::MAX;

/// What may be counted in a column without a finding.
pub(super) struct StreamLimits {
    /// The count of an event that is found in a block.
    events: [[u32; BLOCKS.len()]; N_EVENTS],
    /// The laws of rows of new categories.
    new: Vec<NewLimit>,
    /// Equal values that are found.
    run: u64,
}

struct NewLimit {
    block: u64,
    level: f64,
    law: UnseenLaw,
}

/// The limits of columns, for a wanted rate of findings a row, of each check of each column. Time O(1) a column, but for shares
/// that no other column has.
pub(super) fn limits(columns: &[CheckedColumn], rate: f64) -> Vec<StreamLimits> {
    let level = |block: u64, n_blocks: usize| (rate * block as f64 / n_blocks as f64).min(1.0);
    let mut known: HashMap<(Share, u64), u32> = HashMap::new();
    let mut least_rare = |share: Share, block: u64| {
        let find = || share.least_rare(block, level(block, BLOCKS.len())).and_then(|n| u32::try_from(n).ok());
        *known.entry((share, block)).or_insert_with(|| find().unwrap_or(NEVER))
    };
    let limits = columns.iter().map(|column| {
        let events =
            column.shares.map(|share| BLOCKS.map(|block| share.map_or(NEVER, |share| least_rare(share, block))));
        let mut new = Vec::new();
        if let Some(categories) = &column.categories {
            let mut blocks = BLOCKS.map(|block| block.min(UnseenLaw::block_max(categories.n_rows))).to_vec();
            blocks.dedup();
            let n_blocks = blocks.len();
            let limit = |block| {
                let law = UnseenLaw::new(categories.n_rows, block, &categories.frequencies);
                NewLimit { block, level: level(block, n_blocks), law }
            };
            new = blocks.into_iter().map(limit).collect();
        }
        let run = column.most.and_then(|(share, longest)| {
            // Where rows depend on those before, the runs of the reference itself say so.
            Some((share.least_rare_run(rate)? + 1).max(2 * longest))
        });
        StreamLimits { events, new, run: run.unwrap_or(u64::MAX) }
    });
    limits.collect()
}

/// What moves while rows are checked. Of requests that are windows it is empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct QualityState {
    /// Rows counted.
    time: u64,
    columns: Vec<ColumnState>,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct ColumnState {
    events: [[InBlock; BLOCKS.len()]; N_EVENTS],
    /// Where there was one.
    new: Option<Box<[NewInBlock; BLOCKS.len()]>>,
    /// The last value, and how many equal ones came together.
    last: u64,
    run: u64,
}

/// A count, and the number of the block that it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct InBlock {
    block: u64,
    count: u32,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct NewInBlock {
    block: u64,
    counts: UnseenCounts,
}

const TIME: &str = "quality.time";
const LAST: &str = "quality.last";
const RUNS: &str = "quality.runs";
const EVENTS: &str = "quality.events";
const NEW: &str = "quality.new";

impl QualityState {
    pub(super) fn start(n_columns: usize) -> Self {
        Self { time: 0, columns: vec![ColumnState::default(); n_columns] }
    }

    /// Counts rows, and tells what is found.
    pub(super) fn check(
        &mut self,
        columns: &[CheckedColumn],
        limits: &[StreamLimits],
        rows: &Frame<'_>,
        findings: &mut Vec<QualityFinding>,
    ) {
        let start = self.time;
        self.time = self.time.saturating_add(rows.columns().first().map_or(0, |cells| cells.len() as u64));
        let columns = columns.iter().zip(limits).zip(&mut self.columns).zip(rows.columns()).enumerate();
        for (index, (((column, limits), state), cells)) in columns {
            Counting { index, column, limits, start, state, findings }.count(cells);
        }
    }

    /// The arrays of a state: none of requests that are windows. Size O(columns), and what the last blocks hold.
    pub(crate) fn save(&self, tensors: &mut Tensors) {
        if self.columns.is_empty() {
            return;
        }
        tensors.insert_u64(TIME, vec![self.time]);
        tensors.insert_u64(LAST, self.columns.iter().map(|column| column.last).collect());
        tensors.insert_u64(RUNS, self.columns.iter().map(|column| column.run).collect());
        let (mut events, mut new) = (Vec::new(), Vec::new());
        for (index, column) in self.columns.iter().enumerate() {
            for (event, counts) in column.events.iter().enumerate() {
                for (size, count) in counts.iter().enumerate().filter(|(_, count)| count.count > 0) {
                    events.extend([index as u64, event as u64, size as u64, count.block, u64::from(count.count)]);
                }
            }
            for (size, NewInBlock { block, counts }) in column.new.iter().flat_map(|new| new.iter().enumerate()) {
                for (category, n_rows) in counts.sorted() {
                    new.extend([index as u64, size as u64, *block, category, u64::from(n_rows)]);
                }
            }
        }
        tensors.insert_u64(EVENTS, events);
        tensors.insert_u64(NEW, new);
    }

    /// The state of such arrays; that before the first row where there are none, of a version without.
    ///
    /// # Errors
    /// When they are not those of a state of such columns.
    pub(super) fn restore(limits: &[StreamLimits], tensors: &Tensors) -> Result<Self, TensorError> {
        let mut state = Self::start(limits.len());
        if tensors.get(TIME).is_none() {
            return Ok(state);
        }
        let wrong =
            |name: &str| TensorError::Value { name: name.to_owned(), reason: "there is no such count".to_owned() };
        let index = |index: u64| usize::try_from(index).unwrap_or(usize::MAX);
        state.time = tensors.u64s_of_length(TIME, 1)?[0];
        let last = tensors.u64s_of_length(LAST, limits.len())?;
        let runs = tensors.u64s_of_length(RUNS, limits.len())?;
        for (column, (last, run)) in state.columns.iter_mut().zip(last.iter().zip(runs)) {
            (column.last, column.run) = (*last, *run);
        }
        for count in tensors.u64s(EVENTS)?.chunks(5) {
            let [column, event, size, block, count] = *count else { return Err(wrong(EVENTS)) };
            let column = state.columns.get_mut(index(column)).ok_or_else(|| wrong(EVENTS))?;
            let counts = column.events.get_mut(index(event)).ok_or_else(|| wrong(EVENTS))?;
            let place = counts.get_mut(index(size)).ok_or_else(|| wrong(EVENTS))?;
            *place = InBlock { block, count: u32::try_from(count).map_err(|_| wrong(EVENTS))? };
        }
        for count in tensors.u64s(NEW)?.chunks(5) {
            let [column, size, block, category, n_rows] = *count else { return Err(wrong(NEW)) };
            let is_counted = limits.get(index(column)).is_some_and(|limits| index(size) < limits.new.len());
            if !is_counted || n_rows == 0 {
                return Err(wrong(NEW));
            }
            let n_rows = u32::try_from(n_rows).map_err(|_| wrong(NEW))?;
            let new = state.columns[index(column)].new.get_or_insert_default();
            new[index(size)].block = block;
            new[index(size)].counts.push_all(category, n_rows);
        }
        Ok(state)
    }
}

/// A column whose cells are counted.
struct Counting<'c> {
    index: usize,
    column: &'c CheckedColumn,
    limits: &'c StreamLimits,
    /// Rows before the first of these.
    start: u64,
    state: &'c mut ColumnState,
    findings: &'c mut Vec<QualityFinding>,
}

impl Counting<'_> {
    fn count(mut self, cells: &Cells<'_>) {
        let column = self.column;
        let looks_for_new = !self.limits.new.is_empty();
        column.for_each(cells, |row, seen| {
            let (identity, event) = match seen {
                Seen::Missing => return self.count_event(row, Event::Missing),
                Seen::Value { identity, event } => (identity, event),
                Seen::New { identity, event, text } => {
                    if looks_for_new {
                        self.count_new(row, identity, text);
                    }
                    (identity, event)
                }
            };
            if let Some(event) = event {
                self.count_event(row, event);
            }
            self.state.run =
                if self.state.run > 0 && self.state.last == identity { self.state.run.saturating_add(1) } else { 1 };
            self.state.last = identity;
            if self.state.run >= self.limits.run {
                self.find_run(row);
            }
        });
    }

    /// Counts an event, and tells of it where a block holds too many.
    fn count_event(&mut self, row: usize, event: Event) {
        let Some(share) = self.column.shares[event as usize] else { return };
        let time = self.start.saturating_add(row as u64);
        let counts = &mut self.state.events[event as usize];
        let mut found = None;
        for ((count, size), limit) in counts.iter_mut().zip(BLOCKS).zip(self.limits.events[event as usize]) {
            if count.block != time / size {
                *count = InBlock { block: time / size, count: 0 };
            }
            count.count = count.count.saturating_add(1);
            if found.is_none() && count.count >= limit {
                found = Some((u64::from(count.count), size));
            }
        }
        if let Some((n_rows, size)) = found {
            *counts = Default::default();
            let p_value = share.tail(n_rows, size);
            let (of_rows, expected_share) = (time % size + 1, share.value());
            self.find(self.column.evidence(event), row, n_rows, of_rows, expected_share, p_value);
        }
    }

    /// Counts a row of a new category, and tells of it where a block holds too many.
    fn count_new(&mut self, row: usize, category: u64, text: &str) {
        let time = self.start.saturating_add(row as u64);
        let counts = self.state.new.get_or_insert_default();
        let mut found = None;
        for (count, limit) in counts.iter_mut().zip(&self.limits.new) {
            if count.block != time / limit.block {
                *count = NewInBlock { block: time / limit.block, counts: UnseenCounts::default() };
            }
            count.counts.push(category);
            let p_value = limit.law.p_value(&count.counts);
            if found.is_none() && p_value <= limit.level {
                found = Some((count.counts.n_rows(), time % limit.block + 1, p_value));
            }
        }
        if let (Some((n_rows, of_rows, p_value)), Some(categories)) = (found, &self.column.categories) {
            self.state.new = None;
            let evidence = Evidence::NewCategory { example: text };
            self.find(evidence, row, n_rows, of_rows, categories.expected_share(), p_value);
        }
    }

    /// Tells of equal values; as many again are told of again.
    fn find_run(&mut self, row: usize) {
        let Some((share, longest)) = self.column.most else { return };
        let n_rows = std::mem::take(&mut self.state.run);
        let evidence = Evidence::RunOfEqual { longest };
        self.find(evidence, row, n_rows, n_rows, share.value(), share.all_of(n_rows - 1));
    }

    fn find(
        &mut self,
        evidence: Evidence<'_>,
        row: usize,
        n_rows: u64,
        of_rows: u64,
        expected_share: f64,
        p_value: f64,
    ) {
        let counted = Counted { column: self.index, row, n_rows, of_rows, expected_share, p_value };
        self.findings.push(self.column.finding(evidence, counted));
    }
}
