//! The specification of a classifier of texts by their words.

use super::{DetectorRequest, SettingIssue, issue, share};
use crate::detectors::{ClassifierModel, ClassifierSettings, ClassifierTestSpec, Preset, Validation};
use crate::statistics::permutation::PValueRule;

/// As Evidently has it.
const TRAIN_SIZE: f64 = 0.5;
const N_PERMUTATIONS: usize = 1_000;

impl DetectorRequest {
    /// Of a classifier of words.
    pub(super) fn words(&self, issues: &mut Vec<SettingIssue>) -> ClassifierTestSpec {
        for (setting, came) in [
            ("detector/n_trees", self.n_trees.is_some()),
            ("detector/n_folds", self.n_folds.is_some()),
            ("detector/binarize_preds", self.binarize_preds.is_some()),
            ("detector/use_calibration", self.use_calibration.is_some()),
        ] {
            if came {
                issues.push(issue(setting, "expected none: the model `words` ranks the texts of one split".to_owned()));
            }
        }
        let preset = self.preset_of(&[Preset::Evidently], issues);
        match preset {
            Some(preset) => {
                self.refuse_calibration(preset, ", `threshold` moves it", issues);
                if self.n_permutations.is_some() {
                    let detail = format!("expected none: the preset `{preset}` has its own");
                    issues.push(issue("detector/n_permutations", detail));
                }
            }
            None if self.threshold.is_some() => {
                let detail = "expected `p_val`: without a preset texts are judged by their p-value".to_owned();
                issues.push(issue("detector/threshold", detail));
            }
            None => {}
        }
        let p_val = self.significance(issues);
        let train_size = self.train_size.unwrap_or(TRAIN_SIZE);
        if !(train_size > 0.0 && train_size < 1.0) {
            let detail = format!("expected a number above 0 and below 1, {train_size} came");
            issues.push(issue("detector/train_size", detail));
        }
        ClassifierTestSpec {
            p_val,
            settings: ClassifierSettings {
                model: ClassifierModel::Words,
                validation: Validation::TrainSize(train_size),
                binarize_preds: false,
                calibrated: false,
            },
            n_permutations: self.permutations(N_PERMUTATIONS, p_val, PValueRule::Corrected, issues),
            preset,
            threshold: self.threshold.map(|threshold| share("detector/threshold", threshold, issues)),
            min_effect: self.effect(issues),
            seed: self.seed.unwrap_or(0),
        }
    }

    /// What only a classifier of words has.
    pub(super) fn refuse_words(&self, issues: &mut Vec<SettingIssue>) {
        if self.model == Some(super::ModelName::Words) {
            let detail = "expected a model of columns: `words` tells the texts of the drift type `text` apart, \
                          without `preprocessing`";
            issues.push(issue("detector/model", detail.to_owned()));
        }
    }
}
