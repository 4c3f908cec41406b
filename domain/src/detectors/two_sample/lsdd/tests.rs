use proptest::prelude::*;
use rand::RngExt;

use super::*;
use crate::ports::Silent;
use crate::statistics::permutation::PValueRule;
use crate::test_pool::Threads;

const SPEC: PermutationSpec = PermutationSpec { n_permutations: 99, level: 0.05, rule: PValueRule::Corrected, seed: 1 };

fn spec(n_kernel_centers: usize) -> LsddSpec {
    LsddSpec { sigma: Vec::new(), n_kernel_centers, lambda_rd_max: 0.2, seed: 1 }
}

fn rows(n: usize, d: usize, seed: u64) -> Vec<f64> {
    let mut generator = stream(seed, 9);
    (0..n * d).map(|_| (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0).collect()
}

fn fit(spec: &LsddSpec, reference: &[f64], d: usize) -> Result<LsddReference, FitProblem> {
    LsddReference::fit(spec, reference, d, &Threads(2), &Silent)
}

fn test(fitted: &LsddReference, window: &[f64]) -> PermutationTest {
    fitted.test(window, &SPEC, &Threads(2), &Silent).unwrap()
}

#[test]
fn the_differences_of_each_assignment_are_those_of_the_mean_kernels() {
    let (reference, window) = (rows(170, 2, 1), rows(90, 2, 2));
    let fitted = fit(&spec(11), &reference, 2).unwrap();
    let effective = fitted.effective.to_rows();
    let pooled = [effective, fitted.scales.all_standardised(&window)].concat();
    let n = fitted.effective.n_rows();
    let mut orders: Vec<Vec<usize>> = vec![(0..pooled.len() / 2).collect(); 20];
    for (seed, order) in orders.iter_mut().enumerate() {
        order.shuffle(&mut stream(seed as u64, 0));
    }
    let assignments = Assignments::of_orders(n, 90, &orders);
    let differences = fitted.differences(&window, &assignments, &Threads(3), &Silent).unwrap();
    orders.insert(0, (0..pooled.len() / 2).collect());
    let lambda = 1.0 / 16.0;
    let weights = fitted.eigenvalues.weights(lambda);
    for (statistic, order) in differences.statistics(lambda).iter().zip(&orders) {
        let mut expected = [0.0; 11];
        for (place, row) in order.iter().enumerate() {
            let mut coordinates = vec![0.0; 11];
            fitted.basis.coordinates(&pooled[row * 2..row * 2 + 2], &mut coordinates);
            let share = if place < n { 1.0 / n as f64 } else { -1.0 / 90.0 };
            expected.iter_mut().zip(&coordinates).for_each(|(mean, value)| *mean += share * value);
        }
        let expected: f64 = expected.iter().zip(&weights).map(|(value, weight)| weight * value * value).sum();
        assert!((statistic - expected).abs() < 1e-12 + 1e-9 * expected, "{statistic} {expected}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    let (reference, window) = (rows(1_500, 3, 1), rows(700, 3, 2));
    let with = |n| {
        let fitted = LsddReference::fit(&spec(40), &reference, 3, &Threads(n), &Silent).unwrap();
        let test = fitted.test(&window, &SPEC, &Threads(n), &Silent).unwrap();
        let restored = LsddReference::from_tensors(&fitted.to_tensors(), 3).unwrap();
        assert_eq!(restored, fitted);
        assert_eq!(restored.test(&window, &SPEC, &Threads(n), &Silent).unwrap(), test);
        test
    };
    assert_eq!(with(1), with(3));
    let other = fit(&LsddSpec { seed: 2, ..spec(40) }, &reference, 3).unwrap();
    assert_ne!(test(&other, &window).distance, with(1).distance);
}

#[test]
fn a_shift_and_a_change_of_scale_are_found() {
    let fitted = fit(&spec(20), &rows(300, 2, 1), 2).unwrap();
    let window = rows(100, 2, 3);
    let unchanged = test(&fitted, &window);
    assert!(unchanged.p_value > 0.05 && unchanged.distance < unchanged.distance_threshold, "{unchanged:?}");
    for (shift, scale) in [(0.7, 1.0), (0.0, 2.0)] {
        let changed: Vec<f64> = window.iter().map(|value| value * scale + shift).collect();
        let test = test(&fitted, &changed);
        assert!(test.p_value == 0.01 && test.distance > test.distance_threshold, "{shift} {scale}: {test:?}");
    }
}

#[test]
fn without_drift_small_p_values_are_as_rare_as_they_should_be() {
    let permutations = PermutationSpec { n_permutations: 199, ..SPEC };
    let n_windows = 1_000;
    let small = (0..n_windows).filter(|window| {
        let rows = rows(90, 2, 1_000 + window);
        let fitted = fit(&LsddSpec { seed: *window, ..spec(8) }, &rows[..120], 2).unwrap();
        let permutations = PermutationSpec { seed: *window, ..permutations };
        fitted.test(&rows[120..], &permutations, &Threads(1), &Silent).unwrap().p_value < permutations.level
    });
    // The p-value is uniform on multiples of 1/200, of which 9 are below 0.05: within three standard deviations.
    let share = small.count() as f64 / n_windows as f64;
    let error = (0.045_f64 * 0.955 / n_windows as f64).sqrt();
    assert!((share - 0.045).abs() < 3.0 * error, "{share}");
}

#[test]
fn departures_from_a_constant_are_drift() {
    let widened = |rows: &[f64], constant: f64| -> Vec<f64> {
        rows.chunks_exact(2).flat_map(|row| [row[0], row[1], constant]).collect()
    };
    let fitted = fit(&spec(20), &widened(&rows(300, 2, 1), 0.1), 3).unwrap();
    assert!(test(&fitted, &widened(&rows(50, 2, 3), 0.1)).p_value > 0.05);
    for departed in [0.2, -1e300, 1e300] {
        assert_eq!(test(&fitted, &widened(&rows(50, 2, 3), departed)).p_value, 0.01, "{departed}");
    }
}

#[test]
fn unusable_rows_are_refused() {
    let reference = rows(80, 1, 2);
    assert_eq!(fit(&spec(10), &reference[..11], 1), Err(FitProblem::TooFewRowsForCenters { expected: 12, actual: 11 }));
    fit(&spec(10), &reference[..12], 1).unwrap();
    let few: Vec<f64> = (0..100).map(|row| f64::from(row % 7)).collect();
    assert_eq!(fit(&spec(10), &few, 1), Err(FitProblem::CoincidentCenters { expected: 10, actual: 7 }));
    let mostly_equal: Vec<f64> = reference.iter().enumerate().map(|(i, x)| if i % 5 == 0 { *x } else { 0.0 }).collect();
    assert_eq!(fit(&spec(10), &mostly_equal, 1), Err(FitProblem::NoBandwidth));

    let fitted = fit(&spec(10), &reference, 1).unwrap();
    let tested = |fitted: &LsddReference, window: &[f64]| fitted.test(window, &SPEC, &Threads(2), &Silent);
    assert_eq!(tested(&fitted, &[1.0]), Err(TestProblem::TooFewRows { expected: 2, actual: 1 }));
    let strict = fit(&LsddSpec { lambda_rd_max: 1e-9, ..spec(10) }, &reference, 1).unwrap();
    assert_eq!(tested(&strict, &rows(20, 1, 3)), Err(TestProblem::NoRegularizer { lambda_rd_max: 1e-9 }));

    let tensors = fitted.to_tensors();
    assert!(LsddReference::from_tensors(&tensors, 2).is_err());
    for name in ["eigenvalues", "centers", "effective_reference", "sigma", "means", "lambda_rd_max"] {
        let mut tensors = tensors.clone();
        tensors.insert_f64(name, Vec::new());
        assert!(LsddReference::from_tensors(&tensors, 1).is_err(), "{name}");
    }
}

#[test]
fn centres_are_a_twentieth_of_the_rows_up_to_a_limit() {
    assert_eq!([5, 399, 1_000_000].map(LsddSpec::n_kernel_centers_of), [1, 19, 1_000]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_window_rows_does_not_matter(m in 2..90_usize, d in 1..4_usize, seed: u64) {
        let fitted = fit(&spec(6), &rows(90, d, seed), d).unwrap();
        let window = rows(m, d, seed ^ 1);
        let mut shuffled: Vec<&[f64]> = window.chunks_exact(d).collect();
        shuffled.shuffle(&mut stream(seed, 1));
        // The regulariser is chosen by the permutations, so it is held.
        let observed = |window: &[f64]| {
            let assignments = Assignments::of_orders(fitted.effective.n_rows(), m, &[]);
            fitted.differences(window, &assignments, &Threads(2), &Silent).unwrap().statistics(0.25)[0]
        };
        let (expected, found) = (observed(&window), observed(&shuffled.concat()));
        prop_assert!((expected - found).abs() < 1e-12, "{expected} {found}");
        let test = test(&fitted, &window);
        prop_assert!(test.p_value > 0.0 && test.p_value <= 1.0 && test.distance >= 0.0, "{test:?}");
    }

    #[test]
    fn identical_samples_do_not_drift(n in 20..90_usize, d in 1..4_usize, seed: u64) {
        let reference = rows(n, d, seed);
        let fitted = fit(&spec(2), &reference, d).unwrap();
        // The window is the reference without its centres, in units of the reference.
        let window: Vec<f64> = fitted.effective.to_rows();
        let as_read = |row: &[f64]| fitted.scales.in_units(row);
        let window: Vec<f64> = window.chunks_exact(d).flat_map(as_read).collect();
        let test = test(&fitted, &window);
        prop_assert!(test.p_value > 0.9 && test.distance < 1e-20, "{test:?}");
    }
}
