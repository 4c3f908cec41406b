//! The exact law of one side.
//!
//! **Source**: Birnbaum & Tingey, *One-sided confidence contours for probability distribution functions* (1951).

use crate::statistics::saddle_point::ln_binomial;

/// About so many terms are enough.
const TERMS: u64 = 1_024;

/// `P(D+ >= x)` for `k` values: the sum over `j` from 0 to `k (1 - x)` of
/// `x binomial(k, j) (x + j/k)^(j-1) (1 - x - j/k)^(k-j)`.
///
/// Time O(k), at most O(1000). For many values, and an `x` in the tail (`k x^2` of 2 or more), the terms lie on a curve
/// like that of the place where a Brownian bridge is highest: smooth, and with all its derivatives zero at both ends.
/// The sum of such a curve at every s-th place is its integral over s to within `exp(-x k sqrt(2 pi / s))` and less,
/// far below rounding.
pub(super) fn survival(k: u64, x: f64) -> f64 {
    let n = k as f64;
    let t = n * x;
    let stride = (k / TERMS).max(1);
    let term = |j: u64| {
        // The binomial probability of j successes, were j + t expected.
        let (successes, failures) = (j as f64 + t, n - j as f64 - t);
        if failures <= 0.0 { 0.0 } else { (t / successes) * ln_binomial(j, k - j, successes, failures).exp() }
    };
    let sum: f64 = (0..k).step_by(usize::try_from(stride).unwrap_or(usize::MAX)).map(term).sum();
    stride as f64 * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_terms_are_as_good_as_all() {
        for k in [2 * TERMS, 5_000, 99_999, 500_000] {
            for squared in [2.2, 5.0, 20.0, 100.0, 300.0] {
                let n = k as f64;
                let x = f64::sqrt(squared / n);
                let t = n * x;
                let term = |j: u64| {
                    let (successes, failures) = (j as f64 + t, n - j as f64 - t);
                    if failures <= 0.0 { 0.0 } else { t / successes * ln_binomial(j, k - j, successes, failures).exp() }
                };
                let all: f64 = (0..k).map(term).sum();
                let few = survival(k, x);
                assert!((few / all - 1.0).abs() < 1e-12, "{k} {squared}: {few:e} {all:e}");
            }
        }
    }
}
