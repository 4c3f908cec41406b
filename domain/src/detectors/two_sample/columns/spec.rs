//! What is asked of the columns.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::data::ColumnType;
use crate::detectors::two_sample::{BatchSpec, ColumnTest, Preset};
use crate::statistics::alternative::Alternative;
use crate::statistics::correction::Correction;

/// Parameters of the kinds that judge columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnsSpec {
    /// Significance: the probability of a false alarm in a window.
    pub p_val: f64,
    /// How the significance is shared among the columns.
    pub correction: Correction,
    /// Which change counts, of tests that know a direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternative: Option<Alternative>,
    /// The test of each column, of `tabular`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<BTreeMap<String, ColumnTest>>,
    /// Effect size from which on a significant column counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_effect: Option<f64>,
    /// The library whose bins and thresholds are taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Fixed threshold of a distance, or of a preset's p-value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Share of the columns that must drift for the table to drift; else one is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_share: Option<f64>,
    /// Draws of the laws of distances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_bootstraps: Option<usize>,
    /// Seed of everything random: the laws of distances, and what moves the reference on.
    pub seed: u64,
}

impl ColumnsSpec {
    /// How many rows of a window the tests of the columns need, of `tabular`.
    pub(in super::super) fn window_rows_min(&self) -> usize {
        self.tests.iter().flat_map(BTreeMap::values).map(|test| test.window_rows_min()).max().unwrap_or(1)
    }
}

impl BatchSpec {
    /// The test of a column.
    pub(super) fn test_of(&self, column: &str, kind: &ColumnType) -> ColumnTest {
        match self {
            Self::Tabular(spec) => {
                let asked = spec.tests.as_ref().and_then(|tests| tests.get(column)).copied();
                asked.unwrap_or_else(|| ColumnTest::suiting(kind))
            }
            Self::Ks(_) => ColumnTest::Ks,
            Self::Cvm(_) => ColumnTest::Cvm,
            Self::ChiSquare(_) => ColumnTest::ChiSquare,
            Self::FisherExact(_) => ColumnTest::FisherExact,
            Self::Psi(_) => ColumnTest::Psi,
            Self::KlDivergence(_) => ColumnTest::KlDivergence,
            Self::JensenShannon(_) => ColumnTest::JensenShannon,
            Self::Wasserstein(_) => ColumnTest::Wasserstein,
            Self::Hellinger(_) => ColumnTest::Hellinger,
            Self::TotalVariation(_) => ColumnTest::TotalVariation,
            Self::LInfinity(_) => ColumnTest::LInfinity,
            Self::AndersonDarling(_) => ColumnTest::AndersonDarling,
            Self::Kuiper(_) => ColumnTest::Kuiper,
            Self::MannWhitney(_) => ColumnTest::MannWhitney,
            Self::TTest(_) => ColumnTest::TTest,
            Self::ZTest(_) => ColumnTest::ZTest,
            Self::GTest(_) => ColumnTest::GTest,
            Self::EppsSingleton(_) => ColumnTest::EppsSingleton,
            Self::Energy(_) => ColumnTest::Energy,
            // They judge no columns by themselves, but are explained by them.
            Self::Mmd(_)
            | Self::Lsdd(_)
            | Self::Classifier(_)
            | Self::SpotTheDiff(_)
            | Self::ContextMmd(_)
            | Self::PcaReconstruction(_)
            | Self::MmdFourier(_)
            | Self::Hdddm(_)
            | Self::KdqTree(_)
            | Self::MeanDistance(_)
            | Self::ClassifierUncertainty(_)
            | Self::RegressorUncertainty(_) => ColumnTest::suiting(kind),
        }
    }
}
