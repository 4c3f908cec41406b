//! KSWIN: do the last values have another distribution than those before them in a window?
//!
//! Of the last `window_size` values, the last `stat_size` are compared with as many drawn without replacement from the older ones,
//! by the two-sample Kolmogorov–Smirnov test. There is a drift where its exact p-value is at most `alpha` and the distance above 0.1;
//! the next value then starts a new window. Choose it for changes of a distribution that leave its mean alone.
//!
//! The p-value falls with the distance, so the least distance that is a drift is known beforehand. The draws come from the seed and
//! from the number of draws before, which is part of the state.
//!
//! **Cost**: a step O(s log s) for `stat_size` s, memory O(`window_size`).
//!
//! **Source**: Raab, Heusinger & Schleif, *Reactive soft prototype computing for concept drift streams*, Neurocomputing 416
//! (2020).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::checks::Checks;
use super::record::{Reader, Record};
use super::{Settings, Verdict};
use crate::data::TensorError;
use crate::detectors::SettingIssue;
use crate::statistics::alternative::Alternative;
use crate::statistics::draws::{DistinctDraws, stream};
use crate::statistics::kolmogorov_smirnov::p_value_exact;

/// The parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KswinSettings {
    /// Significance of a test, between 0 and 1.
    pub alpha: f64,
    /// Values of the window, at least twice `stat_size`.
    pub window_size: usize,
    /// The last values, which are compared.
    pub stat_size: usize,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for KswinSettings {
    fn default() -> Self {
        Self { alpha: 0.005, window_size: 100, stat_size: 30, seed: 0 }
    }
}

/// Larger windows than this are refused.
const WINDOW_MAX: usize = 10_000;
/// Distances up to this are none.
const DISTANCE_MIN: f64 = 0.1;

/// What moves.
#[derive(Debug, Clone, PartialEq)]
pub struct KswinState {
    /// The last values, the oldest first.
    window: VecDeque<f64>,
    n_draws: u64,
    /// The least distance that is a drift, in parts of `stat_size`; follows from the settings.
    critical: usize,
}

impl KswinSettings {
    fn critical(&self) -> usize {
        let n = self.stat_size;
        let is_drift = |parts: usize| {
            let distance = parts as f64 / n as f64;
            distance > DISTANCE_MIN && p_value_exact(distance, n, n, Alternative::TwoSided) <= self.alpha
        };
        let (mut below, mut critical) = (0, n + 1);
        while critical - below > 1 {
            let middle = usize::midpoint(below, critical);
            if is_drift(middle) {
                critical = middle;
            } else {
                below = middle;
            }
        }
        critical
    }

    /// As many of the older values as are compared with them.
    fn sample(&self, state: &mut KswinState) -> Vec<f64> {
        let n_older = state.window.len() - self.stat_size;
        if n_older == self.stat_size {
            return state.window.iter().take(n_older).copied().collect();
        }
        let mut drawn = vec![0; self.stat_size];
        DistinctDraws::new(n_older).fill(n_older, &mut drawn, &mut stream(self.seed, state.n_draws));
        state.n_draws += 1;
        drawn.into_iter().map(|index| state.window[index]).collect()
    }
}

/// The largest difference of the distribution functions of two samples of equal size, in parts of it.
fn distance(mut x: Vec<f64>, mut y: Vec<f64>) -> usize {
    x.sort_unstable_by(f64::total_cmp);
    y.sort_unstable_by(f64::total_cmp);
    let (mut i, mut j, mut largest) = (0, 0, 0);
    while i < x.len() && j < y.len() {
        let value = x[i].min(y[j]);
        while i < x.len() && x[i] <= value {
            i += 1;
        }
        while j < y.len() && y[j] <= value {
            j += 1;
        }
        largest = largest.max(i.abs_diff(j));
    }
    largest
}

impl Settings for KswinSettings {
    type State = KswinState;

    fn issues(&self) -> Vec<SettingIssue> {
        let (window, sample) = (self.window_size, self.stat_size);
        Checks::default()
            .share("detector/alpha", self.alpha)
            .expect((4..=WINDOW_MAX).contains(&window), "detector/window_size", || {
                format!("expected a window of 4 to {WINDOW_MAX} rows, {window} came")
            })
            .expect(sample >= 2 && sample <= window / 2, "detector/stat_size", || {
                format!("expected 2 to {} (half of the window) rows, {sample} came", window / 2)
            })
            .issues()
    }

    fn start(&self) -> KswinState {
        KswinState { window: VecDeque::with_capacity(self.window_size + 1), n_draws: 0, critical: self.critical() }
    }

    fn restart(&self, state: &mut KswinState) {
        state.window.clear();
    }

    fn update(&self, state: &mut KswinState, x: f64) -> Verdict {
        state.window.push_back(x);
        if state.window.len() > self.window_size {
            state.window.pop_front();
        }
        if state.window.len() < self.window_size {
            return Verdict::warm_up();
        }
        let sample = self.sample(state);
        let recent = state.window.iter().skip(self.window_size - self.stat_size).copied().collect();
        let distance = distance(recent, sample);
        let share = |parts: usize| Some(parts as f64 / self.stat_size as f64);
        Verdict {
            is_drift: distance >= state.critical,
            statistic: share(distance),
            // Distances are whole parts: those above this one are a drift.
            threshold: share(state.critical.saturating_sub(1)),
            ..Verdict::default()
        }
    }

    fn save(&self, state: &KswinState) -> Record {
        let record = Record::default().count(state.n_draws).count(state.window.len() as u64);
        record.values(state.window.iter().copied())
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<KswinState, TensorError> {
        let mut state = self.start();
        state.n_draws = reader.count()?;
        let n_values = reader.count_to(self.window_size)?;
        state.window.extend(reader.finite(n_values)?);
        Ok(state)
    }
}
