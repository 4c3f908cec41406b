//! Permutation tests of whether two samples have one law.
//!
//! Without a difference every assignment of the pooled rows to the two samples is as likely as the one observed. So the
//! p-value is the share of assignments whose statistic is at least as large.
//!
//! **Source**: Phipson & Smyth, *Permutation P-values should never be zero*, Statistical Applications in Genetics and
//! Molecular Biology (2010).

mod assignments;
mod sums;

use serde::{Deserialize, Serialize};

pub(crate) use self::assignments::Assignments;
pub(crate) use self::sums::{AssignedSums, LANES};

/// How a p-value is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PValueRule {
    /// What was observed counts as a permutation too: `(1 + count) / (1 + P)`. Never 0, and the test keeps its level.
    #[default]
    Corrected,
    /// `count / P`, as in the reference library: 0 when no permutation comes near, and a little too often small.
    Library,
}

/// The parameters of a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PermutationSpec {
    /// Number of permutations, `P`; at least [`Self::n_permutations_min`].
    pub n_permutations: usize,
    /// Significance level, above 0 and below 1: there is drift when the p-value is below it.
    pub level: f64,
    /// How the p-value is counted.
    pub rule: PValueRule,
    /// Seed of the permutations.
    pub seed: u64,
}

impl PermutationSpec {
    /// With fewer permutations no p-value is below the level.
    pub fn n_permutations_min(&self) -> usize {
        match self.rule {
            PValueRule::Corrected => {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a huge one stays huge")]
                let n = (1.0 / self.level) as usize;
                if corrected(0, n) < self.level { n } else { n.saturating_add(1) }
            }
            PValueRule::Library => 1,
        }
    }
}

/// The outcome of a test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PermutationTest {
    /// The statistic of the two samples.
    pub distance: f64,
    /// The share of permutations with at least this statistic, between 0 and 1.
    pub p_value: f64,
    /// What the distance is compared with. Counted as [`PValueRule::Corrected`], a larger distance is drift and no other;
    /// as [`PValueRule::Library`], the order statistic that the reference library reports.
    pub distance_threshold: f64,
}

impl PermutationTest {
    /// From the observed statistic and those of the permutations, at least [`PermutationSpec::n_permutations_min`].
    /// `rounding` is by how much statistics may differ that are equal but for rounding: they count as equal.
    pub(crate) fn of(distance: f64, mut permuted: Vec<f64>, rounding: f64, level: f64, rule: PValueRule) -> Self {
        let n = permuted.len();
        let count = permuted.iter().filter(|permuted| **permuted >= distance - rounding).count();
        permuted.sort_unstable_by(|a, b| b.total_cmp(a));
        let (p_value, rank) = match rule {
            PValueRule::Corrected => {
                // The first count that is no drift any more.
                let rank = (0..n).find(|count| corrected(count + 1, n) >= level);
                (corrected(count, n), rank.unwrap_or(n - 1))
            }
            PValueRule::Library => {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and n")]
                let rank = (level * n as f64) as usize;
                (count as f64 / n as f64, rank.min(n - 1))
            }
        };
        Self { distance, p_value, distance_threshold: permuted[rank] }
    }
}

fn corrected(count: usize, n_permutations: usize) -> f64 {
    (1.0 + count as f64) / (1.0 + n_permutations as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(level: f64, rule: PValueRule) -> PermutationSpec {
        PermutationSpec { n_permutations: 100, level, rule, seed: 0 }
    }

    #[test]
    fn a_distance_above_the_threshold_is_drift_and_no_other() {
        let permuted: Vec<f64> = (0..100).map(|value| f64::from((value * 37) % 100)).collect();
        for level in [0.01, 0.05, 0.0999, 0.5, 0.99] {
            for distance in 0..101 {
                let distance = f64::from(distance) - 0.5;
                let test = PermutationTest::of(distance, permuted.clone(), 1e-9, level, PValueRule::Corrected);
                assert_eq!(test.p_value < level, distance > test.distance_threshold, "{level} {distance} {test:?}");
            }
        }
    }

    #[test]
    fn the_library_counts_no_observation() {
        let permuted: Vec<f64> = (1..=20).map(f64::from).collect();
        let test = PermutationTest::of(19.0, permuted.clone(), 0.0, 0.05, PValueRule::Library);
        assert_eq!(test, PermutationTest { distance: 19.0, p_value: 0.1, distance_threshold: 19.0 });
        let test = PermutationTest::of(21.0, permuted, 0.0, 0.05, PValueRule::Library);
        assert_eq!(test.p_value, 0.0);
    }

    #[test]
    fn equal_statistics_count_however_they_were_rounded() {
        let test = PermutationTest::of(1.0, vec![1.0 - 1e-13, 0.5, 2.0], 1e-12, 0.5, PValueRule::Corrected);
        assert_eq!(test.p_value, 0.75);
    }

    #[test]
    fn the_least_number_of_permutations_reaches_the_level() {
        assert_eq!(spec(0.05, PValueRule::Corrected).n_permutations_min(), 20);
        assert_eq!(spec(0.01, PValueRule::Corrected).n_permutations_min(), 100);
        assert_eq!(spec(0.9, PValueRule::Corrected).n_permutations_min(), 1);
        assert_eq!(spec(0.01, PValueRule::Library).n_permutations_min(), 1);
    }
}
