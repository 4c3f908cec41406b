use rand::RngExt;

use super::*;
use crate::ports::Silent;
use crate::test_pool::Threads;

fn spec(alternative: Alternative) -> FetOnlineSpec {
    FetOnlineSpec {
        ert: 40.0,
        window_sizes: vec![9, 4],
        alternative,
        lam: 0.99,
        t_max: 17,
        n_bootstraps: 2_000,
        seed: 3,
    }
}

/// Rows of columns with these shares of ones.
fn rows(n: usize, shares: &[f64], seed: u64) -> Vec<f64> {
    let mut generator = stream(seed, 9);
    (0..n * shares.len())
        .map(|cell| f64::from(u8::from(generator.random::<f64>() < shares[cell % shares.len()])))
        .collect()
}

fn fit(spec: &FetOnlineSpec, reference: &[f64], d: usize) -> FetOnline {
    FetOnline::fit(spec, reference, d, &Threads(2), &Silent).unwrap()
}

#[test]
fn simulated_statistics_are_those_of_the_detector() {
    for alternative in [Alternative::TwoSided, Alternative::Greater, Alternative::Less] {
        let spec = spec(alternative);
        let detector = fit(&spec, &rows(100, &[0.3], 1), 1);
        let values = rows(17, &[0.5], 2);
        let mut state = detector.start();
        let stepped: Vec<f64> = values.iter().filter_map(|x| detector.step(&mut state, &[*x]).statistic).collect();
        let stream: Vec<bool> = values.iter().map(|value| *value == 1.0).collect();
        // Equal to the last bit, as equality with a threshold decides.
        let simulated: Vec<f64> = detector.simulated(0, &stream).into_iter().map(f64::from).collect();
        assert_eq!(stepped, simulated);
    }
}

#[test]
fn two_sided_finds_either_change_and_one_sided_only_its_own() {
    let reference = rows(1_000, &[0.5], 1);
    let alarms = |alternative, value: f64| {
        let detector = fit(&spec(alternative), &reference, 1);
        let mut state = detector.start();
        (0..30).filter(|_| detector.step(&mut state, &[value]).is_drift).count()
    };
    for value in [0.0, 1.0] {
        assert!(alarms(Alternative::TwoSided, value) > 15);
    }
    assert!(alarms(Alternative::Greater, 1.0) > 15 && alarms(Alternative::Less, 0.0) > 15);
    assert_eq!((alarms(Alternative::Greater, 0.0), alarms(Alternative::Less, 1.0)), (0, 0));
}

#[test]
fn every_window_tells_the_statistic_that_is_compared() {
    for alternative in [Alternative::TwoSided, Alternative::Greater] {
        let spec = spec(alternative);
        let detector = fit(&spec, &rows(300, &[0.4, 0.0, 0.7], 5), 3);
        let mut state = detector.start();
        for (time, row) in rows(30, &[0.6, 0.5, 0.7], 6).chunks_exact(3).enumerate() {
            let detection = detector.step(&mut state, row);
            assert_eq!(detection.windows.len(), 2 * 3);
            for feature in &detection.features {
                let of_column = [detection.windows[feature.column], detection.windows[3 + feature.column]];
                let is_watched = feature.column != 1;
                let is_told = of_column.map(|statistic| !statistic.is_nan());
                // The windows have 9 and 4 rows.
                assert_eq!(is_told, [9, 4].map(|size| is_watched && time + 1 >= size));
                let largest = of_column.into_iter().filter(|statistic| !statistic.is_nan()).reduce(f64::max);
                assert_eq!(largest, feature.statistic);
            }
        }
    }
}

#[test]
fn constant_columns_are_not_watched_and_cost_no_significance() {
    let spec = spec(Alternative::TwoSided);
    let (alone, beside) = (rows(300, &[0.4], 5), rows(300, &[0.4, 0.0], 5));
    let varying: Vec<f64> = beside.iter().step_by(2).copied().collect();
    let detector = fit(&spec, &beside, 2);
    assert_eq!(detector.watched[0], fit(&spec, &varying, 1).watched[0]);
    let mut state = detector.start();
    for _ in 0..40 {
        let detection = detector.step(&mut state, &[0.0, 1.0]);
        let constant = detection.features.iter().find(|feature| feature.column == 1).unwrap();
        assert_eq!((constant.is_drift, constant.statistic, constant.threshold), (false, None, None));
    }
    assert_eq!(fit(&spec, &alone, 1).n_rows, 300);
    let refused = |reference: &[f64]| FetOnline::fit(&spec, reference, 1, &Threads(1), &Silent).unwrap_err();
    assert_eq!(refused(&[1.0; 50]), FitProblem::AllConstant);
    assert_eq!(refused(&[0.0, 1.0, 0.5]), FitProblem::NotBinary);
}

#[test]
fn the_same_seed_gives_the_same_detector_on_any_number_of_threads() {
    let spec = spec(Alternative::TwoSided);
    let reference = rows(200, &[0.3, 0.6], 1);
    let with = |spec: &FetOnlineSpec, n| FetOnline::fit(spec, &reference, 2, &Threads(n), &Silent).unwrap();
    assert_eq!(with(&spec, 1), with(&spec, 4));
    let other = FetOnlineSpec { seed: 4, ..spec.clone() };
    assert_ne!(with(&spec, 1).watched, with(&other, 1).watched);
}

#[test]
fn permits_are_probabilities_and_thresholds_32_bit_numbers() {
    // Shares and seeds for which the reference library finds permits above 1 and gives up.
    for seed in 0..40 {
        let spec = FetOnlineSpec { seed, n_bootstraps: 500, ..spec(Alternative::Greater) };
        let detector = fit(&spec, &rows(60, &[0.2 + 0.015 * seed as f64], seed), 1);
        let curve = &detector.watched[0].as_ref().unwrap().curve;
        assert!(curve.permits.iter().all(|permit| (0.0..=1.0).contains(permit)), "{:?}", curve.permits);
        assert!(curve.thresholds.iter().all(|threshold| f64::from(rounded(*threshold)) == *threshold));
    }
}

#[test]
fn the_least_number_of_bootstraps_suffices() {
    let expected = n_streams_min(alarm_probability(40.0, 1), 14);
    for seed in 0..30 {
        let spec = FetOnlineSpec { n_bootstraps: expected, seed, ..spec(Alternative::TwoSided) };
        fit(&spec, &rows(200, &[0.3], seed), 1);
    }
    let few = FetOnlineSpec { n_bootstraps: expected - 1, ..spec(Alternative::TwoSided) };
    let refused = FetOnline::fit(&few, &rows(200, &[0.3], 1), 1, &Threads(1), &Silent).unwrap_err();
    assert_eq!(refused, FitProblem::TooFewBootstraps { expected, actual: expected - 1 });
}

#[test]
fn the_promise_holds_with_few_distinct_statistics() {
    // Without ties being drawn, a window of 4 rows would alarm far too seldom or too often.
    let spec = FetOnlineSpec { window_sizes: vec![4], t_max: 7, n_bootstraps: 10_000, ..spec(Alternative::TwoSided) };
    let reference: Vec<f64> = (0..1_000).map(|row| f64::from(u8::from(row % 10 < 3))).collect();
    let mut total = 0;
    for seed in 0..100 {
        let detector = fit(&FetOnlineSpec { seed, ..spec.clone() }, &reference, 1);
        let mut generator = stream(seed, 8);
        for _ in 0..20 {
            let mut state = detector.start();
            // Rows are counted from the first full window.
            total -= 3;
            let mut is_drift = false;
            while !is_drift {
                let value = f64::from(u8::from(generator.random::<f64>() < 0.3));
                is_drift = detector.step(&mut state, &[value]).is_drift;
                total += 1;
            }
        }
    }
    let mean = f64::from(total) / 2_000.0;
    // Four standard errors of 2,000 geometric runs.
    assert!((mean - 40.0).abs() < 4.0, "{mean}");
}
