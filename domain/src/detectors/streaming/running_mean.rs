//! The mean of all values so far.

use super::record::{Reader, Record};
use crate::data::TensorError;

/// A mean that takes one value after the other.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct RunningMean {
    pub(super) n: u64,
    pub(super) mean: f64,
}

impl RunningMean {
    pub(super) fn add(&mut self, x: f64) {
        self.n += 1;
        self.mean += (x - self.mean) / self.n as f64;
    }

    pub(super) fn save(self, record: Record) -> Record {
        record.count(self.n).value(self.mean)
    }

    pub(super) fn restore(reader: &mut Reader<'_>) -> Result<Self, TensorError> {
        Ok(Self { n: reader.count()?, mean: reader.value()? })
    }
}
