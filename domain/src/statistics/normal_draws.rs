//! Normal numbers that are the same on every machine.
//!
//! The ratio of uniforms (Kinderman & Monahan 1977): arithmetic that IEEE 754 rounds the same everywhere. The logarithm,
//! which it does not, is only compared with.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

/// `sqrt(2 / e)`.
const HALF_WIDTH: f64 = 0.857_763_884_960_706_8;

/// A number of the standard normal law. Takes 1.37 tries.
pub fn normal(generator: &mut ChaCha8Rng) -> f64 {
    loop {
        let u: f64 = generator.random();
        let v = HALF_WIDTH * (2.0 * generator.random::<f64>() - 1.0);
        if u > 0.0 {
            let x = v / u;
            if x * x <= -4.0 * u.ln() {
                return x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::draws::stream;

    #[test]
    fn moments_and_tails_are_those_of_the_normal_law() {
        let mut generator = stream(1, 0);
        let n = 200_000;
        let values: Vec<f64> = (0..n).map(|_| normal(&mut generator)).collect();
        let mean = |power: i32| values.iter().map(|value| value.powi(power)).sum::<f64>() / f64::from(n);
        assert!(mean(1).abs() < 0.01 && (mean(2) - 1.0).abs() < 0.015 && (mean(4) - 3.0).abs() < 0.1);
        let beyond = values.iter().filter(|value| value.abs() > 1.959_964).count() as f64 / f64::from(n);
        assert!((beyond - 0.05).abs() < 0.002, "{beyond}");
    }
}
