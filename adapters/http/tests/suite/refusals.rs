//! Requests that cannot be served: the status, the code and the place at fault.

use drifting_http::{AllowedHosts, HttpSettings};

use crate::support::TestServer;

pub const JSON: &str = "application/json";
pub const CSV: &str = "text/csv";
const PREDICT: &str = "/api/v1/projects/price/predict";

/// Method, path, media type, body, status, code, first pointer.
pub type Case<'a> = (&'a str, &'a str, &'a str, &'a str, u16, &'a str, Option<&'a str>);

pub async fn server() -> TestServer {
    let settings = HttpSettings { max_body_bytes: 20_000, fit_max_body_bytes: 40_000, ..HttpSettings::default() };
    let server = TestServer::with(settings).await;
    server.fit_price().await;
    server.fit_label("label").await;
    server.fit_label("off").await;
    assert_eq!(server.post("/api/v1/projects/off/unload").await.status, 200);
    server
}

pub async fn check(cases: &[Case<'_>]) {
    let server = server().await;
    for (method, path, media_type, body, status, code, pointer) in cases {
        let reply = server.send(method, path, &[("Content-Type", media_type)], body.as_bytes()).await;
        let case = format!("{method} {path} {}: {}", body.chars().take(120).collect::<String>(), reply.text());
        assert_eq!(reply.status, *status, "{case}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{case}");
        let problem = reply.json();
        assert_eq!(problem["code"], *code, "{case}");
        assert_eq!(problem["status"], *status, "{case}");
        assert_eq!(problem["type"], format!("urn:drifting:problem:{code}"), "{case}");
        assert_eq!(problem["instance"], path.split('?').next().unwrap(), "{case}");
        assert_eq!(problem["error"], problem["detail"], "{case}");
        assert_eq!(problem["request_id"].as_str(), reply.header("x-request-id"), "{case}");
        assert_eq!(problem["errors"][0]["pointer"].as_str(), *pointer, "{case}");
        let is_unavailable = *status == 503;
        assert_eq!(reply.header("retry-after").is_some(), is_unavailable, "{case}");
    }
    let seen = server.get("/api/v1/projects/price").await.json();
    assert_eq!(seen["rows_seen"], 0, "a refused request fed rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_methods_and_names() {
    check(&[
        ("GET", "/nothing", JSON, "", 404, "route_not_found", None),
        ("GET", "/api/v1/projects/", JSON, "", 404, "route_not_found", None),
        ("POST", "/api/v1/projects/price/explode", JSON, "", 404, "route_not_found", None),
        ("GET", "/api/v2/projects", JSON, "", 404, "route_not_found", None),
        ("PUT", "/api/v1/projects", JSON, "", 405, "method_not_allowed", None),
        ("GET", PREDICT, JSON, "", 405, "method_not_allowed", None),
        ("DELETE", "/livez", JSON, "", 405, "method_not_allowed", None),
        ("GET", "/api/v1/projects/-x", JSON, "", 400, "invalid_name", None),
        ("GET", "/api/v1/projects/a%20b", JSON, "", 400, "invalid_name", None),
        ("GET", "/api/v1/projects/..%2fetc", JSON, "", 400, "invalid_name", None),
        ("GET", "/api/v1/projects/%ff", JSON, "", 400, "invalid_name", None),
        ("POST", "/api/v1/projects/Stats/predict", JSON, "{", 400, "invalid_name", None),
        ("POST", "/api/v1/projects/fit/fit", JSON, "{}", 400, "invalid_name", None),
        ("GET", "/api/v1/projects/nobody", JSON, "", 404, "project_not_found", None),
        ("DELETE", "/api/v1/projects/nobody", JSON, "", 404, "project_not_found", None),
        ("GET", "/api/v1/projects/PRICE", JSON, "", 404, "project_not_found", None),
        ("GET", "/api/v1/projects/nobody/metrics?page_size=0", JSON, "", 404, "project_not_found", None),
        ("POST", "/api/v1/projects/nobody/load", JSON, "", 404, "project_not_found", None),
        ("POST", "/api/v1/projects/nobody/predict", JSON, "not json", 404, "project_not_found", None),
        ("POST", "/api/v1/projects/off/predict", JSON, "not json", 409, "project_inactive", None),
        ("POST", "/api/v1/projects/off/reset", JSON, "", 409, "project_inactive", None),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_predictions() {
    let large = format!(r#"{{"data": "{}"}}"#, "x".repeat(21_000));
    let deep = format!(r#"{{"data": {}"#, "[".repeat(500));
    check(&[
        ("POST", PREDICT, JSON, "", 400, "malformed", None),
        ("POST", PREDICT, JSON, "{", 400, "malformed", None),
        ("POST", PREDICT, JSON, r#"{"data": {"nswprice": [1], "weekday": ["mon"]}} x"#, 400, "malformed", None),
        ("POST", PREDICT, JSON, r#"{"data": {"nswprice": ["x"], "weekday": ["mon"]}"#, 400, "malformed", None),
        ("POST", PREDICT, JSON, r#"{"data": {"nswprice": [NaN], "weekday": ["mon"]}}"#, 400, "malformed", None),
        ("POST", PREDICT, JSON, "{\"data\": \"\u{1}\"}", 400, "malformed", None),
        ("POST", PREDICT, JSON, &deep, 400, "malformed", None),
        ("POST", PREDICT, JSON, r#"{"data": [], "data": []}"#, 400, "malformed", Some("/data")),
        (
            "POST",
            PREDICT,
            JSON,
            r#"{"data": {"weekday": ["a"], "weekday": ["b"]}}"#,
            400,
            "malformed",
            Some("/data/weekday"),
        ),
        ("POST", PREDICT, JSON, r#"{"data": [{"a": 1, "a": 2}]}"#, 400, "malformed", Some("/data/0/a")),
        ("POST", PREDICT, JSON, &large, 413, "body_too_large", None),
        ("POST", PREDICT, "application/xml", "<a/>", 415, "unsupported_media_type", None),
        ("POST", PREDICT, "text/csv; charset=latin1", "nswprice,weekday\n1,mon\n", 415, "unsupported_media_type", None),
        ("POST", PREDICT, JSON, "[1]", 422, "invalid_data", Some("")),
        ("POST", PREDICT, JSON, "null", 422, "invalid_data", Some("")),
        ("POST", PREDICT, JSON, "{}", 422, "invalid_data", Some("/data")),
        ("POST", PREDICT, JSON, r#"{"dta": []}"#, 422, "invalid_settings", Some("/dta")),
        ("POST", PREDICT, JSON, r#"{"data": null}"#, 422, "invalid_data", Some("/data")),
        ("POST", PREDICT, JSON, r#"{"data": 5}"#, 422, "invalid_data", Some("/data")),
        ("POST", PREDICT, JSON, r#"{"data": []}"#, 422, "invalid_data", Some("/data")),
        ("POST", PREDICT, JSON, r#"{"data": {}}"#, 422, "invalid_data", Some("/data")),
        ("POST", PREDICT, JSON, r#"{"data": [{}]}"#, 422, "invalid_data", Some("/data")),
        ("POST", PREDICT, JSON, r#"{"data": {"weekday": 5}}"#, 422, "invalid_data", Some("/data/weekday")),
        ("POST", PREDICT, JSON, r#"{"data": {"a/b~c": [[]]}}"#, 422, "invalid_data", Some("/data/a~1b~0c/0")),
        ("POST", PREDICT, JSON, r#"{"data": {"nswprice": [1, "x"]}}"#, 422, "invalid_data", Some("/data/nswprice/1")),
        ("POST", PREDICT, JSON, r#"{"data": {"nswprice": [1e400]}}"#, 422, "invalid_data", Some("/data/nswprice/0")),
        ("POST", PREDICT, JSON, r#"{"data": [[1, 1e999]]}"#, 422, "invalid_data", Some("/data/0/1")),
        ("POST", PREDICT, JSON, r#"{"data": [{"a": 1}, {"a": {}}]}"#, 422, "invalid_data", Some("/data/1/a")),
        ("POST", PREDICT, JSON, r#"{"data": [{"a": 1}, 5]}"#, 422, "invalid_data", Some("/data/1")),
        ("POST", PREDICT, JSON, r#"{"data": [[1, 2], [3]]}"#, 422, "invalid_data", Some("/data/1")),
        ("POST", PREDICT, JSON, r#"{"data": [[1, 2], [3, 4, 5]]}"#, 422, "invalid_data", Some("/data/1")),
        ("POST", PREDICT, JSON, r#"{"data": [1, true]}"#, 422, "invalid_data", Some("/data/1")),
        ("POST", PREDICT, JSON, r#"{"data": [1, [2]]}"#, 422, "invalid_data", Some("/data/1")),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_not_the_projects() {
    check(&[
        ("POST", PREDICT, JSON, r#"{"data": {"nswprice": [1]}}"#, 422, "invalid_data", Some("/data/weekday")),
        (
            "POST",
            PREDICT,
            JSON,
            r#"{"data": {"nswprice": [1], "weekday": ["mon"], "hour": [1]}}"#,
            422,
            "invalid_data",
            Some("/data/hour"),
        ),
        (
            "POST",
            PREDICT,
            JSON,
            r#"{"data": {"nswprice": [1, null], "weekday": ["mon", "mon"]}}"#,
            422,
            "invalid_data",
            Some("/data/nswprice/1"),
        ),
        (
            "POST",
            PREDICT,
            JSON,
            r#"{"data": {"nswprice": [1, 2], "weekday": ["mon"]}}"#,
            422,
            "invalid_data",
            Some("/data/weekday"),
        ),
        (
            "POST",
            PREDICT,
            JSON,
            r#"{"data": [{"nswprice": 1, "weekday": "mon"}, {"nswprice": 1}]}"#,
            422,
            "invalid_data",
            Some("/data/1/weekday"),
        ),
        (
            "POST",
            PREDICT,
            JSON,
            r#"{"data": [{"nswprice": "dear", "weekday": "mon"}]}"#,
            422,
            "invalid_data",
            Some("/data/0/nswprice"),
        ),
        ("POST", PREDICT, JSON, r#"{"data": [{"nswprice": 1}]}"#, 422, "invalid_data", Some("/data")),
        ("POST", PREDICT, JSON, r#"{"data": [[1, 2]]}"#, 422, "invalid_data", Some("/data/0/1")),
        ("POST", PREDICT, JSON, r#"{"data": [[1, "mon"], [2, null]]}"#, 422, "invalid_data", Some("/data/1/1")),
        ("POST", PREDICT, JSON, r#"{"data": [1, 2]}"#, 422, "invalid_data", Some("/data")),
        ("POST", PREDICT, JSON, r#"{"data": [[1, "mon", 3]]}"#, 422, "invalid_data", Some("/data/0")),
        ("POST", PREDICT, JSON, r#"{"data": [[1], [2]]}"#, 422, "invalid_data", Some("/data/0")),
        (
            "POST",
            "/api/v1/projects/label/predict",
            JSON,
            r#"{"data": [1, null]}"#,
            422,
            "invalid_data",
            Some("/data/1"),
        ),
        ("POST", PREDICT, CSV, "nswprice,weekday\n1,mon\n,tue\n", 422, "invalid_data", Some("/data/nswprice/1")),
        ("POST", PREDICT, CSV, "nswprice,weekday\ndear,mon\n", 422, "invalid_data", Some("/data/nswprice/0")),
        ("POST", PREDICT, CSV, "nswprice,weekday\n", 422, "invalid_data", Some("/data")),
        ("POST", PREDICT, CSV, "nswprice,nswprice\n1,2\n", 422, "invalid_data", Some("/data/nswprice")),
        ("POST", PREDICT, CSV, "", 400, "malformed", None),
        ("POST", PREDICT, CSV, "nswprice,weekday\n1\n", 400, "malformed", None),
        (
            "POST",
            &format!("{PREDICT}?ert=5"),
            JSON,
            r#"{"data": {"nswprice": [1], "weekday": ["mon"]}}"#,
            422,
            "invalid_settings",
            Some("/ert"),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn syntax_errors_are_told_by_line_and_column() {
    let server = server().await;
    let reply = server.send("POST", PREDICT, &[], b"{\"data\":\n  {\"nswprice\": [1,]}}").await;
    assert!(reply.json()["detail"].as_str().unwrap().contains("line 2 column 19"), "{}", reply.text());
    let reply = server.post_csv(PREDICT, "nswprice,weekday\n1,mon\n2\n").await;
    assert!(reply.json()["detail"].as_str().unwrap().contains("line 3: expected 2 fields"), "{}", reply.text());
    let reply = server.send("POST", PREDICT, &[("Content-Type", "text/csv")], b"nswprice,weekday\n1,\xff\n").await;
    assert!(reply.json()["detail"].as_str().unwrap().contains("line 2: expected UTF-8"), "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_that_a_path_takes_are_told() {
    let server = server().await;
    assert_eq!(server.get(PREDICT).await.header("allow"), Some("POST"));
    assert_eq!(server.post("/api/v1/projects/price").await.header("allow"), Some("DELETE, GET, HEAD"));
    assert_eq!(server.post("/docs").await.header("allow"), Some("GET, HEAD"));
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_and_origins_are_checked_first() {
    let allowed_hosts = AllowedHosts::Loopback(vec!["localhost".into(), "127.0.0.1".into()]);
    let settings = HttpSettings { allowed_hosts, ..HttpSettings::default() };
    let server = TestServer::with(settings).await;
    for (headers, expected) in [
        (vec![("Host", "localhost:8080")], None),
        (vec![("Host", "localhost"), ("Origin", "http://127.0.0.1:3000")], None),
        (vec![("Host", "evil.example")], Some("host_not_allowed")),
        (vec![("Host", "localhost"), ("Origin", "https://evil.example")], Some("origin_not_allowed")),
        (vec![("Host", "localhost"), ("Origin", "null")], Some("origin_not_allowed")),
    ] {
        let reply = server.send("GET", "/api/v1/projects", &headers, b"").await;
        let code = (reply.status == 403).then(|| reply.json()["code"].as_str().unwrap().to_owned());
        assert_eq!(code.as_deref(), expected, "{headers:?}");
        let unknown = server.send("GET", "/nothing", &headers, b"").await;
        assert_eq!(unknown.status, if expected.is_some() { 403 } else { 404 }, "{headers:?}");
    }
    // What changes something is for the server's own pages, such as /docs.
    for (origin, is_own) in [("http://localhost:8080", true), ("http://localhost:1234", false)] {
        let headers = [("Host", "localhost:8080"), ("Origin", origin)];
        for (method, path) in [("POST", "/api/v1/projects/nobody/load"), ("DELETE", "/api/v1/projects/nobody")] {
            let reply = server.send(method, path, &headers, b"").await;
            let code = if is_own { "project_not_found" } else { "origin_not_allowed" };
            assert_eq!(reply.json()["code"], code, "{method} from {origin}");
        }
        assert_eq!(server.send("GET", "/api/v1/projects", &headers, b"").await.status, 200, "{origin}");
    }
}
