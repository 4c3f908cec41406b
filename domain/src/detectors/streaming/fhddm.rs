//! FHDDM: is the share of errors in the last values above its least, by Hoeffding's bound?
//!
//! The share of errors in the last `sliding_window_size` values is compared with the least that it has been. It is a drift where it is
//! above by more than `sqrt(ln(1 / confidence_level) / (2 sliding_window_size))`. With `short_window_size` the last values of that
//! window are watched in the same way beside, by the bound of their number: they tell a sudden change sooner. Choose it for sudden
//! changes of an error rate, with a delay that the window bounds.
//!
//! The bound holds for one comparison of two windows that have no value in common. The least of many is lower, so alarms
//! come more often than `confidence_level` says.
//!
//! **Cost**: a step O(1), memory a bit for each value of the window.
//!
//! **Source**: Pesaranghader & Viktor, *Fast Hoeffding drift detection method for evolving data streams*, ECML PKDD (2016); for
//! two windows Pesaranghader, Viktor & Paquet, *Reservoir of diverse adaptive learners and stacking fast Hoeffding drift detection methods
//! for evolving data streams*, Machine Learning 107 (2018).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::checks::Checks;
use super::record::{Reader, Record};
use super::{Settings, Verdict, as_error};
use crate::data::TensorError;
use crate::detectors::SettingIssue;

/// The parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FhddmSettings {
    /// The last values, whose share of errors is watched.
    pub sliding_window_size: usize,
    /// Significance of one comparison, between 0 and 1.
    pub confidence_level: f64,
    /// The last of them that are watched beside, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_window_size: Option<usize>,
}

impl Default for FhddmSettings {
    fn default() -> Self {
        Self { sliding_window_size: 100, confidence_level: 1e-6, short_window_size: None }
    }
}

/// Larger windows than this are refused.
const WINDOW_MAX: usize = 10_000;

/// What moves.
#[derive(Debug, Clone, PartialEq)]
pub struct FhddmState {
    /// Whether each of the last values is an error, the oldest first.
    recent: VecDeque<bool>,
    long: Errors,
    short: Errors,
}

/// Errors in the last values of a number.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Errors {
    now: u64,
    /// The fewest since the window is full.
    fewest: u64,
}

impl FhddmSettings {
    /// What a share may be above its least, of so many values.
    fn bound(&self, n: usize) -> f64 {
        (-self.confidence_level.ln() / (2.0 * n as f64)).sqrt()
    }

    /// The smallest of its windows.
    fn smallest_window(&self) -> usize {
        self.short_window_size.unwrap_or(self.sliding_window_size)
    }

    /// Decades of the significance from which on the bound is 1, above which no share is.
    pub(super) fn decades_max(&self) -> f64 {
        2.0 * self.smallest_window() as f64 / std::f64::consts::LN_10
    }

    fn judge(&self, errors: &mut Errors, n: usize) -> Verdict {
        errors.fewest = errors.fewest.min(errors.now);
        Verdict::above((errors.now - errors.fewest) as f64 / n as f64, self.bound(n))
    }
}

impl Settings for FhddmSettings {
    type State = FhddmState;

    fn issues(&self) -> Vec<SettingIssue> {
        let (long, short) = (self.sliding_window_size, self.short_window_size);
        let is_share = self.confidence_level > 0.0 && self.confidence_level < 1.0;
        let tells = |n: usize| !is_share || self.bound(n) < 1.0;
        // With fewer values no share is above another by the bound.
        let too_few = |n: usize| {
            let least = (-0.5 * self.confidence_level.ln()).floor() + 1.0;
            format!("expected a window of at least {least} rows at this `confidence_level`, {n} came")
        };
        Checks::default()
            .share("detector/confidence_level", self.confidence_level)
            .expect((2..=WINDOW_MAX).contains(&long), "detector/sliding_window_size", || {
                format!("expected a window of 2 to {WINDOW_MAX} rows, {long} came")
            })
            .expect(tells(long), "detector/sliding_window_size", || too_few(long))
            .expect(short.is_none_or(|short| (2..long).contains(&short)), "detector/short_window_size", || {
                format!(
                    "expected a window of at least 2 rows, below `sliding_window_size`, {} came",
                    short.unwrap_or(0)
                )
            })
            .expect(short.is_none_or(tells), "detector/short_window_size", || too_few(short.unwrap_or(0)))
            .issues()
    }

    fn start(&self) -> FhddmState {
        let none = Errors { now: 0, fewest: u64::MAX };
        FhddmState { recent: VecDeque::with_capacity(self.sliding_window_size + 1), long: none, short: none }
    }

    fn update(&self, state: &mut FhddmState, x: f64) -> Verdict {
        let is_error = as_error(x) > 0.0;
        let (long, short) = (self.sliding_window_size, self.short_window_size);
        state.recent.push_back(is_error);
        state.long.now += u64::from(is_error);
        if let Some(short) = short {
            state.short.now += u64::from(is_error);
            if let Some(leaving) = state.recent.len().checked_sub(short + 1).and_then(|index| state.recent.get(index)) {
                state.short.now -= u64::from(*leaving);
            }
        }
        if state.recent.len() > long
            && let Some(leaving) = state.recent.pop_front()
        {
            state.long.now -= u64::from(leaving);
        }
        if state.recent.len() < long {
            return Verdict::warm_up();
        }
        let verdict = self.judge(&mut state.long, long);
        short.map_or(verdict, |short| verdict.or(self.judge(&mut state.short, short)))
    }

    fn save(&self, state: &FhddmState) -> Record {
        let record = Record::default().count(state.long.fewest).count(state.short.fewest);
        record.count(state.recent.len() as u64).bits(state.recent.iter().copied())
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<FhddmState, TensorError> {
        let mut state = self.start();
        (state.long.fewest, state.short.fewest) = (reader.count()?, reader.count()?);
        let n_recent = reader.count_to(self.sliding_window_size)?;
        state.recent.extend(reader.bits(n_recent)?);
        let errors = |n: usize| state.recent.iter().rev().take(n).filter(|is_error| **is_error).count() as u64;
        let now = [self.sliding_window_size, self.short_window_size.unwrap_or(0)].map(errors);
        [state.long.now, state.short.now] = now;
        Ok(state)
    }
}
