//! Tails of the binomial law.

use super::saddle_point::{ln_binomial, relative_tail};

/// `P(X >= x)` for the number of successes `X` among `n` trials of probability `p` between 0 and 1.
///
/// Relative error about 1e-13, in the far tail and for a million trials too, where the incomplete beta function of
/// libraries keeps nine digits. Time O(sqrt(n)).
pub fn at_least(x: u64, n: u64, p: f64) -> f64 {
    if x == 0 {
        return 1.0;
    }
    if x > n || p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return 1.0;
    }
    let q = 1.0 - p;
    let (expected, expected_failures) = (n as f64 * p, n as f64 * q);
    let probability = |x: u64| ln_binomial(x, n - x, expected, expected_failures).exp();
    if x as f64 > expected {
        probability(x) * relative_tail((x..n).map(|x| (n - x) as f64 * p / ((x + 1) as f64 * q)))
    } else {
        let below = x - 1;
        1.0 - probability(below) * relative_tail((1..=below).rev().map(|x| x as f64 * q / ((n - x + 1) as f64 * p)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use statrs::distribution::{Binomial, DiscreteCDF};

    use super::*;

    proptest! {
        #[test]
        fn it_agrees_with_the_incomplete_beta_function(n in 1_u64..300, share in 0.0..=1.0_f64, p in 0.001..0.999_f64) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small number")]
            let x = (share * n as f64) as u64;
            let expected = if x == 0 { 1.0 } else { Binomial::new(p, n).unwrap().sf(x - 1) };
            let computed = at_least(x, n, p);
            // The smallest doubles have few digits.
            let tolerance = 1e-10 * expected + f64::MIN_POSITIVE;
            prop_assert!((computed - expected).abs() <= tolerance, "{computed:e} {expected:e}");
        }
    }

    #[test]
    fn tails_of_a_fair_coin_are_exact() {
        // 2^-1000, and the two halves of an odd number of throws.
        assert!((at_least(1_000, 1_000, 0.5) / 2.0_f64.powi(-1_000) - 1.0).abs() < 1e-12);
        assert!((at_least(500_001, 1_000_001, 0.5) - 0.5).abs() < 1e-12);
        assert!((at_least(2, 3, 0.5) - 0.5).abs() < 1e-15);
    }

    #[test]
    fn what_is_certain_or_impossible_is_so() {
        for (x, p, expected) in [(0, 0.3, 1.0), (6, 0.3, 0.0), (1, 0.0, 0.0), (0, 0.0, 1.0), (5, 1.0, 1.0)] {
            assert_eq!(at_least(x, 5, p), expected, "{x} {p}");
        }
    }
}
