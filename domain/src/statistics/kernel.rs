//! The Gaussian kernel, its bandwidth by the median heuristic, and sums of it over many rows.
//!
//! **Source**: Gretton et al., *A kernel two-sample test* (2012).

use multiversion::multiversion;

use super::exponential::exp_of_negative;
use super::parallel::run_tasks;
use super::part::Part;
use crate::ports::{CpuPool, Progress};

/// Rows of numbers, kept column by column so that the distances of one row to many are vector operations.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    n_rows: usize,
    n_columns: usize,
    by_column: Vec<f64>,
}

/// Columns of a block that stay in the nearest cache.
const BLOCK: usize = 128;
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
        let mut by_column = vec![0.0; rows.len()];
        for (row, values) in rows.chunks_exact(n_columns).enumerate() {
            for (column, value) in values.iter().enumerate() {
                by_column[column * n_rows + row] = *value;
            }
        }
        Self { n_rows, n_columns, by_column }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The numbers, row-major.
    pub fn to_rows(&self) -> Vec<f64> {
        let mut rows = Vec::with_capacity(self.by_column.len());
        for row in 0..self.n_rows {
            rows.extend((0..self.n_columns).map(|column| self.by_column[column * self.n_rows + row]));
        }
        rows
    }

    /// One row.
    pub fn row(&self, row: usize) -> Vec<f64> {
        (0..self.n_columns).map(|column| self.by_column[column * self.n_rows + row]).collect()
    }

    /// Some of the rows, in the order asked for.
    pub fn select(&self, rows: &[usize]) -> Self {
        let n_rows = rows.len();
        let by_column = (0..self.n_columns)
            .flat_map(|column| {
                let values = &self.by_column[column * self.n_rows..(column + 1) * self.n_rows];
                rows.iter().map(|row| values[*row])
            })
            .collect();
        Self { n_rows, n_columns: self.n_columns, by_column }
    }

    /// Squared distances of `x` to the rows `from..from + distances.len()`.
    fn squared_distances(&self, x: &[f64], from: usize, distances: &mut [f64]) {
        squared_distances(x, &self.by_column, self.n_rows, from, distances);
    }
}

// Wider vector instructions where the processor has them. Every element is computed by the same operations in the same
// order, so the results are the same bits on every machine.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
fn squared_distances(x: &[f64], by_column: &[f64], n_rows: usize, from: usize, distances: &mut [f64]) {
    distances.fill(0.0);
    let n = distances.len();
    for (column, value) in x.iter().enumerate() {
        let start = column * n_rows + from;
        for (distance, other) in distances.iter_mut().zip(&by_column[start..start + n]) {
            let difference = value - other;
            *distance += difference * difference;
        }
    }
}

/// Turns squared distances into values of one Gaussian kernel.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
fn exponentials(distances: &mut [f64], factor: f64) {
    for distance in distances {
        *distance = exp_of_negative(*distance * factor);
    }
}

/// The mean of Gaussian kernels `exp(-|x - y|^2 / (2 sigma^2))` over some bandwidths.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianKernel {
    /// `-1 / (2 sigma^2)` of each bandwidth.
    factors: Vec<f64>,
}

impl GaussianKernel {
    /// Of bandwidths that are all above 0; at least one.
    pub fn new(sigma: &[f64]) -> Self {
        Self { factors: sigma.iter().map(|sigma| -0.5 / (sigma * sigma)).collect() }
    }

    /// Turns squared distances into kernel values.
    fn apply(&self, distances: &mut [f64]) {
        if let [factor] = self.factors[..] {
            exponentials(distances, factor);
        } else {
            let share = 1.0 / self.factors.len() as f64;
            for distance in distances {
                let sum: f64 = self.factors.iter().map(|factor| exp_of_negative(*distance * factor)).sum();
                *distance = sum * share;
            }
        }
    }

    /// The kernel of two rows.
    pub fn between(&self, x: &[f64], y: &[f64]) -> f64 {
        let mut value = [x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum()];
        self.apply(&mut value);
        value[0]
    }

    /// The kernel of `x` with the rows `from..from + values.len()` of `points`.
    pub fn with_rows(&self, x: &[f64], points: &Points, from: usize, values: &mut [f64]) {
        points.squared_distances(x, from, values);
        self.apply(values);
    }

    /// The sum of the kernel of `x` with every row of `points`. Time O(n d), no memory.
    pub fn sum_with(&self, x: &[f64], points: &Points) -> f64 {
        self.sum_from(x, points, 0)
    }

    fn sum_from(&self, x: &[f64], points: &Points, first: usize) -> f64 {
        let mut block = [0.0; BLOCK];
        let mut total = 0.0;
        let mut from = first;
        while from < points.n_rows {
            let n = BLOCK.min(points.n_rows - from);
            self.with_rows(x, points, from, &mut block[..n]);
            total += sum(&block[..n]);
            from += n;
        }
        total
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

/// A sum in eight interleaved parts: faster than one chain of additions, and the same on every machine.
pub fn sum(values: &[f64]) -> f64 {
    let mut parts = [0.0; 8];
    let chunks = values.chunks_exact(8);
    let rest: f64 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (part, value) in parts.iter_mut().zip(chunk) {
            *part += value;
        }
    }
    let [a, b, c, d, e, f, g, h] = parts;
    ((a + b) + (c + d)) + ((e + f) + (g + h)) + rest
}

/// The median heuristic: the median distance between different rows of `points`, divided by the square root of 2.
///
/// Finds the order statistic by two passes over the distances (counts by leading bits, then the few that share them),
/// so memory stays small however many rows there are. Time O(n^2 d). `None` when cancelled; 0 when at least half of
/// the pairs coincide. `points` has at least two rows.
pub fn median_bandwidth(points: &Points, pool: &dyn CpuPool, progress: &dyn Progress) -> Option<f64> {
    // Position of the median among the n(n-1) ordered pairs, each of which stands there twice.
    let n = points.n_rows;
    let rank = ((n * (n - 1)) / 2).saturating_sub(1) / 2;
    let [counting, gathering] = Part::split(progress, [1.0, 1.0]);
    let counts = count_by_leading_bits(points, pool, &counting)?;
    let mut before = 0;
    let mut bucket = 0;
    for (index, count) in counts.iter().enumerate() {
        if before + count > rank {
            bucket = index;
            break;
        }
        before += count;
    }
    let mut within = values_with_leading_bits(points, bucket, pool, &gathering)?;
    let (_, median, _) = within.select_nth_unstable_by(rank - before, f64::total_cmp);
    Some((*median / 2.0).sqrt())
}

/// Of a number that is not negative: its sign, exponent and first bits of its mantissa.
const LEADING_BITS: u32 = 20;
const N_BUCKETS: usize = 1 << (LEADING_BITS - 1);

fn bucket_of(value: f64) -> usize {
    // The sign bit is 0, so one bit less is needed.
    usize::try_from(value.to_bits() >> (64 - LEADING_BITS)).unwrap_or(N_BUCKETS - 1).min(N_BUCKETS - 1)
}

fn for_each_distance(points: &Points, rows: std::ops::Range<usize>, visit: &mut dyn FnMut(&[f64])) {
    let mut block = [0.0; BLOCK];
    for row in rows {
        let x = points.row(row);
        let mut from = row + 1;
        while from < points.n_rows {
            let n = BLOCK.min(points.n_rows - from);
            points.squared_distances(&x, from, &mut block[..n]);
            visit(&block[..n]);
            from += n;
        }
    }
}

fn count_by_leading_bits(points: &Points, pool: &dyn CpuPool, progress: &dyn Progress) -> Option<Vec<usize>> {
    let total = std::sync::Mutex::new(vec![0_usize; N_BUCKETS]);
    per_chunk_of_rows(points.n_rows, pool, progress, &|rows| {
        let mut counts = vec![0_u32; N_BUCKETS];
        for_each_distance(points, rows, &mut |distances| {
            for distance in distances {
                counts[bucket_of(*distance)] += 1;
            }
        });
        let mut total = total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (total, count) in total.iter_mut().zip(&counts) {
            *total += *count as usize;
        }
    })?;
    Some(total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

fn values_with_leading_bits(
    points: &Points,
    bucket: usize,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Option<Vec<f64>> {
    let chunks = per_chunk_of_rows(points.n_rows, pool, progress, &|rows| {
        let mut within = Vec::new();
        for_each_distance(points, rows, &mut |distances| {
            within.extend(distances.iter().filter(|distance| bucket_of(**distance) == bucket));
        });
        within
    })?;
    Some(chunks.concat())
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
