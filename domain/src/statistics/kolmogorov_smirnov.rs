//! The two-sample Kolmogorov-Smirnov test: how far apart are the distribution functions of reference and window?
//!
//! With the empirical distribution functions `F` of the `n` reference values and `G` of the `m` window values, the
//! distance is the largest `|F - G|`; of one side, the largest `F - G` (the window's values are larger) or `G - F`
//! (smaller). Ties are counted as they are: the functions are compared at values, never inside a group of equal ones.
//!
//! Two p-values: [`p_value_asymptotic`] for samples of any size, which treats the distance like that of one sample of
//! about `n m / (n + m)` values from a known law, and [`p_value_exact`], the share of all orders of the pooled values
//! that are at least as far apart. With ties both are cautious.
//!
//! **Source**: Smirnov, *On the estimation of the discrepancy between empirical curves of distribution for two
//! independent samples* (1939); Hodges, *The significance probability of the Smirnov two-sample test* (1958).

mod lattice_paths;
pub(crate) mod one_sample_law;

use super::alternative::Alternative;
use super::pooled_values::PooledValues;
use super::sorted_sample::SortedSample;

/// A difference of the two distribution functions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gap {
    /// How large it is, from 0 to 1.
    pub size: f64,
    /// The smallest value at which it is that large; the largest value of both samples when there is no gap.
    pub at: f64,
}

/// The largest differences of the two distribution functions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    /// Where the reference's function is above the window's: the window's values are larger.
    pub greater: Gap,
    /// Where it is below: the window's values are smaller.
    pub less: Gap,
}

impl Distance {
    /// The gap that counts for an alternative.
    pub fn of(&self, alternative: Alternative) -> Gap {
        match alternative {
            Alternative::Greater => self.greater,
            Alternative::TwoSided if self.greater.size >= self.less.size => self.greater,
            Alternative::Less | Alternative::TwoSided => self.less,
        }
    }
}

/// The distance of a window from a reference. Time O(n + m), no memory.
pub fn distance(reference: &SortedSample, window: &SortedSample) -> Distance {
    // F - G in units of 1 / (n m): integers, so that equal gaps are equal. They hold samples of three thousand
    // millions.
    let (n, m) = (reference.n_values().cast_signed(), window.n_values().cast_signed());
    let last = |sample: &SortedSample| sample.values().last().copied().unwrap_or(f64::NAN);
    let end = last(reference).max(last(window));
    let (mut highest, mut lowest) = ((0_isize, end), (0_isize, end));
    let mut height = 0;
    for pooled in PooledValues::new(reference, window) {
        height += pooled.reference_equal.cast_signed() * m - pooled.window_equal.cast_signed() * n;
        if height > highest.0 {
            highest = (height, pooled.value);
        }
        if height < lowest.0 {
            lowest = (height, pooled.value);
        }
    }
    let gap = |(height, at): (isize, f64)| Gap { size: height.unsigned_abs() as f64 / (n as f64 * m as f64), at };
    Distance { greater: gap(highest), less: gap(lowest) }
}

/// The p-value of a distance of samples of `n` and `m` values, at least 1 each, from the law of the distance of one
/// sample; none for two samples of one value.
///
/// Two-sided: the law of one sample (Simard & L'Ecuyer 2011) of as many values as `n m / (n + m)` rounds to. One-sided:
/// Smirnov's limit, corrected for finite sizes (Hodges 1958). Time O(1): at most a tenth of a millisecond, but for tens
/// of milliseconds where samples of a hundred thousand values are extraordinarily alike. Up to 140 effective values the
/// law of one sample is exact; above, it is to an absolute error of 4e-6 that falls with the size.
pub fn p_value_asymptotic(distance: f64, n: usize, m: usize, alternative: Alternative) -> Option<f64> {
    let p_value = if alternative == Alternative::TwoSided {
        match effective_size(n, m) {
            0 => return None,
            size => one_sample_law::survival(size, distance),
        }
    } else {
        let (smaller, larger) = (n.min(m) as f64, n.max(m) as f64);
        let z = (smaller * larger / (smaller + larger)).sqrt() * distance;
        let correction = (larger + 2.0 * smaller) / (smaller * larger * (smaller + larger)).sqrt();
        (-2.0 * z * z - 2.0 * z * correction / 3.0).exp()
    };
    Some(p_value.clamp(0.0, 1.0))
}

/// `n m / (n + m)`, rounded to the nearest integer, halves to the even one.
fn effective_size(n: usize, m: usize) -> u64 {
    let (product, sum) = (n as u128 * m as u128, (n + m) as u128);
    let (floor, rest) = (product / sum, product % sum);
    let up = 2 * rest > sum || (2 * rest == sum && floor % 2 == 1);
    u64::try_from(floor + u128::from(up)).unwrap_or(u64::MAX)
}

/// The larger size up to which [`p_value_exact`] is quick enough to be the rule.
pub const EXACT_SIZE_MAX: usize = 10_000;

/// The p-value of a distance of samples of `n` and `m` values, at least 1 each: exact when no two values are equal.
///
/// Relative precision is kept in the far tail, down to 1e-280. Time O((n + m) w), memory O(n), where `w` is the number
/// of places at which a path may be after as many steps: at most `distance (n + m)`, and about eighty times the
/// standard deviation of the place. With ten thousand values each, some milliseconds.
pub fn p_value_exact(distance: f64, n: usize, m: usize, alternative: Alternative) -> f64 {
    lattice_paths::crossing_probability(n, m, distance, alternative, |_| true).clamp(0.0, 1.0)
}

/// The p-value of a distance of these samples, exact whatever values are equal: the share of all ways to share out the
/// values that are at least as far apart. The functions are not compared within a group of equal values.
///
/// Of values that differ, that of [`p_value_exact`]. Time O((n + m) min(n, m)) at the most, memory O(n + m).
///
/// **Source**: Schröer & Trenkler, *Exact and randomization distributions of Kolmogorov-Smirnov tests for two or three
/// samples*, Computational Statistics & Data Analysis 20 (1995).
pub fn p_value_exact_with_ties(
    distance: f64,
    reference: &SortedSample,
    window: &SortedSample,
    alternative: Alternative,
) -> f64 {
    let (n, m) = (reference.n_values(), window.n_values());
    let mut ends = vec![false; n + m + 1];
    ends[0] = true;
    for pooled in PooledValues::new(reference, window) {
        let below = pooled.reference_below + pooled.window_below;
        ends[below + pooled.reference_equal + pooled.window_equal] = true;
    }
    if alternative == Alternative::Less {
        // The probability of going down is that of going up backwards.
        ends.reverse();
    }
    lattice_paths::crossing_probability(n, m, distance, alternative, |n_values| ends[n_values]).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALTERNATIVES: [Alternative; 3] = [Alternative::TwoSided, Alternative::Greater, Alternative::Less];

    fn sample(values: &[f64]) -> SortedSample {
        SortedSample::sort(values.to_vec()).unwrap()
    }

    /// Numbers, some of them equal.
    fn numbers() -> impl Strategy<Value = Vec<f64>> {
        let number = prop_oneof![-3.0..3.0_f64, (-3_i8..3).prop_map(f64::from)];
        prop::collection::vec(number, 1..40)
    }

    /// The share of values at or below a place.
    fn share(values: &[f64], at: f64) -> f64 {
        values.iter().filter(|value| **value <= at).count() as f64 / values.len() as f64
    }

    proptest! {
        #[test]
        fn gaps_are_the_largest_differences_and_stand_where_they_say(reference in numbers(), window in numbers()) {
            let computed = distance(&sample(&reference), &sample(&window));
            let difference = |at: f64| share(&reference, at) - share(&window, at);
            let all: Vec<f64> = reference.iter().chain(&window).map(|at| difference(*at)).collect();
            let highest = all.iter().copied().fold(0.0, f64::max);
            let lowest = all.iter().copied().fold(0.0, f64::min);
            prop_assert!((computed.greater.size - highest).abs() < 1e-12);
            prop_assert!((computed.less.size + lowest).abs() < 1e-12);
            prop_assert!((difference(computed.greater.at) - highest).abs() < 1e-12);
            prop_assert!((difference(computed.less.at) - lowest).abs() < 1e-12);
            let both = computed.of(Alternative::TwoSided).size;
            prop_assert_eq!(both, computed.greater.size.max(computed.less.size));
        }

        #[test]
        fn p_values_are_probabilities_and_either_sample_may_be_the_window(reference in numbers(), window in numbers()) {
            let (n, m) = (reference.len(), window.len());
            let there = distance(&sample(&reference), &sample(&window));
            let back = distance(&sample(&window), &sample(&reference));
            let alternatives =
                [(Alternative::TwoSided, Alternative::TwoSided), (Alternative::Greater, Alternative::Less)];
            for (one, other) in alternatives {
                let (size, same) = (there.of(one).size, back.of(other).size);
                prop_assert_eq!(size, same);
                let exact = p_value_exact(size, n, m, one);
                prop_assert!((0.0..=1.0).contains(&exact));
                prop_assert!((p_value_exact(same, m, n, other) - exact).abs() < 1e-12);
                let asymptotic = p_value_asymptotic(size, n, m, one);
                prop_assert_eq!(asymptotic, p_value_asymptotic(same, m, n, other));
                prop_assert!(asymptotic.is_none_or(|p_value| (0.0..=1.0).contains(&p_value)));
            }
        }

        #[test]
        fn the_order_says_nothing_and_the_same_values_do_not_differ(values in numbers()) {
            let mut reversed = values.clone();
            reversed.reverse();
            let same = distance(&sample(&values), &sample(&reversed));
            prop_assert_eq!((same.greater.size, same.less.size), (0.0, 0.0));
            for alternative in ALTERNATIVES {
                prop_assert_eq!(p_value_exact(0.0, values.len(), values.len(), alternative), 1.0);
                let asymptotic = p_value_asymptotic(0.0, values.len(), values.len(), alternative);
                prop_assert!(asymptotic == Some(1.0) || values.len() == 1);
            }
        }

        #[test]
        fn asymptotic_p_values_are_near_the_exact_ones(
            n in 100_usize..400,
            m in 100_usize..400,
            scaled in 0.3..2.0_f64,
        ) {
            let distance = scaled * ((n + m) as f64 / (n * m) as f64).sqrt();
            // A distance that two such samples can have.
            let distance = (distance * n as f64).round() / n as f64;
            for alternative in ALTERNATIVES {
                let exact = p_value_exact(distance, n, m, alternative);
                let asymptotic = p_value_asymptotic(distance, n, m, alternative).unwrap();
                prop_assert!((exact - asymptotic).abs() < 0.05, "{alternative:?} {exact} {asymptotic}");
            }
        }
    }

    #[test]
    fn of_equal_values_the_p_value_is_the_share_of_all_ways_to_share_them_out() {
        for values in [
            [0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 3.0],
            [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0],
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        ] {
            for n in 1..7_u32 {
                let ways = (0_u32..1 << 7).filter(|way| way.count_ones() == n);
                let samples: Vec<_> = ways
                    .map(|way| {
                        let of = |bit| (0..7).filter(|i| way >> i & 1 == bit).map(|i| values[i]).collect::<Vec<f64>>();
                        (sample(&of(1)), sample(&of(0)))
                    })
                    .collect();
                for alternative in ALTERNATIVES {
                    let size = |(one, other): &(SortedSample, SortedSample)| distance(one, other).of(alternative).size;
                    for pair in &samples {
                        let n_as_far = samples.iter().filter(|other| size(other) >= size(pair) - 1e-12).count();
                        let expected = n_as_far as f64 / samples.len() as f64;
                        let computed = p_value_exact_with_ties(size(pair), &pair.0, &pair.1, alternative);
                        assert!((computed - expected).abs() < 1e-12, "{pair:?} {alternative:?}: {computed} {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn p_values_fall_as_the_distance_grows() {
        for n in [3, 60, 281, 500, 3_000, 100_000, 1_000_000] {
            for alternative in ALTERNATIVES {
                let mut before = 1.0;
                for step in 0..=1_000 {
                    let distance = (f64::from(step) / 1_000.0).powi(2);
                    let p_value = p_value_asymptotic(distance, n, n, alternative).unwrap();
                    // The expansion and the exact formulas meet to 1e-7.
                    assert!(p_value <= before + 1e-7, "{n} {distance}: {p_value} after {before}");
                    before = p_value;
                }
                assert!(before < 1e-5 || n == 3);
            }
        }
    }

    #[test]
    fn sizes_are_rounded_to_even() {
        assert_eq!(
            [(1, 1), (1, 2), (3, 3), (5, 5), (2, 2), (30, 1)].map(|(n, m)| effective_size(n, m)),
            [0, 1, 2, 2, 1, 1]
        );
        assert_eq!(p_value_asymptotic(1.0, 1, 1, Alternative::TwoSided), None);
    }
}
