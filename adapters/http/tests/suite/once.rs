//! Requests that come again under their `Idempotency-Key`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Reply, TestServer, label_fit, numbers};

const PREDICT: &str = "/api/v1/projects/score/predict";
const JSON: (&str, &str) = ("Content-Type", "application/json");

async fn send(server: &TestServer, path: &str, key: &str, body: &Value) -> Reply {
    server.send("POST", path, &[JSON, ("Idempotency-Key", key)], body.to_string().as_bytes()).await
}

fn is_replayed(reply: &Reply) -> bool {
    reply.header("idempotency-replayed") == Some("true")
}

async fn time_of(server: &TestServer) -> Value {
    server.get("/api/v1/projects/score").await.json()["time"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_is_fed_once_and_told_the_same() {
    let server = TestServer::start().await;
    server.fit_label("score").await;
    let first = send(&server, PREDICT, "a", &json!({"data": [0.5, 0.6]})).await;
    assert_eq!((first.status, is_replayed(&first)), (200, false), "{}", first.text());
    for _ in 0..2 {
        let again = send(&server, PREDICT, "a", &json!({"data": [0.5, 0.6]})).await;
        assert_eq!((again.status, is_replayed(&again)), (200, true));
        assert_eq!(again.body, first.body);
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert_ne!(again.header("x-request-id"), first.header("x-request-id"), "each request has its own");
    }
    assert_eq!(time_of(&server).await, 2);
    let other = send(&server, PREDICT, "b", &json!({"data": [0.5, 0.6]})).await;
    assert_eq!((other.status, is_replayed(&other), &other.json()["time"]), (200, false, &json!(4)));
    // The same as it is answered without a key.
    let unkeyed = server.post_json(PREDICT, &json!({"data": [0.5, 0.6]})).await;
    let (mut unkeyed, mut keyed) = (unkeyed.json(), other.json());
    for answer in [&mut unkeyed, &mut keyed] {
        assert!(answer["time"].take().is_u64() && answer["results"].take().is_array());
        answer["statistic"].take();
        answer["threshold"].take();
    }
    assert_eq!(unkeyed, keyed);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_request_under_a_key_is_refused() {
    let server = TestServer::start().await;
    server.fit_label("score").await;
    assert_eq!(send(&server, PREDICT, "a", &json!({"data": [0.5]})).await.status, 200);
    let csv = [("Content-Type", "text/csv"), ("Idempotency-Key", "a")];
    let query = format!("{PREDICT}?explain=true");
    for reused in [
        send(&server, PREDICT, "a", &json!({"data": [0.6]})).await,
        send(&server, &query, "a", &json!({"data": [0.5]})).await,
        server.send("POST", PREDICT, &csv, b"value\n0.5\n").await,
    ] {
        assert_eq!((reused.status, &reused.json()["code"]), (422, &json!("idempotency_key_reused")));
        assert!(reused.json()["detail"].as_str().unwrap().contains("a new key for each request"));
    }
    assert_eq!(time_of(&server).await, 1);
    // Elsewhere it is another key.
    server.fit_label("other").await;
    let elsewhere = send(&server, "/api/v1/projects/other/predict", "a", &json!({"data": [0.6]})).await;
    assert_eq!((elsewhere.status, is_replayed(&elsewhere)), (200, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_none_are_refused_and_what_was_refused_may_be_tried_again() {
    let server = TestServer::start().await;
    server.fit_label("score").await;
    for key in ["", "a b", "schlüssel", &"x".repeat(256)] {
        let tensors = "/v2/models/fit?detector_name=new&drift_type=label";
        for path in [PREDICT, "/v2/models/score/infer", "/api/v1/projects/new/fit", tensors] {
            let refused = send(&server, path, key, &json!({"data": [0.5]})).await;
            assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("malformed")), "{path}");
            assert!(refused.json()["detail"].as_str().unwrap().contains("`Idempotency-Key`"));
        }
    }
    let twice = [JSON, ("Idempotency-Key", "a"), ("Idempotency-Key", "b")];
    assert_eq!(server.send("POST", PREDICT, &twice, br#"{"data": [0.5]}"#).await.status, 400);
    assert_eq!(send(&server, PREDICT, "a", &json!({"data": ["no number"]})).await.status, 422);
    assert_eq!(send(&server, PREDICT, "a", &json!({"data": [0.5]})).await.json()["time"], 1, "mended");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_that_come_at_once_wait_for_the_first() {
    let server = TestServer::start().await;
    server.fit_label("score").await;
    let body = json!({"data": numbers(2_000)});
    let replies = futures_util::future::join_all((0..8).map(|_| send(&server, PREDICT, "a", &body))).await;
    assert_eq!(replies.iter().filter(|reply| !is_replayed(reply)).count(), 1);
    assert!(replies.iter().all(|reply| reply.status == 200 && reply.body == replies[0].body));
    assert_eq!(time_of(&server).await, 2_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_project_knows_its_answers() {
    let server = TestServer::start().await;
    server.fit_label("score").await;
    let body = json!({"data": [0.5]});
    let first = send(&server, PREDICT, "a", &body).await;
    server.post("/api/v1/projects/score/reset").await;
    assert_eq!(send(&server, PREDICT, "a", &body).await.body, first.body);
    assert_eq!(time_of(&server).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn multipart_bodies_are_known_again_by_their_bytes() {
    let server = TestServer::start().await;
    server.fit_label("score").await;
    let body = "--x\r\nContent-Disposition: form-data; name=\"data\"\r\nContent-Type: text/csv\r\n\r\nvalue\n0.5\n0.6\r\n--x--\r\n";
    let headers = [("Content-Type", "multipart/form-data; boundary=x"), ("Idempotency-Key", "a")];
    let first = server.send("POST", PREDICT, &headers, body.as_bytes()).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let again = server.send("POST", PREDICT, &headers, body.as_bytes()).await;
    assert!(is_replayed(&again) && again.body == first.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn inferences_are_given_again_with_their_ids_and_codings() {
    let server = TestServer::start().await;
    server.fit_label("score").await;
    let values = numbers(200);
    let body = json!({"inputs": [{"name": "x", "shape": [200, 1], "datatype": "FP64", "data": values}]}).to_string();
    for (path, coding) in
        [("infer", "identity"), ("infer", "gzip"), ("generate", "identity"), ("infer_stream", "identity")]
    {
        let path = format!("/v2/models/score/{path}");
        let key = format!("{path} {coding}").replace(' ', "-");
        let headers = [JSON, ("Idempotency-Key", &key), ("Accept-Encoding", coding)];
        let before = time_of(&server).await.as_u64().unwrap();
        let first = server.send("POST", &path, &headers, body.as_bytes()).await;
        assert_eq!((first.status, is_replayed(&first)), (200, false), "{}", first.text());
        let again = server.send("POST", &path, &headers, body.as_bytes()).await;
        assert!(is_replayed(&again) && again.body == first.body, "{path}");
        for header in ["content-type", "content-encoding", "cache-control"] {
            assert_eq!(again.header(header), first.header(header), "{path}");
        }
        assert_eq!(first.header("content-encoding").is_some(), coding == "gzip");
        // Behind each row of a stream stands the same as without a key.
        if path.ends_with("stream") {
            assert_eq!(first.text().matches("data: ").count(), 200);
        }
        assert_eq!(time_of(&server).await, before + 200);
    }
    let other = body.replacen("0.0", "0.25", 1);
    let headers = [JSON, ("Idempotency-Key", "/v2/models/score/infer-gzip")];
    let reused = server.send("POST", "/v2/models/score/infer", &headers, other.as_bytes()).await;
    assert_eq!((reused.status, &reused.json()["code"]), (422, &json!("idempotency_key_reused")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fit_that_comes_again_is_answered_as_the_first() {
    let server = TestServer::start().await;
    let path = "/api/v1/projects/score/fit";
    let first = send(&server, path, "a", &label_fit()).await;
    assert_eq!((first.status, is_replayed(&first)), (201, false), "{}", first.text());
    let again = send(&server, path, "a", &label_fit()).await;
    assert_eq!((again.status, is_replayed(&again), &again.body), (201, true, &first.body));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(send(&server, path, "b", &label_fit()).await.status, 409, "another request");
    let mut other = label_fit();
    other["overwrite"] = json!(true);
    assert_eq!(send(&server, path, "a", &other).await.json()["code"], "idempotency_key_reused");
    // What failed is tried anew.
    let refused = send(&server, "/api/v1/projects/new/fit", "a", &json!({"drift_type": "label", "data": []})).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert_eq!(send(&server, "/api/v1/projects/new/fit", "a", &label_fit()).await.status, 201);
}

fn tensors_path(project: &str) -> String {
    format!("/v2/models/fit?detector_name={project}&drift_type=label&ert=20")
}

fn tensors() -> Value {
    let data: Vec<f64> = (0..200).map(f64::from).collect();
    json!({"inputs": [{"name": "x", "shape": [200, 1], "datatype": "FP64", "data": data}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fit_of_tensors_that_comes_again_is_answered_as_the_first() {
    let server = TestServer::start().await;
    let (path, body) = (tensors_path, tensors());
    let first = send(&server, &path("score"), "a", &body).await;
    assert_eq!((first.status, is_replayed(&first)), (200, false), "{}", first.text());
    let again = send(&server, &path("score"), "a", &body).await;
    assert_eq!((again.status, is_replayed(&again), &again.body), (200, true, &first.body));
    assert_eq!(again.header("content-type"), first.header("content-type"));
    for other in [send(&server, &path("score"), "b", &body).await, server.post_json(&path("score"), &body).await] {
        assert_eq!((other.status, &other.json()["code"]), (409, &json!("project_exists")));
    }
    let other = send(&server, &(path("score") + "&n_bootstraps=500"), "a", &body).await;
    assert_eq!((other.status, &other.json()["code"]), (422, &json!("idempotency_key_reused")));
    assert_eq!(other.json()["message"], other.json()["detail"], "the predecessor's client looks there");
    // A project of its own, and what failed is tried anew.
    let refused = send(&server, &path("new"), "a", &json!({"inputs": []})).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("malformed")));
    assert_eq!(send(&server, &path("new"), "a", &body).await.status, 200);
    // What the head says of the body is held against what is taken, under a key as without one.
    let headers = [("Content-Type", "text/csv"), ("Idempotency-Key", "c")];
    let reply = server.send("POST", &path("other"), &headers, b"a").await;
    assert_eq!((reply.status, &reply.json()["code"]), (415, &json!("unsupported_media_type")));
}

#[tokio::test(flavor = "multi_thread")]
async fn fits_that_come_at_once_are_one_even_if_the_first_client_leaves() {
    let (of_data, of_tensors) = ("/api/v1/projects/score/fit".to_owned(), tensors_path("score"));
    for (path, body, status) in [(of_data, label_fit(), 201), (of_tensors, tensors(), 200)] {
        let server = TestServer::start().await;
        server.fits.delay(Duration::from_millis(500));
        tokio::select! {
            reply = send(&server, &path, "a", &body) => panic!("it is there already: {}", reply.status),
            () = server.fits.until_running(true) => {}
        }
        let replies = futures_util::future::join_all((0..4).map(|_| send(&server, &path, "a", &body))).await;
        for reply in &replies {
            assert_eq!((reply.status, is_replayed(reply), &reply.body), (status, true, &replies[0].body), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_is_asked_for_again_is_the_same() {
    let server = TestServer::start().await;
    server.fits.delay(Duration::from_millis(200));
    let headers = [JSON, ("Prefer", "respond-async"), ("Idempotency-Key", "a")];
    let body = label_fit().to_string();
    let ask = || server.send("POST", "/api/v1/projects/score/fit", &headers, body.as_bytes());
    let first = ask().await;
    assert_eq!(first.status, 202, "{}", first.text());
    let again = ask().await;
    assert_eq!((again.status, is_replayed(&again), &again.body), (202, true, &first.body));
    server.ended(first.header("location").unwrap()).await;
    assert_eq!(ask().await.body, first.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fit_in_the_background_that_came_to_nothing_is_begun_anew() {
    let server = TestServer::start().await;
    server.fits.delay(Duration::from_secs(1));
    let headers = [JSON, ("Prefer", "respond-async"), ("Idempotency-Key", "a")];
    let body = label_fit().to_string();
    let ask = || server.send("POST", "/api/v1/projects/score/fit", &headers, body.as_bytes());
    let first = ask().await;
    let path = first.header("location").unwrap();
    assert_eq!(server.post(&format!("{path}/cancel")).await.status, 200);
    assert_eq!(server.ended(path).await["status"], "cancelled");
    server.fits.delay(Duration::ZERO);
    let second = ask().await;
    assert!(second.status == 202 && !is_replayed(&second), "{}", second.text());
    assert_ne!(second.header("location"), first.header("location"));
    assert_eq!(server.ended(second.header("location").unwrap()).await["status"], "succeeded");
    assert!(is_replayed(&ask().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_that_are_asked_for_at_once_are_one() {
    let server = TestServer::start().await;
    server.fits.delay(Duration::from_millis(500));
    let headers = [JSON, ("Prefer", "respond-async"), ("Idempotency-Key", "a")];
    let body = label_fit().to_string();
    let ask = || server.send("POST", "/api/v1/projects/score/fit", &headers, body.as_bytes());
    let replies = futures_util::future::join_all((0..8).map(|_| ask())).await;
    for reply in &replies {
        assert_eq!((reply.status, &reply.body), (202, &replies[0].body), "{}", reply.text());
    }
    assert_eq!(replies.iter().filter(|reply| !is_replayed(reply)).count(), 1);
    assert!(is_replayed(&ask().await), "it is known to whoever comes later");
}
