//! Laws of statistics when nothing drifts, from resamples of the reference.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use crate::ports::{CpuPool, Progress};
use crate::statistics::draws::stream;
use crate::statistics::parallel::run_tasks;

/// Resamples a task draws.
const PER_TASK: usize = 32;

/// The statistic of so many resamples, ascending; resample `b` draws from stream `b` of the seed. `None` when cancelled.
pub(super) fn resampled(
    n_bootstraps: usize,
    seed: u64,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
    statistic: &(dyn Fn(&mut ChaCha8Rng) -> f64 + Sync),
) -> Option<Vec<f64>> {
    let task = |task: usize| -> Vec<f64> {
        let resamples = task * PER_TASK..((task + 1) * PER_TASK).min(n_bootstraps);
        resamples.map(|resample| statistic(&mut stream(seed, resample as u64))).collect()
    };
    let mut all = run_tasks(n_bootstraps.div_ceil(PER_TASK), pool, progress, &task)?.concat();
    all.sort_unstable_by(f64::total_cmp);
    Some(all)
}

/// A row below `n`.
pub(super) fn row(n: usize, generator: &mut ChaCha8Rng) -> usize {
    generator.random_range(0..n)
}

/// The share of resamples, the observed one with them, that are at least as large as a statistic.
pub(super) fn p_value(ascending: &[f64], statistic: f64) -> f64 {
    let below = ascending.partition_point(|resample| *resample < statistic);
    (1 + ascending.len() - below) as f64 / (1 + ascending.len()) as f64
}

/// The statistic of which that share is the level: larger ones have a smaller p-value than the level.
pub(super) fn critical_value(ascending: &[f64], level: f64) -> f64 {
    // The p-value of a statistic above `ascending[i]` is at most (len - i) / (len + 1).
    let n = ascending.len();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= level <= 1")]
    let n_above = (level * (n + 1) as f64).ceil() as usize;
    ascending.get((n + 1).saturating_sub(n_above.max(1))).or(ascending.last()).copied().unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Silent;
    use crate::test_pool::Threads;

    #[test]
    fn p_values_count_the_observed_statistic_and_fall_below_the_level_beyond_the_critical_value() {
        let ascending: Vec<f64> = (0..199).map(f64::from).collect();
        assert_eq!(p_value(&ascending, 300.0), 1.0 / 200.0);
        assert_eq!(p_value(&ascending, 0.0), 1.0);
        let critical = critical_value(&ascending, 0.05);
        assert!(p_value(&ascending, critical) >= 0.05 && p_value(&ascending, critical + 0.5) < 0.05, "{critical}");
    }

    #[test]
    fn resamples_are_the_same_on_any_number_of_threads() {
        let draw = |generator: &mut ChaCha8Rng| row(1_000_000, generator) as f64;
        let with = |threads, seed| resampled(100, seed, &Threads(threads), &Silent, &draw).unwrap();
        assert_eq!(with(1, 3), with(3, 3));
        assert_ne!(with(1, 3), with(1, 4));
        assert_eq!(with(2, 3).len(), 100);
    }
}
