//! Settings of fits: out of range, of another type, of another kind, misspelt, unknown.

use crate::row::{CSV, FIT, JSON, Row};
use crate::values::numbers;

/// Settings in the detector, and the one at fault.
const DETECTORS: [(&str, &str); 66] = [
    (r#""kind": "cramer_von_mises""#, "kind"),
    (r#""kind": "CVM_ONLINE""#, "kind"),
    (r#""kind": """#, "kind"),
    (r#""kind": 5"#, "kind"),
    (r#""kind": ["cvm_online"]"#, "kind"),
    (r#""kind": "image""#, "kind"),
    (r#""knd": "cvm_online""#, "knd"),
    (r#""__class__": "os.system""#, "__class__"),
    (r#""": 1"#, ""),
    (r#""ert": 1"#, "ert"),
    (r#""ert": 0"#, "ert"),
    (r#""ert": -400"#, "ert"),
    (r#""ert": -0"#, "ert"),
    (r#""ert": 1e400"#, "ert"),
    (r#""ert": 1e8"#, "ert"),
    (r#""ert": 1.0000000000000001"#, "ert"),
    (r#""ert": 5e-324"#, "ert"),
    (r#""ert": "400""#, "ert"),
    (r#""ert": true"#, "ert"),
    (r#""ert": [400]"#, "ert"),
    (r#""ert": {"mean": 400}"#, "ert"),
    (r#""erd": 400"#, "erd"),
    (r#""ERT": 400"#, "ERT"),
    (r#""ert": 400, "window_size": 0"#, "window_size"),
    (r#""ert": 2"#, "ert"),
    (r#""ert": 1.0000001"#, "ert"),
    (r#""window_sizes": []"#, "window_sizes"),
    (r#""window_sizes": 5"#, "window_sizes"),
    (r#""window_sizes": [1]"#, "window_sizes"),
    (r#""window_sizes": [0]"#, "window_sizes"),
    (r#""window_sizes": [-5]"#, "window_sizes"),
    (r#""window_sizes": [5.5]"#, "window_sizes"),
    (r#""window_sizes": [5, 5]"#, "window_sizes"),
    (r#""window_sizes": [5, null]"#, "window_sizes"),
    (r#""window_sizes": [[5]]"#, "window_sizes"),
    (r#""window_sizes": [10001]"#, "window_sizes"),
    (r#""window_sizes": [18446744073709551616]"#, "window_sizes"),
    (r#""window_sizes": [2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18]"#, "window_sizes"),
    (r#""window_size": 1"#, "window_size"),
    (r#""window_size": 1e300"#, "window_size"),
    (r#""window_size": "4""#, "window_size"),
    (r#""window_size": 4, "window_sizes": [4]"#, "window_size"),
    (r#""windows_size": 4"#, "windows_size"),
    (r#""n_bootstraps": 0"#, "n_bootstraps"),
    (r#""n_bootstraps": 3"#, "n_bootstraps"),
    (r#""n_bootstraps": -1"#, "n_bootstraps"),
    (r#""n_bootstraps": 2000.5"#, "n_bootstraps"),
    (r#""window_sizes": [4], "n_bootstraps": 9007199254740993"#, "n_bootstraps"),
    (r#""window_sizes": [4], "n_bootstraps": 18446744073709551615"#, "n_bootstraps"),
    (r#""n_bootstraps": 1e19"#, "n_bootstraps"),
    (r#""seed": -1"#, "seed"),
    (r#""seed": 0.5"#, "seed"),
    (r#""seed": "0""#, "seed"),
    (r#""seed": 18446744073709551616"#, "seed"),
    // Of other kinds than the default of these data.
    (r#""sigma": 1.0"#, "sigma"),
    (r#""alternative": "greater""#, "alternative"),
    (r#""lam": 0.5"#, "lam"),
    (r#""t_max": 50"#, "t_max"),
    (r#""n_kernel_centers": 5"#, "n_kernel_centers"),
    (r#""lambda_rd_max": 0.2"#, "lambda_rd_max"),
    (r#""kind": "mmd_online", "window_sizes": [4]"#, "window_sizes"),
    (r#""kind": "mmd_online", "lam": 0.5"#, "lam"),
    (r#""p_val": 0.05"#, "p_val"),
    (r#""alternative": "two_sided""#, "alternative"),
    (r#""alternative": 1"#, "alternative"),
    (r#""lam": "half""#, "lam"),
];

/// Settings in the detector of a kind with kernels or of two classes.
const OTHER_KINDS: [(&str, &str); 14] = [
    (r#""kind": "mmd_online", "sigma": []"#, "sigma"),
    (r#""kind": "mmd_online", "sigma": 0"#, "sigma"),
    (r#""kind": "mmd_online", "sigma": -1"#, "sigma"),
    (r#""kind": "mmd_online", "sigma": [1, 0]"#, "sigma"),
    (r#""kind": "mmd_online", "sigma": 1e300"#, "sigma"),
    (r#""kind": "mmd_online", "sigma": 1e-300"#, "sigma"),
    (r#""kind": "mmd_online", "sigma": "median""#, "sigma"),
    (r#""kind": "mmd_online", "sigma": [1, "2"]"#, "sigma"),
    (r#""kind": "lsdd_online", "n_kernel_centers": 0"#, "n_kernel_centers"),
    (r#""kind": "lsdd_online", "n_kernel_centers": 1001"#, "n_kernel_centers"),
    (r#""kind": "lsdd_online", "lambda_rd_max": 0"#, "lambda_rd_max"),
    (r#""kind": "lsdd_online", "lambda_rd_max": 1.5"#, "lambda_rd_max"),
    (r#""kind": "cvm_online", "window_size": 4, "n_bootstraps": 200000000"#, "n_bootstraps"),
    (r#""kind": "mmd_online", "window_size": 4, "ert": 10000000"#, "n_bootstraps"),
];

/// Settings in the detector of a kind that judges windows.
const OF_WINDOWS: [(&str, &str); 55] = [
    (r#""kind": "ks", "ert": 400"#, "ert"),
    (r#""kind": "ks", "window_sizes": [4]"#, "window_sizes"),
    (r#""kind": "ks", "p_val": 0"#, "p_val"),
    (r#""kind": "ks", "p_val": 1.5"#, "p_val"),
    (r#""kind": "ks", "p_val": "0.05""#, "p_val"),
    (r#""kind": "ks", "p_val": -1e400"#, "p_val"),
    (r#""kind": "ks", "correction": "holm""#, "correction"),
    (r#""kind": "ks", "alternative": "both""#, "alternative"),
    (r#""kind": "ks", "n_permutations": 100"#, "n_permutations"),
    (r#""kind": "ks", "window": 5"#, "window"),
    (r#""kind": "ks", "window": []"#, "window"),
    (r#""kind": "ks", "window": {}"#, "window"),
    (r#""kind": "ks", "window": {"size": 0}"#, "window/size"),
    (r#""kind": "ks", "window": {"size": -1}"#, "window/size"),
    (r#""kind": "ks", "window": {"size": 2.5}"#, "window/size"),
    (r#""kind": "ks", "window": {"size": "5"}"#, "window/size"),
    (r#""kind": "ks", "window": {"size": 18446744073709551615}"#, "window/size"),
    (r#""kind": "ks", "window": {"size": 5, "stride": 0}"#, "window/stride"),
    (r#""kind": "ks", "window": {"size": 5, "stride": 6}"#, "window/stride"),
    (r#""kind": "ks", "window": {"stride": 5}"#, "window"),
    (r#""kind": "ks", "window": {"max_age": 0}"#, "window/max_age"),
    (r#""kind": "ks", "window": {"max_age": -5}"#, "window/max_age"),
    (r#""kind": "ks", "window": {"max_age": 1e400}"#, "window"),
    (r#""kind": "ks", "window": {"size": 5, "sise": 5}"#, "window/sise"),
    (r#""kind": "ks", "update_reference": true"#, "update_reference"),
    (r#""kind": "ks", "update_reference": {}"#, "update_reference"),
    (r#""kind": "ks", "update_reference": {"last": 0}"#, "update_reference/last"),
    (r#""kind": "ks", "update_reference": {"last": 5, "reservoir": 5}"#, "update_reference"),
    (
        r#""kind": "ks", "update_reference": {"last": 5, "only_without_drift": "yes"}"#,
        "update_reference/only_without_drift",
    ),
    (r#""kind": "ks", "after_alarm": "stop""#, "after_alarm"),
    (r#""kind": "ks", "after_alarm": 1"#, "after_alarm"),
    (r#""kind": "ks", "min_effect": -0.1"#, "min_effect"),
    (r#""kind": "ks", "min_effect": 1e400"#, "min_effect"),
    (r#""kind": "ks", "tests": {"value": "ks"}"#, "tests"),
    (r#""kind": "tabular", "tests": {"valu": "ks"}"#, "tests"),
    (r#""kind": "tabular", "tests": {"value": "welch"}"#, "tests/value"),
    (r#""kind": "mmd", "n_permutations": 0"#, "n_permutations"),
    (r#""kind": "classifier", "n_permutations": 100"#, "n_permutations"),
    (r#""kind": "classifier", "n_folds": 5, "n_permutations": 19"#, "n_permutations"),
    (r#""kind": "spot_the_diff", "n_permutations": 0"#, "n_permutations"),
    (r#""kind": "mmd", "n_permutations": 1e12"#, "n_permutations"),
    (r#""kind": "mmd", "sigma": 0"#, "sigma"),
    (r#""kind": "mmd", "window": {"size": 1000000}"#, "window/size"),
    (r#""kind": "lsdd", "n_kernel_centers": 0"#, "n_kernel_centers"),
    (r#""kind": "classifier", "model": "boosting""#, "model"),
    (r#""kind": "classifier", "model": "random_forest", "n_trees": 0"#, "n_trees"),
    (r#""kind": "classifier", "n_folds": 1"#, "n_folds"),
    (r#""kind": "classifier", "train_size": 1"#, "train_size"),
    (r#""kind": "classifier", "n_folds": 5, "train_size": 0.5"#, "train_size"),
    (r#""kind": "spot_the_diff", "learning_rate": 0"#, "learning_rate"),
    (r#""kind": "spot_the_diff", "epochs": 0"#, "epochs"),
    (r#""kind": "context_mmd""#, "context_columns"),
    (r#""kind": "context_mmd", "context_columns": ["value"]"#, "context_columns"),
    (r#""kind": "context_mmd", "context_columns": ["x"]"#, "context_columns"),
    (r#""kind": "classifier_uncertainty", "uncertainty": "max""#, "uncertainty"),
];

const STREAMING: [(&str, &str); 12] = [
    (r#""kind": "adwin", "delta": 1"#, "delta"),
    (r#""kind": "adwin", "clock": 0"#, "clock"),
    (r#""kind": "adwin", "ert": 400"#, "ert"),
    (r#""kind": "page_hinkley", "mode": "sideways""#, "mode"),
    (r#""kind": "page_hinkley", "threshold": -1e400"#, "threshold"),
    (r#""kind": "kswin", "stat_size": 51"#, "stat_size"),
    (r#""kind": "kswin", "window_size": 1e18"#, "window_size"),
    (r#""kind": "bocd", "max_run_lengths": 1e9"#, "max_run_lengths"),
    (r#""kind": "bocd", "prior_variance": 0"#, "prior_variance"),
    (r#""kind": "geometric_moving_average", "alpha": 1"#, "alpha"),
    (r#""kind": "cusum", "window": {"size": 5}"#, "window"),
    (r#""kind": "hddm_a", "two_sided_test": "yes""#, "two_sided_test"),
];

const OF_TWO_CLASSES: [(&str, &str); 9] = [
    (r#""lam": 0"#, "lam"),
    (r#""lam": 1.5"#, "lam"),
    (r#""lam": -1e400"#, "lam"),
    (r#""t_max": 3"#, "t_max"),
    (r#""t_max": 20001"#, "t_max"),
    (r#""window_sizes": [4], "t_max": 20000"#, "n_bootstraps"),
    (r#""alternative": "both""#, "alternative"),
    (r#""alternative": null, "lam": 2"#, "lam"),
    (r#""sigma": 1"#, "sigma"),
];

/// Settings beside the detector, and the pointer to the one at fault.
const OTHERS: [(&str, &str); 40] = [
    (r#""drift_type": "label", "quality": "no""#, "/quality"),
    (r#""drift_type": "label", "quality": 0"#, "/quality"),
    (r#""drift_type": "label", "quality": [false]"#, "/quality"),
    (r#""drift_type": "label", "quality": {"significance": 0}"#, "/quality/significance"),
    (r#""drift_type": "label", "quality": {"significance": 0.51}"#, "/quality/significance"),
    (r#""drift_type": "label", "quality": {"significance": "0.01"}"#, "/quality/significance"),
    (r#""drift_type": "label", "quality": {"significance": -1e300}"#, "/quality/significance"),
    (r#""drift_type": "label", "quality": {"new_category": 1}"#, "/quality/new_category"),
    (r#""drift_type": "label", "quality": {"new_categories": true}"#, "/quality/new_categories"),
    (r#""drift_type": "label", "quality": {"out_of_range": {}}"#, "/quality/out_of_range"),
    (r#""drift_type": "labels""#, "/drift_type"),
    (r#""drift_type": "Label""#, "/drift_type"),
    (r#""drift_type": 5"#, "/drift_type"),
    (r#""drift_type": null"#, "/drift_type"),
    (r#""drift_type": ["label"]"#, "/drift_type"),
    (r#""drift_type": "label", "sequence": {"difference": 1}"#, "/sequence/difference"),
    (r#""drift_type": "sequential", "sequence": []"#, "/sequence"),
    (r#""drift_type": "sequential", "sequence": {"difference": -1}"#, "/sequence/difference"),
    (r#""drift_type": "sequential", "sequence": {"difference": 1e300}"#, "/sequence/difference"),
    (r#""drift_type": "sequential", "sequence": {"season": [7]}"#, "/sequence/season"),
    (r#""drift_type": "sequential", "sequence": {"season": {"period": 1e9}}"#, "/sequence/season/period"),
    (r#""drift_type": "sequential", "sequence": {"season": {"period": {"period": 7}}}"#, "/sequence/season/period"),
    (r#""drift_type": "sequential", "sequence": {"season": {"timestamp": "at", "by": [[]]}}"#, "/sequence/season/by"),
    (r#""drift_type": "sequential", "sequence": {"block_length": 0}"#, "/sequence/block_length"),
    (r#""drift_type": "label", "overwrite": "yes""#, "/overwrite"),
    (r#""drift_type": "label", "overwrite": 1"#, "/overwrite"),
    (r#""drift_type": "label", "missing_values": "ignore""#, "/missing_values"),
    (r#""drift_type": "label", "missing_values": false"#, "/missing_values"),
    (r#""drift_type": "label", "report_run_length": "true""#, "/report_run_length"),
    (r#""drift_type": "label", "detector": 5"#, "/detector"),
    (r#""drift_type": "label", "detector": "cvm_online""#, "/detector"),
    (r#""drift_type": "label", "detector": []"#, "/detector"),
    (r#""drift_type": "label", "preprocessing": true"#, "/preprocessing"),
    (r#""drift_type": "label", "preprocessing": {"standardize": true}"#, "/preprocessing/standardize"),
    (r#""drift_type": "label", "preprocessing": {"n_components": 1}"#, "/preprocessing/n_components"),
    (r#""drift_type": "tabular", "preprocessing": {"n_components": 0}"#, "/preprocessing/n_components"),
    (r#""drift_type": "tabular", "preprocessing": {"n_components": 2}"#, "/preprocessing/n_components"),
    (r#""drift_type": "tabular", "preprocessing": {"scale": true}"#, "/preprocessing/scale"),
    (r#""drift_type": "label", "detektor": {}"#, "/detektor"),
    (r#""drift_type": "label", "project": "off""#, "/project"),
];

/// Query strings of a CSV body, and the parameter at fault.
const QUERIES: [(&str, &str); 20] = [
    ("", "drift_type"),
    ("?drift_type=", "drift_type"),
    ("?drift_type=labels", "drift_type"),
    ("?drift_type=label&drift_type=label", "drift_type"),
    ("?drift_type=label&erd=5", "erd"),
    ("?drift_type=label&ert=nan", "ert"),
    ("?drift_type=label&ert=inf", "ert"),
    ("?drift_type=label&ert=1e400", "ert"),
    ("?drift_type=label&ert=0x10", "ert"),
    ("?drift_type=label&ert=4%000", "ert"),
    ("?drift_type=label&ert=%ff", "ert"),
    ("?drift_type=label&ert=5&ert=6", "ert"),
    ("?drift_type=label&window_sizes=4,x", "window_sizes"),
    ("?drift_type=label&window_sizes=4,,5", "window_sizes"),
    ("?drift_type=label&window_sizes=1", "window_sizes"),
    ("?drift_type=label&overwrite=yes", "overwrite"),
    ("?drift_type=label&overwrite=TRUE", "overwrite"),
    ("?drift_type=label&seed=-1", "seed"),
    ("?drift_type=label&detector[ert]=5", "detector[ert]"),
    ("?drift_type=label&a%2fb=5", "a~1b"),
];

pub fn rows() -> Vec<Row> {
    let values = format!("{:?}", numbers(60));
    let invalid = |body: String, pointer: &str| Row::post(FIT, JSON, body, 422, "invalid_settings").at(pointer);
    let classes = "[0, 1, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1]";
    let detector = |data: &str, settings: &str, name: &str| {
        let body = format!(r#"{{"drift_type": "label", "detector": {{{settings}}}, "data": {data}}}"#);
        invalid(body, &format!("/detector/{name}")).about(&format!("detector: {{{settings}}}"))
    };
    let mut rows: Vec<Row> = DETECTORS.iter().map(|(settings, name)| detector(&values, settings, name)).collect();
    rows.extend(OTHER_KINDS.iter().map(|(settings, name)| detector(&values, settings, name)));
    rows.extend(STREAMING.iter().map(|(settings, name)| detector(&values, settings, name)));
    rows.extend(OF_WINDOWS.iter().map(|(settings, name)| detector(&values, settings, name)));
    rows.extend(OF_TWO_CLASSES.iter().map(|(settings, name)| detector(classes, settings, name)));
    rows.extend(
        OTHERS.iter().map(|(settings, pointer)| {
            invalid(format!(r#"{{{settings}, "data": {values}}}"#), pointer).about(settings)
        }),
    );
    let csv = numbers(60).iter().fold("value\n".to_owned(), |lines, value| format!("{lines}{value}\n"));
    rows.extend(QUERIES.iter().map(|(query, name)| {
        let row = Row::post(&format!("{FIT}{query}"), CSV, &csv, 422, "invalid_settings");
        row.at(&format!("/{name}")).about(&format!("a query of {query:?}"))
    }));
    let texts = r#"["a", "b", "c", "a", "b", "c", "a", "b"]"#;
    let many = |n: usize| (0..n).fold(String::new(), |query, i| query + &format!("&x{i}=1"));
    rows.extend([
        invalid("5".to_owned(), ""),
        invalid("[]".to_owned(), ""),
        invalid(format!(r#"{{"data": {values}}}"#), "/drift_type").about("no drift type"),
        // Every fault is told, settings first.
        invalid(r#"{"drift_type": "x", "data": {"a": [1, "x"], "b": 5}}"#.to_owned(), "/drift_type"),
        invalid(
            format!(r#"{{"drift_type": "label", "data": {texts}, "detector": {{"kind": "cvm_online"}}}}"#),
            "/detector/kind",
        )
        .about("texts for ranks"),
        Row::post(
            &format!("{FIT}?ert=5"),
            JSON,
            format!(r#"{{"drift_type": "label", "data": {values}}}"#),
            422,
            "invalid_settings",
        )
        .at("/ert")
        .about("a query beside a JSON body"),
        Row::post(&format!("{FIT}?drift_type=label{}", many(900)), CSV, &csv, 422, "invalid_settings")
            .at("/x0")
            .about("900 unknown parameters"),
        Row::post(&format!("{FIT}?drift_type=label{}", many(3_000)), CSV, &csv, 414, "target_too_long")
            .about("3,000 unknown parameters"),
        // As an operation, too, what can be refused is refused at once.
        Row::with_headers(
            "POST",
            FIT,
            &[("Content-Type", JSON), ("Prefer", "respond-async")],
            r#"{"drift_type": "label", "data": [1, 2, 3], "detector": {"ert": 0}}"#,
            422,
            "invalid_settings",
        )
        .at("/detector/ert"),
        Row::with_headers(
            "POST",
            FIT,
            &[("Content-Type", JSON), ("Prefer", "respond-async")],
            r#"{"drift_type": "label", "data": [1, 2, 3]}"#,
            422,
            "invalid_data",
        )
        .at("/data"),
    ]);
    rows
}
