//! The maximum mean discrepancy of one column of numbers, as Evidently 0.7 has it (its `empirical_mmd`).
//!
//! The unbiased estimate of the squared discrepancy under the kernel `exp(-d² / (2 σ²))`. `σ²` is half the median of the squared distances
//! of all pairs of the reference, those of a value with itself included, and 1/2 where that is 0. The p-value is the share of 100
//! relabellings that are at least as far apart; they have a seed here.
//!
//! **Cost**: O((n + m)²), memory of some 20 bytes a value.

use super::super::mmd::{MmdBandwidth, MmdReference};
use crate::ports::{CpuPool, Silent};
use crate::statistics::kernel::usable_bandwidth;
use crate::statistics::permutation::{PValueRule, PermutationSpec, PermutationTest};
use crate::statistics::sorted_sample::SortedSample;

/// Relabellings.
const N_PERMUTATIONS: usize = 100;
/// The level of the library, which the test itself does not need.
const LEVEL: f64 = 0.1;
/// `σ²` where the median distance is 0.
const VARIANCE_OF_EQUAL: f64 = 0.5;

/// The test of two samples; none of a single value on a side, or of distances that are no numbers.
pub(super) fn empirical_mmd(
    reference: &SortedSample,
    window: &SortedSample,
    seed: u64,
    pool: &dyn CpuPool,
) -> Option<PermutationTest> {
    if reference.n_values().min(window.n_values()) < 2 {
        return None;
    }
    let median = median_squared_distance(reference.values());
    let variance = if median > 0.0 { median / 2.0 } else { VARIANCE_OF_EQUAL };
    let bandwidth = MmdBandwidth::Given(vec![usable_bandwidth(Some(variance.sqrt())).ok()?]);
    let spec = PermutationSpec { n_permutations: N_PERMUTATIONS, level: LEVEL, rule: PValueRule::Library, seed };
    let fitted = MmdReference::fit(reference.values(), 1, bandwidth, pool, &Silent).ok()?;
    fitted.test(window.values(), &spec, pool, &Silent).ok()
}

/// About how many nanoseconds it takes, of so many values together.
pub(super) fn cost_ns(n_values: usize) -> usize {
    n_values.saturating_mul(n_values).saturating_mul((9 + N_PERMUTATIONS / 8) / 4)
}

/// The median of the squared distances of all ordered pairs of ascending values, the upper one of two. Time O(n), some 60 times.
fn median_squared_distance(values: &[f64]) -> f64 {
    let n = values.len() as u64;
    let squared = |from: f64, to: f64| (to - from) * (to - from);
    let is_at_least_half = |limit: f64| {
        let mut end = 0;
        let mut n_pairs = 0;
        for (start, from) in values.iter().enumerate() {
            while end < values.len() && squared(*from, values[end]) <= limit {
                end += 1;
            }
            n_pairs += (end - start - 1) as u64;
        }
        // Each pair of different places stands there twice.
        n + 2 * n_pairs > n * n / 2
    };
    let (mut below, mut above) = (0, squared(values[0], values[values.len() - 1]).to_bits());
    while below < above {
        let middle = below + (above - below) / 2;
        if is_at_least_half(f64::from_bits(middle)) {
            above = middle;
        } else {
            below = middle + 1;
        }
    }
    f64::from_bits(below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::draws::stream;
    use rand::RngExt;

    #[test]
    fn the_median_is_the_one_of_all_pairs() {
        let mut generator = stream(1, 2);
        for n in 1..30 {
            let mut values: Vec<f64> = (0..n).map(|_| f64::from(generator.random_range(0..40_u32)) / 8.0).collect();
            values.sort_by(f64::total_cmp);
            let mut all: Vec<f64> = values.iter().flat_map(|a| values.iter().map(move |b| (a - b).powi(2))).collect();
            all.sort_by(f64::total_cmp);
            assert_eq!(median_squared_distance(&values), all[n * n / 2], "{values:?}");
        }
    }
}
