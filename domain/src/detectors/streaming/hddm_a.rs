//! `HDDM_A`: has the mean of bounded values risen since a cut point, by Hoeffding's bound?
//!
//! The cut point is where the mean of all values so far, and its bound `sqrt(ln(1 / drift_confidence) / (2 n))`, was least. The mean
//! `z` of the `n` values rises where it is at least `sqrt((n - m) / (2 m n) ln(2 / confidence))` above that of the `m` values up to
//! the cut point. With `two_sided_test` a fall counts as well. Choose it for sudden changes of an error rate or of
//! any value between 0 and 1.
//!
//! **Cost**: a step O(1), six numbers of memory.
//!
//! **Source**: Frías-Blanco et al., *Online and non-parametric drift detection methods based on Hoeffding's bounds*, IEEE
//! Transactions on Knowledge and Data Engineering 27 (2015).

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
pub struct HddmASettings {
    /// Significance of a drift, between 0 and 1.
    pub drift_confidence: f64,
    /// Significance of a warning, between 0 and 1.
    pub warning_confidence: f64,
    /// Whether a fall counts as well.
    pub two_sided_test: bool,
}

impl Default for HddmASettings {
    fn default() -> Self {
        Self { drift_confidence: 0.001, warning_confidence: 0.005, two_sided_test: false }
    }
}

/// What moves.
#[derive(Debug, Clone, PartialEq)]
pub struct HddmAState {
    all: RunningMean,
    /// Up to where the mean was least; of no value at the start.
    least: RunningMean,
    /// Up to where the mean was largest; of no value at the start.
    largest: RunningMean,
}

impl HddmASettings {
    fn bound(&self, n: u64) -> f64 {
        ((1.0 / self.drift_confidence).ln() / (2.0 * n as f64)).sqrt()
    }
}

/// What the mean of a part may differ by from that of all.
fn distance(all: RunningMean, part: RunningMean, confidence: f64) -> f64 {
    let (n, m) = (all.n as f64, part.n as f64);
    ((n - m) / (n * m) / 2.0 * (2.0 / confidence).ln()).sqrt()
}

impl Settings for HddmASettings {
    type State = HddmAState;

    fn issues(&self) -> Vec<SettingIssue> {
        Checks::default()
            .share("detector/drift_confidence", self.drift_confidence)
            .share("detector/warning_confidence", self.warning_confidence)
            .issues()
    }

    fn start(&self) -> HddmAState {
        let none = RunningMean::default();
        HddmAState { all: none, least: none, largest: none }
    }

    fn update(&self, state: &mut HddmAState, x: f64) -> Verdict {
        state.all.add(x);
        let (all, bound) = (state.all, self.bound(state.all.n));
        if state.least.n == 0 || state.least.mean + self.bound(state.least.n) >= all.mean + bound {
            state.least = all;
        }
        if state.largest.n == 0 || state.largest.mean - self.bound(state.largest.n) <= all.mean - bound {
            state.largest = all;
        }
        let sides = [(state.least, all.mean - state.least.mean), (state.largest, state.largest.mean - all.mean)];
        let mut verdict = Verdict::default();
        for (part, change) in sides.into_iter().take(if self.two_sided_test { 2 } else { 1 }) {
            if part.n == all.n {
                continue;
            }
            let threshold = distance(all, part, self.drift_confidence);
            let is_warning = change >= distance(all, part, self.warning_confidence);
            verdict = verdict.or(Verdict { is_drift: change >= threshold, ..Verdict::above(change, threshold) });
            verdict.is_warning |= is_warning;
        }
        verdict.is_warning &= !verdict.is_drift;
        verdict
    }

    fn save(&self, state: &HddmAState) -> Record {
        state.largest.save(state.least.save(state.all.save(Record::default())))
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<HddmAState, TensorError> {
        let mut next = || RunningMean::restore(reader);
        Ok(HddmAState { all: next()?, least: next()?, largest: next()? })
    }
}
