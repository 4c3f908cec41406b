//! Examples of requests and answers. The tests send the requests and hold the answers against the document.

use drifting_access::Denied;
use serde_yaml::Value;

use crate::api::{EXPECTED_HISTORY, OPEN_METRICS, PROMETHEUS_TEXT};
use crate::body::{BATCH, EXPECTED, STRUCTURED};
use crate::error::{Code, Failure, Issue, Problem};

/// By operation: `request`, `csv`, `ndjson`, `event`, `answer`, `accepted`, `events`, `open_metrics`, `text`.
const EXAMPLES: &str = include_str!("examples.json");

/// The operation of the examples.
const OPERATION: &str = "6441d1d2c1f80a3b5c7d9e1f20314253";

/// Adds the examples.
pub(super) fn add_to(document: &mut Value) {
    let examples: Value = serde_json::from_str(EXAMPLES).unwrap_or_default();
    let Some(paths) = document.get_mut("paths").and_then(Value::as_mapping_mut) else { return };
    for (path, operations) in paths {
        let path = path.as_str().unwrap_or_default().replace("{project}", "price").replace("{operation}", OPERATION);
        for (_, operation) in operations.as_mapping_mut().into_iter().flatten() {
            let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
            let example = |of: &str| examples.get(&id).and_then(|example| example.get(of)).cloned();
            if let Some(content) = operation.get_mut("requestBody").and_then(|body| body.get_mut("content")) {
                add(content, "application/json", example("request"));
                add(content, "text/csv", example("csv"));
                add(content, "application/x-ndjson", example("ndjson"));
                add(content, STRUCTURED, example("event"));
                add(content, BATCH, example("event").map(|event| Value::Sequence(vec![event])));
            }
            let Some(responses) = operation.get_mut("responses").and_then(Value::as_mapping_mut) else { continue };
            for (status, response) in responses {
                let status = status.as_str().and_then(|status| status.parse().ok()).unwrap_or(0);
                let Some(content) = response.get_mut("content") else { continue };
                let answer = if status == 202 { "accepted" } else { "answer" };
                add(content, "application/json", example(answer));
                add(content, "text/event-stream", example("events"));
                add(content, OPEN_METRICS, example("open_metrics"));
                add(content, PROMETHEUS_TEXT, example("text"));
                add(content, "text/csv", example("csv"));
                let problem = failure(&id, status).map(|failure| Problem::of(failure, &path, "6441d1d2c1f80-2a"));
                add(
                    content,
                    "application/problem+json",
                    problem.and_then(|problem| serde_yaml::to_value(problem).ok()),
                );
            }
        }
    }
}

fn add(content: &mut Value, media_type: &str, example: Option<Value>) {
    let media = content.get_mut(media_type).and_then(Value::as_mapping_mut);
    if let (Some(media), Some(example)) = (media, example) {
        media.insert("example".into(), example);
    }
}

/// A failure that an operation may answer with under a status.
fn failure(operation: &str, status: u16) -> Option<Failure> {
    let at = |code, pointer: &str, detail: &str| {
        Failure::at(code, vec![Issue { pointer: pointer.to_owned(), detail: detail.to_owned() }])
    };
    let failure = match (status, operation) {
        (400, "backtest") => {
            Failure::new(Code::Malformed, "the body is not JSON: EOF while parsing an object at line 1 column 30")
        }
        (400, "sendEvents") => Failure::new(Code::Malformed, "expected the header `ce-id` of a CloudEvent"),
        (400, _) => Failure::new(
            Code::InvalidName,
            "expected another project name: `fit`, `stats`, `refresh`, `store.db` and `active.db` are reserved",
        ),
        (401, _) => Denied::UnknownKey.into(),
        (403, _) => Failure::new(
            Code::HostNotAllowed,
            "the request names a host that this server is not set to serve; see `--allowed-hosts`",
        ),
        (404, "getOperation" | "followOperation" | "cancelOperation") => Failure::no_operation(),
        (404, _) => Failure::not_found(),
        (408, _) => Failure::new(Code::RequestTimeout, "the body came too slowly"),
        (409, "fitProject") => Failure::new(
            Code::ProjectExists,
            "a project `price` exists; set `overwrite` to true to replace it, or take another name",
        ),
        (409, _) => Failure::new(Code::ProjectInactive, "the project is inactive; load it first"),
        (413, _) => Failure::new(Code::BodyTooLarge, "expected a body of at most 33554432 bytes, a larger one came"),
        (414, _) => Failure::new(Code::TargetTooLong, "expected a path and a query of at most 8192 bytes, 9000 came"),
        (431, _) => Failure::new(
            Code::HeadersTooLarge,
            "expected at most 100 headers of 32768 bytes in all, 120 of 6000 bytes came",
        ),
        (415, "backtest") => {
            Failure::new(Code::UnsupportedMediaType, format!("expected {EXPECTED_HISTORY}, multipart/form-data came"))
        }
        (415, _) => Failure::new(
            Code::UnsupportedMediaType,
            format!("expected {EXPECTED}, application/x-www-form-urlencoded came"),
        ),
        (422, "backtest") => {
            at(Code::InvalidSettings, "/candidates/1/window/size", "expected a whole number of rows, -5 came")
        }
        (422, "fitProject" | "predict") => {
            at(Code::InvalidData, "/data/nswprice/0", "expected a number, the text \"dear\" came")
        }
        (
            422,
            "getOperation" | "followOperation" | "cancelOperation" | "getProject" | "deleteProject" | "loadProject"
            | "unloadProject" | "resetProject",
        ) => at(Code::InvalidSettings, "/force", "expected no query parameter: this operation takes none"),
        (422, _) => at(Code::InvalidSettings, "/page_size", "expected a whole number of 1 to 1000, \"0\" came"),
        (429, _) => {
            Failure::new(Code::RateLimited, "too many requests came: the limit is 100/s; try again in 1 second")
        }
        (500, _) => Failure::internal(""),
        (503, "fitProject" | "backtest") => {
            Failure::new(Code::FitQueueFull, "too many fits wait for their turn; try again")
        }
        (503, "sendEvents") => Failure::new(Code::EventQueueFull, "too many events wait; try again"),
        (503, "getReadiness") => Failure::new(Code::ShuttingDown, "the server is shutting down"),
        (503, _) => Failure::new(Code::StorageUnavailable, "the storage cannot be reached now; try again"),
        (507, _) => Failure::new(Code::StorageFull, "the storage has no room left"),
        _ => return None,
    };
    Some(failure)
}
