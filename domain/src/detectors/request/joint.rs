//! Specifications of the kinds that judge all columns together by permutations, or by the threshold of a library.

use super::two_sample::{N_PERMUTATIONS, bounded, from_zero};
use super::{DetectorRequest, ModelName, SettingIssue, issue};
use crate::detectors::{
    ClassifierModel, ClassifierSettings, ClassifierTestSpec, DetectorKind, MeanDistanceSpec, MmdTestSpec, Preset,
};

/// Sums cost less than kernels.
const N_MEAN_PERMUTATIONS: usize = 200;
const N_TREES: usize = 100;

impl DetectorRequest {
    pub(super) fn mmd(&self, issues: &mut Vec<SettingIssue>) -> MmdTestSpec {
        let preset = self.preset_of(&[Preset::Evidently], issues);
        if let Some(preset) = preset {
            self.refuse_permutations(preset, issues);
        } else if self.threshold.is_some() {
            let detail = "expected `p_val`: without a preset `mmd` is judged by its p-value".to_owned();
            issues.push(issue("detector/threshold", detail));
        }
        let (p_val, p_value_rule) = (self.significance(issues), self.p_value_rule.unwrap_or_default());
        MmdTestSpec {
            p_val,
            n_permutations: self.permutations(N_PERMUTATIONS, p_val, p_value_rule, issues),
            p_value_rule,
            sigma: self.bandwidths(issues),
            configure_kernel_from_x_ref: self.configure_kernel_from_x_ref.unwrap_or(preset.is_none()),
            preset,
            threshold: self.threshold.map(|threshold| from_zero("detector/threshold", threshold, issues)),
            min_effect: self.effect(issues),
            seed: self.seed.unwrap_or(0),
        }
    }

    pub(super) fn mean_distance(&self, issues: &mut Vec<SettingIssue>) -> MeanDistanceSpec {
        let preset = self.preset_of(&[Preset::Evidently], issues);
        if let Some(preset) = preset {
            self.refuse_permutations(preset, issues);
        } else if self.threshold.is_some() && self.p_val.is_some() {
            let detail = "expected `threshold` or `p_val`, which calibrates one, both came".to_owned();
            issues.push(issue("detector/p_val", detail));
        }
        let (p_val, p_value_rule) = (self.significance(issues), self.p_value_rule.unwrap_or_default());
        MeanDistanceSpec {
            p_val,
            metric: self.metric.unwrap_or_default(),
            preset,
            threshold: self.threshold.map(|threshold| from_zero("detector/threshold", threshold, issues)),
            n_permutations: self.permutations(N_MEAN_PERMUTATIONS, p_val, p_value_rule, issues),
            p_value_rule,
            min_effect: self.effect(issues),
            seed: self.seed.unwrap_or(0),
        }
    }

    pub(super) fn classifier(&self, issues: &mut Vec<SettingIssue>) -> ClassifierTestSpec {
        self.refuse_words(issues);
        let preset = self.preset_of(&[Preset::Evidently, Preset::Nannyml], issues);
        let p_val = self.significance(issues);
        let spec = ClassifierTestSpec {
            p_val,
            settings: ClassifierSettings::default(),
            n_permutations: 0,
            preset,
            threshold: self.threshold.map(|threshold| from_zero("detector/threshold", threshold, issues)),
            min_effect: self.effect(issues),
            seed: self.seed.unwrap_or(0),
        };
        if let Some(preset) = preset {
            self.refuse_permutations(preset, issues);
            for (setting, came) in [
                ("detector/model", self.model.is_some()),
                ("detector/n_trees", self.n_trees.is_some()),
                ("detector/n_folds", self.n_folds.is_some()),
                ("detector/train_size", self.train_size.is_some()),
                ("detector/binarize_preds", self.binarize_preds.is_some()),
                ("detector/use_calibration", self.use_calibration.is_some()),
            ] {
                if came {
                    issues.push(issue(
                        setting,
                        format!("expected none: the preset `{preset}` has its own model and split"),
                    ));
                }
            }
            return ClassifierTestSpec { settings: ClassifierSettings::of_library(preset), ..spec };
        }
        if self.threshold.is_some() {
            let detail = "expected `p_val`: without a preset `classifier` is judged by its p-value".to_owned();
            issues.push(issue("detector/threshold", detail));
        }
        let validation = self.validation(issues);
        let settings = ClassifierSettings {
            model: self.model(issues),
            validation,
            binarize_preds: self.binarize_preds.unwrap_or(false),
            calibrated: self.use_calibration.unwrap_or(false),
        };
        let n_permutations = self.fold_permutations(p_val, validation, issues);
        ClassifierTestSpec { settings, n_permutations, ..spec }
    }

    fn model(&self, issues: &mut Vec<SettingIssue>) -> ClassifierModel {
        let name = self.model.unwrap_or_default();
        // What it cannot be has been told.
        if matches!(name, ModelName::LogisticRegression | ModelName::Words) {
            if self.n_trees.is_some() {
                let detail = "expected none: only a `random_forest` and `gradient_boosting` have trees".to_owned();
                issues.push(issue("detector/n_trees", detail));
            }
            return ClassifierModel::LogisticRegression;
        }
        let n_trees = bounded("detector/n_trees", self.n_trees, N_TREES, 10_000, issues);
        match name {
            ModelName::GradientBoosting => ClassifierModel::GradientBoosting { n_trees },
            ModelName::LogisticRegression | ModelName::Words | ModelName::RandomForest => {
                ClassifierModel::RandomForest { n_trees }
            }
        }
    }

    /// What a preset has no use for, or has itself.
    fn refuse_permutations(&self, preset: Preset, issues: &mut Vec<SettingIssue>) {
        for (setting, came) in [
            ("detector/p_val", self.p_val.is_some()),
            ("detector/n_permutations", self.n_permutations.is_some()),
            ("detector/p_value_rule", self.p_value_rule.is_some()),
            ("detector/sigma", self.sigma.is_some()),
            ("detector/configure_kernel_from_x_ref", self.configure_kernel_from_x_ref == Some(true)),
        ] {
            if came {
                let detail =
                    format!("expected none: the preset `{preset}` has a threshold of its own, `threshold` moves it");
                issues.push(issue(setting, detail));
            }
        }
    }

    /// Whether numbers are centred and scaled where nothing is said of it: embeddings, and what libraries hold against numbers of
    /// theirs, are in units of their own.
    pub(crate) fn is_standardized(&self, kind: DetectorKind) -> bool {
        match kind {
            DetectorKind::MeanDistance => false,
            DetectorKind::Mmd | DetectorKind::Classifier | DetectorKind::PcaCd => self.preset.is_none(),
            _ => true,
        }
    }
}

/// The parameters of these kinds beside `seed` and `after_alarm`, which all have.
pub(super) fn parameters(kind: DetectorKind) -> &'static [&'static str] {
    if kind == DetectorKind::MeanDistance {
        return &[
            "p_val",
            "metric",
            "n_permutations",
            "p_value_rule",
            "preset",
            "threshold",
            "min_effect",
            "window",
            "update_reference",
        ];
    }
    &[
        "p_val",
        "n_permutations",
        "p_value_rule",
        "sigma",
        "configure_kernel_from_x_ref",
        "preset",
        "threshold",
        "min_effect",
        "window",
        "update_reference",
    ]
}
