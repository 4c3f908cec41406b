//! Bayesian online change point detection: how long ago did the mean change, as far as can be known?
//!
//! Values are normal about a mean with a known variance, `data_variance`; after a change, which comes at each value
//! with the probability `hazard`, the mean is drawn from a normal law of `prior_mean` and `prior_variance`. For each
//! run length, the number of values since the last change, its probability given all values is kept. There is a drift
//! where the most probable run length is not that of no change at all; the next value starts anew. Choose it where the
//! size of changes is known beforehand.
//!
//! What is left out of the prior and of the variance is taken from the reference: its mean and its variance for both.
//!
//! Memory does not grow with the stream. Run lengths that are next to each other know nearly the same mean, and are taken together in
//! `max_run_lengths` groups at most; a group has the probability of its run lengths together, so none is lost that those to come are
//! weighed by. The run length of no change stays alone. How probable a single run length is in parts of that one has a closed form, so
//! those that may become the most probable are looked at one by one, and only where a drift is near.
//!
//! **Cost**: a step O(r) for r groups, and for eight times as many run lengths where a drift is near; memory O(r).
//!
//! **Source**: Adams & `MacKay`, *Bayesian online changepoint detection*, arXiv:0710.3742 (2007). For fewer than all run lengths:
//! Fearnhead & Liu, *On-line inference for multiple changepoint problems*, Journal of the Royal Statistical Society B 69 (2007).
//! For groups by their mean and variance: Salmond, *Mixture reduction algorithms for target tracking in clutter*, SPIE 1305 (1990).

mod candidates;
mod groups;
mod step;

use serde::{Deserialize, Serialize};

use self::candidates::Candidates;
use self::groups::{Groups, larger, sum};
use self::step::Step;
use super::checks::Checks;
use super::record::{Reader, Record, refused};
use super::{Settings, Verdict};
use crate::data::TensorError;
use crate::detectors::SettingIssue;
use crate::statistics::exponential::exp2_of_negative;

/// The parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BocdSettings {
    /// Probability of a change at each value, between 0 and 1.
    pub hazard: f64,
    /// Values before the first verdict.
    pub min_num_instances: u64,
    /// Mean of the means after changes; `None` before it is taken from the reference.
    pub prior_mean: Option<f64>,
    /// Variance of the means after changes; `None` before it is taken from the reference.
    pub prior_variance: Option<f64>,
    /// Variance of the values about their mean; `None` before it is taken from the reference.
    pub data_variance: Option<f64>,
    /// Groups of run lengths that are kept at most.
    pub max_run_lengths: u64,
}

impl Default for BocdSettings {
    fn default() -> Self {
        Self {
            hazard: 0.01,
            min_num_instances: 30,
            prior_mean: None,
            prior_variance: None,
            data_variance: None,
            max_run_lengths: 48,
        }
    }
}

/// Where the sum of the masses leaves these bounds, they are weighed again, so that none underflows or overflows that has a say.
const SUM_MIN: f64 = 1e-100;
const SUM_MAX: f64 = 1e100;
/// An unchanged run that is as improbable is not looked at any closer: there is a drift.
const PROBABILITY_MIN: f64 = 1e-280;
/// Single run lengths that are kept for each group.
const CANDIDATES_PER_GROUP: usize = 8;
/// From this share of the unchanged run's probability on, changed ones are looked at one by one.
const NEAR: f64 = 0.7;
/// The cost of a pair that goes together, at the start, for each unit of `hazard`: about what the first pairs cost.
const COST_START: f64 = 1e-3;
/// The same, at least.
const COST_MIN: f64 = 1e-20;
/// From one sweep to the next.
const COST_STEP: f64 = 1.5;
/// Room for what a step computes, so that none has to be found: of no meaning from one step to the next.
#[derive(Debug, Clone, Default)]
struct Room {
    masses: Vec<f64>,
    means: Vec<f64>,
    precisions: Vec<f64>,
    costs: Vec<f64>,
    ratios: Vec<f64>,
    sorted: Vec<f64>,
}

impl PartialEq for Room {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// What moves.
#[derive(Debug, Clone, PartialEq)]
pub struct BocdState {
    n: u64,
    /// Values of the unchanged run.
    length: u64,
    groups: Groups,
    /// Probabilities are masses times this.
    scale: f64,
    candidates: Candidates,
    /// Pairs of groups of this cost went together the last time.
    cost: f64,
    room: Room,
}

impl BocdSettings {
    /// The precision of the prior, in units of the precision of a value.
    fn prior(&self) -> f64 {
        self.data_variance.unwrap_or(1.0) / self.prior_variance.unwrap_or(1.0)
    }

    fn data_precision(&self) -> f64 {
        1.0 / self.data_variance.unwrap_or(1.0)
    }

    fn max_groups(&self) -> usize {
        usize::try_from(self.max_run_lengths).unwrap_or(usize::MAX)
    }

    fn max_candidates(&self) -> usize {
        self.max_groups().saturating_mul(CANDIDATES_PER_GROUP)
    }

    /// Takes in how far a value is from the mean of the prior, and gives the sum of the masses.
    fn take(&self, state: &mut BocdState, x: f64) -> f64 {
        let BocdState { groups, room, .. } = state;
        let n = groups.masses.len();
        for field in [&mut room.masses, &mut room.means, &mut room.precisions] {
            field.resize(n, 0.0);
        }
        let step = Step { x, scale: state.scale, factor: -0.5 * std::f64::consts::LOG2_E * self.data_precision() };
        let fields = (&*groups.masses, &*groups.means, &*groups.precisions);
        step.take(fields, &mut room.masses, &mut room.means, &mut room.precisions);
        let mut total = sum(&room.masses);
        if !(SUM_MIN..=SUM_MAX).contains(&total) {
            step.weigh_again(fields, &mut room.masses);
            total = sum(&room.masses);
        }
        if !total.is_normal() {
            // No run explains the value any more, as after a change of unit: what was known is worth nothing.
            let updated = 1.0 + self.prior();
            *groups = Groups::of_one(x / updated, updated);
            (state.length, state.candidates) = (1, Candidates::default());
            return 1.0;
        }
        state.length = state.length.saturating_add(1);
        std::mem::swap(&mut groups.masses, &mut room.masses);
        std::mem::swap(&mut groups.means, &mut room.means);
        std::mem::swap(&mut groups.precisions, &mut room.precisions);
        total
    }

    /// How probable each candidate is, in parts of the unchanged run.
    ///
    /// Both explain the values before the change alike. The `k` values since then, of the mean `y`, come from the prior of precision `p`,
    /// or from what was known then, of mean `u` and precision `q`. The density of `y` is the normal one of the mean 0 and the inverse
    /// variance `k p / (k + p)`, or of `u` and `k q / (k + q)`; that of the values given `y` is the same.
    fn weigh_candidates(&self, state: &mut BocdState) {
        let prior = self.prior();
        let length = state.length as f64;
        let now = prior + length;
        let (inverse_now, mean_now) = (1.0 / now, state.groups.means.first().copied().unwrap_or_default());
        let factor = -0.5 * std::f64::consts::LOG2_E * self.data_precision();
        let Candidates { starts, means, weights } = &state.candidates;
        let ratios = &mut state.room.ratios;
        ratios.resize(starts.len(), 0.0);
        for (((start, mean), weight), ratio) in starts.iter().zip(means).zip(weights).zip(ratios) {
            let k = length - start;
            let of_old = (mean_now - mean) * now / k;
            let of_new = of_old + mean;
            let together = 1.0 / (k + prior);
            let new = of_new * of_new * prior * together;
            let old = of_old * of_old * (prior + start) * inverse_now;
            let exponent = factor * k * (new - old);
            // Of both signs.
            let power = exp2_of_negative(-exponent.abs());
            let power = if exponent > 0.0 { 1.0 / power } else { power };
            *ratio = larger(weight * (now * together).sqrt() * power, 0.0);
        }
    }

    /// Takes groups together where there are too many, so many that some time goes by before the next time.
    fn take_together(&self, state: &mut BocdState) {
        let most = self.max_groups();
        if state.groups.masses.len() < most {
            return;
        }
        while state.groups.masses.len() > most - most / 8 {
            let before = state.groups.masses.len();
            // Costs are of probabilities.
            let (limit, costs) = (state.cost / state.scale, &mut state.room.costs);
            costs.resize(before, 0.0);
            state.groups.costs(self.data_precision(), costs);
            state.groups.sweep(limit, self.data_precision(), costs);
            let is_less = before - state.groups.masses.len() < most / 3;
            // About a third goes the next time.
            state.cost = (if is_less { state.cost * COST_STEP } else { state.cost / COST_STEP }).max(COST_MIN);
        }
    }

    /// Forgets the least probable candidates, half of them, where there are too many.
    fn forget(&self, state: &mut BocdState) {
        let most = self.max_candidates();
        if state.candidates.starts.len() < most {
            return;
        }
        self.weigh_candidates(state);
        state.candidates.keep(most / 2, &state.room.ratios, &mut state.room.sorted);
    }
}

impl Settings for BocdSettings {
    type State = BocdState;

    fn issues(&self) -> Vec<SettingIssue> {
        Checks::default()
            .share("detector/hazard", self.hazard)
            .count("detector/min_num_instances", self.min_num_instances, 1)
            .finite("detector/prior_mean", self.prior_mean.unwrap_or(0.0))
            .positive("detector/prior_variance", self.prior_variance.unwrap_or(1.0))
            .positive("detector/data_variance", self.data_variance.unwrap_or(1.0))
            .count_to("detector/max_run_lengths", self.max_run_lengths, 10, 100_000)
            .issues()
    }

    fn learn(&mut self, reference: &[f64]) {
        let n = reference.len() as f64;
        // That of a constant is exact: a rounded one has a variance about it, and every value is a change.
        let constant = reference.first().copied().filter(|first| reference.iter().all(|value| value == first));
        let mean = constant.unwrap_or_else(|| reference.iter().sum::<f64>() / n);
        let variance = reference.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
        let mean = if mean.is_finite() { mean } else { 0.0 };
        // Of a constant there is none to learn.
        let variance = if variance > 0.0 && variance.is_finite() { variance } else { 1.0 };
        self.prior_mean.get_or_insert(mean);
        self.prior_variance.get_or_insert(variance);
        self.data_variance.get_or_insert(variance);
    }

    fn start(&self) -> BocdState {
        BocdState {
            n: 0,
            length: 0,
            groups: Groups::of_one(0.0, self.prior()),
            scale: 1.0,
            candidates: Candidates::default(),
            cost: COST_START * self.hazard,
            room: Room::default(),
        }
    }

    fn update(&self, state: &mut BocdState, x: f64) -> Verdict {
        state.n = state.n.saturating_add(1);
        // From the mean of the prior, near which most means are: their differences are exact.
        let total = self.take(state, x - self.prior_mean.unwrap_or(0.0));
        state.scale = (1.0 - self.hazard) / total;
        let (precision, newest) = (self.prior(), self.hazard / state.scale);
        state.groups.push(newest, 0.0, precision);
        let (unchanged, mut changed) = state.groups.largest();
        if changed >= NEAR * unchanged
            && state.n >= self.min_num_instances
            && unchanged * state.scale > PROBABILITY_MIN
            && (state.groups.masses.len() as u64) <= state.length
        {
            self.weigh_candidates(state);
            changed = larger(newest, unchanged * state.room.ratios.iter().copied().fold(0.0, larger));
        }
        let known = state.groups.means.first().copied().unwrap_or_default();
        let weight = newest / unchanged * (precision / (precision + state.length as f64)).sqrt();
        if weight.is_finite() {
            self.forget(state);
            state.candidates.push(state.length as f64, known, weight);
        }
        self.take_together(state);
        if state.n < self.min_num_instances {
            return Verdict::warm_up();
        }
        let (unchanged, changed) = (unchanged * state.scale, (changed * state.scale).min(1.0));
        // Of two that are as probable the shorter one counts.
        Verdict { is_drift: changed >= unchanged, ..Verdict::above(changed, unchanged) }
    }

    fn save(&self, state: &BocdState) -> Record {
        let Groups { masses, means, precisions, shares } = &state.groups;
        let Candidates { starts, means: known, weights } = &state.candidates;
        let record = Record::default().count(state.n).count(state.length);
        let record = record.count(masses.len() as u64).count(starts.len() as u64).values([state.scale, state.cost]);
        let fields = [masses, means, precisions, shares, starts, known, weights];
        fields.into_iter().fold(record, |record, of| record.values(of.iter().copied()))
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<BocdState, TensorError> {
        let (n, length) = (reader.count()?, reader.count()?);
        let n_groups = reader.count_to(self.max_groups())?;
        if n_groups == 0 {
            return Err(refused("the run length of no change is missing"));
        }
        let n_candidates = reader.count_to(self.max_candidates())?;
        let (scale, cost) = (reader.value()?, reader.value()?);
        if ![scale, cost].iter().all(|value| *value > 0.0 && value.is_finite()) {
            return Err(refused("a scale is not positive"));
        }
        let mut next = |n: usize| reader.values(n).map(<[f64]>::to_vec);
        let groups = Groups {
            masses: next(n_groups)?,
            means: next(n_groups)?,
            precisions: next(n_groups)?,
            shares: next(n_groups)?,
        };
        if !groups.masses.iter().all(|mass| *mass >= 0.0 && mass.is_finite()) {
            return Err(refused("a probability is negative"));
        }
        let candidates =
            Candidates { starts: next(n_candidates)?, means: next(n_candidates)?, weights: next(n_candidates)? };
        Ok(BocdState { n, length, groups, scale, candidates, cost, room: Room::default() })
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::data::Tensors;
    use crate::statistics::draws::stream;

    /// All run lengths, as the paper has them: memory and time grow with the stream.
    #[derive(Default)]
    struct Exact(Vec<[f64; 3]>);

    impl Exact {
        /// How probable the most probable change is, in parts of no change.
        fn update(&mut self, settings: &BocdSettings, x: f64) -> f64 {
            let fresh = |probability| [probability, settings.prior_mean.unwrap(), settings.prior()];
            if self.0.is_empty() {
                self.0.push(fresh(1.0));
            }
            for [probability, mean, precision] in &mut self.0 {
                let inverse_variance = *precision / (1.0 + *precision) * settings.data_precision();
                let exponent = -0.5 * (x - *mean) * (x - *mean) * inverse_variance;
                *probability *= exponent.exp() * inverse_variance.sqrt();
                *mean += (x - *mean) / (1.0 + *precision);
                *precision += 1.0;
            }
            let total: f64 = self.0.iter().map(|[probability, ..]| probability).sum();
            for [probability, ..] in &mut self.0 {
                *probability *= (1.0 - settings.hazard) / total;
            }
            self.0.push(fresh(settings.hazard));
            let changed = self.0[1..].iter().map(|[probability, ..]| *probability).fold(0.0, f64::max);
            changed / self.0[0][0]
        }
    }

    /// Values of about the standard normal law, the mean of which moves every 400 values.
    fn values(seed: u64, n: usize, shift: f64) -> Vec<f64> {
        let mut generator = stream(seed, 11);
        let mut normal = || (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0;
        (0..n).map(|row| normal() + shift * f64::from(u8::from(row / 400 % 2 == 1))).collect()
    }

    fn of_standard_normal() -> BocdSettings {
        let (mean, variance) = (Some(0.0), Some(1.0));
        BocdSettings { prior_mean: mean, prior_variance: variance, data_variance: variance, ..BocdSettings::default() }
    }

    #[test]
    fn groups_find_the_changes_that_all_run_lengths_find() {
        let mut n_drifts = 0;
        for (seed, shift) in [(1, 0.0), (2, 0.0), (3, 0.3), (4, 0.5), (5, 0.5), (6, 1.0), (7, 1.0), (8, 3.0)] {
            // Every second time far from 0.
            let far = if seed % 2 == 0 { 1e6 } else { 0.0 };
            let settings = BocdSettings { prior_mean: Some(far), ..of_standard_normal() };
            let (mut state, mut exact) = (settings.start(), Exact::default());
            for (row, x) in values(seed, 2_000, shift).into_iter().map(|x| x + far).enumerate() {
                let verdict = settings.update(&mut state, x);
                let ratio = exact.update(&settings, x);
                let is_drift = ratio >= 1.0 && !verdict.warm_up;
                assert_eq!(verdict.is_drift, is_drift, "shift {shift}, value {row}, {ratio} of no change");
                if is_drift {
                    let of_groups = verdict.statistic.unwrap() / verdict.threshold.unwrap();
                    assert!((of_groups / ratio).ln().abs() < 0.05, "{of_groups} for {ratio}");
                    settings.restart(&mut state);
                    (exact, n_drifts) = (Exact::default(), n_drifts + 1);
                }
            }
        }
        assert!(n_drifts > 20, "{n_drifts} drifts");
    }

    #[test]
    fn a_restored_detector_goes_on_as_the_one_that_was_saved() {
        let settings = BocdSettings { max_run_lengths: 12, ..of_standard_normal() };
        // Far values leave no run that explains them.
        let values = [values(9, 700, 0.4), vec![1e160], values(10, 200, 0.0)].concat();
        let (mut state, mut n_resets) = (settings.start(), 0);
        for x in values {
            let mut tensors = Tensors::new();
            settings.save(&state).store(&mut tensors);
            n_resets += u64::from(state.n > 1 && state.length == 1);
            let mut restored = settings.restore(&mut Reader::new(&tensors).unwrap()).unwrap();
            assert_eq!(settings.update(&mut restored, x), settings.update(&mut state, x));
            assert_eq!(restored, state);
        }
        assert_eq!(n_resets, 1, "one value is explained by no run");
    }

    #[test]
    fn what_no_detector_saves_is_refused_or_gone_on_with() {
        let settings = BocdSettings { max_run_lengths: 12, ..of_standard_normal() };
        let mut state = settings.start();
        for x in values(12, 300, 0.0) {
            settings.update(&mut state, x);
        }
        let restored = |state: &BocdState| {
            let mut tensors = Tensors::new();
            settings.save(state).store(&mut tensors);
            settings.restore(&mut Reader::new(&tensors).unwrap())
        };
        let damages: [fn(&mut BocdState); 5] = [
            |state| state.groups = Groups::default(),
            |state| state.groups.masses[2] = -0.1,
            |state| state.groups.masses[2] = f64::NAN,
            |state| state.scale = -1.0,
            |state| state.cost = f64::INFINITY,
        ];
        for (case, damage) in damages.into_iter().enumerate() {
            let mut damaged = state.clone();
            damage(&mut damaged);
            assert!(restored(&damaged).is_err(), "case {case}");
        }
        let gone_on_with: [fn(&mut BocdState); 4] = [
            |state| state.groups.shares.fill(f64::NAN),
            |state| state.groups.precisions.fill(f64::NAN),
            |state| state.groups.means.fill(f64::INFINITY),
            |state| (state.n, state.length) = (u64::MAX, u64::MAX),
        ];
        for damage in gone_on_with {
            let mut damaged = state.clone();
            damage(&mut damaged);
            let mut restored = restored(&damaged).unwrap();
            for x in values(13, 100, 0.0) {
                settings.update(&mut restored, x);
                assert!(restored.groups.masses.len() <= settings.max_groups());
            }
        }
    }

    /// A change of unit, such as from kilowatts to watts, leaves no run that could explain the values.
    #[test]
    fn values_of_another_scale_leave_it_with_numbers() {
        let reference: Vec<f64> = (0..200).map(|row| f64::from(row * 37 % 100) / 100.0).collect();
        for scale in [1e2, 1e3, 1e6, 1e150] {
            let mut settings = BocdSettings::default();
            settings.learn(&reference);
            let mut state = settings.start();
            for x in &reference {
                settings.update(&mut state, *x);
            }
            for row in 0..300 {
                settings.update(&mut state, scale * f64::from(row * 61 % 100));
            }
            let total = state.scale * state.groups.masses.iter().sum::<f64>();
            assert!((total - 1.0).abs() < 1e-6, "{scale}: {total}");
            assert!(state.groups.means.iter().all(|mean| mean.is_finite()), "{scale}");
        }
    }

    /// The mean of many equal values is not that value, rounded as sums are.
    #[test]
    fn a_constant_that_goes_on_is_no_change() {
        for constant in [0.003_467, 0.422_915, 0.414_912] {
            let mut settings = BocdSettings::default();
            settings.learn(&vec![constant; 8_736]);
            assert_eq!((settings.prior_mean, settings.data_variance), (Some(constant), Some(1.0)));
            let mut state = settings.start();
            let drifts = (0..2_000).filter(|_| settings.update(&mut state, constant).is_drift).count();
            assert_eq!(drifts, 0, "{constant}");
        }
    }
}
