//! Golden values of streaming kinds through the interface, over kills of the server.

use serde_json::{Value, json};

use crate::server::{Connection, Server};

/// What River calls a kind, and what it is called here.
const KINDS: [(&str, &str); 6] = [
    ("ADWIN", "adwin"),
    ("PageHinkley", "page_hinkley"),
    ("DDM", "ddm"),
    ("EDDM", "eddm"),
    ("HDDM_A", "hddm_a"),
    ("HDDM_W", "hddm_w"),
];

/// The detectors of River as they recorded them, with their defaults, each on one stream.
fn golden() -> (Value, Vec<(Value, &'static str)>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/domain/testdata/golden/river_streaming.json");
    let text = std::fs::read_to_string(path).expect("the golden file is there");
    let mut file: Value = serde_json::from_str(&text).expect("it is JSON");
    let Value::Array(cases) = file["cases"].take() else { panic!("a golden file has cases") };
    let kind = |case: &Value| KINDS.into_iter().find(|(name, _)| case["detector"] == *name).map(|(_, kind)| kind);
    let is_default = |case: &Value| case["parameters"] == json!({});
    let cases = cases.into_iter().filter(is_default).filter_map(|case| kind(&case).map(|kind| (case, kind)));
    (file["streams"].take(), cases.collect())
}

fn project(case: &Value) -> String {
    case["id"].as_str().expect("an id").replace('/', "-")
}

fn predict(connection: &mut Connection, case: &Value, body: &Value) -> Vec<Value> {
    let answer = connection.post(&format!("/api/v1/projects/{}/predict", project(case)), body).expect(200);
    answer["results"].as_array().expect("verdicts").clone()
}

/// The places of a flag.
fn places(results: &[Value], flag: &str) -> Vec<usize> {
    results.iter().enumerate().filter(|(_, result)| result[flag] == true).map(|(index, _)| index).collect()
}

/// The places that runs from a first to a last one cover.
fn covered(runs: &Value) -> Vec<usize> {
    let place = |value: &Value| usize::try_from(value.as_u64().expect("a place")).expect("a small one");
    runs.as_array().into_iter().flatten().flat_map(|run| place(&run[0])..=place(&run[1])).collect()
}

#[test]
fn drifts_and_warnings_are_the_golden_ones_over_kills() {
    let directory = tempfile::tempdir().expect("a folder");
    let always = ["--state-durability", "always"];
    let mut server = Server::start(directory.path(), &always);
    let (streams, cases) = golden();
    let mut connection = server.connect();
    for (case, kind) in &cases {
        let detector = json!({"kind": kind, "feed_reference": false});
        let body = json!({"drift_type": "label", "detector": detector, "data": [0, 1]});
        connection.post(&format!("/api/v1/projects/{}/fit", project(case)), &body).expect(201);
    }
    let mut results: Vec<Vec<Value>> = vec![Vec::new(); cases.len()];
    // Kills in the midst of a warning, of a window and of nothing.
    let cuts = [0, 62, 250, 800, usize::MAX];
    for part in cuts.windows(2) {
        let mut connection = server.connect();
        for ((case, _), results) in cases.iter().zip(&mut results) {
            let stream = streams[case["stream"].as_str().expect("a stream")]["values"].as_array().expect("values");
            let rows: Vec<&Value> = stream.iter().take(part[1]).skip(part[0]).collect();
            if rows.is_empty() {
                continue;
            }
            results.extend(predict(&mut connection, case, &json!({"data": rows})));
        }
        server.kill();
        server = Server::start(directory.path(), &always);
    }
    let (mut n_drifts, mut n_warnings) = (0, 0);
    for ((case, kind), results) in cases.iter().zip(&results) {
        let drifts: Vec<usize> = serde_json::from_value(case["drifts"].clone()).expect("places");
        assert_eq!(places(results, "is_drift"), drifts, "{kind}: {}", case["id"]);
        n_drifts += drifts.len();
        if case["warnings"].is_array() {
            let warnings = covered(&case["warnings"]);
            assert_eq!(places(results, "is_warning"), warnings, "{kind}: {}", case["id"]);
            n_warnings += warnings.len();
        }
    }
    assert!(cases.len() > 20 && n_drifts > 50 && n_warnings > 500, "{} {n_drifts} {n_warnings}", cases.len());
}

#[test]
fn predictions_and_their_truth_give_the_golden_drifts() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &[]);
    let (streams, cases) = golden();
    let mut connection = server.connect();
    let of_ddm = cases.iter().filter(|(case, kind)| *kind == "ddm" && case["stream"] == "error_abrupt_0_2_to_0_5");
    let mut n_cases = 0;
    for (case, kind) in of_ddm {
        let detector = json!({"kind": kind, "feed_reference": false});
        let body =
            json!({"drift_type": "label", "detector": detector, "data": ["cat", "dog"], "truth": ["cat", "cat"]});
        connection.post(&format!("/api/v1/projects/{}/fit", project(case)), &body).expect(201);
        let stream = streams[case["stream"].as_str().expect("a stream")]["values"].as_array().expect("values");
        let truth: Vec<&str> = (0..stream.len()).map(|row| if row % 7 < 3 { "cat" } else { "dog" }).collect();
        let predicted = stream.iter().zip(&truth).map(|(error, truth)| match (error.as_f64(), *truth) {
            (Some(1.0), "cat") => "dog",
            (Some(1.0), _) => "cat",
            (_, right) => right,
        });
        let body = json!({"data": predicted.collect::<Vec<_>>(), "truth": truth});
        let results = predict(&mut connection, case, &body);
        assert_eq!(json!(places(&results, "is_drift")), case["drifts"], "{}", case["id"]);
        n_cases += 1;
    }
    assert_eq!(n_cases, 1);
}
