//! Thresholds from chunks of the reference, as `NannyML` has them.

use crate::data::{TensorError, Tensors};

/// Chunks of a reference whose size is not given.
const N_CHUNKS: usize = 10;
/// Standard deviations from their mean to a threshold.
const MULTIPLIER: f64 = 3.0;

/// Between them nothing drifts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bounds {
    /// Not below 0, where no error is.
    lower: Option<f64>,
    upper: f64,
}

impl Bounds {
    /// Mean ± 3 standard deviations of the mean errors of chunks of rows that follow each other; by default of a tenth of them, and what
    /// remains is a chunk of its own.
    pub(super) fn of_chunks(errors: &[f64], chunk_size: Option<usize>) -> Self {
        let size = chunk_size.unwrap_or(errors.len() / N_CHUNKS).max(1);
        let means: Vec<f64> = errors.chunks(size).map(super::mean).collect();
        let mean = super::mean(&means);
        let squares: f64 = means.iter().map(|value| (value - mean) * (value - mean)).sum();
        let deviation = (squares / means.len() as f64).sqrt();
        let lower = mean - MULTIPLIER * deviation;
        Self { lower: (lower >= 0.0).then_some(lower), upper: mean + MULTIPLIER * deviation }
    }

    pub(super) fn lower(&self) -> Option<f64> {
        self.lower
    }

    pub(super) fn upper(&self) -> f64 {
        self.upper
    }

    pub(super) fn are_passed_by(&self, value: f64) -> bool {
        !(self.lower.is_none_or(|lower| lower < value) && value < self.upper)
    }

    pub(super) fn save(&self, tensors: &mut Tensors) {
        tensors.insert_f64("bounds", self.lower.into_iter().chain([self.upper]).collect());
    }

    pub(super) fn from_tensors(tensors: &Tensors) -> Result<Self, TensorError> {
        match *tensors.f64s("bounds")? {
            [upper] => Ok(Self { lower: None, upper }),
            [lower, upper] => Ok(Self { lower: Some(lower), upper }),
            _ => {
                let reason = "expected an upper bound, or a lower one before it".to_owned();
                Err(TensorError::Value { name: "bounds".to_owned(), reason })
            }
        }
    }
}
