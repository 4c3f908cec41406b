//! Kinds by what they judge: one place decides which detector a specification is of.

use super::joint::JointSpec;
use super::multivariate::MultivariateSpec;
use super::{
    BatchSpec, ClassifierModel, ClassifierTestSpec, ClassifierUncertaintySpec, ColumnsSpec, RegressorUncertaintySpec,
};

/// A specification, by the detector that it is of.
pub(super) enum Family<'s> {
    /// Each column by itself.
    Columns(&'s ColumnsSpec),
    /// All columns together, by permutations or a classifier.
    Joint(JointSpec<'s>),
    /// All columns together, by a law from the reference.
    Multivariate(MultivariateSpec<'s>),
    /// The outputs of a model.
    Uncertainty(UncertaintySpec<'s>),
    /// Texts, by their words.
    Words(&'s ClassifierTestSpec),
}

/// The parameters of a kind that judges the outputs of a model.
pub(super) enum UncertaintySpec<'s> {
    Classifier(&'s ClassifierUncertaintySpec),
    Regressor(&'s RegressorUncertaintySpec),
}

impl BatchSpec {
    /// The detector that it is of.
    pub(super) fn family(&self) -> Family<'_> {
        match self {
            Self::Ks(spec)
            | Self::Cvm(spec)
            | Self::ChiSquare(spec)
            | Self::FisherExact(spec)
            | Self::Tabular(spec)
            | Self::Psi(spec)
            | Self::KlDivergence(spec)
            | Self::JensenShannon(spec)
            | Self::Wasserstein(spec)
            | Self::Hellinger(spec)
            | Self::TotalVariation(spec)
            | Self::LInfinity(spec)
            | Self::AndersonDarling(spec)
            | Self::Kuiper(spec)
            | Self::MannWhitney(spec)
            | Self::TTest(spec)
            | Self::ZTest(spec)
            | Self::GTest(spec)
            | Self::EppsSingleton(spec)
            | Self::Energy(spec) => Family::Columns(spec),
            Self::Mmd(spec) => Family::Joint(JointSpec::Mmd(spec)),
            Self::MeanDistance(spec) => Family::Joint(JointSpec::MeanDistance(spec)),
            Self::Lsdd(spec) => Family::Joint(JointSpec::Lsdd(spec)),
            Self::Classifier(spec) if spec.settings.model == ClassifierModel::Words => Family::Words(spec),
            Self::Classifier(spec) => Family::Joint(JointSpec::Classifier(spec)),
            Self::SpotTheDiff(spec) => Family::Joint(JointSpec::SpotTheDiff(spec)),
            Self::ContextMmd(spec) => Family::Joint(JointSpec::ContextMmd(spec)),
            Self::PcaReconstruction(spec) => Family::Multivariate(MultivariateSpec::PcaReconstruction(spec)),
            Self::MmdFourier(spec) => Family::Multivariate(MultivariateSpec::MmdFourier(spec)),
            Self::Hdddm(spec) => Family::Multivariate(MultivariateSpec::Hdddm(spec)),
            Self::KdqTree(spec) => Family::Multivariate(MultivariateSpec::KdqTree(spec)),
            Self::ClassifierUncertainty(spec) => Family::Uncertainty(UncertaintySpec::Classifier(spec)),
            Self::RegressorUncertainty(spec) => Family::Uncertainty(UncertaintySpec::Regressor(spec)),
        }
    }
}
