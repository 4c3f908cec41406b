//! The area under the receiver operating characteristic: how often a score of the window is larger than one of the reference, ties as
//! one half; and its law where the labels say nothing.
//!
//! Under one law every way to share the labels out among the scores is as likely as the one observed, whatever the scores are. So
//! its p-value by shuffles of the labels is exact, with ties as without.
//!
//! **Source**: Hanley & `McNeil`, *The meaning and use of the area under a receiver operating characteristic (ROC) curve* (1982).

use rand::RngExt;

use super::draws::stream;
use super::parallel::run_tasks;
use crate::ports::{CpuPool, Progress};

/// Shuffles of one task of the pool.
const SHUFFLES_PER_TASK: usize = 50;

/// The scores of both samples by their ranks.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedScores {
    /// Twice the mean rank of each score, from 2 on: those of the window first.
    twice_ranks: Vec<u64>,
    n_window: usize,
}

impl RankedScores {
    /// Of finite scores, some of either sample. Time O(N log N) for N scores.
    pub fn of(reference: &[f64], window: &[f64]) -> Self {
        let scores: Vec<f64> = window.iter().chain(reference).copied().collect();
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        let mut twice_ranks = vec![0; scores.len()];
        let mut below = 0;
        for tied in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
            for place in tied {
                twice_ranks[*place] = (2 * below + tied.len() + 1) as u64;
            }
            below += tied.len();
        }
        Self { twice_ranks, n_window: window.len() }
    }

    /// The area: 0.5 where nothing tells the samples apart, 1 where every score of the window is larger.
    pub fn area(&self) -> f64 {
        self.area_of(self.twice_ranks[..self.n_window].iter().sum())
    }

    /// The areas of so many shuffles of the labels. Time O(N) for each; `None` when cancelled. The same seed gives the same areas on
    /// any number of threads.
    pub fn shuffled(
        &self,
        n_shuffles: usize,
        seed: u64,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Option<Vec<f64>> {
        let n = self.twice_ranks.len();
        let n_reference = n - self.n_window;
        let n_drawn = self.n_window.min(n_reference);
        let total: u64 = self.twice_ranks.iter().sum();
        let task = |task: usize| -> Vec<f64> {
            let (mut generator, mut ranks) = (stream(seed, STREAM + task as u64), self.twice_ranks.clone());
            let n_of_task = SHUFFLES_PER_TASK.min(n_shuffles - task * SHUFFLES_PER_TASK);
            let mut area = |_| {
                // The first places of a shuffle are a sample, in whatever order the others were before.
                for place in 0..n_drawn {
                    ranks.swap(place, generator.random_range(place..n));
                }
                let drawn: u64 = ranks[..n_drawn].iter().sum();
                self.area_of(if n_drawn == self.n_window { drawn } else { total - drawn })
            };
            (0..n_of_task).map(&mut area).collect()
        };
        Some(run_tasks(n_shuffles.div_ceil(SHUFFLES_PER_TASK), pool, progress, &task)?.concat())
    }

    /// From twice the sum of the ranks of the window.
    fn area_of(&self, twice_rank_sum: u64) -> f64 {
        let (n_window, n_reference) = (self.n_window as u64, (self.twice_ranks.len() - self.n_window) as u64);
        // Twice the number of pairs in which the score of the window is the larger one.
        let twice_larger = twice_rank_sum - n_window * (n_window + 1);
        twice_larger as f64 / (2 * n_window * n_reference) as f64
    }
}

/// The first of the streams that shuffle, apart from those of splits and models.
const STREAM: u64 = 1 << 61;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Silent;
    use crate::test_pool::Threads;

    fn area(reference: &[f64], window: &[f64]) -> f64 {
        RankedScores::of(reference, window).area()
    }

    #[test]
    fn pairs_are_counted_and_ties_are_halves() {
        assert_eq!(area(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
        assert_eq!(area(&[3.0, 4.0], &[1.0, 2.0]), 0.0);
        assert_eq!(area(&[0.5; 3], &[0.5; 4]), 0.5);
        // Larger, equal, larger, larger, less, less.
        assert_eq!(area(&[1.0, 2.0], &[2.0, 3.0, 0.0]), 3.5 / 6.0);
    }

    #[test]
    fn shuffles_have_the_law_of_the_ranks() {
        // Of six ways to choose two of four, one is separated.
        for (reference, window) in [(&[1.0, 2.0][..], &[3.0, 4.0][..]), (&[1.0], &[2.0, 3.0, 4.0])] {
            let ranked = RankedScores::of(reference, window);
            let areas = ranked.shuffled(12_000, 1, &Threads(2), &Silent).expect("nobody cancels");
            assert_eq!(areas.len(), 12_000);
            let n_ways = if reference.len() == 2 { 6.0 } else { 4.0 };
            let share = areas.iter().filter(|area| **area == 1.0).count() as f64 / 12_000.0;
            assert!((share - 1.0 / n_ways).abs() < 0.02, "{share}");
            let mean = areas.iter().sum::<f64>() / 12_000.0;
            assert!((mean - 0.5).abs() < 0.02, "{mean}");
            assert_eq!(areas, ranked.shuffled(12_000, 1, &Threads(1), &Silent).unwrap());
        }
    }
}
