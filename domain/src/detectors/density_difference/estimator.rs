//! The least-squares estimate of the difference of two densities, from kernels at some centres.
//!
//! With `H` the kernels among the centres, `h` the difference of the mean kernels of two samples at the centres, and
//! `R = (H + lambda I)^-1`, the squared difference is `h' (2 R - R H R) h`. All of it is diagonal in the eigenvectors of
//! `H`, so rows are turned into them once, and no matrix is inverted for any `lambda`.
//!
//! **Source**: Sugiyama et al., *Density-difference estimation*, Neural Computation (2013); Bu, Alippi & Zhao, *A pdf-free
//! change detection test based on density difference estimation* (2016).

use multiversion::multiversion;
use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linalg::traits::evd::EVDDecomposable;

use crate::statistics::kernel::{GaussianKernel, Points};

/// Centres and the eigenvectors of their kernels.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::detectors) struct Basis {
    kernel: GaussianKernel,
    centers: Points,
    /// The entries of each centre in all eigenvectors, row-major.
    vectors: Vec<f64>,
}

/// Of the kernels among the centres.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::detectors) struct Eigenvalues(Vec<f64>);

impl Basis {
    /// Decomposes the kernels among the centres. Time O(c^2 d + c^3). `None` when that fails.
    pub(in crate::detectors) fn of(sigma: &[f64], centers: Points) -> Option<(Self, Eigenvalues)> {
        let c = centers.n_rows();
        let wide: Vec<f64> = sigma.iter().map(|sigma| sigma * std::f64::consts::SQRT_2).collect();
        let among = GaussianKernel::new(&wide);
        let mut kernels = vec![0.0; c * c];
        for (row, kernels) in kernels.chunks_exact_mut(c).enumerate() {
            among.with_rows(&centers.row(row), &centers, 0, kernels);
        }
        let decomposed = DenseMatrix::new(c, c, kernels, false).ok()?.evd(true).ok()?;
        let vectors: Vec<f64> = (0..c * c).map(|entry| *decomposed.V.get((entry / c, entry % c))).collect();
        if !vectors.iter().chain(&decomposed.d).all(|entry| entry.is_finite()) {
            return None;
        }
        // None is negative, but for rounding.
        let values = decomposed.d.iter().map(|value| value.max(0.0)).collect();
        Some((Self { kernel: GaussianKernel::new(sigma), centers, vectors }, Eigenvalues(values)))
    }

    /// What was saved.
    pub(in crate::detectors) fn restore(sigma: &[f64], centers: Points, vectors: Vec<f64>) -> Self {
        Self { kernel: GaussianKernel::new(sigma), centers, vectors }
    }

    pub(in crate::detectors) fn centers(&self) -> &Points {
        &self.centers
    }

    pub(in crate::detectors) fn vectors(&self) -> &[f64] {
        &self.vectors
    }

    /// The kernels of a standardised row with the centres. Time O(c d).
    pub(in crate::detectors) fn kernels(&self, x: &[f64], kernels: &mut [f64]) {
        self.kernel.with_rows(x, &self.centers, 0, kernels);
    }

    /// Kernels with the centres, or a combination of such, along the eigenvectors. Time O(c^2).
    pub(in crate::detectors) fn turned(&self, kernels: &[f64]) -> Vec<f64> {
        let mut coordinates = vec![0.0; kernels.len()];
        turn(kernels, &self.vectors, &mut coordinates);
        coordinates
    }

    /// The kernels of a standardised row with the centres, along the eigenvectors. Time O(c d + c^2).
    pub(in crate::detectors) fn coordinates(&self, x: &[f64], coordinates: &mut [f64]) {
        let mut kernels = vec![0.0; self.centers.n_rows()];
        self.kernels(x, &mut kernels);
        turn(&kernels, &self.vectors, coordinates);
    }

    /// The opposite of [`Self::turned`].
    #[cfg(test)]
    pub(in crate::detectors) fn turned_back(&self, coordinates: &[f64]) -> Vec<f64> {
        let vectors = self.vectors.chunks_exact(coordinates.len());
        vectors.map(|vector| vector.iter().zip(coordinates).map(|(entry, value)| entry * value).sum()).collect()
    }
}

// Wider vector instructions where the processor has them, with the same operations in the same order.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
fn turn(kernels: &[f64], vectors: &[f64], coordinates: &mut [f64]) {
    coordinates.fill(0.0);
    for (kernel, vector) in kernels.iter().zip(vectors.chunks_exact(coordinates.len())) {
        for (coordinate, entry) in coordinates.iter_mut().zip(vector) {
            *coordinate += kernel * entry;
        }
    }
}

/// How many regularisers are tried: the powers of 1/4 from 1 on.
pub(in crate::detectors) const N_REGULARIZERS: usize = 10;

fn regularizer(index: usize) -> f64 {
    (0..index).fold(1.0, |lambda, _| lambda / 4.0)
}

impl Eigenvalues {
    /// What was saved.
    pub(in crate::detectors) fn restore(values: Vec<f64>) -> Self {
        Self(values)
    }

    pub(in crate::detectors) fn values(&self) -> &[f64] {
        &self.0
    }

    /// The relative difference of the estimate of `differences`, for each regulariser: how much smaller it makes the
    /// difference of densities seem.
    pub(in crate::detectors) fn relative_differences(&self, differences: &[f64]) -> [f64; N_REGULARIZERS] {
        std::array::from_fn(|index| {
            let lambda = regularizer(index);
            let (mut within, mut across) = (0.0, 0.0);
            for (value, difference) in self.0.iter().zip(differences) {
                let weighted = difference / (value + lambda);
                across += difference * weighted;
                within += value * weighted * weighted;
            }
            1.0 - within / across
        })
    }

    /// The largest regulariser whose mean relative difference is below the limit.
    pub(in crate::detectors) fn choose(mean_relative_differences: &[f64; N_REGULARIZERS], limit: f64) -> Option<f64> {
        mean_relative_differences.iter().position(|mean| *mean < limit).map(regularizer)
    }

    /// The weight of each squared coordinate in the statistic: the eigenvalues of `2 R - R H R`.
    pub(in crate::detectors) fn weights(&self, lambda: f64) -> Vec<f64> {
        self.0.iter().map(|value| (value + 2.0 * lambda) / ((value + lambda) * (value + lambda))).collect()
    }
}

/// The squared difference of two samples with these mean coordinates, the second one given as a sum over `n` rows.
pub(in crate::detectors) fn squared_difference(weights: &[f64], first: &[f64], second_sum: &[f64], n: f64) -> f64 {
    weights
        .iter()
        .zip(first.iter().zip(second_sum))
        .map(|(weight, (first, sum))| {
            let difference = first - sum / n;
            weight * difference * difference
        })
        .sum()
}
