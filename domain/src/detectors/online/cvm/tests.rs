use rand::RngExt;

use super::simulation::Simulation;
use super::*;
use crate::ports::Silent;
use crate::statistics::draws::stream;
use crate::test_pool::Threads;

fn spec(window_sizes: &[usize], ert: f64, n_bootstraps: usize) -> CvmOnlineSpec {
    CvmOnlineSpec { ert, window_sizes: window_sizes.to_vec(), n_bootstraps, seed: 3 }
}

/// The statistic as its definition says.
fn by_definition(reference: &[f64], window: &[f64]) -> f64 {
    let share =
        |sample: &[f64], x: f64| sample.iter().filter(|value| **value <= x).count() as f64 / sample.len() as f64;
    let sum: f64 = reference.iter().chain(window).map(|x| (share(reference, *x) - share(window, *x)).powi(2)).sum();
    let (n, w) = (reference.len() as f64, window.len() as f64);
    let moments = NullMoments::new(n, w);
    (sum * n * w / (n + w).powi(2) - moments.mean) / moments.deviation
}

#[test]
fn steps_agree_with_the_definition_with_and_without_ties() {
    let mut generator = stream(1, 1);
    for ties in [false, true] {
        let mut draw = || {
            let value: f64 = generator.random();
            if ties { (value * 6.0).floor() } else { value }
        };
        let reference: Vec<f64> = (0..50).map(|_| draw()).collect();
        let values: Vec<f64> = (0..60).map(|_| draw()).collect();
        let detector = CvmOnline::with_thresholds(&spec(&[7, 3], 10.0, 100), &reference, 1, vec![0.0; 11]);
        let mut state = detector.start();
        for (index, value) in values.iter().enumerate() {
            let windows = detector.step(&mut state, &[*value]).windows;
            assert_eq!(windows.len(), 2);
            for (statistic, size) in windows.iter().zip([7, 3]) {
                match (index + 1).checked_sub(size) {
                    None => assert!(statistic.is_nan(), "{statistic}"),
                    Some(from) => {
                        let expected = by_definition(&reference, &values[from..=index]);
                        assert!((statistic - expected).abs() < 1e-9, "{statistic:?} {expected}");
                    }
                }
            }
        }
    }
}

#[test]
fn statistics_of_windows_keep_the_order_of_the_schema() {
    let mut generator = stream(1, 2);
    let reference: Vec<f64> = (0..100).map(|_| generator.random()).collect();
    let detector = CvmOnline::with_thresholds(&spec(&[7, 3], 10.0, 100), &reference, 2, vec![9.0; 11]);
    let mut state = detector.start();
    let mut n_reordered = 0;
    for _ in 0..40 {
        let detection = detector.step(&mut state, &[generator.random(), generator.random()]);
        let expected = [0, 1].map(|column| {
            let of_column = [detection.windows[column], detection.windows[2 + column]];
            of_column.into_iter().filter(|statistic| !statistic.is_nan()).reduce(f64::max)
        });
        for feature in &detection.features {
            assert_eq!(feature.statistic, expected[feature.column]);
        }
        n_reordered += usize::from(detection.features[0].column == 1);
    }
    assert!(n_reordered > 5, "the column with the larger statistic comes first among the features");
}

#[test]
fn simulated_statistics_are_those_of_the_detector() {
    let spec = spec(&[9, 4], 10.0, 100);
    let mut generator = stream(2, 2);
    let reference: Vec<f64> = (0..30).map(|_| generator.random()).collect();
    let values: Vec<f64> = (0..17).map(|_| generator.random()).collect();
    let detector = CvmOnline::with_thresholds(&spec, &reference, 1, vec![0.0; 14]);
    let mut state = detector.start();
    let expected: Vec<f64> = values.iter().filter_map(|value| detector.step(&mut state, &[*value]).statistic).collect();
    let below: Vec<f64> =
        values.iter().map(|value| reference.iter().filter(|other| *other < value).count() as f64).collect();
    let mut simulated = vec![0.0; 14];
    Simulation::new(&spec, 30).statistics(&below, &mut simulated);
    for (simulated, expected) in simulated.iter().zip(&expected) {
        assert!((simulated - expected).abs() < 1e-9, "{simulated} {expected}");
    }
}

#[test]
fn the_same_seed_gives_the_same_thresholds_on_any_number_of_threads() {
    let spec = spec(&[5, 10], 30.0, 1_500);
    let reference: Vec<f64> = (0..40).map(f64::from).collect();
    let fit = |n_threads| {
        CvmOnline::fit(&spec, &reference, 1, &CvmThresholds::default(), &Threads(n_threads), &Silent).unwrap()
    };
    assert_eq!(fit(1), fit(4));
    let other = CvmOnlineSpec { seed: 4, ..spec.clone() };
    let other = CvmOnline::fit(&other, &reference, 1, &CvmThresholds::default(), &Threads(2), &Silent).unwrap();
    assert_ne!(fit(1).thresholds, other.thresholds);
}

#[test]
fn unusable_references_are_refused() {
    let thresholds = CvmThresholds::default();
    let fit = |spec: &CvmOnlineSpec, reference: &[f64]| {
        CvmOnline::fit(spec, reference, 1, &thresholds, &Threads(1), &Silent).unwrap_err()
    };
    let small = spec(&[5, 10], 30.0, 1_500);
    assert_eq!(fit(&small, &[1.0; 9]), FitProblem::TooFewRows { expected: 10, actual: 9 });
    let reference: Vec<f64> = (0..40).map(f64::from).collect();
    assert!(matches!(fit(&spec(&[5, 10], 30.0, 20), &reference), FitProblem::TooFewBootstraps { .. }));
}

#[test]
fn departures_from_a_constant_reference_are_drift() {
    let spec = spec(&[5, 10], 30.0, 1_500);
    let detector = CvmOnline::fit(&spec, &[0.5; 100], 1, &CvmThresholds::default(), &Threads(1), &Silent).unwrap();
    let mut state = detector.start();
    assert!((0..50).all(|_| !detector.step(&mut state, &[0.5]).is_drift), "the constant itself is none");
    let delay = (0..10).position(|row| detector.step(&mut state, &[0.4 + f64::from(row % 2) * 0.2]).is_drift);
    assert!(delay.is_some_and(|delay| delay < 5), "{delay:?}");
}
