//! RDDM: DDM that forgets, so that long stable times do not make it slow.
//!
//! As [`ddm`](super::ddm), but the last `min_concept_size` errors are kept, and the statistics are computed anew from them after a
//! drift, after `max_num_instances_warning` warnings in a row, which count as a drift, and after `max_concept_size` values without
//! a warning. Where a drift came without a warning, or from too many of them, only the last error is kept. It does not start anew
//! after a drift. Choose it for error rates over long times.
//!
//! **Cost**: a step O(1), that after a drift O(`min_concept_size`); memory a bit for each kept error.
//!
//! **Source**: Barros, Cabral, Gonçalves & Santos, *RDDM: Reactive drift detection method*, Expert Systems with Applications 90
//! (2017).

use std::collections::VecDeque;

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
pub struct RddmSettings {
    /// Standard deviations above the best share of errors that are a warning.
    pub warning_level: f64,
    /// Standard deviations above the best share of errors that are a drift.
    pub drift_level: f64,
    /// Values of the longest concept.
    pub max_concept_size: u64,
    /// Errors that are kept.
    pub min_concept_size: u64,
    /// Warnings in a row that are a drift.
    pub max_num_instances_warning: u64,
    /// Values before the first verdict.
    pub min_num_instances: u64,
}

impl Default for RddmSettings {
    fn default() -> Self {
        Self {
            warning_level: 1.773,
            drift_level: 2.258,
            max_concept_size: 40_000,
            min_concept_size: 7_000,
            max_num_instances_warning: 1_400,
            min_num_instances: 129,
        }
    }
}

/// More errors than this are not kept.
const CONCEPT_MAX: u64 = 1_000_000;

/// What moves.
#[derive(Debug, Clone, PartialEq)]
pub struct RddmState {
    errors: RunningMean,
    /// Values that the standard deviation is of: those of `errors`, but one less once they were computed anew, as in the
    /// library.
    n: u64,
    p_min: f64,
    s_min: f64,
    n_warnings: u64,
    /// Whether the next value finds the statistics computed anew.
    is_anew: bool,
    /// Whether that is for a drift.
    is_drift: bool,
    /// The last errors, the oldest first.
    recent: VecDeque<bool>,
}

impl RddmState {
    fn spread(&self) -> f64 {
        let p = self.errors.mean;
        (p * (1.0 - p) / self.n as f64).sqrt()
    }

    fn keep_least(&mut self) {
        let (p, s) = (self.errors.mean, self.spread());
        if p + s < self.p_min + self.s_min {
            (self.p_min, self.s_min) = (p, s);
        }
    }

    /// Forgets all but the last error.
    fn shrink(&mut self) {
        self.recent.drain(..self.recent.len().saturating_sub(1));
    }
}

impl RddmSettings {
    fn compute_anew(&self, state: &mut RddmState) {
        state.errors = RunningMean::default();
        (state.p_min, state.s_min) = (f64::INFINITY, f64::INFINITY);
        for index in 0..state.recent.len() {
            state.errors.add(f64::from(u8::from(state.recent[index])));
            state.n = state.errors.n;
            if state.is_drift && state.n >= self.min_num_instances {
                state.keep_least();
            }
        }
        state.n = state.errors.n.saturating_sub(1);
        (state.is_anew, state.is_drift) = (false, false);
    }
}

impl Settings for RddmSettings {
    type State = RddmState;

    fn issues(&self) -> Vec<SettingIssue> {
        Checks::default()
            .positive("detector/warning_level", self.warning_level)
            .positive("detector/drift_level", self.drift_level)
            .count_to("detector/min_concept_size", self.min_concept_size, 1, CONCEPT_MAX)
            .count("detector/max_concept_size", self.max_concept_size, self.min_concept_size)
            .count("detector/max_num_instances_warning", self.max_num_instances_warning, 1)
            .count("detector/min_num_instances", self.min_num_instances, 1)
            .issues()
    }

    fn start(&self) -> RddmState {
        RddmState {
            errors: RunningMean::default(),
            n: 0,
            p_min: f64::INFINITY,
            s_min: f64::INFINITY,
            n_warnings: 0,
            is_anew: false,
            is_drift: false,
            recent: VecDeque::new(),
        }
    }

    fn restart(&self, _state: &mut RddmState) {}

    fn update(&self, state: &mut RddmState, x: f64) -> Verdict {
        if state.is_anew {
            self.compute_anew(state);
        }
        let error = x != 0.0;
        state.recent.push_back(error);
        if state.recent.len() as u64 > self.min_concept_size {
            state.recent.pop_front();
        }
        state.errors.add(f64::from(u8::from(error)));
        state.n += 1;
        if state.n < self.min_num_instances {
            return Verdict::warm_up();
        }
        state.keep_least();
        let level = state.errors.mean + state.spread();
        let mut verdict = Verdict::above(level, state.p_min + self.drift_level * state.s_min);
        let is_warning = level > state.p_min + self.warning_level * state.s_min;
        if verdict.is_drift {
            if state.n_warnings == 0 {
                state.shrink();
            }
        } else if is_warning && state.n_warnings >= self.max_num_instances_warning {
            verdict.is_drift = true;
            // The last of too many warnings is one.
            verdict.is_warning = true;
            state.shrink();
        }
        if verdict.is_drift {
            (state.is_anew, state.is_drift, state.n_warnings) = (true, true, 0);
            return verdict;
        }
        verdict.is_warning = is_warning;
        state.n_warnings = if is_warning { state.n_warnings + 1 } else { 0 };
        state.is_anew = state.n >= self.max_concept_size && !is_warning;
        verdict
    }

    fn save(&self, state: &RddmState) -> Record {
        let record = state.errors.save(Record::default()).values([state.p_min, state.s_min]);
        let record = record.count(state.n).count(state.n_warnings).flag(state.is_anew).flag(state.is_drift);
        record.count(state.recent.len() as u64).bits(state.recent.iter().copied())
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<RddmState, TensorError> {
        let errors = RunningMean::restore(reader)?;
        let (p_min, s_min) = (reader.value()?, reader.value()?);
        let (n, n_warnings) = (reader.count()?, reader.count()?);
        let (is_anew, is_drift) = (reader.flag()?, reader.flag()?);
        let n_recent = reader.count_to(usize::try_from(self.min_concept_size).unwrap_or(usize::MAX))?;
        let recent = reader.bits(n_recent)?.collect();
        Ok(RddmState { errors, n, p_min, s_min, n_warnings, is_anew, is_drift, recent })
    }
}
