//! The discrepancy of two samples given a context, at the contexts held out.
//!
//! With features `G` of the contexts of a sample of `n` rows, its law at a context with features `t` is estimated by the
//! weights `G (G'G + n lambda)^-1 t` of its rows. The mean squared discrepancy over contexts `t` needs only the mean of
//! `t t'`, so the contexts held out are replaced by at most as many vectors as there are features, with the same mean of
//! products. Each row then has one weight a vector, negative in the window, and the statistic is the sum over all pairs of
//! rows of their kernel times the product of their weights.

use super::contexts::Contexts;
use super::matrix::KernelMatrix;
use super::regularizer::regularized;
use crate::statistics::cholesky::{add_weighted_rows, low_rank, weighted_gram};
use crate::statistics::inner_product::dot;

/// Which sample a row is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    /// The reference.
    Reference,
    /// The window.
    Window,
}

impl Label {
    pub(super) const ALL: [Self; 2] = [Self::Reference, Self::Window];

    pub(crate) fn of(is_window: bool) -> Self {
        if is_window { Self::Window } else { Self::Reference }
    }
}

/// What stays the same under all labels.
pub(crate) struct Conditional<'s> {
    kernels: &'s KernelMatrix,
    contexts: &'s Contexts,
    /// Of the reference and of the window.
    lambdas: [f64; 2],
    /// The sum of products of features over all rows.
    gram: Vec<f64>,
    /// In place of the contexts held out.
    targets: Vec<Vec<f64>>,
}

/// Of the weights of each row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weights {
    width: usize,
    /// Row-major, negative in the window.
    values: Vec<f64>,
}

impl Weights {
    fn of_row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..(row + 1) * self.width]
    }
}

/// Numbers of a vector.
const LANES: usize = 8;
/// By how much the mean of products may be off, against its largest entry.
const TOLERANCE: f64 = 1e-10;

impl<'s> Conditional<'s> {
    pub(crate) fn new(kernels: &'s KernelMatrix, contexts: &'s Contexts, lambdas: [f64; 2]) -> Self {
        let rank = contexts.rank();
        let n_held_out = contexts.held_out().len() / rank;
        let products = weighted_gram(contexts.held_out(), rank, &vec![1.0 / n_held_out as f64; n_held_out]);
        let entry = |i: usize, j: usize| products[i.min(j) * rank + i.max(j)];
        let diagonal: Vec<f64> = (0..rank).map(|i| entry(i, i)).collect();
        let tolerance = TOLERANCE * diagonal.iter().copied().fold(0.0, f64::max);
        let targets = low_rank(diagonal, tolerance, rank.min(n_held_out), |pivot, column| {
            column.iter_mut().enumerate().for_each(|(row, value)| *value = entry(row, pivot));
        });
        let all = vec![1.0; contexts.features().len() / rank];
        let gram = weighted_gram(contexts.features(), rank, &all);
        Self { kernels, contexts, lambdas, gram, targets }
    }

    /// The weights of all rows under these labels; both samples have a row. Time O(n r^2 + r^3) for rank `r`.
    pub(crate) fn weights(&self, labels: &[Label]) -> Weights {
        let rank = self.contexts.rank();
        let is_window: Vec<f64> = labels.iter().map(|label| f64::from(u8::from(*label == Label::Window))).collect();
        let of_window = weighted_gram(self.contexts.features(), rank, &is_window);
        let of_reference = self.gram.iter().zip(&of_window).map(|(all, window)| all - window).collect();
        let n_window = is_window.iter().sum::<f64>();
        let from_reference = self.maps(of_reference, (labels.len() as f64 - n_window) * self.lambdas[0]);
        let from_window = self.maps(of_window, n_window * self.lambdas[1]);
        let width = self.width();
        let mut values = vec![0.0; labels.len() * width];
        for ((row, label), weights) in labels.iter().enumerate().zip(values.chunks_exact_mut(width)) {
            let maps = if *label == Label::Window { &from_window } else { &from_reference };
            add_weighted_rows(self.contexts.of_row(row), maps, weights);
            if *label == Label::Window {
                for weight in weights {
                    *weight = -*weight;
                }
            }
        }
        Weights { width, values }
    }

    /// Weights of a row: one a target, and zeros up to whole vectors.
    fn width(&self) -> usize {
        self.targets.len().next_multiple_of(LANES)
    }

    /// From the features of a row to its weights, a column a target.
    fn maps(&self, gram: Vec<f64>, ridge: f64) -> Vec<f64> {
        let rank = self.contexts.rank();
        let width = self.width();
        let mut maps = vec![0.0; rank * width];
        // The ridge is far above any rounding of the products.
        let Some(system) = regularized(gram, rank, ridge) else { return maps };
        for (column, target) in self.targets.iter().enumerate() {
            let mut solved = target.clone();
            system.solve(&mut solved);
            for (row, value) in solved.iter().enumerate() {
                maps[row * width + column] = *value;
            }
        }
        maps
    }

    /// Time O(n^2 q) for `q` targets.
    pub(crate) fn statistic(&self, weights: &Weights) -> f64 {
        let mut statistic = 0.0;
        let mut sums = vec![0.0; weights.width];
        for row in 0..weights.values.len() / weights.width {
            let kernels = self.kernels.up_to(row);
            let of_row = weights.of_row(row);
            sums.fill(0.0);
            add_weighted_rows(&kernels[..row], &weights.values, &mut sums);
            statistic += 2.0 * dot(of_row, &sums) + kernels[row] * dot(of_row, of_row);
        }
        statistic
    }
}

/// How much each pair of rows counts in the comparison: the mean over the contexts held out of the product of their
/// weights. Kept in O(n q) numbers for `q` contexts or features, whichever are fewer.
#[derive(Debug, Clone, PartialEq)]
pub struct Couplings {
    weights: Weights,
    n_reference: usize,
}

impl Couplings {
    pub(crate) fn new(weights: Weights, n_reference: usize) -> Self {
        Self { weights, n_reference }
    }

    fn products(&self, rows: std::ops::Range<usize>, others: &std::ops::Range<usize>) -> Vec<f64> {
        rows.flat_map(|row| others.clone().map(move |other| dot(self.weights.of_row(row), self.weights.of_row(other))))
            .collect()
    }

    fn n_rows(&self) -> usize {
        self.weights.values.len() / self.weights.width
    }

    /// Of two rows of the reference, of shape `(n, n)`, row-major. Time O(n^2 q).
    pub fn within_reference(&self) -> Vec<f64> {
        self.products(0..self.n_reference, &(0..self.n_reference))
    }

    /// Of two rows of the window that were compared, of shape `(m, m)`.
    pub fn within_window(&self) -> Vec<f64> {
        self.products(self.n_reference..self.n_rows(), &(self.n_reference..self.n_rows()))
    }

    /// Of a row of the reference and one of the window, of shape `(n, m)`.
    pub fn between(&self) -> Vec<f64> {
        let mut products = self.products(0..self.n_reference, &(self.n_reference..self.n_rows()));
        // Weights are negative in the window.
        for product in &mut products {
            *product = -*product;
        }
        products
    }
}
