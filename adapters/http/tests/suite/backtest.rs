//! Backtests, through the interface.

use std::time::Duration;

use drifting_http::HttpSettings;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::support::{NDJSON, TestServer, numbers, read_reply};

const BACKTEST: &str = "/api/v1/backtest";

/// Values that are larger from row 300 on.
fn history() -> Vec<f64> {
    numbers(500).iter().enumerate().map(|(row, value)| if row < 300 { *value } else { value + 2.0 }).collect()
}

fn body() -> Value {
    json!({
        "drift_type": "label", "data": history(), "reference": 100, "changes": [300], "margin": 80,
        "candidates": [
            {"kind": "ks", "window": {"size": 40}},
            {"kind": "cvm_online", "ert": 200, "window_size": 20, "n_bootstraps": 1000},
            {"kind": "fet_online"}
        ]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_replayed_through_each_candidate() {
    let server = TestServer::start().await;
    let reply = server.post_json(BACKTEST, &body()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let report = reply.json();
    assert_eq!(
        (&report["rows"], &report["reference_rows"], &report["replayed_rows"]),
        (&500.into(), &100.into(), &400.into())
    );
    assert_eq!((&report["changes"], &report["margin"]), (&json!([300]), &json!(80)));
    let [ks, cvm, fet] = &report["candidates"].as_array().unwrap()[..] else { panic!("three candidates") };
    assert_eq!((&ks["kind"], &ks["window"], &ks["problem"]), (&json!("ks"), &json!(40), &Value::Null));
    let told = &ks["replayed"];
    assert_eq!((&told["n_missed"], &told["changes"][0]["change"]), (&json!(0), &json!(300)));
    // The window from row 300 to 339 is the first that is changed.
    assert_eq!((&told["changes"][0]["alarm"], &told["mean_delay"]), (&json!(339), &json!(39.0)));
    assert_eq!(told["false_alarms"]["source"], "before_first_change");
    assert_eq!((&told["detector"]["window"]["size"], &told["detector"]["after_alarm"]), (&json!(40), &json!("reset")));
    assert_eq!(
        (&cvm["kind"], &cvm["window"], &cvm["replayed"]["n_missed"]),
        (&json!("cvm_online"), &Value::Null, &json!(0))
    );
    assert!(fet["problem"].as_str().unwrap().contains("two classes"), "{fet}");
    assert_eq!(fet["replayed"], Value::Null);
    assert!(report["suggestion"]["candidate"].is_u64() && report["suggestion"]["reason"].is_string());
    // Nothing is stored.
    assert_eq!(server.get("/api/v1/projects").await.json()["projects"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_formats_have_their_settings_in_the_query() {
    let server = TestServer::start().await;
    let query = "drift_type=label&reference=0.2&changes=300&margin=80&kinds=ks,cvm&windows=40,60&seed=1";
    let csv = history().iter().map(|value| format!("{value}\n")).collect::<Vec<_>>().concat();
    let of_csv = server.post_csv(&format!("{BACKTEST}?{query}"), &format!("price\n{csv}")).await;
    assert_eq!(of_csv.status, 200, "{}", of_csv.text());
    let headers = [("Content-Type", NDJSON)];
    let of_lines = server.send("POST", &format!("{BACKTEST}?{query}"), &headers, csv.as_bytes()).await;
    assert_eq!(of_lines.status, 200, "{}", of_lines.text());
    for report in [of_csv.json(), of_lines.json()] {
        assert_eq!(report["reference_rows"], 100);
        let candidates = report["candidates"].as_array().unwrap();
        let tried: Vec<(&str, u64)> = candidates
            .iter()
            .map(|candidate| (candidate["kind"].as_str().unwrap(), candidate["window"].as_u64().unwrap()))
            .collect();
        assert_eq!(tried, [("ks", 40), ("ks", 60), ("cvm", 40), ("cvm", 60)]);
    }
    let unchanged = format!("{BACKTEST}?drift_type=label&kinds=ks&windows=40&changes=none");
    let report = server.post_csv(&unchanged, &format!("price\n{csv}")).await.json();
    assert_eq!(report["changes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_at_fault_is_told_by_its_place() {
    let server = TestServer::start().await;
    let with = |member: &str, value: Value| {
        let mut body = body();
        body[member] = value;
        body
    };
    for (body, code, pointer) in [
        (with("candidates", json!([{}, {"kind": "kss"}])), "invalid_settings", "/candidates/1/kind"),
        (with("candidates", json!([{"window": {"size": -1}}])), "invalid_settings", "/candidates/0/window/size"),
        (with("candidates", json!(vec![json!({}); 33])), "invalid_settings", "/candidates"),
        (with("reference", json!(500)), "invalid_settings", "/reference"),
        (with("changes", json!([50])), "invalid_settings", "/changes"),
        (with("changes", json!([400, 300])), "invalid_settings", "/changes"),
        (with("margin", json!(0)), "invalid_settings", "/margin"),
        (with("ert", json!(1)), "invalid_settings", "/ert"),
        (with("windows", json!([2.5])), "invalid_settings", "/windows"),
        (with("sequence", json!({"difference": 1})), "invalid_settings", "/sequence/difference"),
        (with("sequence", json!({"season": {"perod": 1}})), "invalid_settings", "/sequence/season/perod"),
        (with("drift_type", json!("image")), "invalid_data", "/data/0"),
        (with("project", json!("price")), "invalid_settings", "/project"),
        (with("data", json!([1, "x"])), "invalid_data", "/data/1"),
    ] {
        let reply = server.post_json(BACKTEST, &body).await;
        let problem = reply.json();
        let told = (reply.status, problem["code"].as_str(), problem["errors"][0]["pointer"].as_str());
        assert_eq!(told, (422, Some(code), Some(pointer)), "{problem}");
    }
    for (query, pointer) in [
        ("kinds=ks", "/drift_type"),
        ("drift_type=label&kinds=ks,kss", "/kinds"),
        ("drift_type=label&window=40", "/window"),
        ("drift_type=label&margin=5&margin=6", "/margin"),
        ("drift_type=label&reference=2", "/reference"),
    ] {
        let reply = server.post_csv(&format!("{BACKTEST}?{query}"), "price\n1\n2\n").await;
        assert_eq!((reply.status, &reply.json()["errors"][0]["pointer"]), (422, &json!(pointer)), "{}", reply.text());
    }
    let beside = server.post_json(&format!("{BACKTEST}?seed=1"), &body()).await;
    assert_eq!((beside.status, &beside.json()["errors"][0]["pointer"]), (422, &json!("/seed")));
    let form = [("Content-Type", "multipart/form-data; boundary=x")];
    assert_eq!(server.send("POST", BACKTEST, &form, b"--x--").await.status, 415);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_be_as_large_as_that_of_a_fit() {
    let settings = HttpSettings { max_body_bytes: 1_000, fit_max_body_bytes: 40_000, ..HttpSettings::default() };
    let server = TestServer::with(settings).await;
    assert!(body().to_string().len() > 1_000);
    assert_eq!(server.post_json(BACKTEST, &body()).await.status, 200);
    let reply = server.post_csv(&format!("{BACKTEST}?drift_type=label"), &"1\n".repeat(25_000)).await;
    assert_eq!((reply.status, &reply.json()["code"]), (413, &json!("body_too_large")));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_when_the_client_leaves() {
    let server = TestServer::start().await;
    server.fits.slow_tasks(Duration::from_millis(20));
    let body = body().to_string();
    let head = format!("POST {BACKTEST} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    let mut stream = server.connect().await;
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.unwrap();
    server.fits.until_running(true).await;
    drop(stream);
    server.fits.until_running(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_are_refused_as_fits_are_before_their_bodies_are_read() {
    let server = TestServer::start().await;
    // Jobs that the pool does not begin: the queue's places stay taken.
    server.fits.delay(Duration::from_secs(3));
    for index in 0..16 {
        server.begin(&format!("p{index}"), &crate::support::label_fit()).await;
    }
    let mut stream = server.connect().await;
    let head = format!(
        "POST {BACKTEST} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let reply = tokio::time::timeout(Duration::from_secs(2), read_reply(&mut stream)).await.expect("an answer");
    assert_eq!((reply.status, &reply.json()["code"]), (503, &json!("fit_queue_full")));
}
