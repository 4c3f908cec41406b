//! Streams that are like a reference: what follows from the rows before follows in them as well.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use crate::statistics::autoregression::Autoregression;
use crate::statistics::block_bootstrap::{Blocks, block_length};

/// Of a longer reference the last rows are taken.
const ROWS_MAX: usize = 100_000;

/// Draws streams without drift from the rows of a reference.
///
/// Each column is an autoregression of the order that the Bayesian information criterion chooses (Yule & Walker), whose innovations are
/// drawn by the stationary bootstrap, all columns at once, and put together again. So correlations over many rows come from the
/// autoregression, and whatever it leaves (volatility that comes in clusters, columns that go together) from the blocks: blocks alone
/// would have to be far longer than any window. (Davison & Hall, *On Studentizing and blocking methods for implementing the bootstrap
/// with dependent data*, Australian Journal of Statistics 35 (1993); Bühlmann, *Sieve bootstrap for time series*, Bernoulli 3
/// (1997).)
///
/// **What holds**: streams have the autocorrelation of the reference as far as an autoregression has it, and its marginal law nearly.
/// **What does not**: a mean that wanders (a unit root) is not stationary, difference it; a season that was not taken out comes at
/// random; memory longer than the reference cannot be learnt.
#[derive(Debug)]
pub(crate) struct Streams {
    n_columns: usize,
    columns: Vec<Autoregression>,
    /// Rows of the reference, row-major.
    rows: Vec<f64>,
    /// What is new in the rows from the highest order on; centred.
    innovations: Vec<f64>,
    block_length: f64,
}

impl Streams {
    /// Learns from rows of numbers, row-major. With `are_classes`, rows themselves are drawn: they are zeros and ones, or shares.
    /// Time O(n sqrt(n)) a column. Blocks have `length` rows on average, or as many as suits the column that needs most.
    pub(crate) fn learn(reference: &[f64], n_columns: usize, are_classes: bool, length: Option<f64>) -> Self {
        let n_rows = reference.len() / n_columns;
        let rows = reference[n_rows.saturating_sub(ROWS_MAX) * n_columns..].to_vec();
        let n_rows = rows.len() / n_columns;
        let column = |index: usize| -> Vec<f64> { rows.iter().skip(index).step_by(n_columns).copied().collect() };
        let columns: Vec<Autoregression> = (0..n_columns)
            .map(|index| {
                if are_classes {
                    Autoregression { mean: 0.0, coefficients: Vec::new() }
                } else {
                    Autoregression::fit(&column(index))
                }
            })
            .collect();
        let highest = columns.iter().map(Autoregression::order).max().unwrap_or(0);
        let n_innovations = n_rows - highest;
        let mut innovations = vec![0.0; n_innovations * n_columns];
        let mut suiting = 1.0_f64;
        for (index, law) in columns.iter().enumerate() {
            let values = column(index);
            let mut new: Vec<f64> =
                (highest..n_rows).map(|t| law.innovation(&values[t - law.order()..t], values[t])).collect();
            if !are_classes {
                let mean = new.iter().sum::<f64>() / n_innovations as f64;
                for value in &mut new {
                    *value -= mean;
                }
            }
            if length.is_none() {
                let squares: Vec<f64> = new.iter().map(|value| value * value).collect();
                suiting = suiting.max(block_length(&new)).max(block_length(&squares));
            }
            for (row, value) in new.into_iter().enumerate() {
                innovations[row * n_columns + index] = value;
            }
        }
        Self { n_columns, columns, rows, innovations, block_length: length.unwrap_or(suiting) }
    }

    /// Mean rows of a block.
    pub(crate) fn block_length(&self) -> f64 {
        self.block_length
    }

    /// Of each column, how many rows before it follows from.
    pub(crate) fn orders(&self) -> Vec<usize> {
        self.columns.iter().map(Autoregression::order).collect()
    }

    /// A stream of so many rows, row-major, that begins after a random row of the reference. O(n p) a column.
    pub(crate) fn draw(&self, n_rows: usize, generator: &mut ChaCha8Rng) -> Vec<f64> {
        let d = self.n_columns;
        let highest = self.columns.iter().map(Autoregression::order).max().unwrap_or(0);
        let n_innovations = self.innovations.len() / d;
        let first = generator.random_range(0..n_innovations);
        let mut blocks = Blocks::starting_at(first, n_innovations, self.block_length);
        // The rows of the reference before the first innovation.
        let mut stream = self.rows[first * d..(first + highest) * d].to_vec();
        stream.reserve(n_rows * d);
        for t in highest..highest + n_rows {
            let new = blocks.draw(generator) * d;
            for (index, law) in self.columns.iter().enumerate() {
                let before = law.coefficients.iter().enumerate();
                let expected: f64 = before.map(|(k, phi)| phi * (stream[(t - 1 - k) * d + index] - law.mean)).sum();
                stream.push(law.mean + expected + self.innovations[new + index]);
            }
        }
        stream.split_off(highest * d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::autoregression::autocovariances;
    use crate::statistics::draws::stream;
    use crate::statistics::normal_draws::normal;

    #[test]
    fn streams_have_the_correlations_of_the_reference_over_many_rows_and_between_columns() {
        let mut generator = stream(1, 0);
        let (mut x, mut y) = (0.0, 0.0);
        let mut rows = Vec::new();
        for _ in 0..5_000 {
            let common = normal(&mut generator);
            x = 0.9 * x + common;
            y = 0.3 * y + common + normal(&mut generator);
            rows.extend([x, y]);
        }
        let streams = Streams::learn(&rows, 2, false, None);
        assert!(streams.orders().iter().all(|order| *order >= 1), "{:?}", streams.orders());
        let drawn = streams.draw(40_000, &mut generator);
        let column = |index: usize| -> Vec<f64> { drawn.iter().skip(index).step_by(2).copied().collect() };
        let (x, y) = (autocovariances(&column(0), 20), autocovariances(&column(1), 20));
        // 0.9^20 = 0.12; standard errors of some hundredths in the reference.
        assert!((x[20] / x[0] - 0.12).abs() < 0.08, "{}", x[20] / x[0]);
        assert!((x[1] / x[0] - 0.9).abs() < 0.02 && (y[1] / y[0] - 0.3).abs() < 0.04);
        let both: f64 = column(0).iter().zip(column(1)).map(|(x, y)| x * y).sum::<f64>() / 40_000.0;
        // Both innovations share 1: 1 / (1 - 0.9 * 0.3) = 1.37.
        assert!((both - 1.37).abs() < 0.25, "{both}");
    }

    #[test]
    fn classes_stay_classes() {
        let mut generator = stream(2, 0);
        let rows: Vec<f64> = (0..500).map(|row| f64::from(u8::from(row / 25 % 3 == 0))).collect();
        let drawn = Streams::learn(&rows, 1, true, None).draw(2_000, &mut generator);
        assert!(drawn.iter().all(|value| *value == 0.0 || *value == 1.0));
        let n_changes = |values: &[f64]| values.windows(2).filter(|pair| pair[0] != pair[1]).count();
        // Independent rows would change 0.44 times a row.
        assert!(n_changes(&drawn) < 300, "{}", n_changes(&drawn));
    }
}
