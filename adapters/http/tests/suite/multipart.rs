//! Bodies of parts.

use serde_json::{Value, json};

use crate::formats::{QUERY, Rows, fit};
use crate::support::{ARROW, PARQUET, Reply, TestServer};

/// A part: its name, what else its head says, and its bytes.
type Part<'p> = (&'p str, &'p str, &'p [u8]);

fn body(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, head, bytes) in parts {
        body.extend(format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"{head}\r\n\r\n").as_bytes());
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--edge--\r\n");
    body
}

async fn post(server: &TestServer, path: &str, body: &[u8]) -> Reply {
    let headers = [("Content-Type", "multipart/form-data; boundary=edge")];
    server.send("POST", &format!("/api/v1/projects/{path}"), &headers, body).await
}

fn without(mut value: Value, member: &str) -> Value {
    value.as_object_mut().unwrap().remove(member);
    value
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_data_are_parts() {
    let server = TestServer::start().await;
    let expected = without(server.fit("json", &fit()).await, "project");
    let settings = without(fit(), "data").to_string();
    let rows = Rows::new(60, 0.0);
    let (parquet, ndjson, arrow) = (rows.parquet(), rows.ndjson(), rows.arrow());
    let json = rows.json().to_string();
    let typed = format!("\r\nContent-Type: {ARROW}");
    let parts: [(&str, Vec<Part<'_>>); 5] = [
        ("a", vec![("settings", "", settings.as_bytes()), ("data", "; filename=\"train.parquet\"", &parquet)]),
        // In any order; a type that any file may have says nothing.
        (
            "b",
            vec![
                ("data", "; filename=\"train.ndjson\"\r\nContent-Type: application/octet-stream", &ndjson),
                ("settings", "\r\nContent-Type: application/json", settings.as_bytes()),
            ],
        ),
        ("c", vec![("data", &typed, &arrow), ("settings", "", settings.as_bytes())]),
        (
            "d",
            vec![
                ("data", "\r\nContent-Type: application/json", json.as_bytes()),
                ("settings", "", settings.as_bytes()),
            ],
        ),
        ("e", vec![("data", "; filename=\"train.parquet\"", &parquet)]),
    ];
    for (name, parts) in &parts {
        let query = if *name == "e" { format!("?{QUERY}") } else { String::new() };
        let reply = post(&server, &format!("{name}/fit{query}"), &body(parts)).await;
        assert_eq!(reply.status, 201, "{name}: {}", reply.text());
        assert_eq!(without(reply.json(), "project"), expected, "{name}");
        let reply = post(&server, &format!("{name}/predict"), &body(&[("data", &typed, &arrow)])).await;
        assert_eq!((reply.status, &reply.json()["rows"]), (200, &60.into()), "{name}: {}", reply.text());
    }
    // Again: it exists, unless the settings say that it is replaced.
    let reply = post(&server, "a/fit", &body(&parts[0].1)).await;
    assert_eq!((reply.status, &reply.json()["code"]), (409, &"project_exists".into()));
    let mut replacing = without(fit(), "data");
    replacing["overwrite"] = true.into();
    let replacing = replacing.to_string();
    let reply = post(&server, "a/fit", &body(&[parts[0].1[1], ("settings", "", replacing.as_bytes())])).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_parts_are_told() {
    let server = TestServer::start().await;
    server.fit_price().await;
    let csv = ("data", "\r\nContent-Type: text/csv", &b"nswprice,weekday\n1,mon\n"[..]);
    let settings = |text| ("settings", "", text);
    let tabular = settings(&br#"{"drift_type": "tabular"}"#[..]);
    let whole = body(&[tabular, csv]);
    for (path, body, status, detail) in [
        ("new/fit", body(&[]), 422, "/drift_type: expected the query parameter `drift_type`, none came"),
        ("new/fit", body(&[tabular]), 422, "/data: expected a part `data`, none came"),
        ("new/fit", body(&[csv, csv]), 400, "expected one part `data`, two came"),
        ("new/fit", body(&[tabular, csv, tabular]), 400, "expected one part `settings`, two came"),
        (
            "new/fit",
            body(&[("date", "", b"")]),
            400,
            "expected the parts `settings` and `data` alone, one with the name \"date\" came",
        ),
        ("new/fit", body(&[csv, settings(b"{")]), 400, "the body is not JSON in its part `settings`: EOF while"),
        ("new/fit", body(&[csv, settings(b"[]")]), 422, "expected an object with `drift_type`"),
        (
            "new/fit",
            body(&[csv, settings(br#"{"drift_type": "tabular", "detector": {"ert": 0}}"#)]),
            422,
            "/detector/ert: ",
        ),
        (
            "new/fit",
            body(&[csv, settings(br#"{"drift_type": "tabular", "data": [1]}"#)]),
            422,
            "/data: expected the data in the part `data`, some came here",
        ),
        ("new/fit?ert=5", whole.clone(), 422, "/ert: expected no query parameter: the settings stand in the part"),
        ("new/fit", whole[..whole.len() - 20].to_vec(), 400, "the body is not multipart/form-data, or it ends early"),
        ("new/fit", b"nothing".to_vec(), 400, "the body is not multipart/form-data, or it ends early"),
        (
            "new/fit",
            body(&[("data", "\r\nContent-Type: text/html", b"")]),
            415,
            "expected application/json, text/csv, application/x-ndjson, ",
        ),
        (
            "new/fit",
            body(&[("data", "; filename=\"train.xlsx\"", b"")]),
            415,
            "expected a `Content-Type` or a file name with a known ending of the part `data`, train.xlsx came",
        ),
        ("price/predict", body(&[tabular]), 400, "expected the part `data` alone, one with the name \"settings\" came"),
        ("price/predict", body(&[("data", "; filename=\"a.csv\"", b"nswprice\n1,2\n")]), 400, "the body is not CSV: "),
    ] {
        let reply = post(&server, path, &body).await;
        let told = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(reply.status == status && told.starts_with(detail), "{detail}: {} {told}", reply.status);
    }
    assert_eq!(json!(server.get("/api/v1/projects/new").await.status), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_share_the_limit_of_a_body() {
    let settings = drifting_http::HttpSettings { max_body_bytes: 1_000, ..drifting_http::HttpSettings::default() };
    let server = TestServer::with(settings).await;
    server.fit_label("label").await;
    let typed = format!("\r\nContent-Type: {PARQUET}");
    let reply = post(&server, "label/predict", &body(&[("data", &typed, &[b'x'; 2_000])])).await;
    assert_eq!((reply.status, &reply.json()["code"]), (413, &"body_too_large".into()));
}
