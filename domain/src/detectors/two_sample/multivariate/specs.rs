//! Parameters of the kinds that resample the reference.

use serde::{Deserialize, Serialize};

use crate::detectors::two_sample::Preset;

/// Parameters of the reconstruction error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PcaReconstructionSpec {
    /// Significance.
    pub p_val: f64,
    /// Whose thresholds are taken instead of calibrated ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Below 1, the share of the variance that the components keep; from 1 on, their number.
    pub n_components: f64,
    /// Rows of a chunk of the reference, of a preset; a tenth of them where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_size: Option<usize>,
    /// Resamples behind a p-value.
    pub n_bootstraps: usize,
    /// Effect size from which on a significant difference counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_effect: Option<f64>,
    /// Seed of the resamples.
    pub seed: u64,
}

/// Parameters of the maximum mean discrepancy of random Fourier features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MmdFourierSpec {
    /// Significance.
    pub p_val: f64,
    /// Random frequencies, each of which gives a cosine and a sine.
    pub n_frequencies: usize,
    /// Bandwidths, in units of the encoded columns; empty while to be inferred.
    pub sigma: Vec<f64>,
    /// Resamples behind a p-value.
    pub n_bootstraps: usize,
    /// Effect size from which on a significant difference counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_effect: Option<f64>,
    /// Seed of the frequencies and of the resamples.
    pub seed: u64,
}

/// Parameters of the Hellinger distance of histograms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HdddmSpec {
    /// Significance.
    pub p_val: f64,
    /// Whose bins and threshold are taken instead of calibrated ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Standard deviations above the mean of differences that are drift, of the preset; else it is the t quantile of the significance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Resamples behind a p-value.
    pub n_bootstraps: usize,
    /// Effect size from which on a significant difference counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_effect: Option<f64>,
    /// Seed of the resamples.
    pub seed: u64,
}

/// Parameters of the divergence over the cells of a tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KdqTreeSpec {
    /// Significance.
    pub p_val: f64,
    /// Whose cells and threshold are taken instead of calibrated ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Rows of the reference in a cell that is not split.
    pub count_ubound: usize,
    /// Resamples behind a p-value.
    pub n_bootstraps: usize,
    /// Effect size from which on a significant difference counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_effect: Option<f64>,
    /// Seed of the resamples.
    pub seed: u64,
}
