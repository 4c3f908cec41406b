//! Thresholds for an expected run time, kept: they depend on nothing but the numbers in [`Key`].

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::simulation::Simulation;
use super::{CvmOnlineSpec, FitProblem};
use crate::detectors::online::alarm_probability;
use crate::ports::{CpuPool, Progress};
use crate::statistics::parallel::run_tasks;
use crate::statistics::quantile::QuantileType;
use crate::statistics::run_length::{Survivors, n_streams_min, thresholds};

/// What the thresholds depend on.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    spec: CvmOnlineSpec,
    n_rows: usize,
    n_columns: usize,
}

/// Computed thresholds, the latest first.
#[derive(Debug, Default)]
pub struct CvmThresholds {
    kept: Mutex<VecDeque<(Key, Vec<f64>)>>,
}

/// How many sets of thresholds are kept: some kilobytes each.
const KEPT_MAX: usize = 256;
/// Streams of one task of the pool.
const STREAMS_PER_TASK: usize = 250;

impl CvmThresholds {
    /// The thresholds from the first full window until they stay the same, computed or kept, of a specification that has
    /// been checked. Time O(B W^2), memory O(B W).
    ///
    /// # Errors
    /// With too few bootstraps, or when cancelled.
    pub(super) fn of(
        &self,
        spec: &CvmOnlineSpec,
        n_rows: usize,
        n_columns: usize,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Vec<f64>, FitProblem> {
        let key = Key { spec: spec.clone(), n_rows, n_columns };
        let known = self.lock().iter().find(|(kept, _)| *kept == key).map(|(_, thresholds)| thresholds.clone());
        if let Some(thresholds) = known {
            return Ok(thresholds);
        }
        let computed = compute(spec, n_rows, n_columns, pool, progress)?;
        let mut kept = self.lock();
        kept.push_front((key, computed.clone()));
        kept.truncate(KEPT_MAX);
        Ok(computed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(Key, Vec<f64>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn compute(
    spec: &CvmOnlineSpec,
    n_rows: usize,
    n_columns: usize,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<Vec<f64>, FitProblem> {
    let probability = alarm_probability(spec.ert, n_columns);
    let n_steps = spec.n_threshold_steps();
    let too_few =
        FitProblem::TooFewBootstraps { expected: n_streams_min(probability, n_steps), actual: spec.n_bootstraps };
    let n_tasks = spec.n_bootstraps.div_ceil(STREAMS_PER_TASK);
    let simulation = Simulation::new(spec, n_rows);
    progress.stage("simulating the thresholds");
    let chunks = run_tasks(n_tasks, pool, progress, &|task| {
        let first = task * STREAMS_PER_TASK;
        simulation.clone().run(spec.seed, first, STREAMS_PER_TASK.min(spec.n_bootstraps - first))
    })
    .ok_or(FitProblem::Cancelled)?;
    let by_step: Vec<Vec<f64>> =
        (0..n_steps).map(|step| chunks.iter().flat_map(|chunk| chunk[step].iter().copied()).collect()).collect();
    thresholds(&by_step, probability, Survivors::AtOrBelow, QuantileType::Seven).map_err(|_| too_few)
}
