//! What a client asks of a detector, and the specification that it becomes.

mod columns;
mod joint;
mod multivariate;
mod online;
mod policy;
mod sequence;
mod streaming;
mod two_sample;
mod words;

use std::collections::BTreeMap;
use std::fmt;

pub use self::policy::{ReferenceUpdateRequest, WindowRequest};
pub use self::sequence::SequenceRequest;
pub use self::streaming::StreamingRequest;
pub use self::two_sample::PERMUTATIONS_MAX;
use super::density_difference::KERNEL_CENTERS_MAX;
use super::{ColumnTest, DetectorKind, DistanceMetric, DivergenceMetric, ModelOutputs, Preset, UncertaintyType};
use crate::project::AfterAlarm;
use crate::statistics::alternative::Alternative;
use crate::statistics::correction::Correction;
use crate::statistics::permutation::PValueRule;

/// Settings as a client gives them; what is left out takes its default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DetectorRequest {
    /// The kind; each drift type has a default.
    pub kind: Option<DetectorKind>,
    /// Expected run time.
    pub ert: Option<f64>,
    /// The one window.
    pub window_size: Option<usize>,
    /// Several windows.
    pub window_sizes: Option<Vec<usize>>,
    /// Simulated streams or permutations.
    pub n_bootstraps: Option<usize>,
    /// Bandwidths.
    pub sigma: Option<Vec<f64>>,
    /// Which change counts.
    pub alternative: Option<Alternative>,
    /// Weight of the new value in a smoothed statistic.
    pub lam: Option<f64>,
    /// Steps until thresholds stay the same.
    pub t_max: Option<usize>,
    /// Centres of kernels.
    pub n_kernel_centers: Option<usize>,
    /// Largest relative difference that a regulariser may make.
    pub lambda_rd_max: Option<f64>,
    /// Seed of everything random.
    pub seed: Option<u64>,
    /// Significance of a test.
    pub p_val: Option<f64>,
    /// How the tests of several columns become one verdict.
    pub correction: Option<Correction>,
    /// The test of each column that is not tested as its type suggests.
    pub tests: Option<BTreeMap<String, ColumnTest>>,
    /// Effect size from which on a significant difference counts.
    pub min_effect: Option<f64>,
    /// Permutations of a test.
    pub n_permutations: Option<usize>,
    /// How p-values of permutations are counted.
    pub p_value_rule: Option<PValueRule>,
    /// Whether the bandwidth is inferred from the reference once.
    pub configure_kernel_from_x_ref: Option<bool>,
    /// The model that tells window from reference.
    pub model: Option<ModelName>,
    /// Trees of a forest.
    pub n_trees: Option<usize>,
    /// Folds that hold rows out from training.
    pub n_folds: Option<usize>,
    /// Share of the rows that train, where one split holds rows out.
    pub train_size: Option<f64>,
    /// Whether predicted labels are compared instead of probabilities.
    pub binarize_preds: Option<bool>,
    /// Whether scores are turned into probabilities on inner folds.
    pub use_calibration: Option<bool>,
    /// Learnt differences.
    pub n_diffs: Option<usize>,
    /// Weight of the differences' size in the loss.
    pub l1_reg: Option<f64>,
    /// Step size of the optimiser.
    pub learning_rate: Option<f64>,
    /// Passes over the rows that train.
    pub epochs: Option<usize>,
    /// Rows of a step of the optimiser.
    pub batch_size: Option<usize>,
    /// What the outputs of a classifier are.
    pub preds_type: Option<ModelOutputs>,
    /// What of them is the uncertainty.
    pub uncertainty_type: Option<UncertaintyType>,
    /// Difference of probabilities below which a margin is narrow.
    pub margin_width: Option<f64>,
    /// The columns that are the context.
    pub context_columns: Option<Vec<String>>,
    /// Bandwidths of the kernel of contexts.
    pub context_sigma: Option<Vec<f64>>,
    /// Share of the contexts of a window that is held out.
    pub prop_c_held: Option<f64>,
    /// Whose bins and thresholds are taken instead of calibrated ones.
    pub preset: Option<Preset>,
    /// How the distance of mean vectors is measured.
    pub metric: Option<DistanceMetric>,
    /// How laws of principal components are compared.
    pub divergence_metric: Option<DivergenceMetric>,
    /// Below 1, the share of the variance that components keep; from 1 on, their number.
    pub n_components: Option<f64>,
    /// Rows of a chunk of the reference.
    pub chunk_size: Option<usize>,
    /// Random frequencies.
    pub n_frequencies: Option<usize>,
    /// Rows of the reference in a cell that is not split.
    pub count_ubound: Option<usize>,
    /// Fixed threshold of distances, or of a preset's p-values, or of the sums of a streaming kind.
    pub threshold: Option<f64>,
    /// Share of the columns that must drift for the table to drift.
    pub drift_share: Option<f64>,
    /// How rows are collected into windows.
    pub window: Option<WindowRequest>,
    /// How the reference moves on.
    pub update_reference: Option<ReferenceUpdateRequest>,
    /// What follows an alarm.
    pub after_alarm: Option<AfterAlarm>,
    /// Settings of streaming kinds.
    pub streaming: StreamingRequest,
    /// How a series is read, of the drift type `sequential`.
    pub sequence: SequenceRequest,
}

/// A model that tells window from reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModelName {
    /// Logistic regression.
    #[default]
    LogisticRegression,
    /// A random forest.
    RandomForest,
    /// Gradient boosting.
    GradientBoosting,
    /// A sparse linear model of the words of texts.
    Words,
}

/// One setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingIssue {
    /// Its place in a request, with `/` between parts: `detector/ert`, `drift_type`.
    pub setting: &'static str,
    /// What was expected and what came.
    pub detail: String,
}

/// Settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSettings {
    /// Every reason that was found; at least one.
    pub issues: Vec<SettingIssue>,
}

impl InvalidSettings {
    /// One wrong setting.
    pub fn one(setting: &'static str, detail: impl Into<String>) -> Self {
        Self { issues: vec![SettingIssue { setting, detail: detail.into() }] }
    }
}

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, issue) in self.issues.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{}: {}", issue.setting, issue.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidSettings {}

/// More bandwidths than this are refused.
const SIGMAS_MAX: usize = 64;
/// Bandwidths outside are refused, as their squares leave the range of numbers.
const SIGMA_RANGE: std::ops::RangeInclusive<f64> = 1e-150..=1e150;
const LAMBDA_RD_MAX: f64 = 0.2;

impl DetectorRequest {
    /// The places of the parameters that came.
    fn came(&self) -> impl Iterator<Item = &'static str> {
        let parameters = [
            ("detector/ert", self.ert.is_some()),
            ("detector/n_bootstraps", self.n_bootstraps.is_some()),
            ("detector/sigma", self.sigma.is_some()),
            ("detector/alternative", self.alternative.is_some()),
            ("detector/lam", self.lam.is_some()),
            ("detector/t_max", self.t_max.is_some()),
            ("detector/n_kernel_centers", self.n_kernel_centers.is_some()),
            ("detector/lambda_rd_max", self.lambda_rd_max.is_some()),
            ("detector/window_size", self.window_size.is_some()),
            ("detector/window_sizes", self.window_sizes.is_some()),
            ("detector/p_val", self.p_val.is_some()),
            ("detector/correction", self.correction.is_some()),
            ("detector/tests", self.tests.is_some()),
            ("detector/min_effect", self.min_effect.is_some()),
            ("detector/n_permutations", self.n_permutations.is_some()),
            ("detector/p_value_rule", self.p_value_rule.is_some()),
            ("detector/configure_kernel_from_x_ref", self.configure_kernel_from_x_ref.is_some()),
            ("detector/model", self.model.is_some()),
            ("detector/n_trees", self.n_trees.is_some()),
            ("detector/n_folds", self.n_folds.is_some()),
            ("detector/train_size", self.train_size.is_some()),
            ("detector/binarize_preds", self.binarize_preds.is_some()),
            ("detector/use_calibration", self.use_calibration.is_some()),
            ("detector/n_diffs", self.n_diffs.is_some()),
            ("detector/l1_reg", self.l1_reg.is_some()),
            ("detector/learning_rate", self.learning_rate.is_some()),
            ("detector/epochs", self.epochs.is_some()),
            ("detector/batch_size", self.batch_size.is_some()),
            ("detector/preds_type", self.preds_type.is_some()),
            ("detector/uncertainty_type", self.uncertainty_type.is_some()),
            ("detector/margin_width", self.margin_width.is_some()),
            ("detector/context_columns", self.context_columns.is_some()),
            ("detector/context_sigma", self.context_sigma.is_some()),
            ("detector/prop_c_held", self.prop_c_held.is_some()),
            ("detector/preset", self.preset.is_some()),
            ("detector/metric", self.metric.is_some()),
            ("detector/divergence_metric", self.divergence_metric.is_some()),
            ("detector/n_components", self.n_components.is_some()),
            ("detector/chunk_size", self.chunk_size.is_some()),
            ("detector/n_frequencies", self.n_frequencies.is_some()),
            ("detector/count_ubound", self.count_ubound.is_some()),
            ("detector/threshold", self.threshold.is_some()),
            ("detector/drift_share", self.drift_share.is_some()),
            ("detector/window", self.window.is_some()),
            ("detector/update_reference", self.update_reference.is_some()),
        ];
        parameters.into_iter().filter(|(_, came)| *came).map(|(setting, _)| setting).chain(self.streaming.came())
    }

    /// Reports the parameters that came though the kind has none of that name.
    fn refuse_foreign(&self, kind: DetectorKind, issues: &mut Vec<SettingIssue>) {
        let known = parameters(kind);
        for setting in self.came() {
            let name = setting.trim_start_matches("detector/");
            if known.contains(&name) {
                continue;
            }
            let detail = match name {
                "ert" | "p_val" if kind.is_streaming() => format!("`{kind}` is judged by settings of its own"),
                _ if known.is_empty() => format!("`{kind}` has no such parameter"),
                "window_sizes" if known.contains(&"window_size") => {
                    format!("`{kind}` has one window, expected `window_size`")
                }
                "window_size" | "window_sizes" => {
                    format!("`{kind}` collects its windows, expected `window` with its `size`")
                }
                "window" => format!("`{kind}` judges row by row, expected `window_size`"),
                "ert" => format!("`{kind}` is calibrated by its significance, expected `p_val`"),
                "p_val" => format!("`{kind}` is calibrated by its expected run time, expected `ert`"),
                _ => format!("`{kind}` has no such parameter"),
            };
            issues.push(issue(setting, detail));
        }
    }

    fn bandwidths(&self, issues: &mut Vec<SettingIssue>) -> Vec<f64> {
        bandwidths("detector/sigma", self.sigma.as_deref(), issues)
    }

    fn kernel_centers(&self, default: usize, issues: &mut Vec<SettingIssue>) -> usize {
        let n = self.n_kernel_centers.unwrap_or(default.min(KERNEL_CENTERS_MAX));
        if !(1..=KERNEL_CENTERS_MAX).contains(&n) {
            let detail = format!("expected 1 to {KERNEL_CENTERS_MAX} centres of kernels, {n} came");
            issues.push(issue("detector/n_kernel_centers", detail));
        }
        n
    }
}

/// The parameters of a kind beside `seed` and `after_alarm`, which all have.
fn parameters(kind: DetectorKind) -> &'static [&'static str] {
    use DetectorKind as Kind;
    match kind {
        Kind::CvmOnline => &["ert", "window_size", "window_sizes", "n_bootstraps"],
        Kind::FetOnline => &["ert", "window_size", "window_sizes", "n_bootstraps", "alternative", "lam", "t_max"],
        Kind::LsddOnline => &["ert", "window_size", "n_bootstraps", "sigma", "n_kernel_centers", "lambda_rd_max"],
        Kind::MmdOnline => &["ert", "window_size", "n_bootstraps", "sigma"],
        Kind::PcaCd => &["ert", "window_size", "n_bootstraps", "divergence_metric", "preset", "delta", "threshold"],
        Kind::Dummy => &[],
        Kind::Ks | Kind::FisherExact => {
            &["p_val", "correction", "alternative", "min_effect", "window", "update_reference"]
        }
        Kind::Cvm | Kind::ChiSquare => &["p_val", "correction", "min_effect", "window", "update_reference"],
        Kind::Mmd | Kind::MeanDistance => joint::parameters(kind),
        Kind::Lsdd => &[
            "p_val",
            "n_permutations",
            "p_value_rule",
            "sigma",
            "n_kernel_centers",
            "lambda_rd_max",
            "min_effect",
            "window",
            "update_reference",
        ],
        Kind::Classifier => &[
            "p_val",
            "model",
            "n_trees",
            "n_folds",
            "train_size",
            "n_permutations",
            "binarize_preds",
            "use_calibration",
            "preset",
            "threshold",
            "min_effect",
            "window",
            "update_reference",
        ],
        Kind::SpotTheDiff => &[
            "p_val",
            "n_diffs",
            "l1_reg",
            "n_folds",
            "train_size",
            "n_permutations",
            "binarize_preds",
            "learning_rate",
            "epochs",
            "batch_size",
            "min_effect",
            "window",
            "update_reference",
        ],
        Kind::ContextMmd => &[
            "p_val",
            "context_columns",
            "n_permutations",
            "p_value_rule",
            "sigma",
            "context_sigma",
            "prop_c_held",
            "min_effect",
            "window",
            "update_reference",
        ],
        Kind::PcaReconstruction | Kind::MmdFourier | Kind::Hdddm | Kind::KdqTree => multivariate::parameters(kind),
        Kind::ClassifierUncertainty => {
            &["p_val", "preds_type", "uncertainty_type", "margin_width", "min_effect", "window", "update_reference"]
        }
        Kind::RegressorUncertainty => &["p_val", "min_effect", "window", "update_reference"],
        Kind::Psi
        | Kind::KlDivergence
        | Kind::JensenShannon
        | Kind::Wasserstein
        | Kind::Hellinger
        | Kind::TotalVariation
        | Kind::LInfinity
        | Kind::Energy
        | Kind::EppsSingleton => OF_DISTANCES,
        Kind::MannWhitney | Kind::TTest | Kind::ZTest => OF_DIRECTED_TESTS,
        Kind::AndersonDarling | Kind::Kuiper | Kind::GTest => OF_TESTS,
        Kind::Tabular => OF_TABULAR,
        _ => streaming::parameters(kind),
    }
}

/// Of distances that are calibrated by draws, or by a library.
const OF_DISTANCES: &[&str] = &[
    "p_val",
    "correction",
    "n_bootstraps",
    "preset",
    "threshold",
    "drift_share",
    "min_effect",
    "window",
    "update_reference",
];

/// Of tests that know directions.
const OF_DIRECTED_TESTS: &[&str] = &[
    "p_val",
    "correction",
    "alternative",
    "preset",
    "threshold",
    "drift_share",
    "min_effect",
    "window",
    "update_reference",
];

/// Of tests without draws and directions.
const OF_TESTS: &[&str] =
    &["p_val", "correction", "preset", "threshold", "drift_share", "min_effect", "window", "update_reference"];

const OF_TABULAR: &[&str] = &[
    "p_val",
    "correction",
    "alternative",
    "tests",
    "n_bootstraps",
    "preset",
    "drift_share",
    "min_effect",
    "window",
    "update_reference",
];

fn bandwidths(setting: &'static str, wanted: Option<&[f64]>, issues: &mut Vec<SettingIssue>) -> Vec<f64> {
    let sigma = wanted.unwrap_or_default().to_vec();
    if wanted.is_some_and(<[f64]>::is_empty) || sigma.len() > SIGMAS_MAX {
        let detail = format!("expected 1 to {SIGMAS_MAX} bandwidths, {} came", sigma.len());
        issues.push(issue(setting, detail));
    }
    if let Some(wrong) = sigma.iter().find(|sigma| !SIGMA_RANGE.contains(*sigma)) {
        issues.push(issue(setting, format!("expected bandwidths above 0, {wrong} came")));
    }
    sigma
}

fn share(setting: &'static str, value: f64, issues: &mut Vec<SettingIssue>) -> f64 {
    if !(value > 0.0 && value <= 1.0) {
        issues.push(issue(setting, format!("expected a number above 0, up to 1, {value} came")));
    }
    value
}

fn issue(setting: &'static str, detail: String) -> SettingIssue {
    SettingIssue { setting, detail }
}
