use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use rand::RngExt;
use rand::seq::SliceRandom;

use super::*;
use crate::ports::Silent;
use crate::statistics::draws::stream;
use crate::statistics::kernel::squared_mmd;
use crate::statistics::permutation::PValueRule;
use crate::test_pool::Threads;

const SPEC: PermutationSpec = PermutationSpec { n_permutations: 99, level: 0.05, rule: PValueRule::Corrected, seed: 1 };

fn rows(n: usize, d: usize, seed: u64) -> Vec<f64> {
    let mut generator = stream(seed, 9);
    (0..n * d).map(|_| (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0).collect()
}

fn fit(reference: &[f64], d: usize, bandwidth: MmdBandwidth) -> MmdReference {
    MmdReference::fit(reference, d, bandwidth, &Threads(2), &Silent).unwrap()
}

fn test(fitted: &MmdReference, window: &[f64]) -> PermutationTest {
    fitted.test(window, &SPEC, &Threads(2), &Silent).unwrap()
}

#[test]
fn the_statistic_of_each_assignment_is_the_estimate_as_defined() {
    // Several blocks, the last ones in part, with the border between the samples inside of one.
    for (n, m, d, sigma) in [(150, 101, 3, &[1.5][..]), (5, 200, 1, &[0.5, 2.0]), (2, 2, 2, &[1.0])] {
        let pooled = Points::from_rows(&rows(n + m, d, 3), d);
        let kernel = GaussianKernel::new(sigma);
        let mut orders: Vec<Vec<usize>> = vec![(0..n + m).collect(); 4];
        for (seed, order) in orders.iter_mut().enumerate() {
            order.shuffle(&mut stream(seed as u64, 0));
        }
        let assignments = Assignments::of_orders(n, m, &orders);
        let statistics = pooled::statistics(&kernel, &pooled, &assignments, &Threads(2), &Silent).unwrap();
        orders.insert(0, (0..n + m).collect());
        assert_eq!(statistics.len(), 1 + orders.len());
        for (statistic, order) in statistics[Assignments::OBSERVED..].iter().zip(&orders) {
            let expected = squared_mmd(&kernel, &pooled.select(&order[..n]), &pooled.select(&order[n..]));
            assert!((statistic - expected).abs() < 1e-13, "{n} {m}: {statistic} {expected}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    let (reference, window) = (rows(500, 4, 1), rows(300, 4, 2));
    for bandwidth in [MmdBandwidth::OfReference, MmdBandwidth::OfEachTest, MmdBandwidth::Given(vec![1.0, 3.0])] {
        let with = |n| {
            let fitted = MmdReference::fit(&reference, 4, bandwidth.clone(), &Threads(n), &Silent).unwrap();
            let test = fitted.test(&window, &SPEC, &Threads(n), &Silent).unwrap();
            let restored = MmdReference::from_tensors(&fitted.to_tensors(), 4).unwrap();
            assert_eq!(restored, fitted);
            assert_eq!(restored.test(&window, &SPEC, &Threads(n), &Silent).unwrap(), test);
            test
        };
        assert_eq!(with(1), with(3));
        let fitted = fit(&reference, 4, bandwidth.clone());
        let other = fitted.test(&window, &PermutationSpec { seed: 2, ..SPEC }, &Threads(2), &Silent).unwrap();
        assert_eq!(other.distance, with(1).distance);
        assert_ne!(other.distance_threshold, with(1).distance_threshold);
    }
}

#[test]
fn a_shift_and_a_change_of_scale_are_found() {
    let fitted = fit(&rows(200, 3, 1), 3, MmdBandwidth::OfReference);
    let window = rows(100, 3, 4);
    let unchanged = test(&fitted, &window);
    assert!(unchanged.p_value > 0.05 && unchanged.distance < unchanged.distance_threshold, "{unchanged:?}");
    for (shift, scale) in [(0.7, 1.0), (0.0, 1.7)] {
        let changed: Vec<f64> = window.iter().map(|value| value * scale + shift).collect();
        let test = test(&fitted, &changed);
        assert!(test.p_value == 0.01 && test.distance > test.distance_threshold, "{shift} {scale}: {test:?}");
    }
}

#[test]
fn without_drift_small_p_values_are_as_rare_as_they_should_be() {
    let spec = PermutationSpec { n_permutations: 199, ..SPEC };
    let n_windows = 1_000;
    let small = (0..n_windows).filter(|window| {
        let rows = rows(50, 2, 1_000 + window);
        let fitted = fit(&rows[..60], 2, MmdBandwidth::OfReference);
        let spec = PermutationSpec { seed: *window, ..spec };
        fitted.test(&rows[60..], &spec, &Threads(1), &Silent).unwrap().p_value < spec.level
    });
    // The p-value is uniform on multiples of 1/200, of which 9 are below 0.05: within three standard deviations.
    let share = small.count() as f64 / n_windows as f64;
    let error = (0.045_f64 * 0.955 / n_windows as f64).sqrt();
    assert!((share - 0.045).abs() < 3.0 * error, "{share}");
}

#[test]
fn categories_whose_statistics_coincide_do_not_drift() {
    // Few different rows: most permutations give one of few statistics, however each is rounded.
    let category = |row: u32| if row.is_multiple_of(2) { [1.0, 0.0] } else { [0.0, 1.0] };
    let reference: Vec<f64> = (0..600).flat_map(category).collect();
    let window: Vec<f64> = (0..8).flat_map(category).collect();
    let fitted = fit(&reference, 2, MmdBandwidth::Given(vec![0.5]));
    assert_eq!(test(&fitted, &window).p_value, 1.0);
}

#[test]
fn unusable_rows_are_refused() {
    let unfitted = |rows: &[f64], bandwidth| MmdReference::fit(rows, 2, bandwidth, &Threads(2), &Silent);
    assert_eq!(
        unfitted(&[1.0, 2.0], MmdBandwidth::Given(vec![1.0])),
        Err(FitProblem::TooFewRows { expected: 2, actual: 1 })
    );
    let equal = [1.0, 2.0, 1.0, 2.0, 1.0, 2.0];
    assert_eq!(unfitted(&equal, MmdBandwidth::OfReference), Err(FitProblem::NoBandwidth));
    assert_eq!(unfitted(&[1e300, 0.0, -1e300, 0.0], MmdBandwidth::OfReference), Err(FitProblem::Overflow));

    let fitted = fit(&equal, 2, MmdBandwidth::OfEachTest);
    let tested = |window: &[f64], spec| fitted.test(window, &spec, &Threads(2), &Silent);
    assert_eq!(tested(&equal[..2], SPEC), Err(TestProblem::TooFewRows { expected: 2, actual: 1 }));
    assert_eq!(tested(&[], SPEC), Err(TestProblem::TooFewRows { expected: 2, actual: 0 }));
    assert_eq!(tested(&equal, SPEC), Err(TestProblem::NoBandwidth));
    assert_eq!(tested(&[1e300, 0.0, -1e300, 0.0], SPEC), Err(TestProblem::Overflow));
    let few = PermutationSpec { n_permutations: 19, ..SPEC };
    assert_eq!(tested(&equal, few), Err(TestProblem::TooFewPermutations { expected: 20, actual: 19 }));

    let mut tensors = fitted.to_tensors();
    assert!(MmdReference::from_tensors(&tensors, 4).is_err());
    assert!(MmdReference::from_tensors(&tensors, 0).is_err());
    tensors.insert_f64("sigma", vec![0.0]);
    assert!(MmdReference::from_tensors(&tensors, 2).is_err());
}

/// Wants no result any more after some reports.
struct Impatient(AtomicUsize);

impl Progress for Impatient {
    fn report(&self, _done: usize, _total: usize) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= 2
    }
}

#[test]
fn nobody_waits_for_a_cancelled_test() {
    let fitted = fit(&rows(300, 2, 1), 2, MmdBandwidth::OfReference);
    let impatient = Impatient(AtomicUsize::new(0));
    let result = fitted.test(&rows(300, 2, 2), &SPEC, &Threads(1), &impatient);
    assert_eq!((result, impatient.0.into_inner()), (Err(TestProblem::Cancelled), 2));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_rows_does_not_matter(n in 2..90_usize, m in 2..90_usize, d in 1..4_usize, seed: u64) {
        let all = rows(n + m, d, seed);
        let (reference, window) = all.split_at(n * d);
        let shuffled = |rows: &[f64]| {
            let mut rows: Vec<&[f64]> = rows.chunks_exact(d).collect();
            rows.shuffle(&mut stream(seed, 1));
            rows.concat()
        };
        let distance = |reference: &[f64], window: &[f64]| {
            let test = test(&fit(reference, d, MmdBandwidth::OfEachTest), window);
            assert!(test.p_value > 0.0 && test.p_value <= 1.0, "{test:?}");
            test.distance
        };
        let (expected, found) = (distance(reference, window), distance(&shuffled(reference), &shuffled(window)));
        prop_assert!((expected - found).abs() < 1e-12, "{expected} {found}");
    }

    #[test]
    fn identical_samples_do_not_drift(n in 2..90_usize, d in 1..4_usize, seed: u64) {
        let rows = rows(n, d, seed);
        let test = test(&fit(&rows, d, MmdBandwidth::Given(vec![1.0])), &rows);
        // Every row is as near to its copy as can be, so hardly any permutation brings the samples nearer.
        prop_assert!(test.p_value > 0.9 && test.distance <= 0.0, "{test:?}");
    }
}
