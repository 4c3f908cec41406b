//! Statistics of streams without drift, from ranks alone.
//!
//! Without drift and ties only the order of the pooled values matters, so a stream is drawn as the places of its
//! values among the reference. With `v` the number of reference values below a window value, the statistic is an
//! affine function of `W sum v^2 - n sum v - 2 n P`, where `P` sums the larger `v` of each pair in the window. All
//! pairs of a stream that are less than a window apart are gone through once, lag by lag, which vectorises.

use super::{CvmOnlineSpec, NullMoments};
use crate::statistics::draws::{DistinctDraws, stream};

/// What one window size needs.
#[derive(Debug, Clone)]
struct Window {
    size: usize,
    /// The statistic is `offset + factor * bracket`.
    offset: f64,
    factor: f64,
    /// Sum over the pairs of each value with the ones before, and after it, less than a window apart.
    before: Vec<f64>,
    after: Vec<f64>,
}

/// Simulates streams; holds the memory that all of them share.
#[derive(Debug, Clone)]
pub(super) struct Simulation {
    n_reference: usize,
    n_steps: usize,
    smallest: usize,
    /// By size.
    windows: Vec<Window>,
}

impl Simulation {
    pub(super) fn new(spec: &CvmOnlineSpec, n_reference: usize) -> Self {
        let n_steps = 2 * spec.largest_window() - 1;
        let mut sizes = spec.window_sizes.clone();
        sizes.sort_unstable();
        let windows = sizes
            .iter()
            .map(|&size| {
                let (n, w) = (n_reference as f64, size as f64);
                let moments = NullMoments::new(n, w);
                // The sums of the squared ranks of the reference in itself and of the window in itself.
                let squares = |k: f64| k * (k + 1.0) * (2.0 * k + 1.0) / 6.0;
                let constant = squares(n) * w * w - n * n * w * w + n * n * squares(w);
                let scale = n * w * (n + w);
                Window {
                    size,
                    offset: (constant / (scale * (n + w)) - moments.mean) / moments.deviation,
                    factor: 1.0 / (scale * moments.deviation),
                    before: vec![0.0; n_steps],
                    after: vec![0.0; n_steps],
                }
            })
            .collect();
        Self { n_reference, n_steps, smallest: spec.smallest_window(), windows }
    }

    /// The largest statistic over the full windows at each step of the streams `first..first + n_streams`, by step
    /// from the first at which a window is full, and by stream.
    pub(super) fn run(&mut self, seed: u64, first: usize, n_streams: usize) -> Vec<Vec<f64>> {
        let mut by_step = vec![Vec::with_capacity(n_streams); self.n_steps + 1 - self.smallest];
        let bound = self.n_reference + self.n_steps;
        let mut draws = DistinctDraws::new(bound);
        let mut places = vec![0; self.n_steps];
        let mut below = vec![0.0; self.n_steps];
        let mut statistics = vec![0.0; by_step.len()];
        for index in first..first + n_streams {
            draws.fill(bound, &mut places, &mut stream(seed, index as u64));
            draws.to_undrawn_below(&mut places);
            for (below, place) in below.iter_mut().zip(&places) {
                *below = *place as f64;
            }
            self.statistics(&below, &mut statistics);
            for (step, statistic) in by_step.iter_mut().zip(&statistics) {
                step.push(*statistic);
            }
        }
        by_step
    }

    /// `below[t]` is the number of reference values below the stream's value at step `t`.
    pub(super) fn statistics(&mut self, below: &[f64], statistics: &mut [f64]) {
        self.sum_pairs(below);
        statistics.fill(f64::NEG_INFINITY);
        let n = self.n_reference as f64;
        for window in &self.windows {
            let size = window.size;
            let w = size as f64;
            let (mut sum, mut squares, mut pairs) = (0.0, 0.0, 0.0);
            for (step, &value) in below.iter().enumerate() {
                if let Some(leaving) = step.checked_sub(size) {
                    sum -= below[leaving];
                    squares -= below[leaving] * below[leaving];
                    pairs -= window.after[leaving];
                }
                sum += value;
                squares += value * value;
                pairs += window.before[step];
                if step + 1 >= size {
                    let bracket = w * squares - n * sum - 2.0 * n * pairs;
                    let statistic = window.offset + window.factor * bracket;
                    let largest = &mut statistics[step + 1 - self.smallest];
                    *largest = largest.max(statistic);
                }
            }
        }
    }

    fn sum_pairs(&mut self, below: &[f64]) {
        // Windows are in order of size: the sums of a smaller one are where those of the next begin.
        let mut first_lag = 1;
        for index in 0..self.windows.len() {
            let (smaller, rest) = self.windows.split_at_mut(index);
            let window = &mut rest[0];
            if let Some(smaller) = smaller.last() {
                window.before.copy_from_slice(&smaller.before);
                window.after.copy_from_slice(&smaller.after);
            } else {
                window.before.fill(0.0);
                window.after.fill(0.0);
            }
            for lag in first_lag..window.size.min(below.len()) {
                let n_pairs = below.len() - lag;
                let (earlier, later) = (&below[..n_pairs], &below[lag..]);
                let (after, before) = (&mut window.after[..n_pairs], &mut window.before[lag..]);
                for (((earlier, later), after), before) in earlier.iter().zip(later).zip(after).zip(before) {
                    let larger = if earlier > later { *earlier } else { *later };
                    *after += larger;
                    *before += larger;
                }
            }
            first_lag = window.size;
        }
    }
}
