//! The statistic of every assignment of the pooled rows to two samples, from one pass over their kernels.
//!
//! Each pair of rows stands in one tile of the kernel matrix, which is computed once and summed for all assignments at
//! once. Of a row, the kernels with the later rows of the first sample and with all later rows are enough: pairs within
//! the second sample and between both follow.

use crate::ports::{CpuPool, Progress};
use crate::statistics::kernel::{BLOCK, GaussianKernel, Points};
use crate::statistics::parallel::run_tasks;
use crate::statistics::permutation::{AssignedSums, Assignments};

/// Sums over the pairs of an assignment.
#[derive(Debug, Clone, Copy, Default)]
struct PairSums {
    within_first: f64,
    within_second: f64,
}

/// The unbiased squared discrepancy of every assignment; meaningless for [`Assignments::ALL`]. Both samples have at least
/// two rows. Time O(n^2 (d + P / 8)) for `n` pooled rows, memory O(n (d + P)). `None` when cancelled.
pub(super) fn statistics(
    kernel: &GaussianKernel,
    pooled: &Points,
    assignments: &Assignments,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Option<Vec<f64>> {
    let strips = run_tasks(assignments.n_blocks(), pool, progress, &|strip| pairs(kernel, pooled, assignments, strip))?;
    let mut sums = vec![PairSums::default(); assignments.len()];
    for strip in &strips {
        for (sums, strip) in sums.iter_mut().zip(strip) {
            sums.within_first += strip.within_first;
            sums.within_second += strip.within_second;
        }
    }
    let all = sums[Assignments::ALL].within_first;
    let (n, m) = (assignments.n_first() as f64, assignments.n_second() as f64);
    let statistic = |sums: &PairSums| {
        let between = all - sums.within_first - sums.within_second;
        2.0 * (sums.within_first / (n * (n - 1.0)) + sums.within_second / (m * (m - 1.0)) - between / (n * m))
    };
    Some(sums.iter().map(statistic).collect())
}

/// The pairs of a row of one block with any later row.
fn pairs(kernel: &GaussianKernel, pooled: &Points, assignments: &Assignments, strip: usize) -> Vec<PairSums> {
    let mut sums = AssignedSums::new(BLOCK, assignments.len());
    // The kernels of each row of a later block with those of the strip.
    let mut tile = vec![0.0; BLOCK * BLOCK];
    let mut x = vec![0.0; pooled.n_columns()];
    for block in strip..assignments.n_blocks() {
        for (within, kernels) in tile.chunks_exact_mut(BLOCK).enumerate() {
            let row = block * BLOCK + within;
            if row < pooled.n_rows() {
                pooled.copy_row(row, &mut x);
                kernel.with_rows(&x, pooled, strip * BLOCK, kernels);
            } else {
                kernels.fill(0.0);
            }
            if block == strip {
                kernels[within..].fill(0.0);
            }
        }
        sums.add_block(&tile, assignments.of_block(block));
    }
    let assigned = assignments.of_block(strip);
    let all: Vec<f64> = sums.of(Assignments::ALL).collect();
    let pairs = |(assignment, first): (usize, &u64)| {
        let second = assigned[Assignments::ALL] & !first;
        let mut pairs = PairSums::default();
        for ((row, with_first), all) in sums.of(assignment).enumerate().zip(&all) {
            pairs.within_first += if first >> row & 1 == 1 { with_first } else { 0.0 };
            pairs.within_second += if second >> row & 1 == 1 { all - with_first } else { 0.0 };
        }
        pairs
    };
    assigned.iter().enumerate().map(pairs).collect()
}
