//! Kuiper's test of two samples: how far do their distribution functions part, both ways together?
//!
//! The statistic `V` is the sum of the largest differences of the two distribution functions either way, where the
//! test of Kolmogorov and Smirnov takes the larger one. It is as sensitive at the ends as in the middle, and says the same of values
//! around a circle (hours, directions) wherever the circle is cut open.
//!
//! The p-value is exact up to about three thousand values of both samples together, and up to many more where one is small; beyond,
//! it is that of the limit law, with the correction of Stephens for one sample of `n m / (n + m)` values. Ties make both cautious.
//!
//! **Source**: Kuiper, *Tests concerning random points on a circle* (1960); Stephens, *Use of the Kolmogorov–Smirnov, Cramér–von Mises and
//! related statistics without extensive tables* (1970).

mod exact_law;

use super::kolmogorov_smirnov::Distance;

/// Below this no term of the series matters but for rounding: the probability is 1.
const CERTAIN: f64 = 0.4;
/// Terms of the series above it.
const N_TERMS: u32 = 30;
/// Smaller p-values are those of the limit law.
const TAIL_START: f64 = 1e-12;
/// Exact p-values above it have three digits and more.
const PRECISE: f64 = 1e-9;

/// The sum of the largest differences either way, from 0 to 1.
pub fn statistic(distance: &Distance) -> f64 {
    (distance.greater.size + distance.less.size).min(1.0)
}

/// The p-value of a statistic of samples of `n` and `m` values, at least 1 each. Time O((n + m) √(n m / (n + m))) where it is exact, which
/// takes some milliseconds at most; else O(1).
pub fn p_value(statistic: f64, n: usize, m: usize) -> f64 {
    let asymptotic = p_value_asymptotic(statistic, n, m);
    if asymptotic < TAIL_START || !exact_law::is_quick(n, m) {
        return asymptotic;
    }
    let exact = exact_law::survival(statistic, n, m);
    // It is what is left of 1: of less, rounding is a part.
    if exact > PRECISE { exact } else { asymptotic.min(PRECISE) }
}

/// That of the limit law, with the correction for finite samples. Time O(1).
fn p_value_asymptotic(statistic: f64, n: usize, m: usize) -> f64 {
    let (n, m) = (n as f64, m as f64);
    let root = (n * m / (n + m)).sqrt();
    limit_survival((root + 0.155 + 0.24 / root) * statistic)
}

/// About how many nanoseconds a p-value takes.
pub(crate) fn cost_ns(n: usize, m: usize) -> usize {
    if exact_law::is_quick(n, m) { exact_law::cost_ns(n, m) } else { 500 }
}

/// `P(√n V >= z)` in the limit: `2 Σ (4 j² z² - 1) exp(-2 j² z²)`.
fn limit_survival(z: f64) -> f64 {
    if z < CERTAIN {
        return 1.0;
    }
    let term = |j: u32| {
        let squared = 2.0 * (f64::from(j) * z).powi(2);
        (2.0 * squared - 1.0) * (-squared).exp()
    };
    (2.0 * (1..=N_TERMS).map(term).sum::<f64>()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::statistics::kolmogorov_smirnov::distance;
    use crate::statistics::sorted_sample::SortedSample;

    fn sample(values: impl IntoIterator<Item = f64>) -> SortedSample {
        SortedSample::sort(values.into_iter().collect()).unwrap()
    }

    #[test]
    fn the_limit_law_has_the_known_quantiles() {
        // Stephens (1970), of the statistic with its correction.
        for (z, level) in [(1.537, 0.15), (1.620, 0.1), (1.747, 0.05), (1.862, 0.025), (2.001, 0.01)] {
            assert!((limit_survival(z) / level - 1.0).abs() < 0.01, "{z} {}", limit_survival(z));
        }
        assert!((limit_survival(CERTAIN) - 1.0).abs() < 1e-9);
        let mut before = 1.0;
        for step in 0..1_000 {
            let p_value = limit_survival(f64::from(step) / 100.0);
            assert!(p_value <= before + 1e-12, "{step}");
            before = p_value;
        }
        assert!(before > 0.0 && before < 1e-80, "{before}");
    }

    /// The ranges of all paths, one by one, in units of 1 / (n m).
    pub(super) fn all_ranges(n: usize, m: usize) -> Vec<usize> {
        let orders = (0_u32..1 << (n + m)).filter(|order| order.count_ones() as usize == n);
        let range = |order: u32| {
            let (mut height, mut highest, mut lowest) = (0, 0, 0);
            for step in 0..n + m {
                height += if order >> step & 1 == 1 { m.cast_signed() } else { -n.cast_signed() };
                (highest, lowest) = (highest.max(height), lowest.min(height));
            }
            highest.abs_diff(lowest)
        };
        orders.map(range).collect()
    }

    /// Of every order of the pooled values, as likely as any other without drift, how many are called different.
    #[test]
    fn few_values_are_called_different_at_most_as_often_as_asked_for() {
        for (n, m) in [(5, 5), (8, 8), (4, 14), (7, 11), (9, 10), (2, 16)] {
            let ranges = all_ranges(n, m);
            let p_values: Vec<f64> = ranges.iter().map(|range| p_value(*range as f64 / (n * m) as f64, n, m)).collect();
            for level in [0.2, 0.1, 0.05, 0.01, 0.001] {
                let n_different = p_values.iter().filter(|p_value| **p_value < level).count();
                let rate = n_different as f64 / p_values.len() as f64;
                assert!(rate <= level, "{n} {m} {level}: {rate}");
            }
        }
    }

    proptest! {
        #[test]
        fn it_says_the_same_wherever_the_circle_is_cut(
            reference in prop::collection::vec(0..24_u8, 1..60),
            window in prop::collection::vec(0..24_u8, 1..60),
            cut in 0..24_u8,
        ) {
            let of = |by: u8| {
                let turned = |hours: &[u8]| sample(hours.iter().map(|hour| f64::from((hour + by) % 24)));
                statistic(&distance(&turned(&reference), &turned(&window)))
            };
            prop_assert!((of(0) - of(cut)).abs() < 1e-12, "{} {}", of(0), of(cut));
            prop_assert!((0.0..=1.0).contains(&p_value(of(0), reference.len(), window.len())));
        }
    }

    #[test]
    fn p_values_fall_as_the_statistic_grows() {
        for (n, m) in [(30, 20), (200, 200), (1_000, 300), (5_000, 4_000)] {
            let mut before = 1.0;
            for step in 0..=200 {
                let p_value = p_value(f64::from(step) / 200.0, n, m);
                // Where one law gives way to the other they are a few times apart.
                assert!(p_value <= before + 1e-12 && p_value >= 0.0, "{n} {m} {step}: {p_value} after {before}");
                before = p_value;
            }
            assert!(before < 1e-3, "{before}");
        }
    }

    #[test]
    fn the_same_values_do_not_differ() {
        let values = sample([1.0, 1.0, 2.0, 5.0]);
        let statistic = statistic(&distance(&values, &values));
        assert_eq!((statistic, p_value(statistic, 4, 4)), (0.0, 1.0));
    }
}
