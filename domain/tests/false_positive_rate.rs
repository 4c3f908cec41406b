//! Two-sample tests on windows of the reference's own law: how often they speak of drift.

use drifting_domain::statistics::alternative::Alternative;
use drifting_domain::statistics::binomial;
use drifting_domain::statistics::chi_square::chi_square;
use drifting_domain::statistics::cramer_von_mises::CramerVonMises;
use drifting_domain::statistics::draws::stream;
use drifting_domain::statistics::fisher_exact::{BinaryCounts, fisher_exact};
use drifting_domain::statistics::kolmogorov_smirnov as ks;
use drifting_domain::statistics::sorted_sample::SortedSample;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

const LEVEL: f64 = 0.05;
const N_WINDOWS: u64 = 2_000;
/// A count less probable than this, on either side, is not that of the level.
const IMPROBABLE: f64 = 5e-4;

/// How many of the windows have a p-value below the level, each with a reference of its own.
fn count(p_value: impl Fn(&mut ChaCha8Rng) -> f64) -> u64 {
    (0..N_WINDOWS).filter(|window| p_value(&mut stream(20_261_128, *window)) < LEVEL).count() as u64
}

fn assert_not_above(count: u64, what: &str) {
    let probability = binomial::at_least(count, N_WINDOWS, LEVEL);
    assert!(probability > IMPROBABLE, "{what}: {count} of {N_WINDOWS}");
}

fn assert_at_level(count: u64, what: &str) {
    assert_not_above(count, what);
    let probability = 1.0 - binomial::at_least(count + 1, N_WINDOWS, LEVEL);
    assert!(probability > IMPROBABLE, "{what}: {count} of {N_WINDOWS}");
}

fn sample(n: usize, generator: &mut ChaCha8Rng) -> SortedSample {
    SortedSample::sort((0..n).map(|_| generator.random::<f64>()).collect()).expect("the values are finite")
}

fn counts(n: usize, n_levels: usize, generator: &mut ChaCha8Rng) -> Vec<u64> {
    let mut counts = vec![0; n_levels];
    (0..n).for_each(|_| counts[generator.random_range(0..n_levels)] += 1);
    counts
}

/// Sizes of reference and window.
const SIZES: [(usize, usize); 2] = [(500, 100), (50, 20)];
/// Where p-values are few: an exact test is cautious.
const SMALL: [(usize, usize); 3] = [(30, 10), (15, 15), (20, 3)];

fn kolmogorov_smirnov_p_values(
    (n, m): (usize, usize),
    alternative: Alternative,
    p_value: impl Fn(f64) -> f64,
) -> impl Fn(&mut ChaCha8Rng) -> f64 {
    move |generator| {
        let (reference, window) = (sample(n, generator), sample(m, generator));
        p_value(ks::distance(&reference, &window).of(alternative).size)
    }
}

#[test]
fn kolmogorov_smirnov_keeps_the_level() {
    for (n, m) in SIZES {
        for alternative in [Alternative::TwoSided, Alternative::Greater, Alternative::Less] {
            let asymptotic = |distance| ks::p_value_asymptotic(distance, n, m, alternative).expect("several values");
            let exact = |distance| ks::p_value_exact(distance, n, m, alternative);
            assert_at_level(
                count(kolmogorov_smirnov_p_values((n, m), alternative, asymptotic)),
                &format!("asymptotic {alternative:?} {n} {m}"),
            );
            assert_at_level(
                count(kolmogorov_smirnov_p_values((n, m), alternative, exact)),
                &format!("exact {alternative:?} {n} {m}"),
            );
        }
    }
    for (n, m) in SMALL {
        let exact = |distance| ks::p_value_exact(distance, n, m, Alternative::TwoSided);
        assert_not_above(count(kolmogorov_smirnov_p_values((n, m), Alternative::TwoSided, exact)), &format!("{n} {m}"));
    }
}

#[test]
fn cramer_von_mises_keeps_the_level() {
    let p_value = |(n, m): (usize, usize)| {
        move |generator: &mut ChaCha8Rng| {
            let (reference, window) = (sample(n, generator), sample(m, generator));
            CramerVonMises::new(&reference, &window).expect("several values").p_value()
        }
    };
    for sizes in SIZES.into_iter().chain([(30, 10), (15, 15), (20, 12)]) {
        assert_at_level(count(p_value(sizes)), &format!("{sizes:?}"));
    }
}

#[test]
fn chi_square_keeps_the_level() {
    let p_value = |(n, m): (usize, usize), n_levels: usize| {
        move |generator: &mut ChaCha8Rng| {
            let (reference, window) = (counts(n, n_levels, generator), counts(m, n_levels, generator));
            chi_square(&reference, &window).expect("every level is drawn").p_value
        }
    };
    for sizes in SIZES {
        assert_at_level(count(p_value(sizes, 4)), &format!("{sizes:?}"));
        // The correction for two levels is cautious.
        assert_not_above(count(p_value(sizes, 2)), &format!("{sizes:?}"));
    }
}

#[test]
fn fisher_exact_is_at_most_at_the_level() {
    for (n, m) in SIZES.into_iter().chain(SMALL) {
        for alternative in [Alternative::TwoSided, Alternative::Greater, Alternative::Less] {
            let p_value = |generator: &mut ChaCha8Rng| {
                let mut binary = |n| {
                    let counts = counts(n, 2, generator);
                    BinaryCounts { zeros: counts[0], ones: counts[1] }
                };
                let (reference, window) = (binary(n), binary(m));
                fisher_exact(reference, window, alternative).p_value
            };
            assert_not_above(count(p_value), &format!("{alternative:?} {n} {m}"));
        }
    }
}
