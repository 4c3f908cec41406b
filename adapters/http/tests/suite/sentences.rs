//! What refusals say: what was expected, what came, what to do.

use serde_json::{Value, json};

use crate::support::{Reply, TestServer, price_fit};

const FIT: &str = "/api/v1/projects/new/fit";
const PREDICT: &str = "/api/v1/projects/price/predict";

fn detail(reply: &Reply) -> String {
    reply.json()["detail"].as_str().unwrap().to_owned()
}

async fn server() -> TestServer {
    let server = TestServer::start().await;
    server.fit_price().await;
    server
}

fn with_sigma(sigma: &Value) -> Value {
    let mut fit = price_fit();
    fit["detector"]["sigma"] = sigma.clone();
    fit
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bandwidth_needs_no_array() {
    let server = server().await;
    for (name, sigma) in [("one", json!(2)), ("several", json!([2.0]))] {
        assert_eq!(server.fit(name, &with_sigma(&sigma)).await["detector"]["sigma"], json!([2.0]));
    }
    for (sigma, came) in
        [(json!("wide"), "the text \"wide\""), (json!({}), "an object"), (json!([1, true]), "an array with `true`")]
    {
        let reply = server.post_json(FIT, &with_sigma(&sigma)).await;
        let expected = format!("/detector/sigma: expected a number or an array of numbers, {came} came");
        assert_eq!((reply.status, detail(&reply)), (422, expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resolution_is_a_width_or_a_number_of_points() {
    let server = server().await;
    for (query, expected) in [
        (
            "resolution=1s",
            "/resolution: expected a width from 1m to 366d, such as 15m, 1h or 1d, or a number of points from 1 to 1000, \
             \"1s\" came",
        ),
        ("format=xml", "/format: expected `json` or `csv`, \"xml\" came"),
        (
            "format=csv&page_size=5",
            "/page_size: CSV comes in one piece; leave this parameter out, or give `from` and `to`",
        ),
        (
            "format=csv&features=true",
            "/features: CSV has no room for columns; leave this parameter out, or ask for JSON",
        ),
    ] {
        let reply = server.get(&format!("/api/v1/projects/price/metrics?{query}")).await;
        assert_eq!((reply.status, detail(&reply).as_str()), (422, expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_number_in_json_is_named() {
    let server = server().await;
    for (body, name, line, column) in [
        (r#"{"data": {"nswprice": [1, NaN], "weekday": ["mon", "mon"]}}"#, "NaN", 1, 27),
        ("{\"data\":\n [[Infinity, \"mon\"]]}", "Infinity", 2, 4),
        (r#"{"data": [{"nswprice": -Infinity}]}"#, "-Infinity", 1, 24),
        (r#"{"data": [NaN]}"#, "NaN", 1, 11),
        (r#"{"data": -Infinity}"#, "-Infinity", 1, 10),
        (r#"{"dta": [-Infinity]}"#, "-Infinity", 1, 10),
        ("NaN", "NaN", 1, 1),
    ] {
        for path in [PREDICT, FIT] {
            let reply = server.send("POST", path, &[], body.as_bytes()).await;
            let expected = format!(
                "the body is not JSON: JSON has no {name}; send null for a missing value (line {line}, column {column})"
            );
            assert_eq!((reply.status, &reply.json()["code"]), (400, &json!("malformed")), "{body}");
            assert_eq!(detail(&reply), expected, "{body}");
        }
    }
    let fit = br#"{"drift_type": "label", "detector": {"ert": NaN}, "data": [1]}"#;
    assert!(detail(&server.send("POST", FIT, &[], fit).await).contains("no NaN; send null"));
    for body in [r#"{"data": [NaNs]}"#, r#"{"data": [-x]}"#, r#"{"data": [1 NaN]}"#, r#"{"data": [infinity]}"#, "-"] {
        let reply = server.send("POST", PREDICT, &[], body.as_bytes()).await;
        assert_eq!((reply.status, detail(&reply).contains("send null")), (400, false), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_are_named() {
    let server = server().await;
    let long = "X".repeat(100);
    for (method, path, expected) in [
        ("GET", PREDICT, "expected POST for this path, GET came".to_owned()),
        ("PUT", "/api/v1/projects/price", "expected one of DELETE, GET, HEAD for this path, PUT came".to_owned()),
        (&long, PREDICT, format!("expected POST for this path, {}… came", &long[..60])),
    ] {
        let reply = server.send(method, path, &[], b"").await;
        assert_eq!((reply.status, detail(&reply)), (405, expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn media_types_are_named() {
    let server = server().await;
    let long = format!("application/{}", "x".repeat(100));
    let known = "expected application/json, text/csv, application/x-ndjson, application/vnd.apache.parquet, \
                 application/vnd.apache.arrow.stream or multipart/form-data,";
    for (name, value, expected) in [
        (
            "Content-Type",
            "application/x-www-form-urlencoded",
            format!("{known} application/x-www-form-urlencoded came"),
        ),
        ("Content-Type", &long, format!("{known} {}… came", &long[..60])),
        ("Content-Type", "text/\u{e4}", format!("{known} a text that is not ASCII came")),
        ("Content-Type", "text/csv; charset=latin1", "expected UTF-8, text/csv; charset=latin1 came".to_owned()),
        (
            "Content-Type",
            "multipart/form-data",
            "expected multipart/form-data with a boundary, multipart/form-data came".to_owned(),
        ),
        (
            "Content-Encoding",
            "br",
            "expected a body in gzip, deflate, zstd or without a content coding, br came".to_owned(),
        ),
    ] {
        let reply = server.send("POST", PREDICT, &[(name, value)], b"{}").await;
        assert_eq!((reply.status, detail(&reply)), (415, expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_another_width_are_told_at_the_first() {
    let reply = server().await.post_json(PREDICT, &json!({"data": [[1, "mon", 3], [2, "tue", 4]]})).await;
    let expected = "/data/0: expected 2 values a row (`nswprice`, `weekday`), 3 came";
    assert_eq!((reply.status, detail(&reply).as_str()), (422, expected));
}
