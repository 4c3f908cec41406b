//! KSWIN: do the last values have another distribution than those before them in a window?
//!
//! Of the last `window_size` values, the last `stat_size` are compared with as many drawn without replacement from the older ones,
//! by the two-sample Kolmogorov–Smirnov test. There is a drift where its exact p-value is at most `alpha` and the distance above 0.1;
//! the next value then starts a new window. Choose it for changes of a distribution that leave its mean alone.
//!
//! The p-value falls with the distance, so the least distance that is a drift is known beforehand. The window is kept sorted: a value
//! takes the place of the oldest one, and the distance is a walk along it, over weights of the recent values and of those drawn. The
//! draws come from the seed and from the number of draws before, which is part of the state.
//!
//! **Cost**: a step O(`window_size`), without a sort and without memory from the system; memory O(`window_size`).
//!
//! **Source**: Raab, Heusinger & Schleif, *Reactive soft prototype computing for concept drift streams*, Neurocomputing 416
//! (2020).

mod sorted_window;

use rand::Rng;
use serde::{Deserialize, Serialize};

use self::sorted_window::SortedWindow;
use super::checks::Checks;
use super::record::{Reader, Record};
use super::{Settings, Verdict};
use crate::data::TensorError;
use crate::detectors::SettingIssue;
use crate::statistics::alternative::Alternative;
use crate::statistics::draws::short_stream;
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
    window: SortedWindow,
    n_draws: u64,
    /// The least distance that is a drift, in parts of `stat_size`; follows from the settings.
    critical: usize,
    /// What each slot counts in the difference of the distribution functions: 1 if it is recent, 0 else, -1 while it is drawn.
    weights: Vec<i16>,
    /// Room for the slots that may be drawn.
    older: Vec<u16>,
    /// Room for the difference of the distribution functions along the window.
    differences: Vec<i16>,
}

impl KswinState {
    /// The largest difference of the distribution functions of two samples of equal size, by their weights, in parts of it.
    fn distance(&mut self) -> usize {
        let (weights, mut difference) = (self.weights.as_slice(), 0);
        self.differences.clear();
        self.differences.extend(self.window.slots().iter().map(|slot| {
            difference += weights[usize::from(*slot)];
            difference
        }));
        // Between equal values there is no place to look. In a loop of its own, which becomes vector instructions.
        let (mut most, mut least) = (0_i16, 0_i16);
        for (difference, end) in self.differences.iter().zip(self.window.ends()) {
            let difference = difference & end;
            most = most.max(difference);
            least = least.min(difference);
        }
        usize::from(most.unsigned_abs().max(least.unsigned_abs()))
    }
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

    /// Gives as many of the older values as there are recent ones a weight, each of them as likely as any: those that a shuffle
    /// (Fisher & Yates, by Durstenfeld) puts first.
    fn draw(&self, state: &mut KswinState) {
        let n_older = self.window_size - self.stat_size;
        if n_older == self.stat_size {
            state.weights.iter_mut().for_each(|weight| *weight = if *weight > 0 { 1 } else { -1 });
            return;
        }
        let mut generator = short_stream(self.seed, state.n_draws);
        state.n_draws = state.n_draws.wrapping_add(1);
        let KswinState { window, weights, older, .. } = state;
        older.clear();
        older.extend(window.slots_by_age(n_older));
        for first in (0..self.stat_size).step_by(2) {
            let number = generator.next_u64();
            // One half each. Some values are more likely than others by a part in 400,000, in windows of 10,000.
            for (place, half) in [(first, number >> 32), (first + 1, number & 0xffff_ffff)] {
                if place < self.stat_size {
                    let drawn = place + ((half * (n_older - place) as u64) >> 32) as usize;
                    weights[usize::from(older[drawn])] = -1;
                    // What stands before is not looked at again.
                    older[drawn] = older[place];
                }
            }
        }
    }

    /// Takes a value in; whether the window is full.
    fn push(&self, state: &mut KswinState, x: f64) -> bool {
        let KswinState { window, weights, .. } = state;
        let slot = window.push(x);
        if slot < weights.len() {
            weights[slot] = 1;
            weights[window.slot(self.window_size - self.stat_size - 1)] = 0;
        } else {
            weights.push(i16::from(slot >= self.window_size - self.stat_size));
        }
        window.is_full()
    }
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
        KswinState {
            window: SortedWindow::new(self.window_size),
            n_draws: 0,
            critical: self.critical(),
            weights: Vec::with_capacity(self.window_size),
            older: Vec::with_capacity(self.window_size),
            differences: Vec::with_capacity(self.window_size),
        }
    }

    fn restart(&self, state: &mut KswinState) {
        state.window.clear();
        state.weights.clear();
    }

    fn update(&self, state: &mut KswinState, x: f64) -> Verdict {
        if !self.push(state, x) {
            return Verdict::warm_up();
        }
        self.draw(state);
        let distance = state.distance();
        state.weights.iter_mut().for_each(|weight| *weight = (*weight).max(0));
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
        record.values(state.window.by_age())
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<KswinState, TensorError> {
        let mut state = self.start();
        state.n_draws = reader.count()?;
        let n_values = reader.count_to(self.window_size)?;
        for x in reader.finite(n_values)? {
            self.push(&mut state, *x);
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::data::Tensors;
    use crate::statistics::draws::stream;

    /// The largest difference of the shares of both that are at most a value.
    fn distance_of(x: &[f64], y: &[f64]) -> usize {
        let at_most = |of: &[f64], bound: f64| of.iter().filter(|value| **value <= bound).count();
        x.iter().chain(y).map(|bound| at_most(x, *bound).abs_diff(at_most(y, *bound))).max().unwrap()
    }

    /// Values with many ties, both zeros among them.
    fn values(n: usize, n_levels: i32) -> Vec<f64> {
        let mut generator = stream(7, 7);
        (0..n).map(|_| f64::from(generator.random_range(-n_levels..=n_levels)) * 0.5 * -0.5).collect()
    }

    #[test]
    fn all_older_values_are_compared_where_they_are_as_many() {
        let settings = KswinSettings { window_size: 20, stat_size: 10, alpha: 1e-9, seed: 0 };
        for n_levels in [0, 1, 3, 1_000] {
            let values = values(300, n_levels);
            let mut state = settings.start();
            for (row, x) in values.iter().enumerate() {
                let verdict = settings.update(&mut state, *x);
                let expected = (row >= 19).then(|| {
                    let (older, recent) = values[row - 19..=row].split_at(10);
                    distance_of(older, recent) as f64 / 10.0
                });
                assert_eq!(verdict.statistic, expected, "{n_levels} levels, row {row}");
            }
            assert_eq!(state.n_draws, 0);
        }
    }

    #[test]
    fn each_older_value_is_as_likely_to_be_drawn() {
        let settings = KswinSettings { window_size: 12, stat_size: 4, alpha: 1e-9, seed: 3 };
        let mut state = settings.start();
        for x in values(12, 9) {
            settings.push(&mut state, x);
        }
        let (mut single, mut first_two) = ([0_u32; 12], 0_u32);
        for _ in 0..16_000 {
            settings.draw(&mut state);
            let drawn: Vec<usize> = (0..12).filter(|slot| state.weights[*slot] < 0).collect();
            assert_eq!(drawn.len(), 4);
            first_two += u32::from(drawn[..2] == [0, 1]);
            for slot in drawn {
                single[slot] += 1;
            }
            state.weights.iter_mut().for_each(|weight| *weight = (*weight).max(0));
        }
        // Of 16,000 draws of 4 of 8 each is in 8,000, with a deviation of 63, and each two in 3,429, with one of 52.
        assert!(single[..8].iter().all(|count| count.abs_diff(8_000) < 320), "{single:?}");
        assert_eq!(single[8..], [0; 4]);
        assert!(first_two.abs_diff(3_429) < 260, "{first_two}");
    }

    #[test]
    fn a_restored_detector_goes_on_as_the_one_that_was_saved() {
        let settings = KswinSettings { window_size: 50, ..KswinSettings::default() };
        let settings = KswinSettings { stat_size: 12, ..settings };
        for (n_before, n_levels) in [(30, 3), (50, 3), (77, 3), (200, 1_000)] {
            let values = values(n_before + 300, n_levels);
            let mut state = settings.start();
            for x in &values[..n_before] {
                settings.update(&mut state, *x);
            }
            let mut tensors = Tensors::new();
            settings.save(&state).store(&mut tensors);
            let mut restored = settings.restore(&mut Reader::new(&tensors).unwrap()).unwrap();
            for x in &values[n_before..] {
                assert_eq!(settings.update(&mut restored, *x), settings.update(&mut state, *x));
            }
        }
    }
}
