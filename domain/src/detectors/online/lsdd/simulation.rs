//! Statistics of windows taken out of the reference itself.
//!
//! As for `mmd_online`, a permutation holds out `2 W - 1` rows through which a window moves. With the coordinates of all
//! rows summed once, the mean over the other rows follows by subtraction: O(W c) a permutation for c centres.

use std::ops::Range;

use crate::detectors::density_difference::{Basis, Eigenvalues, N_REGULARIZERS, squared_difference};
use crate::detectors::online::splits::Splits;
use crate::ports::{CpuPool, Progress};
use crate::statistics::parallel::run_tasks;

/// Coordinates of the effective reference.
pub(super) struct Simulation {
    /// Row-major.
    coordinates: Vec<f64>,
    total: Vec<f64>,
    window_size: usize,
}

/// Rows of one task of the pool.
const ROWS_PER_TASK: usize = 256;

impl Simulation {
    /// Time O(n (c d + c^2)), memory O(n c). `None` when cancelled.
    pub(super) fn new(
        basis: &Basis,
        rows: &[&[f64]],
        window_size: usize,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Option<Self> {
        let c = basis.centers().n_rows();
        let chunks = run_tasks(rows.len().div_ceil(ROWS_PER_TASK), pool, progress, &|task| {
            let rows = &rows[task * ROWS_PER_TASK..rows.len().min((task + 1) * ROWS_PER_TASK)];
            let mut coordinates = vec![0.0; rows.len() * c];
            for (row, coordinates) in rows.iter().zip(coordinates.chunks_exact_mut(c)) {
                basis.coordinates(row, coordinates);
            }
            coordinates
        })?;
        let coordinates = chunks.concat();
        let mut total = vec![0.0; c];
        for row in coordinates.chunks_exact(c) {
            add(&mut total, row);
        }
        Some(Self { coordinates, total, window_size })
    }

    fn n_rows(&self) -> usize {
        self.coordinates.len() / self.total.len()
    }

    fn row(&self, row: usize) -> &[f64] {
        let c = self.total.len();
        &self.coordinates[row * c..(row + 1) * c]
    }

    /// The mean coordinates of the rows that are not held out.
    pub(super) fn reference_mean(&self, held_out: &[usize]) -> Vec<f64> {
        let mut mean = self.total.clone();
        for row in held_out {
            subtract(&mut mean, self.row(*row));
        }
        let n = (self.n_rows() - held_out.len()) as f64;
        for entry in &mut mean {
            *entry /= n;
        }
        mean
    }

    /// The relative differences of the first windows of some permutations, summed.
    pub(super) fn relative_differences(
        &self,
        eigenvalues: &Eigenvalues,
        splits: &dyn Splits,
        permutations: Range<usize>,
    ) -> [f64; N_REGULARIZERS] {
        let mut held_out = vec![0; 2 * self.window_size - 1];
        let mut sums = [0.0; N_REGULARIZERS];
        for permutation in permutations {
            splits.permutation(permutation, self.n_rows(), &mut held_out);
            let mut differences = self.reference_mean(&held_out);
            for row in &held_out[..self.window_size] {
                for (difference, entry) in differences.iter_mut().zip(self.row(*row)) {
                    *difference -= entry / self.window_size as f64;
                }
            }
            add(&mut sums, &eigenvalues.relative_differences(&differences));
        }
        sums
    }

    /// The statistics of each permutation, by step.
    pub(super) fn run(&self, weights: &[f64], splits: &dyn Splits, permutations: Range<usize>) -> Vec<Vec<f64>> {
        let mut held_out = vec![0; 2 * self.window_size - 1];
        permutations
            .map(|permutation| {
                splits.permutation(permutation, self.n_rows(), &mut held_out);
                self.statistics(weights, &held_out)
            })
            .collect()
    }

    /// The statistic of the window at each of its `W` positions.
    pub(super) fn statistics(&self, weights: &[f64], held_out: &[usize]) -> Vec<f64> {
        let mean = self.reference_mean(held_out);
        let mut window = vec![0.0; mean.len()];
        let mut statistics = Vec::with_capacity(self.window_size);
        for (index, row) in held_out.iter().enumerate() {
            if let Some(leaving) = index.checked_sub(self.window_size) {
                subtract(&mut window, self.row(held_out[leaving]));
            }
            add(&mut window, self.row(*row));
            if index + 1 >= self.window_size {
                statistics.push(squared_difference(weights, &mean, &window, self.window_size as f64));
            }
        }
        statistics
    }
}

pub(super) fn add(sums: &mut [f64], values: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

fn subtract(sums: &mut [f64], values: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum -= value;
    }
}
