//! Bayesian online change point detection: how long ago did the mean change, as far as can be known?
//!
//! Values are normal about a mean with a known variance, `data_variance`; after a change, which comes at each value with the
//! probability `hazard`, the mean is drawn from a normal law of `prior_mean` and `prior_variance`. For each run length, the number of
//! values since the last change, its probability given all values is kept. There is a drift where the most probable run length
//! is not that of no change at all; the next value starts anew. Choose it where the size of changes is known beforehand.
//!
//! What is left out of the prior and of the variance is taken from the reference: its mean and its variance for both. Of run lengths, the most
//! probable `max_run_lengths` are kept, so that memory does not grow with the stream.
//!
//! **Cost**: a step O(r), three numbers of memory each for r run lengths.
//!
//! **Source**: Adams & `MacKay`, *Bayesian online changepoint detection*, arXiv:0710.3742 (2007).

use serde::{Deserialize, Serialize};

use super::checks::Checks;
use super::record::{Reader, Record};
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
    /// Run lengths that are kept.
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
            max_run_lengths: 2_000,
        }
    }
}

/// Run lengths that are as improbable are not kept.
const PROBABILITY_MIN: f64 = 1e-280;

/// The run lengths that may be, the longest first, that without a change.
#[derive(Debug, Clone, PartialEq)]
struct Runs {
    probabilities: Vec<f64>,
    /// Of the mean, given the values of each run.
    means: Vec<f64>,
    precisions: Vec<f64>,
}

impl Runs {
    fn push(&mut self, probability: f64, mean: f64, precision: f64) {
        self.probabilities.push(probability);
        self.means.push(mean);
        self.precisions.push(precision);
    }

    fn remove(&mut self, index: usize) {
        self.probabilities.remove(index);
        self.means.remove(index);
        self.precisions.remove(index);
    }
}

/// What moves.
#[derive(Debug, Clone, PartialEq)]
pub struct BocdState {
    n: u64,
    runs: Runs,
}

impl BocdSettings {
    fn prior(&self) -> (f64, f64) {
        (self.prior_mean.unwrap_or(0.0), 1.0 / self.prior_variance.unwrap_or(1.0))
    }

    /// Weighs each run by the density of a value in it, up to a factor.
    fn weigh(&self, runs: &mut Runs, x: f64) {
        let data_variance = self.data_variance.unwrap_or(1.0);
        let of_runs = || runs.means.iter().zip(&runs.precisions);
        let inverse_variance = |precision: f64| precision / (1.0 + precision * data_variance);
        let exponents: Vec<f64> = of_runs()
            .map(|(mean, precision)| {
                let deviation = x - mean;
                -0.5 * std::f64::consts::LOG2_E * deviation * deviation * inverse_variance(*precision)
            })
            .collect();
        // Of runs that are possible: one whose probability has become 0 would leave nothing to the others.
        let possible = exponents.iter().zip(&runs.probabilities).filter(|(_, probability)| **probability > 0.0);
        let largest = possible.map(|(exponent, _)| *exponent).fold(f64::NEG_INFINITY, f64::max);
        for ((probability, exponent), precision) in runs.probabilities.iter_mut().zip(&exponents).zip(&runs.precisions)
        {
            *probability *= exp2_of_negative(exponent - largest) * inverse_variance(*precision).sqrt();
        }
    }

    /// Forgets the least probable runs but the longest one. One run comes at a time, so one is too many at most.
    fn forget(&self, runs: &mut Runs) {
        let least = runs.probabilities.iter().enumerate().skip(1).min_by(|a, b| a.1.total_cmp(b.1));
        let Some((least, probability)) = least else { return };
        if *probability < PROBABILITY_MIN || runs.probabilities.len() as u64 > self.max_run_lengths {
            runs.remove(least);
        }
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
        let (mean, precision) = self.prior();
        let runs = Runs { probabilities: vec![1.0], means: vec![mean], precisions: vec![precision] };
        BocdState { n: 0, runs }
    }

    fn update(&self, state: &mut BocdState, x: f64) -> Verdict {
        state.n += 1;
        let runs = &mut state.runs;
        self.weigh(runs, x);
        let mut total: f64 = runs.probabilities.iter().sum();
        if !total.is_normal() {
            // No run explains the value any more, as after a change of unit: what was known is worth nothing.
            *runs = self.start().runs;
            total = 1.0;
        }
        let data_precision = 1.0 / self.data_variance.unwrap_or(1.0);
        for probability in &mut runs.probabilities {
            *probability *= (1.0 - self.hazard) / total;
        }
        for (mean, precision) in runs.means.iter_mut().zip(&mut runs.precisions) {
            let updated = *precision + data_precision;
            *mean = (*mean * *precision + x * data_precision) / updated;
            *precision = updated;
        }
        let (mean, precision) = self.prior();
        runs.push(self.hazard, mean, precision);
        self.forget(&mut state.runs);
        if state.n < self.min_num_instances {
            return Verdict::warm_up();
        }
        let unchanged = state.runs.probabilities.first().copied().unwrap_or_default();
        let changed = state.runs.probabilities.iter().skip(1).copied().fold(0.0, f64::max);
        // Of two that are as probable the shorter one counts.
        Verdict { is_drift: changed >= unchanged, ..Verdict::above(changed, unchanged) }
    }

    fn save(&self, state: &BocdState) -> Record {
        let Runs { probabilities, means, precisions } = &state.runs;
        let record = Record::default().count(state.n).count(probabilities.len() as u64);
        [probabilities, means, precisions].into_iter().fold(record, |record, of| record.values(of.iter().copied()))
    }

    fn restore(&self, reader: &mut Reader<'_>) -> Result<BocdState, TensorError> {
        let n = reader.count()?;
        let n_runs = reader.count_to(usize::try_from(self.max_run_lengths).unwrap_or(usize::MAX))?;
        let mut next = || reader.values(n_runs).map(<[f64]>::to_vec);
        Ok(BocdState { n, runs: Runs { probabilities: next()?, means: next()?, precisions: next()? } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let total: f64 = state.runs.probabilities.iter().sum();
            assert!((total - 1.0).abs() < 1e-6, "{scale}: {total}");
            assert!(state.runs.means.iter().all(|mean| mean.is_finite()), "{scale}");
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
