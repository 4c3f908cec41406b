//! Long fits as operations: begun, followed, cancelled, refused.

use std::time::Duration;

use drifting_http::{HttpSettings, HttpTimeouts};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::support::{Reply, TestServer, label_fit, price_fit, read_reply, request};

fn location(reply: &Reply) -> String {
    assert_eq!(reply.status, 202, "{}", reply.text());
    reply.header("location").unwrap().to_owned()
}

/// The events of a stream: their types and their data.
fn events(reply: &Reply) -> Vec<(String, Value)> {
    let text = reply.text();
    let mut events = Vec::new();
    let mut kind = "message".to_owned();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("event: ") {
            name.clone_into(&mut kind);
        } else if let Some(data) = line.strip_prefix("data: ") {
            events.push((std::mem::replace(&mut kind, "message".to_owned()), serde_json::from_str(data).unwrap()));
        }
    }
    events
}

/// Half of the pairs coincide, which nobody knows before the distances have been computed.
fn without_bandwidth() -> Value {
    let numbers: Vec<u8> = (0..60).map(|index| u8::from(index > 55)).collect();
    json!({"drift_type": "label", "data": numbers,
           "detector": {"kind": "mmd_online", "ert": 20, "window_size": 4, "n_bootstraps": 2_000}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fit_becomes_an_operation_and_then_a_project() {
    let server = TestServer::start().await;
    server.fits.delay(Duration::from_millis(300));
    let begun = server.begin("price", &price_fit()).await;
    let path = location(&begun);
    assert_eq!(begun.header("preference-applied"), Some("respond-async"));
    let queued = begun.json();
    assert_eq!(path, format!("/api/v1/operations/{}", queued["id"].as_str().unwrap()));
    assert_eq!(
        (&queued["status"], &queued["kind"], &queued["project"], &queued["started_at"], &queued["result"]),
        (&json!("queued"), &json!("fit"), &json!("price"), &json!(null), &json!(null))
    );
    assert_eq!(queued["progress"], json!({"done": 0, "total": 1_000, "fraction": 0.0}));
    // Its name is taken, in any case, for those who wait too.
    for (project, reply) in [
        ("PRICE", server.post_json("/api/v1/projects/PRICE/fit", &price_fit()).await),
        ("price", server.begin("price", &price_fit()).await),
    ] {
        assert_eq!((reply.status, &reply.json()["code"]), (409, &json!("fit_in_progress")), "{project}");
    }

    let ended = server.ended(&path).await;
    assert_eq!((&ended["status"], &ended["problem"]), (&json!("succeeded"), &json!(null)));
    assert_eq!(ended["progress"]["fraction"], 1.0);
    let result = ended["result"].as_str().unwrap();
    assert_eq!(server.get(result).await.json()["status"], "active");
    let listed = server.get("/api/v1/operations").await.json();
    assert_eq!(listed, json!({"operations": [ended], "next_page_token": null}));
}

#[tokio::test(flavor = "multi_thread")]
async fn preferences_are_read_as_http_writes_them() {
    let server = TestServer::start().await;
    let cases = [
        ("respond-async", 202),
        ("handling=lenient, Respond-Async; foo=1", 202),
        ("respond-async, wait=10", 202),
        ("respond-asynchronously", 201),
        ("wait=10", 201),
        ("", 201),
    ];
    for (index, (prefer, status)) in cases.into_iter().enumerate() {
        let path = format!("/api/v1/projects/p{index}/fit");
        let reply = server.send("POST", &path, &[("Prefer", prefer)], label_fit().to_string().as_bytes()).await;
        assert_eq!(reply.status, status, "{prefer}: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_tell_a_share_that_grows_to_the_end() {
    // A stream outlives the time after which a silent connection is closed.
    let timeouts = HttpTimeouts { idle: Duration::from_millis(300), ..HttpTimeouts::default() };
    let server = TestServer::with(HttpSettings { timeouts, ..HttpSettings::default() }).await;
    server.fits.delay(Duration::from_secs(1));
    server.fits.slow_tasks(Duration::from_millis(60));
    let path = location(&server.begin("price", &price_fit()).await);
    let reply = server.get(&format!("{path}/events")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/event-stream")));
    assert_eq!(reply.header("cache-control"), Some("no-cache"));
    assert!(reply.text().lines().filter(|line| *line == ":").count() >= 3, "{}", reply.text());

    let told = events(&reply);
    let shares: Vec<f64> = told.iter().map(|(_, event)| event["progress"]["fraction"].as_f64().unwrap()).collect();
    assert!(shares.is_sorted(), "{shares:?}");
    assert!(shares.iter().filter(|share| **share > 0.0 && **share < 1.0).count() >= 3, "{shares:?}");
    let statuses: Vec<&str> = told.iter().map(|(_, event)| event["status"].as_str().unwrap()).collect();
    assert_eq!((statuses[0], statuses[statuses.len() - 2]), ("queued", "succeeded"));
    assert!(statuses.contains(&"running"));
    let ends: Vec<&(String, Value)> = told.iter().filter(|(kind, _)| kind == "end").collect();
    assert_eq!(ends, [told.last().unwrap()]);
    assert_eq!(told[told.len() - 2].1, told[told.len() - 1].1);

    // Whoever comes late is told how it stands; whoever has seen the end is sent away.
    let late = events(&server.get(&format!("{path}/events")).await);
    assert_eq!(late.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["message", "end"]);
    let again = server.send("GET", &format!("{path}/events"), &[("Last-Event-ID", "end")], b"").await;
    assert_eq!((again.status, again.body.len()), (204, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_is_told_at_once() {
    let server = TestServer::start().await;
    server.fit_label("taken").await;
    let few = json!({"drift_type": "label", "data": [1, 2, 3], "detector": {"ert": 20, "window_sizes": [4]}});
    let text = json!({"drift_type": "label", "data": ["a", "b", "c"], "detector": {"kind": "cvm_online"}});
    let ert = json!({"drift_type": "label", "data": [1, 2, 3], "detector": {"ert": 0}});
    for (project, body, status, code) in [
        ("taken", label_fit(), 409, "project_exists"),
        ("a b", label_fit(), 400, "invalid_name"),
        ("p", json!([]), 422, "invalid_settings"),
        ("p", few, 422, "invalid_data"),
        ("p", text, 422, "invalid_settings"),
        ("p", ert, 422, "invalid_settings"),
    ] {
        let reply = server.begin(&project.replace(' ', "%20"), &body).await;
        assert_eq!((reply.status, &reply.json()["code"]), (status, &json!(code)), "{body}");
        // The same as without the preference.
        let path = format!("/api/v1/projects/{}/fit", project.replace(' ', "%20"));
        assert_eq!(without_id(server.post_json(&path, &body).await.json()), without_id(reply.json()));
    }
    assert_eq!(server.get("/api/v1/operations").await.json()["operations"], json!([]));
}

fn without_id(mut problem: Value) -> Value {
    problem.as_object_mut().unwrap().remove("request_id");
    problem
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_operation_carries_the_problem_that_whoever_waits_is_told() {
    let server = TestServer::start().await;
    let waited = server.post_json("/api/v1/projects/p/fit", &without_bandwidth()).await;
    assert_eq!(waited.status, 422, "{}", waited.text());
    let headers = [("Prefer", "respond-async"), ("X-Request-Id", "mine")];
    let body = without_bandwidth().to_string();
    let begun = server.send("POST", "/api/v1/projects/p/fit", &headers, body.as_bytes()).await;
    let ended = server.ended(&location(&begun)).await;
    assert_eq!((&ended["status"], &ended["result"]), (&json!("failed"), &json!(null)));
    assert_eq!(ended["problem"]["request_id"], "mine");
    assert_eq!(without_id(ended["problem"].clone()), without_id(waited.json()));
    assert_eq!(server.get("/api/v1/projects/p").await.status, 404);
    server.fit_label("p").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_fit_stops_and_frees_its_name() {
    let server = TestServer::start().await;
    server.fits.slow_tasks(Duration::from_millis(50));
    let path = location(&server.begin("price", &price_fit()).await);
    server.fits.until_running(true).await;
    let cancelled = server.post(&format!("{path}/cancel")).await;
    assert_eq!((cancelled.status, &cancelled.json()["status"]), (200, &json!("cancelled")));
    assert_eq!(cancelled.json()["problem"], json!(null));
    server.fits.until_running(false).await;
    assert_eq!(server.get("/api/v1/projects/price").await.status, 404);
    assert_eq!(server.post(&format!("{path}/cancel")).await.json(), cancelled.json(), "twice is no error");
    server.fits.slow_tasks(Duration::ZERO);
    server.fit_price().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_fits_are_refused_before_their_bodies_are_read() {
    let server = TestServer::start().await;
    // Jobs that the pool does not begin: the queue's places stay taken.
    server.fits.delay(Duration::from_secs(3));
    let mut paths = Vec::new();
    for index in 0..16 {
        paths.push(location(&server.begin(&format!("p{index}"), &label_fit()).await));
    }
    for prefer in ["respond-async", "wait=1"] {
        let mut stream = server.connect().await;
        // A client that asks before it sends its body.
        let head = format!(
            "POST /api/v1/projects/q/fit HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nPrefer: {prefer}\r\n\
             Expect: 100-continue\r\nContent-Length: 1000000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let reply = tokio::time::timeout(Duration::from_secs(2), read_reply(&mut stream)).await.expect("an answer");
        assert_eq!((reply.status, &reply.json()["code"]), (503, &json!("fit_queue_full")));
        assert_eq!(reply.header("retry-after"), Some("10"));
    }
    let cancelled = server.post(&format!("{}/cancel", paths[7])).await;
    assert_eq!(cancelled.json()["status"], "cancelled");
    location(&server.begin("q", &label_fit()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_goes_on_without_its_client() {
    let server = TestServer::start().await;
    server.fits.delay(Duration::from_millis(300));
    let mut stream = server.connect().await;
    let headers = [("Prefer", "respond-async")];
    let fit = request("POST", "/api/v1/projects/p/fit", &headers, label_fit().to_string().as_bytes());
    stream.write_all(&fit).await.unwrap();
    server.fits.until_running(true).await;
    drop(stream);
    server.fits.until_running(false).await;
    let operation = &server.get("/api/v1/operations").await.json()["operations"][0];
    let ended = server.ended(&format!("/api/v1/operations/{}", operation["id"].as_str().unwrap())).await;
    assert_eq!(ended["status"], "succeeded");
    assert_eq!(server.get("/api/v1/projects/p").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_operations_and_parameters_are_refused() {
    let server = TestServer::start().await;
    let path = location(&server.begin("p", &label_fit()).await);
    let unknown = ["0".repeat(32), "1".to_owned(), "x".repeat(32), path.rsplit('/').next().unwrap().to_uppercase()];
    for id in unknown {
        for reply in [
            server.get(&format!("/api/v1/operations/{id}")).await,
            server.get(&format!("/api/v1/operations/{id}/events")).await,
            server.post(&format!("/api/v1/operations/{id}/cancel")).await,
        ] {
            assert_eq!((reply.status, &reply.json()["code"]), (404, &json!("operation_not_found")), "{id}");
        }
    }
    for path in [format!("{path}?x=1"), format!("{path}/events?x=1"), "/api/v1/operations?page_size=0".to_owned()] {
        let reply = server.get(&path).await;
        assert_eq!((reply.status, &reply.json()["code"]), (422, &json!("invalid_settings")), "{path}");
    }
    let reply = server.get(&format!("{path}/cancel")).await;
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_are_listed_page_by_page_the_latest_first() {
    let server = TestServer::start().await;
    for project in ["a", "b", "c"] {
        server.ended(&location(&server.begin(project, &label_fit()).await)).await;
    }
    let projects = |page: &Value| -> Vec<String> {
        page["operations"].as_array().unwrap().iter().map(|one| one["project"].as_str().unwrap().to_owned()).collect()
    };
    let first = server.get("/api/v1/operations?page_size=2").await.json();
    assert_eq!(projects(&first), ["c", "b"]);
    let token = first["next_page_token"].as_str().unwrap();
    let second = server.get(&format!("/api/v1/operations?page_size=2&page_token={token}")).await.json();
    assert_eq!((projects(&second), &second["next_page_token"]), (vec!["a".to_owned()], &json!(null)));
}
