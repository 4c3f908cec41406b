//! The OpenAPI document of the protocol: of all models, and of one.

use drifting_inference::ModelMetadata;
use serde_yaml::{Mapping, Value};

use super::Api;
use crate::document::described;

const DESCRIPTION: &str =
    "The Open Inference Protocol (version 2): a project is a model, the rows of a request's tensors are judged, and the verdicts \
     are tensors. Any client of KServe, Triton, MLServer or Seldon speaks it. The native API stands at /docs.

Failures carry their text in `error`, and the members of problem details (RFC 9457) beside it.";

/// The document as it is for all models.
pub(super) fn dataplane() -> Value {
    described::<Api>("Drifting data plane", DESCRIPTION)
}

/// The document of one model: its own paths, with an example that it takes.
pub(super) fn of_model(dataplane: &Value, model: &ModelMetadata) -> Value {
    let mut document = dataplane.clone();
    if let Some(info) = document.get_mut("info").and_then(Value::as_mapping_mut) {
        info.insert("title".into(), format!("Drifting data plane of {}", model.name).into());
    }
    let Some(paths) = document.get_mut("paths").and_then(Value::as_mapping_mut) else { return document };
    let of_model = |path: &str| path.starts_with("/v2/models/{model}") && !path.contains("{version}");
    let mut own = Mapping::new();
    for (path, item) in std::mem::take(paths) {
        let Some(path) = path.as_str().filter(|path| of_model(path)) else { continue };
        let mut item = item.clone();
        for operation in item.as_mapping_mut().into_iter().flat_map(Mapping::values_mut) {
            describe(operation, model);
        }
        own.insert(path.replace("{model}", &model.name).into(), item);
    }
    *paths = own;
    document
}

/// Takes the name out of an operation's parameters, and gives its body an example.
fn describe(operation: &mut Value, model: &ModelMetadata) {
    if let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_sequence_mut) {
        parameters.retain(|parameter| parameter.get("name").and_then(Value::as_str) != Some("model"));
    }
    let body = operation.get_mut("requestBody").and_then(|body| body.get_mut("content"));
    let json = body.and_then(|content| content.get_mut("application/json")).and_then(Value::as_mapping_mut);
    if let (Some(json), Ok(example)) = (json, serde_yaml::to_value(example(model))) {
        json.insert("example".into(), example);
    }
}

/// A request of one row.
fn example(model: &ModelMetadata) -> serde_json::Value {
    let inputs = model.inputs.iter().map(|input| {
        let cell = match input.datatype.as_str() {
            "BYTES" => serde_json::json!("text"),
            "BOOL" => serde_json::json!(true),
            _ => serde_json::json!(0.5),
        };
        serde_json::json!({"name": input.name, "shape": [1, 1], "datatype": input.datatype, "data": [cell]})
    });
    serde_json::json!({"inputs": inputs.collect::<Vec<_>>()})
}
