//! The two halves of a reference whose features are learnt.
//!
//! What is learnt fits the rows that it was learnt from better than any others: compared with those, every new row would seem to
//! drift. So it is learnt from one half, and the others are what new rows are compared with.

use rand::seq::SliceRandom;

use crate::statistics::draws::stream;

/// More rows than this are not learnt from.
const LEARNT_MAX: usize = 5_000;

/// Places in a reference.
pub(super) struct Halves {
    /// Those that are learnt from, drawn by the seed, in no order.
    pub(super) learnt: Vec<usize>,
    /// All others, in order.
    pub(super) compared: Vec<usize>,
}

impl Halves {
    /// Draws those that are learnt from among the places that are `present`, of `n_rows` in all.
    pub(super) fn draw(present: Vec<usize>, n_rows: usize, seed: u64, number: u64) -> Self {
        let mut learnt = present;
        learnt.shuffle(&mut stream(seed, number));
        learnt.truncate(n_learnt(learnt.len()));
        let mut is_compared = vec![true; n_rows];
        for index in &learnt {
            is_compared[*index] = false;
        }
        Self { learnt, compared: (0..n_rows).filter(|index| is_compared[*index]).collect() }
    }
}

/// How many of so many rows are learnt from.
pub(super) fn n_learnt(n_rows: usize) -> usize {
    (n_rows / 2).min(LEARNT_MAX)
}
