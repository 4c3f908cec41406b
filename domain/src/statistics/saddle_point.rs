//! Probabilities of counts without logarithms of factorials.
//!
//! The logarithm of a million factorial is about 1e7, so a double keeps nine digits of a probability that is made of
//! three of them. Here the large parts have been cancelled on paper: what is left is as small as the answer.
//!
//! **Source**: Loader, *Fast and accurate computation of binomial probabilities* (2000).

use std::f64::consts::PI;

/// Of 0 to 15, where the series is not good enough.
const STIRLING_ERRORS: [f64; 16] = [
    0.0,
    0.081_061_466_795_327_26,
    0.041_340_695_955_409_3,
    0.027_677_925_684_998_34,
    0.020_790_672_103_765_093,
    0.016_644_691_189_821_193,
    0.013_876_128_823_070_748,
    0.011_896_709_945_891_77,
    0.010_411_265_261_972_096,
    0.009_255_462_182_712_733,
    0.008_330_563_433_362_87,
    0.007_573_675_487_951_841,
    0.006_942_840_107_209_53,
    0.006_408_994_188_004_207,
    0.005_951_370_112_758_847_5,
    0.005_554_733_551_962_801,
];

/// `ln n! - ln(sqrt(2 pi n) (n / e)^n)`: what Stirling's formula lacks; 0 for 0, where it has no meaning.
pub fn stirling_error(n: u64) -> f64 {
    let small = usize::try_from(n).ok().and_then(|n| STIRLING_ERRORS.get(n));
    if let Some(error) = small {
        return *error;
    }
    let n = n as f64;
    let square = n * n;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / square) / square) / square) / square)
        / n
}

/// `x ln(x / mean) + mean - x` for positive numbers, exact to rounding also where they are near each other.
fn deviance(x: f64, mean: f64) -> f64 {
    let ratio = (x - mean) / (x + mean);
    if ratio.abs() >= 0.1 {
        return x * (x / mean).ln() + mean - x;
    }
    let square = ratio * ratio;
    let mut sum = (x - mean) * ratio;
    let mut power = 2.0 * x * ratio;
    let mut divisor = 1.0;
    loop {
        power *= square;
        divisor += 2.0;
        let next = sum + power / divisor;
        if next == sum {
            return sum;
        }
        sum = next;
    }
}

/// The logarithm of the binomial probability of so many successes and failures, given how many of each are expected,
/// which add up to the same number. The relative error of the probability is about 1e-15 times the distance from the
/// mean in standard deviations. Time O(1).
pub fn ln_binomial(successes: u64, failures: u64, expected_successes: f64, expected_failures: f64) -> f64 {
    let n = (successes + failures) as f64;
    // The logarithm of a probability to the power n.
    let all = |expected: f64, of_others: f64| {
        if of_others < expected { n * (-of_others / n).ln_1p() } else { n * (expected / n).ln() }
    };
    match (successes, failures) {
        (0, 0) => 0.0,
        (0, _) => all(expected_failures, expected_successes),
        (_, 0) => all(expected_successes, expected_failures),
        _ => {
            let (x, y) = (successes as f64, failures as f64);
            stirling_error(successes + failures)
                - stirling_error(successes)
                - stirling_error(failures)
                - deviance(x, expected_successes)
                - deviance(y, expected_failures)
                - 0.5 * (2.0 * PI * x * (y / n)).ln()
        }
    }
}

/// The sum of a tail of a law with one mode, relative to the probability at which it begins: `ratios` are those of each
/// probability to the one before, going away from the mode. Time O(standard deviations of the law).
pub fn relative_tail(ratios: impl Iterator<Item = f64>) -> f64 {
    /// Less than this share of the sum changes no bit of it, nor do all that follow as they shrink ever faster.
    const NEGLIGIBLE: f64 = 1e-20;
    let (mut sum, mut term) = (1.0, 1.0);
    for ratio in ratios {
        term *= ratio;
        sum += term;
        if term < NEGLIGIBLE * sum {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_pascals_triangle() {
        // Exact in doubles: binomial coefficients of up to 50 and powers of two.
        let mut row = vec![1.0_f64];
        for n in 1..=50_u64 {
            row = (0..=row.len())
                .map(|k| row.get(k).copied().unwrap_or(0.0) + if k == 0 { 0.0 } else { row[k - 1] })
                .collect();
            for (k, coefficient) in row.iter().enumerate() {
                let (k, mean) = (k as u64, n as f64 / 2.0);
                let expected = coefficient / 2.0_f64.powf(n as f64);
                let computed = ln_binomial(k, n - k, mean, mean).exp();
                assert!((computed / expected - 1.0).abs() < 2e-14, "{n} {k}: {computed:e} {expected:e}");
            }
        }
    }

    #[test]
    fn probabilities_of_a_million_add_up_to_one() {
        let n = 1_000_000;
        for p in [0.5, 0.013, 0.999] {
            let total: f64 = (0..=n).map(|k| ln_binomial(k, n - k, n as f64 * p, n as f64 * (1.0 - p)).exp()).sum();
            assert!((total - 1.0).abs() < 1e-12, "{p}: {total}");
        }
    }
}
