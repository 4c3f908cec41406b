//! The names of the kinds, and what each needs of the columns.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ColumnTest;
use crate::preprocess::Encoding;

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
    /// Never drifts, row by row.
    Dummy,
    /// Kolmogorov–Smirnov, each column of numbers by itself.
    Ks,
    /// Cramér–von Mises, each column of numbers by itself.
    Cvm,
    /// Pearson's chi-square, each column of categories by itself.
    ChiSquare,
    /// Fisher's exact test, each column of two classes by itself.
    FisherExact,
    /// Each column by itself, by the test that suits its type.
    Tabular,
    /// Maximum mean discrepancy, all columns together.
    Mmd,
    /// Least-squares density difference, all columns together.
    Lsdd,
    /// A classifier that tells the window from the reference, all columns together.
    Classifier,
    /// A classifier by kernels at learnt places, all columns together.
    SpotTheDiff,
    /// Maximum mean discrepancy given some of the columns, the context.
    ContextMmd,
    /// How uncertain a classifier is; the columns are its outputs.
    ClassifierUncertainty,
    /// How uncertain a regressor is; the columns are the predictions of an ensemble.
    RegressorUncertainty,
    /// Population stability index, each column by itself.
    Psi,
    /// Divergence of Kullback and Leibler, each column by itself.
    KlDivergence,
    /// Jensen–Shannon distance, each column by itself.
    JensenShannon,
    /// Wasserstein distance, each column of numbers by itself.
    Wasserstein,
    /// Hellinger distance, each column by itself.
    Hellinger,
    /// Total variation distance, each column by itself.
    TotalVariation,
    /// Anderson–Darling, each column of numbers by itself.
    AndersonDarling,
    /// Mann–Whitney U, each column of numbers by itself.
    MannWhitney,
    /// Test of means, each column of numbers by itself.
    TTest,
    /// Test of two shares, of two classes, each column of two classes by itself.
    ZTest,
    /// G-test, of categories, each column of categories by itself.
    GTest,
    /// Epps–Singleton, each column of numbers by itself.
    EppsSingleton,
    /// Energy distance, each column of numbers by itself.
    Energy,
}

impl DetectorKind {
    /// Every kind.
    pub const ALL: [Self; 30] = [
        Self::CvmOnline,
        Self::FetOnline,
        Self::LsddOnline,
        Self::MmdOnline,
        Self::Dummy,
        Self::Ks,
        Self::Cvm,
        Self::ChiSquare,
        Self::FisherExact,
        Self::Tabular,
        Self::Mmd,
        Self::Lsdd,
        Self::Classifier,
        Self::SpotTheDiff,
        Self::ContextMmd,
        Self::ClassifierUncertainty,
        Self::RegressorUncertainty,
        Self::Psi,
        Self::KlDivergence,
        Self::JensenShannon,
        Self::Wasserstein,
        Self::Hellinger,
        Self::TotalVariation,
        Self::AndersonDarling,
        Self::MannWhitney,
        Self::TTest,
        Self::ZTest,
        Self::GTest,
        Self::EppsSingleton,
        Self::Energy,
    ];

    /// Whether it judges row by row; the others judge windows.
    pub fn is_online(self) -> bool {
        matches!(self, Self::CvmOnline | Self::FetOnline | Self::LsddOnline | Self::MmdOnline | Self::Dummy)
    }

    /// Whether it judges each column by itself.
    pub fn judges_columns(self) -> bool {
        self.encoding() != Encoding::Kernel
    }

    /// What it sees of the columns.
    pub fn encoding(self) -> Encoding {
        match self {
            Self::CvmOnline | Self::ClassifierUncertainty | Self::RegressorUncertainty => Encoding::Raw,
            Self::FetOnline => Encoding::Binary,
            Self::Dummy
            | Self::Ks
            | Self::Cvm
            | Self::ChiSquare
            | Self::FisherExact
            | Self::Tabular
            | Self::Psi
            | Self::KlDivergence
            | Self::JensenShannon
            | Self::Wasserstein
            | Self::Hellinger
            | Self::TotalVariation
            | Self::AndersonDarling
            | Self::MannWhitney
            | Self::TTest
            | Self::ZTest
            | Self::GTest
            | Self::EppsSingleton
            | Self::Energy => Encoding::Cells,
            Self::LsddOnline
            | Self::MmdOnline
            | Self::Mmd
            | Self::Lsdd
            | Self::Classifier
            | Self::SpotTheDiff
            | Self::ContextMmd => Encoding::Kernel,
        }
    }

    /// The test or distance by which it judges every column, of kinds that have one for all.
    pub fn column_test(self) -> Option<ColumnTest> {
        match self {
            Self::Ks => Some(ColumnTest::Ks),
            Self::Cvm => Some(ColumnTest::Cvm),
            Self::ChiSquare => Some(ColumnTest::ChiSquare),
            Self::FisherExact => Some(ColumnTest::FisherExact),
            Self::Psi => Some(ColumnTest::Psi),
            Self::KlDivergence => Some(ColumnTest::KlDivergence),
            Self::JensenShannon => Some(ColumnTest::JensenShannon),
            Self::Wasserstein => Some(ColumnTest::Wasserstein),
            Self::Hellinger => Some(ColumnTest::Hellinger),
            Self::TotalVariation => Some(ColumnTest::TotalVariation),
            Self::AndersonDarling => Some(ColumnTest::AndersonDarling),
            Self::MannWhitney => Some(ColumnTest::MannWhitney),
            Self::TTest => Some(ColumnTest::TTest),
            Self::ZTest => Some(ColumnTest::ZTest),
            Self::GTest => Some(ColumnTest::GTest),
            Self::EppsSingleton => Some(ColumnTest::EppsSingleton),
            Self::Energy => Some(ColumnTest::Energy),
            Self::CvmOnline
            | Self::FetOnline
            | Self::LsddOnline
            | Self::MmdOnline
            | Self::Dummy
            | Self::Tabular
            | Self::Mmd
            | Self::Lsdd
            | Self::Classifier
            | Self::SpotTheDiff
            | Self::ContextMmd
            | Self::ClassifierUncertainty
            | Self::RegressorUncertainty => None,
        }
    }

    /// Its name in requests, answers and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CvmOnline => "cvm_online",
            Self::FetOnline => "fet_online",
            Self::LsddOnline => "lsdd_online",
            Self::MmdOnline => "mmd_online",
            Self::Dummy => "dummy",
            Self::Ks => "ks",
            Self::Cvm => "cvm",
            Self::ChiSquare => "chi_square",
            Self::FisherExact => "fisher_exact",
            Self::Tabular => "tabular",
            Self::Mmd => "mmd",
            Self::Lsdd => "lsdd",
            Self::Classifier => "classifier",
            Self::SpotTheDiff => "spot_the_diff",
            Self::ContextMmd => "context_mmd",
            Self::ClassifierUncertainty => "classifier_uncertainty",
            Self::RegressorUncertainty => "regressor_uncertainty",
            Self::Psi => "psi",
            Self::KlDivergence => "kl_divergence",
            Self::JensenShannon => "jensen_shannon",
            Self::Wasserstein => "wasserstein",
            Self::Hellinger => "hellinger",
            Self::TotalVariation => "total_variation",
            Self::AndersonDarling => "anderson_darling",
            Self::MannWhitney => "mann_whitney",
            Self::TTest => "t_test",
            Self::ZTest => "z_test",
            Self::GTest => "g_test",
            Self::EppsSingleton => "epps_singleton",
            Self::Energy => "energy",
        }
    }
}

impl fmt::Display for DetectorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
