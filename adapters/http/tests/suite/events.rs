//! Events that bring rows: every mode, every form of data, and what is refused.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use drifting_http::HttpSettings;
use serde_json::{Value, json};

use crate::support::{Reply, TestServer};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const STRUCTURED: (&str, &str) = ("Content-Type", "application/cloudevents+json");
const BATCH: (&str, &str) = ("Content-Type", "application/cloudevents-batch+json; charset=utf-8");

/// The headers of an event of this id.
fn binary<'h>(id: &'h str, rest: &[(&'h str, &'h str)]) -> Vec<(&'h str, &'h str)> {
    let headers = [("ce-specversion", "1.0"), ("ce-id", id), ("ce-source", "test"), ("ce-type", "com.example.rows")];
    headers.iter().chain(rest).copied().collect()
}

fn structured(id: &str, rest: &Value) -> Value {
    let mut event = json!({"specversion": "1.0", "id": id, "source": "test", "type": "com.example.rows"});
    let members = rest.as_object().unwrap().clone();
    event.as_object_mut().unwrap().extend(members);
    event
}

fn accepted(reply: &Reply) -> (u64, u64, u64) {
    assert_eq!(reply.status, 202, "{}", reply.text());
    let told = reply.json();
    let of = |member: &str| told[member].as_u64().unwrap();
    (of("accepted"), of("duplicates"), of("ignored"))
}

/// Waits until a project has been fed so many rows.
async fn fed(server: &TestServer, project: &str, n_rows: u64) {
    let path = format!("/api/v1/projects/{project}");
    let fed = async {
        while server.get(&path).await.json()["time"] != n_rows {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), fed).await.is_ok();
    assert!(in_time, "{n_rows} rows: {}", server.get(&path).await.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_data_brings_its_rows() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    server.fit_price().await;
    let label = "/v1/events/label";
    let tensor = r#"{"name":"x","shape":[2,1],"datatype":"FP64""#;
    for (id, body) in [
        ("v1", r#"{"instances": [0.5, 0.25]}"#.to_owned()),
        ("v1-rows", r#"{"instances": [[0.5], [0.25]], "signature_name": "x"}"#.to_owned()),
        (
            "v2",
            format!(r#"{{"model_name":"another","id":"7","inputs":[{tensor},"data":[0.5,null]}}]}}"#)
                .replace("null", "1"),
        ),
        ("seldon", r#"{"data": {"names": ["t:0"], "ndarray": [[0.5], [0.25]]}}"#.to_owned()),
        ("seldon-tensor", r#"{"data": {"tensor": {"shape": [2, 1], "values": [0.5, 0.25]}}, "meta": {}}"#.to_owned()),
        ("native", r#"{"data": [0.5, 0.25]}"#.to_owned()),
    ] {
        let reply = server.send("POST", label, &binary(id, &[JSON]), body.as_bytes()).await;
        assert_eq!(accepted(&reply), (1, 0, 0), "{id}");
    }
    fed(&server, "label", 12).await;

    // Bytes behind JSON, and a coded body.
    let head = format!(r#"{{"inputs":[{tensor},"parameters":{{"binary_data_size":16}}}}]}}"#);
    let bytes = [head.as_bytes(), &0.5_f64.to_le_bytes(), &0.25_f64.to_le_bytes()].concat();
    let length = head.len().to_string();
    let headers = binary("bytes", &[("Inference-Header-Content-Length", &length)]);
    assert_eq!(accepted(&server.send("POST", label, &headers, &bytes).await), (1, 0, 0));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(br#"{"data": [0.5, 0.25]}"#).unwrap();
    let headers = binary("gzip", &[JSON, ("Content-Encoding", "gzip")]);
    assert_eq!(accepted(&server.send("POST", label, &headers, &encoder.finish().unwrap()).await), (1, 0, 0));
    fed(&server, "label", 16).await;

    // Columns by their names, in another order than the project's.
    for (id, data) in [
        ("1", json!({"instances": [{"weekday": "mon", "nswprice": 0.5}]})),
        ("2", json!({"data": {"names": ["weekday", "nswprice"], "ndarray": [["mon", 0.5]]}})),
        ("3", json!({"data": {"weekday": ["mon"], "nswprice": [0.5]}})),
        ("4", json!({"instances": [[0.5, "mon"]]})),
        (
            "5",
            json!({"parameters": {"content_type": "pd"}, "inputs": [
            {"name": "weekday", "shape": [1], "datatype": "BYTES", "data": ["mon"]},
            {"name": "nswprice", "shape": [1], "datatype": "FP64", "data": [0.5]}]}),
        ),
    ] {
        let reply = server.send("POST", "/v1/events/price", &binary(id, &[JSON]), data.to_string().as_bytes()).await;
        assert_eq!(accepted(&reply), (1, 0, 0), "{id}");
    }
    fed(&server, "price", 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn structured_events_and_batches_of_both_versions_are_taken() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let send = async |header, body: Value| {
        accepted(&server.send("POST", "/v1/events/label", &[header], body.to_string().as_bytes()).await)
    };
    let data = json!({"data": [0.5]});
    assert_eq!(
        send(STRUCTURED, structured("1", &json!({"data": data, "datacontenttype": "application/json"}))).await,
        (1, 0, 0)
    );
    let older = json!({"specversion": "0.3", "schemaurl": "x", "data": data, "traceparent": "00-1"});
    assert_eq!(send(STRUCTURED, structured("2", &older)).await, (1, 0, 0));
    let encoded = "eyJkYXRhIjogWzAuNV19";
    assert_eq!(send(STRUCTURED, structured("3", &json!({"data_base64": encoded}))).await, (1, 0, 0));
    let older = json!({"specversion": "0.3", "datacontentencoding": "base64", "data": encoded});
    assert_eq!(send(STRUCTURED, structured("4", &older)).await, (1, 0, 0));
    let batch = json!([
        structured("5", &json!({"data": data})),
        structured("1", &json!({"data": data})),
        structured("6", &json!({"data": data})),
        structured("6", &json!({"data": data})),
        structured("6", &json!({"data": data, "source": "another"})),
        structured("7", &json!({"type": "org.kubeflow.serving.inference.response", "data": {"predictions": [1]}})),
    ]);
    assert_eq!(send(BATCH, batch).await, (3, 2, 1));
    assert_eq!(send(BATCH, json!([])).await, (0, 0, 0));
    fed(&server, "label", 7).await;
}

/// What the logger of KServe's agent posts for a call of a model and its answer.
#[tokio::test(flavor = "multi_thread")]
async fn the_requests_of_the_logger_of_kserve_are_replayed() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    for n in 0..10 {
        let id = format!("0{n}a6b1c2-5b1f-4b0e-9d1c-1f2e3d4c5b6a");
        let log = |kind: &'static str| {
            vec![
                ("Content-Type", "application/json"),
                ("Ce-Specversion", "1.0"),
                ("Ce-Id", id.as_str()),
                ("Ce-Type", kind),
                ("Ce-Source", "http://localhost:9081/"),
                ("Ce-Time", "2026-11-28T12:00:00.123456789Z"),
                ("Ce-Inferenceservicename", "price-model"),
                ("Ce-Namespace", "prod"),
                ("Ce-Component", "predictor"),
                ("Ce-Endpoint", "default"),
                ("Ce-Metadata", "{\"user-agent\":[\"x\"]}"),
                ("Ce-Recordedtime", "2026-11-28T12:00:00Z"),
            ]
        };
        let body = format!(r#"{{"instances": [[0.{n}]]}}"#);
        let request = log("org.kubeflow.serving.inference.request");
        assert_eq!(accepted(&server.send("POST", "/v1/events/label", &request, body.as_bytes()).await), (1, 0, 0));
        let response = log("org.kubeflow.serving.inference.response");
        let answer = br#"{"predictions": [1]}"#;
        assert_eq!(accepted(&server.send("POST", "/v1/events/label", &response, answer).await), (0, 0, 1));
        // Its deliveries are at least once.
        assert_eq!(accepted(&server.send("POST", "/v1/events/label", &request, body.as_bytes()).await), (0, 1, 0));
    }
    fed(&server, "label", 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_event_is_refused_and_nothing_of_it_fed() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let good = structured("good", &json!({"data": {"data": [0.5]}}));
    let batch_of = |bad: Value| json!([good, bad]).to_string();
    let ce = binary("1", &[JSON]);
    let without =
        |name: &str| -> Vec<(&str, &str)> { ce.iter().filter(|(header, _)| *header != name).copied().collect() };
    let label = "/v1/events/label";
    for (path, headers, body, status, code, part) in [
        ("/v1/events/nobody", ce.clone(), r#"{"data": [1]}"#.to_owned(), 404, "project_not_found", "fit one first"),
        ("/v1/events/.x", ce.clone(), r#"{"data": [1]}"#.to_owned(), 400, "invalid_name", "name"),
        (label, without("ce-specversion"), "{}".to_owned(), 400, "malformed", "ce-specversion"),
        (label, without("ce-id"), "{}".to_owned(), 400, "malformed", "`ce-id`"),
        (label, without("ce-source"), "{}".to_owned(), 400, "malformed", "`ce-source`"),
        (label, without("ce-type"), "{}".to_owned(), 400, "malformed", "`ce-type`"),
        (label, vec![("Content-Type", "text/csv")], "1".to_owned(), 415, "unsupported_media_type", "text/csv came"),
        (
            label,
            vec![("Content-Type", "application/cloudevents+xml")],
            "1".to_owned(),
            415,
            "unsupported_media_type",
            "xml",
        ),
        (label, binary("1", &[JSON, ("Content-Encoding", "br")]), "1".to_owned(), 415, "unsupported_media_type", "br"),
        (label, ce.clone(), String::new(), 400, "malformed", "it has none"),
        (label, ce.clone(), "{".to_owned(), 400, "malformed", "expected an object with `inputs`"),
        (label, ce.clone(), r#"{"predictions": [1]}"#.to_owned(), 400, "malformed", "expected an object with `inputs`"),
        (label, ce.clone(), r#"{"data": [[1], [1, 2]]}"#.to_owned(), 400, "malformed", "/data/1"),
        (label, ce.clone(), r#"{"instances": [{"a": {"b64": "x"}}]}"#.to_owned(), 400, "malformed", "/instances/0/a"),
        (label, ce.clone(), r#"{"instances": []}"#.to_owned(), 400, "malformed", "/instances"),
        (label, ce.clone(), r#"{"inputs": [{"name": "x"}]}"#.to_owned(), 400, "malformed", "/inputs/0"),
        (
            label,
            ce.clone(),
            r#"{"data": {"tensor": {"shape": [9], "values": [1]}}}"#.to_owned(),
            400,
            "malformed",
            "/data/tensor",
        ),
        (
            label,
            binary("1", &[("Inference-Header-Content-Length", "x")]),
            "1".to_owned(),
            400,
            "malformed",
            "number of bytes",
        ),
        (
            label,
            binary("1", &[("Inference-Header-Content-Length", "99")]),
            "{}".to_owned(),
            400,
            "malformed",
            "expected",
        ),
        (label, vec![STRUCTURED], "{}".to_owned(), 400, "malformed", "missing field"),
        (
            label,
            vec![STRUCTURED],
            structured("1", &json!({"data": {"data": [[]]}})).to_string(),
            400,
            "malformed",
            "/data/data",
        ),
        (label, vec![BATCH], "{}".to_owned(), 400, "malformed", "expected an array of CloudEvents"),
        (label, vec![BATCH], batch_of(json!({})), 400, "malformed", "/1: expected a CloudEvent"),
        (
            label,
            vec![BATCH],
            batch_of(structured("1", &json!({"data": {"data": "x"}}))),
            400,
            "malformed",
            "/1/data/data",
        ),
        (label, vec![BATCH], Value::from(vec![good.clone(); 1_001]).to_string(), 413, "body_too_large", "1000"),
    ] {
        let reply = server.send("POST", path, &headers, body.as_bytes()).await;
        let problem = reply.json();
        let shown = body.chars().take(80).collect::<String>();
        assert_eq!((reply.status, &problem["code"]), (status, &json!(code)), "{shown}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(part), "{shown}: {problem}");
    }
    assert_eq!(server.get("/api/v1/projects/label").await.json()["time"], 0);
    let reply = server.send("GET", label, &[], b"").await;
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_at_the_root_find_their_project_by_their_service() {
    let server = TestServer::start().await;
    let reply = server.send("POST", "/", &binary("1", &[JSON]), br#"{"data": [1]}"#).await;
    assert_eq!(reply.status, 405, "{}", reply.text());

    let projects = [("prod/price-model", "label"), ("other", "label"), ("prod/gone", "gone")];
    let projects = projects.map(|(service, project)| (service.to_owned(), project.parse().unwrap()));
    let server =
        TestServer::with(HttpSettings { event_projects: BTreeMap::from(projects), ..HttpSettings::default() }).await;
    server.fit_label("label").await;
    let send = async |id: &str, namespace: &str, service: &str| {
        let headers = binary(id, &[JSON, ("ce-namespace", namespace), ("ce-inferenceservicename", service)]);
        server.send("POST", "/", &headers, br#"{"instances": [[0.5]]}"#).await
    };
    assert_eq!(accepted(&send("1", "prod", "price-model").await), (1, 0, 0));
    assert_eq!(accepted(&send("2", "anywhere", "other").await), (1, 0, 0));
    for (namespace, service) in [("test", "price-model"), ("prod", "another"), ("prod", "gone"), ("", "")] {
        let reply = send("3", namespace, service).await;
        assert_eq!((reply.status, &reply.json()["code"]), (404, &json!("project_not_found")), "{namespace}/{service}");
    }
    let extensions = json!({"namespace": "prod", "inferenceservicename": "price-model", "data": {"data": [0.5]}});
    let reply = server.send("POST", "/", &[STRUCTURED], structured("4", &extensions).to_string().as_bytes()).await;
    assert_eq!(accepted(&reply), (1, 0, 0));
    fed(&server, "label", 3).await;
    let page = server.get("/").await;
    assert!(page.status == 200 && page.text().contains("<html"), "the overview stays where it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_for_a_project_that_takes_none_are_refused_before_they_are_accepted() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    assert_eq!(server.send("POST", "/api/v1/projects/label/unload", &[], b"").await.status, 200);
    let reply = server.send("POST", "/v1/events/label", &binary("1", &[JSON]), br#"{"data": [0.5]}"#).await;
    assert_eq!((reply.status, reply.json()["code"].clone()), (409, json!("project_inactive")));
    assert_eq!(server.send("POST", "/api/v1/projects/label/load", &[], b"").await.status, 200);
    let reply = server.send("POST", "/v1/events/label", &binary("1", &[JSON]), br#"{"data": [0.5]}"#).await;
    assert_eq!(accepted(&reply), (1, 0, 0));
}
