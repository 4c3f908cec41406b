//! One runner for all golden values: each case of `testdata/golden/*.json` is an input, what must come out, and how
//! near. `replay` cases carry the random draws that the reference library made; `distribution` cases summarise many
//! seeds or runs and are compared as such.

mod classifier;
mod context_mmd;
mod cvm_online;
mod distributions;
mod domain_classifier;
mod embeddings;
mod fet_online;
mod field;
mod functions;
mod judged;
mod lsdd;
mod lsdd_online;
mod menelaus_streaming;
mod mmd;
mod mmd_online;
mod multivariate;
mod pca_cd;
mod reference_update;
mod spot_the_diff;
mod streaming;
mod uncertainty;
mod univariate;
mod words;

use serde_json::Value;

/// A case of a file.
struct Case(Value);

impl Case {
    fn id(&self) -> &str {
        self.0["id"].as_str().expect("a case has an id")
    }

    fn kind(&self) -> &str {
        self.0["kind"].as_str().expect("a case has a kind")
    }

    fn params(&self, name: &str) -> &Value {
        &self.0["params"][name]
    }

    fn input(&self, name: &str) -> &Value {
        &self.0["input"][name]
    }

    fn expected(&self, name: &str) -> &Value {
        &self.0["expected"][name]
    }

    fn tolerance(&self, field: &str) -> (f64, f64) {
        let all = &self.0["tolerance"];
        let of_field = if all[field].is_object() { &all[field] } else { all };
        (of_field["rtol"].as_f64().unwrap_or(1e-7), of_field["atol"].as_f64().unwrap_or(1e-10))
    }

    /// Holds computed numbers against those of a field.
    fn check(&self, field: &str, computed: &[f64]) {
        self.check_within(field, field, computed);
    }

    /// The same, with the tolerance that stands under another name.
    fn check_within(&self, field: &str, tolerance: &str, computed: &[f64]) {
        let expected = numbers(self.expected(field));
        assert_eq!(computed.len(), expected.len(), "{}: {field} has another length", self.id());
        let (rtol, atol) = self.tolerance(tolerance);
        for (index, (computed, expected)) in computed.iter().zip(&expected).enumerate() {
            let near = (computed - expected).abs() <= atol + rtol * expected.abs();
            let same = computed == expected || (computed.is_nan() && expected.is_nan());
            assert!(near || same, "{}: {field}[{index}] is {computed}, expected {expected}", self.id());
        }
    }
}

/// All numbers of a value in reading order; `null` and `"NaN"` are `NaN`, `"Infinity"` is that double.
fn numbers(value: &Value) -> Vec<f64> {
    fn collect(value: &Value, into: &mut Vec<f64>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| collect(value, into)),
            Value::Number(number) => into.push(number.as_f64().expect("a double")),
            Value::String(text) if text == "NaN" => into.push(f64::NAN),
            Value::String(text) if text == "Infinity" => into.push(f64::INFINITY),
            Value::Null => into.push(f64::NAN),
            other => panic!("no number: {other}"),
        }
    }
    let mut all = Vec::new();
    collect(value, &mut all);
    all
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn integers(value: &Value) -> Vec<usize> {
    let integer = |value: &Value| usize::try_from(value.as_u64().expect("an integer")).expect("a small integer");
    value.as_array().expect("a list").iter().map(integer).collect()
}

/// Number of columns of a list of rows.
fn width(rows: &Value) -> usize {
    rows[0].as_array().map_or(1, Vec::len)
}

fn cases(file: &str) -> Vec<Case> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/golden").join(file);
    let text = std::fs::read_to_string(&path).expect("the golden file is in the repository");
    let mut file: Value = serde_json::from_str(&text).expect("a golden file is JSON");
    let Value::Array(cases) = file["cases"].take() else { panic!("a golden file has cases") };
    cases.into_iter().map(Case).collect()
}

/// The case of this id.
fn with_id(cases: Vec<Case>, id: &Value) -> Case {
    let id = id.as_str().expect("an id");
    cases.into_iter().find(|case| case.id() == id).expect("a case of this id")
}

/// Runs every case of a file.
fn run(file: &str, case: fn(&Case)) {
    let cases = cases(file);
    assert!(!cases.is_empty());
    cases.iter().for_each(case);
}

#[test]
fn quantiles_and_corrections() {
    run("basics.json", |case| {
        if case.id().contains("-fdr-") { functions::correction(case) } else { functions::quantile(case) }
    });
}

#[test]
fn kernels() {
    run("kernel.json", functions::kernel);
}

#[test]
fn principal_components() {
    run("pca.json", functions::pca);
}

#[test]
fn classifier() {
    run("classifier.json", classifier::case);
}

#[test]
fn context_mmd() {
    run("context_mmd.json", context_mmd::case);
}

#[test]
fn pca_reconstruction() {
    run("pca_reconstruction.json", multivariate::pca_reconstruction);
}

#[test]
fn hdddm() {
    run("field/menelaus_batch.json", multivariate::hdddm);
}

#[test]
fn kdq_tree() {
    run("field/menelaus_batch.json", multivariate::kdq_tree);
}

#[test]
fn cdbd() {
    run("field/menelaus_batch.json", multivariate::cdbd);
}

/// NN-DVI is not here.
#[test]
fn every_method_of_batches_has_a_runner_or_is_told() {
    run("field/menelaus_batch.json", |case| {
        for method in case.0["results"].as_object().expect("results").keys() {
            let is_run = ["HDDDM_tstat_0_05", "HDDDM_stdev_2", "kdq_tree", "CDBD_first_column"].contains(&&**method);
            assert!(is_run || method == "nndvi", "{} {method}", case.id());
        }
    });
}

#[test]
fn cvm_online() {
    run("cvm_online.json", cvm_online::case);
}

#[test]
fn fet_online() {
    run("fet_online.json", fet_online::case);
}

#[test]
fn lsdd() {
    run("lsdd.json", lsdd::case);
}

#[test]
fn lsdd_online() {
    run("lsdd_online.json", lsdd_online::case);
}

#[test]
fn mmd() {
    run("mmd.json", mmd::case);
}

#[test]
fn mmd_online() {
    run("mmd_online.json", mmd_online::case);
}

#[test]
fn kolmogorov_smirnov() {
    run("ks.json", univariate::kolmogorov_smirnov);
}

#[test]
fn cramer_von_mises() {
    run("cvm.json", univariate::cramer_von_mises);
}

#[test]
fn chi_square() {
    run("chi2.json", univariate::chi_square);
}

#[test]
fn fisher_exact() {
    run("fet.json", univariate::fisher_exact);
}

#[test]
fn tabular() {
    run("tabular.json", univariate::tabular);
}

#[test]
fn spot_the_diff() {
    run("spot_the_diff.json", spot_the_diff::case);
}

#[test]
fn uncertainty() {
    run("uncertainty.json", uncertainty::case);
}

#[test]
fn reference_updates() {
    run("reference_update.json", reference_update::case);
}

#[test]
fn evidently_numbers() {
    run("field/evidently_numeric.json", field::evidently);
}

#[test]
fn evidently_categories() {
    run("field/evidently_categorical.json", field::evidently);
}

#[test]
fn evidently_texts() {
    run("field/evidently_text.json", words::case);
}

#[test]
fn evidently_tables() {
    run("field/evidently_dataset.json", field::evidently_dataset);
}

#[test]
fn frouros_distances_and_tests() {
    run("field/frouros_batch.json", field::frouros);
}

#[test]
fn evidently_embeddings() {
    run("field/evidently_embeddings.json", embeddings::case);
}

#[test]
fn menelaus_streams() {
    run("field/menelaus_streaming.json", menelaus_streaming::case);
}

#[test]
fn nannyml_tables() {
    run("field/nannyml_multivariate.json", |case| match case.id().split('/').next() {
        Some("domain_classifier") => domain_classifier::case(case),
        Some("pca_reconstruction") => multivariate::chunks(case),
        other => panic!("no runner takes {other:?}"),
    });
}

#[test]
fn nannyml_chunks() {
    run("field/nannyml_univariate.json", field::nannyml);
}
