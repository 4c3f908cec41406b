//! Contexts as features whose products are their kernels.

use crate::statistics::cholesky::low_rank;
use crate::statistics::kernel::{GaussianKernel, Points};

/// The features of contexts, of those that are compared and of those held out.
pub(crate) struct Contexts {
    rank: usize,
    /// Row-major.
    features: Vec<f64>,
    held_out: Vec<f64>,
}

/// More features than this are not taken.
const RANK_MAX: usize = 300;
/// By how much the kernel of a context with itself, which is 1, may be off: far less than a regulariser adds to it.
const TOLERANCE: f64 = 1e-9;

impl Contexts {
    /// Time O(n r (d + r)) for `n` contexts and `r` features.
    pub(crate) fn of(kernel: &GaussianKernel, compared: &Points, held_out: &Points) -> Self {
        let all = compared.followed_by(held_out);
        let columns = low_rank(vec![1.0; all.n_rows()], TOLERANCE, RANK_MAX, |pivot, column| {
            kernel.with_rows(&all.row(pivot), &all, 0, column);
        });
        let features_of =
            |rows: std::ops::Range<usize>| rows.flat_map(|row| columns.iter().map(move |column| column[row])).collect();
        Self {
            rank: columns.len(),
            features: features_of(0..compared.n_rows()),
            held_out: features_of(compared.n_rows()..all.n_rows()),
        }
    }

    /// Number of features.
    pub(super) fn rank(&self) -> usize {
        self.rank
    }

    /// The features of the contexts that are compared, row-major.
    pub(super) fn features(&self) -> &[f64] {
        &self.features
    }

    /// The features of one of them.
    pub(super) fn of_row(&self, row: usize) -> &[f64] {
        &self.features[row * self.rank..(row + 1) * self.rank]
    }

    /// The features of some of them, row-major.
    pub(super) fn of_rows(&self, rows: &[usize]) -> Vec<f64> {
        rows.iter().flat_map(|row| self.of_row(*row)).copied().collect()
    }

    /// The features of the contexts held out, row-major.
    pub(super) fn held_out(&self) -> &[f64] {
        &self.held_out
    }
}
