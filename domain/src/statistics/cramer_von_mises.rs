//! The two-sample Cramér–von Mises test: how far apart are the distribution functions of reference and window, on the
//! average over all values?
//!
//! With the mid-ranks `r` of the `n` reference and `m` window values in both samples together, each sample sorted,
//! `U = n sum (r_i - i)^2 + m sum (r_j - j)^2` and `N = n + m`, the statistic is
//! `T = U / (n m N) - (4 n m - 1) / (6 N)`. Small samples have an exact p-value, others that of the limit.
//!
//! **Source**: Anderson, *On the distribution of the two-sample Cramér-von Mises criterion* (1962).

mod lattice_paths;
pub(crate) mod limit_law;

use super::pooled_values::PooledValues;
use super::sorted_sample::SortedSample;

/// The larger size up to which p-values are exact.
const EXACT_SIZE_MAX: u64 = 20;

/// How far a window is from a reference, without rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CramerVonMises {
    /// Size of the reference.
    n: u64,
    /// Size of the window.
    m: u64,
    /// `4 (6 U - n m (4 n m - 1))`, which is `24 n m N T`: two numbers of about `n^2 m^2`, whose difference is `n m N`
    /// times smaller. In doubles, samples of a million values would lose six digits here.
    numerator: i128,
}

impl CramerVonMises {
    /// Compares a window with a reference; nothing for a sample of one value, which has no distribution to speak of.
    /// Time O(n + m), no memory.
    pub fn new(reference: &SortedSample, window: &SortedSample) -> Option<Self> {
        let (n, m) = (reference.n_values() as u64, window.n_values() as u64);
        if n < 2 || m < 2 {
            return None;
        }
        // Twice r_i - i is the number of values of the other sample below plus those at or below; inside a group of `a`
        // equal values it is off by a - 1, a - 3, .., 1 - a, whose squares add up to (a^3 - a) / 3.
        let (mut of_reference, mut of_window) = (0_u128, 0_u128);
        for pooled in PooledValues::new(reference, window) {
            let twice_below_squared = |below: usize, equal: usize| {
                let twice = (2 * below + equal) as u64;
                u128::from(twice * twice)
            };
            let ties = |equal: u128| if equal > 1 { (equal * equal * equal - equal) / 3 } else { 0 };
            let [reference, window] = [pooled.reference_equal as u128, pooled.window_equal as u128];
            of_reference += reference * twice_below_squared(pooled.window_below, pooled.window_equal) + ties(reference);
            of_window += window * twice_below_squared(pooled.reference_below, pooled.reference_equal) + ties(window);
        }
        let four_u = (u128::from(n) * of_reference + u128::from(m) * of_window).cast_signed();
        let product = i128::from(n) * i128::from(m);
        Some(Self { n, m, numerator: 6 * four_u - 4 * product * (4 * product - 1) })
    }

    /// The statistic.
    pub fn statistic(&self) -> f64 {
        self.numerator as f64 / (24.0 * self.n as f64 * self.m as f64 * (self.n + self.m) as f64)
    }

    /// The p-value: exact for samples of up to 20 values, otherwise asymptotic. Below about 1e-8 the latter only says
    /// that it is so small: see [`Self::p_value_asymptotic`].
    pub fn p_value(&self) -> f64 {
        if self.n.max(self.m) <= EXACT_SIZE_MAX { self.p_value_exact() } else { self.p_value_asymptotic() }
    }

    /// The share of all orders of the pooled values that are at least as far apart. For samples of up to 20 values;
    /// time about a millisecond then.
    fn p_value_exact(&self) -> f64 {
        let (n, m) = (self.n, self.m);
        let product = i128::from(n) * i128::from(m);
        let multiple = product / i128::from(greatest_common_divisor(n, m));
        // The statistic on the scale of the sums over paths.
        let goal = (multiple * multiple * i128::from(n + m) * self.numerator).div_euclid(24 * product * product);
        lattice_paths::share_at_least(n, m, u64::try_from(goal).unwrap_or(0))
    }

    /// The p-value from the limit law, the statistic being moved and scaled to the mean and variance of that law. Time
    /// some microseconds.
    pub fn p_value_asymptotic(&self) -> f64 {
        let (n, m) = (self.n as f64, self.m as f64);
        let (product, total) = (n * m, n + m);
        let mean = (1.0 + 1.0 / total) / 6.0;
        let variance = (total + 1.0) * (4.0 * product * total - 3.0 * (n * n + m * m) - 2.0 * product)
            / (45.0 * total * total * 4.0 * product);
        limit_law::survival(1.0 / 6.0 + (self.statistic() - mean) / (45.0 * variance).sqrt())
    }
}

fn greatest_common_divisor(mut x: u64, mut y: u64) -> u64 {
    while y > 0 {
        (x, y) = (y, x % y);
    }
    x
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(values: &[f64]) -> SortedSample {
        SortedSample::sort(values.to_vec()).unwrap()
    }

    /// The statistic from mid-ranks, word by word.
    fn direct(reference: &[f64], window: &[f64]) -> f64 {
        let pooled: Vec<f64> = reference.iter().chain(window).copied().collect();
        let sum_of = |values: &[f64]| -> f64 {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            sorted
                .iter()
                .enumerate()
                .map(|(i, value)| {
                    let below = pooled.iter().filter(|other| *other < value).count() as f64;
                    let equal = pooled.iter().filter(|other| *other == value).count() as f64;
                    (below + f64::midpoint(equal, 1.0) - (i + 1) as f64).powi(2)
                })
                .sum()
        };
        let (n, m) = (reference.len() as f64, window.len() as f64);
        let u = n * sum_of(reference) + m * sum_of(window);
        u / (n * m * (n + m)) - (4.0 * n * m - 1.0) / (6.0 * (n + m))
    }

    /// Numbers, some of them equal.
    fn numbers() -> impl Strategy<Value = Vec<f64>> {
        let number = prop_oneof![-3.0..3.0_f64, (-3_i8..3).prop_map(f64::from)];
        prop::collection::vec(number, 2..40)
    }

    proptest! {
        #[test]
        fn the_statistic_is_that_of_mid_ranks(reference in numbers(), window in numbers()) {
            let computed = CramerVonMises::new(&sample(&reference), &sample(&window)).unwrap();
            prop_assert!((computed.statistic() - direct(&reference, &window)).abs() < 1e-9);
            prop_assert!((0.0..=1.0).contains(&computed.p_value()));
            prop_assert!((0.0..=1.0).contains(&computed.p_value_asymptotic()));
            let mut reversed = window.clone();
            reversed.reverse();
            prop_assert_eq!(CramerVonMises::new(&sample(&reference), &sample(&reversed)), Some(computed));
            let back = CramerVonMises::new(&sample(&window), &sample(&reference)).unwrap();
            prop_assert_eq!((computed.statistic(), computed.p_value()), (back.statistic(), back.p_value()));
        }

        #[test]
        fn samples_that_are_alike_do_not_differ(values in prop::collection::vec(-1e6..1e6_f64, 2..40)) {
            let mut values = values;
            values.sort_by(f64::total_cmp);
            values.dedup();
            prop_assume!(values.len() > 1);
            // The same values without ties between the samples: each window value just above its reference value.
            let window: Vec<f64> = values.iter().map(|value| value.next_up()).collect();
            let computed = CramerVonMises::new(&sample(&values), &sample(&window)).unwrap();
            prop_assert!(computed.p_value() > 0.99);
        }
    }

    #[test]
    fn one_value_is_no_sample() {
        assert_eq!(CramerVonMises::new(&sample(&[1.0]), &sample(&[1.0, 2.0])), None);
        assert_eq!(CramerVonMises::new(&sample(&[1.0, 2.0]), &sample(&[1.0])), None);
    }

    #[test]
    fn exact_and_asymptotic_p_values_agree() {
        let (mut worst, mut n_compared) = (0.0_f64, 0);
        for shift in 0..12 {
            let reference: Vec<f64> = (0..20).map(f64::from).collect();
            let window: Vec<f64> =
                (0..19).map(|value| 1.05 * f64::from(value) + 0.7 * f64::from(shift) + 0.01).collect();
            let computed = CramerVonMises::new(&sample(&reference), &sample(&window)).unwrap();
            worst = worst.max((computed.p_value_exact() - computed.p_value_asymptotic()).abs());
            n_compared += usize::from(computed.p_value_exact() > 0.001 && computed.p_value_exact() < 0.9);
        }
        assert!(worst < 0.02 && n_compared > 4, "{worst} {n_compared}");
    }

    #[test]
    fn a_million_values_lose_no_digit() {
        // Reference and window take turns, and the window stands before the reference: both have a closed form.
        let n = 1_000_000;
        let even: Vec<f64> = (0..n).map(|i| f64::from(2 * i)).collect();
        let odd: Vec<f64> = (0..n).map(|i| f64::from(2 * i + 1)).collect();
        let turns = CramerVonMises::new(&sample(&even), &sample(&odd)).unwrap();
        // U = n (sum of (i-1)^2 + sum of j^2), which makes T = 1 / (12 n) + 1 / (12 n) exactly.
        let expected = 1.0 / (6.0 * f64::from(n)) + 1.0 / (12.0 * f64::from(n));
        assert!((turns.statistic() / expected - 1.0).abs() < 1e-12, "{:e} {expected:e}", turns.statistic());
        let before: Vec<f64> = (0..n).map(|i| f64::from(i - n)).collect();
        let apart = CramerVonMises::new(&sample(&even), &sample(&before)).unwrap();
        // U = n^2 m^2.
        let n = f64::from(n);
        let expected = n / 2.0 - (4.0 * n * n - 1.0) / (12.0 * n);
        assert!((apart.statistic() / expected - 1.0).abs() < 1e-12);
        assert_eq!(apart.p_value(), 0.0);
    }
}
