//! The G-test (log-likelihood ratio): do the shares of a column's levels differ between reference and window?
//!
//! `G = 2 Σ O ln(O / E)` over the table of both samples, where `E` are the counts that the levels' shares in both
//! together let expect. Without drift it follows the chi-square law with `levels - 1` degrees of freedom, nearly.
//!
//! **Source**: Wilks, *The large-sample distribution of the likelihood ratio* (1938); Sokal & Rohlf, *Biometry* (1981).

use super::chi_square::survival;

/// What the test says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GTest {
    /// `G`; 0 when there is one level.
    pub statistic: f64,
    /// The p-value; 1 when there is one level.
    pub p_value: f64,
}

/// The test, from how often each level stands in reference and window, levels in the same order; those in neither are left
/// out. `None` with an empty sample. Time O(levels), no memory.
pub fn g_test(reference: &[u64], window: &[u64]) -> Option<GTest> {
    let (n, m) = (reference.iter().sum::<u64>() as f64, window.iter().sum::<u64>() as f64);
    if n == 0.0 || m == 0.0 {
        return None;
    }
    let part = |observed: u64, expected: f64| {
        if observed == 0 { 0.0 } else { observed as f64 * (observed as f64 / expected).ln() }
    };
    let (mut sum, mut n_levels) = (0.0, 0_usize);
    for (of_reference, of_window) in reference.iter().zip(window).filter(|(a, b)| **a + **b > 0) {
        let both = (of_reference + of_window) as f64;
        sum += part(*of_reference, both * n / (n + m)) + part(*of_window, both * m / (n + m));
        n_levels += 1;
    }
    let statistic = (2.0 * sum).max(0.0);
    Some(GTest { statistic, p_value: survival(n_levels - 1, statistic) })
}

/// The goodness of fit of a window to the counts of a reference that is taken for the exact law and has as many rows.
/// `None` where it has another number. Time O(levels), no memory.
pub fn goodness_of_fit(reference: &[u64], window: &[u64]) -> Option<GTest> {
    let (n, m) = (reference.iter().sum::<u64>(), window.iter().sum::<u64>());
    if n != m || n == 0 {
        return None;
    }
    let levels = || reference.iter().zip(window).filter(|(a, b)| **a + **b > 0);
    let part = |(expected, observed): (&u64, &u64)| match (*expected, *observed) {
        (_, 0) => 0.0,
        (0, _) => f64::INFINITY,
        (expected, observed) => 2.0 * observed as f64 * (observed as f64 / expected as f64).ln(),
    };
    let statistic: f64 = levels().map(part).sum();
    Some(GTest { statistic, p_value: survival(levels().count() - 1, statistic) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_of_the_samples_do_not_matter_by_themselves() {
        let same = g_test(&[30, 60, 90], &[10, 20, 30]).unwrap();
        assert!(same.statistic < 1e-9 && same.p_value > 0.999_999, "{same:?}");
        let moved = g_test(&[300, 600, 900], &[90, 20, 10]).unwrap();
        assert!(moved.p_value < 1e-20, "{moved:?}");
        assert_eq!(g_test(&[5, 0], &[3, 0]), g_test(&[5], &[3]));
        assert_eq!(g_test(&[5], &[0]), None);
        assert_eq!(goodness_of_fit(&[5, 5], &[3, 3]), None);
    }
}
