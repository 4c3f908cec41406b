//! Settings and query parameters that cannot be used.

use serde_json::json;

use crate::refusals::{CSV, Case, JSON, check, server};
use crate::support::{label_fit, lines, numbers, price_fit};

const FIT: &str = "/api/v1/projects/new/fit";

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_fits() {
    let with = |settings: &str| format!(r#"{{"drift_type": "label", "data": {:?}, {settings}}}"#, numbers(60));
    let exists = price_fit().to_string();
    let other_case = label_fit().to_string();
    let bodies: Vec<(String, &str, Option<&str>)> = vec![
        (r#"{"data": [1]}"#.to_owned(), "invalid_settings", Some("/drift_type")),
        (r#"{"drift_type": "label"}"#.to_owned(), "invalid_data", Some("/data")),
        (r#"{"drift_type": "labels", "data": [1]}"#.to_owned(), "invalid_settings", Some("/drift_type")),
        (r#"{"drift_type": 5, "data": [1]}"#.to_owned(), "invalid_settings", Some("/drift_type")),
        (r#"{"drift_type": "image", "data": [1, 2]}"#.to_owned(), "invalid_data", Some("/data/0")),
        (with(r#""overwrite": "yes""#), "invalid_settings", Some("/overwrite")),
        (with(r#""missing_values": "ignore""#), "invalid_settings", Some("/missing_values")),
        (with(r#""detektor": {}"#), "invalid_settings", Some("/detektor")),
        (with(r#""detector": 5"#), "invalid_settings", Some("/detector")),
        (with(r#""detector": {"kind": "cwm"}"#), "invalid_settings", Some("/detector/kind")),
        (with(r#""detector": {"window": 5}"#), "invalid_settings", Some("/detector/window")),
        (with(r#""detector": {"ert": "400"}"#), "invalid_settings", Some("/detector/ert")),
        (with(r#""detector": {"ert": 1}"#), "invalid_settings", Some("/detector/ert")),
        (with(r#""detector": {"ert": 1e400}"#), "invalid_settings", Some("/detector/ert")),
        (with(r#""detector": {"window_size": 2.5}"#), "invalid_settings", Some("/detector/window_size")),
        (with(r#""detector": {"window_sizes": 5}"#), "invalid_settings", Some("/detector/window_sizes")),
        (with(r#""detector": {"window_sizes": [5, -1]}"#), "invalid_settings", Some("/detector/window_sizes")),
        (with(r#""detector": {"seed": -1}"#), "invalid_settings", Some("/detector/seed")),
        (with(r#""detector": {"n_bootstraps": 3}"#), "invalid_settings", Some("/detector/n_bootstraps")),
        (with(r#""detector": {"sigma": [1]}"#), "invalid_settings", Some("/detector/sigma")),
        (with(r#""detector": {"sigma": 1.0}"#), "invalid_settings", Some("/detector/sigma")),
        (with(r#""preprocessing": {"standardize": true}"#), "invalid_settings", Some("/preprocessing/standardize")),
        (with(r#""preprocessing": {"scale": true}"#), "invalid_settings", Some("/preprocessing/scale")),
        (
            with(r#""detector": {"kind": "mmd_online"}, "preprocessing": {"n_components": 9}"#),
            "invalid_settings",
            Some("/preprocessing/n_components"),
        ),
        (r#"{"drift_type": "label", "data": [1, 2, 3]}"#.to_owned(), "invalid_data", Some("/data")),
        (r#"{"drift_type": "label", "data": [[1, 2], [3, 4]]}"#.to_owned(), "invalid_data", Some("/data")),
        (r#"{"drift_type": "tabular", "data": {"a": [null, null]}}"#.to_owned(), "invalid_data", Some("/data/a")),
    ];
    let mut cases: Vec<Case<'_>> =
        bodies.iter().map(|(body, code, pointer)| ("POST", FIT, JSON, body.as_str(), 422, *code, *pointer)).collect();
    let csv = format!("v\n{}\n", lines(&numbers(60)));
    let twice = with(r#""detector": {"ert": 5, "ert": 6}"#);
    let twice_at_top = with(r#""overwrite": true, "overwrite": true"#);
    let query = [
        ("/api/v1/projects/new/fit", "/drift_type"),
        ("/api/v1/projects/new/fit?drift_type=label&erd=5", "/erd"),
        ("/api/v1/projects/new/fit?drift_type=label&ert=nan", "/ert"),
        ("/api/v1/projects/new/fit?drift_type=label&ert=5&ert=6", "/ert"),
        ("/api/v1/projects/new/fit?drift_type=label&window_sizes=4,x", "/window_sizes"),
        ("/api/v1/projects/new/fit?drift_type=label&window_sizes=1", "/window_sizes"),
        ("/api/v1/projects/new/fit?drift_type=label&overwrite=yes", "/overwrite"),
    ];
    cases
        .extend(query.map(|(path, pointer)| ("POST", path, CSV, csv.as_str(), 422, "invalid_settings", Some(pointer))));
    cases.extend([
        ("POST", FIT, JSON, twice.as_str(), 400, "malformed", Some("/detector/ert")),
        ("POST", FIT, JSON, twice_at_top.as_str(), 400, "malformed", Some("/overwrite")),
        ("POST", "/api/v1/projects/price/fit", JSON, exists.as_str(), 409, "project_exists", None),
        ("POST", "/api/v1/projects/Price/fit", JSON, other_case.as_str(), 409, "project_exists", None),
        ("POST", "/api/v1/projects/price/fit", JSON, "not json", 409, "project_exists", None),
        ("POST", "/api/v1/projects/price/fit", "application/xml", "<a/>", 409, "project_exists", None),
        ("POST", "/api/v1/projects/price/fit", CSV, "a\n1\n", 409, "project_exists", None),
        (
            "POST",
            "/api/v1/projects/price/fit",
            JSON,
            r#"{"overwrite": true}"#,
            422,
            "invalid_settings",
            Some("/drift_type"),
        ),
        ("POST", "/api/v1/projects/new/fit?ert=5", JSON, other_case.as_str(), 422, "invalid_settings", Some("/ert")),
    ]);
    check(&cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_of_lists() {
    let cases = [
        ("/api/v1/projects?page_size=0", "/page_size"),
        ("/api/v1/projects?page_size=1001", "/page_size"),
        ("/api/v1/projects?page_size=ten", "/page_size"),
        ("/api/v1/projects?page_token=zzz", "/page_token"),
        ("/api/v1/projects?status=asleep", "/status"),
        ("/api/v1/projects?drift_type=lable", "/drift_type"),
        ("/api/v1/projects?pagesize=5", "/pagesize"),
        ("/api/v1/projects?page_size=5&page_size=6", "/page_size"),
        ("/api/v1/projects/price/metrics?from=yesterday", "/from"),
        ("/api/v1/projects/price/metrics?to=2026-01-01", "/to"),
        ("/api/v1/projects/price/metrics?page_token=r1", "/page_token"),
        ("/api/v1/projects/price/metrics?resolution=hour", "/resolution"),
        ("/api/v1/projects/price/metrics?resolution=0", "/resolution"),
        ("/api/v1/projects/price/metrics?resolution=1h&page_token=r1", "/page_token"),
        ("/api/v1/projects/price/metrics?features=perhaps", "/features"),
    ];
    let cases = cases.map(|(path, pointer)| ("GET", path, JSON, "", 422, "invalid_settings", Some(pointer)));
    check(&cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_without_parameters_take_none() {
    check(&[
        ("GET", "/api/v1/projects/price?verbose=1", JSON, "", 422, "invalid_settings", Some("/verbose")),
        ("DELETE", "/api/v1/projects/price?force", JSON, "", 422, "invalid_settings", Some("/force")),
        ("POST", "/api/v1/projects/off/load?now=1", JSON, "", 422, "invalid_settings", Some("/now")),
        ("POST", "/api/v1/projects/price/unload?now=1", JSON, "", 422, "invalid_settings", Some("/now")),
        ("POST", "/api/v1/projects/price/reset?time=5", JSON, "", 422, "invalid_settings", Some("/time")),
        ("DELETE", "/api/v1/projects/-x?force", JSON, "", 400, "invalid_name", None),
        ("DELETE", "/api/v1/projects/nobody?force", JSON, "", 404, "project_not_found", None),
        ("POST", "/api/v1/projects/PRICE/unload?now=1", JSON, "", 404, "project_not_found", None),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typos_are_answered_with_the_nearest_name() {
    let server = server().await;
    let reply =
        server.post_json(FIT, &json!({"drift_typ": "label", "data": [1], "detector": {"windows_size": 5}})).await;
    for nearest in ["did you mean `drift_type`?", "did you mean `window_size`?"] {
        assert!(reply.text().contains(nearest), "{nearest}: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_body_is_told_at_once() {
    let server = server().await;
    let body = json!({"drift_type": "x", "data": {"a": [1, "x"], "b": 5}, "detector": {"ert": "x", "seed": 1.5}});
    let problem = server.post_json(FIT, &body).await.json();
    let pointers: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    for pointer in ["/drift_type", "/detector/ert", "/detector/seed", "/data/a/1", "/data/b"] {
        assert!(pointers.contains(&pointer), "{pointer} in {pointers:?}");
    }
}
