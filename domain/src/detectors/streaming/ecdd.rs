//! ECDD: has the share of errors risen, by a weighted mean with limits for a chosen run length?
//!
//! With the share of errors `p` among all values and the weighted mean `z = lambda x + (1 - lambda) z`, whose standard deviation is
//! `s`, there is a drift where `z` is above `p + L(p) s`, and a warning where it is above `p + warning_level L(p) s`. The polynomials
//! `L` give about the run length between false alarms that is chosen. Choose it for an error rate with a bound on false alarms.
//!
//! **Cost**: a step O(1), four numbers of memory.
//!
//! **Source**: Ross, Adams, Tasoulis & Hand, *Exponentially weighted moving average charts for detecting concept drift*, Pattern
//! Recognition Letters 33 (2012).

use serde::{Deserialize, Serialize};

use super::checks::Checks;
use super::record::{Reader, Record};
use super::running_mean::RunningMean;
use super::{Settings, Verdict, as_error};
use crate::data::TensorError;
use crate::detectors::SettingIssue;

/// The parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EcddSettings {
    /// Weight of the new value, between 0 and 1.
    pub lambda: f64,
    /// Values between false alarms: 100, 400 or 1000.
    pub average_run_length: u64,
    /// The share of the limit above which there is a warning, between 0 and 1.
    pub warning_level: f64,
    /// Values before the first verdict.
    pub min_num_instances: u64,
}

impl Default for EcddSettings {
    fn default() -> Self {
        Self { lambda: 0.2, average_run_length: 400, warning_level: 0.5, min_num_instances: 30 }
    }
}

/// What moves.
#[derive(Debug, Clone, PartialEq)]
pub struct EcddState {
    errors: RunningMean,
    average: f64,
    /// `(1 - lambda)^(2 n)`.
    start_weight: f64,
}

impl EcddSettings {
    /// The limit in standard deviations.
    fn limit(&self, p: f64) -> f64 {
        let p3 = p * p * p;
        let (p5, p7) = (p3 * p * p, p3 * p3 * p);
        match self.average_run_length {
            100 => 2.76 - 6.23 * p + 18.12 * p3 - 312.45 * p5 + 1002.18 * p7,
            400 => 3.97 - 6.56 * p + 48.73 * p3 - 330.13 * p5 + 848.18 * p7,
            _ => 1.17 + 7.56 * p - 21.24 * p3 + 112.12 * p5 - 987.23 * p7,
        }
    }
}

impl Settings for EcddSettings {
    type State = EcddState;

    fn issues(&self) -> Vec<SettingIssue> {
        let run_length = self.average_run_length;
        Checks::default()
            .share("detector/lambda", self.lambda)
            .expect([100, 400, 1000].contains(&run_length), "detector/average_run_length", || {
                format!("expected 100, 400 or 1000, {run_length} came")
            })
            .weight("detector/warning_level", self.warning_level)
            .count("detector/min_num_instances", self.min_num_instances, 1)
            .issues()
    }

    fn start(&self) -> EcddState {
        EcddState { errors: RunningMean::default(), average: 0.0, start_weight: 1.0 }
    }

    fn update(&self, state: &mut EcddState, x: f64) -> Verdict {
        let (error, kept) = (as_error(x), 1.0 - self.lambda);
        state.errors.add(error);
        state.average = self.lambda * error + kept * state.average;
        state.start_weight *= kept * kept;
        let RunningMean { n, mean: p } = state.errors;
        if n < self.min_num_instances {
            return Verdict::warm_up();
        }
        let spread = (p * (1.0 - p) * self.lambda / (2.0 - self.lambda) * (1.0 - state.start_weight)).sqrt();
        let limit = self.limit(p) * spread;
        Verdict::above(state.average, p + limit).with_warning(state.average > p + self.warning_level * limit)
    }

    fn save(&self, state: &EcddState) -> Record {
        state.errors.save(Record::default()).values([state.average, state.start_weight])
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<EcddState, TensorError> {
        Ok(EcddState { errors: RunningMean::restore(reader)?, average: reader.value()?, start_weight: reader.value()? })
    }
}
