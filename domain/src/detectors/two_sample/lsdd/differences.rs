//! Differences of the mean kernels of two samples at the centres, for all assignments of the pooled rows at once.

use crate::detectors::density_difference::{Basis, Eigenvalues, N_REGULARIZERS};
use crate::detectors::two_sample::TestProblem;
use crate::ports::{CpuPool, Progress};
use crate::statistics::kernel::{BLOCK, Points};
use crate::statistics::parallel::run_tasks;
use crate::statistics::part::Part;
use crate::statistics::permutation::{AssignedSums, Assignments, LANES, PermutationSpec, PermutationTest};

/// By assignment, but for [`Assignments::ALL`], along the eigenvectors of the kernels among the centres.
pub(crate) struct Differences<'b> {
    eigenvalues: &'b Eigenvalues,
    coordinates: Vec<Vec<f64>>,
}

/// The sums of a task are as many numbers as centres and assignments, so there are few tasks however many the rows.
const TASKS_MAX: usize = 16;
/// Assignments of one task.
const ASSIGNMENTS_PER_TASK: usize = 16;
/// By how much rounding may change the difference of two means of kernels.
const ROUNDING: f64 = 1e-14;

impl<'b> Differences<'b> {
    /// Of standardised rows. Time O(n c (d + P / 8) + P c^2), memory O(P c). `None` when cancelled.
    pub(super) fn of(
        basis: &Basis,
        eigenvalues: &'b Eigenvalues,
        pooled: &Points,
        assignments: &Assignments,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Option<Self> {
        let c = basis.centers().n_rows();
        let summing = pooled.n_rows() as f64 * (pooled.n_columns() as f64 + assignments.len() as f64 / 8.0);
        let turning = (assignments.len() * c) as f64;
        let [for_sums, for_turning] = Part::split(progress, [summing, turning]);

        let blocks_per_task = assignments.n_blocks().div_ceil(TASKS_MAX);
        let n_tasks = assignments.n_blocks().div_ceil(blocks_per_task);
        let parts = run_tasks(n_tasks, pool, &for_sums, &|task| {
            let first = task * blocks_per_task;
            let blocks = first..assignments.n_blocks().min(first + blocks_per_task);
            kernel_sums(basis, pooled, assignments, blocks)
        })?;
        let mut parts = parts.into_iter();
        let mut sums = parts.next()?;
        for part in parts {
            sums.add(&part);
        }

        let all: Vec<f64> = sums.of(Assignments::ALL).take(c).collect();
        let (n, m) = (assignments.n_first() as f64, assignments.n_second() as f64);
        let n_differences = assignments.len() - Assignments::OBSERVED;
        let coordinates = run_tasks(n_differences.div_ceil(ASSIGNMENTS_PER_TASK), pool, &for_turning, &|task| {
            let first = Assignments::OBSERVED + task * ASSIGNMENTS_PER_TASK;
            (first..assignments.len().min(first + ASSIGNMENTS_PER_TASK))
                .map(|assignment| {
                    let of_first = sums.of(assignment).zip(&all);
                    let difference: Vec<f64> = of_first.map(|(first, all)| first / n - (all - first) / m).collect();
                    basis.turned(&difference)
                })
                .collect::<Vec<_>>()
        })?;
        Some(Self { eigenvalues, coordinates: coordinates.into_iter().flatten().collect() })
    }

    fn permuted(&self) -> &[Vec<f64>] {
        &self.coordinates[Assignments::PERMUTED - Assignments::OBSERVED..]
    }

    /// The largest regulariser whose mean relative difference over the permutations is below the limit.
    pub(crate) fn choose_lambda(&self, lambda_rd_max: f64) -> Result<f64, TestProblem> {
        let mut means = [0.0; N_REGULARIZERS];
        for difference in self.permuted() {
            for (mean, relative) in means.iter_mut().zip(self.eigenvalues.relative_differences(difference)) {
                *mean += relative / self.permuted().len() as f64;
            }
        }
        Eigenvalues::choose(&means, lambda_rd_max).ok_or(TestProblem::NoRegularizer { lambda_rd_max })
    }

    /// The statistics as observed, then of the permutations.
    pub(crate) fn statistics(&self, lambda: f64) -> Vec<f64> {
        let weights = self.eigenvalues.weights(lambda);
        let statistic = |difference: &Vec<f64>| {
            weights.iter().zip(difference).map(|(weight, difference)| weight * difference * difference).sum()
        };
        self.coordinates.iter().map(statistic).collect()
    }

    pub(crate) fn test(&self, lambda: f64, spec: &PermutationSpec) -> PermutationTest {
        let mut statistics = self.statistics(lambda);
        let permuted = statistics.split_off(Assignments::PERMUTED - Assignments::OBSERVED);
        let distance = statistics[0];
        // Each of the differences may be off by so much.
        let weight: f64 = self.eigenvalues.weights(lambda).iter().sum();
        let rounding = (2.0 * (distance * weight).sqrt() + weight * ROUNDING) * ROUNDING;
        PermutationTest::of(distance, permuted, rounding, spec.level, spec.rule)
    }

    /// As observed.
    #[cfg(test)]
    pub(crate) fn observed(&self) -> &[f64] {
        &self.coordinates[0]
    }
}

/// Of each assignment, the kernels of its first sample with the centres, summed over some blocks of rows.
fn kernel_sums(
    basis: &Basis,
    pooled: &Points,
    assignments: &Assignments,
    blocks: std::ops::Range<usize>,
) -> AssignedSums {
    let c = basis.centers().n_rows();
    let width = c.next_multiple_of(LANES);
    let mut sums = AssignedSums::new(width, assignments.len());
    let mut kernels = vec![0.0; BLOCK * width];
    let mut x = vec![0.0; pooled.n_columns()];
    for block in blocks {
        for (within, kernels) in kernels.chunks_exact_mut(width).enumerate() {
            let row = block * BLOCK + within;
            if row < pooled.n_rows() {
                pooled.copy_row(row, &mut x);
                basis.kernels(&x, &mut kernels[..c]);
            } else {
                kernels.fill(0.0);
            }
        }
        sums.add_block(&kernels, assignments.of_block(block));
    }
    sums
}
