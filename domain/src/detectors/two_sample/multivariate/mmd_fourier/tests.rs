use super::*;
use crate::detectors::two_sample::multivariate::samples::{Sample, correlated, false_alarms};
use crate::statistics::kernel::{GaussianKernel, squared_mmd};
use crate::test_pool::Threads;

fn spec() -> MmdFourierSpec {
    MmdFourierSpec { p_val: 0.05, n_frequencies: 64, sigma: Vec::new(), n_bootstraps: 300, min_effect: None, seed: 1 }
}

fn fit(spec: &MmdFourierSpec, sample: &Sample) -> MmdFourier {
    MmdFourier::fit(spec, &sample.rows(), sample.columns.len(), &Threads(2), &Silent).unwrap()
}

#[test]
fn with_many_frequencies_the_statistic_is_that_of_the_kernel() {
    for sigma in [vec![1.5], vec![0.5, 2.0]] {
        let spec = MmdFourierSpec { sigma: sigma.clone(), n_frequencies: 10_000, n_bootstraps: 20, ..spec() };
        let (reference, mut window) = (correlated(60, 2, 0.5, 1), correlated(50, 2, 0.5, 2));
        window.columns[0].iter_mut().for_each(|value| *value += 1.0);
        let [x, y] = [&reference, &window].map(|sample| Points::from_rows(&sample.rows(), 2));
        let expected = squared_mmd(&GaussianKernel::new(&sigma), &x, &y);
        let distance = window.judge(&fit(&spec, &reference)).distance;
        assert!((distance - expected).abs() < 0.01 && expected > 0.05, "{distance} {expected}");
    }
}

#[test]
fn a_shift_a_change_of_scale_and_one_of_correlation_are_found() {
    let fitted = fit(&spec(), &correlated(2_000, 2, 0.5, 1));
    assert!(!correlated(400, 2, 0.5, 2).judge(&fitted).is_beyond);
    let changed = |shift: f64, scale: f64| {
        let mut sample = correlated(400, 2, 0.5, 3);
        sample.columns.iter_mut().flatten().for_each(|value| *value = *value * scale + shift);
        sample.judge(&fitted)
    };
    for verdict in [changed(0.3, 1.0), changed(0.0, 1.5), correlated(400, 2, 0.0, 4).judge(&fitted)] {
        assert!(verdict.is_beyond && verdict.distance > verdict.distance_threshold.unwrap(), "{:?}", verdict.p_value);
    }
}

#[test]
fn without_drift_alarms_are_as_rare_as_they_should_be() {
    for (n, m) in [(200, 20), (200, 400), (3_000, 100)] {
        let share = false_alarms(300, |seed| {
            let spec = MmdFourierSpec { seed, n_frequencies: 32, ..spec() };
            let fitted = fit(&spec, &correlated(n, 2, 0.5, 10_000 + seed));
            correlated(m, 2, 0.5, 20_000 + seed).judge(&fitted).is_beyond
        });
        assert!((0.015..=0.09).contains(&share), "{n} {m}: {share}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads_and_restored() {
    let (reference, window) = (correlated(9_000, 3, 0.5, 1), correlated(5_000, 3, 0.5, 2));
    let with = |threads| MmdFourier::fit(&spec(), &reference.rows(), 3, &Threads(threads), &Silent).unwrap();
    let fitted = with(1);
    assert_eq!(fitted, with(3));
    let restored = MmdFourier::from_tensors(&fitted.spec, &fitted.save(), 3).unwrap();
    assert_eq!(restored, fitted);
    assert_eq!(window.judge(&restored).distance.to_bits(), window.judge(&fitted).distance.to_bits());
    assert_ne!(fit(&MmdFourierSpec { seed: 2, ..spec() }, &reference).law, fitted.law);
    assert!(MmdFourier::from_tensors(&fitted.spec, &fitted.save(), 2).is_err());
}
