//! Statistics of streams of zeros and ones without drift.

use rand::RngExt;

use super::{ColumnTails, smooth};
use crate::statistics::draws::stream;

/// Simulates streams whose share of ones is that of a column.
#[derive(Debug, Clone)]
pub(super) struct Simulation<'t> {
    pub(super) tails: &'t ColumnTails,
    pub(super) share: f64,
    pub(super) lam: f64,
    /// Steps of a stream.
    pub(super) t_max: usize,
    /// Steps until the smallest window is full.
    pub(super) smallest: usize,
}

impl Simulation<'_> {
    /// The largest statistic of each step from the first full window on, by stream.
    pub(super) fn run(&self, seed: u64, streams: std::ops::Range<u64>) -> Vec<Vec<f32>> {
        let mut row = vec![false; self.t_max];
        streams
            .map(|index| {
                let mut generator = stream(seed, index);
                row.fill_with(|| generator.random::<f64>() < self.share);
                self.statistics(&row)
            })
            .collect()
    }

    /// The largest statistic of each step from the first full window on. Time O(`t_max`) a window and direction.
    pub(super) fn statistics(&self, stream: &[bool]) -> Vec<f32> {
        let mut largest = vec![f32::NEG_INFINITY; stream.len() + 1 - self.smallest];
        for window in &self.tails.windows {
            for surprise in &window.surprises {
                let mut ones = 0;
                let mut smoothed = f64::NAN;
                for (step, one) in stream.iter().enumerate() {
                    ones += usize::from(*one);
                    if step + 1 < window.size {
                        continue;
                    }
                    smoothed = smooth(smoothed, surprise[ones], self.lam);
                    let largest = &mut largest[step + 1 - self.smallest];
                    *largest = largest.max(rounded(smoothed));
                    ones -= usize::from(stream[step + 1 - window.size]);
                }
            }
        }
        largest
    }
}

/// Statistics are compared as 32-bit numbers: whether they are equal decides, and the last bits of a smoothed value tell
/// of rows long gone.
#[expect(clippy::cast_possible_truncation, reason = "the point of it")]
pub(super) fn rounded(statistic: f64) -> f32 {
    statistic as f32
}
