//! The p-value of predictions of several folds, by permutation where that matters.
//!
//! The rows of a fold are predicted by a model that the rows of the other folds have trained, and those the other way
//! round, so predictions of different folds depend on each other. A test that takes them as independent does not keep its
//! level (docs/calibration.md). Which rows share a fold, and how many of them are of the window, says nothing of their
//! values. So without drift all ways to share out the rows of each fold among its places are as likely as the one
//! observed, and everything is trained and predicted anew for some of them.
//!
//! That is many trainings. They are spent where they can change the verdict alone: near the level. A p-value of independent
//! predictions that is [`ABOVE`] times the level or more, or [`BELOW`] times it or less, stands.
//!
//! **Cost**: next to nothing far from the level; near it, up to `n_permutations` times that of the test, and less where the
//! verdict is clear earlier. Memory O(n d).
//!
//! **Source**: Ojala & Garriga, *Permutation tests for studying classifier performance*, JMLR 11 (2010); for the early end,
//! Besag & Clifford, *Sequential Monte Carlo p-values*, Biometrika 78 (1991).

use rand::seq::SliceRandom;

use super::HeldOut;
use super::folds::Split;
use super::pooled::Pooled;
use crate::statistics::draws::stream;

/// Independent predictions are thought too little of by less than this factor.
const ABOVE: f64 = 4.0;
/// Or too much.
const BELOW: f64 = 0.01;
/// What differs by less is equal but for rounding.
const ROUNDING: f64 = 1e-12;
/// The first of the streams that permute, apart from those of splits and models.
const STREAM: u64 = 1 << 62;

/// How the folds are permuted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FoldPermutations {
    /// The significance level that is kept, above 0 and below 1.
    pub level: f64,
    /// Permutations at the most, at least 1 / level; none to take predictions as independent.
    pub n_permutations: usize,
}

/// How far apart the predictions of reference and window are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Separation {
    /// The statistic. It takes few values, so many permutations have the same.
    pub(crate) distance: f64,
    /// By how much the mean probability of the window's rows is larger: what tells those apart.
    pub(crate) gap: f64,
}

impl Separation {
    pub(crate) fn of(distance: f64, reference: &HeldOut, window: &HeldOut) -> Self {
        let mean = |of: &HeldOut| of.probabilities.iter().sum::<f64>() / of.probabilities.len().max(1) as f64;
        Self { distance, gap: mean(window) - mean(reference) }
    }

    fn is_as_far_as(self, other: Self) -> bool {
        let further = self.distance - other.distance;
        further > ROUNDING || (further >= -ROUNDING && self.gap >= other.gap - ROUNDING)
    }
}

impl FoldPermutations {
    /// The p-value of what was `found` for these splits, where independent predictions would have the given one; `again`
    /// tests other rows in their place. `Ok(None)` where `again` says so.
    pub(crate) fn p_value<E>(
        self,
        independent: f64,
        found: Separation,
        pooled: &Pooled<'_>,
        splits: &[Split],
        seed: u64,
        mut again: impl FnMut(&Pooled<'_>) -> Result<Option<Separation>, E>,
    ) -> Result<Option<f64>, E> {
        let near = BELOW * self.level..ABOVE * self.level;
        // The predictions of one split are independent of what has trained its model.
        if splits.len() < 2 || self.n_permutations == 0 || !near.contains(&independent) {
            return Ok(Some(independent));
        }
        let places: Vec<usize> = splits.iter().flat_map(|split| split.held_out.iter().copied()).collect();
        let n_too_many = self.count_without_drift();
        let mut n_as_far = 0;
        for permutation in 1..=self.n_permutations {
            let mut generator = stream(seed, STREAM + permutation as u64);
            let mut takes = vec![0; pooled.n_rows()];
            let mut rest = places.as_slice();
            for split in splits {
                let (of_fold, others) = rest.split_at(split.held_out.len());
                let mut shuffled = of_fold.to_vec();
                shuffled.shuffle(&mut generator);
                for (place, row) in of_fold.iter().zip(shuffled) {
                    takes[*place] = row;
                }
                rest = others;
            }
            let rows: Vec<f64> = takes.iter().flat_map(|row| pooled.row(*row)).copied().collect();
            let (reference, window) = rows.split_at(pooled.n_reference() * pooled.n_columns());
            let Some(permuted) = again(&Pooled::new(reference, window, pooled.n_columns()))? else { return Ok(None) };
            n_as_far += usize::from(permuted.is_as_far_as(found));
            if n_as_far == n_too_many {
                return Ok(Some(n_as_far as f64 / permutation as f64));
            }
        }
        Ok(Some(share(n_as_far, self.n_permutations)))
    }

    /// So many permutations as far apart as what was observed are no drift.
    fn count_without_drift(self) -> usize {
        let n = self.n_permutations;
        (1..=n).find(|count| share(*count, n) >= self.level).unwrap_or(n + 1)
    }
}

/// What was observed counts as a permutation too.
fn share(count: usize, n_permutations: usize) -> f64 {
    (1.0 + count as f64) / (1.0 + n_permutations as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(held_out: &[usize], n: usize) -> Split {
        let train = (0..n).filter(|row| !held_out.contains(row)).collect();
        Split { train, held_out: held_out.to_vec() }
    }

    /// The p-value where the permutations have these distances, one after the other, and how many were tried.
    fn tried(p_value: f64, n_permutations: usize, distances: impl Fn(usize) -> f64) -> (f64, usize) {
        let rows: Vec<f64> = (0..8).map(f64::from).collect();
        let pooled = Pooled::new(&rows[..4], &rows[4..], 1);
        let splits = [split(&[0, 2, 4, 7], 8), split(&[1, 3, 5, 6], 8)];
        let mut n = 0;
        let found = Separation { distance: 0.5, gap: 0.1 };
        let permutations = FoldPermutations { level: 0.05, n_permutations };
        let p_value = permutations.p_value(p_value, found, &pooled, &splits, 7, |permuted| {
            for split in &splits {
                let mut rows: Vec<f64> = split.held_out.iter().map(|row| permuted.row(*row)[0]).collect();
                rows.sort_unstable_by(f64::total_cmp);
                let expected: Vec<f64> = split.held_out.iter().map(|row| *row as f64).collect();
                assert_eq!(rows, expected, "rows stay in their fold");
            }
            n += 1;
            Ok::<_, ()>(Some(Separation { distance: distances(n), gap: 0.1 }))
        });
        (p_value.unwrap().unwrap(), n)
    }

    #[test]
    fn only_near_the_level_something_is_permuted() {
        assert_eq!(tried(0.21, 100, |_| 1.0), (0.21, 0));
        assert_eq!(tried(0.0004, 100, |_| 1.0), (0.0004, 0));
        assert_eq!(tried(0.04, 0, |_| 1.0), (0.04, 0));
        assert_eq!(tried(0.19, 100, |_| 0.0), (1.0 / 101.0, 100));
    }

    #[test]
    fn permutations_end_when_the_verdict_is_clear() {
        assert_eq!(tried(0.04, 100, |_| 0.5), (1.0, 5));
        assert_eq!(tried(0.04, 100, |n| if n % 10 == 0 { 0.6 } else { 0.1 }), (0.1, 50));
        // Four of a hundred are drift at 0.05, a fifth is none.
        assert_eq!(tried(0.04, 100, |n| if n > 96 { 0.6 } else { 0.1 }), (5.0 / 101.0, 100));
        assert_eq!(tried(0.04, 100, |n| if n > 95 { 0.6 } else { 0.1 }), (0.05, 100));
        assert_eq!(tried(0.04, 20, |n| if n > 19 { 0.6 } else { 0.1 }), (0.05, 20));
        // At a level that no count reaches all are tried.
        let generous = FoldPermutations { level: 0.99, n_permutations: 6 };
        assert_eq!(generous.count_without_drift(), 6, "7 of 7 are 1");
    }

    #[test]
    fn of_equal_distances_the_gap_decides() {
        let found = Separation { distance: 0.5, gap: 0.1 };
        for (distance, gap, is_as_far) in [
            (0.5, 0.1, true),
            (0.5 - 1e-15, 0.1, true),
            (0.5, 0.09, false),
            (0.5, 0.2, true),
            (0.6, 0.0, true),
            (0.4, 1.0, false),
        ] {
            assert_eq!(Separation { distance, gap }.is_as_far_as(found), is_as_far, "{distance} {gap}");
        }
    }

    #[test]
    fn one_split_needs_no_permutations() {
        let rows = [0.0, 1.0, 2.0, 3.0];
        let pooled = Pooled::new(&rows[..2], &rows[2..], 1);
        let found = Separation { distance: 1.0, gap: 0.1 };
        let permutations = FoldPermutations { level: 0.05, n_permutations: 100 };
        let never = |_: &Pooled<'_>| -> Result<_, ()> { panic!("nothing is permuted") };
        assert_eq!(permutations.p_value(0.04, found, &pooled, &[split(&[1, 3], 4)], 0, never), Ok(Some(0.04)));
    }
}
