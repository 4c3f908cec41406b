//! CUSUM: has the mean risen by more than the sum of deviations can wander?
//!
//! With the running mean `m` of all values, the new one included, the sum `max(0, sum + (x - m) - delta)` is kept; there is a drift
//! where it is above `lambda`. Choose it for a level that should not rise.
//!
//! **Cost**: a step O(1), three numbers of memory.
//!
//! **Source**: Page, *Continuous inspection schemes*, Biometrika 41 (1954).

use serde::{Deserialize, Serialize};

use super::checks::Checks;
use super::record::{Reader, Record};
use super::running_mean::RunningMean;
use super::{Settings, Verdict};
use crate::data::TensorError;
use crate::detectors::SettingIssue;

/// The parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CusumSettings {
    /// Rise of the mean that does not count, in units of the values.
    pub delta: f64,
    /// What the sum may be, in units of the values.
    pub lambda: f64,
    /// Values before the first verdict.
    pub min_num_instances: u64,
}

impl Default for CusumSettings {
    fn default() -> Self {
        Self { delta: 0.005, lambda: 50.0, min_num_instances: 30 }
    }
}

/// What moves.
#[derive(Debug, Clone, PartialEq)]
pub struct CusumState {
    mean: RunningMean,
    sum: f64,
}

impl Settings for CusumSettings {
    type State = CusumState;

    fn issues(&self) -> Vec<SettingIssue> {
        Checks::default()
            .not_negative("detector/delta", self.delta)
            .positive("detector/lambda", self.lambda)
            .count("detector/min_num_instances", self.min_num_instances, 1)
            .issues()
    }

    fn start(&self) -> CusumState {
        CusumState { mean: RunningMean::default(), sum: 0.0 }
    }

    fn update(&self, state: &mut CusumState, x: f64) -> Verdict {
        state.mean.add(x);
        state.sum = (state.sum + x - state.mean.mean - self.delta).max(0.0);
        if state.mean.n < self.min_num_instances {
            return Verdict::warm_up();
        }
        Verdict::above(state.sum, self.lambda)
    }

    fn save(&self, state: &CusumState) -> Record {
        state.mean.save(Record::default()).value(state.sum)
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<CusumState, TensorError> {
        Ok(CusumState { mean: RunningMean::restore(reader)?, sum: reader.value()? })
    }
}
