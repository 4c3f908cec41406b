use rand::RngExt;

use super::*;
use crate::ports::Silent;
use crate::statistics::draws::stream;
use crate::statistics::kernel::GaussianKernel;
use crate::test_pool::Threads;

fn spec() -> LsddOnlineSpec {
    LsddOnlineSpec {
        ert: 20.0,
        window_size: 5,
        n_bootstraps: 600,
        sigma: Vec::new(),
        n_kernel_centers: 10,
        lambda_rd_max: 0.2,
        seed: 1,
    }
}

fn rows(n: usize, d: usize, seed: u64) -> Vec<f64> {
    let mut generator = stream(seed, 9);
    (0..n * d).map(|_| (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0).collect()
}

fn fit(spec: &LsddOnlineSpec, reference: &[f64], d: usize) -> Result<LsddOnline, FitProblem> {
    LsddOnline::fit(spec, reference, d, &Threads(2), &Silent)
}

#[test]
fn the_diagonal_form_is_the_estimate_as_defined() {
    let centers = Points::from_rows(&rows(6, 2, 1), 2);
    let (sigma, lambda) = (1.3, 1.0 / 64.0);
    let (basis, eigenvalues) = Basis::of(&[sigma], centers.clone()).unwrap();
    let (first, second) = (vec![0.3, -0.2], vec![1.0, 0.4]);
    let coordinates = |x: &[f64]| {
        let mut coordinates = vec![0.0; 6];
        basis.coordinates(x, &mut coordinates);
        coordinates
    };
    let statistic = squared_difference(&eigenvalues.weights(lambda), &coordinates(&first), &coordinates(&second), 1.0);

    // w solves (H + lambda I) w = h; the estimate is 2 h'w - w'Hw.
    let kernel = GaussianKernel::new(&[sigma]);
    let wide = GaussianKernel::new(&[sigma * std::f64::consts::SQRT_2]);
    let h: Vec<f64> =
        (0..6).map(|i| kernel.between(&first, &centers.row(i)) - kernel.between(&second, &centers.row(i))).collect();
    let among: Vec<Vec<f64>> =
        (0..6).map(|i| (0..6).map(|j| wide.between(&centers.row(i), &centers.row(j))).collect()).collect();
    let mut system: Vec<Vec<f64>> = (0..6)
        .map(|i| (0..6).map(|j| among[i][j] + if i == j { lambda } else { 0.0 }).chain([h[i]]).collect())
        .collect();
    for pivot in 0..6 {
        let leading = system[pivot].clone();
        for (index, row) in system.iter_mut().enumerate().filter(|(index, _)| *index != pivot) {
            let factor = row[pivot] / leading[pivot];
            debug_assert!(index < 6);
            row.iter_mut().zip(&leading).for_each(|(entry, leading)| *entry -= factor * leading);
        }
    }
    let w: Vec<f64> = (0..6).map(|i| system[i][6] / system[i][i]).collect();
    let hw: f64 = h.iter().zip(&w).map(|(h, w)| h * w).sum();
    let whw: f64 = (0..6).map(|i| (0..6).map(|j| w[i] * among[i][j] * w[j]).sum::<f64>()).sum();
    assert!((statistic - (2.0 * hw - whw)).abs() < 1e-10, "{statistic} {}", 2.0 * hw - whw);
}

#[test]
fn a_step_is_what_the_simulation_says_of_the_same_rows() {
    let reference = rows(80, 2, 4);
    let detector = fit(&spec(), &reference, 2).unwrap();
    let stream = rows(12, 2, 5);
    let mut state = detector.start();
    let mut last = None;
    for row in stream.chunks_exact(2) {
        last = detector.step(&mut state, row).statistic;
    }
    let mut sums = vec![0.0; 10];
    for row in stream.chunks_exact(2).skip(7) {
        add(&mut sums, &detector.window_row(row.to_vec()).coordinates);
    }
    assert_eq!(last, Some(squared_difference(&detector.weights, &detector.reference_mean, &sums, 5.0)));
}

#[test]
fn scales_of_columns_do_not_matter() {
    let reference = rows(80, 2, 4);
    let rescaled = |rows: &[f64]| -> Vec<f64> {
        rows.chunks_exact(2).flat_map(|row| [row[0] * 1e6 + 5e6, row[1] * 1e-6, 7.0]).collect()
    };
    let widened = |rows: &[f64]| -> Vec<f64> { rows.chunks_exact(2).flat_map(|row| [row[0], row[1], 7.0]).collect() };
    let (plain, scaled) = (fit(&spec(), &widened(&reference), 3), fit(&spec(), &rescaled(&reference), 3));
    let (plain, scaled) = (plain.unwrap(), scaled.unwrap());
    let stream = rows(20, 2, 5);
    let (mut a, mut b) = (plain.start(), scaled.start());
    for (x, y) in widened(&stream).chunks_exact(3).zip(rescaled(&stream).chunks_exact(3)) {
        let (a, b) = (plain.step(&mut a, x).statistic.unwrap(), scaled.step(&mut b, y).statistic.unwrap());
        assert!((a - b).abs() < 1e-6 * a.abs() + 1e-9, "{a} {b}");
    }
}

#[test]
fn departures_from_a_constant_are_drift() {
    let widened = |rows: &[f64], constant: f64| -> Vec<f64> {
        rows.chunks_exact(2).flat_map(|row| [row[0], row[1], constant]).collect()
    };
    let spec = LsddOnlineSpec { ert: 100.0, window_size: 20, n_bootstraps: 2_000, n_kernel_centers: 40, ..spec() };
    let detector = fit(&spec, &widened(&rows(500, 2, 4), 0.1), 3).unwrap();
    for departed in [0.2, -1e300, 1e300] {
        let mut state = detector.start();
        let delay =
            widened(&rows(20, 2, 5), departed).chunks_exact(3).position(|row| detector.step(&mut state, row).is_drift);
        assert!(delay.is_some(), "{departed}");
    }
    let mut state = detector.start();
    let alarms =
        widened(&rows(20, 2, 5), 0.1).chunks_exact(3).filter(|row| detector.step(&mut state, row).is_drift).count();
    assert_eq!(alarms, 0);
}

#[test]
fn centres_are_different_rows() {
    // Every row stands there four times.
    let reference: Vec<f64> = rows(30, 1, 2).into_iter().flat_map(|value| [value; 4]).collect();
    let detector = fit(&spec(), &reference, 1).unwrap();
    let mut centers = detector.basis.centers().to_rows();
    centers.sort_by(f64::total_cmp);
    centers.dedup();
    assert_eq!(centers.len(), 10);
    let few: Vec<f64> = (0..100).map(|row| f64::from(row % 7)).collect();
    assert_eq!(fit(&spec(), &few, 1), Err(FitProblem::CoincidentCenters { expected: 10, actual: 7 }));
}

#[test]
fn unusable_references_are_refused() {
    let reference = rows(80, 1, 2);
    assert_eq!(fit(&spec(), &reference[..19], 1), Err(FitProblem::TooFewRowsForCenters { expected: 20, actual: 19 }));
    fit(&spec(), &reference[..20], 1).unwrap();
    let few = LsddOnlineSpec { n_bootstraps: 20, ..spec() };
    assert!(matches!(fit(&few, &reference, 1), Err(FitProblem::TooFewBootstraps { .. })));
    let strict = LsddOnlineSpec { lambda_rd_max: 1e-9, ..spec() };
    assert_eq!(fit(&strict, &reference, 1), Err(FitProblem::NoRegularizer { lambda_rd_max: 1e-9 }));
    let mostly_equal: Vec<f64> = reference.iter().enumerate().map(|(i, x)| if i % 5 == 0 { *x } else { 0.0 }).collect();
    assert_eq!(fit(&spec(), &mostly_equal, 1), Err(FitProblem::NoBandwidth));
    let least = n_streams_min(alarm_probability(20.0, 1), 4);
    fit(&LsddOnlineSpec { n_bootstraps: least, ..spec() }, &reference, 1).unwrap();
}

#[test]
fn the_same_seed_gives_the_same_detector_on_any_number_of_threads() {
    let reference = rows(700, 2, 6);
    let with = |n| LsddOnline::fit(&spec(), &reference, 2, &Threads(n), &Silent).unwrap();
    assert_eq!(with(1), with(4));
    assert_ne!(with(1).thresholds, fit(&LsddOnlineSpec { seed: 2, ..spec() }, &reference, 2).unwrap().thresholds);
}
