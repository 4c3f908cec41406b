//! Sums of vectors over the first sample, for all assignments at once.
//!
//! The vectors of four rows have sixteen sums. They are tabulated, so an assignment takes one addition for four rows
//! instead of four multiplications and additions, and what an assignment says is an index into a table that stays in the
//! fastest memory.
//!
//! **Source**: Arlazarov, Dinic, Kronrod & Faradžev, *On economical construction of the transitive closure of a directed
//! graph* (1970), the method of the four Russians.

use multiversion::multiversion;

use crate::statistics::kernel::BLOCK;

/// Numbers that are summed side by side: one or some vector registers.
pub(crate) const LANES: usize = 8;
/// Rows that share a table.
const GROUP: usize = 4;
/// Sums of the rows of a group.
const SUBSETS: usize = 1 << GROUP;
const GROUPS: usize = BLOCK / GROUP;

/// The sum of each assignment.
#[derive(Debug)]
pub(crate) struct AssignedSums {
    n_assignments: usize,
    /// By chunk of [`LANES`] numbers, then by assignment.
    sums: Vec<f64>,
}

impl AssignedSums {
    /// Zeros, for vectors whose `width` is a multiple of [`LANES`].
    pub(crate) fn new(width: usize, n_assignments: usize) -> Self {
        debug_assert_eq!(width % LANES, 0);
        Self { n_assignments, sums: vec![0.0; width * n_assignments] }
    }

    /// Adds, to the sum of each assignment, the vectors of a block of rows that are in the first sample. `vectors` are
    /// the [`BLOCK`] vectors, row-major, and `assigned` has a word for each assignment. Vectors of rows that do not
    /// exist must be zeros. Time O(width (BLOCK + P) / 4).
    pub(crate) fn add_block(&mut self, vectors: &[f64], assigned: &[u64]) {
        debug_assert_eq!(assigned.len(), self.n_assignments);
        add_block(vectors, assigned, &mut self.sums);
    }

    /// The sum of an assignment.
    pub(crate) fn of(&self, assignment: usize) -> impl Iterator<Item = f64> {
        self.sums
            .chunks_exact(LANES * self.n_assignments)
            .flat_map(move |chunk| chunk[assignment * LANES..(assignment + 1) * LANES].iter().copied())
    }

    /// Adds other sums of the same vectors over other rows.
    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, other) in self.sums.iter_mut().zip(&other.sums) {
            *sum += other;
        }
    }
}

// Wider vector instructions where the processor has them, with the same operations in the same order.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
fn add_block(vectors: &[f64], assigned: &[u64], sums: &mut [f64]) {
    let width = vectors.len() / BLOCK;
    let mut tables = [[0.0; LANES]; GROUPS * SUBSETS];
    for (chunk, sums) in sums.chunks_exact_mut(LANES * assigned.len()).enumerate() {
        for (group, table) in tables.chunks_exact_mut(SUBSETS).enumerate() {
            for row in 0..GROUP {
                let vector = &vectors[(group * GROUP + row) * width + chunk * LANES..][..LANES];
                let (without, with) = table[..2 << row].split_at_mut(1 << row);
                for (without, with) in without.iter().zip(with) {
                    for ((with, without), value) in with.iter_mut().zip(without).zip(vector) {
                        *with = without + value;
                    }
                }
            }
        }
        for (word, sum) in assigned.iter().zip(sums.chunks_exact_mut(LANES)) {
            let mut total = [0.0; LANES];
            total.copy_from_slice(sum);
            let mut rest = *word;
            for group in 0..GROUPS {
                #[expect(clippy::cast_possible_truncation, reason = "below SUBSETS")]
                let subset = rest as usize % SUBSETS;
                let subset = &tables[group * SUBSETS + subset];
                for (total, value) in total.iter_mut().zip(subset) {
                    *total += value;
                }
                rest >>= GROUP;
            }
            sum.copy_from_slice(&total);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::statistics::draws::stream;

    #[test]
    fn tabulated_sums_are_the_sums() {
        let (width, n_assignments) = (2 * LANES, 11);
        let mut generator = stream(1, 1);
        let mut sums = AssignedSums::new(width, n_assignments);
        let mut expected = vec![vec![0.0; width]; n_assignments];
        for _ in 0..3 {
            let vectors: Vec<f64> = (0..BLOCK * width).map(|_| generator.random()).collect();
            let assigned: Vec<u64> = (0..n_assignments).map(|_| generator.random()).collect();
            sums.add_block(&vectors, &assigned);
            for (word, expected) in assigned.iter().zip(&mut expected) {
                for (row, vector) in vectors.chunks_exact(width).enumerate().filter(|(row, _)| word >> row & 1 == 1) {
                    debug_assert!(row < BLOCK);
                    expected.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
                }
            }
        }
        for (assignment, expected) in expected.iter().enumerate() {
            for (sum, expected) in sums.of(assignment).zip(expected) {
                assert!((sum - expected).abs() < 1e-10, "{assignment}");
            }
            assert_eq!(sums.of(assignment).count(), width);
        }
    }
}
