//! The statistic of two samples of one law, drawn from a reference: means of some fifty sines and cosines are not normal
//! yet, so that the chi-square law gives a window of fifty rows twice as many alarms as asked for.
//!
//! The reference stands there in at most 2,048 quantiles. Of a sample of up to [`DRAWN_MAX`] values each is drawn; the means of
//! a larger one are normal, and its covariance is the reference's.
//!
//! **Source**: Efron, *Bootstrap methods: another look at the jackknife* (1979).

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::inverse_form::root;
use super::{Covariance, D, Matrix, Moments, half_interquartile_range, parts, statistic};
use crate::statistics::normal_draws::normal;
use crate::statistics::sorted_sample::SortedSample;

/// Quantiles that stand for a reference.
const GRID: usize = 2_048;
/// Values of a sample that are drawn at most; of two larger samples the chi-square law holds.
pub const DRAWN_MAX: usize = 1_024;

/// What draws need of a reference. Memory: 32 bytes for each quantile.
#[derive(Debug, Clone, PartialEq)]
pub struct NullLaw {
    n: usize,
    /// Cosines and sines of the quantiles, their means taken off.
    parts: Vec<[f64; D]>,
    covariance: Matrix,
    /// Lower triangular; times its transpose it is the covariance.
    root: Matrix,
}

impl NullLaw {
    /// Of a reference. `None` where its middle half is constant. Time O(n).
    pub fn of(reference: &SortedSample) -> Option<Self> {
        let (values, n) = (reference.values(), reference.n_values());
        // Of the reference twice, whose quartiles are nearly its own.
        let scale = half_interquartile_range(reference, reference);
        if !(scale > 0.0 && scale.is_finite()) {
            return None;
        }
        let grid = n.min(GRID);
        let mut all: Vec<[f64; D]> =
            (0..grid).map(|index| parts(values[(2 * index + 1) * n / (2 * grid)], scale)).collect();
        let mean: [f64; D] = std::array::from_fn(|part| all.iter().map(|parts| parts[part]).sum::<f64>() / grid as f64);
        for parts in &mut all {
            for (part, mean) in parts.iter_mut().zip(mean) {
                *part -= mean;
            }
        }
        let covariance = of_sums(grid, [0.0; D], products(&all)).covariance;
        Some(Self { n, parts: all, covariance, root: root(&covariance) })
    }

    /// The statistic, with the covariance of both samples together, of the reference and a window of `m` values. Time
    /// O(n + m) for up to [`DRAWN_MAX`] values each.
    pub fn draw(&self, m: usize, generator: &mut ChaCha8Rng) -> f64 {
        let reference = self.sample(self.n, generator);
        let window = self.sample(m, generator);
        statistic(&reference, &window, Covariance::Pooled).0
    }

    /// About what a draw takes, in nanoseconds.
    pub fn cost_ns(&self, m: usize) -> usize {
        500 + 15 * (self.n.min(DRAWN_MAX) + m.min(DRAWN_MAX))
    }

    fn sample(&self, size: usize, generator: &mut ChaCha8Rng) -> Moments {
        if size > DRAWN_MAX {
            let normals: [f64; D] = std::array::from_fn(|_| normal(generator));
            let mean = |row: usize| (0..=row).map(|column| self.root[row][column] * normals[column]).sum::<f64>();
            let mean = std::array::from_fn(|row| mean(row) / (size as f64).sqrt());
            return Moments { n: size, mean, covariance: self.covariance };
        }
        let (mut sums, mut squares) = ([0.0; D], [[0.0; D]; D]);
        for _ in 0..size {
            let parts = &self.parts[generator.random_range(0..self.parts.len())];
            for (sum, part) in sums.iter_mut().zip(parts) {
                *sum += part;
            }
            add_products(parts, &mut squares);
        }
        of_sums(size, sums, squares)
    }
}

/// The lower triangle of the products.
fn add_products(parts: &[f64; D], squares: &mut Matrix) {
    for row in 0..D {
        for column in 0..=row {
            squares[row][column] += parts[row] * parts[column];
        }
    }
}

fn products(all: &[[f64; D]]) -> Matrix {
    let mut squares = [[0.0; D]; D];
    for parts in all {
        add_products(parts, &mut squares);
    }
    squares
}

fn of_sums(n: usize, sums: [f64; D], lower: Matrix) -> Moments {
    let n_f = n as f64;
    let mean = sums.map(|sum| sum / n_f);
    let of_pair = |row: usize, column: usize| lower[row.max(column)][row.min(column)] / n_f - mean[row] * mean[column];
    let covariance = std::array::from_fn(|row| std::array::from_fn(|column| of_pair(row, column)));
    Moments { n, mean, covariance }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::draws::stream;

    /// Of samples beyond [`DRAWN_MAX`] the law is chi-square with four degrees of freedom: mean 4, variance 8.
    #[test]
    fn large_samples_have_the_chi_square_law() {
        let values = (0..3_000).map(|index| f64::from(index * index % 2_999)).collect();
        let law = NullLaw::of(&SortedSample::sort(values).unwrap()).unwrap();
        for m in [900, 5_000] {
            let mut generator = stream(3, m as u64);
            let n = 4_000;
            let draws: Vec<f64> = (0..n).map(|_| law.draw(m, &mut generator)).collect();
            let mean = draws.iter().sum::<f64>() / f64::from(n);
            let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / f64::from(n);
            // Five standard errors: 5 * sqrt(8 / 4000), and 5 * 8 * sqrt((2 + 12 / 4) / 4000).
            assert!((mean - 4.0).abs() < 0.23 && (variance - 8.0).abs() < 1.5, "{m}: {mean} {variance}");
        }
    }

    #[test]
    fn a_constant_middle_has_no_law() {
        assert_eq!(NullLaw::of(&SortedSample::sort(vec![1.0; 9]).unwrap()), None);
    }
}
