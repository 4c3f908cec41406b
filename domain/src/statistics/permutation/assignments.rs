//! Which of two samples each row belongs to, as observed and in every permutation.

use crate::statistics::draws::{DistinctDraws, stream};
use crate::statistics::kernel::BLOCK;

/// Assignments of pooled rows to a first and a second sample. The first two are not permutations: [`Self::ALL`] has every
/// row in the first sample, [`Self::OBSERVED`] the rows that came first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Assignments {
    n_first: usize,
    n_second: usize,
    len: usize,
    /// By block of [`BLOCK`] rows, then by assignment: a bit for each row, set in the first sample.
    words: Vec<u64>,
}

impl Assignments {
    /// Every row is in the first sample.
    pub(crate) const ALL: usize = 0;
    /// As observed.
    pub(crate) const OBSERVED: usize = 1;
    /// The first permutation.
    pub(crate) const PERMUTED: usize = 2;

    fn observed(n_first: usize, n_second: usize, n_permutations: usize) -> Self {
        let (n_rows, len) = (n_first + n_second, n_permutations + Self::PERMUTED);
        let words = vec![0; n_rows.div_ceil(BLOCK) * len];
        let mut assignments = Self { n_first, n_second, len, words };
        for row in 0..n_rows {
            assignments.flip(row, Self::ALL);
            if row < n_first {
                assignments.flip(row, Self::OBSERVED);
            }
        }
        assignments
    }

    fn flip(&mut self, row: usize, assignment: usize) {
        self.words[row / BLOCK * self.len + assignment] ^= 1 << (row % BLOCK);
    }

    /// Permutations drawn at random, each from a stream of its own. Time O(P (n + m)), memory of a bit for each row and
    /// permutation.
    pub(crate) fn seeded(n_first: usize, n_second: usize, n_permutations: usize, seed: u64) -> Self {
        let mut assignments = Self::observed(n_first, n_second, n_permutations);
        let n_rows = n_first + n_second;
        let mut draws = DistinctDraws::new(n_rows);
        let mut rows = vec![0; n_first.min(n_second)];
        for permutation in 0..n_permutations {
            draws.fill(n_rows, &mut rows, &mut stream(seed, permutation as u64));
            let assignment = permutation + Self::PERMUTED;
            // The smaller sample is drawn; when that is the second one, all other rows are in the first.
            if n_first > n_second {
                for words in assignments.words.chunks_exact_mut(assignments.len) {
                    words[assignment] = words[Self::ALL];
                }
            }
            for row in &rows {
                assignments.flip(*row, assignment);
            }
        }
        assignments
    }

    /// Permutations that were drawn elsewhere: orders of all rows, of which the first `n_first` are the first sample.
    #[cfg(test)]
    pub(crate) fn of_orders(n_first: usize, n_second: usize, orders: &[Vec<usize>]) -> Self {
        let mut assignments = Self::observed(n_first, n_second, orders.len());
        for (permutation, order) in orders.iter().enumerate() {
            for row in &order[..n_first] {
                assignments.flip(*row, permutation + Self::PERMUTED);
            }
        }
        assignments
    }

    /// Size of the first sample.
    pub(crate) fn n_first(&self) -> usize {
        self.n_first
    }

    /// Size of the second sample.
    pub(crate) fn n_second(&self) -> usize {
        self.n_second
    }

    /// How many there are, the two included that are not permutations.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many blocks of rows there are.
    pub(crate) fn n_blocks(&self) -> usize {
        self.words.len() / self.len
    }

    /// Of each assignment, the rows of a block that are in the first sample.
    pub(crate) fn of_block(&self, block: usize) -> &[u64] {
        &self.words[block * self.len..(block + 1) * self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_sample(assignments: &Assignments, assignment: usize) -> Vec<usize> {
        (0..assignments.n_blocks() * BLOCK)
            .filter(|row| assignments.of_block(row / BLOCK)[assignment] >> (row % BLOCK) & 1 == 1)
            .collect()
    }

    #[test]
    fn permutations_differ_and_keep_the_sizes() {
        for (n, m) in [(3, 150), (150, 3), (64, 64)] {
            let assignments = Assignments::seeded(n, m, 50, 1);
            assert_eq!(first_sample(&assignments, Assignments::ALL), (0..n + m).collect::<Vec<_>>());
            assert_eq!(first_sample(&assignments, Assignments::OBSERVED), (0..n).collect::<Vec<_>>());
            let mut permuted: Vec<Vec<usize>> =
                (Assignments::PERMUTED..assignments.len()).map(|index| first_sample(&assignments, index)).collect();
            assert!(permuted.iter().all(|rows| rows.len() == n && rows.iter().all(|row| *row < n + m)));
            // Every row has been in either sample.
            let counts = (0..n + m).map(|row| permuted.iter().filter(|rows| rows.contains(&row)).count());
            assert!(n < 10 || m < 10 || counts.clone().all(|count| (1..50).contains(&count)));
            permuted.sort();
            permuted.dedup();
            assert_eq!(permuted.len(), 50);
            assert_eq!(Assignments::seeded(n, m, 50, 1), assignments);
            assert_ne!(Assignments::seeded(n, m, 50, 2), assignments);
        }
    }

    #[test]
    fn orders_put_their_first_rows_into_the_first_sample() {
        let assignments = Assignments::of_orders(2, 2, &[vec![3, 1, 0, 2], vec![0, 1, 2, 3]]);
        assert_eq!(first_sample(&assignments, 2), [1, 3]);
        assert_eq!(first_sample(&assignments, 3), [0, 1]);
    }
}
