//! Who may do what: every operation of the documents with every kind of key, and what is decided before a body is read.

use std::sync::Arc;

use drifting_access::{Gate, GateSettings, KeyDigest, KeyEntry, Scope, Scopes, with_key};
use drifting_http::HttpSettings;
use serde_json::{Value, json};

use crate::support::{Reply, TestServer};

const OWN: &str = "the key that may do everything";

pub fn key(scope: Scope, place: &str) -> String {
    format!("a key for {scope} {place}")
}

fn entry(name: &str, key: &str, scopes: &[Scope], projects: Option<&str>) -> KeyEntry {
    KeyEntry {
        name: name.to_owned(),
        digest: KeyDigest::of(key),
        scopes: scopes.iter().copied().collect(),
        projects: projects.map(|pattern| vec![pattern.to_owned()]),
        created_at: None,
        expires_at: None,
        rate_limit: None,
    }
}

/// A gate that knows for each scope a key for all projects, one for `price`, and one for others.
fn gate() -> Gate {
    let mut entries = Vec::new();
    for scope in Scope::ALL {
        for (place, projects) in [("everywhere", None), ("here", Some("pri*")), ("elsewhere", Some("other-*"))] {
            entries.push(entry(scope.as_str(), &key(scope, place), &[scope], projects));
        }
    }
    let old = Some("2020-01-01T00:00:00Z".parse().unwrap());
    entries.push(KeyEntry { expires_at: old, ..entry("old", "a key that has expired", &[Scope::Admin], None) });
    entries.push(KeyEntry {
        rate_limit: Some("2/h".parse().unwrap()),
        ..entry("slow", "a key that is slow", &[Scope::Read], None)
    });
    let text = entries.iter().fold(String::new(), |text, entry| with_key(&text, entry).unwrap());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, text).unwrap();
    let keys_file = Some(file.path().to_owned());
    // Bad keys come hundreds of times from one address.
    let rate_limit = Some("1000000/s".parse().unwrap());
    Gate::new(GateSettings { api_key: Some(OWN.to_owned()), keys_file, rate_limit, ..GateSettings::default() }).unwrap()
}

pub async fn server() -> TestServer {
    TestServer::with(HttpSettings { gate: Arc::new(gate()), ..HttpSettings::default() }).await
}

async fn fit(server: &TestServer, project: &str) {
    let values: Vec<f64> = (0..200).map(|i| f64::from(i % 17)).collect();
    let body = json!({"drift_type": "label", "data": values, "detector": {"kind": "ks"}}).to_string();
    let reply = ask(server, "POST", &format!("/api/v1/projects/{project}/fit"), Some(OWN), body.as_bytes()).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
}

async fn ask(server: &TestServer, method: &str, path: &str, key: Option<&str>, body: &[u8]) -> Reply {
    let authorization = key.map(|key| format!("Bearer {key}"));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(authorization.as_deref().map(|value| ("authorization", value)));
    server.send(method, path, &headers, body).await
}

/// One operation of the documents.
struct Documented {
    method: String,
    path: String,
    /// As the document says it; nothing where anybody may.
    scope: Option<Scope>,
    /// One that does as well.
    also: Option<Scope>,
}

async fn documented(server: &TestServer) -> Vec<Documented> {
    let mut operations = Vec::new();
    for document in ["/openapi.json", "/v2/docs/dataplane.json"] {
        let document = ask(server, "GET", document, None, b"").await.json();
        assert_eq!(document["components"]["securitySchemes"]["apiKey"]["name"], "X-API-Key");
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let said = |member: &str| operation[member].as_str().map(|scope| scope.parse::<Scope>().unwrap());
                let (scope, also) = (said("x-scope"), said("x-scope-also"));
                let open = operation["security"] == json!([]);
                assert_eq!(scope.is_none(), open, "{method} {path}");
                operations.push(Documented { method: method.to_uppercase(), path: path.clone(), scope, also });
            }
        }
    }
    assert!(operations.len() > 35, "both documents were read");
    operations
}

/// The path with a project, a version and an operation that may or may not be there.
fn addressed(path: &str) -> String {
    let path = path.replace("{project}", "price").replace("{model}", "price").replace("{version}", "1");
    let path = path.replace("{operation}", "6441d1d2c1f80a3b5c7d9e1f20314253");
    if path == "/v2/models/fit" { format!("{path}?detector_name=price&drift_type=label") } else { path }
}

/// What the server thinks of the key, whatever else it thinks of the request.
fn verdict(reply: &Reply) -> &'static str {
    let code = |reply: &Reply| {
        serde_json::from_slice::<Value>(&reply.body).ok().and_then(|body| Some(body["code"].as_str()?.to_owned()))
    };
    match reply.status {
        401 => {
            assert_eq!(code(reply).as_deref(), Some("unauthenticated"));
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
            "who"
        }
        403 => {
            assert_eq!(code(reply).as_deref(), Some("forbidden"));
            "not this"
        }
        status => {
            assert!(status < 500, "{}", reply.text());
            "served"
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_asks_every_key_for_what_the_document_says() {
    let server = server().await;
    let mut n_asked = 0;
    for Documented { method, path, scope: needed, also } in documented(&server).await {
        let concerns_one = path.contains("{project}") || path.contains("{model}") || path == "/v2/models/fit";
        let concerns_all = ["/metrics", "/api/v1/projects/refresh"].contains(&path.as_str());
        let at = addressed(&path);
        let mut check = async |key: Option<&str>, expected: &str| {
            // Deleted or fitted by the case before.
            let reply = ask(&server, &method, &at, key, b"{}").await;
            assert_eq!(verdict(&reply), expected, "{method} {at} with {key:?}: {}", reply.text());
            n_asked += 1;
        };
        let Some(needed) = needed else {
            for key in [None, Some("an unknown key"), Some(OWN)] {
                check(key, "served").await;
            }
            continue;
        };
        for key in [None, Some("an unknown key"), Some("a key that has expired")] {
            check(key, "who").await;
        }
        check(Some(OWN), "served").await;
        for scope in Scope::ALL {
            let held = Scopes::from_iter([scope]);
            let holds = held.hold(needed) || also.is_some_and(|also| held.hold(also));
            for place in ["everywhere", "here", "elsewhere"] {
                let is_for_it = match place {
                    "everywhere" => true,
                    "here" => !concerns_all,
                    _ => !concerns_all && !concerns_one,
                };
                check(Some(&key(scope, place)), if holds && is_for_it { "served" } else { "not this" }).await;
            }
        }
    }
    assert!(n_asked > 500, "{n_asked} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_some_projects_is_shown_those() {
    let server = server().await;
    for project in ["price", "other-one"] {
        fit(&server, project).await;
    }
    let (here, all) = (key(Scope::Read, "here"), key(Scope::Read, "everywhere"));
    let names = |reply: &Reply, list: &str, name: &str| -> Vec<String> {
        let items = if list.is_empty() { reply.json() } else { reply.json()[list].clone() };
        let items = items.as_array().unwrap().iter();
        items.map(|item| item.get(name).unwrap_or(item).as_str().unwrap().to_owned()).collect()
    };
    for (method, path, list, name) in [
        ("GET", "/api/v1/projects", "projects", "project"),
        ("GET", "/v2/models", "models", "name"),
        ("POST", "/v2/repository/index", "", "name"),
    ] {
        assert_eq!(names(&ask(&server, method, path, Some(&here), b"").await, list, name), ["price"], "{path}");
        assert_eq!(names(&ask(&server, method, path, Some(&all), b"").await, list, name).len(), 2, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_of_other_projects_are_not_there() {
    let server = server().await;
    let body =
        json!({"drift_type": "label", "data": (0..100).collect::<Vec<_>>(), "detector": {"kind": "ks"}}).to_string();
    let authorization = format!("Bearer {OWN}");
    let headers =
        [("content-type", "application/json"), ("prefer", "respond-async"), ("authorization", authorization.as_str())];
    let begun = server.send("POST", "/api/v1/projects/price/fit", &headers, body.as_bytes()).await;
    assert_eq!(begun.status, 202);
    let path = begun.header("location").unwrap().to_owned();
    let status = async |key: &str, path: &str| ask(&server, "GET", path, Some(key), b"").await.status;
    assert_eq!(status(&key(Scope::Read, "here"), &path).await, 200);
    assert_eq!(status(&key(Scope::Read, "elsewhere"), &path).await, 404);
    // Whoever may fit follows what came of it.
    assert_eq!(status(&key(Scope::Fit, "here"), &path).await, 200);
    let events = ask(&server, "GET", &format!("{path}/events"), Some(&key(Scope::Fit, "here")), b"").await;
    assert!(events.status == 200 && events.text().contains("succeeded"), "{}", events.text());
    assert_eq!(status(&key(Scope::Fit, "elsewhere"), &path).await, 404);
    let listed = ask(&server, "GET", "/api/v1/operations", Some(&key(Scope::Read, "elsewhere")), b"").await;
    assert_eq!(listed.json()["operations"], json!([]));
    let cancelled = ask(&server, "POST", &format!("{path}/cancel"), Some(&key(Scope::Fit, "elsewhere")), b"").await;
    assert_eq!(cancelled.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn idempotency_keys_of_one_caller_say_nothing_of_another() {
    let server = server().await;
    fit(&server, "price").await;
    let send = async |key: &str, row: &[u8]| {
        let authorization = format!("Bearer {key}");
        let headers =
            [("content-type", "application/json"), ("idempotency-key", "1"), ("authorization", authorization.as_str())];
        let reply = server.send("POST", "/api/v1/projects/price/predict", &headers, row).await;
        (reply.status, reply.header("idempotency-replayed").is_some())
    };
    let (one, other) = (OWN, key(Scope::Predict, "here"));
    assert_eq!(send(one, br#"{"data": [0.5]}"#).await, (200, false));
    assert_eq!(send(&other, br#"{"data": [0.5]}"#).await, (200, false), "it is another's row");
    assert_eq!(send(one, br#"{"data": [0.5]}"#).await, (200, true));
    assert_eq!(send(&other, br#"{"data": [0.5]}"#).await, (200, true));
    assert_eq!(send(one, br#"{"data": [0.6]}"#).await.0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_asked_for_before_the_path_is_told() {
    let server = server().await;
    for (method, path) in [("GET", "/nowhere"), ("PUT", "/api/v1/projects"), ("GET", "/v2/models/%2e%2e/infer")] {
        assert_eq!(ask(&server, method, path, None, b"").await.status, 401, "{method} {path}");
    }
    assert_eq!(ask(&server, "POST", "/livez", None, b"").await.status, 405);
    assert_eq!(ask(&server, "POST", "/", None, b"").await.status, 401);
    assert_eq!(ask(&server, "GET", "/nowhere", Some(&key(Scope::Predict, "here")), b"").await.status, 404);
    assert_eq!(ask(&server, "PUT", "/api/v1/projects", Some(&key(Scope::Predict, "here")), b"").await.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_in_another_spelling_is_the_same_name() {
    let server = server().await;
    fit(&server, "price").await;
    let elsewhere = key(Scope::Read, "elsewhere");
    for path in
        ["/api/v1/projects/%70rice", "/api/v1/projects/pric%65", "/api/v1/%70rojects/price", "/v2/models/p%72ice"]
    {
        let reply = ask(&server, "GET", path, Some(&elsewhere), b"").await;
        assert!([403, 404].contains(&reply.status) && !reply.text().contains("\"ks\""), "{path}: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_too_often_is_told_when_to_come_again() {
    let server = server().await;
    let statuses = [(); 3].map(|()| ask(&server, "GET", "/api/v1/projects", Some("a key that is slow"), b""));
    let [first, second, third] = statuses;
    assert_eq!((first.await.status, second.await.status), (200, 200));
    let third = third.await;
    assert_eq!((third.status, third.json()["code"].as_str()), (429, Some("rate_limited")));
    let wait: u64 = third.header("retry-after").unwrap().parse().unwrap();
    assert!((1_700..=1_800).contains(&wait), "{wait}");
}
