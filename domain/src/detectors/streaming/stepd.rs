//! STEPD: is the share of errors in the last values another than in all before them?
//!
//! The last `window_size` values are compared with all before them by the test of equal proportions with its continuity
//! correction. Its one-sided p-value below `alpha_d` is a drift, below `alpha_w` a warning. With the `alternative` `greater`, only more
//! errors count; `less`, only fewer. Choose it for sudden changes of an error rate.
//!
//! Where there is no error at all, or nothing else, nothing changes.
//!
//! **Cost**: a step O(1), memory a bit for each value of the window.
//!
//! **Source**: Nishida & Yamauchi, *Detecting concept drift using statistical testing*, Discovery Science (2007).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc_inv;

use super::checks::Checks;
use super::record::{Reader, Record};
use super::{Settings, Verdict};
use crate::data::TensorError;
use crate::detectors::SettingIssue;
use crate::statistics::alternative::Alternative;

/// The parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepdSettings {
    /// Significance of a drift, between 0 and 1/2.
    pub alpha_d: f64,
    /// Significance of a warning, between 0 and 1/2.
    pub alpha_w: f64,
    /// The last values, which are compared.
    pub window_size: usize,
    /// Which change of the share of errors counts.
    pub alternative: Alternative,
}

impl Default for StepdSettings {
    fn default() -> Self {
        Self { alpha_d: 0.003, alpha_w: 0.05, window_size: 30, alternative: Alternative::TwoSided }
    }
}

/// Larger windows than this are refused.
const WINDOW_MAX: usize = 10_000;

/// What moves.
#[derive(Debug, Clone, PartialEq)]
pub struct StepdState {
    n: u64,
    /// Values without an error.
    n_correct: u64,
    n_recent_correct: u64,
    /// Whether each of the last values is no error, the oldest first.
    recent: VecDeque<bool>,
    /// What the statistic may be without a drift and a warning; follows from the settings.
    limits: [f64; 2],
}

/// The point above which a standard normal value is with a probability.
fn normal_quantile_above(probability: f64) -> f64 {
    std::f64::consts::SQRT_2 * erfc_inv(2.0 * probability)
}

impl Settings for StepdSettings {
    type State = StepdState;

    fn issues(&self) -> Vec<SettingIssue> {
        let window = self.window_size;
        let small = |alpha: f64| alpha > 0.0 && alpha < 0.5;
        Checks::default()
            .expect(small(self.alpha_d), "detector/alpha_d", || {
                format!("expected a number between 0 and 0.5, {} came", self.alpha_d)
            })
            .expect(small(self.alpha_w), "detector/alpha_w", || {
                format!("expected a number between 0 and 0.5, {} came", self.alpha_w)
            })
            .expect((2..=WINDOW_MAX).contains(&window), "detector/window_size", || {
                format!("expected a window of 2 to {WINDOW_MAX} rows, {window} came")
            })
            .issues()
    }

    fn start(&self) -> StepdState {
        StepdState {
            n: 0,
            n_correct: 0,
            n_recent_correct: 0,
            recent: VecDeque::with_capacity(self.window_size + 1),
            limits: [self.alpha_d, self.alpha_w].map(normal_quantile_above),
        }
    }

    fn update(&self, state: &mut StepdState, x: f64) -> Verdict {
        let is_correct = x == 0.0;
        state.n += 1;
        state.n_correct += u64::from(is_correct);
        state.n_recent_correct += u64::from(is_correct);
        state.recent.push_back(is_correct);
        if state.recent.len() > self.window_size
            && let Some(leaving) = state.recent.pop_front()
        {
            state.n_recent_correct -= u64::from(leaving);
        }
        let window = self.window_size as u64;
        if state.n < 2 * window {
            return Verdict::warm_up();
        }
        let (n_old, n_new) = ((state.n - window) as f64, window as f64);
        let share_old = (state.n_correct - state.n_recent_correct) as f64 / n_old;
        let share_new = state.n_recent_correct as f64 / n_new;
        let share = state.n_correct as f64 / state.n as f64;
        let inverse = 1.0 / n_old + 1.0 / n_new;
        let spread = (share * (1.0 - share) * inverse).sqrt();
        // Without variance there is nothing to tell from it.
        let statistic =
            if spread > 0.0 { (((share_old - share_new).abs() - 0.5 * inverse) / spread).abs() } else { 0.0 };
        let [drift, warning] = state.limits;
        let counts = match self.alternative {
            Alternative::TwoSided => true,
            Alternative::Greater => share_new < share_old,
            Alternative::Less => share_new > share_old,
        };
        let statistic = if counts { statistic } else { 0.0 };
        Verdict::above(statistic, drift).with_warning(statistic > warning)
    }

    fn save(&self, state: &StepdState) -> Record {
        let record = Record::default().count(state.n).count(state.n_correct).count(state.recent.len() as u64);
        record.bits(state.recent.iter().copied())
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<StepdState, TensorError> {
        let mut state = self.start();
        state.n = reader.count()?;
        state.n_correct = reader.count()?.min(state.n);
        let n_recent = reader.count_to(self.window_size)?;
        state.recent.extend(reader.bits(n_recent)?);
        state.n_recent_correct = state.recent.iter().filter(|is_correct| **is_correct).count() as u64;
        state.n = state.n.max(n_recent as u64);
        state.n_correct = state.n_correct.max(state.n_recent_correct);
        Ok(state)
    }
}
