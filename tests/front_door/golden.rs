//! Golden values of the two-sample tests through the interface: p-values, statistics and verdicts as a client sees them.

use serde_json::{Value, json};

use crate::server::{Connection, Server};

fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/domain/testdata/golden/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the golden file is there");
    let mut file: Value = serde_json::from_str(&text).expect("it is JSON");
    let Value::Array(cases) = file["cases"].take() else { panic!("a golden file has cases") };
    cases
}

/// A number, also where it is written as a text; `None` for one that JSON does not have.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.is_finite())
}

fn assert_near(computed: &Value, expected: &Value, tolerance: f64, what: &str) {
    match (number(computed), number(expected)) {
        (Some(computed), Some(expected)) => {
            let near = (computed - expected).abs() <= 1e-10 + tolerance * expected.abs();
            assert!(near, "{what}: {computed}, expected {expected}");
        }
        (computed, expected) => assert_eq!(computed, expected, "{what}"),
    }
}

/// What a project fitted on the reference of a case says of its window; `None` where it is refused.
fn judged(connection: &mut Connection, reference: &Value, window: &Value, fit: &Value) -> Option<Value> {
    let mut body = fit.clone();
    let is_one_column = !reference[0].is_array();
    body["drift_type"] = json!(if is_one_column { "label" } else { "tabular" });
    body["data"] = reference.clone();
    body["overwrite"] = json!(true);
    let fitted = connection.post("/api/v1/projects/golden/fit", &body);
    if fitted.status == 422 {
        return None;
    }
    assert_eq!(fitted.status, 201, "{}", fitted.body);
    Some(connection.post("/api/v1/projects/golden/predict", &json!({"data": window})).expect(200))
}

/// The columns of an answer in the order in which they were sent.
fn columns(answer: &Value) -> Vec<Value> {
    let mut features = answer["features"].as_array().expect("columns").clone();
    features.sort_by_key(|feature| {
        let name = feature["name"].as_str().expect("a name");
        name.trim_start_matches('x').parse::<usize>().unwrap_or(0)
    });
    features
}

#[test]
fn tests_of_columns_give_the_golden_values() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let mut connection = server.connect();
    let mut n_columns = 0;
    for (file, kind) in [
        ("ks.json", "ks"),
        ("cvm.json", "cvm"),
        ("chi2.json", "chi_square"),
        ("fet.json", "fisher_exact"),
        ("tabular.json", "tabular"),
    ] {
        for case in cases(file).iter().filter(|case| case["kind"] == "detector") {
            let (params, expected) = (&case["params"], &case["expected"]);
            let mut detector = json!({"kind": kind, "p_val": params["p_val"]});
            for name in ["correction", "alternative"] {
                if !params[name].is_null() {
                    detector[name] = params[name].clone();
                }
            }
            if let (Some(categories), "tabular") = (params["categories_per_feature"].as_object(), kind) {
                let column = |index: &String| format!("x{}", index.parse::<usize>().expect("an index") + 1);
                detector["tests"] = categories.keys().map(|index| (column(index), json!("chi_square"))).collect();
            }
            let input = &case["input"];
            let ones = |n: &str, ones: &str| -> Value {
                let (n, ones) = (input[n].as_u64().expect("a number"), input[ones].as_u64().expect("a number"));
                (0..n).map(|row| u64::from(row < ones)).collect()
            };
            let (reference, window) = match input["x_ref"] {
                Value::Null => (ones("n_ref", "ones_ref"), ones("n", "ones")),
                _ => (input["x_ref"].clone(), input["x"].clone()),
            };
            let Some(answer) = judged(&mut connection, &reference, &window, &json!({"detector": detector})) else {
                // A missing value has no p-value there and is refused here; one class there has one, and here is none.
                let id = case["id"].as_str().expect("an id");
                let is_refused = id.ends_with("nan-column") || input["ones_ref"] == input["n_ref"];
                assert!(is_refused, "{id}");
                continue;
            };
            // A level in neither sample is an error there and left out here.
            if expected["error"].is_string() || expected["error"] == true {
                continue;
            }
            let exact = !expected["p_val_f64"].is_null();
            let field = |name: &str| {
                let unrounded = &expected[format!("{name}_f64")];
                if unrounded.is_null() { expected[name].clone() } else { unrounded.clone() }
            };
            let (p_values, distances) = (field("p_val"), field("distance"));
            for (index, feature) in columns(&answer).iter().enumerate() {
                let what = format!("{} column {index}", case["id"]);
                let tolerance = if exact { 1e-9 } else { 1e-6 };
                assert_near(&feature["p_value"], &p_values[index], tolerance, &what);
                assert_near(&feature["distance"], &distances[index], 1e-6, &what);
                n_columns += 1;
            }
            let is_drift = expected["is_drift_batch"].as_u64().expect("a verdict") != 0;
            assert_eq!(answer["is_drift"], is_drift, "{}", case["id"]);
        }
    }
    assert!(n_columns > 200, "{n_columns}");
}

#[test]
fn the_discrepancy_of_all_columns_is_the_golden_one() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let mut connection = server.connect();
    let mut n = 0;
    for case in cases("mmd.json").iter().filter(|case| case["kind"] == "replay") {
        if case["input"]["x_ref"][0][0].is_array() {
            continue;
        }
        let mut detector = json!({"kind": "mmd"});
        for name in ["p_val", "n_permutations", "sigma", "configure_kernel_from_x_ref"] {
            if !case["params"][name].is_null() {
                detector[name] = case["params"][name].clone();
            }
        }
        let fit = json!({"detector": detector, "preprocessing": {"standardize": false}});
        let (reference, window) = (&case["input"]["x_ref"], &case["input"]["x"]);
        let answer = judged(&mut connection, reference, window, &fit).expect("it is fitted");
        let (computed, expected) = (number(&answer["distance"]), number(&case["expected"]["distance"]));
        let (computed, expected) = (computed.expect("a distance"), expected.expect("a distance"));
        assert!((computed - expected).abs() <= 1e-7 + 1e-5 * expected.abs(), "{}: {computed} {expected}", case["id"]);
        n += 1;
    }
    assert!(n >= 7, "{n}");
}
