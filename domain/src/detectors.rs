//! The detectors, a closed set: one file each.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::preprocess::Encoding;

mod online;
mod request;
mod two_sample;

#[cfg(test)]
pub(crate) use online::{Curve, Splits, TiedStreams, curve};
pub use online::{
    CvmOnline, CvmOnlineSpec, CvmThresholds, FetOnline, FetOnlineSpec, FitProblem, LsddOnline, LsddOnlineSpec,
    MmdOnline, MmdOnlineSpec, OnlineDetector, OnlineState, check_online, fit_online, restore_online,
};
pub use request::{DetectorRequest, InvalidSettings, SettingIssue};
pub use two_sample::{
    ClassifierModel, ClassifierOutcome, ClassifierSettings, ClassifierTest, HeldOut, ModelOutputs, ModelTestProblem,
    SpotTheDiff, SpotTheDiffOutcome, SpotTheDiffSettings, UncertaintyProblem, Validation, entropies, narrow_margins,
    spreads,
};
#[cfg(test)]
pub(crate) use two_sample::{SpotTheDiffModel, prediction_test};

/// The kinds of detectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetectorKind {
    /// Cramér–von Mises, each column by itself, row by row.
    CvmOnline,
    /// Fisher's exact test, each column of two classes by itself, row by row.
    FetOnline,
    /// Least-squares density difference, all columns together, row by row.
    LsddOnline,
    /// Maximum mean discrepancy, all columns together, row by row.
    MmdOnline,
}

impl DetectorKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::CvmOnline, Self::FetOnline, Self::LsddOnline, Self::MmdOnline];

    /// What it needs of the columns.
    pub fn encoding(self) -> Encoding {
        match self {
            Self::CvmOnline => Encoding::Raw,
            Self::FetOnline => Encoding::Binary,
            Self::LsddOnline | Self::MmdOnline => Encoding::Kernel,
        }
    }

    /// Its name in requests, answers and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CvmOnline => "cvm_online",
            Self::FetOnline => "fet_online",
            Self::LsddOnline => "lsdd_online",
            Self::MmdOnline => "mmd_online",
        }
    }
}

impl fmt::Display for DetectorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A kind with every parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum DetectorSpec {
    /// See [`CvmOnlineSpec`].
    CvmOnline(CvmOnlineSpec),
    /// See [`FetOnlineSpec`].
    FetOnline(FetOnlineSpec),
    /// See [`LsddOnlineSpec`].
    LsddOnline(LsddOnlineSpec),
    /// See [`MmdOnlineSpec`].
    MmdOnline(MmdOnlineSpec),
}

impl DetectorSpec {
    /// The kind.
    pub fn kind(&self) -> DetectorKind {
        match self {
            Self::CvmOnline(_) => DetectorKind::CvmOnline,
            Self::FetOnline(_) => DetectorKind::FetOnline,
            Self::LsddOnline(_) => DetectorKind::LsddOnline,
            Self::MmdOnline(_) => DetectorKind::MmdOnline,
        }
    }

    /// The expected run time, in rows.
    pub fn ert(&self) -> Option<f64> {
        match self {
            Self::CvmOnline(spec) => Some(spec.ert),
            Self::FetOnline(spec) => Some(spec.ert),
            Self::LsddOnline(spec) => Some(spec.ert),
            Self::MmdOnline(spec) => Some(spec.ert),
        }
    }
}
