//! The OpenAPI document. poem-openapi generates it from the operations; here it gets what that cannot say: examples,
//! and that every member of an answer is there.

mod detector_in_query;
mod examples;
mod nulls;
mod numbers;
mod security;

use std::marker::PhantomData;

use poem_openapi::{ContactObject, LicenseObject, OpenApi, OpenApiService};
use serde_yaml::{Mapping, Value};

use crate::api::Api;

const DESCRIPTION: &str = "Fit a detector next to the training code, feed each row, be told when the data drift.

Failures are problem details (RFC 9457, `application/problem+json`) whose `code` a program can act on. Every answer carries `X-Request-Id`, the one of the request if it had a usable one.";

/// Schemas of requests: what may be left out of them may be left out. Of answers every member is there.
const REQUESTS: [&str; 19] = [
    "BacktestRequest",
    "BacktestCandidateSettings",
    "FitRequest",
    "FitSettings",
    "FitForm",
    "PredictRequest",
    "PredictForm",
    "DetectorSettings",
    "PreprocessingSettings",
    "WindowSettings",
    "ReferenceUpdateSettings",
    "QualitySettings",
    "SequenceSettings",
    "SeasonSettings",
    "InferenceRequest",
    "RequestInput",
    "RequestOutput",
    "IndexRequest",
    "ModelParameters",
];

/// Those of them in which a member, or a part, that is not known is refused.
const CLOSED: [&str; 14] = [
    "BacktestRequest",
    "BacktestCandidateSettings",
    "FitRequest",
    "FitSettings",
    "FitForm",
    "PredictRequest",
    "PredictForm",
    "DetectorSettings",
    "PreprocessingSettings",
    "WindowSettings",
    "ReferenceUpdateSettings",
    "QualitySettings",
    "SequenceSettings",
    "SeasonSettings",
];

/// The types that a part `data` may have.
const DATA_TYPES: &str = "application/json, text/csv, application/x-ndjson, application/vnd.apache.parquet, \
     application/vnd.apache.arrow.stream";

/// Whether a member of an answer may be absent all the same.
fn may_be_absent(schema: &str, member: &str) -> bool {
    match schema {
        "Problem" => member == "errors",
        "Detector" => !["kind", "after_alarm", "seed"].contains(&member),
        "FeatureDetection" => !["name", "is_drift", "statistic", "p_value", "threshold", "distance"].contains(&member),
        "Detection" => ["is_warning", "pending_rows", "distance_threshold", "effect_size", "problem"].contains(&member),
        "RowDetection" => ["is_warning", "effect_size", "problem", "quality"].contains(&member),
        "ColumnSummary" => member == "quantiles",
        "WindowPolicy" => member == "max_age",
        "Preprocessing" => ["features", "encoder"].contains(&member),
        "Season" => true,
        "Metric" => member == "features",
        "ReferenceUpdate" => ["last", "reservoir"].contains(&member),
        "ResponseOutput" => ["parameters", "data"].contains(&member),
        "Tensor" => member == "parameters",
        "IndexItem" => member == "version",
        _ => false,
    }
}

/// A document of these operations.
pub(crate) fn described<A: OpenApi>(title: &str, description: &str) -> Value {
    let service = OpenApiService::new(Described::<A>::default(), title, env!("CARGO_PKG_VERSION"))
        .description(description)
        .contact(ContactObject::new().name("The drifting authors"))
        .license(LicenseObject::new("Apache-2.0 OR MIT").url("https://www.apache.org/licenses/LICENSE-2.0"))
        .server("/");
    finish(&service.spec())
}

/// The document as JSON, with a line feed at its end.
pub fn openapi_document() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

/// The document as YAML.
pub fn openapi_yaml() -> String {
    serde_yaml::to_string(&document()).unwrap_or_default()
}

/// Only describes: it serves nothing.
struct Described<A>(PhantomData<A>);

impl<A> Default for Described<A> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<A: OpenApi> OpenApi for Described<A> {
    fn meta() -> Vec<poem_openapi::registry::MetaApi> {
        A::meta()
    }

    fn register(registry: &mut poem_openapi::registry::Registry) {
        A::register(registry);
    }

    fn add_routes(
        self,
        _routes: &mut std::collections::HashMap<
            String,
            std::collections::HashMap<poem::http::Method, poem::endpoint::BoxEndpoint<'static>>,
        >,
    ) {
    }
}

/// In a tree that keeps the order of members, whatever features `serde_json` is built with.
fn document() -> Value {
    let mut document = described::<Api>("Drifting", DESCRIPTION);
    examples::add_to(&mut document);
    document
}

/// A generated document with what is the same of every one.
fn finish(spec: &str) -> Value {
    let mut document: Value = serde_json::from_str(spec).unwrap_or_default();
    require_members_of_answers(&mut document);
    security::add_to(&mut document);
    close_requests(&mut document);
    simplify(&mut document);
    detector_in_query::add_to(&mut document);
    nulls::make_alternatives(&mut document);
    numbers::make_signed(&mut document);
    document
}

fn require_members_of_answers(document: &mut Value) {
    let schemas = document.get_mut("components").and_then(|components| components.get_mut("schemas"));
    let Some(schemas) = schemas.and_then(Value::as_mapping_mut) else { return };
    for (name, schema) in schemas {
        let name = name.as_str().unwrap_or_default();
        if REQUESTS.contains(&name) {
            continue;
        }
        let Some(properties) = schema.get("properties").and_then(Value::as_mapping) else { continue };
        let is_always_there = |member: &&Value| !may_be_absent(name, member.as_str().unwrap_or_default());
        let required: Vec<Value> = properties.keys().filter(is_always_there).cloned().collect();
        let Some(schema) = schema.as_mapping_mut() else { continue };
        // A list of none is not allowed.
        if required.is_empty() {
            schema.remove("required");
        } else {
            schema.insert("required".into(), required.into());
        }
    }
}

/// Says that unknown members and parts are refused, and which types a part `data` may have.
fn close_requests(document: &mut Value) {
    let mut schemas = document.get_mut("components").and_then(|components| components.get_mut("schemas"));
    for name in CLOSED {
        let schema = schemas.as_mut().and_then(|schemas| schemas.get_mut(name));
        if let Some(schema) = schema.and_then(Value::as_mapping_mut) {
            schema.insert("additionalProperties".into(), false.into());
        }
    }
    let Some(paths) = document.get_mut("paths").and_then(Value::as_mapping_mut) else { return };
    for operation in paths.values_mut().filter_map(Value::as_mapping_mut).flat_map(Mapping::values_mut) {
        let content = operation.get_mut("requestBody").and_then(|body| body.get_mut("content"));
        let parts = content.and_then(|content| content.get_mut("multipart/form-data"));
        let Some(parts) = parts.and_then(Value::as_mapping_mut) else { continue };
        let encoding = Mapping::from_iter([("contentType".into(), DATA_TYPES.into())]);
        parts.insert("encoding".into(), Mapping::from_iter([("data".into(), encoding.into())]).into());
    }
}

/// poem-openapi says what it says beside a reference a second time within it.
fn simplify(value: &mut Value) {
    match value {
        Value::Mapping(members) => {
            if let Some(parts) = members.get_mut("allOf").and_then(Value::as_sequence_mut) {
                parts.retain(|part| ["$ref", "type", "properties"].iter().any(|member| part.get(member).is_some()));
            }
            members.iter_mut().for_each(|(_, member)| simplify(member));
        }
        Value::Sequence(items) => items.iter_mut().for_each(simplify),
        _ => {}
    }
}
