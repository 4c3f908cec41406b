//! Online detectors: one verdict a row.
use serde::{Deserialize, Serialize};
/// CVM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CvmOnlineSpec {
    /// Expected run time.
    pub ert: f64,
    /// Windows.
    pub window_sizes: Vec<usize>,
    /// Bootstraps.
    pub n_bootstraps: usize,
    /// Seed.
    pub seed: u64,
}
/// MMD.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MmdOnlineSpec {
    /// Expected run time.
    pub ert: f64,
    /// Window.
    pub window_size: usize,
    /// Bootstraps.
    pub n_bootstraps: usize,
    /// Bandwidths.
    pub sigma: Vec<f64>,
    /// Seed.
    pub seed: u64,
}
