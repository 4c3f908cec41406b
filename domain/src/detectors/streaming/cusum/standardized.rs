//! Sums of values that the first rows standardise. After a drift the next rows do anew.

use super::super::Verdict;
use super::super::record::{Reader, Record};
use super::super::running_mean::RunningMean;
use super::{CusumSettings, Sums};
use crate::data::TensorError;

/// What moves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StandardizedState {
    mean: RunningMean,
    /// The sum of squared deviations from the mean.
    squares: f64,
    is_learnt: bool,
    sums: Sums,
}

impl StandardizedState {
    /// As long as all values are equal they have no unit, and are learnt from on.
    pub(super) fn update(&mut self, settings: &CusumSettings, x: f64) -> Verdict {
        if !self.is_learnt {
            let before = x - self.mean.mean;
            self.mean.add(x);
            self.squares += before * (x - self.mean.mean);
            self.is_learnt = self.mean.n >= settings.burn_in.unwrap_or(0) && self.squares > 0.0;
            return Verdict::warm_up();
        }
        let deviation = (self.squares / self.mean.n as f64).sqrt();
        self.sums.add((x - self.mean.mean) / deviation, settings.delta);
        self.sums.verdict(settings)
    }

    pub(super) fn save(&self) -> Record {
        let Self { mean, squares, is_learnt, sums } = self;
        mean.save(Record::default()).flag(*is_learnt).values([*squares, sums.up, sums.down])
    }

    pub(super) fn restore(reader: &mut Reader<'_>) -> Result<Self, TensorError> {
        Ok(Self {
            mean: RunningMean::restore(reader)?,
            is_learnt: reader.flag()?,
            squares: reader.value()?,
            sums: Sums { up: reader.value()?, down: reader.value()? },
        })
    }
}
