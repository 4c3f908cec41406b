//! Hellinger distance of histograms, averaged over columns: which columns have changed their distributions, told as one verdict.
//!
//! Each column of numbers has about as many bins as the root of the reference's rows, at most 100, each with as many of
//! them; a column of categories has a cell for each of five rows or more, and one for all others. The statistic is the mean
//! over columns of `sqrt(sum (sqrt(p) - sqrt(q))^2)` for the shares `p` and `q` of a cell. Choose it for many columns of any
//! types and windows of any size: it is cheap, and says which columns contribute. Changes that only show in columns together
//! it cannot see.
//!
//! The paper's bins have one width, which leaves sparse ones in the tails: there, windows stray further from the reference than
//! resamples of it do, and alarms would be four times as frequent as they should.
//!
//! **Calibration**: rows of the reference are resampled at the window's size, whole, so that dependent columns stay
//! so, and held against the reference; its own size stretches the distance by `sqrt(1 + m / n)`. Cells of at most 10,000 rows are kept for
//! it, and windows of more than 2,000 rows have resamples of 2,000, scaled by the root of the size. The paper compares how much the distance changes from
//! batch to batch with how much it used to, which lets slow drift pass and needs some batches before it can speak; here
//! every window has a p-value. The preset `menelaus` is the paper's way, see there.
//!
//! **Cost**: a fit O(n d), a test O(m d + B min(m, 2000) d); memory `8 min(n, 10000) d` bytes.
//!
//! **Source**: Ditzler & Polikar, *Hellinger distance based drift detection for nonstationary environments* (2011).

mod binning;
mod sequence;

use rand::rngs::ChaCha8Rng;

use self::binning::Binning;
pub use self::sequence::{HdddmSequence, SequenceVerdict};
use super::resampling::{critical_value, p_value, resampled, row};
use super::{HdddmSpec, Importances, Multivariate, MultivariateVerdict};
use crate::data::{Frame, TensorError, Tensors};
use crate::detectors::FitProblem;
use crate::detectors::two_sample::{BatchSpec, Preset, Window, WindowProblem, invalid};
use crate::ports::{CpuPool, Progress, Silent};

/// Rows of the reference that are resampled.
const KEPT_ROWS_MAX: usize = 10_000;
/// Resamples of more rows are taken of so many, and scaled.
const RESAMPLED_ROWS_MAX: usize = 2_000;
const BINS_MAX: usize = 100;

/// Histograms of a reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Hdddm {
    spec: HdddmSpec,
    n_rows: usize,
    columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq)]
struct Column {
    binning: Binning,
    /// The share of the reference of each cell.
    shares: Vec<f64>,
    /// The cells of the rows that are resampled.
    cells: Vec<u32>,
    /// Their share of each cell.
    kept_shares: Vec<f64>,
}

impl Column {
    fn new(binning: Binning, shares: Vec<f64>, cells: Vec<u32>) -> Self {
        let kept_shares = shares_of(&cells, shares.len());
        Self { binning, shares, cells, kept_shares }
    }
}

impl Hdddm {
    /// Fits on the cells of a reference, none missing.
    ///
    /// # Errors
    /// When cancelled.
    pub fn fit(spec: &HdddmSpec, reference: &Frame<'_>, progress: &dyn Progress) -> Result<Self, FitProblem> {
        progress.stage("counting the rows of each bin");
        let n_rows = reference.n_rows();
        let n_bins = n_rows.isqrt().clamp(1, BINS_MAX);
        let n_kept = n_rows.min(KEPT_ROWS_MAX);
        let mut columns = Vec::with_capacity(reference.columns().len());
        for cells in reference.columns() {
            if progress.is_cancelled() {
                return Err(FitProblem::Cancelled);
            }
            let binning = Binning::fit(cells, n_bins);
            let cells = binning.cells(cells);
            let shares = shares_of(&cells, binning.n_cells());
            let kept = (0..n_kept).map(|index| cells[index * n_rows / n_kept]).collect();
            columns.push(Column::new(binning, shares, kept));
        }
        Ok(Self { spec: spec.clone(), n_rows, columns })
    }

    /// Those that `Multivariate::save` gave.
    ///
    /// # Errors
    /// When the arrays are not those of such a detector over `n_columns` columns.
    pub fn from_tensors(spec: &HdddmSpec, tensors: &Tensors, n_columns: usize) -> Result<Self, TensorError> {
        let n_rows = usize::try_from(tensors.u64s_of_length("n_rows", 1)?[0]).unwrap_or(0);
        let n_kept = n_rows.min(KEPT_ROWS_MAX);
        if n_rows == 0 {
            return Err(invalid("n_rows", "there is one"));
        }
        let column = |index: usize| {
            let shares = tensors.f64s(&format!("bins.shares.{index}"))?.to_vec();
            let binning = Binning::restore(tensors, index, shares.len())?;
            let name = format!("bins.cells.{index}");
            let cell = |cell: &u64| u32::try_from(*cell).ok().filter(|cell| (*cell as usize) < shares.len());
            let cells: Option<Vec<u32>> = tensors.u64s_of_length(&name, n_kept)?.iter().map(cell).collect();
            let cells = cells.ok_or_else(|| invalid(&name, "each is one of the cells"))?;
            Ok(Column::new(binning, shares, cells))
        };
        let columns = (0..n_columns).map(column).collect::<Result<_, TensorError>>()?;
        Ok(Self { spec: spec.clone(), n_rows, columns })
    }

    /// The mean distance of resampled rows of the reference from it.
    fn drawn(&self, m: usize, generator: &mut ChaCha8Rng) -> f64 {
        let n_kept = self.n_rows.min(KEPT_ROWS_MAX);
        let rows: Vec<usize> = (0..m).map(|_| row(n_kept, generator)).collect();
        let of_column = |column: &Column| {
            let mut counts = vec![0_u32; column.shares.len()];
            for row in &rows {
                counts[column.cells[*row] as usize] += 1;
            }
            let shares = counts.iter().map(|count| f64::from(*count) / m as f64);
            hellinger(column.kept_shares.iter().copied(), shares)
        };
        self.columns.iter().map(of_column).sum::<f64>() / self.columns.len() as f64
    }
}

fn shares_of(cells: &[u32], n_cells: usize) -> Vec<f64> {
    let mut counts = vec![0_u64; n_cells];
    for cell in cells {
        counts[*cell as usize] += 1;
    }
    counts.iter().map(|count| *count as f64 / cells.len() as f64).collect()
}

/// The distance of two laws, from 0 to the root of 2.
fn hellinger(p: impl Iterator<Item = f64>, q: impl Iterator<Item = f64>) -> f64 {
    p.zip(q).map(|(p, q)| (p.sqrt() - q.sqrt()) * (p.sqrt() - q.sqrt())).sum::<f64>().sqrt()
}

impl Multivariate for Hdddm {
    fn judge(&self, window: &Window<'_>, pool: &dyn CpuPool) -> Result<MultivariateVerdict, WindowProblem> {
        let (n, m) = (self.n_rows as f64, window.cells.n_rows());
        let (mut sum, mut importances) = (0.0, Vec::with_capacity(self.columns.len()));
        for (column, cells) in self.columns.iter().zip(window.cells.columns()) {
            let shares = shares_of(&column.binning.cells(cells), column.shares.len());
            let distance = hellinger(column.shares.iter().copied(), shares.into_iter());
            sum += distance;
            // What the noise of so many cells makes on the average is no contribution.
            let n_free = column.shares.iter().filter(|share| **share > 0.0).count().saturating_sub(1) as f64;
            importances.push((distance * distance - n_free / 4.0 * (1.0 / n + 1.0 / m as f64)).max(0.0));
        }
        let distance = sum / self.columns.len() as f64;
        let n_drawn = m.min(RESAMPLED_ROWS_MAX);
        let stretch = (n_drawn as f64 / m as f64 * (1.0 + m as f64 / n)).sqrt();
        let law = resampled(self.spec.n_bootstraps, self.spec.seed, pool, &Silent, &|generator| {
            self.drawn(n_drawn, generator) * stretch
        });
        let law = law.ok_or_else(|| WindowProblem("the test was cancelled".to_owned()))?;
        let p_value = p_value(&law, distance);
        Ok(MultivariateVerdict {
            distance,
            compared: None,
            p_value: Some(p_value),
            distance_threshold: Some(critical_value(&law, self.spec.p_val)),
            is_beyond: p_value < self.spec.p_val,
            effect_size: (distance / std::f64::consts::SQRT_2).min(1.0),
            importances: Importances::OfColumns(importances),
        })
    }

    fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        tensors.insert_u64("n_rows", vec![self.n_rows as u64]);
        for (index, column) in self.columns.iter().enumerate() {
            column.binning.save(index, &mut tensors);
            tensors.insert_f64(&format!("bins.shares.{index}"), column.shares.clone());
            let cells = column.cells.iter().map(|cell| u64::from(*cell)).collect();
            tensors.insert_u64(&format!("bins.cells.{index}"), cells);
        }
        tensors
    }

    fn spec(&self) -> BatchSpec {
        BatchSpec::Hdddm(self.spec.clone())
    }

    fn test_cost_ns(&self, _n_reference: usize, n_rows: usize) -> u64 {
        let resamples = (self.spec.n_bootstraps * (n_rows.min(RESAMPLED_ROWS_MAX) + BINS_MAX)) as u64;
        (10 * n_rows as u64).saturating_add(3 * resamples).saturating_mul(self.columns.len() as u64)
    }

    fn fit_cost_ns(&self, n_reference: usize) -> u64 {
        (20 * n_reference as u64).saturating_mul(self.columns.len() as u64)
    }
}

impl HdddmSpec {
    /// Presets that the kind has.
    pub const PRESETS: [Preset; 1] = [Preset::Menelaus];
}

#[cfg(test)]
mod tests;
