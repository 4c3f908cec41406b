//! Which rows of the reference thresholds are computed from, and which rows stand in the window at the start.

use rand::seq::SliceRandom;

use crate::statistics::draws::{DistinctDraws, stream};

/// Which rows of the reference are held out.
pub(crate) trait Splits: Sync {
    /// The rows that a permutation holds out, in order.
    fn permutation(&self, permutation: usize, n_rows: usize, held_out: &mut [usize]);

    /// The rows that an attempt at the split of the reference holds out, in order.
    fn split(&self, attempt: usize, n_rows: usize, held_out: &mut [usize]);

    /// The share of splits that are too unusual to start with.
    fn unusual(&self, ert: f64) -> f64;

    /// All rows in random order: where kernel centres are looked for.
    fn order(&self, n_rows: usize) -> Vec<usize>;
}

/// Splits drawn at random.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeededSplits {
    pub(super) seed: u64,
}

impl SeededSplits {
    fn draw(self, task: u64, n_rows: usize, held_out: &mut [usize]) {
        DistinctDraws::new(n_rows).fill(n_rows, held_out, &mut stream(self.seed, task));
    }
}

impl Splits for SeededSplits {
    fn permutation(&self, permutation: usize, n_rows: usize, held_out: &mut [usize]) {
        self.draw(permutation as u64, n_rows, held_out);
    }

    fn split(&self, attempt: usize, n_rows: usize, held_out: &mut [usize]) {
        // From the other end, so that no attempt repeats a permutation.
        self.draw(u64::MAX - attempt as u64, n_rows, held_out);
    }

    fn unusual(&self, ert: f64) -> f64 {
        // Measured: with the reference library's 1 / ert, one of some hundreds of detectors raises an alarm in the first
        // row after every start. With a larger share than this, runs would be longer than a small ert.
        (3.0 / ert).min(0.02).max(1.0 / ert)
    }

    fn order(&self, n_rows: usize) -> Vec<usize> {
        // Between those of permutations and of splits.
        const ORDER: u64 = 1 << 63;
        let mut rows: Vec<usize> = (0..n_rows).collect();
        rows.shuffle(&mut stream(self.seed, ORDER));
        rows
    }
}
