//! Principal components.
//!
//! Rows are centred by the reference's mean and projected on the leading eigenvectors of the reference's covariance,
//! unscaled. The sign of a component is such that its entry of largest magnitude is positive.
//! Fit O(n d^2 + d^3), a row O(d k).
//!
//! **Source**: Hotelling, *Analysis of a complex of statistical variables into principal components* (1933).

use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linalg::traits::evd::EVDDecomposable;

use crate::data::{TensorError, Tensors};

/// A fitted projection from `d` columns to `k` components.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    mean: Vec<f64>,
    /// `k` components of `d` entries, row-major.
    components: Vec<f64>,
}

impl Pca {
    /// Fits `k` components on rows of `d` numbers, row-major; `1 <= k <= d`. `None` when the decomposition fails.
    pub fn fit(rows: &[f64], d: usize, k: usize) -> Option<Self> {
        let n = rows.len() / d;
        let mut mean = vec![0.0; d];
        for row in rows.chunks_exact(d) {
            for (mean, value) in mean.iter_mut().zip(row) {
                *mean += value;
            }
        }
        for mean in &mut mean {
            *mean /= n as f64;
        }
        let mut covariance = vec![0.0; d * d];
        for row in rows.chunks_exact(d) {
            for i in 0..d {
                let centred = row[i] - mean[i];
                for j in 0..=i {
                    covariance[i * d + j] += centred * (row[j] - mean[j]);
                }
            }
        }
        for i in 0..d {
            for j in 0..i {
                covariance[j * d + i] = covariance[i * d + j];
            }
        }
        let decomposed = DenseMatrix::new(d, d, covariance, false).ok()?.evd(true).ok()?;
        let mut order: Vec<usize> = (0..d).collect();
        order.sort_by(|&a, &b| decomposed.d[b].total_cmp(&decomposed.d[a]));
        let mut components = Vec::with_capacity(k * d);
        for &column in order.iter().take(k) {
            let vector: Vec<f64> = (0..d).map(|row| *decomposed.V.get((row, column))).collect();
            let largest = vector.iter().copied().fold(
                0.0,
                |largest: f64, entry| {
                    if entry.abs() > largest.abs() { entry } else { largest }
                },
            );
            let sign = if largest < 0.0 { -1.0 } else { 1.0 };
            components.extend(vector.iter().map(|entry| entry * sign));
        }
        components.iter().all(|entry| entry.is_finite()).then_some(Self { mean, components })
    }

    /// Of a mean and components that something else has found: rows of as many entries.
    pub(super) fn of(mean: Vec<f64>, components: Vec<f64>) -> Self {
        Self { mean, components }
    }

    /// The same with the first `k` components alone.
    #[must_use]
    pub(crate) fn first(mut self, k: usize) -> Self {
        self.components.truncate(k * self.mean.len());
        self
    }

    /// Number of components.
    pub fn n_components(&self) -> usize {
        self.components.len() / self.mean.len()
    }

    /// The components of one row.
    pub fn project(&self, row: &[f64]) -> impl Iterator<Item = f64> {
        self.components.chunks_exact(self.mean.len()).map(move |component| {
            component.iter().zip(row).zip(&self.mean).map(|((entry, value), mean)| entry * (value - mean)).sum()
        })
    }

    /// Whether it gives finite components of finite rows.
    pub(super) fn is_finite(&self) -> bool {
        self.mean.iter().chain(&self.components).all(|entry| entry.is_finite())
    }

    pub(super) fn save(&self, tensors: &mut Tensors) {
        self.save_as("pca", tensors);
    }

    pub(super) fn restore(tensors: &Tensors, d: usize, k: usize) -> Result<Self, TensorError> {
        Self::restore_as("pca", tensors, d, k)
    }

    /// Beside the components of an encoder, under names of its own.
    pub(crate) fn save_as(&self, owner: &str, tensors: &mut Tensors) {
        tensors.insert_f64(&format!("{owner}.mean"), self.mean.clone());
        tensors.insert_rows(&format!("{owner}.components"), self.n_components(), self.components.clone());
    }

    /// What [`Self::save_as`] gave.
    ///
    /// # Errors
    /// When the arrays are not of `k` components of `d` columns.
    pub(crate) fn restore_as(owner: &str, tensors: &Tensors, d: usize, k: usize) -> Result<Self, TensorError> {
        Ok(Self {
            mean: tensors.f64s_of_length(&format!("{owner}.mean"), d)?.to_vec(),
            components: tensors.f64s_of_length(&format!("{owner}.components"), d * k)?.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_component_is_the_direction_of_largest_variance() {
        let rows = [-2.0, -1.9, -1.0, -1.1, 0.0, 0.1, 1.0, 0.9, 2.0, 2.0];
        let pca = Pca::fit(&rows, 2, 1).unwrap();
        let components: Vec<f64> = pca.project(&[1.0, 1.0]).collect();
        assert_eq!(components.len(), 1);
        assert!((components[0] - std::f64::consts::SQRT_2).abs() < 0.05, "{components:?}");
    }
}
