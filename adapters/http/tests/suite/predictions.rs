//! Predictions and what is kept of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{TestServer, numbers};

async fn predict(server: &TestServer, project: &str, data: Value) -> Value {
    let reply = server.post_json(&format!("/api/v1/projects/{project}/predict"), &json!({"data": data})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_rows_is_judged_alike() {
    let server = TestServer::start().await;
    server.fit_price().await;
    let forms = [
        json!({"nswprice": [0.5], "weekday": ["mon"]}),
        json!({"weekday": ["mon"], "nswprice": [0.5]}),
        json!([{"weekday": "mon", "nswprice": 0.5}]),
        json!([[0.5, "mon"]]),
    ];
    for (index, data) in forms.into_iter().enumerate() {
        let answer = predict(&server, "price", data).await;
        assert_eq!(answer["time"], index + 1);
        assert_eq!(answer["results"], json!([]));
    }
    let reply = server.post_csv("/api/v1/projects/price/predict", "weekday,nswprice\nmon,0.5\ntue,0.25\n").await;
    assert_eq!(reply.json()["time"], 6, "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_every_member_also_where_it_is_null() {
    let server = TestServer::start().await;
    server.fit_label("p").await;
    let answer = predict(&server, "p", json!([0.5])).await;
    let members: BTreeSet<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = "project drift_type detector is_drift rows rows_dropped time warm_up statistic threshold ert p_value distance features quality results";
    assert_eq!(members, expected.split(' ').collect());
    assert_eq!(
        (&answer["warm_up"], &answer["statistic"], &answer["p_value"]),
        (&json!(true), &json!(null), &json!(null))
    );
    assert_eq!(
        (&answer["detector"], &answer["drift_type"], &answer["ert"]),
        (&json!("cvm_online"), &json!("label"), &json!(20.0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_have_a_result_each_and_any_of_them_drifts() {
    let server = TestServer::start().await;
    server.fit_label("p").await;
    let mut rows = vec![50.0; 40];
    rows.extend(numbers(20));
    let answer = predict(&server, "p", json!(rows)).await;
    let results = answer["results"].as_array().unwrap();
    assert_eq!((results.len(), &answer["rows"], &answer["is_drift"]), (60, &json!(60), &json!(true)));
    assert_eq!(results[59]["time"], 60);
    assert_eq!(results[59]["statistic"], answer["statistic"]);
    let shown = server.get("/api/v1/projects/p").await.json();
    assert_eq!((&shown["rows_seen"], &shown["last_detection"]["time"]), (&json!(60), &json!(60)));
    assert!(shown["drifts_seen"].as_u64().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_ranked_by_what_they_show() {
    let server = TestServer::start().await;
    let body = json!({
        "drift_type": "tabular", "data": {"calm": numbers(60), "moved": numbers(60)},
        "detector": {"kind": "cvm_online", "ert": 20, "window_sizes": [4], "n_bootstraps": 4_000}
    });
    server.fit("p", &body).await;
    let answer = predict(&server, "p", json!({"calm": numbers(20), "moved": vec![50.0; 20]})).await;
    let names: Vec<&str> = answer["features"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["moved", "calm"]);
    assert_eq!((&answer["features"][0]["is_drift"], &answer["features"][0]["p_value"]), (&json!(true), &json!(null)));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_with_missing_values_may_be_dropped() {
    let server = TestServer::start().await;
    let body = json!({
        "drift_type": "label", "data": numbers(60), "missing_values": "drop",
        "detector": {"ert": 20, "window_sizes": [4], "n_bootstraps": 2_000}
    });
    server.fit("p", &body).await;
    let answer = predict(&server, "p", json!([0.5, null, 0.25])).await;
    assert_eq!((&answer["rows"], &answer["rows_dropped"], &answer["time"]), (&json!(2), &json!(1), &json!(2)));
    let answer = predict(&server, "p", json!([null])).await;
    assert_eq!((&answer["rows"], &answer["is_drift"], &answer["statistic"]), (&json!(0), &json!(false), &json!(null)));
}

#[tokio::test(flavor = "multi_thread")]
async fn large_numbers_and_unicode_are_rows_too() {
    let server = TestServer::start().await;
    server.fit_price().await;
    let path = "/api/v1/projects/price/predict";
    let body = r#"{"data": {"nswprice": [9007199254740993, 18446744073709551616], "weekday": ["m\u006fn", "\u00e4\ud83d\ude00"]}}"#;
    let reply = server.send("POST", path, &[], body.as_bytes()).await;
    assert_eq!((reply.status, &reply.json()["rows"]), (200, &json!(2)), "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_rows_are_fed_one_after_the_other() {
    let server = Arc::new(TestServer::start().await);
    server.fit_label("p").await;
    let requests: Vec<_> = (0..32)
        .map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { predict(&server, "p", json!([0.5])).await["time"].as_u64().unwrap() })
        })
        .collect();
    let mut times = Vec::new();
    for request in requests {
        times.push(request.await.unwrap());
    }
    times.sort_unstable();
    assert_eq!(times, (1..=32).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_paged_and_filtered_by_time() {
    let server = TestServer::start().await;
    server.fit_label("p").await;
    predict(&server, "p", json!(numbers(5))).await;
    let path = "/api/v1/projects/p/metrics";
    let all = server.get(path).await.json();
    assert_eq!((all["metrics"].as_array().unwrap().len(), &all["next_page_token"]), (5, &json!(null)));
    let metric = &all["metrics"][0];
    assert_eq!(metric["at"], "2023-11-14T22:13:20Z");
    assert_eq!((&metric["warm_up"], &metric["statistic"], &metric["rows"]), (&json!(true), &json!(null), &json!(1)));

    let mut times = Vec::new();
    let mut token = String::new();
    loop {
        let page = server.get(&format!("{path}?page_size=2{token}")).await.json();
        times.extend(page["metrics"].as_array().unwrap().iter().map(|metric| metric["time"].as_u64().unwrap()));
        let Some(next) = page["next_page_token"].as_str() else { break };
        token = format!("&page_token={next}");
    }
    assert_eq!(times, [1, 2, 3, 4, 5]);

    for (query, n) in [
        ("from=2023-11-14T22:13:20Z", 5),
        ("to=2023-11-14T22:13:20Z", 0),
        ("from=2023-11-14T23:13:20%2B01:00&to=2023-11-14T22:13:21Z", 5),
        ("from=2023-11-14T23:13:20+01:00", 5),
        ("from=2023-11-14T22:13:21Z", 0),
    ] {
        let page = server.get(&format!("{path}?{query}")).await.json();
        assert_eq!(page["metrics"].as_array().unwrap().len(), n, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_summed_up_in_buckets() {
    let server = TestServer::start().await;
    server.fit_label("p").await;
    predict(&server, "p", json!(numbers(50))).await;
    let path = "/api/v1/projects/p/metrics";
    let all = server.get(&format!("{path}?page_size=1000")).await.json();
    let all = all["metrics"].as_array().unwrap();
    let statistics: Vec<f64> = all.iter().filter_map(|metric| metric["statistic"].as_f64()).collect();
    // The time stands still: every record is in one bucket.
    for (resolution, at, until) in [
        ("1m", "2023-11-14T22:13:00Z", "2023-11-14T22:14:00Z"),
        ("1d", "2023-11-14T00:00:00Z", "2023-11-15T00:00:00Z"),
        ("1", "2023-11-14T22:13:20Z", "2023-11-14T22:13:21Z"),
        ("1000", "2023-11-14T22:13:20Z", "2023-11-14T22:13:21Z"),
    ] {
        let page = server.get(&format!("{path}?resolution={resolution}")).await.json();
        assert_eq!(page["next_page_token"], json!(null));
        let [bucket] = page["metrics"].as_array().unwrap().as_slice() else { panic!("{page}") };
        assert_eq!((&bucket["at"], &bucket["until"]), (&json!(at), &json!(until)));
        assert_eq!((&bucket["count"], &bucket["rows"]), (&json!(50), &json!(50)));
        let drifts = all.iter().filter(|metric| metric["is_drift"] == true).count();
        let warm_ups = all.iter().filter(|metric| metric["warm_up"] == true).count();
        assert_eq!((&bucket["drifts"], &bucket["warm_ups"]), (&json!(drifts), &json!(warm_ups)));
        assert_eq!(bucket["min"].as_f64(), statistics.iter().copied().reduce(f64::min));
        assert_eq!(bucket["max"].as_f64(), statistics.iter().copied().reduce(f64::max));
        let mean = statistics.iter().sum::<f64>() / statistics.len() as f64;
        assert!((bucket["mean"].as_f64().unwrap() - mean).abs() < 1e-12);
        assert_eq!((&bucket["p_value"], &bucket["distance"]), (&json!(null), &json!(null)));
    }
    let none = server.get(&format!("{path}?resolution=1h&to=2023-11-14T22:13:20Z")).await.json();
    assert_eq!(none, json!({"metrics": [], "next_page_token": null}));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_come_as_csv_in_one_piece() {
    let server = TestServer::start().await;
    server.fit_label("p").await;
    predict(&server, "p", json!(numbers(3_000))).await;
    let path = "/api/v1/projects/p/metrics?format=csv";
    let reply = server.get(path).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    let text = reply.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "at,generation,time,rows,statistic,threshold,p_value,distance,is_drift,warm_up");
    assert_eq!(lines[1], "2023-11-14T22:13:20Z,1,1,1,,,,,false,true");
    assert_eq!(lines.len(), 3_001);
    assert!(lines[3_000].starts_with("2023-11-14T22:13:20Z,1,3000,1,"), "{}", lines[3_000]);
    let buckets = server.get(&format!("{path}&resolution=1h")).await.text();
    let lines: Vec<&str> = buckets.lines().collect();
    assert!(
        lines[0].starts_with("at,until,count,rows,drifts,warm_ups,min,mean,max,threshold,p_value_min,"),
        "{buckets}"
    );
    assert!(
        lines.len() == 2 && lines[1].starts_with("2023-11-14T22:00:00Z,2023-11-14T23:00:00Z,3000,3000,"),
        "{buckets}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_stay_when_a_project_is_deleted_until_they_are_purged() {
    let server = TestServer::start().await;
    server.fit_label("p").await;
    predict(&server, "p", json!(numbers(5))).await;
    let (path, project) = ("/api/v1/projects/p/metrics", "/api/v1/projects/p");
    let count = async |query: &str| {
        let page = server.get(&format!("{path}{query}")).await.json();
        page["metrics"].as_array().map(Vec::len)
    };
    assert_eq!(server.send("DELETE", project, &[], b"").await.status, 204);
    assert_eq!(count("").await, Some(5), "they are told though the project is gone");
    server.fit_label("p").await;
    predict(&server, "p", json!(numbers(2))).await;
    assert_eq!(count("?from=2000-01-01T00:00:00Z").await, Some(7), "all of the name");
    assert_eq!(server.send("DELETE", &format!("{project}?purge_metrics=perhaps"), &[], b"").await.status, 422);
    assert_eq!(server.send("DELETE", &format!("{project}?purge_metrics=true"), &[], b"").await.status, 204);
    assert_eq!(server.get(path).await.status, 404);
    assert_eq!(server.send("DELETE", &format!("{project}?purge_metrics=true"), &[], b"").await.status, 404);
}
