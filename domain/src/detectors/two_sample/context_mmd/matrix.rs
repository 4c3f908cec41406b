//! The kernels of all pairs of rows, each pair once.

use crate::ports::{CpuPool, Progress};
use crate::statistics::kernel::{BLOCK, GaussianKernel, Points};
use crate::statistics::parallel::run_tasks;

/// Of each row, the kernels with the rows before it, and with itself.
pub(crate) struct KernelMatrix(Vec<Vec<f64>>);

impl KernelMatrix {
    /// Time O(n^2 d), memory of `4 n^2` bytes. `None` when cancelled.
    pub(crate) fn of(
        kernel: &GaussianKernel,
        points: &Points,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Option<Self> {
        let n = points.n_rows();
        let blocks = run_tasks(n.div_ceil(BLOCK), pool, progress, &|block| {
            (block * BLOCK..n.min((block + 1) * BLOCK))
                .map(|row| {
                    let mut kernels = vec![0.0; row + 1];
                    kernel.with_rows(&points.row(row), points, 0, &mut kernels);
                    kernels
                })
                .collect::<Vec<_>>()
        })?;
        Some(Self(blocks.into_iter().flatten().collect()))
    }

    /// Of a row, the kernels with the rows before it and with itself.
    pub(super) fn up_to(&self, row: usize) -> &[f64] {
        &self.0[row]
    }

    /// The kernels of a row with some rows.
    pub(super) fn with(&self, row: usize, others: &[usize]) -> Vec<f64> {
        others.iter().map(|other| self.0[row.max(*other)][row.min(*other)]).collect()
    }
}
