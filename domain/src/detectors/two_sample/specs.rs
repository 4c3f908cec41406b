//! The kinds that judge windows, with every parameter.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::classifier::FoldPermutations;
use super::context_mmd::{ContextMmdReference, ROWS_MAX};
use super::family::{Family, UncertaintySpec};
use super::joint::JointSpec;
use super::multivariate::MultivariateSpec;
use super::{
    ClassifierSettings, ColumnTest, ColumnsSpec, DistanceMetric, HdddmSpec, KdqTreeSpec, MmdFourierSpec, ModelOutputs,
    PcaReconstructionSpec, Preset, SpotTheDiffSettings, Validation,
};
use crate::detectors::DetectorKind;
use crate::statistics::permutation::{PValueRule, PermutationSpec};

/// A kind that judges windows, with every parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum BatchSpec {
    /// Kolmogorov–Smirnov, each column by itself.
    Ks(ColumnsSpec),
    /// Cramér–von Mises, each column by itself.
    Cvm(ColumnsSpec),
    /// Pearson's chi-square, each column by itself.
    ChiSquare(ColumnsSpec),
    /// Fisher's exact test, each column by itself.
    FisherExact(ColumnsSpec),
    /// Each column by the test that suits its type.
    Tabular(ColumnsSpec),
    /// Maximum mean discrepancy.
    Mmd(MmdTestSpec),
    /// Least-squares density difference.
    Lsdd(LsddTestSpec),
    /// Distance of mean vectors.
    MeanDistance(MeanDistanceSpec),
    /// A classifier that tells the window from the reference.
    Classifier(ClassifierTestSpec),
    /// A classifier by kernels at learnt places.
    SpotTheDiff(SpotTheDiffTestSpec),
    /// Maximum mean discrepancy given a context.
    ContextMmd(ContextMmdTestSpec),
    /// Reconstruction error of principal components.
    PcaReconstruction(PcaReconstructionSpec),
    /// Maximum mean discrepancy of random Fourier features.
    MmdFourier(MmdFourierSpec),
    /// Hellinger distance of histograms.
    Hdddm(HdddmSpec),
    /// Divergence over the cells of a tree.
    KdqTree(KdqTreeSpec),
    /// How uncertain a classifier is, from its outputs.
    ClassifierUncertainty(ClassifierUncertaintySpec),
    /// How uncertain a regressor is, from the predictions of an ensemble.
    RegressorUncertainty(RegressorUncertaintySpec),
    /// Population stability index.
    Psi(ColumnsSpec),
    /// Divergence of Kullback and Leibler.
    KlDivergence(ColumnsSpec),
    /// Jensen–Shannon distance.
    JensenShannon(ColumnsSpec),
    /// Wasserstein distance, of numbers.
    Wasserstein(ColumnsSpec),
    /// Hellinger distance.
    Hellinger(ColumnsSpec),
    /// Total variation distance.
    TotalVariation(ColumnsSpec),
    /// L-infinity distance, of categories.
    LInfinity(ColumnsSpec),
    /// Anderson–Darling, of numbers.
    AndersonDarling(ColumnsSpec),
    /// Kuiper's test, of numbers.
    Kuiper(ColumnsSpec),
    /// Mann–Whitney U, of numbers.
    MannWhitney(ColumnsSpec),
    /// Test of means, of numbers.
    TTest(ColumnsSpec),
    /// Test of two shares, of two classes.
    ZTest(ColumnsSpec),
    /// G-test, of categories.
    GTest(ColumnsSpec),
    /// Epps–Singleton, of numbers.
    EppsSingleton(ColumnsSpec),
    /// Energy distance, of numbers.
    Energy(ColumnsSpec),
}

/// Parameters of the maximum mean discrepancy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MmdTestSpec {
    /// Significance.
    pub p_val: f64,
    /// Number of permutations.
    pub n_permutations: usize,
    /// How p-values are counted.
    pub p_value_rule: PValueRule,
    /// Bandwidths, in units of the encoded columns; empty while to be inferred, or inferred from each window.
    pub sigma: Vec<f64>,
    /// Whether the bandwidth is inferred from the reference once; else from reference and window, at every test.
    pub configure_kernel_from_x_ref: bool,
    /// Whose bandwidth and threshold are taken instead of permutations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Another threshold of the preset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Effect size from which on a significant difference counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_effect: Option<f64>,
    /// Seed of the permutations.
    pub seed: u64,
}

/// Parameters of the distance of mean vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanDistanceSpec {
    /// Significance.
    pub p_val: f64,
    /// How the distance is measured.
    pub metric: DistanceMetric,
    /// Whose threshold is taken instead of permutations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// A fixed threshold instead of permutations, or another one of the preset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Number of permutations.
    pub n_permutations: usize,
    /// How p-values are counted.
    pub p_value_rule: PValueRule,
    /// Effect size from which on a significant difference counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_effect: Option<f64>,
    /// Seed of the permutations.
    pub seed: u64,
}

/// Parameters of the least-squares density difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LsddTestSpec {
    /// Significance.
    pub p_val: f64,
    /// Number of permutations.
    pub n_permutations: usize,
    /// How p-values are counted.
    pub p_value_rule: PValueRule,
    /// Bandwidths, in units of standardised columns; empty while to be inferred.
    pub sigma: Vec<f64>,
    /// Rows of the reference that become centres of kernels.
    pub n_kernel_centers: usize,
    /// Largest relative difference that the regulariser may make.
    pub lambda_rd_max: f64,
    /// Effect size from which on a significant difference counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_effect: Option<f64>,
    /// Seed of the centres and of the permutations.
    pub seed: u64,
}

/// Parameters of the maximum mean discrepancy given a context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextMmdTestSpec {
    /// Significance.
    pub p_val: f64,
    /// The columns that are the context; the others are judged given them.
    pub context_columns: Vec<String>,
    /// Number of permutations.
    pub n_permutations: usize,
    /// How p-values are counted.
    pub p_value_rule: PValueRule,
    /// Bandwidths of the kernel of rows, in units of the encoded columns; empty where inferred at every test.
    pub sigma: Vec<f64>,
    /// Bandwidths of the kernel of contexts; empty where inferred at every test.
    pub context_sigma: Vec<f64>,
    /// Share of the contexts of a window that is held out.
    pub prop_c_held: f64,
    /// Effect size from which on a significant difference counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_effect: Option<f64>,
    /// Seed of everything random.
    pub seed: u64,
}

/// Parameters of the classifier test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierTestSpec {
    /// Significance.
    pub p_val: f64,
    /// The model and how it is asked.
    pub settings: ClassifierSettings,
    /// Number of permutations by which folds keep the significance; none with one split. Of words, the number of shuffles of the labels.
    #[serde(default)]
    pub n_permutations: usize,
    /// Whose split and thresholds are taken instead of a test of the predictions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Another upper threshold of the preset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Distance from which on a significant difference counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_effect: Option<f64>,
    /// Seed of splits and models.
    pub seed: u64,
}

/// Parameters of the test by learnt differences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpotTheDiffTestSpec {
    /// Significance.
    pub p_val: f64,
    /// The model and how it is trained and asked.
    pub settings: SpotTheDiffSettings,
    /// Number of permutations by which folds keep the significance; none with one split.
    #[serde(default)]
    pub n_permutations: usize,
    /// Distance from which on a significant difference counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_effect: Option<f64>,
    /// Seed of splits and models.
    pub seed: u64,
}

/// What of a classifier's probabilities is its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UncertaintyType {
    /// Their entropy, compared by Kolmogorov–Smirnov.
    #[default]
    Entropy,
    /// Whether the largest two are near each other, compared by chi-square.
    Margin,
}

/// Parameters of the uncertainty of a classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierUncertaintySpec {
    /// Significance.
    pub p_val: f64,
    /// What the outputs are.
    pub preds_type: ModelOutputs,
    /// What of them is the uncertainty.
    pub uncertainty_type: UncertaintyType,
    /// Difference of the largest two probabilities below which a margin is narrow.
    pub margin_width: f64,
    /// Effect size from which on a significant difference counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_effect: Option<f64>,
    /// Seed of everything random: what moves the reference on.
    pub seed: u64,
}

/// Parameters of the uncertainty of a regressor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegressorUncertaintySpec {
    /// Significance.
    pub p_val: f64,
    /// Effect size from which on a significant difference counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_effect: Option<f64>,
    /// Seed of everything random: what moves the reference on.
    pub seed: u64,
}

/// The parameters that every kind has.
struct Common {
    p_val: f64,
    min_effect: Option<f64>,
    seed: u64,
}

/// What Evidently holds distances of mean vectors against.
const EVIDENTLY_DISTANCE: f64 = 0.2;

/// More rows than this are not judged at once.
const WINDOW_ROWS_MAX: usize = 10_000_000;

impl BatchSpec {
    /// The kind.
    pub fn kind(&self) -> DetectorKind {
        match self {
            Self::Ks(_) => DetectorKind::Ks,
            Self::Cvm(_) => DetectorKind::Cvm,
            Self::ChiSquare(_) => DetectorKind::ChiSquare,
            Self::FisherExact(_) => DetectorKind::FisherExact,
            Self::Tabular(_) => DetectorKind::Tabular,
            Self::Mmd(_) => DetectorKind::Mmd,
            Self::MeanDistance(_) => DetectorKind::MeanDistance,
            Self::Lsdd(_) => DetectorKind::Lsdd,
            Self::Classifier(_) => DetectorKind::Classifier,
            Self::SpotTheDiff(_) => DetectorKind::SpotTheDiff,
            Self::ContextMmd(_) => DetectorKind::ContextMmd,
            Self::PcaReconstruction(_) => DetectorKind::PcaReconstruction,
            Self::MmdFourier(_) => DetectorKind::MmdFourier,
            Self::Hdddm(_) => DetectorKind::Hdddm,
            Self::KdqTree(_) => DetectorKind::KdqTree,
            Self::ClassifierUncertainty(_) => DetectorKind::ClassifierUncertainty,
            Self::RegressorUncertainty(_) => DetectorKind::RegressorUncertainty,
            Self::Psi(_) => DetectorKind::Psi,
            Self::KlDivergence(_) => DetectorKind::KlDivergence,
            Self::JensenShannon(_) => DetectorKind::JensenShannon,
            Self::Wasserstein(_) => DetectorKind::Wasserstein,
            Self::Hellinger(_) => DetectorKind::Hellinger,
            Self::TotalVariation(_) => DetectorKind::TotalVariation,
            Self::LInfinity(_) => DetectorKind::LInfinity,
            Self::AndersonDarling(_) => DetectorKind::AndersonDarling,
            Self::Kuiper(_) => DetectorKind::Kuiper,
            Self::MannWhitney(_) => DetectorKind::MannWhitney,
            Self::TTest(_) => DetectorKind::TTest,
            Self::ZTest(_) => DetectorKind::ZTest,
            Self::GTest(_) => DetectorKind::GTest,
            Self::EppsSingleton(_) => DetectorKind::EppsSingleton,
            Self::Energy(_) => DetectorKind::Energy,
        }
    }

    /// What every kind has.
    fn common(&self) -> Common {
        macro_rules! of {
            ($spec:expr) => {
                Common { p_val: $spec.p_val, min_effect: $spec.min_effect, seed: $spec.seed }
            };
        }
        match self.family() {
            Family::Columns(spec) => of!(spec),
            Family::Joint(JointSpec::Mmd(spec)) => of!(spec),
            Family::Joint(JointSpec::MeanDistance(spec)) => of!(spec),
            Family::Joint(JointSpec::Lsdd(spec)) => of!(spec),
            Family::Joint(JointSpec::Classifier(spec)) | Family::Words(spec) => of!(spec),
            Family::Joint(JointSpec::SpotTheDiff(spec)) => of!(spec),
            Family::Joint(JointSpec::ContextMmd(spec)) => of!(spec),
            Family::Multivariate(MultivariateSpec::PcaReconstruction(spec)) => of!(spec),
            Family::Multivariate(MultivariateSpec::MmdFourier(spec)) => of!(spec),
            Family::Multivariate(MultivariateSpec::Hdddm(spec)) => of!(spec),
            Family::Multivariate(MultivariateSpec::KdqTree(spec)) => of!(spec),
            Family::Uncertainty(UncertaintySpec::Classifier(spec)) => of!(spec),
            Family::Uncertainty(UncertaintySpec::Regressor(spec)) => of!(spec),
        }
    }

    /// The seed of everything random.
    pub fn seed(&self) -> u64 {
        self.common().seed
    }

    /// The significance.
    pub fn p_val(&self) -> f64 {
        self.common().p_val
    }

    /// The effect size from which on a significant difference counts.
    pub fn min_effect(&self) -> Option<f64> {
        self.common().min_effect
    }

    /// Their parameters, of kinds that judge columns.
    pub fn columns(&self) -> Option<&ColumnsSpec> {
        if let Family::Columns(spec) = self.family() { Some(spec) } else { None }
    }

    /// How many permutations stand behind a p-value, of kinds that permute; none where a library's thresholds or a user's own
    /// are taken instead.
    pub fn n_permutations(&self) -> Option<usize> {
        match self.family() {
            Family::Joint(JointSpec::Mmd(spec)) => spec.preset.is_none().then_some(spec.n_permutations),
            Family::Joint(JointSpec::MeanDistance(spec)) => {
                spec.fixed_threshold().is_none().then_some(spec.n_permutations)
            }
            Family::Joint(JointSpec::Lsdd(spec)) => Some(spec.n_permutations),
            Family::Words(spec) | Family::Joint(JointSpec::Classifier(spec)) => {
                spec.preset.is_none().then_some(spec.n_permutations)
            }
            Family::Joint(JointSpec::SpotTheDiff(spec)) => Some(spec.n_permutations),
            Family::Joint(JointSpec::ContextMmd(spec)) => Some(spec.n_permutations),
            Family::Columns(_) | Family::Multivariate(_) | Family::Uncertainty(_) => None,
        }
    }

    /// How many draws from the reference stand behind a p-value, of kinds that draw; none where a library's thresholds or
    /// a user's own are taken instead.
    pub fn n_bootstraps(&self) -> Option<usize> {
        match self.family() {
            Family::Columns(spec) => spec.n_bootstraps.filter(|_| spec.preset.is_some() || spec.threshold.is_none()),
            Family::Multivariate(MultivariateSpec::PcaReconstruction(spec)) => {
                spec.preset.is_none().then_some(spec.n_bootstraps)
            }
            Family::Multivariate(MultivariateSpec::MmdFourier(spec)) => Some(spec.n_bootstraps),
            Family::Multivariate(MultivariateSpec::Hdddm(spec)) => spec.preset.is_none().then_some(spec.n_bootstraps),
            Family::Multivariate(MultivariateSpec::KdqTree(spec)) => Some(spec.n_bootstraps),
            Family::Joint(_) | Family::Uncertainty(_) | Family::Words(_) => None,
        }
    }

    /// How many random frequencies each of these draws sums, of kinds of random features.
    pub fn n_frequencies(&self) -> Option<usize> {
        if let Self::MmdFourier(spec) = self { Some(spec.n_frequencies) } else { None }
    }

    /// Whether a window is held against thresholds of a library, or of a user, instead of a significance.
    pub fn has_fixed_thresholds(&self) -> bool {
        match self.family() {
            Family::Columns(spec) => spec.preset.is_some() || spec.threshold.is_some(),
            Family::Joint(JointSpec::Mmd(spec)) => spec.preset.is_some(),
            Family::Joint(JointSpec::MeanDistance(spec)) => spec.fixed_threshold().is_some(),
            Family::Words(spec) | Family::Joint(JointSpec::Classifier(spec)) => spec.preset.is_some(),
            Family::Multivariate(MultivariateSpec::PcaReconstruction(spec)) => spec.preset.is_some(),
            Family::Multivariate(MultivariateSpec::Hdddm(spec)) => spec.preset.is_some(),
            Family::Multivariate(MultivariateSpec::KdqTree(spec)) => spec.preset.is_some(),
            Family::Joint(JointSpec::Lsdd(_) | JointSpec::SpotTheDiff(_) | JointSpec::ContextMmd(_))
            | Family::Multivariate(MultivariateSpec::MmdFourier(_))
            | Family::Uncertainty(_) => false,
        }
    }

    /// How many rows reference and window can have together, of kinds that hold the kernels of all pairs.
    pub fn rows_together_max(&self) -> Option<usize> {
        matches!(self, Self::ContextMmd(_)).then_some(ROWS_MAX)
    }

    /// How many rows a window can have.
    pub fn window_rows(&self) -> RangeInclusive<usize> {
        let least = match self {
            // A single value has no Cramér–von Mises statistic, and a mean over pairs needs two rows.
            Self::Mmd(_)
            | Self::MeanDistance(_)
            | Self::Lsdd(_)
            | Self::PcaReconstruction(_)
            | Self::MmdFourier(_)
            | Self::Hdddm(_)
            | Self::KdqTree(_) => 2,
            Self::Tabular(spec) => spec.window_rows_min(),
            Self::Classifier(spec) => least_to_split(spec.settings.validation),
            Self::SpotTheDiff(spec) => least_to_split(spec.settings.validation),
            Self::ContextMmd(spec) => ContextMmdReference::window_rows_min(spec.prop_c_held),
            Self::Cvm(_) | Self::TTest(_) | Self::EppsSingleton(_) => {
                self.kind().column_test().map_or(1, ColumnTest::window_rows_min)
            }
            Self::Ks(_)
            | Self::ChiSquare(_)
            | Self::FisherExact(_)
            | Self::Psi(_)
            | Self::KlDivergence(_)
            | Self::JensenShannon(_)
            | Self::Wasserstein(_)
            | Self::Hellinger(_)
            | Self::TotalVariation(_)
            | Self::LInfinity(_)
            | Self::AndersonDarling(_)
            | Self::Kuiper(_)
            | Self::MannWhitney(_)
            | Self::ZTest(_)
            | Self::GTest(_)
            | Self::Energy(_)
            | Self::ClassifierUncertainty(_)
            | Self::RegressorUncertainty(_) => 1,
        };
        // The context's test has a bound for reference and window together, which the fit and the test see to.
        least..=WINDOW_ROWS_MAX
    }
}

/// Every fold should hold a row of the window.
fn least_to_split(validation: Validation) -> usize {
    match validation {
        Validation::NFolds(n_folds) => n_folds.max(2),
        Validation::TrainSize(_) => 2,
    }
}

impl MmdTestSpec {
    pub(super) fn permutations(&self) -> PermutationSpec {
        let Self { n_permutations, p_val: level, p_value_rule: rule, seed, .. } = *self;
        PermutationSpec { n_permutations, level, rule, seed }
    }
}

impl MeanDistanceSpec {
    pub(super) fn permutations(&self) -> PermutationSpec {
        let Self { n_permutations, p_val: level, p_value_rule: rule, seed, .. } = *self;
        PermutationSpec { n_permutations, level, rule, seed }
    }

    /// The threshold that no permutations give.
    pub(super) fn fixed_threshold(&self) -> Option<f64> {
        self.threshold.or(self.preset.map(|_| EVIDENTLY_DISTANCE))
    }
}

impl ContextMmdTestSpec {
    pub(super) fn permutations(&self) -> PermutationSpec {
        let Self { n_permutations, p_val: level, p_value_rule: rule, seed, .. } = *self;
        PermutationSpec { n_permutations, level, rule, seed }
    }
}

impl ClassifierTestSpec {
    pub(super) fn fold_permutations(&self) -> FoldPermutations {
        FoldPermutations { level: self.p_val, n_permutations: self.n_permutations }
    }
}

impl SpotTheDiffTestSpec {
    pub(super) fn fold_permutations(&self) -> FoldPermutations {
        FoldPermutations { level: self.p_val, n_permutations: self.n_permutations }
    }
}

impl LsddTestSpec {
    pub(super) fn permutations(&self) -> PermutationSpec {
        let Self { n_permutations, p_val: level, p_value_rule: rule, seed, .. } = *self;
        PermutationSpec { n_permutations, level, rule, seed }
    }
}
