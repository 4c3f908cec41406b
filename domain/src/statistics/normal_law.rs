//! The tails of the normal law.

use statrs::function::erf::erfc;

use super::alternative::Alternative;

/// `P(Z >= z)` of a standard normal `Z`.
pub fn survival(z: f64) -> f64 {
    erfc(z / std::f64::consts::SQRT_2) / 2.0
}

/// The p-value of a statistic that is standard normal without drift and grows with the window's values.
pub fn p_value(z: f64, alternative: Alternative) -> f64 {
    match alternative {
        Alternative::TwoSided => (2.0 * survival(z.abs())).min(1.0),
        Alternative::Greater => survival(z),
        Alternative::Less => survival(-z),
    }
}
