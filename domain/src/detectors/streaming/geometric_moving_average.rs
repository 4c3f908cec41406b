//! Geometric moving average: has the mean risen, by a weighted mean of the last deviations?
//!
//! With the running mean `m` of all values, the new one included, `alpha average + (1 - alpha) (x - m)` is kept; there is a drift
//! where it is above `lambda`. Choose it for a level that should not rise, where single values should count little.
//!
//! **Cost**: a step O(1), three numbers of memory.
//!
//! **Source**: Roberts, *Control chart tests based on geometric moving averages*, Technometrics 1 (1959).

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
pub struct GeometricMovingAverageSettings {
    /// What is left of the average from value to value, between 0 and 1.
    pub alpha: f64,
    /// What the average may be, in units of the values.
    pub lambda: f64,
    /// Values before the first verdict.
    pub min_num_instances: u64,
}

impl Default for GeometricMovingAverageSettings {
    fn default() -> Self {
        Self { alpha: 0.99, lambda: 1.0, min_num_instances: 30 }
    }
}

/// What moves.
#[derive(Debug, Clone, PartialEq)]
pub struct GeometricMovingAverageState {
    mean: RunningMean,
    average: f64,
}

impl Settings for GeometricMovingAverageSettings {
    type State = GeometricMovingAverageState;

    fn issues(&self) -> Vec<SettingIssue> {
        Checks::default()
            .share("detector/alpha", self.alpha)
            .positive("detector/lambda", self.lambda)
            .count("detector/min_num_instances", self.min_num_instances, 1)
            .issues()
    }

    fn start(&self) -> GeometricMovingAverageState {
        GeometricMovingAverageState { mean: RunningMean::default(), average: 0.0 }
    }

    fn update(&self, state: &mut GeometricMovingAverageState, x: f64) -> Verdict {
        state.mean.add(x);
        state.average = self.alpha * state.average + (1.0 - self.alpha) * (x - state.mean.mean);
        if state.mean.n < self.min_num_instances {
            return Verdict::warm_up();
        }
        Verdict::above(state.average, self.lambda)
    }

    fn save(&self, state: &GeometricMovingAverageState) -> Record {
        state.mean.save(Record::default()).value(state.average)
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<GeometricMovingAverageState, TensorError> {
        Ok(GeometricMovingAverageState { mean: RunningMean::restore(reader)?, average: reader.value()? })
    }
}
