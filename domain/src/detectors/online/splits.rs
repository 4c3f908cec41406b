//! Which rows of the reference thresholds are computed from, and which rows stand in the window at the start.

use rand::seq::SliceRandom;

use crate::statistics::draws::{DistinctDraws, stream};
use crate::statistics::run_length::Survivors;

/// Attempts at a split whose window is usual.
const USUAL_ATTEMPTS_MAX: usize = 1_000;
/// A tenth to three tenths of the first attempts fail, as those are unusual, and then a share of about `1 / ert`.
const ATTEMPTS_MAX: usize = 100_000;

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

/// What the statistic of the window at the start may be. Every start has the rows of one split in its window: with unusual ones it would
/// raise an alarm after each reset. The reference library asks only that the split would have raised none itself.
pub(super) struct StartLimits {
    /// So that the window is usual.
    pub(super) usual: f64,
    /// That of the first step: among statistics that are mostly equal none may be usual.
    pub(super) threshold: f64,
    pub(super) survivors: Survivors,
}

impl StartLimits {
    /// The rows that are held out, in order, by the first split whose window is within the limits; nothing, if that is none.
    /// `statistic` is that of the window of a split.
    pub(super) fn split(
        &self,
        splits: &dyn Splits,
        n_rows: usize,
        n_held_out: usize,
        mut statistic: impl FnMut(&[usize]) -> f64,
    ) -> Option<Vec<usize>> {
        let mut held_out = vec![0; n_held_out];
        let found = (0..ATTEMPTS_MAX).any(|attempt| {
            splits.split(attempt, n_rows, &mut held_out);
            let limit = if attempt < USUAL_ATTEMPTS_MAX { self.usual } else { self.threshold };
            self.survivors.have(statistic(&held_out), limit)
        });
        found.then_some(held_out)
    }
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
        // Such windows raise one alarm after the other, until the rows of the reference have left them. Measured with `mmd_online`, 100
        // references of 1,000 rows of three uniform numbers and an ert of 50: with a share of 1 / ert, as in the reference library, one of
        // them raises an alarm with every other row, and all together raise 1.8 times as many as the ert says. The larger the share, the
        // longer are runs where the ert is hardly longer than the window (docs/calibration.md).
        (1.0 / ert).max(0.1)
    }

    fn order(&self, n_rows: usize) -> Vec<usize> {
        // Between those of permutations and of splits.
        const ORDER: u64 = 1 << 63;
        let mut rows: Vec<usize> = (0..n_rows).collect();
        rows.shuffle(&mut stream(self.seed, ORDER));
        rows
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use crate::detectors::{CvmThresholds, DetectorKind, DetectorRequest, fit_online};
    use crate::ports::Silent;
    use crate::statistics::draws::stream;
    use crate::test_pool::Threads;

    /// With windows that only raise no alarm themselves these references had 248, 147, 100 and 164 alarms; ten are due.
    #[test]
    fn no_reference_raises_one_alarm_after_the_other() {
        for (kind, reference) in [
            (DetectorKind::MmdOnline, 9),
            (DetectorKind::MmdOnline, 64),
            (DetectorKind::PcaCd, 5),
            (DetectorKind::PcaCd, 62),
        ] {
            let mut generator = stream(reference, 77);
            let mut rows = |n: usize| -> Vec<f64> { (0..3 * n).map(|_| 10.0 * generator.random::<f64>()).collect() };
            let request = DetectorRequest { ert: Some(50.0), seed: Some(reference), ..DetectorRequest::default() };
            let spec = request.online_specification(kind, 3).unwrap();
            let none = CvmThresholds::default();
            let detector = fit_online(&spec, &rows(1_000), 3, &none, &Threads(2), &Silent).unwrap();
            let mut state = detector.start();
            let mut n_alarms = 0;
            for row in rows(500).chunks_exact(3) {
                if detector.step(&mut state, row).is_drift {
                    state = detector.start();
                    n_alarms += 1;
                }
            }
            assert!(n_alarms <= 40, "{kind}, reference {reference}: {n_alarms} alarms");
        }
    }
}
