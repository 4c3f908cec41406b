//! Specifications of the kinds that judge windows.

use std::collections::BTreeMap;

use super::{DetectorRequest, InvalidSettings, SettingIssue, issue};
use crate::data::{ColumnType, Schema};
use crate::detectors::{BatchSpec, ColumnTest, ColumnsSpec, DetectorKind};
use crate::statistics::alternative::Alternative;

/// Significance by default.
const P_VAL: f64 = 0.05;

impl DetectorRequest {
    /// The specification of a kind that judges windows with every parameter, for the columns of a schema.
    ///
    /// # Errors
    /// When a value is out of its range, the kind has no such parameter, or it judges row by row.
    pub fn batch_specification(&self, kind: DetectorKind, schema: &Schema) -> Result<BatchSpec, InvalidSettings> {
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
            DetectorKind::Tabular => {
                let tests = Some(self.column_tests(schema, &mut issues));
                BatchSpec::Tabular(ColumnsSpec { tests, ..self.columns_spec(Some(Alternative::TwoSided), &mut issues) })
            }
            _ => return Err(InvalidSettings::one("detector/kind", format!("`{kind}` judges rows, not windows"))),
        };
        if issues.is_empty() { Ok(spec) } else { Err(InvalidSettings { issues }) }
    }

    /// `alternative` is the kind's default, if it knows directions.
    fn columns_spec(&self, alternative: Option<Alternative>, issues: &mut Vec<SettingIssue>) -> ColumnsSpec {
        ColumnsSpec {
            p_val: self.significance(issues),
            correction: self.correction.unwrap_or_default(),
            alternative: alternative.map(|default| self.alternative.unwrap_or(default)),
            tests: None,
            min_effect: self.effect(issues),
            seed: self.seed.unwrap_or(0),
        }
    }

    /// The test of every column: the one asked for, else the one that suits its type.
    fn column_tests(&self, schema: &Schema, issues: &mut Vec<SettingIssue>) -> BTreeMap<String, ColumnTest> {
        let mut tests = BTreeMap::new();
        for column in &schema.columns {
            let test = self.test_of(&column.name).unwrap_or_else(|| ColumnTest::suiting(&column.kind));
            if !test.takes(&column.kind) {
                let expected = if column.kind == ColumnType::Numeric { "`ks` or `cvm`" } else { "`chi_square`" };
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

    fn significance(&self, issues: &mut Vec<SettingIssue>) -> f64 {
        let p_val = self.p_val.unwrap_or(P_VAL);
        if !(p_val > 0.0 && p_val < 1.0) {
            issues.push(issue("detector/p_val", format!("expected a number above 0 and below 1, {p_val} came")));
        }
        p_val
    }

    fn effect(&self, issues: &mut Vec<SettingIssue>) -> Option<f64> {
        if let Some(effect) = self.min_effect
            && !(0.0..=1.0).contains(&effect)
        {
            issues.push(issue("detector/min_effect", format!("expected a number from 0 to 1, {effect} came")));
        }
        self.min_effect
    }
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
        let spec = request.batch_specification(DetectorKind::Tabular, &schema()).unwrap();
        let tests = [("n".to_owned(), ColumnTest::Ks), ("c".to_owned(), ColumnTest::ChiSquare)];
        let expected = ColumnsSpec {
            p_val: 0.05,
            correction: Correction::Bonferroni,
            alternative: Some(Alternative::TwoSided),
            tests: Some(tests.into()),
            min_effect: None,
            seed: 0,
        };
        assert_eq!(spec, BatchSpec::Tabular(expected));
    }

    #[test]
    fn tests_that_do_not_suit_their_columns_are_named() {
        let tests = [("n", ColumnTest::Cvm), ("c", ColumnTest::Ks), ("d", ColumnTest::Ks)];
        let tests = tests.map(|(name, test)| (name.to_owned(), test)).into();
        let request = DetectorRequest { tests: Some(tests), p_val: Some(1.0), ..DetectorRequest::default() };
        let error = request.batch_specification(DetectorKind::Tabular, &schema()).unwrap_err().to_string();
        for part in ["expected `chi_square` for the column `c`, `ks` came", "`d` is none", "detector/p_val"] {
            assert!(error.contains(part), "{error}");
        }
        let error = request.batch_specification(DetectorKind::Ks, &schema()).unwrap_err().to_string();
        assert!(error.contains("detector/tests: `ks` has no such parameter"), "{error}");
    }

    #[test]
    fn parameters_of_online_kinds_are_refused_with_what_to_say_instead() {
        let request = DetectorRequest { ert: Some(400.0), window_size: Some(40), ..DetectorRequest::default() };
        let error = request.batch_specification(DetectorKind::Ks, &schema()).unwrap_err().to_string();
        assert!(error.contains("expected `p_val`") && error.contains("expected `window` with its `size`"), "{error}");
    }
}
