//! The Gaussian kernel, its bandwidth by the median heuristic, and sums of it over many rows.
//!
//! **Source**: Gretton et al., *A kernel two-sample test* (2012).

mod bandwidth;

use multiversion::multiversion;

pub use self::bandwidth::{
    BandwidthProblem, median_bandwidth, median_bandwidth_between, pooled_median_bandwidth, usable_bandwidth,
};
use super::exponential::exp2_of_negative;
use super::parallel::run_tasks;
use crate::ports::{CpuPool, Progress};

/// Rows of numbers in blocks of [`BLOCK`] rows, each kept column by column: the distances of one row to many are vector
/// operations that read memory from its beginning to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    n_rows: usize,
    n_columns: usize,
    /// Whole blocks; the rows that the last one lacks are zeros.
    blocks: Vec<f64>,
}

/// Rows of a block: one of its columns, and the distances to its rows, take some vector registers each.
pub const BLOCK: usize = 64;
/// Rows of one task of the pool.
const ROWS_PER_TASK: usize = 64;

impl Points {
    /// From `n_rows` rows of `n_columns` numbers, row-major.
    ///
    /// # Panics
    /// When there are other than `n_rows * n_columns` numbers.
    pub fn from_rows(rows: &[f64], n_columns: usize) -> Self {
        let n_rows = rows.len().checked_div(n_columns).unwrap_or(0);
        assert_eq!(n_rows * n_columns, rows.len(), "rows are whole");
        Self::of(n_rows, n_columns, rows.chunks_exact(n_columns).map(|row| row.iter().copied()))
    }

    fn of(n_rows: usize, n_columns: usize, rows: impl Iterator<Item = impl Iterator<Item = f64>>) -> Self {
        let mut blocks = vec![0.0; n_rows.div_ceil(BLOCK) * BLOCK * n_columns];
        for (index, row) in rows.enumerate() {
            let start = index / BLOCK * BLOCK * n_columns + index % BLOCK;
            for (column, value) in row.enumerate() {
                blocks[start + column * BLOCK] = value;
            }
        }
        Self { n_rows, n_columns, blocks }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    fn values_of(&self, row: usize) -> impl Iterator<Item = f64> {
        let start = row / BLOCK * BLOCK * self.n_columns + row % BLOCK;
        (0..self.n_columns).map(move |column| self.blocks[start + column * BLOCK])
    }

    fn all_rows(&self) -> impl Iterator<Item = impl Iterator<Item = f64>> {
        (0..self.n_rows).map(|row| self.values_of(row))
    }

    /// The numbers, row-major.
    pub fn to_rows(&self) -> Vec<f64> {
        self.all_rows().flatten().collect()
    }

    /// One row.
    pub fn row(&self, row: usize) -> Vec<f64> {
        self.values_of(row).collect()
    }

    /// Puts the numbers of one row where there is room for them.
    pub(crate) fn copy_row(&self, row: usize, numbers: &mut [f64]) {
        for (number, value) in numbers.iter_mut().zip(self.values_of(row)) {
            *number = value;
        }
    }

    /// The rows of this and then those of another, with as many columns.
    pub(crate) fn followed_by(&self, other: &Self) -> Self {
        Self::of(self.n_rows + other.n_rows, self.n_columns, self.all_rows().chain(other.all_rows()))
    }

    /// At most so many of the rows, at even distances.
    pub(crate) fn thinned(&self, n_rows_max: usize) -> Self {
        let n = self.n_rows.min(n_rows_max);
        self.select(&(0..n).map(|index| index * self.n_rows / n).collect::<Vec<usize>>())
    }

    /// Some of the rows, in the order asked for.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self::of(rows.len(), self.n_columns, rows.iter().map(|row| self.values_of(*row)))
    }

    /// Squared distances of `x` to the rows `from..from + distances.len()`.
    fn squared_distances(&self, x: &[f64], from: usize, distances: &mut [f64]) {
        squared_distances(x, &self.blocks, from, distances);
    }
}

/// The squared distance of two rows.
pub(crate) fn squared_distance(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).fold(0.0, |distance, (x, y)| distance + (x - y) * (x - y))
}

// Below, wider vector instructions are used where the processor has them. Every element is computed by the same
// operations in the same order, so the results are the same bits on every machine. Fused multiplication and addition
// would save a fifth of the time and cost twenty times as much where the processor lacks them, so there are none.

/// Adds squared distances of `x` to rows of a block, whose columns are cut to those rows and `BLOCK` numbers apart.
#[expect(clippy::inline_always, reason = "a loop becomes vector instructions only with this inside")]
#[inline(always)]
fn add_squared_distances(x: &[f64], block: &[f64], within: usize, distances: &mut [f64]) {
    let n = distances.len();
    let column = |column: usize| &block[column * BLOCK + within..][..n];
    // Two columns at a time: the distances are taken from memory and put back half as often.
    let mut pairs = x.chunks_exact(2);
    let mut next = 0;
    for pair in &mut pairs {
        let (first, second) = (column(next), column(next + 1));
        for ((distance, first), second) in distances.iter_mut().zip(first).zip(second) {
            let (first, second) = (pair[0] - first, pair[1] - second);
            *distance = (*distance + first * first) + second * second;
        }
        next += 2;
    }
    for value in pairs.remainder() {
        for (distance, other) in distances.iter_mut().zip(column(next)) {
            *distance += (value - other) * (value - other);
        }
    }
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
fn squared_distances(x: &[f64], blocks: &[f64], from: usize, distances: &mut [f64]) {
    distances.fill(0.0);
    let mut row = from;
    let mut rest = distances;
    while !rest.is_empty() {
        let within = row % BLOCK;
        let n = rest.len().min(BLOCK - within);
        let (distances, later) = rest.split_at_mut(n);
        add_squared_distances(x, &blocks[row / BLOCK * BLOCK * x.len()..], within, distances);
        row += n;
        rest = later;
    }
}

/// Turns squared distances into the mean of Gaussian kernels.
#[expect(clippy::inline_always, reason = "a loop becomes vector instructions only with this inside")]
#[inline(always)]
fn apply_in_place(factors: &[f64], distances: &mut [f64; BLOCK]) {
    if let [factor] = factors {
        for distance in distances {
            *distance = exp2_of_negative(*distance * factor);
        }
    } else {
        let share = 1.0 / factors.len() as f64;
        let mut sums = [0.0; BLOCK];
        for factor in factors {
            for (sum, distance) in sums.iter_mut().zip(&*distances) {
                *sum += exp2_of_negative(*distance * factor);
            }
        }
        *distances = sums.map(|sum| sum * share);
    }
}

#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
fn apply(factors: &[f64], distances: &mut [f64]) {
    for distances in distances.chunks_mut(BLOCK) {
        let mut block = [0.0; BLOCK];
        block[..distances.len()].copy_from_slice(distances);
        apply_in_place(factors, &mut block);
        distances.copy_from_slice(&block[..distances.len()]);
    }
}

/// The sum of the kernel of `x` with the first `n_rows` rows, in [`N_PARTS`] interleaved parts and a rest.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
fn kernel_sum(factors: &[f64], x: &[f64], blocks: &[f64], n_rows: usize) -> f64 {
    let mut parts = [0.0; N_PARTS];
    let mut rest = 0.0;
    for (index, block) in blocks.chunks_exact(BLOCK * x.len()).enumerate() {
        let mut values = [0.0; BLOCK];
        add_squared_distances(x, block, 0, &mut values);
        apply_in_place(factors, &mut values);
        let chunks = values[..BLOCK.min(n_rows - index * BLOCK)].chunks_exact(N_PARTS);
        rest += chunks.remainder().iter().sum::<f64>();
        for chunk in chunks {
            for (part, value) in parts.iter_mut().zip(chunk) {
                *part += value;
            }
        }
    }
    together(parts) + rest
}

/// The mean of Gaussian kernels `exp(-|x - y|^2 / (2 sigma^2))` over some bandwidths.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianKernel {
    /// `-log2(e) / (2 sigma^2)` of each bandwidth: what a squared distance is multiplied with to be an exponent of 2.
    factors: Vec<f64>,
}

impl GaussianKernel {
    /// Of bandwidths that are all above 0; at least one.
    pub fn new(sigma: &[f64]) -> Self {
        Self { factors: sigma.iter().map(|sigma| -0.5 * std::f64::consts::LOG2_E / (sigma * sigma)).collect() }
    }

    /// The kernel of two rows.
    pub fn between(&self, x: &[f64], y: &[f64]) -> f64 {
        let mut value = [squared_distance(x, y)];
        apply(&self.factors, &mut value);
        value[0]
    }

    /// The kernel of `x` with each of some rows, as many as there are values.
    pub fn with_each<'r>(&self, x: &[f64], rows: impl Iterator<Item = &'r [f64]>, values: &mut [f64]) {
        for (value, row) in values.iter_mut().zip(rows) {
            *value = squared_distance(x, row);
        }
        apply(&self.factors, values);
    }

    /// The kernel of `x` with the rows `from..from + values.len()` of `points`. Those that the last block lacks may be
    /// asked for; they are zeros.
    pub fn with_rows(&self, x: &[f64], points: &Points, from: usize, values: &mut [f64]) {
        points.squared_distances(x, from, values);
        apply(&self.factors, values);
    }

    /// The sum of the kernel of `x` with every row of `points`. Time O(n d), no memory.
    pub fn sum_with(&self, x: &[f64], points: &Points) -> f64 {
        kernel_sum(&self.factors, x, &points.blocks, points.n_rows)
    }

    /// For each row of `points` the sum of its kernel with all the others. Time O(n^2 d), memory O(n).
    /// `None` when cancelled.
    pub fn row_sums(&self, points: &Points, pool: &dyn CpuPool, progress: &dyn Progress) -> Option<Vec<f64>> {
        // Each pair is computed twice, which costs less than gathering half-sums from several threads.
        let chunks = per_chunk_of_rows(points.n_rows, pool, progress, &|rows| {
            rows.map(|row| {
                let x = points.row(row);
                self.sum_with(&x, points) - self.between(&x, &x)
            })
            .collect::<Vec<f64>>()
        })?;
        Some(chunks.concat())
    }
}

const N_PARTS: usize = 8;

/// A sum in eight interleaved parts: faster than one chain of additions, and the same on every machine.
pub fn sum(values: &[f64]) -> f64 {
    let mut parts = [0.0; N_PARTS];
    let chunks = values.chunks_exact(N_PARTS);
    let rest: f64 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (part, value) in parts.iter_mut().zip(chunk) {
            *part += value;
        }
    }
    together(parts) + rest
}

fn together([a, b, c, d, e, f, g, h]: [f64; N_PARTS]) -> f64 {
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// Runs `work` on chunks of the rows, several at a time, and gives the results in the order of the rows.
fn per_chunk_of_rows<T: Send>(
    n_rows: usize,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
    work: &(dyn Fn(std::ops::Range<usize>) -> T + Sync),
) -> Option<Vec<T>> {
    // Chunks grow with the rows, so that there are never more than some hundreds.
    let rows_per_task = ROWS_PER_TASK.max(n_rows.div_ceil(256));
    let n_tasks = n_rows.div_ceil(rows_per_task);
    run_tasks(n_tasks, pool, progress, &|task| {
        let from = task * rows_per_task;
        work(from..n_rows.min(from + rows_per_task))
    })
}

/// The unbiased estimate of the squared maximum mean discrepancy between two sets of at least two rows each. May be
/// negative. Time O((n + m)^2 d).
#[cfg(test)]
pub fn squared_mmd(kernel: &GaussianKernel, x: &Points, y: &Points) -> f64 {
    let within = |points: &Points| {
        let n = points.n_rows as f64;
        let total: f64 = (0..points.n_rows)
            .map(|row| {
                let x = points.row(row);
                kernel.sum_with(&x, points) - kernel.between(&x, &x)
            })
            .sum();
        total / (n * (n - 1.0))
    };
    let cross: f64 = (0..x.n_rows).map(|row| kernel.sum_with(&x.row(row), y)).sum();
    within(x) + within(y) - 2.0 * cross / (x.n_rows as f64 * y.n_rows as f64)
}
