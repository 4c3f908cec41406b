//! The stationary bootstrap: rows that are drawn in blocks, so that what follows from what stays so.
//!
//! A block begins at any row and goes on with the rows after it; after each row another block begins with probability `1 / b`, so that
//! blocks have `b` rows on average. After the last row comes the first one.
//!
//! **Source**: Politis & Romano, *The stationary bootstrap*, JASA 89 (1994); the length of blocks by Politis & White, *Automatic
//! block-length selection for the dependent bootstrap*, Econometric Reviews 23 (2004), with the correction of Patton, Politis & White,
//! Econometric Reviews 28 (2009).

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::autoregression::autocovariances;

/// Covariances of rows further apart than this are not looked at.
const LAG_MAX: usize = 1_000;

/// The mean length of blocks that estimates the variance of the mean of such values best: `(2 G^2 / D)^(1/3) n^(1/3)`, from 1 to
/// the lesser of `3 sqrt(n)` and `n / 3`. Time O(n sqrt(n)), O(1000 n) for long series.
pub fn block_length(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    if values.len() < 3 {
        return 1.0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a few thousand")]
    let (n_insignificant, lag_max) =
        (n.log10().sqrt().ceil().max(5.0) as usize, n.sqrt().ceil().min(LAG_MAX as f64) as usize);
    let covariances = autocovariances(values, 2 * (lag_max + n_insignificant));
    if !(covariances[0] > 0.0 && covariances[0].is_finite()) {
        return 1.0;
    }
    let limit = 2.0 * (n.log10() / n).sqrt();
    let is_small = |lag: usize| (covariances[lag] / covariances[0]).abs() < limit;
    // The first lag after which several correlations in a row are small; else the largest that is not.
    let first = (0..lag_max).find(|lag| (1..=n_insignificant).all(|k| is_small(lag + k)));
    let last_correlated =
        first.or_else(|| (1..=lag_max + n_insignificant).rev().find(|lag| !is_small(*lag))).unwrap_or(0);
    let bandwidth = (2 * last_correlated.max(1)).min(covariances.len() - 1);
    let (mut weighted, mut spectrum) = (0.0, covariances[0]);
    for (lag, covariance) in covariances.iter().enumerate().take(bandwidth + 1).skip(1) {
        let share = lag as f64 / bandwidth as f64;
        let flat_top = if share <= 0.5 { 1.0 } else { 2.0 * (1.0 - share) };
        weighted += 2.0 * flat_top * lag as f64 * covariance;
        spectrum += 2.0 * flat_top * covariance;
    }
    let length = (weighted * weighted / (spectrum * spectrum) * n).cbrt();
    let longest = (3.0 * n.sqrt()).min(n / 3.0).max(1.0);
    if length.is_finite() { length.clamp(1.0, longest) } else { longest }
}

/// Draws rows below `n_rows` in blocks of `length` rows on average, without end.
#[derive(Debug)]
pub struct Blocks {
    n_rows: usize,
    new_block: f64,
    next: usize,
}

impl Blocks {
    /// The first block begins at a row.
    pub fn starting_at(first: usize, n_rows: usize, length: f64) -> Self {
        Self { n_rows, new_block: 1.0 / length.max(1.0), next: first }
    }

    /// The next row.
    pub fn draw(&mut self, generator: &mut ChaCha8Rng) -> usize {
        let row = self.next;
        self.next = if generator.random::<f64>() < self.new_block {
            generator.random_range(0..self.n_rows)
        } else {
            (row + 1) % self.n_rows
        };
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::draws::stream;
    use crate::statistics::normal_draws::normal;

    #[test]
    fn blocks_have_the_length_that_theory_gives_an_autoregression() {
        let n = 20_000;
        let mut generator = stream(4, 0);
        let mut x = 0.0;
        let values: Vec<f64> = (0..n)
            .map(|_| {
                x = 0.5 * x + normal(&mut generator);
                x
            })
            .collect();
        // Of coefficient a and variance 1: G = 2 a / ((1 - a^2) (1 - a)^2), g(0) = 1 / (1 - a)^2, (G / g)^(2/3) n^(1/3).
        let expected = (4.0_f64 / 3.0).powf(2.0 / 3.0) * f64::from(n).cbrt();
        let length = block_length(&values);
        assert!((length / expected - 1.0).abs() < 0.25, "{length} for {expected}");
        let independent: Vec<f64> = (0..n).map(|_| normal(&mut generator)).collect();
        assert!(block_length(&independent) < 5.0);
        assert_eq!(block_length(&[1.0; 50]), 1.0);
    }

    #[test]
    fn blocks_have_their_mean_length_and_wrap_around() {
        let mut generator = stream(5, 0);
        let mut blocks = Blocks::starting_at(7, 10, 4.0);
        assert_eq!(blocks.draw(&mut generator), 7);
        let mut former = 7;
        let mut n_breaks = 0;
        for _ in 0..40_000 {
            let row = blocks.draw(&mut generator);
            assert!(row < 10);
            n_breaks += u32::from(row != (former + 1) % 10);
            former = row;
        }
        // A new block goes on with the next row by chance once in ten times: 9,000 breaks, standard deviation 84.
        assert!((f64::from(n_breaks) - 9_000.0).abs() < 420.0, "{n_breaks}");
    }
}
