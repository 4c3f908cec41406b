//! Cosines and sines of rows at random frequencies, and their means.

use rand::rngs::ChaCha8Rng;

use crate::ports::{CpuPool, Progress};
use crate::statistics::normal_draws::normal;
use crate::statistics::parallel::run_tasks;

/// Rows whose features are summed by one task.
const ROWS_PER_TASK: usize = 4_096;

/// Random frequencies, in turns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frequencies {
    /// Those of each column, one after the other: a row is a loop over frequencies for each of its numbers.
    entries: Vec<f64>,
    k: usize,
}

impl Frequencies {
    /// `k` frequencies for rows of `d` numbers, the kernels of the bandwidths in turn.
    pub(super) fn draw(k: usize, d: usize, sigma: &[f64], generator: &mut ChaCha8Rng) -> Self {
        let mut entries = vec![0.0; k * d];
        for frequency in 0..k {
            let sigma = sigma[frequency % sigma.len()];
            for column in 0..d {
                entries[column * k + frequency] = normal(generator) / (sigma * std::f64::consts::TAU);
            }
        }
        Self { entries, k }
    }

    pub(super) fn restore(entries: Vec<f64>, k: usize) -> Self {
        Self { entries, k }
    }

    pub(super) fn entries(&self) -> &[f64] {
        &self.entries
    }

    /// Numbers of a feature vector.
    pub(super) fn width(&self) -> usize {
        2 * self.k
    }

    fn d(&self) -> usize {
        self.entries.len() / self.k
    }

    pub(super) fn n_rows(&self, rows: &[f64]) -> usize {
        rows.len() / self.d()
    }

    /// The vectors of rows, of length 1 each: cosines, then sines.
    pub(super) fn vectors(&self, rows: &[f64]) -> Vec<f64> {
        let mut vectors = Vec::with_capacity(rows.len() / self.d() * self.width());
        let mut turns = vec![0.0; self.k];
        for row in rows.chunks_exact(self.d()) {
            let start = vectors.len();
            vectors.resize(start + self.width(), 0.0);
            self.add(row, &mut turns, &mut vectors[start..]);
        }
        let scale = 1.0 / (self.k as f64).sqrt();
        for value in &mut vectors {
            *value *= scale;
        }
        vectors
    }

    /// The mean vector of rows; the same bits on any number of threads. `None` when cancelled.
    pub(super) fn mean(&self, rows: &[f64], pool: &dyn CpuPool, progress: &dyn Progress) -> Option<Vec<f64>> {
        let n_rows = self.n_rows(rows);
        let tasks: Vec<&[f64]> = rows.chunks(ROWS_PER_TASK * self.d()).collect();
        let sums = run_tasks(tasks.len(), pool, progress, &|task| {
            let (mut sums, mut turns) = (vec![0.0; self.width()], vec![0.0; self.k]);
            for row in tasks[task].chunks_exact(self.d()) {
                self.add(row, &mut turns, &mut sums);
            }
            sums
        })?;
        let mut mean = vec![0.0; self.width()];
        for sums in sums {
            for (mean, sum) in mean.iter_mut().zip(sums) {
                *mean += sum;
            }
        }
        let scale = 1.0 / ((self.k as f64).sqrt() * n_rows as f64);
        for value in &mut mean {
            *value *= scale;
        }
        Some(mean)
    }

    /// Adds cosines and sines of a row.
    fn add(&self, row: &[f64], turns: &mut [f64], sums: &mut [f64]) {
        turns.fill(0.0);
        for (value, frequencies) in row.iter().zip(self.entries.chunks_exact(self.k)) {
            for (turn, frequency) in turns.iter_mut().zip(frequencies) {
                *turn += value * frequency;
            }
        }
        let (cosines, sines) = sums.split_at_mut(self.k);
        for ((turn, cosine), sine) in turns.iter().zip(cosines).zip(sines) {
            let (of_cosine, of_sine) = cosine_and_sine(*turn);
            *cosine += of_cosine;
            *sine += of_sine;
        }
    }
}

/// Adding and subtracting it rounds to an integer: 1.5 * 2^52.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// Cosine and sine of an angle in turns, to 1e-12. Without branch or call, so that a loop becomes vector instructions, and the
/// same everywhere, which those of the system are not. Of angles too large to have a place within a turn, any.
#[expect(clippy::inline_always, reason = "a loop becomes vector instructions only with this inside")]
#[inline(always)]
fn cosine_and_sine(turns: f64) -> (f64, f64) {
    let f = turns - ((turns + ROUND) - ROUND);
    let f = if f.abs() <= 0.5 { f } else { 0.25 };
    // Half the angle, at most a quarter of a turn; then it is doubled.
    let y = f * std::f64::consts::PI;
    let y2 = y * y;
    let mut s = -1.0 / 121_645_100_408_832_000.0;
    for divisor in
        [355_687_428_096_000.0, -1_307_674_368_000.0, 6_227_020_800.0, -39_916_800.0, 362_880.0, -5_040.0, 120.0, -6.0]
    {
        s = s * y2 + 1.0 / divisor;
    }
    let s = y * (s * y2 + 1.0);
    let mut c = -1.0 / 6_402_373_705_728_000.0;
    for divisor in [20_922_789_888_000.0, -87_178_291_200.0, 479_001_600.0, -3_628_800.0, 40_320.0, -720.0, 24.0, -2.0]
    {
        c = c * y2 + 1.0 / divisor;
    }
    let c = c * y2 + 1.0;
    (1.0 - 2.0 * s * s, 2.0 * s * c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_and_sines_are_those_of_the_angle() {
        for step in -4_000..4_000 {
            let turns = f64::from(step) * 0.001_37;
            let (cosine, sine) = cosine_and_sine(turns);
            let angle = turns * std::f64::consts::TAU;
            assert!((cosine - angle.cos()).abs() < 1e-12 && (sine - angle.sin()).abs() < 1e-12, "{turns}");
        }
        for wild in [1e300, -1e300, f64::INFINITY, f64::NAN] {
            let (cosine, sine) = cosine_and_sine(wild);
            assert!((cosine * cosine + sine * sine - 1.0).abs() < 1e-9, "{wild}");
        }
    }
}
