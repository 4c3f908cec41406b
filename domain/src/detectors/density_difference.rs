//! What the detectors by least-squares density difference share: columns that are comparable, centres of kernels, and the
//! estimate itself.

mod estimator;

use std::collections::HashSet;

pub(super) use self::estimator::{Basis, Eigenvalues, N_REGULARIZERS, squared_difference};
use super::FitProblem;
use crate::data::{TensorError, Tensors};
use crate::preprocess::mean_and_deviation;

/// More centres of kernels than this are refused: their eigenvectors would take more than some seconds.
pub(super) const KERNEL_CENTERS_MAX: usize = 1_000;

/// Added to the standard deviation of each column, as in the reference library: noise from rounding stays noise, and a
/// departure from what was constant is far from everything.
const LEAST_SCALE: f64 = 1e-12;

/// What makes each column comparable.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scales {
    means: Vec<f64>,
    deviations: Vec<f64>,
}

impl Scales {
    /// Of rows of `n_columns` numbers, row-major.
    pub(super) fn of(rows: &[f64], n_columns: usize) -> Self {
        let (means, deviations) = (0..n_columns)
            .map(|column| {
                let values: Vec<f64> = rows.iter().skip(column).step_by(n_columns).copied().collect();
                let is_constant = values.iter().all(|value| *value == values[0]);
                let (mean, deviation) = if is_constant { (values[0], 0.0) } else { mean_and_deviation(&values) };
                (mean, deviation + LEAST_SCALE)
            })
            .unzip();
        Self { means, deviations }
    }

    /// A row in units of standard deviations.
    pub(super) fn standardised(&self, x: &[f64]) -> Vec<f64> {
        let scales = self.means.iter().zip(&self.deviations);
        x.iter().zip(scales).map(|(value, (mean, deviation))| (value - mean) / deviation).collect()
    }

    /// A row of standard deviations in the units that it came in.
    #[cfg(test)]
    pub(super) fn in_units(&self, row: &[f64]) -> Vec<f64> {
        let scales = self.means.iter().zip(&self.deviations);
        row.iter().zip(scales).map(|(value, (mean, deviation))| value * deviation + mean).collect()
    }

    /// Each row in units of standard deviations, row-major.
    pub(super) fn all_standardised(&self, rows: &[f64]) -> Vec<f64> {
        rows.chunks_exact(self.means.len()).flat_map(|row| self.standardised(row)).collect()
    }

    pub(super) fn n_columns(&self) -> usize {
        self.means.len()
    }

    pub(super) fn save(&self, tensors: &mut Tensors) {
        tensors.insert_f64("means", self.means.clone());
        tensors.insert_f64("deviations", self.deviations.clone());
    }

    /// What [`Self::save`] put there.
    pub(super) fn restore(tensors: &Tensors, n_columns: usize) -> Result<Self, TensorError> {
        Ok(Self {
            means: tensors.f64s_of_length("means", n_columns)?.to_vec(),
            deviations: tensors.f64s_of_length("deviations", n_columns)?.to_vec(),
        })
    }
}

/// The first different rows of an order become centres; the others stay in that order.
///
/// The reference library takes the first rows whatever they are, and moves all centres a little where two coincide.
/// That gives what repeats twice the weight; ours looks further.
pub(super) fn choose_centers<'r>(
    order: &[usize],
    n_centers: usize,
    row: impl Fn(usize) -> &'r [f64],
) -> Result<(Vec<usize>, Vec<usize>), FitProblem> {
    let mut known = HashSet::with_capacity(n_centers);
    let (mut centers, mut effective) = (Vec::with_capacity(n_centers), Vec::with_capacity(order.len()));
    for &index in order {
        // Adding 0 makes a negative zero a positive one.
        let is_center = centers.len() < n_centers
            && known.insert(row(index).iter().map(|value| (value + 0.0).to_bits()).collect::<Vec<u64>>());
        if is_center {
            centers.push(index);
        } else {
            effective.push(index);
        }
    }
    if centers.len() < n_centers {
        return Err(FitProblem::CoincidentCenters { expected: n_centers, actual: centers.len() });
    }
    Ok((centers, effective))
}
