//! The names of the kinds, and what each needs of the columns.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ColumnTest;
use crate::data::ErrorMeasure;
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
    /// Divergence of principal components, online.
    PcaCd,
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
    /// Reconstruction error of principal components, all columns together.
    PcaReconstruction,
    /// Maximum mean discrepancy of random Fourier features, all columns together, of millions of rows.
    MmdFourier,
    /// Hellinger distance of histograms, averaged over columns.
    Hdddm,
    /// Kullback–Leibler divergence over the cells of a tree, all columns together.
    KdqTree,
    /// Distance of mean vectors, all columns together.
    MeanDistance,
    /// How uncertain a classifier is; the columns are its outputs.
    ClassifierUncertainty,
    /// How uncertain a regressor is; the columns are the predictions of an ensemble.
    RegressorUncertainty,
    /// ADWIN: the mean of a window of last values that grows while it stays the same.
    Adwin,
    /// Page–Hinkley: the mean of values moves either way.
    PageHinkley,
    /// Kolmogorov–Smirnov between the last values and those before them in a window.
    Kswin,
    /// CUSUM: the mean of values rises.
    Cusum,
    /// DDM: errors become more frequent than at their best.
    Ddm,
    /// EDDM: errors come closer together than at their best.
    Eddm,
    /// HDDM with Hoeffding's bound: the mean of values from 0 to 1 rises.
    HddmA,
    /// HDDM with `McDiarmid`'s bound: the weighted mean of values from 0 to 1 rises.
    HddmW,
    /// RDDM: DDM that forgets.
    Rddm,
    /// STEPD: the share of errors in the last values is another than before.
    Stepd,
    /// FHDDM: the share of errors in the last values rises above its least.
    Fhddm,
    /// ECDD: the weighted share of errors rises.
    Ecdd,
    /// Geometric moving average: the weighted mean of values rises.
    GeometricMovingAverage,
    /// Bayesian online change point detection: the mean of values changed.
    Bocd,
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
    /// L-infinity distance, each column of categories by itself.
    LInfinity,
    /// Anderson–Darling, each column of numbers by itself.
    AndersonDarling,
    /// Kuiper's test, each column of numbers by itself.
    Kuiper,
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
    pub const ALL: [Self; 52] = [
        Self::CvmOnline,
        Self::FetOnline,
        Self::LsddOnline,
        Self::MmdOnline,
        Self::PcaCd,
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
        Self::PcaReconstruction,
        Self::MmdFourier,
        Self::Hdddm,
        Self::KdqTree,
        Self::MeanDistance,
        Self::ClassifierUncertainty,
        Self::RegressorUncertainty,
        Self::Adwin,
        Self::PageHinkley,
        Self::Kswin,
        Self::Cusum,
        Self::Ddm,
        Self::Eddm,
        Self::HddmA,
        Self::HddmW,
        Self::Rddm,
        Self::Stepd,
        Self::Fhddm,
        Self::Ecdd,
        Self::GeometricMovingAverage,
        Self::Bocd,
        Self::Psi,
        Self::KlDivergence,
        Self::JensenShannon,
        Self::Wasserstein,
        Self::Hellinger,
        Self::TotalVariation,
        Self::LInfinity,
        Self::AndersonDarling,
        Self::Kuiper,
        Self::MannWhitney,
        Self::TTest,
        Self::ZTest,
        Self::GTest,
        Self::EppsSingleton,
        Self::Energy,
    ];

    /// Whether it judges row by row; the others judge windows.
    pub fn is_online(self) -> bool {
        matches!(
            self,
            Self::CvmOnline | Self::FetOnline | Self::LsddOnline | Self::MmdOnline | Self::PcaCd | Self::Dummy
        ) || self.is_streaming()
    }

    /// Whether it judges row by row what one column holds, by settings of the field instead of an expected run time.
    pub fn is_streaming(self) -> bool {
        matches!(
            self,
            Self::Adwin
                | Self::PageHinkley
                | Self::Kswin
                | Self::Cusum
                | Self::Ddm
                | Self::Eddm
                | Self::HddmA
                | Self::HddmW
                | Self::Rddm
                | Self::Stepd
                | Self::Fhddm
                | Self::Ecdd
                | Self::GeometricMovingAverage
                | Self::Bocd
        )
    }

    /// Whether its values are errors: 1 for an error, 0 for none.
    pub fn watches_errors(self) -> bool {
        matches!(self, Self::Ddm | Self::Eddm | Self::Rddm | Self::Stepd | Self::Fhddm | Self::Ecdd)
    }

    /// How the predictions of a model become values of this kind, where their truth comes along; `None` of kinds that do not watch
    /// how a model errs.
    pub fn error_measure(self) -> Option<ErrorMeasure> {
        match (self.is_streaming(), self.encoding()) {
            (false, _) => None,
            (true, Encoding::Binary) => Some(ErrorMeasure::Differs),
            (true, _) => Some(ErrorMeasure::Distance),
        }
    }

    /// Whether it warns before it drifts.
    pub fn warns(self) -> bool {
        matches!(self, Self::Ddm | Self::Eddm | Self::HddmA | Self::HddmW | Self::Rddm | Self::Stepd | Self::Ecdd)
    }

    /// Whether it judges each column by itself.
    pub fn judges_columns(self) -> bool {
        self.encoding() != Encoding::Kernel
    }

    /// What it sees of the columns.
    pub fn encoding(self) -> Encoding {
        match self {
            Self::CvmOnline
            | Self::ClassifierUncertainty
            | Self::RegressorUncertainty
            | Self::Adwin
            | Self::PageHinkley
            | Self::Kswin
            | Self::Cusum
            | Self::GeometricMovingAverage
            | Self::Bocd => Encoding::Raw,
            Self::FetOnline
            | Self::Ddm
            | Self::Eddm
            | Self::HddmA
            | Self::HddmW
            | Self::Rddm
            | Self::Stepd
            | Self::Fhddm
            | Self::Ecdd => Encoding::Binary,
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
            | Self::LInfinity
            | Self::AndersonDarling
            | Self::Kuiper
            | Self::MannWhitney
            | Self::TTest
            | Self::ZTest
            | Self::GTest
            | Self::EppsSingleton
            | Self::Energy => Encoding::Cells,
            Self::LsddOnline
            | Self::MmdOnline
            | Self::PcaCd
            | Self::Mmd
            | Self::Lsdd
            | Self::Classifier
            | Self::SpotTheDiff
            | Self::ContextMmd
            | Self::PcaReconstruction
            | Self::MmdFourier
            | Self::Hdddm
            | Self::KdqTree
            | Self::MeanDistance => Encoding::Kernel,
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
            Self::LInfinity => Some(ColumnTest::LInfinity),
            Self::AndersonDarling => Some(ColumnTest::AndersonDarling),
            Self::Kuiper => Some(ColumnTest::Kuiper),
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
            | Self::PcaCd
            | Self::Dummy
            | Self::Tabular
            | Self::Mmd
            | Self::Lsdd
            | Self::Classifier
            | Self::SpotTheDiff
            | Self::ContextMmd
            | Self::PcaReconstruction
            | Self::MmdFourier
            | Self::Hdddm
            | Self::KdqTree
            | Self::MeanDistance
            | Self::ClassifierUncertainty
            | Self::RegressorUncertainty
            | Self::Adwin
            | Self::PageHinkley
            | Self::Kswin
            | Self::Cusum
            | Self::Ddm
            | Self::Eddm
            | Self::HddmA
            | Self::HddmW
            | Self::Rddm
            | Self::Stepd
            | Self::Fhddm
            | Self::Ecdd
            | Self::GeometricMovingAverage
            | Self::Bocd => None,
        }
    }

    /// Its name in requests, answers and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CvmOnline => "cvm_online",
            Self::FetOnline => "fet_online",
            Self::LsddOnline => "lsdd_online",
            Self::MmdOnline => "mmd_online",
            Self::PcaCd => "pca_cd",
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
            Self::PcaReconstruction => "pca_reconstruction",
            Self::MmdFourier => "mmd_fourier",
            Self::Hdddm => "hdddm",
            Self::KdqTree => "kdq_tree",
            Self::MeanDistance => "mean_distance",
            Self::ClassifierUncertainty => "classifier_uncertainty",
            Self::RegressorUncertainty => "regressor_uncertainty",
            Self::Adwin => "adwin",
            Self::PageHinkley => "page_hinkley",
            Self::Kswin => "kswin",
            Self::Cusum => "cusum",
            Self::Ddm => "ddm",
            Self::Eddm => "eddm",
            Self::HddmA => "hddm_a",
            Self::HddmW => "hddm_w",
            Self::Rddm => "rddm",
            Self::Stepd => "stepd",
            Self::Fhddm => "fhddm",
            Self::Ecdd => "ecdd",
            Self::GeometricMovingAverage => "geometric_moving_average",
            Self::Bocd => "bocd",
            Self::Psi => "psi",
            Self::KlDivergence => "kl_divergence",
            Self::JensenShannon => "jensen_shannon",
            Self::Wasserstein => "wasserstein",
            Self::Hellinger => "hellinger",
            Self::TotalVariation => "total_variation",
            Self::LInfinity => "l_infinity",
            Self::AndersonDarling => "anderson_darling",
            Self::Kuiper => "kuiper",
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
