//! The expansion of the law of both sides in powers of one over the square root of the number of values.
//!
//! **Source**: Pelz & Good, *Approximating the lower tail-areas of the Kolmogorov-Smirnov one-sample statistic* (1976).

use std::f64::consts::PI;

/// Terms of each series; for a probability below 0.98 they are below rounding long before.
const TERMS: u32 = 20;

/// `P(D < x)` for `k` values.
pub(super) fn distribution(k: u64, x: f64) -> f64 {
    let n = k as f64;
    let z = n.sqrt() * x;
    let z2 = z * z;
    let (z3, z4, z6, z7, z10) = (z2 * z, z2 * z2, z2 * z2 * z2, z2 * z2 * z2 * z, z2 * z2 * z2 * z2 * z2);
    let p = PI * PI;
    let root = (2.0 * PI).sqrt();
    // Over the squares of halves, 1/2 and up: with f = pi^2 a, for a = (i + 1/2)^2.
    let (mut sum_0, mut sum_1, mut sum_2, mut sum_3) = (0.0, 0.0, 0.0, 0.0);
    for i in 0..TERMS {
        let f = p * (f64::from(i) + 0.5).powi(2);
        let weight = (-f / (2.0 * z2)).exp();
        sum_0 += weight;
        sum_1 += (f - z2) * weight;
        sum_2 += (6.0 * z6 + 2.0 * z4 + (2.0 * z4 - 5.0 * z2) * f + (1.0 - 2.0 * z2) * f * f) * weight;
        sum_3 += (f.powi(3) * (5.0 - 30.0 * z2) + f * f * (212.0 * z4 - 60.0 * z2) + f * (135.0 * z4 - 96.0 * z6)
            - 30.0 * z6
            - 90.0 * z4 * z4)
            * weight;
    }
    // Over the integers, 1 and up.
    let (mut sum_of_squares, mut sum_of_fourths) = (0.0, 0.0);
    for r in 1..=TERMS {
        let square = f64::from(r).powi(2);
        let weight = (-square * p / (2.0 * z2)).exp();
        sum_of_squares += square * weight;
        sum_of_fourths += (3.0 * z2 * square - p * square * square) * weight;
    }
    let limit = root / z * sum_0;
    let first = root / (6.0 * z4) * sum_1;
    let second = root / (72.0 * z7) * sum_2 - p * root / (36.0 * z3) * sum_of_squares;
    let third = root / (6480.0 * z10) * sum_3 + p * root / (216.0 * z6) * sum_of_fourths;
    limit + first / n.sqrt() + second / n + third / (n * n.sqrt())
}
