//! Random counts of cells, in a time that does not grow with the number of rows.
//!
//! Cell by cell a binomial of the rows that are left. A small one is drawn by inversion; a large one is a normal draw with
//! the skewness of the binomial (Cornish & Fisher 1937), which misses its probabilities by less than resampling does.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

/// From this expected number on counts are drawn through the normal law.
const NORMAL_FROM: f64 = 30.0;

/// Fills counts that `n` rows would have in cells of these shares, which sum to 1. Time O(cells), with about 30 steps at
/// most for each.
pub fn draw(n: u64, shares: &[f64], counts: &mut [u64], generator: &mut ChaCha8Rng) {
    let (mut left, mut share_left) = (n, 1.0);
    let last = shares.len().saturating_sub(1);
    for (index, (share, count)) in shares.iter().zip(counts.iter_mut()).enumerate() {
        *count = if index == last { left } else { binomial(left, share / share_left, generator) };
        left -= *count;
        share_left = (share_left - share).max(f64::MIN_POSITIVE);
    }
}

/// How many of `n` rows are of a class of probability `p`.
fn binomial(n: u64, p: f64, generator: &mut ChaCha8Rng) -> u64 {
    if n == 0 || p <= 0.0 {
        return 0;
    }
    if p >= 1.0 {
        return n;
    }
    if p > 0.5 {
        return n - binomial(n, 1.0 - p, generator);
    }
    let mean = n as f64 * p;
    if mean < NORMAL_FROM { by_inversion(n, p, generator) } else { by_normal(n, p, generator) }
}

fn by_inversion(n: u64, p: f64, generator: &mut ChaCha8Rng) -> u64 {
    let mut uniform: f64 = generator.random();
    let odds = p / (1.0 - p);
    let mut probability = (n as f64 * (-p).ln_1p()).exp();
    let mut count = 0;
    while uniform > probability && count < n {
        uniform -= probability;
        probability *= odds * (n - count) as f64 / (count + 1) as f64;
        count += 1;
        // What rounding left over.
        if probability < 1e-300 {
            break;
        }
    }
    count
}

fn by_normal(n: u64, p: f64, generator: &mut ChaCha8Rng) -> u64 {
    let n_f = n as f64;
    let deviation = (n_f * p * (1.0 - p)).sqrt();
    let z = normal(generator);
    let value = n_f * p + deviation * z + (1.0 - 2.0 * p) * (z * z - 1.0) / 6.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to n")]
    let count = value.round().clamp(0.0, n_f) as u64;
    count
}

/// By Box and Muller.
fn normal(generator: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (generator.random(), generator.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::draws::stream;

    #[test]
    fn counts_have_the_mean_and_the_variance_of_their_law() {
        for n in [20_u64, 400, 100_000] {
            let shares = [0.02, 0.5, 0.08, 0.4];
            let mut generator = stream(7, n);
            let mut counts = [0; 4];
            let mut sums = [(0.0, 0.0); 4];
            let draws = 20_000;
            for _ in 0..draws {
                draw(n, &shares, &mut counts, &mut generator);
                assert_eq!(counts.iter().sum::<u64>(), n);
                for (sum, count) in sums.iter_mut().zip(counts) {
                    *sum = (sum.0 + count as f64, sum.1 + (count as f64).powi(2));
                }
            }
            for (share, (sum, squares)) in shares.iter().zip(sums) {
                let mean = sum / f64::from(draws);
                let variance = squares / f64::from(draws) - mean * mean;
                let expected = n as f64 * share * (1.0 - share);
                assert!((mean - n as f64 * share).abs() < 4.0 * (expected / f64::from(draws)).sqrt(), "{n} {share}");
                assert!((variance / expected - 1.0).abs() < 0.06, "{n} {share}: {variance} {expected}");
            }
        }
    }
}
