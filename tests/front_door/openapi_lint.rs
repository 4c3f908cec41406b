//! The OpenAPI documents keep to the rules of Spectral and to ours (`openapi/.spectral.yaml`), of which each can fail.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::python;
use crate::server::Server;

const NATIVE: &str = "openapi/.spectral.yaml";
const INFERENCE: &str = "openapi/.spectral.inference.yaml";

/// What is found in a document: the rule and the place of each, an empty list where nothing is.
fn findings(ruleset: &str, document: &Path) -> Vec<(String, String)> {
    let tools = python::environment("openapi-tools");
    let root = env!("CARGO_MANIFEST_DIR");
    let output = Command::new(format!("{root}/openapi/lint.sh"))
        .arg(format!("{root}/{ruleset}"))
        .arg(document)
        .env("CARGO_TARGET_DIR", tools.parent().expect("the folder of builds"))
        .env("LINT_FORMAT", "json")
        .output()
        .expect("the script runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    let start = printed.find('[').unwrap_or_else(|| panic!("{printed}{}", String::from_utf8_lossy(&output.stderr)));
    // A sentence follows where nothing is found.
    let found = serde_json::Deserializer::from_str(&printed[start..]).into_iter::<Vec<Value>>().next();
    let found = found.expect("a list").expect("JSON");
    assert_eq!(output.status.success(), found.is_empty(), "the least finding fails");
    let told = |finding: &Value| {
        let place: Vec<&str> = finding["path"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let says = finding["message"].as_str().unwrap_or_default();
        (finding["code"].as_str().unwrap_or_default().to_owned(), format!("{says} ({})", place.join(" ")))
    };
    found.iter().map(told).collect()
}

fn written(directory: &Path, document: &Value) -> std::path::PathBuf {
    let path = directory.join("document.json");
    std::fs::write(&path, document.to_string()).expect("the document is written");
    path
}

fn committed() -> Value {
    serde_json::from_str(include_str!("../../openapi/openapi.json")).expect("JSON")
}

#[test]
fn nothing_is_found_in_the_document() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/openapi.json");
    assert_eq!(findings(NATIVE, &path), []);
}

#[test]
fn nothing_is_found_in_the_document_of_the_inference_protocol() {
    let directory = tempfile::tempdir().expect("a folder");
    let server = Server::start(directory.path(), &["--grpc-port", "none"]);
    let document = server.get("/v2/docs/dataplane.json").expect(200);
    assert!(document["paths"].get("/v2/models/{model}/infer").is_some(), "it describes the operations");
    assert_eq!(findings(INFERENCE, &written(directory.path(), &document)), []);
}

/// A document that breaks every rule of ours, each in a place of its own.
fn broken() -> Value {
    let mut document = committed();
    let paths = &mut document["paths"];
    let remove = |value: &mut Value, member: &str| {
        value.as_object_mut().and_then(|members| members.remove(member)).expect("it was there");
    };
    let mut project = paths["/api/v1/projects/{project}"]["get"].clone();
    project["operationId"] = json!("Get_project");
    project["tags"] = json!(["projects", "metrics"]);
    remove(&mut project, "summary");
    remove(&mut project, "security");
    remove(&mut project["parameters"][0], "description");
    let success = &mut project["responses"]["200"];
    success["headers"] = json!({});
    let anonymous = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    success["content"] = json!({
        "application/json": {"schema": anonymous},
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
    });
    project["responses"]["400"]["content"] = json!({"application/json": {"schema": {"type": "string"}}});
    for status in ["401", "404", "500"] {
        remove(&mut project["responses"], status);
    }
    project["responses"]["429"]["headers"] = json!({});
    paths["/api/v1/projects/{project}/"]["get"] = project;
    let fit = &mut paths["/api/v1/projects/{project}/fit"]["post"];
    remove(fit, "operationId");
    fit["x-scope"] = json!("everything");
    remove(&mut fit["responses"], "413");
    let schemas = &mut document["components"]["schemas"];
    schemas["lonely_schema"] = json!({"type": "string"});
    schemas["Cell"]["nullable"] = json!(true);
    schemas["Trend"]["properties"]["metrics"]["items"] = json!({"type": "object", "properties": {}});
    document
}

#[test]
fn each_rule_can_fail() {
    let rules: Value = serde_yaml::from_str(include_str!("../../openapi/.spectral.yaml")).expect("YAML");
    let rules: BTreeSet<String> = rules["rules"].as_object().expect("rules").keys().cloned().collect();
    assert!(rules.len() > 20, "{rules:?}");
    let directory = tempfile::tempdir().expect("a folder");
    let found: BTreeSet<String> =
        findings(NATIVE, &written(directory.path(), &broken())).into_iter().map(|(rule, _)| rule).collect();
    let silent: Vec<&String> = rules.difference(&found).collect();
    assert!(silent.is_empty(), "nothing breaks {silent:?}");
}
