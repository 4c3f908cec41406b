//! Fisher's exact test: are there more ones, or fewer, among a window's zeros and ones than among the reference's?
//!
//! Given how many ones there are in both together, those in the window follow the hypergeometric law when nothing has
//! changed; the p-value is the probability of a window at least as far from the expected one. It is exact for any size,
//! and cautious, as counts are discrete.
//!
//! **Source**: Fisher, *The logic of inductive inference* (1935).

use super::alternative::Alternative;
use super::hypergeometric::Hypergeometric;

/// Ones and zeros of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BinaryCounts {
    /// Number of ones.
    pub ones: u64,
    /// Number of zeros.
    pub zeros: u64,
}

/// What the test says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FisherExact {
    /// The odds of a one in the window over those in the reference: infinite where the reference has no one or the
    /// window no zero; none where a sample is empty, or all values of both are the same.
    pub odds_ratio: Option<f64>,
    /// The p-value; 1 where there is no odds ratio.
    pub p_value: f64,
}

/// Probabilities that differ by less than this share are the same; smaller differences are rounding.
const SAME: f64 = 1e-7;

/// The test; [`Alternative::Greater`] is a window with a larger share of ones. Time O(sqrt(n + m)), no memory.
pub fn fisher_exact(reference: BinaryCounts, window: BinaryCounts, alternative: Alternative) -> FisherExact {
    let (ones, zeros) = (reference.ones + window.ones, reference.zeros + window.zeros);
    let (n_reference, n_window) = (reference.ones + reference.zeros, window.ones + window.zeros);
    if [ones, zeros, n_reference, n_window].contains(&0) {
        return FisherExact { odds_ratio: None, p_value: 1.0 };
    }
    let law = Hypergeometric::new(ones + zeros, ones, n_window);
    let p_value = match alternative {
        Alternative::Greater => law.at_least(window.ones),
        Alternative::Less => law.at_most(window.ones),
        Alternative::TwoSided => at_most_as_probable(&law, window.ones),
    };
    let odds_ratio = (window.ones as f64 * reference.zeros as f64) / (reference.ones as f64 * window.zeros as f64);
    FisherExact { odds_ratio: Some(odds_ratio), p_value: p_value.clamp(0.0, 1.0) }
}

/// The probability of all counts that are at most as probable as `x`.
fn at_most_as_probable(law: &Hypergeometric, x: u64) -> f64 {
    let mode = law.mode();
    let bound = law.ln_probability(x) + SAME;
    if bound >= law.ln_probability(mode) {
        return 1.0;
    }
    // Beyond the mode probabilities fall, so the first one that is small enough is found by halving.
    if x < mode {
        let first = first_that(mode + 1, law.most() + 1, |other| law.ln_probability(other) <= bound);
        law.at_most(x) + law.at_least(first)
    } else {
        let first = first_that(law.least(), mode, |other| law.ln_probability(other) > bound);
        law.at_least(x) + if first == law.least() { 0.0 } else { law.at_most(first - 1) }
    }
}

/// The first number of `from..to` that has a property which all later ones share; `to` when there is none.
fn first_that(from: u64, to: u64, has: impl Fn(u64) -> bool) -> u64 {
    let (mut from, mut to) = (from, to);
    while from < to {
        let middle = from + (to - from) / 2;
        if has(middle) { to = middle } else { from = middle + 1 }
    }
    from
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A binomial coefficient of a small number.
    fn binomial(n: u64, k: u64) -> u128 {
        (0..u128::from(k)).fold(1, |product, i| product * (u128::from(n) - i) / (i + 1))
    }

    proptest! {
        #[test]
        fn p_values_are_shares_of_all_arrangements(
            (ones_reference, zeros_reference) in (0_u64..40, 0_u64..40),
            (ones_window, zeros_window) in (0_u64..20, 0_u64..20),
        ) {
            let reference = BinaryCounts { ones: ones_reference, zeros: zeros_reference };
            let window = BinaryCounts { ones: ones_window, zeros: zeros_window };
            let (ones, zeros) = (ones_reference + ones_window, zeros_reference + zeros_window);
            let n_window = ones_window + zeros_window;
            prop_assume!(ones > 0 && zeros > 0 && n_window > 0 && ones_reference + zeros_reference > 0);
            let ways = |x: u64| binomial(ones, x) * binomial(zeros, n_window - x);
            let least = n_window.saturating_sub(zeros);
            let all = |keep: &dyn Fn(u64) -> bool| -> u128 {
                (least..=n_window.min(ones)).filter(|x| keep(*x)).map(ways).sum()
            };
            let total = all(&|_| true) as f64;
            for (alternative, expected) in [
                (Alternative::Greater, all(&|x| x >= ones_window)),
                (Alternative::Less, all(&|x| x <= ones_window)),
                (Alternative::TwoSided, all(&|x| ways(x) <= ways(ones_window))),
            ] {
                let computed = fisher_exact(reference, window, alternative).p_value;
                let expected = expected as f64 / total;
                prop_assert!((computed - expected).abs() <= 1e-12 * expected, "{alternative:?}: {computed} {expected}");
            }
        }

        #[test]
        fn either_sample_may_be_the_window(
            ones in 0_u64..100_000, zeros in 0_u64..100_000, other_ones in 0_u64..1_000, other_zeros in 0_u64..1_000,
        ) {
            let (one, other) = (BinaryCounts { ones, zeros }, BinaryCounts { ones: other_ones, zeros: other_zeros });
            let there = fisher_exact(one, other, Alternative::TwoSided);
            let back = fisher_exact(other, one, Alternative::TwoSided);
            prop_assert!((0.0..=1.0).contains(&there.p_value));
            prop_assert!((there.p_value - back.p_value).abs() <= 1e-9 * there.p_value);
            let greater = fisher_exact(one, other, Alternative::Greater).p_value;
            let less = fisher_exact(other, one, Alternative::Less).p_value;
            prop_assert!((greater - less).abs() <= 1e-9 * less, "{greater} {less}");
        }
    }

    #[test]
    fn millions_of_rows_are_judged_exactly() {
        let half = BinaryCounts { ones: 500_000, zeros: 500_000 };
        let p_value = |ones: u64, alternative| {
            fisher_exact(half, BinaryCounts { ones, zeros: 1_000_000 - ones }, alternative).p_value
        };
        // Symmetric, so both tails are the same, and half of the middle belongs to each.
        let middle = Hypergeometric::new(2_000_000, 1_000_000, 1_000_000).ln_probability(500_000).exp();
        assert_eq!(p_value(500_000, Alternative::TwoSided), 1.0);
        assert!((p_value(500_000, Alternative::Greater) - (0.5 + middle / 2.0)).abs() < 1e-12);
        for ones in [500_100, 501_000, 505_000] {
            let (less, greater) = (p_value(1_000_000 - ones, Alternative::Less), p_value(ones, Alternative::Greater));
            assert!((less / greater - 1.0).abs() < 1e-9, "{ones}: {less:e} {greater:e}");
        }
        // So far out that no double holds it.
        assert_eq!(p_value(600_000, Alternative::TwoSided), 0.0);
    }

    #[test]
    fn equal_samples_do_not_differ() {
        let counts = BinaryCounts { ones: 300, zeros: 700 };
        assert_eq!(
            fisher_exact(counts, counts, Alternative::TwoSided),
            FisherExact { odds_ratio: Some(1.0), p_value: 1.0 }
        );
    }
}
