//! A trend of thousands of records in a Postgres: page by page, in buckets, as CSV and in the terminal.

use std::collections::HashMap;
use std::process::Output;

use drifting_postgres_servers::PostgresServer;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::delivery::Delivery;
use crate::metrics::fit_and_feed;
use crate::server::{Server, drifting};

const N_ROWS: usize = 5_030;

fn run(server: &Server, arguments: &[&str]) -> Output {
    drifting().args(arguments).env("DRIFTING_URL", &server.url).output().expect("the program runs")
}

/// All pages of a question.
fn pages(server: &Server, query: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let page = server.get(&format!("/api/v1/projects/price/metrics?{query}{token}")).expect(200);
        all.extend(page["metrics"].as_array().expect("a list").iter().cloned());
        match page["next_page_token"].as_str() {
            Some(next) => token = format!("&page_token={next}"),
            None => return all,
        }
    }
}

/// The rows of a CSV by the names of their columns.
fn csv(server: &Server, query: &str) -> Vec<HashMap<String, String>> {
    let url = format!("{}/api/v1/projects/price/metrics?format=csv{query}", server.url);
    // It comes in pieces, which the client of the other tests does not read.
    let text = Runtime::new().expect("a runtime").block_on(async { reqwest::get(url).await?.text().await });
    let text = text.expect("the server answers");
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(|row| row.expect("a row")).collect()
}

fn sum(of: &[Value], name: &str) -> u64 {
    of.iter().map(|bucket| bucket[name].as_u64().expect("a count")).sum()
}

fn numbers(of: &[HashMap<String, String>], name: &str) -> Vec<f64> {
    of.iter().map(|row| row[name].parse().unwrap_or(f64::NAN)).collect()
}

fn assert_near(one: f64, other: f64) {
    assert!((one - other).abs() <= 1e-9 * other.abs(), "{one} and {other}");
}

/// A server that has recorded so many rows of a project, and its database.
fn recorded() -> (PostgresServer, tempfile::TempDir, Server) {
    let (database, directory) = (PostgresServer::start(), tempfile::tempdir().expect("a folder"));
    let server = Server::start(directory.path(), &["--database-uri", &database.uri()]);
    fit_and_feed(&server, 30);
    let rows: Vec<usize> = (0..500).map(|n| (n * 37) % 101).collect();
    for _ in 0..(N_ROWS - 30) / rows.len() {
        server.post("/api/v1/projects/price/predict", &json!({"data": rows})).expect(200);
    }
    let counts = Delivery::ended(&server);
    assert_eq!(counts.delivered, N_ROWS as u64, "{counts:?}");
    counts.assert_exact(&database);
    (database, directory, server)
}

#[test]
fn pages_buckets_and_csv_tell_the_same() {
    let (_database, _directory, server) = recorded();
    let raw = pages(&server, "page_size=700");
    let times: Vec<u64> = raw.iter().map(|metric| metric["time"].as_u64().expect("a time")).collect();
    assert!(times.into_iter().eq(1..=N_ROWS as u64), "each row once, in order");
    let n_true = |name: &str| raw.iter().filter(|metric| metric[name] == true).count() as u64;
    let statistics: Vec<f64> = raw.iter().filter_map(|metric| metric["statistic"].as_f64()).collect();
    let total = statistics.iter().sum::<f64>();
    let largest = statistics.iter().copied().fold(f64::MIN, f64::max);

    for resolution in ["1m", "1h", "366d", "1", "50", "1000"] {
        let query = format!("resolution={resolution}");
        let buckets = pages(&server, &format!("{query}&page_size=3"));
        assert!(!buckets.is_empty(), "{resolution}");
        assert_eq!((sum(&buckets, "count"), sum(&buckets, "rows")), (N_ROWS as u64, N_ROWS as u64), "{resolution}");
        assert_eq!((sum(&buckets, "drifts"), sum(&buckets, "warm_ups")), (n_true("is_drift"), n_true("warm_up")));
        assert!(buckets.iter().filter_map(|bucket| bucket["max"].as_f64()).any(|max| max == largest), "{resolution}");
        let told = csv(&server, &format!("&{query}"));
        assert_eq!(told.len(), buckets.len(), "{resolution}");
        assert_near(numbers(&told, "count").iter().sum(), N_ROWS as f64);
    }
    let all = pages(&server, "resolution=366d");
    let n_judged = statistics.len() as f64;
    assert_near(all[0]["mean"].as_f64().expect("a mean"), total / n_judged);

    let told = csv(&server, "");
    assert_eq!(told.len(), N_ROWS);
    let shown: Vec<Option<f64>> = told.iter().map(|row| row["statistic"].parse().ok()).collect();
    assert!(shown.into_iter().eq(raw.iter().map(|metric| metric["statistic"].as_f64())), "CSV tells other numbers");

    // Half of them, told by the time of one in the middle, which falls into a minute.
    let middle = raw[N_ROWS / 2]["at"].as_str().expect("a time");
    let n_from = raw.iter().filter(|metric| metric["at"].as_str() >= Some(middle)).count();
    for query in [format!("from={middle}"), format!("from={middle}&resolution=1m")] {
        let told = pages(&server, &query);
        let n = if query.contains("resolution") { sum(&told, "count") } else { told.len() as u64 };
        assert_eq!(n, n_from as u64, "{query}");
    }
    assert_eq!(sum(&pages(&server, &format!("to={middle}&resolution=1h")), "count"), (N_ROWS - n_from) as u64);
    assert!(server.stop().success());
}

#[test]
fn a_long_trend_is_drawn_and_purged_with_its_project() {
    let (database, _directory, server) = recorded();
    let drawn = run(&server, &["projects", "trend", "price"]);
    let text = String::from_utf8(drawn.stdout).expect("a text");
    assert!(drawn.status.success() && text.starts_with(&format!("price: {N_ROWS} values from ")), "{text}");
    // They come within seconds, which are those of one minute or of two.
    let head = text.lines().next().unwrap_or_default();
    assert!([", in 1 bucket", ", in 2 buckets"].iter().any(|told| head.ends_with(told)), "{text}");
    assert!(text.contains("threshold"), "{text}");
    let by_minute = run(&server, &["projects", "trend", "price", "--resolution", "1h", "--json"]);
    let listed: Value = serde_json::from_slice(&by_minute.stdout).expect("JSON");
    assert_eq!(sum(listed["metrics"].as_array().expect("a list"), "count"), N_ROWS as u64);

    let kept = "SELECT (SELECT count(*) FROM drift_record) + (SELECT count(*) FROM drift_rollup)";
    assert!(run(&server, &["projects", "delete", "price", "--purge-metrics"]).status.success());
    assert_eq!(database.query_value(kept), "0");
    server.get("/api/v1/projects/price/metrics").expect(404);
    assert_eq!(run(&server, &["projects", "trend", "price"]).status.code(), Some(1));

    // Metrics that a deletion has kept are told, and can be purged later.
    fit_and_feed(&server, 30);
    Delivery::ended(&server);
    assert!(run(&server, &["projects", "delete", "price"]).status.success());
    assert_eq!(pages(&server, "page_size=7").len(), 30);
    assert!(run(&server, &["projects", "delete", "price", "--purge-metrics"]).status.success());
    assert_eq!(database.query_value(kept), "0");
    assert!(server.stop().success());
}
