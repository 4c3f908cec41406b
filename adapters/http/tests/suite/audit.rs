//! What the audit log is told: by whom, of which project and operation, and how it ended.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use drifting_access::{AuditLog, Gate, GateSettings, KeyDigest, KeyEntry, Scope, Scopes, with_key};
use drifting_http::HttpSettings;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Reply, TestServer, label_fit, price_fit};

const TRAINING: &str = "the key of those who fit";
const SCORING: &str = "the key of those who predict";

/// A server that knows both keys and writes down what changes.
async fn server() -> (TestServer, TempDir) {
    let entry = |name: &str, key: &str, scope: Scope| KeyEntry {
        name: name.to_owned(),
        digest: KeyDigest::of(key),
        scopes: Scopes::from_iter([scope]),
        projects: None,
        created_at: None,
        expires_at: None,
        rate_limit: None,
    };
    let keys = [entry("training", TRAINING, Scope::Fit), entry("scoring", SCORING, Scope::Predict)];
    let text = keys.iter().fold(String::new(), |text, entry| with_key(&text, entry).unwrap());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, text).unwrap();
    let keys_file = Some(file.path().to_owned());
    let gate = Arc::new(Gate::new(GateSettings { keys_file, ..GateSettings::default() }).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let audit = Some(AuditLog::open(folder.path()).unwrap());
    (TestServer::with(HttpSettings { gate, audit, ..HttpSettings::default() }).await, folder)
}

async fn ask(server: &TestServer, key: &str, method: &str, path: &str, body: &Value) -> Reply {
    let headers = [("content-type", "application/json"), ("x-api-key", key)];
    server.send(method, path, &headers, body.to_string().as_bytes()).await
}

/// Asks for a fit as an operation, and gives the path of that.
async fn begin(server: &TestServer, project: &str, more: &[(&str, &str)], body: &Value) -> String {
    let headers = [("content-type", "application/json"), ("x-api-key", TRAINING), ("prefer", "respond-async")];
    let path = format!("/api/v1/projects/{project}/fit");
    let reply = server.send("POST", &path, &[&headers[..], more].concat(), body.to_string().as_bytes()).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    reply.header("location").unwrap().to_owned()
}

fn lines(folder: &Path) -> Vec<Value> {
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    let text = std::fs::read_to_string(file.path()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The lines once there are so many: the end of an operation is written behind what everybody may see of it.
async fn so_many_lines(folder: &Path, n: usize) -> Vec<Value> {
    let written = async {
        loop {
            let lines = lines(folder);
            if lines.len() >= n {
                return lines;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let lines = tokio::time::timeout(Duration::from_secs(20), written).await.expect("they are written");
    assert_eq!(lines.len(), n, "{lines:?}");
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_names_its_project_wherever_it_is_asked_for() {
    let (server, folder) = server().await;
    let fit = label_fit();
    let of_price = |path: &str| format!("/api/v1/projects/{path}");
    let tensors = json!({"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 1], "data": [1.0]}]});
    let v2_fit = "/v2/models/fit?drift_type=dummy&detector_name=price";
    let nothing = json!({});
    let unknown = "/api/v1/operations/6441d1d2c1f80a3b5c7d9e1f20314253/cancel";
    let cases: [(&str, &str, String, &Value, u16, Value, Value); 9] = [
        (TRAINING, "POST", of_price("price/fit"), &fit, 201, json!("price"), Value::Null),
        (TRAINING, "POST", of_price("pri%63e/reset"), &nothing, 200, json!("price"), Value::Null),
        (SCORING, "POST", of_price("price/unload"), &nothing, 403, json!("price"), Value::Null),
        (TRAINING, "DELETE", of_price("price"), &nothing, 403, json!("price"), Value::Null),
        (TRAINING, "POST", "/v2/repository/models/nobody/load".to_owned(), &nothing, 404, json!("nobody"), Value::Null),
        (TRAINING, "POST", v2_fit.to_owned(), &tensors, 409, json!("price"), Value::Null),
        (SCORING, "POST", v2_fit.to_owned(), &tensors, 403, json!("price"), Value::Null),
        (TRAINING, "POST", "/api/v1/projects/refresh".to_owned(), &nothing, 403, Value::Null, Value::Null),
        (TRAINING, "POST", unknown.to_owned(), &nothing, 404, Value::Null, json!("6441d1d2c1f80a3b5c7d9e1f20314253")),
    ];
    for (index, (key, method, path, body, status, project, operation)) in cases.into_iter().enumerate() {
        let reply = ask(&server, key, method, &path, body).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
        // It stands there by the time of its answer.
        let lines = lines(folder.path());
        assert_eq!(lines.len(), index + 1, "{method} {path}");
        let line = &lines[index];
        assert_eq!((&line["project"], &line["operation"]), (&project, &operation), "{method} {path}");
        assert_eq!((&line["status"], &line["method"]), (&json!(status.to_string()), &json!(method)), "{path}");
        assert_eq!(line["key_id"], KeyDigest::of(key).fingerprint(), "{method} {path}");
    }
    let predicted = ask(&server, SCORING, "POST", &of_price("price/predict"), &json!({"data": [1.0]})).await;
    assert_eq!(predicted.status, 200, "{}", predicted.text());
    let unauthenticated = ask(&server, "a key that nobody knows", "DELETE", &of_price("price"), &nothing).await;
    assert_eq!(unauthenticated.status, 401);
    assert_eq!(lines(folder.path()).len(), 9, "what changes nothing and who is nobody is not written down");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_fit_in_the_background_is_written_down_too() {
    let (server, folder) = server().await;
    // Sent again under its key it begins no other operation, and names that of the first.
    let again = [("idempotency-key", "fit-1")];
    let operation = begin(&server, "price", &again, &price_fit()).await;
    let first = so_many_lines(folder.path(), 2).await;
    assert_eq!(begin(&server, "price", &again, &price_fit()).await, operation);
    // Half of the pairs coincide, which nobody knows before the distances have been computed.
    let numbers: Vec<u8> = (0..60).map(|index| u8::from(index > 55)).collect();
    let unusable = json!({"drift_type": "label", "data": numbers,
                          "detector": {"kind": "mmd_online", "ert": 20, "window_size": 4, "n_bootstraps": 2_000}});
    let failing = begin(&server, "failing", &[], &unusable).await;

    let lines = so_many_lines(folder.path(), 5).await;
    assert_eq!(lines[..2], first);
    let id = |path: &str| json!(path.strip_prefix("/api/v1/operations/").unwrap());
    let told = |line: &Value| ["method", "project", "operation", "status"].map(|name| line[name].clone());
    let expected = [
        [json!("POST"), json!("price"), id(&operation), json!("202")],
        [json!("operation"), json!("price"), id(&operation), json!("succeeded")],
        [json!("POST"), json!("price"), id(&operation), json!("202")],
        [json!("POST"), json!("failing"), id(&failing), json!("202")],
        [json!("operation"), json!("failing"), id(&failing), json!("failed")],
    ];
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(told(line), expected);
        assert_eq!((&line["caller"], &line["key_id"]), (&lines[0]["caller"], &lines[0]["key_id"]));
    }
    assert_eq!(lines[0]["key_id"], KeyDigest::of(TRAINING).fingerprint());
    assert_eq!((&lines[1]["path"], &lines[1]["request_id"]), (&json!(operation), &lines[0]["request_id"]));
    assert_eq!((&lines[4]["path"], &lines[4]["request_id"]), (&json!(failing), &lines[3]["request_id"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_names_the_project_and_the_operation_ends_as_cancelled() {
    let (server, folder) = server().await;
    server.fits.delay(Duration::from_millis(500));
    let operation = begin(&server, "price", &[], &price_fit()).await;
    let cancelled = ask(&server, TRAINING, "POST", &format!("{operation}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    let lines = so_many_lines(folder.path(), 3).await;
    // The answer and the end come at about the same time.
    let by_path = |path: &str| lines.iter().find(|line| line["path"] == path).unwrap_or_else(|| panic!("no {path}"));
    let (asked, ended) = (by_path(&format!("{operation}/cancel")), by_path(&operation));
    assert_eq!((&asked["status"], &ended["status"]), (&json!("200"), &json!("cancelled")));
    for line in [asked, ended] {
        assert_eq!((&line["project"], &line["operation"]), (&json!("price"), &lines[0]["operation"]), "{line}");
    }
}
