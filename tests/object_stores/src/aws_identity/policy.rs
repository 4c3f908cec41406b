//! A policy of IAM, as far as one for a store of projects goes.

use hyper::Method;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// What is permitted.
pub(super) struct Policy {
    statements: Vec<Statement>,
}

struct Statement {
    actions: Vec<String>,
    resources: Vec<String>,
    /// Where there is a condition: what the prefix of a listing must be like.
    prefixes: Option<Vec<String>>,
}

/// What a request asks for.
pub(super) struct Asked {
    pub(super) action: &'static str,
    resource: String,
    prefix: String,
}

impl Policy {
    pub(super) fn everything() -> Self {
        let all = || vec!["*".to_owned()];
        Self { statements: vec![Statement { actions: all(), resources: all(), prefixes: None }] }
    }

    pub(super) fn parse(policy: &Value) -> Self {
        assert_eq!(policy["Version"], "2012-10-17", "the version of a policy");
        let statements = policy["Statement"].as_array().expect("a policy has statements");
        Self { statements: statements.iter().map(Statement::parse).collect() }
    }

    pub(super) fn permits(&self, asked: &Asked) -> bool {
        self.statements.iter().any(|statement| statement.permits(asked))
    }
}

impl Statement {
    fn parse(statement: &Value) -> Self {
        assert_eq!(statement["Effect"], "Allow", "this stub knows no other effect");
        let prefixes = statement.get("Condition").map(|condition| {
            let like = condition["StringLike"].as_object().expect("this stub knows no other condition");
            assert_eq!((condition.as_object().map(serde_json::Map::len), like.len()), (Some(1), 1), "one condition");
            texts(&like["s3:prefix"])
        });
        Self { actions: texts(&statement["Action"]), resources: texts(&statement["Resource"]), prefixes }
    }

    fn permits(&self, asked: &Asked) -> bool {
        let is_any = |patterns: &[String], text: &str| patterns.iter().any(|pattern| is_like(pattern, text));
        is_any(&self.actions, asked.action)
            && is_any(&self.resources, &asked.resource)
            && self.prefixes.as_ref().is_none_or(|prefixes| is_any(prefixes, &asked.prefix))
    }
}

impl Asked {
    /// What a request needs; removals of several objects need it for each.
    pub(super) fn by(method: &Method, target: &str, body: &[u8]) -> Vec<Self> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy().into_owned();
        let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
        let parameter = |name: &str| url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        let on = |action, key: &str| vec![Self::object(action, bucket, key)];
        match (method.as_str(), key) {
            ("POST", "") if parameter("delete").is_some() => {
                keys_in(body).iter().map(|key| Self::object("s3:DeleteObject", bucket, key)).collect()
            }
            ("GET" | "HEAD", "") => {
                let prefix = parameter("prefix").map(|(_, value)| value.into_owned()).unwrap_or_default();
                vec![Self::list(bucket, prefix)]
            }
            ("GET" | "HEAD", key) => on("s3:GetObject", key),
            ("PUT" | "POST", key) if !key.is_empty() => on("s3:PutObject", key),
            ("DELETE", key) if parameter("uploadId").is_some() => on("s3:AbortMultipartUpload", key),
            ("DELETE", key) if !key.is_empty() => on("s3:DeleteObject", key),
            _ => on("s3:AnythingElse", key),
        }
    }

    /// The right to know that an object is absent, which is that to see it listed.
    pub(super) fn absence(&self) -> Self {
        let (bucket, key) = self.resource.split_once('/').unwrap_or((&self.resource, ""));
        Self { action: "s3:ListBucket", resource: bucket.to_owned(), prefix: key.to_owned() }
    }

    fn object(action: &'static str, bucket: &str, key: &str) -> Self {
        Self { action, resource: format!("arn:aws:s3:::{bucket}/{key}"), prefix: String::new() }
    }

    fn list(bucket: &str, prefix: String) -> Self {
        Self { action: "s3:ListBucket", resource: format!("arn:aws:s3:::{bucket}"), prefix }
    }
}

/// The objects that a request to remove several names.
fn keys_in(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body);
    text.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()).map(str::to_owned).collect()
}

/// One text or a list of them.
fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().expect("a text in the policy").to_owned();
    value.as_array().map_or_else(|| vec![text(value)], |values| values.iter().map(text).collect())
}

/// Whether a text is like a pattern, in which `*` stands for anything.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| is_like(rest, &text[at..]))
        }),
    }
}
