//! The law of the statistic of very large samples.
//!
//! **Source**: Anderson & Darling, *Asymptotic theory of certain "goodness of fit" criteria based on stochastic
//! processes* (1952); for the far tail, Smirnov, *Sur la distribution de omega^2* (1936).

use std::f64::consts::PI;

use statrs::function::gamma::ln_gamma;

/// Below it the statistic is too small to occur.
const SMALLEST: f64 = 0.003;
/// The series ends after the first term below this.
const LAST_TERM: f64 = 1e-7;
/// From here on the tail has its own formula.
const FAR: f64 = 20.0;

/// `P(X >= x)`.
///
/// Up to 20 the series is ended where alibi-detect and `SciPy` end it: what is left out is below 1e-8, so a p-value of
/// that size, which is reached at 3.4, tells no more than that. Above 20 what is left out would grow to 1e-6, and the
/// terms to thousands. There the leading term of the tail is used, which is right to one percent, and below 1e-43.
pub(crate) fn survival(x: f64) -> f64 {
    if x < SMALLEST {
        1.0
    } else if x > FAR {
        2.0 / (PI.powf(1.5) * x.sqrt()) * (-PI * PI * x / 2.0).exp()
    } else {
        (1.0 - distribution(x)).max(0.0)
    }
}

/// `P(X < x)` for a positive `x`: the sum over `j` from 0 of
/// `Gamma(j + 1/2) / Gamma(j + 1) sqrt(4 j + 1) exp(-q) K(q) / (pi^(3/2) sqrt(x))` with `q = (4 j + 1)^2 / (16 x)` and
/// the modified Bessel function `K` of the second kind, of order 1/4.
fn distribution(x: f64) -> f64 {
    let mut sum = 0.0;
    for j in 0_u32.. {
        let j = f64::from(j);
        let root = 4.0 * j + 1.0;
        let q = root * root / (16.0 * x);
        let ratio = (ln_gamma(j + 0.5) - ln_gamma(j + 1.0)).exp();
        let term = ratio * root.sqrt() * (-2.0 * q).exp() * scaled_bessel_k(q) / (PI.powf(1.5) * x.sqrt());
        sum += term;
        if term < LAST_TERM {
            break;
        }
    }
    sum
}

/// `exp(q) K(q)` of order 1/4 for a positive `q`: the integral over all `t` from 0 of
/// `exp(-q (cosh t - 1)) cosh(t / 4)`.
///
/// The rule of trapezoids is exact to rounding for such an integrand when its step `h` is small enough: the error is
/// the Fourier transform at `2 pi / h`, which falls like `exp(-pi^2 / h)` for a small `q` and like
/// `exp(-2 pi^2 / (q h^2))` for a large one. Relative error about 1e-15 (tested). Time O(1): up to a hundred exponentials.
fn scaled_bessel_k(q: f64) -> f64 {
    let step = 2.0 * PI / (32.0 + (100.0 * q).sqrt());
    let mut sum = 0.5;
    for i in 1_u32.. {
        let t = f64::from(i) * step;
        let half = (t / 2.0).sinh();
        let value = (-2.0 * q * half * half).exp() * (t / 4.0).cosh();
        sum += value;
        if value < 1e-18 * sum {
            break;
        }
    }
    step * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bessel_function_is_that_of_its_power_series() {
        // From the series of I(-1/4) - I(1/4) with nine hundred digits.
        for (q, expected) in [
            (1e-6, 68.107_295_996_996_9),
            (0.003, 8.755_387_718_804_421),
            (0.05, 3.771_684_782_719_139),
            (0.4, 1.738_161_400_302_787),
            (1.0, 1.170_872_101_678_137_8),
            (3.7, 0.637_004_038_683_089_2),
            (12.0, 0.359_093_013_584_394),
            (60.0, 0.161_551_609_184_732_86),
            (300.0, 0.072_337_553_996_414_75),
        ] {
            let computed = scaled_bessel_k(q);
            assert!((computed / expected - 1.0).abs() < 3e-15, "{q}: {computed} {expected}");
        }
    }

    #[test]
    fn the_distribution_is_that_of_the_whole_series() {
        for (x, expected) in
            [(0.02, 0.003_000_614_301_601_878), (0.2, 0.732_529_569_459_225_1), (0.5, 0.960_166_782_434_392_4)]
        {
            assert!((distribution(x) - expected).abs() < 1e-8, "{x}");
        }
    }

    #[test]
    fn the_tail_goes_on_falling() {
        let mut before = 1.0;
        for step in 1..400 {
            let p_value = survival(f64::from(step) * 0.1);
            // The two bounds within which p-values below 1e-8 mean nothing.
            assert!((0.0..=1.0).contains(&p_value) && p_value <= before + 1e-8, "{step}: {p_value} after {before}");
            assert!(step < 40 || p_value < 1e-8, "{step}: {p_value}");
            before = p_value;
        }
        assert!(survival(20.1) > 0.0 && survival(20.1) < 1e-42 && survival(1e5) == 0.0);
    }
}
