//! Statistics of windows taken out of the reference itself, from the row sums of its kernel matrix.
//!
//! A permutation holds out `2 W - 1` rows in order, through which a window of `W` moves; the other rows are the
//! reference part. With the row sums known, the kernel sums of the reference part follow by subtracting those of the
//! rows held out: O(W^2 d) a permutation, whatever the size of the reference.

use std::ops::Range;

use crate::detectors::online::splits::Splits;
use crate::statistics::kernel::{GaussianKernel, Points, sum};

pub(super) struct Simulation<'r> {
    kernel: &'r GaussianKernel,
    reference: &'r Points,
    row_sums: &'r [f64],
    total: f64,
    window_size: usize,
}

impl<'r> Simulation<'r> {
    pub(super) fn new(
        kernel: &'r GaussianKernel,
        reference: &'r Points,
        row_sums: &'r [f64],
        window_size: usize,
    ) -> Self {
        Self { kernel, reference, row_sums, total: sum(row_sums), window_size }
    }

    /// The statistics of each permutation, by step.
    pub(super) fn run(&self, splits: &dyn Splits, permutations: Range<usize>) -> Vec<Vec<f64>> {
        let mut held_out = vec![0; 2 * self.window_size - 1];
        let mut within_reference = 0.0;
        permutations
            .map(|permutation| {
                splits.permutation(permutation, self.reference.n_rows(), &mut held_out);
                self.statistics(&held_out, &mut within_reference)
            })
            .collect()
    }

    /// The statistic of the window at each of its `W` positions, and the mean kernel within the reference part.
    pub(super) fn statistics(&self, held_out: &[usize], within_reference: &mut f64) -> Vec<f64> {
        let w = self.window_size;
        let n_held_out = held_out.len();
        let rows = self.reference.select(held_out);
        // Kernel sums of each row held out with all the others, with the next and with the last W - 1 ones.
        let mut all = vec![0.0; n_held_out];
        let mut next = vec![0.0; n_held_out];
        let mut last = vec![0.0; n_held_out];
        let mut values = vec![0.0; n_held_out];
        for row in 0..n_held_out {
            let later = &mut values[row + 1..];
            self.kernel.with_rows(&rows.row(row), &rows, row + 1, later);
            all[row] += sum(later);
            for (all, value) in all[row + 1..].iter_mut().zip(&*later) {
                *all += value;
            }
            let near = &later[..(w - 1).min(later.len())];
            next[row] = sum(near);
            for (last, value) in last[row + 1..].iter_mut().zip(near) {
                *last += value;
            }
        }
        let row_sums: Vec<f64> = held_out.iter().map(|row| self.row_sums[*row]).collect();
        let n_reference = (self.reference.n_rows() - n_held_out) as f64;
        *within_reference = (self.total - 2.0 * sum(&row_sums) + sum(&all)) / (n_reference * (n_reference - 1.0));
        let cross: Vec<f64> = row_sums.iter().zip(&all).map(|(row_sum, all)| row_sum - all).collect();

        let size = w as f64;
        let (mut pairs, mut across) = (0.0, 0.0);
        let mut statistics = Vec::with_capacity(w);
        for row in 0..n_held_out {
            if let Some(leaving) = row.checked_sub(w) {
                pairs -= next[leaving];
                across -= cross[leaving];
            }
            pairs += last[row];
            across += cross[row];
            if row + 1 >= w {
                statistics.push(
                    *within_reference + 2.0 * pairs / (size * (size - 1.0)) - 2.0 * across / (n_reference * size),
                );
            }
        }
        statistics
    }
}
