//! Specifications of the kinds that judge windows.

use std::collections::BTreeMap;

use super::{DetectorRequest, InvalidSettings, LAMBDA_RD_MAX, SettingIssue, bandwidths, issue, share};
use crate::data::{ColumnType, Schema};
use crate::detectors::two_sample::lsdd::LsddSpec;
use crate::detectors::{
    BatchSpec, ClassifierUncertaintySpec, ColumnTest, ColumnsSpec, ContextMmdTestSpec, DetectorKind, LsddTestSpec,
    ModelOutputs, N_BOOTSTRAPS, Preset, RegressorUncertaintySpec, SpotTheDiffSettings, SpotTheDiffTestSpec, Validation,
};
use crate::statistics::alternative::Alternative;
use crate::statistics::permutation::{PValueRule, PermutationSpec};

/// Significance by default.
const P_VAL: f64 = 0.05;
pub(super) const N_PERMUTATIONS: usize = 100;
/// Permutations of folds that may be as far apart as what was observed, with what was observed, before it is no drift.
const FOLD_PERMUTATIONS_AT_LEVEL: f64 = 5.0;
/// More are not taken for them unless the level needs or the user asks it.
const FOLD_PERMUTATIONS_MAX: usize = 1_000;
const N_CONTEXT_PERMUTATIONS: usize = 1_000;
const PROP_C_HELD: f64 = 0.25;
const TRAIN_SIZE: f64 = 0.75;
const MARGIN_WIDTH: f64 = 0.1;

/// More permutations than this are refused.
pub const PERMUTATIONS_MAX: usize = 100_000;
/// Draws of the law of a distance.
const BOOTSTRAPS: std::ops::RangeInclusive<usize> = 100..=100_000;
/// More folds than this are refused.
const N_FOLDS_MAX: usize = 100;

impl DetectorRequest {
    /// The specification of a kind that judges windows with every parameter, for a reference of `n_rows` rows with the
    /// columns of a schema.
    ///
    /// # Errors
    /// When a value is out of its range, the kind has no such parameter, or it judges row by row.
    pub fn batch_specification(
        &self,
        kind: DetectorKind,
        schema: &Schema,
        n_rows: usize,
    ) -> Result<BatchSpec, InvalidSettings> {
        let mut issues = Vec::new();
        self.refuse_foreign(kind, &mut issues);
        let spec = match kind {
            DetectorKind::Ks => BatchSpec::Ks(self.columns_spec(Some(Alternative::TwoSided), &mut issues)),
            DetectorKind::Cvm => BatchSpec::Cvm(self.columns_spec(None, &mut issues)),
            DetectorKind::ChiSquare => BatchSpec::ChiSquare(self.columns_spec(None, &mut issues)),
            // As the reference library has it.
            DetectorKind::FisherExact => {
                BatchSpec::FisherExact(self.columns_spec(Some(Alternative::Greater), &mut issues))
            }
            DetectorKind::Tabular => BatchSpec::Tabular(self.tabular(schema, n_rows, &mut issues)),
            DetectorKind::Mmd => BatchSpec::Mmd(self.mmd(&mut issues)),
            DetectorKind::MeanDistance => BatchSpec::MeanDistance(self.mean_distance(&mut issues)),
            DetectorKind::Lsdd => {
                let (p_val, p_value_rule) = (self.significance(&mut issues), self.p_value_rule.unwrap_or_default());
                let lambda_rd_max = self.lambda_rd_max.unwrap_or(LAMBDA_RD_MAX);
                BatchSpec::Lsdd(LsddTestSpec {
                    p_val,
                    n_permutations: self.permutations(N_PERMUTATIONS, p_val, p_value_rule, &mut issues),
                    p_value_rule,
                    sigma: self.bandwidths(&mut issues),
                    n_kernel_centers: self.kernel_centers(LsddSpec::n_kernel_centers_of(n_rows), &mut issues),
                    lambda_rd_max: share("detector/lambda_rd_max", lambda_rd_max, &mut issues),
                    min_effect: self.effect(&mut issues),
                    seed: self.seed.unwrap_or(0),
                })
            }
            // Of texts that have become numbers there are columns of them.
            DetectorKind::Classifier if schema.is_text() => BatchSpec::Classifier(self.words(&mut issues)),
            DetectorKind::Classifier => BatchSpec::Classifier(self.classifier(&mut issues)),
            DetectorKind::SpotTheDiff => {
                let (p_val, validation) = (self.significance(&mut issues), self.validation(&mut issues));
                let default = SpotTheDiffSettings::default();
                let learning_rate = self.learning_rate.unwrap_or(default.learning_rate);
                BatchSpec::SpotTheDiff(SpotTheDiffTestSpec {
                    p_val,
                    settings: SpotTheDiffSettings {
                        n_diffs: bounded("detector/n_diffs", self.n_diffs, default.n_diffs, 100, &mut issues),
                        l1_reg: from_zero("detector/l1_reg", self.l1_reg.unwrap_or(default.l1_reg), &mut issues),
                        validation,
                        binarize_preds: self.binarize_preds.unwrap_or(false),
                        learning_rate: share("detector/learning_rate", learning_rate, &mut issues),
                        epochs: bounded("detector/epochs", self.epochs, default.epochs, 10_000, &mut issues),
                        batch_size: bounded(
                            "detector/batch_size",
                            self.batch_size,
                            default.batch_size,
                            100_000,
                            &mut issues,
                        ),
                    },
                    n_permutations: self.fold_permutations(p_val, validation, &mut issues),
                    min_effect: self.effect(&mut issues),
                    seed: self.seed.unwrap_or(0),
                })
            }
            DetectorKind::ContextMmd => BatchSpec::ContextMmd(self.context_mmd(schema, &mut issues)),
            DetectorKind::PcaReconstruction => BatchSpec::PcaReconstruction(self.pca_reconstruction(&mut issues)),
            DetectorKind::MmdFourier => BatchSpec::MmdFourier(self.mmd_fourier(&mut issues)),
            DetectorKind::Hdddm => BatchSpec::Hdddm(self.hdddm(&mut issues)),
            DetectorKind::KdqTree => BatchSpec::KdqTree(self.kdq_tree(n_rows, &mut issues)),
            DetectorKind::ClassifierUncertainty => {
                BatchSpec::ClassifierUncertainty(self.classifier_uncertainty(&mut issues))
            }
            DetectorKind::RegressorUncertainty => BatchSpec::RegressorUncertainty(RegressorUncertaintySpec {
                p_val: self.significance(&mut issues),
                min_effect: self.effect(&mut issues),
                seed: self.seed.unwrap_or(0),
            }),
            _ => match self.measured(kind, &mut issues) {
                Some(spec) => spec,
                None => {
                    return Err(InvalidSettings::one("detector/kind", format!("`{kind}` judges rows, not windows")));
                }
            },
        };
        if issues.is_empty() { Ok(spec) } else { Err(InvalidSettings { issues }) }
    }

    fn context_mmd(&self, schema: &Schema, issues: &mut Vec<SettingIssue>) -> ContextMmdTestSpec {
        let (p_val, p_value_rule) = (self.significance(issues), self.p_value_rule.unwrap_or_default());
        let prop_c_held = self.prop_c_held.unwrap_or(PROP_C_HELD);
        if !(0.01..=0.99).contains(&prop_c_held) {
            let detail = format!("expected a number from 0.01 to 0.99, {prop_c_held} came");
            issues.push(issue("detector/prop_c_held", detail));
        }
        ContextMmdTestSpec {
            p_val,
            context_columns: self.context(schema, issues),
            n_permutations: self.permutations(N_CONTEXT_PERMUTATIONS, p_val, p_value_rule, issues),
            p_value_rule,
            sigma: self.bandwidths(issues),
            context_sigma: bandwidths("detector/context_sigma", self.context_sigma.as_deref(), issues),
            prop_c_held,
            min_effect: self.effect(issues),
            seed: self.seed.unwrap_or(0),
        }
    }

    /// `alternative` is the kind's default, if it knows directions.
    fn columns_spec(&self, alternative: Option<Alternative>, issues: &mut Vec<SettingIssue>) -> ColumnsSpec {
        ColumnsSpec {
            p_val: self.significance(issues),
            correction: self.correction.unwrap_or_default(),
            alternative: alternative.map(|default| self.alternative.unwrap_or(default)),
            tests: None,
            min_effect: self.effect(issues),
            preset: None,
            threshold: None,
            drift_share: None,
            n_bootstraps: None,
            seed: self.seed.unwrap_or(0),
        }
    }

    fn tabular(&self, schema: &Schema, n_rows: usize, issues: &mut Vec<SettingIssue>) -> ColumnsSpec {
        let tests = self.column_tests(schema, n_rows, issues);
        if let Some(preset) = self.preset {
            self.refuse_calibration(preset, "", issues);
        }
        let is_resampled = tests.values().any(|test| test.is_resampled());
        if self.n_bootstraps.is_some() && !is_resampled {
            let detail = "expected none: no column has a test that draws from the reference".to_owned();
            issues.push(issue("detector/n_bootstraps", detail));
        }
        ColumnsSpec {
            tests: Some(tests),
            preset: self.preset,
            drift_share: self.share_of_columns(issues),
            n_bootstraps: self.draws(is_resampled, issues),
            ..self.columns_spec(Some(Alternative::TwoSided), issues)
        }
    }

    /// The share of the columns that makes the table drift, if one column is not enough.
    fn share_of_columns(&self, issues: &mut Vec<SettingIssue>) -> Option<f64> {
        let asked = self.drift_share.map(|drift_share| share("detector/drift_share", drift_share, issues));
        asked.or(self.preset.and_then(Preset::drift_share))
    }

    /// Draws from the reference, of tests that need some.
    fn draws(&self, is_resampled: bool, issues: &mut Vec<SettingIssue>) -> Option<usize> {
        let n_bootstraps = is_resampled.then(|| self.n_bootstraps.unwrap_or(N_BOOTSTRAPS));
        if let Some(n) = n_bootstraps
            && !BOOTSTRAPS.contains(&n)
        {
            let detail = format!("expected {} to {} draws, {n} came", BOOTSTRAPS.start(), BOOTSTRAPS.end());
            issues.push(issue("detector/n_bootstraps", detail));
        }
        n_bootstraps
    }

    fn classifier_uncertainty(&self, issues: &mut Vec<SettingIssue>) -> ClassifierUncertaintySpec {
        ClassifierUncertaintySpec {
            p_val: self.significance(issues),
            preds_type: self.preds_type.unwrap_or(ModelOutputs::Probs),
            uncertainty_type: self.uncertainty_type.unwrap_or_default(),
            margin_width: share("detector/margin_width", self.margin_width.unwrap_or(MARGIN_WIDTH), issues),
            min_effect: self.effect(issues),
            seed: self.seed.unwrap_or(0),
        }
    }

    /// Kinds that measure distances, or as other libraries do.
    fn measured(&self, kind: DetectorKind, issues: &mut Vec<SettingIssue>) -> Option<BatchSpec> {
        let knows_directions = matches!(kind, DetectorKind::MannWhitney | DetectorKind::TTest | DetectorKind::ZTest);
        let wrap: fn(ColumnsSpec) -> BatchSpec = match kind {
            DetectorKind::Psi => BatchSpec::Psi,
            DetectorKind::KlDivergence => BatchSpec::KlDivergence,
            DetectorKind::JensenShannon => BatchSpec::JensenShannon,
            DetectorKind::Wasserstein => BatchSpec::Wasserstein,
            DetectorKind::Hellinger => BatchSpec::Hellinger,
            DetectorKind::TotalVariation => BatchSpec::TotalVariation,
            DetectorKind::LInfinity => BatchSpec::LInfinity,
            DetectorKind::AndersonDarling => BatchSpec::AndersonDarling,
            DetectorKind::Kuiper => BatchSpec::Kuiper,
            DetectorKind::GTest => BatchSpec::GTest,
            DetectorKind::EppsSingleton => BatchSpec::EppsSingleton,
            DetectorKind::Energy => BatchSpec::Energy,
            DetectorKind::MannWhitney => BatchSpec::MannWhitney,
            DetectorKind::TTest => BatchSpec::TTest,
            DetectorKind::ZTest => BatchSpec::ZTest,
            // Of other specifications, or of none: they judge rows.
            DetectorKind::Ks
            | DetectorKind::Cvm
            | DetectorKind::ChiSquare
            | DetectorKind::FisherExact
            | DetectorKind::Tabular
            | DetectorKind::Mmd
            | DetectorKind::Lsdd
            | DetectorKind::Classifier
            | DetectorKind::SpotTheDiff
            | DetectorKind::ContextMmd
            | DetectorKind::PcaReconstruction
            | DetectorKind::MmdFourier
            | DetectorKind::Hdddm
            | DetectorKind::KdqTree
            | DetectorKind::MeanDistance
            | DetectorKind::ClassifierUncertainty
            | DetectorKind::RegressorUncertainty
            | DetectorKind::CvmOnline
            | DetectorKind::FetOnline
            | DetectorKind::LsddOnline
            | DetectorKind::MmdOnline
            | DetectorKind::PcaCd
            | DetectorKind::Dummy
            | DetectorKind::Adwin
            | DetectorKind::PageHinkley
            | DetectorKind::Kswin
            | DetectorKind::Cusum
            | DetectorKind::Ddm
            | DetectorKind::Eddm
            | DetectorKind::HddmA
            | DetectorKind::HddmW
            | DetectorKind::Rddm
            | DetectorKind::Stepd
            | DetectorKind::Fhddm
            | DetectorKind::Ecdd
            | DetectorKind::GeometricMovingAverage
            | DetectorKind::Bocd => return None,
        };
        Some(wrap(self.measured_spec(kind, knows_directions.then_some(Alternative::TwoSided), issues)))
    }

    /// Of kinds that measure distances, or as other libraries do.
    fn measured_spec(
        &self,
        kind: DetectorKind,
        alternative: Option<Alternative>,
        issues: &mut Vec<SettingIssue>,
    ) -> ColumnsSpec {
        let is_distance = kind.column_test().is_some_and(ColumnTest::is_distance);
        if let Some(preset) = self.preset {
            self.check_preset(kind, preset, issues);
        } else if self.threshold.is_some() && !is_distance {
            let detail = format!("expected `p_val`: `{kind}` is judged by its p-value");
            issues.push(issue("detector/threshold", detail));
        } else if self.threshold.is_some() && self.p_val.is_some() {
            let detail = "expected `threshold` or `p_val`, which calibrates one, both came".to_owned();
            issues.push(issue("detector/p_val", detail));
        }
        let threshold = self.threshold.map(|threshold| from_zero("detector/threshold", threshold, issues));
        let is_resampled = kind.column_test().is_some_and(ColumnTest::is_resampled);
        ColumnsSpec {
            preset: self.preset,
            threshold,
            drift_share: self.share_of_columns(issues),
            n_bootstraps: self.draws(is_resampled, issues),
            ..self.columns_spec(alternative, issues)
        }
    }

    /// A preset has its own thresholds, directions and no correction.
    fn check_preset(&self, kind: DetectorKind, preset: Preset, issues: &mut Vec<SettingIssue>) {
        if !kind.column_test().is_some_and(|test| preset.has(test)) {
            issues.push(issue("detector/preset", format!("expected another kind: `{preset}` has no `{kind}`")));
        }
        self.refuse_calibration(preset, ", `threshold` moves it", issues);
    }

    /// What a preset has itself.
    pub(super) fn refuse_calibration(&self, preset: Preset, hint: &str, issues: &mut Vec<SettingIssue>) {
        for (setting, came) in [
            ("detector/p_val", self.p_val.is_some()),
            ("detector/correction", self.correction.is_some()),
            ("detector/alternative", self.alternative.is_some()),
        ] {
            if came {
                let detail = format!("expected none: the preset `{preset}` has its own{hint}");
                issues.push(issue(setting, detail));
            }
        }
    }

    /// The test of every column: the one asked for, else the one that suits its type.
    fn column_tests(
        &self,
        schema: &Schema,
        n_rows: usize,
        issues: &mut Vec<SettingIssue>,
    ) -> BTreeMap<String, ColumnTest> {
        let mut tests = BTreeMap::new();
        let suiting = |kind: &ColumnType| match self.preset.and_then(|preset| preset.suiting(kind, n_rows)) {
            Some(test) => test,
            None => ColumnTest::suiting(kind),
        };
        for column in &schema.columns {
            let test = self.test_of(&column.name).unwrap_or_else(|| suiting(&column.kind));
            if let Some(preset) = self.preset
                && !preset.has(test)
            {
                let detail =
                    format!("expected another test for the column `{}`: `{preset}` has no `{test}`", column.name);
                issues.push(issue("detector/tests", detail));
            }
            if self.preset.is_none() && test == ColumnTest::Mmd {
                let detail = format!(
                    "expected the preset `evidently` beside the test `mmd` for the column `{}`; the kind `mmd` judges columns without one",
                    column.name
                );
                issues.push(issue("detector/tests", detail));
            }
            // A preset holds the first of several categories against the others, or has no verdict on them.
            let is_of_two = matches!(test, ColumnTest::ZTest | ColumnTest::FisherExact);
            let is_of_preset = is_of_two && self.preset.is_some() && column.kind != ColumnType::Numeric;
            if !test.takes(&column.kind) && !is_of_preset {
                let is_numeric = column.kind == ColumnType::Numeric;
                let expected = if is_numeric { "a test of numbers, such as `ks`," } else { "`chi_square`" };
                let detail = format!("expected {expected} for the column `{}`, `{test}` came", column.name);
                issues.push(issue("detector/tests", detail));
            }
            tests.insert(column.name.clone(), test);
        }
        for name in self.tests.iter().flat_map(BTreeMap::keys).filter(|name| !tests.contains_key(*name)) {
            issues.push(issue("detector/tests", format!("expected columns of the reference, `{name}` is none")));
        }
        tests
    }

    /// The columns of the context: some of the reference, not all.
    fn context(&self, schema: &Schema, issues: &mut Vec<SettingIssue>) -> Vec<String> {
        let columns = self.context_columns.clone().unwrap_or_default();
        let is_known = |name: &String| schema.columns.iter().any(|column| column.name == *name);
        if let Some(unknown) = columns.iter().find(|name| !is_known(name)) {
            let detail = format!("expected columns of the reference, `{unknown}` is none");
            issues.push(issue("detector/context_columns", detail));
        }
        let n_context = schema.columns.iter().filter(|column| columns.contains(&column.name)).count();
        if n_context == 0 || n_context == schema.columns.len() {
            let detail = "expected the names of some columns, the context of the others";
            issues.push(issue("detector/context_columns", detail.to_owned()));
        }
        columns
    }

    pub(super) fn permutations(
        &self,
        default: usize,
        level: f64,
        rule: PValueRule,
        issues: &mut Vec<SettingIssue>,
    ) -> usize {
        let spec = PermutationSpec { n_permutations: 0, level, rule, seed: 0 };
        let least = spec.n_permutations_min();
        // A level that is wrong has been told.
        let n = self.n_permutations.unwrap_or(default.max(least.min(PERMUTATIONS_MAX)));
        if least > PERMUTATIONS_MAX && level > 0.0 {
            let detail = format!(
                "expected a p_val that {PERMUTATIONS_MAX} permutations can tell, the most there may be; {level} needs {least}"
            );
            issues.push(issue("detector/p_val", detail));
        } else if !(1..=PERMUTATIONS_MAX).contains(&n) || n < least {
            let detail = format!(
                "expected {} to {PERMUTATIONS_MAX} permutations for this p_val, {n} came",
                least.min(PERMUTATIONS_MAX)
            );
            issues.push(issue("detector/n_permutations", detail));
        }
        n
    }

    /// Enough for a few of them to be as far apart as what was observed, at the level.
    pub(super) fn fold_permutations(
        &self,
        level: f64,
        validation: Validation,
        issues: &mut Vec<SettingIssue>,
    ) -> usize {
        match (validation, self.n_permutations) {
            (Validation::TrainSize(_), None) | (Validation::NFolds(_), Some(0)) => 0,
            (Validation::TrainSize(_), Some(_)) => {
                let detail = "expected none: with one split predictions are independent, `n_folds` takes permutations";
                issues.push(issue("detector/n_permutations", detail.to_owned()));
                0
            }
            (Validation::NFolds(_), _) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a level that is wrong has been told"
                )]
                let enough = (FOLD_PERMUTATIONS_AT_LEVEL / level).ceil() as usize;
                self.permutations(enough.min(FOLD_PERMUTATIONS_MAX), level, PValueRule::Corrected, issues)
            }
        }
    }

    pub(super) fn validation(&self, issues: &mut Vec<SettingIssue>) -> Validation {
        match (self.n_folds, self.train_size) {
            (Some(n_folds), train_size) => {
                if train_size.is_some() {
                    let detail = "expected `n_folds` or `train_size`, both came".to_owned();
                    issues.push(issue("detector/train_size", detail));
                }
                if !(2..=N_FOLDS_MAX).contains(&n_folds) {
                    let detail = format!("expected 2 to {N_FOLDS_MAX} folds, {n_folds} came");
                    issues.push(issue("detector/n_folds", detail));
                }
                Validation::NFolds(n_folds)
            }
            (None, train_size) => {
                let share = train_size.unwrap_or(TRAIN_SIZE);
                if !(share > 0.0 && share < 1.0) {
                    let detail = format!("expected a number above 0 and below 1, {share} came");
                    issues.push(issue("detector/train_size", detail));
                }
                Validation::TrainSize(share)
            }
        }
    }

    pub(super) fn significance(&self, issues: &mut Vec<SettingIssue>) -> f64 {
        let p_val = self.p_val.unwrap_or(P_VAL);
        if !(p_val > 0.0 && p_val < 1.0) {
            issues.push(issue("detector/p_val", format!("expected a number above 0 and below 1, {p_val} came")));
        }
        p_val
    }

    pub(super) fn effect(&self, issues: &mut Vec<SettingIssue>) -> Option<f64> {
        if let Some(effect) = self.min_effect
            && !(0.0..=1.0).contains(&effect)
        {
            issues.push(issue("detector/min_effect", format!("expected a number from 0 to 1, {effect} came")));
        }
        self.min_effect
    }
}

/// A number from 1 up to a bound.
pub(super) fn bounded(
    setting: &'static str,
    wanted: Option<usize>,
    default: usize,
    most: usize,
    issues: &mut Vec<SettingIssue>,
) -> usize {
    let n = wanted.unwrap_or(default);
    if !(1..=most).contains(&n) {
        issues.push(issue(setting, format!("expected a whole number from 1 to {most}, {n} came")));
    }
    n
}

pub(super) fn from_zero(setting: &'static str, value: f64, issues: &mut Vec<SettingIssue>) -> f64 {
    if !(value.is_finite() && value >= 0.0) {
        issues.push(issue(setting, format!("expected a number from 0 on, {value} came")));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{ColumnSchema, MissingValues};
    use crate::statistics::correction::Correction;

    fn schema() -> Schema {
        let column = |name: &str, kind| ColumnSchema { name: name.to_owned(), kind };
        let categories = vec!["a".to_owned(), "b".to_owned()];
        let columns = vec![
            column("n", ColumnType::Numeric),
            column("c", ColumnType::Categorical { categories, is_numeric: false }),
        ];
        Schema { columns, missing_values: MissingValues::Reject }
    }

    #[test]
    fn defaults_are_written_out() {
        let request = DetectorRequest::default();
        let spec = request.batch_specification(DetectorKind::Tabular, &schema(), 100).unwrap();
        let tests = [("n".to_owned(), ColumnTest::Ks), ("c".to_owned(), ColumnTest::ChiSquare)];
        let expected = ColumnsSpec {
            p_val: 0.05,
            correction: Correction::Bonferroni,
            alternative: Some(Alternative::TwoSided),
            tests: Some(tests.into()),
            min_effect: None,
            preset: None,
            threshold: None,
            drift_share: None,
            n_bootstraps: None,
            seed: 0,
        };
        assert_eq!(spec, BatchSpec::Tabular(expected));
    }

    #[test]
    fn tests_that_do_not_suit_their_columns_are_named() {
        let tests = [("n", ColumnTest::Cvm), ("c", ColumnTest::Ks), ("d", ColumnTest::Ks)];
        let tests = tests.map(|(name, test)| (name.to_owned(), test)).into();
        let request = DetectorRequest { tests: Some(tests), p_val: Some(1.0), ..DetectorRequest::default() };
        let error = request.batch_specification(DetectorKind::Tabular, &schema(), 100).unwrap_err().to_string();
        for part in ["expected `chi_square` for the column `c`, `ks` came", "`d` is none", "detector/p_val"] {
            assert!(error.contains(part), "{error}");
        }
        let error = request.batch_specification(DetectorKind::Ks, &schema(), 100).unwrap_err().to_string();
        assert!(error.contains("detector/tests: `ks` has no such parameter"), "{error}");
    }

    #[test]
    fn parameters_of_online_kinds_are_refused_with_what_to_say_instead() {
        let request = DetectorRequest { ert: Some(400.0), window_size: Some(40), ..DetectorRequest::default() };
        let error = request.batch_specification(DetectorKind::Ks, &schema(), 100).unwrap_err().to_string();
        assert!(error.contains("expected `p_val`") && error.contains("expected `window` with its `size`"), "{error}");
    }
}
