//! The law of the largest difference between a distribution function and that of `k` values drawn from it.
//!
//! No one formula is both exact and quick everywhere, so each region has its own.
//!
//! **Source**: Simard & L'Ecuyer, *Computing the two-sided Kolmogorov-Smirnov distribution* (2011).

mod durbin;
mod one_sided;
mod pelz_good;

use crate::statistics::saddle_point::stirling_error;

/// Up to this number of values the exact law is always used.
const SMALL: u64 = 140;
/// Up to this number it is used where the expansion is not yet good.
const MEDIUM: u64 = 100_000;

/// `P(D >= x)` for `k >= 1` values.
///
/// For up to 140 values the relative error is below 1e-9. For more the absolute error is below 4e-6, falling like `1 /
/// k^2`, where the result is above 0.02, and the relative error below 2e-6 in the tail (tested against the exact law).
/// Time O(1): below a microsecond, in the tail below a tenth of a millisecond; where the exact law is needed for many
/// values, which is where they are extraordinarily alike, up to tens of milliseconds.
pub(crate) fn survival(k: u64, x: f64) -> f64 {
    let n = k as f64;
    let t = n * x;
    if x >= 1.0 {
        return 0.0;
    }
    if t <= 0.5 {
        return 1.0;
    }
    if t <= 1.0 {
        return 1.0 - (ln_all_orders(k) + n * (2.0 * t - 1.0).ln()).exp();
    }
    if t >= n - 1.0 {
        return 2.0 * (1.0 - x).powf(n);
    }
    // t x is k x^2: the probability is about 2 exp(-2 t x).
    let is_tail = if k <= SMALL { t * x > 4.0 } else { t * x >= 2.2 };
    if x >= 0.5 || is_tail {
        // Both sides at once are impossible, or far less likely than the rounding of one.
        return if t * x >= 370.0 { 0.0 } else { 2.0 * one_sided::survival(k, x) };
    }
    let below = if k <= SMALL || (k <= MEDIUM && t * x.sqrt() <= 1.4) {
        durbin::distribution(k, t)
    } else {
        pelz_good::distribution(k, x)
    };
    1.0 - below
}

/// `ln(k! / k^k)`.
fn ln_all_orders(k: u64) -> f64 {
    let n = k as f64;
    stirling_error(k) + 0.5 * (2.0 * std::f64::consts::PI * n).ln() - n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expansion_is_near_the_exact_law() {
        for (k, bound) in [(141, 4e-6), (300, 8e-7), (1_000, 7e-8), (5_000, 3e-9)] {
            let n = k as f64;
            let served = (1..=200).map(|step| (f64::from(step) / 200.0 * 2.2 / n).sqrt());
            let errors = served
                .filter(|x| n * x.powf(1.5) > 1.4)
                .map(|x| (pelz_good::distribution(k, x) - durbin::distribution(k, n * x)).abs());
            let (worst, n_compared) = errors.fold((0.0, 0), |(worst, n), error| (f64::max(worst, error), n + 1));
            assert!(worst < bound && n_compared > 50, "{k}: {worst:e} of {n_compared}");
        }
    }

    #[test]
    fn twice_one_side_is_near_the_exact_law_in_the_tail() {
        for (k, squared, bound) in
            [(50, 4.0, 1e-10), (140, 4.0, 1e-10), (141, 2.2, 2e-6), (1_000, 2.2, 2e-6), (1_000, 4.0, 1e-10)]
        {
            let x = f64::sqrt(squared / k as f64);
            let exact = 1.0 - durbin::distribution(k, k as f64 * x);
            let error = 2.0 * one_sided::survival(k, x) / exact - 1.0;
            assert!(error.abs() < bound, "{k} {squared}: {error:e}");
        }
    }
}
