//! EDDM: do errors come closer together than at their best?
//!
//! Of the distances between errors, in values, the mean and the standard deviation are kept, and the largest
//! `mean + 2 deviations`. At an error, the ratio of it now to the largest is judged: below `alpha` it is a warning, which holds until
//! an error without one, below `beta` a drift. Choose it for slow changes of an error rate.
//!
//! **Cost**: a step O(1), seven numbers of memory.
//!
//! **Source**: Baena-García et al., *Early drift detection method*, International Workshop on Knowledge Discovery from Data
//! Streams (2006).

use serde::{Deserialize, Serialize};

use super::checks::Checks;
use super::record::{Reader, Record};
use super::{Settings, Verdict};
use crate::data::TensorError;
use crate::detectors::SettingIssue;

/// The parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EddmSettings {
    /// Values, and errors, without a verdict.
    pub warm_start: u64,
    /// The ratio below which there is a warning, between 0 and 1.
    pub alpha: f64,
    /// The ratio below which there is a drift, between 0 and 1.
    pub beta: f64,
}

impl Default for EddmSettings {
    fn default() -> Self {
        Self { warm_start: 30, alpha: 0.95, beta: 0.9 }
    }
}

/// What moves.
#[derive(Debug, Clone, PartialEq)]
pub struct EddmState {
    n: u64,
    n_errors: u64,
    last_error: u64,
    mean: f64,
    /// Sum of squared deviations of the distances from their mean.
    squares: f64,
    largest: f64,
    is_warning: bool,
}

impl Settings for EddmSettings {
    type State = EddmState;

    fn issues(&self) -> Vec<SettingIssue> {
        Checks::default()
            .count("detector/warm_start", self.warm_start, 0)
            .share("detector/alpha", self.alpha)
            .share("detector/beta", self.beta)
            .issues()
    }

    fn start(&self) -> EddmState {
        EddmState { n: 0, n_errors: 0, last_error: 0, mean: 0.0, squares: 0.0, largest: 0.0, is_warning: false }
    }

    fn update(&self, state: &mut EddmState, x: f64) -> Verdict {
        state.n += 1;
        let mut verdict = Verdict { warm_up: state.n <= self.warm_start, ..Verdict::default() };
        if x != 0.0 {
            let distance = (state.n - state.last_error) as f64;
            (state.last_error, state.n_errors) = (state.n, state.n_errors + 1);
            let n_errors = state.n_errors as f64;
            let deviation = distance - state.mean;
            state.mean += deviation / n_errors;
            state.squares += deviation * (distance - state.mean);
            if state.n > self.warm_start {
                let spread = if state.n_errors > 1 { (state.squares / (n_errors - 1.0)).sqrt() } else { 0.0 };
                let level = state.mean + 2.0 * spread;
                if level > state.largest {
                    state.largest = level;
                } else if state.n_errors > self.warm_start {
                    let ratio = level / state.largest;
                    verdict.statistic = Some(ratio);
                    verdict.threshold = Some(self.beta);
                    verdict.is_drift = ratio < self.beta;
                    // A warning before a drift holds at it.
                    state.is_warning = if verdict.is_drift { state.is_warning } else { ratio < self.alpha };
                }
            }
        }
        verdict.warm_up |= state.n_errors <= self.warm_start;
        Verdict { is_warning: state.is_warning, ..verdict }
    }

    fn save(&self, state: &EddmState) -> Record {
        let record = Record::default().count(state.n).count(state.n_errors).count(state.last_error);
        record.flag(state.is_warning).values([state.mean, state.squares, state.largest])
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<EddmState, TensorError> {
        let (n, n_errors) = (reader.count()?, reader.count()?);
        let last_error = reader.count()?.min(n);
        let is_warning = reader.flag()?;
        let (mean, squares, largest) = (reader.value()?, reader.value()?, reader.value()?);
        Ok(EddmState { n, n_errors, last_error, mean, squares, largest, is_warning })
    }
}
