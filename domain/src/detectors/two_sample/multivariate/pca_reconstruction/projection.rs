//! Principal components that keep a share of the variance, and what they lose.

use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linalg::traits::evd::EVDDecomposable;

use crate::data::{TensorError, Tensors};

/// Sums of rows and of their products, which add and subtract. The columns are about centred, so nothing cancels.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    n: f64,
    sums: Vec<f64>,
    /// Of pairs of columns; the second is not after the first.
    products: Vec<f64>,
}

impl Moments {
    pub(super) fn new(d: usize) -> Self {
        Self { n: 0.0, sums: vec![0.0; d], products: vec![0.0; d * d] }
    }

    pub(super) fn add(&mut self, row: &[f64]) {
        let d = row.len();
        self.n += 1.0;
        for (i, value) in row.iter().enumerate() {
            self.sums[i] += value;
            for (product, other) in self.products[i * d..=i * d + i].iter_mut().zip(row) {
                *product += value * other;
            }
        }
    }

    pub(super) fn plus(self, other: &Self) -> Self {
        self.combined(other, 1.0)
    }

    pub(super) fn minus(&self, other: &Self) -> Self {
        self.clone().combined(other, -1.0)
    }

    fn combined(mut self, other: &Self, sign: f64) -> Self {
        self.n += sign * other.n;
        for (own, other) in self.sums.iter_mut().zip(&other.sums) {
            *own += sign * other;
        }
        for (own, other) in self.products.iter_mut().zip(&other.products) {
            *own += sign * other;
        }
        self
    }
}

/// The leading principal components of some rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Projection {
    mean: Vec<f64>,
    /// `k` of `d` entries each, row-major.
    components: Vec<f64>,
    /// The share of the variance that each keeps.
    shares: Vec<f64>,
}

impl Projection {
    /// Of a share of the variance below 1, or of a number of components from 1 on; at most `most`. `None` when there is no
    /// decomposition.
    pub(super) fn fit(moments: &Moments, wanted: f64, most: usize) -> Option<Self> {
        let d = moments.sums.len();
        let mean: Vec<f64> = moments.sums.iter().map(|sum| sum / moments.n).collect();
        let mut covariance = vec![0.0; d * d];
        for i in 0..d {
            for j in 0..=i {
                let entry = moments.products[i * d + j] / moments.n - mean[i] * mean[j];
                covariance[i * d + j] = entry;
                covariance[j * d + i] = entry;
            }
        }
        if !covariance.iter().all(|entry| entry.is_finite()) {
            return None;
        }
        let decomposed = DenseMatrix::new(d, d, covariance, false).ok()?.evd(true).ok()?;
        let mut order: Vec<usize> = (0..d).collect();
        order.sort_by(|&a, &b| decomposed.d[b].total_cmp(&decomposed.d[a]));
        let variance: f64 = decomposed.d.iter().map(|value| value.max(0.0)).sum();
        let share = |column: usize| if variance > 0.0 { decomposed.d[column].max(0.0) / variance } else { 0.0 };
        let kept = if wanted >= 1.0 {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 1, and bounded")]
            let number = wanted as usize;
            number.min(most)
        } else {
            // The first number of components that keeps more than the share.
            let mut sum = 0.0;
            let below = order.iter().take_while(|&&column| {
                sum += share(column);
                sum <= wanted
            });
            (below.count() + 1).min(most)
        };
        let leading = &order[..kept.min(d)];
        let components: Vec<f64> = leading
            .iter()
            .flat_map(|&column| (0..d).map(move |row| (row, column)))
            .map(|at| *decomposed.V.get(at))
            .collect();
        let is_finite = components.iter().all(|entry| entry.is_finite());
        is_finite.then(|| Self { mean, components, shares: leading.iter().map(|&column| share(column)).collect() })
    }

    pub(super) fn n_components(&self) -> usize {
        self.shares.len()
    }

    pub(super) fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// What is lost of a row.
    pub(super) fn residual(&self, row: &[f64], residual: &mut [f64]) {
        for ((residual, value), mean) in residual.iter_mut().zip(row).zip(&self.mean) {
            *residual = value - mean;
        }
        // Components are orthogonal, so one after the other can be taken away.
        for component in self.components.chunks_exact(self.mean.len()) {
            let length: f64 = component.iter().zip(&*residual).map(|(entry, value)| entry * value).sum();
            for (residual, entry) in residual.iter_mut().zip(component) {
                *residual -= length * entry;
            }
        }
    }

    pub(super) fn save(&self, tensors: &mut Tensors, name: &str) {
        tensors.insert_f64(&format!("{name}.mean"), self.mean.clone());
        tensors.insert_rows(&format!("{name}.components"), self.n_components(), self.components.clone());
        tensors.insert_f64(&format!("{name}.shares"), self.shares.clone());
    }

    pub(super) fn from_tensors(tensors: &Tensors, name: &str, d: usize) -> Result<Self, TensorError> {
        let shares = tensors.f64s(&format!("{name}.shares"))?.to_vec();
        Ok(Self {
            mean: tensors.f64s_of_length(&format!("{name}.mean"), d)?.to_vec(),
            components: tensors.f64s_of_length(&format!("{name}.components"), shares.len().saturating_mul(d))?.to_vec(),
            shares,
        })
    }
}
