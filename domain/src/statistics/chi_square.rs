//! Pearson's chi-square test: do the shares of a column's levels differ between reference and window?
//!
//! With counts `O` of each level in each sample, and the counts `E` expected from the sizes of the samples and the
//! levels' shares in both together, the statistic is the sum of `(O - E)^2 / E`. Without drift it follows the
//! chi-square law with `levels - 1` degrees of freedom, nearly, if few `E` are below 5. With two levels every count is
//! first moved towards `E` by up to one half (Yates), as counts are discrete.
//!
//! **Source**: Pearson, *On the criterion that a given system of deviations is such that it can be reasonably supposed
//! to have arisen from random sampling* (1900); Yates, *Contingency tables involving small numbers* (1934).

use statrs::function::gamma::gamma_ur;

/// What the test says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquare {
    /// The statistic; 0 when there is one level.
    pub statistic: f64,
    /// Degrees of freedom: levels less one.
    pub degrees_of_freedom: usize,
    /// The p-value; 1 when there is one level.
    pub p_value: f64,
}

/// Counts that the test cannot judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TableProblem {
    /// A level that neither sample has, so that none is expected.
    #[error("expected every level in the reference or in the window, level {level} is in neither")]
    AbsentLevel {
        /// Its place, from 0.
        level: usize,
    },
    /// A sample without values.
    #[error("expected values in both samples, one is empty")]
    EmptySample,
}

/// The test, from how often each level stands in the reference and in the window, levels in the same order.
/// Time O(levels), no memory.
///
/// # Errors
/// When a sample is empty, or a level is in neither.
///
/// # Panics
/// When there are other levels in the reference than in the window.
pub fn chi_square(reference: &[u64], window: &[u64]) -> Result<ChiSquare, TableProblem> {
    assert_eq!(reference.len(), window.len(), "both samples have the same levels");
    let (n, m) = (reference.iter().sum::<u64>(), window.iter().sum::<u64>());
    if n == 0 || m == 0 {
        return Err(TableProblem::EmptySample);
    }
    if let Some(level) = reference.iter().zip(window).position(|(reference, window)| reference + window == 0) {
        return Err(TableProblem::AbsentLevel { level });
    }
    let degrees_of_freedom = reference.len() - 1;
    let yates = if degrees_of_freedom == 1 { 0.5 } else { 0.0 };
    let (n_f, m_f) = (n as f64, m as f64);
    let total = n_f + m_f;
    let of_level = |reference: u64, window: u64| {
        // The two counts of a level are as far from what is expected as each other: (O m - O' n) / (n + m), exact.
        let excess = (i128::from(reference) * i128::from(m) - i128::from(window) * i128::from(n)).unsigned_abs();
        let distance = (excess as f64 / total - yates).max(0.0);
        let both = (reference + window) as f64;
        // 1/E + 1/E', where E = both n / (n + m).
        distance * distance * (total / n_f) * (total / m_f) / both
    };
    let statistic = reference.iter().zip(window).map(|(reference, window)| of_level(*reference, *window)).sum();
    Ok(ChiSquare { statistic, degrees_of_freedom, p_value: survival(degrees_of_freedom, statistic) })
}

/// The goodness of fit of a window to the shares of a reference, which is taken for the exact law: a level that it lacks is
/// impossible, and small references differ from their windows too often. Levels in neither are left out. `None` with an
/// empty sample. Time O(levels), no memory.
pub fn goodness_of_fit(reference: &[u64], window: &[u64]) -> Option<ChiSquare> {
    let (n, m) = (reference.iter().sum::<u64>() as f64, window.iter().sum::<u64>() as f64);
    if n == 0.0 || m == 0.0 {
        return None;
    }
    let (mut statistic, mut n_levels) = (0.0, 0_usize);
    for (of_reference, of_window) in reference.iter().zip(window).filter(|(a, b)| **a + **b > 0) {
        let expected = *of_reference as f64 * m / n;
        // Infinite where none is expected.
        statistic += (*of_window as f64 - expected).powi(2) / expected;
        n_levels += 1;
    }
    let degrees_of_freedom = n_levels - 1;
    Some(ChiSquare { statistic, degrees_of_freedom, p_value: survival(degrees_of_freedom, statistic) })
}

/// `P(X >= x)` for a chi-square law. Relative error about 1e-13, also in the far tail; 0 below the smallest double.
pub(crate) fn survival(degrees_of_freedom: usize, x: f64) -> f64 {
    if degrees_of_freedom == 0 || x <= 0.0 {
        return 1.0;
    }
    if x.is_infinite() {
        return 0.0;
    }
    gamma_ur(degrees_of_freedom as f64 / 2.0, x / 2.0).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn direct(reference: &[u64], window: &[u64]) -> f64 {
        let (n, m) = (reference.iter().sum::<u64>() as f64, window.iter().sum::<u64>() as f64);
        let correction = if reference.len() == 2 { 0.5 } else { 0.0 };
        let mut statistic = 0.0;
        for (counts, size) in [(reference, n), (window, m)] {
            for (level, count) in counts.iter().enumerate() {
                let expected = (reference[level] + window[level]) as f64 * size / (n + m);
                let distance = (*count as f64 - expected).abs();
                statistic += (distance - distance.min(correction)).powi(2) / expected;
            }
        }
        statistic
    }

    proptest! {
        #[test]
        fn the_statistic_is_the_sum_over_the_table(
            counts in prop::collection::vec((0_u64..1_000, 1_u64..1_000), 2..8),
        ) {
            let (reference, window): (Vec<u64>, Vec<u64>) = counts.into_iter().unzip();
            prop_assume!(reference.iter().sum::<u64>() > 0);
            let there = chi_square(&reference, &window).unwrap();
            let back = chi_square(&window, &reference).unwrap();
            let expected = direct(&reference, &window);
            let tolerance = 1e-9 * expected.max(1e-9);
            prop_assert!((there.statistic - expected).abs() <= tolerance, "{} {expected}", there.statistic);
            prop_assert!((0.0..=1.0).contains(&there.p_value));
            prop_assert!((there.p_value - back.p_value).abs() <= 1e-9 * there.p_value);
            let mut same = chi_square(&window, &window).unwrap();
            prop_assert_eq!((same.statistic, same.p_value), (0.0, 1.0));
            // The order of the levels says nothing.
            let reversed = |counts: &[u64]| counts.iter().rev().copied().collect::<Vec<_>>();
            same = chi_square(&reversed(&reference), &reversed(&window)).unwrap();
            prop_assert!((same.statistic - there.statistic).abs() <= 1e-12 * there.statistic);
        }
    }

    #[test]
    fn tables_without_an_expectation_are_refused() {
        assert_eq!(chi_square(&[1, 0], &[2, 0]), Err(TableProblem::AbsentLevel { level: 1 }));
        assert_eq!(chi_square(&[0, 0], &[2, 1]), Err(TableProblem::EmptySample));
        assert_eq!(chi_square(&[], &[]), Err(TableProblem::EmptySample));
        let one_level = ChiSquare { statistic: 0.0, degrees_of_freedom: 0, p_value: 1.0 };
        assert_eq!(chi_square(&[5], &[9]), Ok(one_level));
    }

    #[test]
    fn even_degrees_have_the_tail_of_a_poisson_law() {
        // Q(a, y) for an integer a is the probability of fewer than a events where y are expected.
        for degrees in [2_usize, 4, 10, 100, 1_000] {
            for factor in [0.3, 0.9, 1.0, 1.1, 2.0, 5.0] {
                let y = factor * degrees as f64 / 2.0 + 1.0;
                let (mut term, mut sum) = (1.0, 1.0);
                // From the last event downwards, relative to it, as the first ones may be too small.
                for event in (1..degrees / 2).rev() {
                    term *= event as f64 / y;
                    sum += term;
                }
                let last = (degrees / 2 - 1) as f64;
                let ln_last = last * y.ln() - y - statrs::function::gamma::ln_gamma(last + 1.0);
                let expected = (ln_last + f64::ln(sum)).exp();
                let computed = survival(degrees, 2.0 * y);
                assert!((computed - expected).abs() <= 1e-11 * expected, "{degrees} {y}: {computed:e} {expected:e}");
            }
        }
    }

    #[test]
    fn the_tail_of_one_degree_is_that_of_the_normal_law() {
        // erfc(sqrt(x / 2)), from the C library.
        for (x, expected) in [
            (0.01, 0.920_344_325_445_942),
            (0.5, 0.479_500_122_186_953_5),
            (1.0, 0.317_310_507_862_914_04),
            (3.84, 0.050_043_521_248_705_09),
            (10.0, 0.001_565_402_258_002_548_8),
            (100.0, 1.523_970_604_832_099_5e-23),
            (1_000.0, 1.795_832_784_800_638_5e-219),
            (1_400.0, 2.101_014_516_264_275_4e-306),
        ] {
            let computed = survival(1, x);
            assert!((computed / expected - 1.0).abs() < 1e-12, "{x}: {computed:e} {expected:e}");
        }
        assert_eq!(survival(1, 2_000.0), 0.0);
        assert_eq!(survival(7, 1e300), 0.0);
    }
}
