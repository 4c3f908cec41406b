//! Comparisons with summaries of many seeds or runs of the reference library.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use serde_json::Value;

use super::{Case, numbers};
use crate::detectors::OnlineDetector;
use crate::statistics::draws::stream;

/// Thresholds of several seeds: at all but one step in fifty, their mean is within four standard errors.
pub(super) fn check_thresholds(case: &Case, sets: &[Vec<f64>]) {
    let (mean_expected, sd_expected) = (numbers(case.expected("mean")), numbers(case.expected("sd")));
    let n_expected = case.expected("n_seeds").as_f64().expect("a number of seeds");
    let n = sets.len() as f64;
    let mut outside = Vec::new();
    for (step, (expected, sd)) in mean_expected.iter().zip(&sd_expected).enumerate() {
        let values: Vec<f64> = sets.iter().map(|thresholds| thresholds[step]).collect();
        if expected.is_nan() {
            assert!(values.iter().all(|value| value.is_nan()), "{}: step {step}", case.id());
            continue;
        }
        let (mean, variance) = moments(&values);
        let error = (variance / n + sd * sd / n_expected).sqrt();
        if (mean - expected).abs() > 4.0 * error {
            outside.push((step, mean, *expected, error));
        }
    }
    assert!(outside.len() <= mean_expected.len().div_ceil(50), "{}: {outside:?}", case.id());
}

/// A number by seed: the mean is within four standard errors.
pub(super) fn check_mean(case: &Case, field: &str, values: &[f64]) {
    let expected = |name: &str| case.expected(field)[name].as_f64().expect("a summary holds this number");
    let (mean, variance) = moments(values);
    let error = (variance / values.len() as f64).sqrt().hypot(expected("se"));
    assert!(
        (mean - expected("mean")).abs() <= 4.0 * error,
        "{}: {field}: mean {mean} ± {error}, expected {}",
        case.id(),
        expected("mean")
    );
}

type Fit<'f> = &'f dyn Fn(&[f64], u64) -> Box<dyn OnlineDetector>;

/// Run lengths of detectors, held against those of a case.
pub(super) struct RunLengths<'c> {
    pub(super) case: &'c Case,
    /// A detector of a reference and a seed.
    pub(super) fit: Fit<'c>,
    /// Rows that a run without drift does not count.
    pub(super) warm_up: usize,
}

/// A row without a change, or with it.
type Row<'r> = &'r dyn Fn(&mut ChaCha8Rng, bool) -> Vec<f64>;

impl RunLengths<'_> {
    /// On one reference the mean, counted after `clean` rows without a change and less `uncounted`, is within four
    /// standard errors. It is given back.
    pub(super) fn fixed(&self, name: &str, reference: &[f64], clean: usize, uncounted: usize, row: Row<'_>) -> f64 {
        let cap = cap(self.case, name);
        let runs: Vec<Vec<f64>> = (0..20)
            .map(|seed| {
                let detector = (self.fit)(reference, seed);
                let mut generator = stream(1_000 + seed, 1);
                (0..40).map(|_| run_length(&*detector, &mut generator, clean, cap, row) - uncounted as f64).collect()
            })
            .collect();
        compare(self.case, name, &runs);
        moments(&runs.concat()).0
    }

    /// On fresh references of `n_rows` rows without drift the mean is within four standard errors. It is given back.
    pub(super) fn fresh(&self, n_rows: usize, row: Row<'_>) -> f64 {
        let cap = cap(self.case, "null_fresh_ref");
        let runs: Vec<Vec<f64>> = (0..200)
            .map(|seed| {
                let mut generator = stream(seed, 2);
                let reference: Vec<f64> = (0..n_rows).flat_map(|_| row(&mut generator, false)).collect();
                let detector = (self.fit)(&reference, seed);
                (0..10).map(|_| run_length(&*detector, &mut generator, 0, cap, row) - self.warm_up as f64).collect()
            })
            .collect();
        compare(self.case, "null_fresh_ref", &runs);
        moments(&runs.concat()).0
    }

    /// Of numbers: without drift, and after a shift and a change of scale of every column; over fresh references the mean
    /// is within 0.9 to 1.15 of the ERT too.
    pub(super) fn of_numbers(&self, reference: &[f64], d: usize, settled: usize) {
        let law = |shift: f64, scale: f64| {
            move |generator: &mut ChaCha8Rng, is_changed: bool| {
                let (shift, scale) = if is_changed { (shift, scale) } else { (0.0, 1.0) };
                (0..d).map(|_| normal(generator) * scale + shift).collect()
            }
        };
        let unchanged = law(0.0, 1.0);
        self.fixed("null_fixed_ref", reference, 0, self.warm_up, &unchanged);
        for (name, _) in self.case.0["expected"].as_object().expect("summaries") {
            let after = if name.contains("_after_") { settled } else { 0 };
            if name.starts_with("delay_shift_1sd") {
                self.fixed(name, reference, after, after, &law(1.0, 1.0));
            } else if name.starts_with("delay_scale_x2") {
                self.fixed(name, reference, after, after, &law(0.0, 2.0));
            }
        }
        let mean = self.fresh(reference.len() / d, &unchanged);
        check_promise(self.case, mean);
    }
}

/// A mean run without drift is within 0.9 to 1.15 of the ERT.
pub(super) fn check_promise(case: &Case, mean: f64) {
    let ert = case.params("ert").as_f64().expect("an ert");
    assert!((0.9..=1.15).contains(&(mean / ert)), "{}: mean run length {mean} for an ert of {ert}", case.id());
}

fn cap(case: &Case, name: &str) -> usize {
    usize::try_from(case.expected(name)["cap"].as_u64().expect("a cap")).expect("small")
}

/// Rows until the first alarm after `clean` rows without a change, these included.
fn run_length(
    detector: &dyn OnlineDetector,
    generator: &mut ChaCha8Rng,
    clean: usize,
    cap: usize,
    row: Row<'_>,
) -> f64 {
    let mut state = detector.start();
    for time in 1..=clean + cap {
        if detector.step(&mut state, &row(generator, time > clean)).is_drift && time > clean {
            return time as f64;
        }
    }
    (clean + cap) as f64
}

fn compare(case: &Case, name: &str, runs: &[Vec<f64>]) {
    let expected = case.expected(name);
    let (mean, error) = (moments(&runs.concat()).0, standard_error(runs));
    let number = |of: &Value, field: &str| of[field].as_f64().expect("a summary holds this number");
    let error_expected = number(&expected["run_length"], "se").max(number(&expected["mean_per_detector"], "se"));
    let mean_expected = number(&expected["run_length"], "mean");
    let allowed = 4.0 * error.hypot(error_expected);
    assert!(
        (mean - mean_expected).abs() <= allowed,
        "{}: {name}: mean {mean} ± {error}, expected {mean_expected} ± {error_expected}",
        case.id()
    );
}

/// Of the mean over all runs: the larger of the run-level one and the one between detectors.
fn standard_error(runs: &[Vec<f64>]) -> f64 {
    let all = runs.concat();
    let run_level = (moments(&all).1 / all.len() as f64).sqrt();
    let means: Vec<f64> = runs.iter().map(|runs| moments(runs).0).collect();
    run_level.max((moments(&means).1 / means.len() as f64).sqrt())
}

/// Mean and sample variance.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

/// A standard normal number, by Box and Muller.
pub(super) fn normal(generator: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (generator.random(), generator.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}
