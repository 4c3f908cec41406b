//! The rows that train, as the method reads them.

use super::products::{add_multiples, add_products, dot};
use crate::detectors::two_sample::classifier::pooled::Pooled;

/// Centred columns, in blocks of rows that stay in the cache while all columns are gone through. A constant column of
/// ones comes after them all.
#[derive(Debug)]
pub(super) struct Design {
    n_rows: usize,
    n_columns: usize,
    rows_of_a_block: usize,
    /// Block by block, each column by column. The last block may have fewer rows.
    values: Vec<f64>,
    means: Vec<f64>,
    /// By row: 1 for the window, -1 for the reference.
    signs: Vec<f64>,
}

/// Values of a block.
const BLOCK: usize = 16_384;
const ROWS_OF_A_BLOCK_MIN: usize = 32;
const ROWS_OF_A_BLOCK_MAX: usize = 512;

impl Design {
    /// Less their means, columns have the same fit, and a far better conditioned one.
    pub(super) fn new(pooled: &Pooled<'_>, rows: &[usize]) -> Self {
        let (n_rows, n_columns) = (rows.len(), pooled.n_columns());
        // Summed from the first row on, so that a constant column is exactly zero.
        let first = rows.first().map_or(&[][..], |row| pooled.row(*row));
        let mut sums = vec![0.0; n_columns];
        for row in rows {
            for ((sum, value), first) in sums.iter_mut().zip(pooled.row(*row)).zip(first) {
                *sum += value - first;
            }
        }
        let means: Vec<f64> = sums.iter().zip(first).map(|(sum, first)| first + sum / n_rows as f64).collect();
        let rows_of_a_block = (BLOCK / n_columns).clamp(ROWS_OF_A_BLOCK_MIN, ROWS_OF_A_BLOCK_MAX);
        let mut values = vec![0.0; n_rows * n_columns];
        for (rows, values) in rows.chunks(rows_of_a_block).zip(values.chunks_mut(rows_of_a_block * n_columns)) {
            for (place, row) in rows.iter().enumerate() {
                for (column, (value, mean)) in pooled.row(*row).iter().zip(&means).enumerate() {
                    values[column * rows.len() + place] = value - mean;
                }
            }
        }
        let signs = rows.iter().map(|row| if pooled.is_window(*row) { 1.0 } else { -1.0 }).collect();
        Self { n_rows, n_columns, rows_of_a_block, values, means, signs }
    }

    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub(super) fn n_columns(&self) -> usize {
        self.n_columns
    }

    pub(super) fn signs(&self) -> &[f64] {
        &self.signs
    }

    pub(super) fn into_means(self) -> Vec<f64> {
        self.means
    }

    pub(super) fn deviations(&self) -> Vec<f64> {
        let mut squares = self.squares(&vec![1.0; self.n_rows]);
        squares.truncate(self.n_columns);
        squares.into_iter().map(|sum| (sum / self.n_rows as f64).sqrt()).collect()
    }

    /// The blocks, each with its part of numbers that stand for the rows.
    fn blocks<'d>(&'d self, of_rows: &'d [f64]) -> impl Iterator<Item = (&'d [f64], &'d [f64])> {
        self.values.chunks(self.rows_of_a_block * self.n_columns).zip(of_rows.chunks(self.rows_of_a_block))
    }

    /// By row: the sum of its values times the weights of columns.
    pub(super) fn log_odds(&self, weights: &[f64]) -> Vec<f64> {
        let mut log_odds = vec![weights[self.n_columns]; self.n_rows];
        let blocks = self.values.chunks(self.rows_of_a_block * self.n_columns);
        for (block, log_odds) in blocks.zip(log_odds.chunks_mut(self.rows_of_a_block)) {
            add_multiples(block, weights, log_odds);
        }
        log_odds
    }

    /// By column: the sum over the rows of its values times these.
    pub(super) fn sums(&self, of_rows: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.n_columns + 1];
        for (block, of_rows) in self.blocks(of_rows) {
            add_products(block, of_rows, &mut sums);
        }
        sums
    }

    /// The sums of the log odds of weights times these numbers, by column: rows are read once for both.
    pub(super) fn weighted_sums(&self, weights: &[f64], of_rows: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.n_columns + 1];
        for (block, of_rows) in self.blocks(of_rows) {
            let mut log_odds = [0.0; ROWS_OF_A_BLOCK_MAX];
            let log_odds = &mut log_odds[..of_rows.len()];
            log_odds.fill(weights[self.n_columns]);
            add_multiples(block, weights, log_odds);
            for (log_odds, weight) in log_odds.iter_mut().zip(of_rows) {
                *log_odds *= weight;
            }
            add_products(block, log_odds, &mut sums);
        }
        sums
    }

    /// By column: the sum over the rows of its squared values times these.
    pub(super) fn squares(&self, of_rows: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.n_columns + 1];
        for (block, of_rows) in self.blocks(of_rows) {
            for (column, sum) in block.chunks_exact(of_rows.len()).zip(&mut sums) {
                *sum += column.iter().zip(of_rows).map(|(value, weight)| value * value * weight).sum::<f64>();
            }
            sums[self.n_columns] += of_rows.iter().sum::<f64>();
        }
        sums
    }

    /// By pair of columns: the sum over the rows of both values times these; the lower triangle of a row-major matrix.
    pub(super) fn products(&self, of_rows: &[f64]) -> Vec<f64> {
        let size = self.n_columns + 1;
        let mut products = vec![0.0; size * size];
        for (block, of_rows) in self.blocks(of_rows) {
            let mut weighted = [0.0; ROWS_OF_A_BLOCK_MAX];
            let weighted = &mut weighted[..of_rows.len()];
            let column = |column: usize| &block[column * of_rows.len()..][..of_rows.len()];
            for i in 0..self.n_columns {
                for ((weighted, value), weight) in weighted.iter_mut().zip(column(i)).zip(of_rows) {
                    *weighted = value * weight;
                }
                for j in 0..=i {
                    products[i * size + j] += dot(weighted, column(j));
                }
                products[self.n_columns * size + i] += weighted.iter().sum::<f64>();
            }
            products[size * size - 1] += of_rows.iter().sum::<f64>();
        }
        products
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_centred_columns_over_all_blocks() {
        // More rows than a block has, and columns enough that it has few.
        let (n, d) = (157, 300);
        let reference: Vec<f64> = (0..n * d).map(|entry| (entry * 7 % 31) as f64).collect();
        let window: Vec<f64> = reference.iter().rev().map(|value| value * 0.5).collect();
        let pooled = Pooled::new(&reference, &window, d);
        let rows: Vec<usize> = (0..2 * n).step_by(3).collect();
        let design = Design::new(&pooled, &rows);
        let mean = |column: usize| rows.iter().map(|row| pooled.row(*row)[column]).sum::<f64>() / rows.len() as f64;
        let means: Vec<f64> = (0..d).map(mean).collect();
        let value = |row: usize, column: usize| {
            if column == d { 1.0 } else { pooled.row(rows[row])[column] - means[column] }
        };
        let near = |one: f64, other: f64| assert!((one - other).abs() < 1e-8 * (1.0 + other.abs()), "{one} {other}");
        let weights: Vec<f64> = (0..=d).map(|column| (column as f64 * 0.3).sin()).collect();
        let of_rows: Vec<f64> = (0..rows.len()).map(|row| (row as f64 * 0.7).cos()).collect();
        let log_odds: Vec<f64> =
            (0..rows.len()).map(|row| (0..=d).map(|column| value(row, column) * weights[column]).sum()).collect();
        design.log_odds(&weights).iter().zip(&log_odds).for_each(|(one, other)| near(*one, *other));
        let over_rows = |term: &dyn Fn(usize) -> f64| -> f64 { (0..rows.len()).map(term).sum() };
        let (sums, squares) = (design.sums(&of_rows), design.squares(&of_rows));
        let (weighted, products) = (design.weighted_sums(&weights, &of_rows), design.products(&of_rows));
        for column in 0..=d {
            near(sums[column], over_rows(&|row| of_rows[row] * value(row, column)));
            near(weighted[column], over_rows(&|row| of_rows[row] * log_odds[row] * value(row, column)));
            near(squares[column], over_rows(&|row| of_rows[row] * value(row, column).powi(2)));
            let other = column / 2;
            let product = over_rows(&|row| of_rows[row] * value(row, column) * value(row, other));
            near(products[column * (d + 1) + other], product);
        }
        near(design.deviations()[5], (over_rows(&|row| value(row, 5).powi(2)) / rows.len() as f64).sqrt());
    }
}
