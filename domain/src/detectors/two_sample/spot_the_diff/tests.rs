use proptest::prelude::*;
use rand::RngExt;

use super::*;
use crate::ports::Silent;
use crate::statistics::draws::stream;
use crate::test_pool::Threads;

/// Of columns whose first one is moved.
fn rows(n: usize, d: usize, shift: f64, seed: u64) -> Vec<f64> {
    let mut generator = stream(seed, 9);
    let mut rows: Vec<f64> =
        (0..n * d).map(|_| (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0).collect();
    rows.chunks_exact_mut(d).for_each(|row| row[0] += shift);
    rows
}

fn outcome(
    reference: &[f64],
    window: &[f64],
    d: usize,
    settings: &SpotTheDiffSettings,
    seed: u64,
) -> SpotTheDiffOutcome {
    let test = SpotTheDiff::new(reference.to_vec(), d).unwrap();
    test.test(window, settings, seed, None, &Threads(2), &Silent).unwrap().unwrap()
}

#[test]
fn the_gradient_is_that_of_the_loss() {
    let (x, d, l1_reg) = (rows(20, 3, 0.3, 1), 3, 0.2);
    let sample = || x.chunks_exact(d).zip((0..20).map(|row| row % 3 == 0));
    let model = Model {
        mean: vec![0.1, -0.2, 0.0],
        differences: vec![0.5, -1.0, 0.3, -0.7, 0.2, 0.9],
        coefficients: vec![0.8, -1.2],
        bias: -0.1,
        log_sigma: 0.2,
    };
    let gradient = model.gradient(sample(), l1_reg);
    let numeric = |moved: &dyn Fn(f64) -> Model| {
        (moved(1e-6).loss(sample(), l1_reg) - moved(-1e-6).loss(sample(), l1_reg)) / 2e-6
    };
    let with = |change: &dyn Fn(&mut Model)| {
        let mut model = model.clone();
        change(&mut model);
        model
    };
    let mut pairs = vec![
        (gradient.bias, numeric(&|by| with(&|model| model.bias += by))),
        (gradient.log_sigma, numeric(&|by| with(&|model| model.log_sigma += by))),
    ];
    for (index, slope) in gradient.coefficients.iter().enumerate() {
        pairs.push((*slope, numeric(&|by| with(&|model| model.coefficients[index] += by))));
    }
    for (index, slope) in gradient.differences.iter().enumerate() {
        pairs.push((*slope, numeric(&|by| with(&|model| model.differences[index] += by))));
    }
    for (slope, numeric) in pairs {
        assert!((slope - numeric).abs() < 1e-8, "{slope} {numeric}");
    }
}

#[test]
fn a_shift_is_found_and_explained() {
    for n_diffs in [1, 3] {
        let settings = SpotTheDiffSettings { n_diffs, ..SpotTheDiffSettings::default() };
        let found = outcome(&rows(400, 3, 0.0, 1), &rows(300, 3, 1.5, 2), 3, &settings, 5);
        assert!(found.p_value < 1e-6 && found.distance > 0.3, "{found:?}");
        assert_eq!((found.differences.len(), found.coefficients.len()), (3 * n_diffs, n_diffs));
        assert!(found.importances[0] > 0.6, "{:?}", found.importances);
        assert!((found.importances.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for (difference, coefficient) in found.differences.chunks_exact(3).zip(&found.coefficients) {
            assert!(difference[0] * coefficient > 0.0, "{difference:?} {coefficient}");
        }
    }
}

#[test]
fn windows_without_drift_raise_as_many_alarms_as_promised() {
    let is_alarm = |seed: &u64| {
        let (reference, window) = (rows(100, 3, 0.0, 2 * seed), rows(100, 3, 0.0, 2 * seed + 1));
        outcome(&reference, &window, 3, &SpotTheDiffSettings::default(), *seed).p_value < 0.05
    };
    let alarms = (0..1_000).filter(is_alarm).count();
    // Three standard deviations of the binomial law about 50.
    assert!((30..=70).contains(&alarms), "{alarms}");
}

#[test]
fn most_windows_that_moved_by_a_standard_deviation_are_found() {
    let is_found = |seed: &u64| {
        let (reference, window) = (rows(200, 10, 0.0, 2 * seed), rows(100, 10, 1.0, 2 * seed + 1));
        outcome(&reference, &window, 10, &SpotTheDiffSettings::default(), *seed).p_value < 0.05
    };
    let found = (0..100).filter(is_found).count();
    assert!(found >= 67, "{found}");
}

#[test]
fn a_constant_column_explains_nothing_unless_it_departs() {
    let with_constant = |rows: Vec<f64>, constant: f64| -> Vec<f64> {
        rows.chunks_exact(2).flat_map(|row| [row[0], constant, row[1]]).collect()
    };
    let reference = with_constant(rows(200, 2, 0.0, 1), 0.1);
    let found = |window: Vec<f64>| outcome(&reference, &window, 3, &SpotTheDiffSettings::default(), 1);
    assert_eq!(found(with_constant(rows(200, 2, 1.0, 2), 0.1)).importances[1], 0.0);
    let departed = found(with_constant(rows(200, 2, 0.0, 2), 2.0));
    assert!(departed.p_value < 1e-6 && departed.importances[1] > 0.0, "{departed:?}");
}

#[test]
fn identical_rows_are_no_drift() {
    let found = outcome(&[0.1; 80], &[0.1; 40], 2, &SpotTheDiffSettings::default(), 0);
    assert_eq!((found.p_value, found.distance), (1.0, 0.0));
    assert!(found.differences.iter().chain(&found.coefficients).all(|entry| entry.is_finite()), "{found:?}");
}

#[test]
fn unfit_samples_and_settings_are_refused_with_what_was_expected() {
    let usual = SpotTheDiffSettings::default();
    let refused = |reference: &[f64], window: &[f64], settings: SpotTheDiffSettings| {
        SpotTheDiff::new(reference.to_vec(), 1)?.test(window, &settings, 0, None, &Threads(1), &Silent).map(|_| ())
    };
    let ten = rows(10, 1, 0.0, 1);
    assert_eq!(refused(&ten[..1], &ten, usual), Err(ModelTestProblem::TooFewReferenceRows { expected: 2, actual: 1 }));
    assert_eq!(refused(&ten, &ten[..1], usual), Err(ModelTestProblem::TooFewRows { expected: 2, actual: 1 }));
    let folds = SpotTheDiffSettings { validation: Validation::NFolds(1), ..usual };
    assert_eq!(refused(&ten, &ten, folds), Err(ModelTestProblem::NFolds { expected_max: 10, actual: 1 }));
    for (settings, name) in [
        (SpotTheDiffSettings { n_diffs: 0, ..usual }, "n_diffs"),
        (SpotTheDiffSettings { epochs: 0, ..usual }, "epochs"),
        (SpotTheDiffSettings { batch_size: 0, ..usual }, "batch_size"),
        (SpotTheDiffSettings { l1_reg: -0.1, ..usual }, "l1_reg"),
        (SpotTheDiffSettings { learning_rate: 0.0, ..usual }, "learning_rate"),
        (SpotTheDiffSettings { learning_rate: f64::NAN, ..usual }, "learning_rate"),
    ] {
        let problem = refused(&ten, &ten, settings).unwrap_err();
        assert!(matches!(problem, ModelTestProblem::Setting { name: named, .. } if named == name), "{problem:?}");
    }
    let huge: Vec<f64> = ten.iter().map(|value| value * 1e300).collect();
    assert_eq!(refused(&huge, &huge, usual), Err(ModelTestProblem::Overflow));
}

#[test]
fn a_cancelled_test_has_no_outcome() {
    /// During the first model.
    struct Impatient(std::sync::atomic::AtomicUsize);

    impl Progress for Impatient {
        fn report(&self, _done: usize, _total: usize) {}

        fn is_cancelled(&self) -> bool {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 3
        }
    }

    let test = SpotTheDiff::new(rows(40, 2, 0.0, 1), 2).unwrap();
    let progress = Impatient(std::sync::atomic::AtomicUsize::new(0));
    let found = test.test(&rows(30, 2, 0.0, 2), &SpotTheDiffSettings::default(), 0, None, &Threads(1), &progress);
    assert_eq!(found, Ok(None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_seed_decides_alone_and_rows_come_back_in_order(
        n in 4..40_usize, m in 4..40_usize, d in 1..4_usize, n_diffs in 1..4_usize, batch_size in 1..50_usize,
        n_folds in 2..5_usize, seed: u64,
    ) {
        let settings = SpotTheDiffSettings {
            n_diffs,
            batch_size,
            validation: Validation::NFolds(n_folds.min(n.max(m))),
            ..SpotTheDiffSettings::default()
        };
        let test = SpotTheDiff::new(rows(n, d, 0.0, 1), d).unwrap();
        let window = rows(m, d, 0.5, 2);
        let run = |threads| test.test(&window, &settings, seed, None, &Threads(threads), &Silent).unwrap().unwrap();
        let one = run(1);
        prop_assert_eq!(&one, &run(1));
        prop_assert_eq!(&one, &run(3));
        prop_assert!((0.0..=1.0).contains(&one.p_value) && (0.0..=1.0).contains(&one.distance));
        for (held_out, size) in [(&one.reference, n), (&one.window, m)] {
            prop_assert_eq!(&held_out.rows, &(0..size).collect::<Vec<usize>>());
            prop_assert!(held_out.probabilities.iter().all(|probability| (0.0..=1.0).contains(probability)));
        }
    }
}
