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

type Fit<'f> = &'f dyn Fn(&[f64], u64) -> Box<dyn OnlineDetector>;

/// Mean run lengths, without drift and after changes, are within four standard errors; and over fresh references
/// within 0.9 to 1.15 of the ERT.
pub(super) fn check_run_lengths(
    case: &Case,
    reference: &[f64],
    d: usize,
    warm_up: usize,
    settled: usize,
    fit: Fit<'_>,
) {
    let cap = |name: &str| usize::try_from(case.expected(name)["cap"].as_u64().expect("a cap")).expect("small");
    let fixed = |name: &str, clean: usize, shift: f64, scale: f64, uncounted: usize| {
        let runs: Vec<Vec<f64>> = (0..20)
            .map(|seed| {
                let detector = fit(reference, seed);
                let mut generator = stream(1_000 + seed, 1);
                (0..40)
                    .map(|_| {
                        run_length(&*detector, d, &mut generator, clean, shift, scale, cap(name)) - uncounted as f64
                    })
                    .collect()
            })
            .collect();
        compare(case, name, &runs);
    };
    fixed("null_fixed_ref", 0, 0.0, 1.0, warm_up);
    for (name, _) in case.0["expected"].as_object().expect("summaries") {
        let after = if name.contains("_after_") { settled } else { 0 };
        if name.starts_with("delay_shift_1sd") {
            fixed(name, after, 1.0, 1.0, after);
        } else if name.starts_with("delay_scale_x2") {
            fixed(name, after, 0.0, 2.0, after);
        }
    }
    let fresh: Vec<Vec<f64>> = (0..200)
        .map(|seed| {
            let mut generator = stream(seed, 2);
            let reference: Vec<f64> = (0..reference.len()).map(|_| normal(&mut generator)).collect();
            let detector = fit(&reference, seed);
            let cap = cap("null_fresh_ref");
            (0..10).map(|_| run_length(&*detector, d, &mut generator, 0, 0.0, 1.0, cap) - warm_up as f64).collect()
        })
        .collect();
    compare(case, "null_fresh_ref", &fresh);
    let (mean, _) = moments(&fresh.concat());
    let ert = case.params("ert").as_f64().expect("an ert");
    assert!((0.9..=1.15).contains(&(mean / ert)), "{}: mean run length {mean} for an ert of {ert}", case.id());
}

/// Rows until the first alarm after `clean` rows without drift.
fn run_length(
    detector: &dyn OnlineDetector,
    d: usize,
    generator: &mut ChaCha8Rng,
    clean: usize,
    shift: f64,
    scale: f64,
    cap: usize,
) -> f64 {
    let mut state = detector.start();
    for time in 1..=clean + cap {
        let (shift, scale) = if time > clean { (shift, scale) } else { (0.0, 1.0) };
        let row: Vec<f64> = (0..d).map(|_| normal(generator) * scale + shift).collect();
        if detector.step(&mut state, &row).is_drift && time > clean {
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
