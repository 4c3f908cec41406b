//! The regulariser of a kernel ridge regression from contexts on the kernels of rows.
//!
//! Of the powers of 1/2, it is the one with the least squared error on rows that the regression has not seen, in five
//! folds. With features `G` of the contexts of the rows that were seen, the weights of a context with features `g` are
//! `g' (G'G + n lambda)^-1 G'`. That is diagonal in the eigenvectors of `G'G`, so after one decomposition a fold, the error
//! of each regulariser follows from matrices of the size of the rank: of `g g'` and of `G' K G`, of `G' k g'`.

use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linalg::traits::evd::EVDDecomposable;

use super::contexts::Contexts;
use super::matrix::KernelMatrix;
use crate::statistics::cholesky::{Cholesky, add_weighted_rows, weighted_gram};
use crate::statistics::inner_product::dot;

/// Parts that take turns in being unseen.
pub(super) const N_FOLDS: usize = 5;
/// The powers of 1/2 from 1 on.
const N_CANDIDATES: i32 = 20;

/// The regulariser for rows in random order; at least [`N_FOLDS`]. Those that make no whole part are always seen.
/// Time O(n^2 r + n r^2 + r^3) for rank `r`, a multiple of it for each fold.
pub(crate) fn choose_lambda(kernels: &KernelMatrix, contexts: &Contexts, order: &[usize]) -> f64 {
    let n_unseen = order.len() / N_FOLDS;
    let candidates: Vec<f64> = (0..N_CANDIDATES).map(|power| 0.5_f64.powi(power)).collect();
    let mut errors = vec![0.0; candidates.len()];
    for fold in 0..N_FOLDS {
        let unseen = fold * n_unseen..(fold + 1) * n_unseen;
        let seen: Vec<usize> = [&order[..unseen.start], &order[unseen.end..]].concat();
        let Some(fold) = Fold::new(kernels, contexts, &seen, &order[unseen]) else { continue };
        for (error, lambda) in errors.iter_mut().zip(&candidates) {
            *error += fold.error(*lambda);
        }
    }
    // The first of the least.
    let best = errors.iter().zip(&candidates).reduce(|best, next| if next.0 < best.0 { next } else { best });
    best.map_or(1.0, |(_, lambda)| *lambda)
}

/// Along the eigenvectors of `G'G`.
struct Fold {
    n_seen: usize,
    eigenvalues: Vec<f64>,
    /// The products of the entries of the sum of `g g'` and of `G' K G`.
    quadratic: Vec<f64>,
    /// The diagonal of the sum of `G' k g'`.
    linear: Vec<f64>,
}

impl Fold {
    /// `None` when the decomposition fails.
    fn new(kernels: &KernelMatrix, contexts: &Contexts, seen: &[usize], unseen: &[usize]) -> Option<Self> {
        let rank = contexts.rank();
        let (features, unseen_features) = (contexts.of_rows(seen), contexts.of_rows(unseen));
        let projected = |row: &usize| {
            let mut sums = vec![0.0; rank];
            add_weighted_rows(&kernels.with(*row, seen), &features, &mut sums);
            sums
        };
        let among_seen = products(&features, rank, seen.iter().map(projected));
        let across = products(&unseen_features, rank, unseen.iter().map(projected));
        let among_unseen = products(&unseen_features, rank, unseen_features.chunks_exact(rank).map(<[f64]>::to_vec));
        let gram = mirrored(weighted_gram(&features, rank, &vec![1.0; seen.len()]), rank);

        let decomposed = DenseMatrix::new(rank, rank, gram, false).ok()?.evd(true).ok()?;
        let vectors: Vec<f64> = (0..rank * rank).map(|entry| *decomposed.V.get((entry / rank, entry % rank))).collect();
        let (among_seen, among_unseen) = (turned(&among_seen, &vectors, rank), turned(&among_unseen, &vectors, rank));
        let across = turned(&across, &vectors, rank);
        Some(Self {
            n_seen: seen.len(),
            // None is negative, but for rounding.
            eigenvalues: decomposed.d.iter().map(|value| value.max(0.0)).collect(),
            quadratic: among_seen.iter().zip(&among_unseen).map(|(seen, unseen)| seen * unseen).collect(),
            linear: across.iter().step_by(rank + 1).copied().collect(),
        })
    }

    /// The squared error over the unseen rows, but for what no regulariser changes.
    fn error(&self, lambda: f64) -> f64 {
        let ridge = self.n_seen as f64 * lambda;
        let shrunk: Vec<f64> = self.eigenvalues.iter().map(|value| 1.0 / (value + ridge)).collect();
        let rows = self.quadratic.chunks_exact(shrunk.len()).zip(&self.linear).zip(&shrunk);
        rows.map(|((quadratic, linear), shrunk_row)| shrunk_row * (dot(quadratic, &shrunk) - 2.0 * linear)).sum()
    }
}

/// The sum over rows of the products of the features of a row and of another vector of as many numbers.
fn products(features: &[f64], rank: usize, others: impl Iterator<Item = Vec<f64>>) -> Vec<f64> {
    let mut sums = vec![0.0; rank * rank];
    for (features, other) in features.chunks_exact(rank).zip(others) {
        for (sums, feature) in sums.chunks_exact_mut(rank).zip(features) {
            for (sum, value) in sums.iter_mut().zip(&other) {
                *sum += feature * value;
            }
        }
    }
    sums
}

/// `V' M V` for vectors that are the columns of `V`.
fn turned(matrix: &[f64], vectors: &[f64], rank: usize) -> Vec<f64> {
    // M V, row by row; then V' of that is the sum of products of rows.
    let half = matrix.chunks_exact(rank).map(|row| {
        let mut sums = vec![0.0; rank];
        add_weighted_rows(row, vectors, &mut sums);
        sums
    });
    products(vectors, rank, half)
}

/// A symmetric matrix from its upper triangle.
fn mirrored(mut matrix: Vec<f64>, n: usize) -> Vec<f64> {
    for row in 0..n {
        for column in 0..row {
            matrix[row * n + column] = matrix[column * n + row];
        }
    }
    matrix
}

/// The system of a ridge regression.
pub(super) fn regularized(mut gram: Vec<f64>, rank: usize, ridge: f64) -> Option<Cholesky> {
    for entry in gram.iter_mut().step_by(rank + 1) {
        *entry += ridge;
    }
    Cholesky::of(gram, rank)
}
