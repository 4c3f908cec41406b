//! The document: it is the one that is checked in, it is sound, and answers agree with it.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::{CSV, TestServer};

fn document() -> Value {
    serde_json::from_str(&drifting_http::openapi_document()).unwrap()
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[test]
fn the_checked_in_document_is_current() {
    let checked_in = include_str!("../../../../openapi/openapi.json");
    assert!(
        checked_in == drifting_http::openapi_document(),
        "openapi/openapi.json is not current: run `cargo run -- openapi > openapi/openapi.json`"
    );
}

/// Every operation with its path.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, operations)| {
        operations.as_object().unwrap().iter().map(move |(method, of)| (path.clone(), method.to_uppercase(), of))
    });
    operations.collect()
}

#[test]
fn operations_are_described() {
    let document = document();
    let mut ids = HashSet::new();
    for (path, method, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} twice");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{id}");
        for text in ["summary", "description"] {
            assert!(!operation[text].as_str().unwrap().is_empty(), "{method} {path}: {text}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{id}: {parameter}");
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            let media = &response["content"];
            if status.starts_with('2') {
                let texts = ["text/event-stream", OPEN_METRICS];
                let is_shown = media["application/json"]["example"].is_object()
                    || texts.iter().any(|kind| media[*kind]["example"].is_string());
                assert!(status == "204" || is_shown, "{id} {status}");
            } else {
                let problem = &media["application/problem+json"];
                assert_eq!(problem["schema"]["$ref"], "#/components/schemas/Problem", "{id} {status}");
                assert_eq!(problem["example"]["status"].to_string(), *status, "{id} {status}");
            }
        }
    }
    let kinds: Vec<&str> = drifting_domain::detectors::DetectorKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(document["components"]["schemas"]["DetectorKind"]["enum"], json!(kinds));
}

/// What is wrong with a value under a schema, if anything.
fn fault(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return fault(document, document.pointer(&reference[1..]).unwrap(), value);
    }
    if value.is_null() && schema["nullable"] == true {
        return None;
    }
    let mut all = schema["allOf"].as_array().into_iter().flatten();
    if let Some(fault) = all.find_map(|part| fault(document, part, value)) {
        return Some(fault);
    }
    for any in ["anyOf", "oneOf"] {
        if let Some(parts) = schema[any].as_array() {
            let faults: Vec<String> = parts.iter().filter_map(|part| fault(document, part, value)).collect();
            return (faults.len() == parts.len()).then(|| faults.join(" | "));
        }
    }
    let is_of_type = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        _ => true,
    };
    if !is_of_type {
        return Some(format!("{value} is no {}", schema["type"]));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        return Some(format!("{value} is none of {words:?}"));
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        if value.get(required.as_str().unwrap()).is_none() {
            return Some(format!("{required} is absent"));
        }
    }
    if let Some(properties) = schema["properties"].as_object() {
        for (name, member) in value.as_object().unwrap() {
            match properties.get(name) {
                Some(schema) => {
                    if let Some(fault) = fault(document, schema, member) {
                        return Some(format!("{name}: {fault}"));
                    }
                }
                // A discriminator stands in another part of the whole.
                None if name == "kind" || schema["title"].is_null() => {}
                None => return Some(format!("{name} is not in the schema")),
            }
        }
    }
    if schema["additionalProperties"].is_object() {
        let mut members = value.as_object().unwrap().values();
        if let Some(fault) = members.find_map(|member| fault(document, &schema["additionalProperties"], member)) {
            return Some(fault);
        }
    }
    let mut items = value.as_array().into_iter().flatten().filter(|_| schema["items"].is_object());
    items.find_map(|item| fault(document, &schema["items"], item))
}

/// Holds a value against the schema of an answer.
fn hold(document: &Value, path: &str, method: &str, status: u16, value: &Value) {
    let content = &document["paths"][path][method]["responses"][status.to_string()]["content"];
    let of = |kind: &str| content.get(kind).filter(|media| media.is_object());
    let success = || of("application/json").or_else(|| of("text/event-stream")).or_else(|| of(OPEN_METRICS));
    let media = if status < 300 { success() } else { of("application/problem+json") };
    let media = media.unwrap_or(&Value::Null);
    assert!(media.is_object(), "{method} {path} {status} is not in the document");
    if let Some(fault) = fault(document, &media["schema"], value) {
        panic!("{method} {path} {status}: {fault}\n{value:#}");
    }
}

#[test]
fn examples_agree_with_their_schemas() {
    let document = document();
    for (path, method, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            for (kind, media) in response["content"].as_object().into_iter().flatten() {
                if kind == CSV {
                    assert_eq!(fault(&document, &media["schema"], &media["example"]), None, "{method} {path}");
                    continue;
                }
                hold(&document, &path, &method.to_lowercase(), status.parse().unwrap(), &media["example"]);
            }
        }
        let media = &operation["requestBody"]["content"]["application/json"];
        if media.is_object() {
            assert_eq!(fault(&document, &media["schema"], &media["example"]), None, "{method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_requests_are_served_and_answers_agree_with_the_document() {
    let document = document();
    let server = TestServer::start().await;
    let project = "/api/v1/projects/{project}";
    let example =
        |path: &str, media: &str| document["paths"][path]["post"]["requestBody"]["content"][media]["example"].clone();
    let fit = format!("{project}/fit");
    let predict = format!("{project}/predict");
    let fitted = server.post_json(&fit.replace("{project}", "price"), &example(&fit, "application/json")).await;
    assert_eq!(fitted.status, 201, "{}", fitted.text());
    hold(&document, &fit, "post", 201, &fitted.json());
    let csv = example(&fit, "text/csv");
    let path = "/api/v1/projects/csv/fit?drift_type=tabular&ert=50&window_size=2";
    let fitted = server.post_csv(path, csv.as_str().unwrap()).await;
    assert_eq!(fitted.status, 201, "{}", fitted.text());

    let path = predict.replace("{project}", "price");
    for _ in 0..3 {
        let judged = server.post_json(&path, &example(&predict, "application/json")).await;
        assert_eq!(judged.status, 200, "{}", judged.text());
        hold(&document, &predict, "post", 200, &judged.json());
    }
    let judged = server.post_csv(&path, example(&predict, "text/csv").as_str().unwrap()).await;
    assert_eq!(judged.status, 200, "{}", judged.text());
    let ndjson = example(&predict, "application/x-ndjson");
    let judged = server
        .send("POST", &path, &[("Content-Type", "application/x-ndjson")], ndjson.as_str().unwrap().as_bytes())
        .await;
    assert_eq!(judged.status, 200, "{}", judged.text());
    // Features, results and a failure.
    server.fit_label("label").await;
    let judged = server.post_json("/api/v1/projects/label/predict", &json!({"data": vec![0.5; 10]})).await;
    hold(&document, &predict, "post", 200, &judged.json());
    let refused = server.post_json("/api/v1/projects/label/predict", &json!({"data": ["x"]})).await;
    hold(&document, &predict, "post", 422, &refused.json());

    hold(&document, project, "get", 200, &server.get("/api/v1/projects/label").await.json());
    hold(&document, "/api/v1/projects", "get", 200, &server.get("/api/v1/projects").await.json());
    let metrics = format!("{project}/metrics");
    hold(&document, &metrics, "get", 200, &server.get("/api/v1/projects/price/metrics?page_size=2").await.json());
    for verb in ["unload", "load", "reset"] {
        let reply = server.post(&format!("/api/v1/projects/label/{verb}")).await;
        hold(&document, &format!("{project}/{verb}"), "post", 200, &reply.json());
    }
    let begun = server.begin("long", &crate::support::label_fit()).await;
    hold(&document, &fit, "post", 202, &begun.json());
    let operation = begun.header("location").unwrap().to_owned();
    hold(&document, "/api/v1/operations/{operation}", "get", 200, &server.ended(&operation).await);
    let cancelled = server.post(&format!("{operation}/cancel")).await;
    hold(&document, "/api/v1/operations/{operation}/cancel", "post", 200, &cancelled.json());
    hold(&document, "/api/v1/operations", "get", 200, &server.get("/api/v1/operations").await.json());
    for probe in ["/livez", "/readyz"] {
        hold(&document, probe, "get", 200, &server.get(probe).await.json());
    }
}

#[test]
fn every_format_is_described_for_fits_and_predictions() {
    let document = document();
    let expected = [
        "application/json",
        "application/vnd.apache.arrow.stream",
        "application/vnd.apache.parquet",
        "application/x-ndjson",
        "multipart/form-data",
        "text/csv",
    ];
    for verb in ["fit", "predict"] {
        let operation = &document["paths"][format!("/api/v1/projects/{{project}}/{verb}")]["post"];
        let content = operation["requestBody"]["content"].as_object().unwrap();
        let mut media_types: Vec<&str> = content.keys().map(String::as_str).collect();
        media_types.sort_unstable();
        assert_eq!(media_types, expected, "{verb}");
        for media_type in expected {
            let schema = &content[media_type]["schema"];
            assert!(schema["$ref"].is_string() || schema["description"].is_string(), "{verb} {media_type}");
            let refusal = &operation["responses"]["415"]["content"]["application/problem+json"]["example"]["detail"];
            assert!(refusal.as_str().unwrap().contains(media_type), "{verb}: {refusal}");
        }
        let form = content["multipart/form-data"]["schema"]["$ref"].as_str().unwrap();
        let parts = document.pointer(&form[1..]).unwrap();
        assert_eq!(parts["required"], json!(["data"]), "{verb}");
        assert_eq!(parts["properties"]["settings"].is_object(), verb == "fit", "{verb}");
    }
}

#[test]
fn one_bandwidth_or_several_are_in_the_document() {
    let document = document();
    let schema = &document["components"]["schemas"]["DetectorSettings"]["properties"]["sigma"];
    for sigma in [json!(1.0), json!([0.5, 2.0]), json!(null)] {
        assert_eq!(fault(&document, schema, &sigma), None, "{sigma}");
    }
    for sigma in [json!("wide"), json!(["wide"])] {
        assert!(fault(&document, schema, &sigma).is_some(), "{sigma}");
    }
}
