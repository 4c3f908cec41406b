//! DDM: do errors become more frequent than at their best?
//!
//! With the share of errors `p` among the `n` values so far and `s = sqrt(p (1 - p) / n)`, the least `p + s` is remembered. A
//! warning is given where `p + s` is above `p_min + warning_threshold s_min`, a drift where it is above
//! `p_min + drift_threshold s_min`. Choose it for sudden changes of an error rate.
//!
//! After a warm-up without any error the first one is a drift.
//!
//! **Cost**: a step O(1), four numbers of memory.
//!
//! **Source**: Gama, Medas, Castillo & Rodrigues, *Learning with drift detection*, SBIA (2004).

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
pub struct DdmSettings {
    /// Values without a verdict.
    pub warm_start: u64,
    /// Standard deviations above the best share of errors that are a warning.
    pub warning_threshold: f64,
    /// Standard deviations above the best share of errors that are a drift.
    pub drift_threshold: f64,
}

impl Default for DdmSettings {
    fn default() -> Self {
        Self { warm_start: 30, warning_threshold: 2.0, drift_threshold: 3.0 }
    }
}

/// What moves.
#[derive(Debug, Clone, PartialEq)]
pub struct DdmState {
    pub(super) errors: RunningMean,
    pub(super) p_min: f64,
    pub(super) s_min: f64,
}

impl Settings for DdmSettings {
    type State = DdmState;

    fn issues(&self) -> Vec<SettingIssue> {
        Checks::default()
            .count("detector/warm_start", self.warm_start, 0)
            .positive("detector/warning_threshold", self.warning_threshold)
            .positive("detector/drift_threshold", self.drift_threshold)
            .issues()
    }

    fn start(&self) -> DdmState {
        DdmState { errors: RunningMean::default(), p_min: f64::INFINITY, s_min: f64::INFINITY }
    }

    fn update(&self, state: &mut DdmState, x: f64) -> Verdict {
        state.errors.add(as_error(x));
        let RunningMean { n, mean: p } = state.errors;
        if n <= self.warm_start {
            return Verdict::warm_up();
        }
        let s = (p * (1.0 - p) / n as f64).sqrt();
        if p + s <= state.p_min + state.s_min {
            (state.p_min, state.s_min) = (p, s);
        }
        let verdict = Verdict::above(p + s, state.p_min + self.drift_threshold * state.s_min);
        verdict.with_warning(p + s > state.p_min + self.warning_threshold * state.s_min)
    }

    fn save(&self, state: &DdmState) -> Record {
        state.errors.save(Record::default()).values([state.p_min, state.s_min])
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<DdmState, TensorError> {
        Ok(DdmState { errors: RunningMean::restore(reader)?, p_min: reader.value()?, s_min: reader.value()? })
    }
}
