//! Streaming kinds, through the interface: their settings, their warnings, and predictions that come with their truth.

use drifting_domain::detectors::DetectorKind;
use serde_json::{Value, json};

use crate::support::{NDJSON, TestServer, numbers};

async fn predict(server: &TestServer, name: &str, body: &Value) -> Value {
    let reply = server.post_json(&format!("/api/v1/projects/{name}/predict"), body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// One in ten is wrong, or one in two.
fn labels(n: usize, every: usize) -> (Vec<&'static str>, Vec<&'static str>) {
    let truth = (0..n).map(|row| if row % 3 == 0 { "up" } else { "down" });
    let prediction = |(row, truth): (usize, &'static str)| match truth {
        "up" if row % every == 0 => "down",
        "down" if row % every == 0 => "up",
        right => right,
    };
    (truth.clone().enumerate().map(prediction).collect(), truth.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_streaming_kind_is_fitted_shows_its_parameters_and_judges() {
    let server = TestServer::start().await;
    for kind in DetectorKind::ALL.into_iter().filter(|kind| kind.is_streaming()) {
        let data: Vec<f64> = numbers(300).iter().map(|value| if *value < 0.9 { 0.0 } else { 1.0 }).collect();
        let body = json!({"drift_type": "label", "detector": {"kind": kind.as_str()}, "data": data});
        let project = server.fit(kind.as_str(), &body).await;
        let detector = project["detector"].as_object().unwrap();
        assert_eq!((&detector["kind"], &detector["feed_reference"]), (&json!(kind.as_str()), &json!(true)));
        // What is shown can be sent, and gives the same.
        let again = json!({"drift_type": "label", "detector": detector, "data": data, "overwrite": true});
        assert_eq!(server.fit(kind.as_str(), &again).await["detector"], project["detector"]);
        let query: Vec<String> = detector
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect();
        let csv = data.iter().map(|value| format!("{value}\n")).collect::<Vec<_>>().concat();
        let path = format!("/api/v1/projects/{kind}/fit?drift_type=label&overwrite=true&{}", query.join("&"));
        let reply = server.post_csv(&path, &format!("error\n{csv}")).await;
        assert_eq!((reply.status, &reply.json()["detector"]), (201, &project["detector"]), "{}", reply.text());

        // An average of values up to 1 does not pass the limit of this one, which is 1.
        let value = if kind == DetectorKind::GeometricMovingAverage { 30 } else { 1 };
        let answer = predict(&server, kind.as_str(), &json!({"data": vec![value; 300]})).await;
        assert_eq!((&answer["is_drift"], &answer["ert"]), (&json!(true), &json!(null)), "{kind}: {answer}");
        assert_eq!(answer.get("is_warning").is_some(), kind.warns(), "{kind}");
        assert_eq!(answer["results"][0].get("is_warning").is_some(), kind.warns(), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn predictions_are_held_against_their_truth() {
    let server = TestServer::start().await;
    let (predicted, truth) = labels(300, 10);
    let body = json!({"drift_type": "label", "detector": {"kind": "ddm"}, "data": predicted, "truth": truth});
    let project = server.fit("model", &body).await;
    let column = &project["schema"]["columns"][0];
    assert_eq!((&column["name"], &column["categories"]), (&json!("error"), &json!(["0", "1"])));
    // The same errors, sent as such, leave the detector in the same place.
    let errors: Vec<u8> = (0..300).map(|row| u8::from(row % 10 == 0)).collect();
    server.fit("errors", &json!({"drift_type": "label", "detector": {"kind": "ddm"}, "data": errors})).await;

    let (predicted, truth) = labels(100, 2);
    let of_model = predict(&server, "model", &json!({"data": {"answer": predicted}, "truth": truth})).await;
    let errors: Vec<u8> = (0..100).map(|row| u8::from(row % 2 == 0)).collect();
    let of_errors = predict(&server, "errors", &json!({"data": errors})).await;
    assert_eq!((&of_model["results"], &of_model["is_drift"]), (&of_errors["results"], &json!(true)));
    assert_eq!(of_model["is_warning"], true);
    // In a table, the truth is a column that the query names.
    let (predicted, truth) = labels(40, 5);
    let rows = predicted.iter().zip(&truth);
    let csv = rows.clone().map(|(prediction, truth)| format!("{prediction},{truth}\n")).collect::<Vec<_>>().concat();
    let in_csv = server.post_csv("/api/v1/projects/model/predict?truth=b", &format!("a,b\n{csv}")).await;
    let lines = rows.map(|(a, b)| format!("{}\n", json!({"a": a, "b": b}))).collect::<Vec<_>>().concat();
    let headers = [("Content-Type", NDJSON)];
    let in_lines = server.send("POST", "/api/v1/projects/errors/predict?truth=b", &headers, lines.as_bytes()).await;
    assert_eq!((in_csv.status, in_csv.json()["rows"].as_u64()), (200, Some(40)), "{}", in_csv.text());
    assert_eq!(in_csv.json()["results"], in_lines.json()["results"], "{}", in_lines.text());
    let fit = "/api/v1/projects/table/fit?drift_type=label&kind=adwin&truth=b";
    let reply = server.post_csv(fit, "a,b\n1.5,1\n2,2\n4,1\n").await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let column = &reply.json()["schema"]["columns"][0];
    assert_eq!((&column["name"], &column["type"]), (&json!("error"), &json!("numeric")));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_apart_by_their_difference() {
    let server = TestServer::start().await;
    let detector =
        json!({"kind": "cusum", "delta": 0, "lambda": 1000, "min_num_instances": 1, "feed_reference": false});
    let body = json!({"drift_type": "label", "detector": detector, "data": [1, 2], "truth": [[1], [2]]});
    for name in ["by_truth", "by_value"] {
        server.fit(name, &body).await;
    }
    let by_truth =
        predict(&server, "by_truth", &json!({"data": [5, 5, 5], "truth": [{"y": 4}, {"y": 7}, {"y": 5}]})).await;
    let by_value = predict(&server, "by_value", &json!({"data": [1, 2, 0]})).await;
    assert_eq!(by_truth["results"], by_value["results"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truth_that_cannot_be_used_is_refused_where_it_stands() {
    let server = TestServer::start().await;
    server.fit_label("plain").await;
    let errors: Vec<u8> = (0..50).map(|row| u8::from(row % 10 == 0)).collect();
    server.fit("model", &json!({"drift_type": "label", "detector": {"kind": "ddm"}, "data": errors})).await;
    for (project, body, code, pointer, part) in [
        (
            "plain",
            json!({"data": [1], "truth": [1]}),
            "invalid_settings",
            "/truth",
            "`cvm_online` does not watch errors",
        ),
        ("model", json!({"data": [1, 2], "truth": [1]}), "invalid_data", "/truth", "2 rows and 1 values of truth came"),
        ("model", json!({"data": [1], "truth": ["a"]}), "invalid_data", "/truth", "which are numbers; texts came"),
        ("model", json!({"data": [[1, 2]], "truth": [1]}), "invalid_data", "/data", "one column of predictions"),
        ("model", json!({"data": [1], "truth": [[1, 2]]}), "invalid_data", "/truth", "one column of truth, 2 came"),
        ("model", json!({"data": [1, 2], "truth": [1, null]}), "invalid_data", "/truth/1", "a missing one came"),
        (
            "model",
            json!({"data": {"a": [1, null]}, "truth": [1, null]}),
            "invalid_data",
            "/data/a/1",
            "a missing one came",
        ),
        ("model", json!({"data": [1], "truth": "y"}), "invalid_data", "/truth", "a text came"),
        ("model", json!({"data": [1], "truth": []}), "invalid_data", "/truth", "at least one row"),
    ] {
        let reply = server.post_json(&format!("/api/v1/projects/{project}/predict"), &body).await;
        let problem = reply.json();
        assert_eq!((reply.status, &problem["code"]), (422, &json!(code)), "{body} {problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body} {problem}");
        assert!(problem["errors"][0]["detail"].as_str().unwrap().contains(part), "{body} {problem}");
    }
    let twice = server.post_json("/api/v1/projects/model/predict?truth=y", &json!({"data": [1], "truth": [1]})).await;
    assert!(twice.text().contains("it came in both"), "{}", twice.text());
    let none = server.post_csv("/api/v1/projects/model/predict?truth=y", "a,b\n1,1\n").await;
    assert!(none.status == 422 && none.text().contains("it has no"), "{}", none.text());
    assert_eq!(predict(&server, "model", &json!({"data": [1]})).await["time"], 1, "nothing was fed");

    let fit = |detector: Value| json!({"drift_type": "label", "detector": detector, "data": [1, 2], "truth": [1, 2]});
    for (detector, part) in
        [(json!({}), "the kind of the detector beside `truth`"), (json!({"kind": "ks"}), "`ks` does not watch errors")]
    {
        let reply = server.post_json("/api/v1/projects/other/fit", &fit(detector)).await;
        assert_eq!((reply.status, &reply.json()["errors"][0]["pointer"]), (422, &json!("/truth")), "{}", reply.text());
        assert!(reply.text().contains(part), "{}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_the_second_of_a_projects_classes() {
    let server = TestServer::start().await;
    let results: Vec<&str> = (0..100).map(|row| if row % 10 == 0 { "wrong" } else { "ok" }).collect();
    server.fit("model", &json!({"drift_type": "label", "detector": {"kind": "ddm"}, "data": results})).await;
    let by_truth = predict(&server, "model", &json!({"data": [1, 1, 2], "truth": [1, 2, 2]})).await;
    server.post_json("/api/v1/projects/model/reset", &json!({})).await;
    let by_class = predict(&server, "model", &json!({"data": ["ok", "wrong", "ok"]})).await;
    assert_eq!(by_truth["results"], by_class["results"]);
}
