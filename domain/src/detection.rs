//! What a detector answers.

/// The verdict on one row (online detectors) or on one test window.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// Whether it drifts.
    pub is_drift: bool,
    /// Rows fed since the start or the last reset, this one included.
    pub time: u64,
    /// Whether the detector has too few rows to judge yet.
    pub warm_up: bool,
    /// The statistic, where there is one.
    pub statistic: Option<f64>,
    /// What the statistic was compared with.
    pub threshold: Option<f64>,
    /// The p-value, of detectors that have one.
    pub p_value: Option<f64>,
    /// The distance or effect size, of detectors that have one.
    pub distance: Option<f64>,
    /// The verdict on each column, of detectors that judge several columns one by one; the largest statistic
    /// first.
    pub features: Vec<FeatureDetection>,
}

/// The verdict on one column.
#[derive(Debug, Clone, PartialEq)]
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
    /// Its distance or effect size, of detectors that have one.
    pub distance: Option<f64>,
}
