//! The exact law of the statistic: all orders of the pooled values are equally likely.
//!
//! An order is a path, up for a reference value and down for one of the window, that comes back to where it began. The statistic is
//! its range: from its lowest to its highest place. Turned around, so that it begins at another of its places, a path keeps its
//! range. Of all its turns those that begin at a lowest place never go below their start. So the paths of a range are counted by
//! those that stay in a strip above their start, each divided by how often it is at its start, which may be once for each common
//! divisor of the sizes. With the paths `f_k` in the strip that are at the start after `k` parts of that many equal ones (`f_0 = 1`), that sum is
//! the coefficient of the logarithm of `Σ f_k x^k` at the last part.
//!
//! Steps are weighted by the share of their sample, so that sums of weights are probabilities, and none is too small.
//!
//! **Source**: Maag & Stephens, *The V(N,M) two-sample test* (1968), for the law; Dvoretzky & Motzkin, *A problem of arrangements* (1947),
//! for turned paths.

use crate::statistics::saddle_point::ln_binomial;

/// Samples whose law takes more additions are not computed.
const ADDITIONS_MAX: f64 = 2e6;
/// Statistics of more than this, times the root of `n m / (n + m)`, are as good as impossible.
const SCALED_MAX: f64 = 4.1;

/// About how many additions the law takes of samples of two sizes.
fn n_additions(n: usize, m: usize) -> f64 {
    let (n_f, m_f) = (n as f64, m as f64);
    let divisor = greatest_common_divisor(n, m) as f64;
    (n_f + m_f) * (SCALED_MAX * (n_f * m_f / (n_f + m_f)).sqrt() + 2.0) + divisor * divisor / 2.0
}

/// Whether the law is computed within some milliseconds.
pub(super) fn is_quick(n: usize, m: usize) -> bool {
    n_additions(n, m) <= ADDITIONS_MAX
}

/// About how many nanoseconds it takes.
pub(super) fn cost_ns(n: usize, m: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some millions at most")]
    let nanoseconds = n_additions(n, m).min(ADDITIONS_MAX) as usize;
    nanoseconds
}

/// The probability of a statistic that is at least as large, to an absolute error of some 1e-12. Time O((n + m) s + g²) for the statistic
/// `s / (1 / n + 1 / m)` and the greatest common divisor `g` of the sizes; memory O(n + g).
pub(super) fn survival(statistic: f64, n: usize, m: usize) -> f64 {
    let divisor = greatest_common_divisor(n, m);
    // Places in units of 1 / lcm(n, m): so far up a reference value goes, so far down one of the window.
    let (rise, fall) = (m / divisor, n / divisor);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the least common multiple")]
    let goal = (statistic * (rise * n) as f64).round() as usize;
    if goal == 0 {
        return 1.0;
    }
    let returns = returns(n, m, (rise, fall), goal);
    let paths = last_of_logarithm(&returns);
    let closed = ln_binomial(n as u64, m as u64, n as f64, m as f64).exp();
    (1.0 - (n + m) as f64 * paths / closed).clamp(0.0, 1.0)
}

/// The probabilities to be at the start after each of the equal parts of a path that has stayed from there to below the goal.
fn returns(n: usize, m: usize, (rise, fall): (usize, usize), goal: usize) -> Vec<f64> {
    let n_steps = n + m;
    let (up, down) = (n as f64 / n_steps as f64, m as f64 / n_steps as f64);
    let n_in_part = rise + fall;
    // By how many of the steps went up.
    let mut mass = vec![0.0; n + 1];
    mass[0] = 1.0;
    let mut returns = vec![1.0];
    let mut lowest = 0;
    for step in 1..=n_steps {
        let level = step * fall;
        let (before, highest) = (lowest, ((level + goal - 1) / n_in_part).min(n));
        lowest = level.div_ceil(n_in_part);
        for place in (lowest..=highest).rev() {
            let from_below = if place > 0 { mass[place - 1] } else { 0.0 };
            mass[place] = mass[place] * down + from_below * up;
        }
        mass[before..lowest.min(n + 1)].fill(0.0);
        if step % n_in_part == 0 {
            returns.push(mass[lowest]);
        }
    }
    returns
}

/// The last coefficient of the logarithm of a power series that begins with 1.
fn last_of_logarithm(series: &[f64]) -> f64 {
    // Of the coefficients, each times its power.
    let mut scaled: Vec<f64> = vec![0.0; series.len()];
    for power in 1..series.len() {
        let earlier: f64 = (1..power).map(|part| scaled[part] * series[power - part]).sum();
        scaled[power] = power as f64 * series[power] - earlier;
    }
    scaled.last().map_or(0.0, |last| last / (series.len() - 1) as f64)
}

fn greatest_common_divisor(mut x: usize, mut y: usize) -> usize {
    while y > 0 {
        (x, y) = (y, x % y);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_all_orders() {
        for (n, m) in [(1, 1), (1, 2), (2, 2), (3, 2), (4, 4), (5, 3), (3, 9), (6, 8), (8, 7), (10, 5), (6, 6)] {
            let ranges = super::super::tests::all_ranges(n, m);
            for range in 0..=n * m {
                if ranges.contains(&range) {
                    let n_as_far = ranges.iter().filter(|other| **other >= range).count();
                    let expected = n_as_far as f64 / ranges.len() as f64;
                    let computed = survival(range as f64 / (n * m) as f64, n, m);
                    assert!((computed - expected).abs() < 1e-12, "{n} {m} {range}: {computed} {expected}");
                }
            }
        }
    }

    #[test]
    fn it_nears_the_limit_law() {
        for (n, m) in [(1_000, 1_000), (999, 400), (10_000, 100)] {
            assert!(is_quick(n, m));
            let root = (n as f64 * m as f64 / (n + m) as f64).sqrt();
            for (scaled, level) in [(1.62, 0.1), (1.747, 0.05), (2.001, 0.01)] {
                let exact = survival(scaled / (root + 0.155 + 0.24 / root), n, m);
                assert!((exact / level - 1.0).abs() < 0.12, "{n} {m} {scaled}: {exact}");
            }
        }
        assert!(!is_quick(3_000, 3_000) && !is_quick(10_000_000, 1));
    }
}
