use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use rand::RngExt;

use super::*;
use crate::ports::Silent;
use crate::statistics::draws::stream;
use crate::test_pool::Threads;

const LOGISTIC_REGRESSION: ClassifierModel = ClassifierModel::LogisticRegression;
const FOREST: ClassifierModel = ClassifierModel::RandomForest { n_trees: 20 };

const AT_LEVEL: FoldPermutations = FoldPermutations { level: 0.05, n_permutations: 100 };

fn settings(model: ClassifierModel, validation: Validation) -> ClassifierSettings {
    ClassifierSettings { model, validation, binarize_preds: false, calibrated: false }
}

/// Of columns whose first one is moved.
fn rows(n: usize, d: usize, shift: f64, seed: u64) -> Vec<f64> {
    let mut generator = stream(seed, 9);
    let mut rows: Vec<f64> =
        (0..n * d).map(|_| (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0).collect();
    rows.chunks_exact_mut(d).for_each(|row| row[0] += shift);
    rows
}

fn outcome(reference: &[f64], window: &[f64], d: usize, settings: &ClassifierSettings, seed: u64) -> ClassifierOutcome {
    let test = ClassifierTest::new(reference.to_vec(), d).unwrap();
    test.test(window, settings, seed, Some(AT_LEVEL), &Threads(2), &Silent).unwrap().unwrap()
}

#[test]
fn a_moved_column_is_found_and_named_by_every_model() {
    let (reference, window) = (rows(150, 4, 0.0, 1), rows(120, 4, 1.5, 2));
    for model in [LOGISTIC_REGRESSION, FOREST] {
        for validation in [Validation::NFolds(5), Validation::TrainSize(0.75)] {
            for (binarize_preds, calibrated) in [(false, false), (true, false), (false, true)] {
                let settings = ClassifierSettings { binarize_preds, calibrated, ..settings(model, validation) };
                let found = outcome(&reference, &window, 4, &settings, 3);
                assert!(found.p_value < 0.01 && found.distance > 0.2, "{settings:?}: {found:?}");
                assert!((found.importances.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{:?}", found.importances);
                let others = found.importances[1..].iter().copied().fold(0.0, f64::max);
                assert!(found.importances[0] > 2.0 * others, "{settings:?}: {:?}", found.importances);
            }
        }
    }
}

#[test]
fn a_forest_sees_what_a_linear_model_cannot() {
    // The same means, but the signs of two columns agree in the window alone.
    let reference = rows(300, 2, 0.0, 1);
    let mut window = rows(300, 2, 0.0, 2);
    for row in window.chunks_exact_mut(2) {
        row[1] = row[1].abs() * row[0].signum();
    }
    let p_value = |model| outcome(&reference, &window, 2, &settings(model, Validation::TrainSize(0.75)), 0).p_value;
    let (linear, forest) = (p_value(LOGISTIC_REGRESSION), p_value(FOREST));
    assert!(linear > 0.05 && forest < 1e-4, "{linear} {forest}");
}

#[test]
fn identical_rows_are_no_drift() {
    // A number whose multiples are rounded.
    let constant = vec![0.1; 80];
    for model in [LOGISTIC_REGRESSION, FOREST] {
        let found = outcome(&constant, &constant[..40], 2, &settings(model, Validation::NFolds(4)), 0);
        assert_eq!((found.p_value, found.distance, &*found.importances), (1.0, 0.0, &[0.0, 0.0][..]), "{model:?}");
    }
}

/// Windows without drift that are judged drifted at a level of 0.05, of so many.
fn false_alarms(settings: &ClassifierSettings, n_windows: u64) -> usize {
    let is_alarm = |window: &u64| {
        let (reference, window_rows) = (rows(100, 5, 0.0, 2 * window), rows(100, 5, 0.0, 2 * window + 1));
        outcome(&reference, &window_rows, 5, settings, *window).p_value < 0.05
    };
    (0..n_windows).filter(is_alarm).count()
}

#[test]
fn splits_and_folds_give_as_many_false_alarms_as_promised() {
    for validation in [Validation::TrainSize(0.75), Validation::NFolds(5)] {
        let alarms = false_alarms(&settings(LOGISTIC_REGRESSION, validation), 1_000);
        // Three standard deviations of the binomial law about 50.
        assert!((30..=70).contains(&alarms), "{validation:?}: {alarms}");
    }
}

#[test]
fn a_forest_keeps_its_level_though_it_gives_many_rows_one_probability() {
    let forest = ClassifierModel::RandomForest { n_trees: 5 };
    let alarms = false_alarms(&settings(forest, Validation::TrainSize(0.5)), 1_000);
    assert!((30..=70).contains(&alarms), "{alarms}");
}

#[test]
fn folds_that_are_taken_as_independent_raise_more() {
    let is_alarm = |window: &u64| {
        let (reference, window_rows) = (rows(100, 5, 0.0, 2 * window), rows(100, 5, 0.0, 2 * window + 1));
        let test = ClassifierTest::new(reference, 5).unwrap();
        let settings = settings(LOGISTIC_REGRESSION, Validation::NFolds(5));
        let outcome = test.test(&window_rows, &settings, *window, None, &Threads(2), &Silent).unwrap().unwrap();
        outcome.p_value < 0.05
    };
    // As the documentation says: 76 of 1,000 in a longer run.
    let alarms = (0..1_000).filter(is_alarm).count();
    assert!((51..=101).contains(&alarms), "{alarms}");
}

#[test]
fn folds_find_a_small_shift_more_often_than_a_single_split() {
    let found = |validation| {
        let settings = settings(LOGISTIC_REGRESSION, validation);
        let is_found = |seed: &u64| {
            let (reference, window) = (rows(100, 5, 0.0, 2 * seed), rows(100, 5, 0.5, 2 * seed + 1));
            outcome(&reference, &window, 5, &settings, *seed).p_value < 0.05
        };
        (0..200).filter(is_found).count()
    };
    // Of 400: 258 and 108.
    let (folds, single) = (found(Validation::NFolds(5)), found(Validation::TrainSize(0.75)));
    assert!(folds > 110 && (35..=75).contains(&single), "{folds} {single}");
}

#[test]
fn unfit_samples_and_settings_are_refused_with_what_was_expected() {
    let refused = |n: usize, m: usize, model, validation| {
        let test = ClassifierTest::new(vec![0.0; n], 1)?;
        test.test(&vec![0.0; m], &settings(model, validation), 0, None, &Threads(1), &Silent).map(|_| ())
    };
    let folds = Validation::NFolds;
    let cases = [
        (refused(1, 9, FOREST, folds(2)), ModelTestProblem::TooFewReferenceRows { expected: 2, actual: 1 }),
        (refused(9, 1, FOREST, folds(2)), ModelTestProblem::TooFewRows { expected: 2, actual: 1 }),
        (refused(9, 0, FOREST, folds(2)), ModelTestProblem::TooFewRows { expected: 2, actual: 0 }),
        (refused(9, 5, FOREST, folds(1)), ModelTestProblem::NFolds { expected_max: 9, actual: 1 }),
        (refused(9, 5, FOREST, folds(10)), ModelTestProblem::NFolds { expected_max: 9, actual: 10 }),
        (refused(9, 5, FOREST, Validation::TrainSize(1.0)), ModelTestProblem::TrainSize { actual: 1.0, n_rows: 14 }),
        (refused(9, 5, FOREST, Validation::TrainSize(0.1)), ModelTestProblem::TrainSize { actual: 0.1, n_rows: 14 }),
        (
            refused(9, 5, ClassifierModel::RandomForest { n_trees: 0 }, folds(2)),
            ModelTestProblem::Setting { name: "n_trees", expected: "of at least 1" },
        ),
    ];
    for (actual, expected) in cases {
        assert_eq!(actual, Err(expected));
    }
    for size in [1e308, 1e200] {
        let huge: Vec<f64> = (0..20).map(|row| if row % 2 == 0 { size } else { -size }).collect();
        let test = ClassifierTest::new(huge.clone(), 1).unwrap();
        let found = |model| test.test(&huge, &settings(model, folds(2)), 0, None, &Threads(1), &Silent);
        assert_eq!(found(LOGISTIC_REGRESSION), Err(ModelTestProblem::Overflow), "{size}");
        assert!(found(FOREST).is_ok(), "{size}");
    }
}

#[test]
fn a_cancelled_test_has_no_outcome() {
    /// After the first task.
    #[derive(Default)]
    struct Impatient(AtomicUsize);

    impl Progress for Impatient {
        fn report(&self, _done: usize, _total: usize) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn is_cancelled(&self) -> bool {
            self.0.load(Ordering::Relaxed) > 0
        }
    }

    let test = ClassifierTest::new(rows(40, 2, 0.0, 1), 2).unwrap();
    for model in [LOGISTIC_REGRESSION, FOREST] {
        let settings = settings(model, Validation::NFolds(5));
        let window = rows(30, 2, 0.0, 2);
        assert_eq!(test.test(&window, &settings, 0, None, &Threads(1), &Impatient::default()), Ok(None));
    }
}

fn models() -> impl Strategy<Value = ClassifierModel> {
    prop_oneof![Just(LOGISTIC_REGRESSION), Just(ClassifierModel::RandomForest { n_trees: 13 })]
}

fn validations() -> impl Strategy<Value = Validation> {
    prop_oneof![(2..6_usize).prop_map(Validation::NFolds), (0.3..0.8_f64).prop_map(Validation::TrainSize)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_seed_decides_alone_and_rows_come_back_in_order(
        n in 6..40_usize, m in 6..40_usize, d in 1..4_usize, seed: u64,
        model in models(), validation in validations(), binarize_preds: bool, calibrated: bool,
    ) {
        let (reference, window) = (rows(n, d, 0.0, 1), rows(m, d, 0.5, 2));
        let settings = ClassifierSettings { model, validation, binarize_preds, calibrated };
        let test = ClassifierTest::new(reference, d).unwrap();
        let run = |threads| test.test(&window, &settings, seed, None, &Threads(threads), &Silent).unwrap().unwrap();
        let one = run(1);
        prop_assert_eq!(&one, &run(1));
        prop_assert_eq!(&one, &run(3));
        prop_assert!((0.0..=1.0).contains(&one.p_value), "{}", one.p_value);
        prop_assert!((0.0..=1.0).contains(&one.distance), "{}", one.distance);
        for (held_out, size) in [(&one.reference, n), (&one.window, m)] {
            prop_assert!(held_out.rows.is_sorted_by(|a, b| a < b) && held_out.rows.iter().all(|row| *row < size));
            prop_assert!(!held_out.rows.is_empty());
            if let Validation::NFolds(_) = validation {
                prop_assert_eq!(held_out.rows.len(), size);
            }
            prop_assert_eq!(held_out.rows.len(), held_out.probabilities.len());
            prop_assert!(held_out.probabilities.iter().all(|probability| (0.0..=1.0).contains(probability)));
        }
        let sum: f64 = one.importances.iter().sum();
        prop_assert!((sum - 1.0).abs() < 1e-9 || one.importances.iter().all(|share| *share == 0.0), "{}", sum);
    }

    #[test]
    fn swapped_samples_are_told_apart_as_well(n in 10..40_usize, shift in 0.0..2.0_f64, seed: u64) {
        // With the same rows held out, the probabilities of logistic regression turn into those of the other label.
        let (reference, window) = (rows(n, 2, 0.0, seed), rows(n, 2, shift, seed.wrapping_add(1)));
        let held_out: Vec<Vec<usize>> = (0..2).map(|fold| (0..2 * n).filter(|row| row % 2 == fold).collect()).collect();
        let swapped: Vec<Vec<usize>> =
            held_out.iter().map(|rows| rows.iter().map(|row| (row + n) % (2 * n)).collect()).collect();
        let settings = settings(LOGISTIC_REGRESSION, Validation::NFolds(2));
        let test = |reference: &[f64], window: &[f64], held_out: &[Vec<usize>]| {
            let test = ClassifierTest::new(reference.to_vec(), 2).unwrap();
            test.test_with_held_out(window, &settings, held_out, &Threads(1))
        };
        let (one, other) = (test(&reference, &window, &held_out), test(&window, &reference, &swapped));
        let pairs = one.reference.probabilities.iter().zip(&other.window.probabilities)
            .chain(one.window.probabilities.iter().zip(&other.reference.probabilities));
        for (one, other) in pairs {
            prop_assert!((one + other - 1.0).abs() < 1e-7, "{} {}", one, other);
        }
        prop_assert!((one.distance - other.distance).abs() < 1e-9);
        for (one, other) in one.importances.iter().zip(&other.importances) {
            prop_assert!((one - other).abs() < 1e-7);
        }
    }
}
