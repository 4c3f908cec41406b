//! What the document says of keys: the schemes, the scope of each operation, and the answers to those who lack one.

use poem::http::Method;
use serde_yaml::{Mapping, Value};

use crate::rights::{scope_also_of, scope_of};

/// The member of an operation that names its scope: OpenAPI 3.0 has a place for scopes of OAuth alone.
const SCOPE: &str = "x-scope";

/// The member that names one that does as well, where there is one.
const ALSO: &str = "x-scope-also";

/// What may be answered to a key: status, description.
const ANSWERS: [(&str, &str); 2] = [
    (
        "401",
        "`unauthenticated`: the server asks for a key, and none came, or one that it does not know or that has expired.",
    ),
    ("429", "`rate_limited`: more requests came than the key, or the address, may send."),
];
/// What a key may lack, beside what else is forbidden.
const FORBIDDEN: &str = "`forbidden`: the key that came lacks the scope, or is for other projects. ";

/// Adds it.
pub(super) fn add_to(document: &mut Value) {
    if let Some(components) = document.get_mut("components").and_then(Value::as_mapping_mut) {
        components.insert("securitySchemes".into(), schemes());
    }
    let Some(paths) = document.get_mut("paths").and_then(Value::as_mapping_mut) else { return };
    for (path, operations) in paths {
        for (method, operation) in operations.as_mapping_mut().into_iter().flatten() {
            let method = method.as_str().unwrap_or_default().to_ascii_uppercase();
            let (Ok(method), Some(operation)) = (method.parse::<Method>(), operation.as_mapping_mut()) else {
                continue;
            };
            let path = path.as_str().unwrap_or_default();
            let Some(scope) = scope_of(&method, path) else {
                operation.insert("security".into(), Value::Sequence(Vec::new()));
                continue;
            };
            operation.insert(SCOPE.into(), scope.as_str().into());
            if let Some(also) = scope_also_of(&method, path) {
                operation.insert(ALSO.into(), also.as_str().into());
            }
            let either = ["apiKey", "bearer"].map(|scheme| one(scheme, Value::Sequence(Vec::new())));
            operation.insert("security".into(), Value::Sequence(either.into()));
            if let Some(answers) = operation.get_mut("responses").and_then(Value::as_mapping_mut) {
                add_answers(answers);
            }
        }
    }
}

fn schemes() -> Value {
    let scheme = |members: &[(&str, &str)]| {
        members.iter().map(|(name, value)| (Value::from(*name), Value::from(*value))).collect::<Mapping>().into()
    };
    let key = scheme(&[
        ("type", "apiKey"),
        ("in", "header"),
        ("name", "X-API-Key"),
        (
            "description",
            "An API key, as `drifting keys create` makes it. Each operation names the scope that it needs in `x-scope`, and in `x-scope-also` one that does as well; `admin` holds every scope.",
        ),
    ]);
    let bearer = scheme(&[
        ("type", "http"),
        ("scheme", "bearer"),
        ("description", "An API key, or a JSON Web Token of the issuer that the server believes."),
    ]);
    [("apiKey", key), ("bearer", bearer)]
        .into_iter()
        .map(|(name, scheme)| (Value::from(name), scheme))
        .collect::<Mapping>()
        .into()
}

fn one(name: &str, value: Value) -> Value {
    Mapping::from_iter([(Value::from(name), value)]).into()
}

fn add_answers(answers: &mut Mapping) {
    let Some(like) = answers.get("500").cloned() else { return };
    for (status, description) in ANSWERS {
        let mut answer = like.clone();
        if let Some(members) = answer.as_mapping_mut() {
            members.insert("description".into(), description.into());
        }
        if let Some(headers) = answer.get_mut("headers").and_then(Value::as_mapping_mut) {
            let (name, header) = header_of(status);
            headers.insert(name.into(), header);
        }
        answers.insert(status.into(), answer);
    }
    if let Some(description) = answers.get_mut("403").and_then(|answer| answer.get_mut("description")) {
        *description = format!("{FORBIDDEN}{}", description.as_str().unwrap_or_default()).into();
    }
    let mut sorted: Vec<_> = std::mem::take(answers).into_iter().collect();
    sorted.sort_by_key(|(status, _)| status.as_str().map(str::to_owned));
    answers.extend(sorted);
}

/// The header that goes with an answer.
fn header_of(status: &str) -> (&'static str, Value) {
    let header = |description: &str, schema: &[(&str, &str)]| {
        let schema: Mapping = schema.iter().map(|(name, value)| (Value::from(*name), Value::from(*value))).collect();
        let members = [("description", Value::from(description)), ("required", true.into()), ("schema", schema.into())];
        members.into_iter().map(|(name, value)| (Value::from(name), value)).collect::<Mapping>().into()
    };
    match status {
        "401" => ("WWW-Authenticate", header("`Bearer`.", &[("type", "string")])),
        _ => (
            "Retry-After",
            header("After how many seconds to try again.", &[("type", "integer"), ("format", "uint64")]),
        ),
    }
}
