//! Tests of each column by itself, and what is made of all of them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Case, integers, numbers, width};
use crate::statistics::alternative::Alternative;
use crate::statistics::chi_square::{self, ChiSquare, TableProblem};
use crate::statistics::correction::{self, Correction, Verdict};
use crate::statistics::cramer_von_mises::{CramerVonMises, limit_law};
use crate::statistics::fisher_exact::{BinaryCounts, fisher_exact as test_of_ones};
use crate::statistics::kolmogorov_smirnov::{self as ks, EXACT_SIZE_MAX, one_sample_law};
use crate::statistics::sorted_sample::SortedSample;

/// What a column's test says; both `NaN` where the reference library says so.
#[derive(Debug, Clone, Copy)]
struct Tested {
    p_value: f64,
    distance: f64,
}

const REFUSED: Tested = Tested { p_value: f64::NAN, distance: f64::NAN };

fn alternative(case: &Case) -> Alternative {
    serde_json::from_value(case.params("alternative").clone()).expect("an alternative")
}

fn columns(rows: &Value) -> Vec<Vec<f64>> {
    let values = numbers(rows);
    let d = width(rows);
    (0..d).map(|column| values.iter().skip(column).step_by(d).copied().collect()).collect()
}

/// The columns of reference and window, side by side.
fn column_pairs(case: &Case) -> Vec<(Vec<f64>, Vec<f64>)> {
    columns(case.input("x_ref")).into_iter().zip(columns(case.input("x"))).collect()
}

fn sorted_pairs(case: &Case) -> Vec<Option<(SortedSample, SortedSample)>> {
    let pairs = column_pairs(case).into_iter();
    pairs.map(|(reference, window)| SortedSample::sort(reference).ok().zip(SortedSample::sort(window).ok())).collect()
}

/// Holds what came of the columns, and the verdicts that follow, against the case.
fn check(case: &Case, tested: &[Tested]) {
    let p_values: Vec<f64> = tested.iter().map(|tested| tested.p_value).collect();
    let distances: Vec<f64> = tested.iter().map(|tested| tested.distance).collect();
    for (field, computed) in [("p_val", &p_values), ("distance", &distances)] {
        let exact = format!("{field}_f64");
        case.check(if case.expected(&exact).is_array() { &exact } else { field }, computed);
    }
    let level = case.params("p_val").as_f64().expect("a level");
    let correction = match case.params("correction") {
        Value::Null => Correction::Bonferroni,
        name => serde_json::from_value(name.clone()).expect("a correction"),
    };
    let p_values: Vec<Option<f64>> = p_values.into_iter().map(Some).collect();
    check_verdict(case, &correction.judge(&p_values, level), "is_drift_batch", "threshold_batch");
    let flags: Vec<f64> =
        correction::below(&p_values, level).into_iter().map(|flag| f64::from(u8::from(flag))).collect();
    case.check("is_drift_feature", &flags);
    assert_eq!(case.expected("threshold_feature").as_f64(), Some(level), "{}", case.id());
}

/// Where no column drifts the reference library reports all thresholds of the false discovery rate, ours the first.
pub(super) fn check_verdict(case: &Case, verdict: &Verdict, is_drift: &str, threshold: &str) {
    assert_eq!(Some(u64::from(verdict.is_drift)), case.expected(is_drift).as_u64(), "{}", case.id());
    match case.expected(threshold) {
        Value::Array(all) => {
            assert!(!verdict.is_drift, "{}", case.id());
            let first = all[0].as_f64().expect("a threshold");
            assert!((verdict.threshold / first - 1.0).abs() < 1e-12, "{}", case.id());
        }
        _ => case.check(threshold, &[verdict.threshold]),
    }
}

fn kolmogorov_smirnov_of(
    samples: Option<&(SortedSample, SortedSample)>,
    alternative: Alternative,
    p_value: fn(f64, usize, usize, Alternative) -> Option<f64>,
) -> Tested {
    let Some((reference, window)) = samples else { return REFUSED };
    let distance = ks::distance(reference, window).of(alternative).size;
    let p_value = p_value(distance, reference.n_values(), window.n_values(), alternative).expect("several values");
    Tested { p_value, distance }
}

pub(super) fn kolmogorov_smirnov(case: &Case) {
    if case.kind() == "function" {
        let pairs = numbers(case.input("n_x"));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of values")]
        let survival = |pair: &[f64]| one_sample_law::survival(pair[0] as u64, pair[1]);
        case.check("sf", &pairs.chunks_exact(2).map(survival).collect::<Vec<f64>>());
        return;
    }
    let samples = sorted_pairs(case);
    let all = |p_value| -> Vec<Tested> {
        samples.iter().map(|samples| kolmogorov_smirnov_of(samples.as_ref(), alternative(case), p_value)).collect()
    };
    check(case, &all(ks::p_value_asymptotic));
    if case.expected("p_val_exact_mode_f64").is_array() {
        let exact = all(|distance, n, m, alternative| {
            assert!(n.max(m) <= EXACT_SIZE_MAX);
            Some(ks::p_value_exact(distance, n, m, alternative))
        });
        let exact: Vec<f64> = exact.into_iter().map(|tested| tested.p_value).collect();
        case.check("p_val_exact_mode_f64", &exact);
        // Without the absolute tolerance: far tails too.
        for (computed, expected) in exact.iter().zip(numbers(case.expected("p_val_exact_mode_f64"))) {
            assert!((computed / expected - 1.0).abs() < 1e-7, "{}: {computed:e} {expected:e}", case.id());
        }
    }
}

pub(super) fn cramer_von_mises(case: &Case) {
    if case.kind() == "function" {
        let distribution = |x: f64| 1.0 - limit_law::survival(x);
        case.check("cdf", &numbers(case.input("x")).into_iter().map(distribution).collect::<Vec<f64>>());
        return;
    }
    let tests: Vec<CramerVonMises> = sorted_pairs(case)
        .iter()
        .map(|samples| {
            let (reference, window) = samples.as_ref().expect("finite values");
            CramerVonMises::new(reference, window).expect("several values")
        })
        .collect();
    let asymptotic: Vec<f64> = tests.iter().map(CramerVonMises::p_value_asymptotic).collect();
    case.check("p_val_asymptotic_f64", &asymptotic);
    let tested: Vec<Tested> =
        tests.iter().map(|test| Tested { p_value: test.p_value(), distance: test.statistic() }).collect();
    check(case, &tested);
}

/// The levels that are given, or those of the reference; and those of the window.
fn levels(given: &Value, reference: &[f64], window: &[f64]) -> Vec<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "codes are small integers")]
    let code = |value: &f64| *value as i64;
    let mut levels: BTreeSet<i64> = match given {
        Value::Number(count) => (0..count.as_i64().expect("a number of levels")).collect(),
        Value::Array(levels) => levels.iter().map(|level| level.as_i64().expect("a level")).collect(),
        _ => reference.iter().map(code).collect(),
    };
    levels.extend(window.iter().map(code));
    levels.into_iter().collect()
}

fn chi_square_of(given: &Value, reference: &[f64], window: &[f64]) -> Result<ChiSquare, TableProblem> {
    let levels = levels(given, reference, window);
    let counts = |values: &[f64]| -> Vec<u64> {
        levels.iter().map(|level| values.iter().filter(|value| **value == *level as f64).count() as u64).collect()
    };
    chi_square::chi_square(&counts(reference), &counts(window))
}

pub(super) fn chi_square(case: &Case) {
    let pairs = column_pairs(case);
    let tests = pairs.iter().enumerate().map(|(column, (reference, window))| {
        chi_square_of(&case.params("categories_per_feature")[column.to_string()], reference, window)
    });
    let tests: Result<Vec<ChiSquare>, TableProblem> = tests.collect();
    if case.expected("error").is_string() {
        assert!(matches!(tests, Err(TableProblem::AbsentLevel { .. })), "{}: {tests:?}", case.id());
        return;
    }
    let tests = tests.expect("every level is in a sample");
    case.check("dof", &tests.iter().map(|test| test.degrees_of_freedom as f64).collect::<Vec<f64>>());
    let tested: Vec<Tested> =
        tests.iter().map(|test| Tested { p_value: test.p_value, distance: test.statistic }).collect();
    check(case, &tested);
}

pub(super) fn fisher_exact(case: &Case) {
    let pairs: Vec<(BinaryCounts, BinaryCounts)> = if case.input("n_ref").is_number() {
        let count = |name: &str| integers(&serde_json::json!([case.input(name)]))[0] as u64;
        let counts = |n: &str, ones: &str| BinaryCounts { ones: count(ones), zeros: count(n) - count(ones) };
        vec![(counts("n_ref", "ones_ref"), counts("n", "ones"))]
    } else {
        let counts = |values: &[f64]| {
            let ones = values.iter().filter(|value| **value == 1.0).count();
            BinaryCounts { ones: ones as u64, zeros: (values.len() - ones) as u64 }
        };
        column_pairs(case).iter().map(|(reference, window)| (counts(reference), counts(window))).collect()
    };
    let tested: Vec<Tested> = pairs
        .into_iter()
        .map(|(reference, window)| {
            let test = test_of_ones(reference, window, alternative(case));
            Tested { p_value: test.p_value, distance: test.odds_ratio.unwrap_or(f64::NAN) }
        })
        .collect();
    check(case, &tested);
}

pub(super) fn tabular(case: &Case) {
    let categorical = case.params("categories_per_feature");
    let pairs = column_pairs(case).into_iter().zip(sorted_pairs(case)).enumerate();
    let tested: Vec<Tested> = pairs
        .map(|(column, ((reference, window), sorted))| match categorical.get(column.to_string()) {
            Some(given) => {
                let test = chi_square_of(given, &reference, &window).expect("every level is in a sample");
                Tested { p_value: test.p_value, distance: test.statistic }
            }
            None => kolmogorov_smirnov_of(sorted.as_ref(), alternative(case), ks::p_value_asymptotic),
        })
        .collect();
    check(case, &tested);
}
