//! The pages of the dashboard and what they ask for: shells that hold no data, fragments for those who may read.

use std::sync::Arc;
use std::time::Duration;

use drifting_access::{Gate, GateSettings, KeyDigest, KeyEntry, Scope, with_key};
use drifting_http::HttpSettings;
use serde_json::json;

use crate::support::{Reply, TestServer};

const OWN: &str = "the key that may do everything";
const OTHER: &str = "a key for another project";
const FRAGMENTS: [&str; 4] = ["", "/line", "/trend", "/columns"];

/// Some that a column may have.
const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\"'&{{7*7}}";

async fn fit(server: &TestServer, project: &str, key: Option<&str>) {
    let values: Vec<f64> = (0..200).map(|i| f64::from(i % 17)).collect();
    let body = json!({"drift_type": "tabular", "data": {(HOSTILE): values}, "detector": {"kind": "tabular"}});
    let reply = ask(server, "POST", &format!("/api/v1/projects/{project}/fit"), key, body.to_string().as_bytes()).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let body = json!({"data": {(HOSTILE): (0..30).map(|i| f64::from(i + 100)).collect::<Vec<f64>>()}});
    let path = format!("/api/v1/projects/{project}/predict");
    assert_eq!(ask(server, "POST", &path, key, body.to_string().as_bytes()).await.status, 200);
}

async fn ask(server: &TestServer, method: &str, path: &str, key: Option<&str>, body: &[u8]) -> Reply {
    let authorization = key.map(|key| format!("Bearer {key}"));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(authorization.as_deref().map(|value| ("authorization", value)));
    server.send(method, path, &headers, body).await
}

async fn get(server: &TestServer, path: &str) -> Reply {
    ask(server, "GET", path, None, b"").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_project_is_the_same_whether_it_is_there_or_not() {
    let server = TestServer::start().await;
    let before = get(&server, "/projects/price").await;
    fit(&server, "price", None).await;
    let after = get(&server, "/projects/price").await;
    assert_eq!((before.status, before.text()), (200, after.text()));
    assert_eq!(after.text(), get(&server, "/projects/%22%3E%3Cscript%3E").await.text());
    let policy = after.header("content-security-policy").unwrap();
    assert!(
        policy.contains("script-src 'sha256-") && !policy.contains("unsafe") && !policy.contains("script-src 'self'")
    );
}

/// What is drawn of them is drawn by a library, which must come to its end.
#[tokio::test(flavor = "multi_thread")]
async fn values_at_the_ends_of_the_doubles_hold_up_nobody() {
    let server = TestServer::start().await;
    let ends: Vec<f64> = [f64::MAX, f64::MIN, 1e-300, 0.0].into_iter().cycle().take(200).collect();
    let windows = json!({"kind": "ks"});
    let online = json!({"kind": "cvm_online", "ert": 20, "window_sizes": [4], "n_bootstraps": 2_000});
    for (project, detector) in [("windows", windows), ("online", online)] {
        let path = format!("/api/v1/projects/{project}");
        let fit = json!({"drift_type": "label", "data": ends, "detector": detector});
        assert_eq!(server.post_json(&format!("{path}/fit"), &fit).await.status, 201);
        let rows = json!({"data": &ends[..40], "explain": true});
        assert_eq!(server.post_json(&format!("{path}/predict"), &rows).await.status, 200);
        for fragment in FRAGMENTS {
            let path = format!("/dashboard/projects/{project}{fragment}");
            let told = tokio::time::timeout(Duration::from_secs(20), get(&server, &path)).await;
            let told = told.unwrap_or_else(|_| panic!("{path} does not come to its end"));
            assert!(told.status == 200 && !told.text().contains("NaN"), "{path}: {}", told.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_tell_of_projects_and_escape_them() {
    let server = TestServer::start().await;
    fit(&server, "price", None).await;
    let list = get(&server, "/dashboard/projects").await;
    assert_eq!((list.status, list.header("cache-control")), (200, Some("no-store")));
    assert!(list.header("content-security-policy").unwrap().contains("script-src 'none'"));
    assert!(list.text().contains("data-project=\"price\"") && list.text().contains("<svg"), "{}", list.text());
    for (part, shown) in FRAGMENTS.into_iter().zip(["created_at", "<tr", "<svg", "median"]) {
        let reply = get(&server, &format!("/dashboard/projects/price{part}")).await;
        assert_eq!(reply.status, 200, "{part}: {}", reply.text());
        assert!(!reply.text().contains("<img") && !reply.text().contains("<script"), "{part}: {}", reply.text());
        assert!(reply.text().contains(shown), "{part} shows {shown}: {}", reply.text());
    }
    let columns = get(&server, "/dashboard/projects/price/columns").await.text();
    assert!(columns.contains("&lt;/script&gt;&lt;img") && columns.contains("moved"), "{columns}");
    assert!(columns.contains("median 8 in the reference, 114.5 in the recent rows"), "{columns}");
    let project = get(&server, "/dashboard/projects/price").await.text();
    assert!(project.contains("&lt;/script&gt;") && project.contains("data-action=\"unload\""), "{project}");
    assert!(get(&server, "/dashboard/operations").await.text().contains("No fit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_shown_is_refused_as_everywhere() {
    let server = TestServer::start().await;
    fit(&server, "price", None).await;
    for (path, status, code) in [
        ("/dashboard/projects/nobody", 404, "project_not_found"),
        ("/dashboard/projects/nobody/trend", 404, "project_not_found"),
        ("/dashboard/projects/-x/columns", 400, "invalid_name"),
        ("/dashboard/projects/price?force=true", 422, "invalid_settings"),
        ("/dashboard/projects/price/trend?width=wide", 422, "invalid_settings"),
        ("/dashboard/projects/price/trend?from=yesterday", 422, "invalid_settings"),
        ("/dashboard/projects?status=sleepy", 422, "invalid_settings"),
        ("/dashboard/operations?page_token=x", 422, "invalid_settings"),
        ("/dashboard/nothing", 404, "route_not_found"),
    ] {
        let reply = get(&server, path).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (status, Some(code)), "{path}");
    }
    // Ends that leave nothing to draw, and sizes that nobody has.
    for query in [
        "width=0",
        "width=4000000000",
        "from=2100-01-01T00:00:00Z",
        "to=1970-01-01T00:00:00Z",
        "from=2030-01-01T00:00:00Z&to=2020-01-01T00:00:00Z",
    ] {
        let reply = get(&server, &format!("/dashboard/projects/price/trend?{query}")).await;
        assert_eq!(reply.status, 200, "{query}: {}", reply.text());
    }
    assert_eq!(ask(&server, "POST", "/dashboard/projects", None, b"").await.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_shows_its_projects_alone() {
    let entry = KeyEntry {
        name: "other".to_owned(),
        digest: KeyDigest::of(OTHER),
        scopes: [Scope::Read].into_iter().collect(),
        projects: Some(vec!["other-*".to_owned()]),
        created_at: None,
        expires_at: None,
        rate_limit: None,
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, with_key("", &entry).unwrap()).unwrap();
    let keys_file = Some(file.path().to_owned());
    let settings = GateSettings { api_key: Some(OWN.to_owned()), keys_file, ..GateSettings::default() };
    let gate = Arc::new(Gate::new(settings).unwrap());
    let server = TestServer::with(HttpSettings { gate, ..HttpSettings::default() }).await;
    fit(&server, "price", Some(OWN)).await;
    fit(&server, "other-price", Some(OWN)).await;
    let list = ask(&server, "GET", "/dashboard/projects", Some(OTHER), b"").await.text();
    assert!(list.contains("data-project=\"other-price\"") && !list.contains("data-project=\"price\""), "{list}");
    for part in FRAGMENTS {
        let of = |project: &str| format!("/dashboard/projects/{project}{part}");
        assert_eq!(ask(&server, "GET", &of("price"), Some(OTHER), b"").await.status, 403, "{part}");
        assert_eq!(ask(&server, "GET", &of("other-price"), Some(OTHER), b"").await.status, 200, "{part}");
        assert_eq!(ask(&server, "GET", &of("other-price"), None, b"").await.status, 401, "{part}");
    }
    assert_eq!(ask(&server, "GET", "/projects/price", None, b"").await.status, 200);
    assert_eq!(ask(&server, "GET", "/dashboard/events", None, b"").await.status, 401);
}
