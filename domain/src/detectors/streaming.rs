//! Streaming detectors of the field: a verdict on each value of one column, from what went before.
//!
//! They know no expected run time: their settings are those of their papers, and of the libraries that have them. The reference is fed
//! first, so that the first row is judged against it, unless `feed_reference` is off. After a drift the next value starts anew.

mod adwin;
mod bocd;
mod checks;
mod cusum;
mod ddm;
mod ecdd;
mod eddm;
mod fhddm;
mod geometric_moving_average;
mod hddm_a;
mod hddm_w;
mod kswin;
mod page_hinkley;
mod rddm;
mod record;
mod running_mean;
mod sensitivity;
mod stepd;
#[cfg(test)]
mod tests;

pub use adwin::{AdwinSettings, AdwinState};
pub use bocd::{BocdSettings, BocdState};
pub use cusum::{CusumSettings, CusumState};
pub use ddm::{DdmSettings, DdmState};
pub use ecdd::{EcddSettings, EcddState};
pub use eddm::{EddmSettings, EddmState};
pub use fhddm::{FhddmSettings, FhddmState};
pub use geometric_moving_average::{GeometricMovingAverageSettings, GeometricMovingAverageState};
pub use hddm_a::{HddmASettings, HddmAState};
pub use hddm_w::{HddmWSettings, HddmWState};
pub use kswin::{KswinSettings, KswinState};
pub use page_hinkley::{ChangeMode, PageHinkleySettings, PageHinkleyState};
pub use rddm::{RddmSettings, RddmState};
pub(crate) use sensitivity::sensitivity_of;
pub use stepd::{StepdSettings, StepdState};

use serde::{Deserialize, Serialize};

use self::record::{Reader, Record};
use super::online::{FitProblem, OnlineDetector, OnlineSpec, OnlineState};
use super::{DetectorKind, SettingIssue};
use crate::data::{TensorError, Tensors};
use crate::detection::Detection;
use crate::ports::Progress;

/// The settings of a kind, which judge one value after the other. They never change: what does is the state.
trait Settings {
    /// What moves.
    type State;

    /// The settings that cannot be used.
    fn issues(&self) -> Vec<SettingIssue>;

    /// Takes what was left out from the reference.
    fn learn(&mut self, _reference: &[f64]) {}

    /// The state before the first value.
    fn start(&self) -> Self::State;

    /// Makes the state ready for the value after a drift.
    fn restart(&self, state: &mut Self::State) {
        *state = self.start();
    }

    /// Takes a finite value in.
    fn update(&self, state: &mut Self::State, x: f64) -> Verdict;

    /// The numbers of a state.
    fn save(&self, state: &Self::State) -> Record;

    /// The state of such numbers.
    ///
    /// # Errors
    /// When they are not what [`Self::save`] of these settings gives.
    fn restore(&self, reader: &mut Reader<'_>) -> Result<Self::State, TensorError>;
}

/// The verdict on a value.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Verdict {
    is_drift: bool,
    is_warning: bool,
    warm_up: bool,
    statistic: Option<f64>,
    threshold: Option<f64>,
}

impl Verdict {
    /// That there are too few values yet.
    fn warm_up() -> Self {
        Self { warm_up: true, ..Self::default() }
    }

    /// A drift where the statistic is above the threshold.
    fn above(statistic: f64, threshold: f64) -> Self {
        let (is_drift, statistic, threshold) = (statistic > threshold, Some(statistic), Some(threshold));
        Self { is_drift, statistic, threshold, ..Self::default() }
    }

    /// The same with a warning, which a drift supersedes.
    fn with_warning(self, is_warning: bool) -> Self {
        Self { is_warning: is_warning && !self.is_drift, ..self }
    }

    /// What either side says; the numbers are those of the side that is further beyond its threshold.
    fn or(self, other: Self) -> Self {
        let excess = |verdict: &Self| {
            verdict
                .statistic
                .zip(verdict.threshold)
                .map_or(f64::NEG_INFINITY, |(statistic, threshold)| statistic - threshold)
        };
        let told = if excess(&other) > excess(&self) { other } else { self };
        Self { is_drift: self.is_drift || other.is_drift, is_warning: self.is_warning || other.is_warning, ..told }
    }
}

/// 1 for an error, 0 for none.
fn as_error(x: f64) -> f64 {
    f64::from(u8::from(x != 0.0))
}

/// Declares the closed set of kinds once: their settings, their states, and what goes to the kind at hand.
macro_rules! kinds {
    ($($kind:ident($settings:ident, $state:ident)),+ $(,)?) => {
        /// A streaming kind with its settings.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum StreamingSettings {
            $(#[doc = concat!("See [`", stringify!($settings), "`].")] $kind($settings)),+
        }

        /// What moves in a kind.
        #[derive(Debug, Clone, PartialEq)]
        pub enum StreamingKindState {
            $(#[doc = concat!("Of [`", stringify!($settings), "`].")] $kind($state)),+
        }

        impl StreamingSettings {
            /// The kind.
            pub fn kind(&self) -> DetectorKind {
                match self { $(Self::$kind(_) => DetectorKind::$kind),+ }
            }

            /// The settings that cannot be used, with their places in a request.
            pub fn issues(&self) -> Vec<SettingIssue> {
                match self { $(Self::$kind(settings) => settings.issues()),+ }
            }

            fn learn(&mut self, reference: &[f64]) {
                match self { $(Self::$kind(settings) => settings.learn(reference)),+ }
            }

            fn start(&self) -> StreamingKindState {
                match self { $(Self::$kind(settings) => StreamingKindState::$kind(settings.start())),+ }
            }

            fn restart(&self, state: &mut StreamingKindState) {
                match (self, state) {
                    $((Self::$kind(settings), StreamingKindState::$kind(state)) => settings.restart(state),)+
                    _ => unreachable!("a detector is handed its own state"),
                }
            }

            fn update(&self, state: &mut StreamingKindState, x: f64) -> Verdict {
                match (self, state) {
                    $((Self::$kind(settings), StreamingKindState::$kind(state)) => settings.update(state, x),)+
                    _ => unreachable!("a detector is handed its own state"),
                }
            }

            fn save(&self, state: &StreamingKindState) -> Record {
                match (self, state) {
                    $((Self::$kind(settings), StreamingKindState::$kind(state)) => settings.save(state),)+
                    _ => unreachable!("a detector is handed its own state"),
                }
            }

            fn restore(&self, reader: &mut Reader<'_>) -> Result<StreamingKindState, TensorError> {
                match self {
                    $(Self::$kind(settings) => settings.restore(reader).map(StreamingKindState::$kind)),+
                }
            }
        }
    };
}

kinds! {
    Adwin(AdwinSettings, AdwinState),
    PageHinkley(PageHinkleySettings, PageHinkleyState),
    Kswin(KswinSettings, KswinState),
    Cusum(CusumSettings, CusumState),
    Ddm(DdmSettings, DdmState),
    Eddm(EddmSettings, EddmState),
    HddmA(HddmASettings, HddmAState),
    HddmW(HddmWSettings, HddmWState),
    Rddm(RddmSettings, RddmState),
    Stepd(StepdSettings, StepdState),
    Fhddm(FhddmSettings, FhddmState),
    Ecdd(EcddSettings, EcddState),
    GeometricMovingAverage(GeometricMovingAverageSettings, GeometricMovingAverageState),
    Bocd(BocdSettings, BocdState),
}

/// A streaming kind with every parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamingSpec {
    /// The kind with its settings.
    #[serde(flatten)]
    pub settings: StreamingSettings,
    /// Whether the first row finds the detector as the rows of the reference leave it.
    pub feed_reference: bool,
}

/// Rows of the reference that are fed between two looks at whether anybody wants them to be.
const ROWS_PER_REPORT: usize = 1_000;
/// Rows that are looked at for an explanation.
const RECENT_ROWS: usize = 100;

impl StreamingSpec {
    /// About how many nanoseconds a value takes.
    pub(crate) fn step_cost_ns(&self) -> u64 {
        match &self.settings {
            StreamingSettings::Kswin(settings) => 50 + settings.window_size as u64,
            StreamingSettings::Bocd(settings) => 50 + 14 * settings.max_run_lengths,
            _ => 100,
        }
    }

    /// Rows that are looked at for an explanation: those that the kind compares, if it compares some.
    pub(crate) fn n_recent(&self) -> usize {
        match &self.settings {
            StreamingSettings::Kswin(settings) => settings.stat_size,
            StreamingSettings::Stepd(settings) => settings.window_size,
            StreamingSettings::Fhddm(settings) => settings.sliding_window_size,
            _ => RECENT_ROWS,
        }
    }
}

/// What moves while [`Streaming`] serves.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamingState {
    time: u64,
    /// Whether the last value was a drift.
    is_after_drift: bool,
    pub(super) kind: StreamingKindState,
}

impl StreamingState {
    /// Rows fed, those of the reference not included.
    pub fn time(&self) -> u64 {
        self.time
    }
}

/// The fitted detector of any streaming kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Streaming {
    spec: StreamingSpec,
    start: StreamingState,
}

impl Streaming {
    /// Fits on the values of one column.
    ///
    /// # Errors
    /// With several columns, or when cancelled.
    pub fn fit(
        spec: &StreamingSpec,
        reference: &[f64],
        n_columns: usize,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        if n_columns != 1 {
            return Err(FitProblem::SeveralColumns { actual: n_columns });
        }
        let mut spec = spec.clone();
        spec.settings.learn(reference);
        let mut start = StreamingState { time: 0, is_after_drift: false, kind: spec.settings.start() };
        if spec.feed_reference {
            for rows in reference.chunks(ROWS_PER_REPORT) {
                if progress.is_cancelled() {
                    return Err(FitProblem::Cancelled);
                }
                for x in rows {
                    advance(&spec.settings, &mut start, *x);
                }
            }
            start.time = 0;
        }
        Ok(Self { spec, start })
    }

    /// The detector that was saved.
    ///
    /// # Errors
    /// When no fit gives such settings, or when the arrays are not those of such a detector.
    pub fn restore(spec: &StreamingSpec, tensors: &Tensors, n_columns: usize) -> Result<Self, TensorError> {
        let issues = spec.settings.issues();
        if n_columns != 1 || !issues.is_empty() {
            let wrong = issues.first().map_or("several columns", |issue| issue.setting);
            let reason = format!("no fit gives such settings: {wrong}");
            return Err(TensorError::Value { name: "streaming_counts".to_owned(), reason });
        }
        let start = restore_state(&spec.settings, tensors)?;
        Ok(Self { spec: spec.clone(), start })
    }
}

fn advance(settings: &StreamingSettings, state: &mut StreamingState, x: f64) -> Verdict {
    if state.is_after_drift {
        settings.restart(&mut state.kind);
    }
    let verdict = settings.update(&mut state.kind, x);
    state.time += 1;
    state.is_after_drift = verdict.is_drift;
    verdict
}

fn save_state(settings: &StreamingSettings, state: &StreamingState) -> Tensors {
    let mut tensors = Tensors::new();
    tensors.insert_u64("time", vec![state.time]);
    tensors.insert_u64("is_after_drift", vec![u64::from(state.is_after_drift)]);
    settings.save(&state.kind).store(&mut tensors);
    tensors
}

fn restore_state(settings: &StreamingSettings, tensors: &Tensors) -> Result<StreamingState, TensorError> {
    let time = tensors.u64s_of_length("time", 1)?[0];
    let is_after_drift = tensors.u64s_of_length("is_after_drift", 1)?[0] != 0;
    let mut reader = Reader::new(tensors)?;
    let kind = settings.restore(&mut reader)?;
    reader.end()?;
    Ok(StreamingState { time, is_after_drift, kind })
}

impl OnlineDetector for Streaming {
    fn start(&self) -> OnlineState {
        OnlineState::Streaming(Box::new(self.start.clone()))
    }

    fn step(&self, state: &mut OnlineState, x: &[f64]) -> Detection {
        let OnlineState::Streaming(state) = state else { unreachable!("a detector is handed its own state") };
        let x = x.first().copied().unwrap_or_default();
        let Verdict { is_drift, is_warning, warm_up, statistic, threshold } = advance(&self.spec.settings, state, x);
        let time = state.time;
        Detection { is_drift, is_warning, warm_up, statistic, threshold, time, rows: 1, ..Detection::default() }
    }

    fn save_state(&self, state: &OnlineState) -> Tensors {
        let OnlineState::Streaming(state) = state else { unreachable!("a detector is handed its own state") };
        save_state(&self.spec.settings, state)
    }

    fn restore_state(&self, tensors: &Tensors) -> Result<OnlineState, TensorError> {
        Ok(OnlineState::Streaming(Box::new(restore_state(&self.spec.settings, tensors)?)))
    }

    fn save(&self) -> Tensors {
        save_state(&self.spec.settings, &self.start)
    }

    fn spec(&self) -> OnlineSpec {
        OnlineSpec::Streaming(self.spec.clone())
    }

    fn step_cost_ns(&self) -> u64 {
        self.spec.step_cost_ns()
    }
}
