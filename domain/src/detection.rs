//! What a detector answers.

use std::ops::Deref;

use crate::detectors::Explanation;
use crate::quality::QualityFinding;

/// The verdict on one row (online detectors) or on one test window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Detection {
    /// Whether it drifts.
    pub is_drift: bool,
    /// Whether it may be about to drift, of detectors that warn.
    pub is_warning: bool,
    /// Rows fed since the start or the last reset, these included.
    pub time: u64,
    /// Rows that were judged: 1 of online detectors.
    pub rows: u64,
    /// Whether the detector has too few rows to judge yet.
    pub warm_up: bool,
    /// The statistic, where there is one.
    pub statistic: Option<f64>,
    /// What the statistic was compared with.
    pub threshold: Option<f64>,
    /// The p-value, of detectors that have one.
    pub p_value: Option<f64>,
    /// The distance, of detectors that have one.
    pub distance: Option<f64>,
    /// The distance that has the significance as its p-value, of detectors that permute or resample, or a fixed one.
    pub distance_threshold: Option<f64>,
    /// How large the difference is, whatever the number of rows, of detectors that know it.
    pub effect_size: Option<f64>,
    /// Why there is no verdict, where a window could not be judged.
    pub problem: Option<Box<str>>,
    /// The statistic of each window, of detectors that watch windows of several sizes.
    pub windows: WindowStatistics,
    /// The verdict on each column, in the order of the schema, of detectors that judge columns one by one or explain.
    pub features: Vec<FeatureDetection>,
    /// What the checks of quality found in its rows: it has no part in the verdict.
    pub quality: Vec<QualityFinding>,
}

/// The statistic of each window in each column, as they are compared with the threshold: windows in the order of the
/// specification times columns in the order of the schema, row-major. `NaN` where a window is not full or a column is
/// not watched.
///
/// They are equal where their bits are, `NaN` included.
#[derive(Debug, Clone, Default)]
pub struct WindowStatistics(Box<[f64]>);

impl WindowStatistics {
    /// Those of no full window.
    pub(crate) fn unknown(n_windows: usize, n_columns: usize) -> Self {
        Self(vec![f64::NAN; n_windows * n_columns].into_boxed_slice())
    }

    /// Those of a column, by window.
    pub(crate) fn of_column_mut(&mut self, column: usize, n_columns: usize) -> impl Iterator<Item = &mut f64> {
        self.0.iter_mut().skip(column).step_by(n_columns)
    }
}

impl From<Vec<f64>> for WindowStatistics {
    fn from(statistics: Vec<f64>) -> Self {
        Self(statistics.into_boxed_slice())
    }
}

impl Deref for WindowStatistics {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.0
    }
}

impl PartialEq for WindowStatistics {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other.iter()).all(|(a, b)| a.to_bits() == b.to_bits())
    }
}

/// The verdict on one column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FeatureDetection {
    /// Index of the column in the schema.
    pub column: usize,
    /// Whether this column drifts.
    pub is_drift: bool,
    /// Its statistic.
    pub statistic: Option<f64>,
    /// Its p-value, of detectors that have one.
    pub p_value: Option<f64>,
    /// What its statistic was compared with.
    pub threshold: Option<f64>,
    /// Its distance, of detectors that have one.
    pub distance: Option<f64>,
    /// The distance from which on it drifts, of kinds that measure distances: the one that has the significance as its
    /// p-value, or a fixed one.
    pub distance_threshold: Option<f64>,
    /// How large the difference is, from 0 to 1, of detectors that test windows.
    pub effect_size: Option<f64>,
    /// What moved, where that was asked for.
    pub explanation: Option<Box<Explanation>>,
}

/// The verdicts on columns, the most suspicious first: by their p-values, else by how far their statistics are beyond their thresholds.
/// O(n log n).
pub fn ranked(features: &[FeatureDetection]) -> Vec<&FeatureDetection> {
    let mut order: Vec<&FeatureDetection> = features.iter().collect();
    order.sort_by(|a, b| {
        let effect_size = |feature: &FeatureDetection| feature.effect_size.unwrap_or(0.0);
        suspicion(b).total_cmp(&suspicion(a)).then(effect_size(b).total_cmp(&effect_size(a)))
    });
    order
}

/// How much a column stands out: by its p-value, else by how far its statistic is beyond its threshold.
fn suspicion(feature: &FeatureDetection) -> f64 {
    let suspicion = match (feature.p_value, feature.statistic, feature.threshold) {
        (Some(p_value), _, _) => -p_value,
        (None, Some(statistic), Some(threshold)) => statistic - threshold,
        (None, Some(statistic), None) => statistic,
        (None, None, _) => f64::NEG_INFINITY,
    };
    if suspicion.is_nan() { f64::NEG_INFINITY } else { suspicion }
}
