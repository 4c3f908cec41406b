//! Rows for the tests of these kinds.

use rand::RngExt;

use super::{Multivariate, MultivariateVerdict};
use crate::data::{Cells, Frame};
use crate::detectors::two_sample::Window;
use crate::statistics::draws::stream;
use crate::test_pool::Threads;

/// Columns of numbers.
pub(super) struct Sample {
    pub(super) columns: Vec<Vec<f64>>,
}

impl Sample {
    pub(super) fn frame(&self) -> Frame<'static> {
        Frame::of(self.columns.iter().map(|column| Cells::Numeric(column.clone().into())).collect())
    }

    pub(super) fn rows(&self) -> Vec<f64> {
        let n = self.columns[0].len();
        (0..n).flat_map(|row| self.columns.iter().map(move |column| column[row])).collect()
    }

    pub(super) fn judge(&self, fitted: &dyn Multivariate) -> MultivariateVerdict {
        let (frame, encoded) = (self.frame(), self.rows());
        let n_missing = vec![0; self.columns.len()];
        let origins: Vec<usize> = (0..self.columns.len()).collect();
        let window = Window { cells: &frame, n_missing: &n_missing, encoded: &encoded, origins: &origins };
        fitted.judge(&window, &Threads(2)).expect("a verdict")
    }
}

/// About normal columns of variance 1 that share a part of it.
pub(super) fn correlated(n: usize, d: usize, correlation: f64, seed: u64) -> Sample {
    let mut generator = stream(seed, 9);
    let mut normal = || (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0;
    let mut columns = vec![Vec::with_capacity(n); d];
    for _ in 0..n {
        let common = normal();
        for column in &mut columns {
            column.push(correlation.sqrt() * common + (1.0 - correlation).sqrt() * normal());
        }
    }
    Sample { columns }
}

/// The share of so many trials that alarm.
pub(super) fn false_alarms(n_trials: u64, alarms: impl Fn(u64) -> bool) -> f64 {
    (0..n_trials).filter(|seed| alarms(*seed)).count() as f64 / n_trials as f64
}
