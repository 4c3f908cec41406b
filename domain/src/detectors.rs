//! The detectors, a closed set: one file each.

mod calibration;
mod density_difference;
mod kind;
mod online;
mod request;
mod streaming;
pub mod two_sample;

use serde::{Deserialize, Serialize};

pub use calibration::CalibrationProblem;
pub(crate) use calibration::{Replay, Streams};
pub use kind::DetectorKind;
#[cfg(test)]
pub(crate) use online::{Curve, Splits, TiedStreams, curve};
pub use online::{
    CvmOnline, CvmOnlineSpec, CvmThresholds, DivergenceMetric, Dummy, DummySpec, FetOnline, FetOnlineSpec, FitProblem,
    LsddOnline, LsddOnlineSpec, MmdOnline, MmdOnlineSpec, OnlineDetector, OnlineSpec, OnlineState, PcaCd, PcaCdSpec,
    SIMULATED_MAX, check_online, fit_online, restore_online,
};
pub use request::{
    DetectorRequest, InvalidSettings, ModelName, PERMUTATIONS_MAX, ReferenceUpdateRequest, SequenceRequest,
    SettingIssue, StreamingRequest, WindowRequest,
};
pub use streaming::{
    AdwinSettings, BocdSettings, ChangeMode, CusumSettings, DdmSettings, EcddSettings, EddmSettings, FhddmSettings,
    GeometricMovingAverageSettings, HddmASettings, HddmWSettings, KswinSettings, PageHinkleySettings, RddmSettings,
    StepdSettings, Streaming, StreamingSettings, StreamingSpec,
};
pub use two_sample::{
    BatchDetector, BatchSpec, CategoryShift, ClassifierArea, ClassifierModel, ClassifierOutcome, ClassifierSettings,
    ClassifierTest, ClassifierTestSpec, ClassifierUncertaintySpec, ColumnTest, ColumnTests, ColumnsSpec,
    ContextMmdTestSpec, Direction, DistanceMetric, Explanation, Hdddm, HdddmSequence, HdddmSpec, HeldOut, KdqTree,
    KdqTreeSpec, LsddTestSpec, MeanDistanceSpec, MmdFourier, MmdFourierSpec, MmdTestSpec, ModelOutputs,
    ModelTestProblem, N_BOOTSTRAPS, PcaReconstruction, PcaReconstructionSpec, Preset, QUANTILES,
    RegressorUncertaintySpec, SequenceVerdict, SpotTheDiff, SpotTheDiffOutcome, SpotTheDiffSettings,
    SpotTheDiffTestSpec, Summary, TestProblem, UncertaintyProblem, UncertaintyType, Validation, Window, WindowProblem,
    WordWeight, check_batch, entropies, fit_batch, narrow_margins, restore_batch, spreads,
};

#[cfg(test)]
pub(crate) use two_sample::{SpotTheDiffModel, prediction_test, split_without, words};

/// A kind with every parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DetectorSpec {
    /// It judges row by row.
    Online(OnlineSpec),
    /// It judges windows.
    Batch(BatchSpec),
}

impl DetectorSpec {
    /// The kind.
    pub fn kind(&self) -> DetectorKind {
        match self {
            Self::Online(spec) => spec.kind(),
            Self::Batch(spec) => spec.kind(),
        }
    }

    /// The expected run time, in rows, of online kinds that raise alarms.
    pub fn ert(&self) -> Option<f64> {
        match self {
            Self::Online(spec) => spec.ert(),
            Self::Batch(_) => None,
        }
    }
}
