//! ADWIN: the longest window of last values in which no two parts have different means.
//!
//! The window is kept as buckets: row `i` holds up to `max_buckets` of them, each of `2^i` values in their sum and variance,
//! older values in higher rows. Every `clock` values it is cut between buckets: two parts of `n0` and `n1` values with means
//! further apart than `sqrt(2 v d / m) + 2 d / (3 m)` differ, where `v` is the variance of the window of `W` values,
//! `d = ln(2 ln(W) / delta)`, and `1 / m` the sum of `1 / (n + 1 - min_window_length)` over the parts; the oldest bucket then leaves, and the
//! window is cut again. Choose it for a level that moves at unknown speed, with a bound on false alarms.
//!
//! **Cost**: a step O(log n) every `clock` values, else O(1) on average; memory O(log n) for a window of n values.
//!
//! **Source**: Bifet & Gavaldà, *Learning from time-changing data with adaptive windowing*, SIAM International Conference on
//! Data Mining (2007).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::checks::Checks;
use super::record::{Reader, Record};
use super::{Settings, Verdict};
use crate::data::TensorError;
use crate::detectors::SettingIssue;

/// The parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdwinSettings {
    /// Significance of a cut, between 0 and 1.
    pub delta: f64,
    /// Values from one look at the window to the next.
    pub clock: u64,
    /// Buckets of a row before its oldest two become one.
    pub max_buckets: u64,
    /// Values that a part has at least.
    pub min_window_length: u64,
    /// Values without a verdict.
    pub grace_period: u64,
    /// Whether the values since the cut stay in the window after a drift, as in the paper; otherwise the next value starts a
    /// new one.
    pub keep_window: bool,
}

impl Default for AdwinSettings {
    fn default() -> Self {
        Self { delta: 0.002, clock: 32, max_buckets: 5, min_window_length: 5, grace_period: 10, keep_window: false }
    }
}

/// More rows of buckets than this, for more values than ever come, are not restored.
const ROWS_MAX: usize = 48;
/// More buckets of a row than this are refused.
const BUCKETS_MAX: u64 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    total: f64,
    /// Sum of squared deviations from the mean.
    variance: f64,
}

/// What moves.
#[derive(Debug, Clone, PartialEq)]
pub struct AdwinState {
    n_updates: u64,
    pub(super) width: u64,
    pub(super) total: f64,
    /// Sum of squared deviations from the mean.
    pub(super) variance: f64,
    /// Row `i` holds buckets of `2^i` values, the oldest first.
    rows: Vec<VecDeque<Bucket>>,
}

/// The values of a bucket of a row.
fn size(row: usize) -> f64 {
    (1_u64 << row.min(63)) as f64
}

impl AdwinState {
    fn insert(&mut self, x: f64, max_buckets: usize) {
        self.width += 1;
        if self.width > 1 {
            let n = self.width as f64;
            let mean = self.total / (n - 1.0);
            self.variance += (n - 1.0) * (x - mean) * (x - mean) / n;
        }
        self.total += x;
        if self.rows.is_empty() {
            self.rows.push(VecDeque::with_capacity(max_buckets + 1));
        }
        self.rows[0].push_back(Bucket { total: x, variance: 0.0 });
        let mut row = 0;
        while self.rows[row].len() > max_buckets {
            let (Some(first), Some(second)) = (self.rows[row].pop_front(), self.rows[row].pop_front()) else { return };
            let n = size(row);
            let apart = (first.total - second.total) / n;
            let variance = first.variance + second.variance + n * n * apart * apart / (n + n);
            if self.rows.len() == row + 1 {
                self.rows.push(VecDeque::with_capacity(max_buckets + 1));
            }
            self.rows[row + 1].push_back(Bucket { total: first.total + second.total, variance });
            row += 1;
        }
    }

    fn drop_oldest(&mut self) {
        let Some(row) = self.rows.len().checked_sub(1) else { return };
        let Some(oldest) = self.rows[row].pop_front() else { return };
        let n = size(row);
        self.width = self.width.saturating_sub(1 << row.min(63));
        self.total -= oldest.total;
        let left = self.width as f64;
        let apart = oldest.total / n - self.total / left;
        self.variance -= oldest.variance + n * left * apart * apart / (n + left);
        while self.rows.last().is_some_and(VecDeque::is_empty) {
            self.rows.pop();
        }
    }

    /// How far the means of the parts are apart, and may be, at the first cut where that is too far, else at the one where it
    /// is nearest to it.
    fn cut(&self, settings: &AdwinSettings) -> Option<(f64, f64)> {
        let width = self.width as f64;
        let least = settings.min_window_length as f64;
        let confidence = (2.0 * width.ln() / settings.delta).ln();
        // Rounding may leave it slightly below 0.
        let variance = (self.variance / width).max(0.0);
        let (mut n0, mut n1, mut u0, mut u1) = (0.0, width, 0.0, self.total);
        let mut nearest: Option<(f64, f64)> = None;
        for (row, buckets) in self.rows.iter().enumerate().rev() {
            let n = size(row);
            // What the very last value would be cut from is all of the window.
            let n_cuts = if row == 0 { buckets.len().saturating_sub(1) } else { buckets.len() };
            for bucket in buckets.iter().take(n_cuts) {
                n0 += n;
                n1 -= n;
                u0 += bucket.total;
                u1 -= bucket.total;
                if n0 < least || n1 < least {
                    continue;
                }
                let apart = (u0 / n0 - u1 / n1).abs();
                let inverse = 1.0 / (n0 - least + 1.0) + 1.0 / (n1 - least + 1.0);
                let bound = (2.0 * inverse * variance * confidence).sqrt() + 2.0 / 3.0 * confidence * inverse;
                if apart > bound {
                    return Some((apart, bound));
                }
                if nearest.is_none_or(|(before, its_bound)| apart - bound > before - its_bound) {
                    nearest = Some((apart, bound));
                }
            }
        }
        nearest
    }
}

impl Settings for AdwinSettings {
    type State = AdwinState;

    fn issues(&self) -> Vec<SettingIssue> {
        Checks::default()
            .share("detector/delta", self.delta)
            .count("detector/clock", self.clock, 1)
            .count_to("detector/max_buckets", self.max_buckets, 2, BUCKETS_MAX)
            .count("detector/min_window_length", self.min_window_length, 1)
            .count("detector/grace_period", self.grace_period, 1)
            .issues()
    }

    fn start(&self) -> AdwinState {
        AdwinState { n_updates: 0, width: 0, total: 0.0, variance: 0.0, rows: Vec::new() }
    }

    fn restart(&self, state: &mut AdwinState) {
        if !self.keep_window {
            *state = self.start();
        }
    }

    fn update(&self, state: &mut AdwinState, x: f64) -> Verdict {
        state.n_updates += 1;
        state.insert(x, usize::try_from(self.max_buckets).unwrap_or(usize::MAX));
        if state.width <= self.grace_period {
            return Verdict::warm_up();
        }
        let mut verdict = Verdict::default();
        if !state.n_updates.is_multiple_of(self.clock) {
            return verdict;
        }
        while let Some((apart, bound)) = state.cut(self) {
            let is_cut = apart > bound;
            if is_cut || !verdict.is_drift {
                verdict = Verdict::above(apart, bound);
            }
            if !is_cut {
                break;
            }
            state.drop_oldest();
        }
        verdict
    }

    fn save(&self, state: &AdwinState) -> Record {
        let mut record = Record::default().count(state.n_updates).count(state.rows.len() as u64);
        record = record.values([state.total, state.variance]);
        for buckets in &state.rows {
            record = record.count(buckets.len() as u64);
            record = record.values(buckets.iter().flat_map(|bucket| [bucket.total, bucket.variance]));
        }
        record
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<AdwinState, TensorError> {
        let n_updates = reader.count()?;
        let n_rows = reader.count_to(ROWS_MAX)?;
        let (total, variance) = (reader.value()?, reader.value()?);
        let max_buckets = usize::try_from(self.max_buckets).unwrap_or(usize::MAX);
        let (mut rows, mut width) = (Vec::<VecDeque<Bucket>>::with_capacity(n_rows), 0_u64);
        for row in 0..n_rows {
            let n_buckets = reader.count_to(max_buckets)?;
            let mut buckets = VecDeque::with_capacity(max_buckets + 1);
            let values = reader.values(2 * n_buckets)?;
            buckets.extend(values.chunks_exact(2).map(|pair| Bucket { total: pair[0], variance: pair[1] }));
            width = width.saturating_add((n_buckets as u64).saturating_mul(1 << row));
            rows.push(buckets);
        }
        // The oldest bucket is looked for in the last row.
        while rows.last().is_some_and(VecDeque::is_empty) {
            rows.pop();
        }
        Ok(AdwinState { n_updates, width, total, variance, rows })
    }
}
