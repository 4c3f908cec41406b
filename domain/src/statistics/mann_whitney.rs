//! The Mann–Whitney U test: do values of the window tend to be larger, or smaller, than those of the reference?
//!
//! `U` counts the pairs in which the value of the reference is the larger one, ties as one half. Without drift it has mean
//! `nm / 2` and, with `t` values at each tie, variance `nm/12 (N + 1 - Σ(t³ - t) / (N (N - 1)))`; a half is taken off its
//! distance from the mean, as it is discrete. Up to eight values on a side without ties its law is exact.
//!
//! **Source**: Mann & Whitney, *On a test of whether one of two random variables is stochastically larger than the other*
//! (1947); Lehmann, *Nonparametrics* (1975), for ties.

use super::alternative::Alternative;
use super::normal_law;
use super::pooled_values::PooledValues;
use super::sorted_sample::SortedSample;

/// What the test says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannWhitney {
    /// `U` of the reference.
    pub statistic: f64,
    /// The p-value; 1 where all values are equal.
    pub p_value: f64,
}

/// Up to so many values on a side the law is exact.
const EXACT_SIZE_MAX: usize = 8;
/// The other side may have so many values then: the counts take `n m` steps each of up to eight rows.
const EXACT_OTHER_MAX: usize = 10_000;

/// The test. Time O(n + m), no memory; with at most eight values on a side O(64 (n + m)) time and memory.
pub fn mann_whitney(reference: &SortedSample, window: &SortedSample, alternative: Alternative) -> MannWhitney {
    let (n, m) = (reference.n_values(), window.n_values());
    let (mut rank_sum, mut ties) = (0.0, 0.0);
    for pooled in PooledValues::new(reference, window) {
        let tied = (pooled.reference_equal + pooled.window_equal) as f64;
        let below = (pooled.reference_below + pooled.window_below) as f64;
        rank_sum += pooled.reference_equal as f64 * (below + f64::midpoint(tied, 1.0));
        ties += tied * (tied * tied - 1.0);
    }
    let (n_f, m_f) = (n as f64, m as f64);
    let statistic = rank_sum - n_f * (n_f + 1.0) / 2.0;
    let of_window = n_f * m_f - statistic;
    // The larger the window's U, the larger its values.
    let largest = match alternative {
        Alternative::TwoSided => statistic.max(of_window),
        Alternative::Greater => of_window,
        Alternative::Less => statistic,
    };
    let one_sided = if ties == 0.0 && n.min(m) <= EXACT_SIZE_MAX && n.max(m) <= EXACT_OTHER_MAX {
        exact_survival(n.min(m), n.max(m), largest)
    } else {
        let total = n_f + m_f;
        let variance = n_f * m_f / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
        if variance > 0.0 { normal_law::survival((largest - n_f * m_f / 2.0 - 0.5) / variance.sqrt()) } else { 1.0 }
    };
    let p_value = if alternative == Alternative::TwoSided { 2.0 * one_sided } else { one_sided };
    MannWhitney { statistic, p_value: p_value.clamp(0.0, 1.0) }
}

/// `P(U >= u)` without ties. The number of ways to reach each `U` is the coefficient of a Gaussian binomial: the product of
/// `(1 - q^(m + i)) / (1 - q^i)` over `i` up to `n`.
fn exact_survival(n: usize, m: usize, u: f64) -> f64 {
    let mut shares = vec![0.0; n * m + 1];
    shares[0] = 1.0;
    for i in 1..=n {
        for place in (m + i..shares.len()).rev() {
            shares[place] -= shares[place - m - i];
        }
        for place in i..shares.len() {
            shares[place] += shares[place - i];
        }
    }
    let total: f64 = shares.iter().sum();
    // By symmetry those from u on are as many as those up to nm - u.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of pairs")]
    let last = ((n * m) as f64 - u.ceil()).max(0.0) as usize;
    shares.iter().take(last + 1).sum::<f64>() / total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(reference: &[f64], window: &[f64], alternative: Alternative) -> MannWhitney {
        let sample = |values: &[f64]| SortedSample::sort(values.to_vec()).unwrap();
        mann_whitney(&sample(reference), &sample(window), alternative)
    }

    #[test]
    fn small_samples_have_their_exact_law() {
        // One of the 10 ways to choose 3 of 5 places is at least as extreme, on each side.
        let result = test(&[1.0, 2.0, 3.0], &[4.0, 5.0], Alternative::TwoSided);
        assert!((result.p_value - 0.2).abs() < 1e-12 && result.statistic == 0.0, "{result:?}");
        assert!((test(&[1.0, 2.0, 3.0], &[4.0, 5.0], Alternative::Greater).p_value - 0.1).abs() < 1e-12);
        assert_eq!(test(&[1.0, 2.0, 3.0], &[4.0, 5.0], Alternative::Less).p_value, 1.0);
    }

    #[test]
    fn equal_constants_do_not_differ() {
        assert_eq!(test(&[2.0; 20], &[2.0; 10], Alternative::TwoSided).p_value, 1.0);
    }
}
