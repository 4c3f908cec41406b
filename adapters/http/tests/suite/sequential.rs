//! Series over HTTP: what tells a season, what is shown, and what is refused where.

use std::ops::Range;

use chrono::{DateTime, Duration};
use serde_json::{Value, json};

use crate::support::{CSV, NDJSON, Reply, TestServer};

const DAY: usize = 24;
const WEEK: usize = 7 * DAY;
const REFERENCE: usize = 12 * WEEK;

/// The hours from a Monday on, as texts.
fn times(hours: Range<usize>) -> Vec<String> {
    let monday = DateTime::parse_from_rfc3339("2024-01-01T00:00:00+01:00").unwrap();
    hours.map(|hour| (monday + Duration::hours(hour.try_into().unwrap())).to_rfc3339()).collect()
}

/// Orders in an hour: some 10 on weekdays, some 2 at weekends.
fn orders(hour: usize) -> f64 {
    let level = if hour / DAY % 7 < 5 { 10.0 } else { 2.0 };
    let places = [0.61, 0.12, 0.87, 0.33, 0.95, 0.48, 0.05, 0.74, 0.26, 0.55, 0.69];
    level + places[hour * hour % 11] + places[hour % 7]
}

/// The names of the days of hours.
fn days(hours: Range<usize>) -> Vec<&'static str> {
    let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    hours.map(|hour| names[hour / DAY % 7]).collect()
}

fn rows(hours: Range<usize>, of: impl Fn(usize) -> f64) -> Value {
    json!({"at": times(hours.clone()), "orders": hours.map(of).collect::<Vec<f64>>()})
}

fn by_the_week() -> Value {
    json!({"season": {"timestamp": "at", "by": ["day_of_week", "hour_of_day"]}})
}

fn body(sequence: &Value) -> Value {
    json!({
        "drift_type": "sequential",
        "data": rows(0..REFERENCE, orders),
        "detector": {"ert": 2_000},
        "sequence": sequence,
        "overwrite": true,
    })
}

fn csv_of(columns: &Value) -> String {
    let columns = columns.as_object().unwrap();
    let names: Vec<&str> = columns.keys().map(String::as_str).collect();
    let n_rows = columns.values().next().and_then(Value::as_array).map_or(0, Vec::len);
    let line = |row: usize| {
        let cells = columns.values().map(|values| values[row].to_string().trim_matches('"').to_owned());
        cells.collect::<Vec<_>>().join(",") + "\n"
    };
    names.join(",") + "\n" + &(0..n_rows).map(line).collect::<String>()
}

async fn predict(server: &TestServer, name: &str, data: Value) -> Value {
    let reply = server.post_json(&format!("/api/v1/projects/{name}/predict"), &json!({"data": data})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// An answer without what differs between two fits of the same.
fn alike(mut answer: Value) -> Value {
    answer["project"] = Value::Null;
    answer["generation"] = Value::Null;
    answer
}

fn told(reply: &Reply) -> (u16, Value, Value) {
    let problem = reply.json();
    (reply.status, problem["code"].clone(), problem["errors"][0]["pointer"].clone())
}

fn refused(code: &str, pointer: &str) -> (u16, Value, Value) {
    (422, json!(code), json!(pointer))
}

#[tokio::test(flavor = "multi_thread")]
async fn weekends_are_usual_and_a_week_that_is_quiet_as_one_is_not() {
    let server = TestServer::start().await;
    let fitted = server.fit("orders", &body(&by_the_week())).await;
    assert_eq!((&fitted["drift_type"], &fitted["detector"]["kind"]), (&json!("sequential"), &json!("adwin")));
    assert_eq!(fitted["reference_rows"], REFERENCE);
    let columns = json!([
        {"name": "at", "type": "timestamp", "categories": null},
        {"name": "orders", "type": "numeric", "categories": null},
    ]);
    assert_eq!(fitted["schema"]["columns"], columns);
    let sequence = &fitted["sequence"];
    assert_eq!((&sequence["difference"], &sequence["season"]), (&json!(null), &by_the_week()["season"]));
    let calibration = &sequence["calibration"];
    assert_eq!((&calibration["ert"], calibration["orders"].as_array().map(Vec::len)), (&json!(2_000.0), Some(1)));
    assert!(calibration["block_length"].as_f64().is_some_and(|rows| rows >= 1.0), "{calibration}");
    assert_eq!(server.get("/api/v1/projects/orders").await.json()["sequence"], *sequence);

    let usual = predict(&server, "orders", rows(REFERENCE..REFERENCE + WEEK, orders)).await;
    assert_eq!((&usual["is_drift"], &usual["rows"], &usual["ert"]), (&json!(false), &json!(WEEK), &json!(2_000.0)));
    // Times beyond those of the reference are no finding.
    assert_eq!(usual["quality"], json!([]));
    // The next week, of which each day is as a Sunday is.
    let quiet = rows(REFERENCE + WEEK..REFERENCE + 2 * WEEK, |hour| orders(6 * DAY + hour % DAY));
    let drifted = predict(&server, "orders", quiet).await;
    assert_eq!(drifted["is_drift"], true);
    let names: Vec<&Value> = drifted["features"].as_array().unwrap().iter().map(|feature| &feature["name"]).collect();
    assert!(names.iter().all(|name| *name == "orders"), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_the_same_wherever_they_stand() {
    let server = TestServer::start().await;
    let fitted = alike(server.fit("json", &body(&by_the_week())).await);
    let data = rows(0..REFERENCE, orders);
    let ndjson: String = (0..REFERENCE)
        .map(|row| json!({"at": data["at"][row], "orders": data["orders"][row]}).to_string() + "\n")
        .collect();
    let query =
        "drift_type=sequential&ert=2000&sequence.season.timestamp=at&sequence.season.by=day_of_week,hour_of_day";
    for (name, media_type, data) in [("csv", CSV, csv_of(&data)), ("ndjson", NDJSON, ndjson)] {
        let path = format!("/api/v1/projects/{name}/fit?{query}");
        let reply = server.send("POST", &path, &[("Content-Type", media_type)], data.as_bytes()).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        assert_eq!(alike(reply.json()), fitted, "{name}");
    }
    let orders: Vec<f64> = (0..2 * WEEK).map(orders).collect();
    let by_day = json!({"day": days(0..2 * WEEK), "orders": orders});
    for (sequence, data, query) in [
        (json!({"difference": 24}), json!({"orders": orders}), "sequence.difference=24"),
        (
            json!({"difference": 1, "season": {"period": 168}}),
            json!({"orders": orders}),
            "sequence.difference=1&sequence.season.period=168",
        ),
        (json!({"season": {"column": "day"}}), by_day, "sequence.season.column=day"),
    ] {
        let csv = csv_of(&data);
        let request = json!({
            "drift_type": "sequential", "data": data, "sequence": sequence, "detector": {"ert": 100}, "overwrite": true
        });
        let of_json = server.fit("of-json", &request).await;
        let path = format!("/api/v1/projects/of-query/fit?drift_type=sequential&ert=100&overwrite=true&{query}");
        let reply = server.post_csv(&path, &csv).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        for (member, value) in sequence.as_object().unwrap() {
            assert_eq!(&of_json["sequence"][member], value);
        }
        assert_eq!(alike(reply.json()), alike(of_json), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_go_with_a_series_is_refused_where_it_stands() {
    let server = TestServer::start().await;
    for (more, pointer) in [
        (json!({"sequence": 5}), "/sequence"),
        (json!({"sequence": {"diference": 1}}), "/sequence/diference"),
        (json!({"sequence": {"season": "weekly"}}), "/sequence/season"),
        (json!({"sequence": {"season": {"timestamp": "at"}}}), "/sequence/season"),
        (json!({"sequence": {"season": {"timestamp": "at", "by": []}}}), "/sequence/season/by"),
        (json!({"sequence": {"season": {"timestamp": "at", "by": ["month"]}}}), "/sequence/season/by"),
        (json!({"sequence": {"season": {"timestamp": "at", "period": 7, "by": ["hour_of_day"]}}}), "/sequence/season"),
        (json!({"detector": {"kind": "ks"}}), "/detector/kind"),
        (json!({"detector": {"ert": 1e6}}), "/detector/ert"),
        (json!({"detector": {"ert": 100, "delta": 0.1}}), "/detector/ert"),
        (json!({"report_run_length": true}), "/report_run_length"),
    ] {
        let mut body = body(&by_the_week());
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reply = server.post_json("/api/v1/projects/new/fit", &body).await;
        assert_eq!(told(&reply), refused("invalid_settings", pointer), "{more}: {}", reply.text());
    }
    let orders: Vec<f64> = (0..WEEK).map(orders).collect();
    for (drift_type, sequence, pointer) in [
        ("sequential", json!({"difference": 0}), "/sequence/difference"),
        ("sequential", json!({"difference": 85}), "/sequence/difference"),
        ("sequential", json!({"season": {"period": 1}}), "/sequence/season/period"),
        ("sequential", json!({"season": {"column": "day"}}), "/sequence/season"),
        ("sequential", json!({"block_length": 0.5}), "/sequence/block_length"),
        ("tabular", json!({"season": {"period": 24}}), "/sequence/season"),
        ("label", json!({"block_length": 2}), "/sequence/block_length"),
    ] {
        let request = json!({"drift_type": drift_type, "data": {"orders": orders}, "sequence": sequence});
        let reply = server.post_json("/api/v1/projects/new/fit", &request).await;
        assert_eq!(told(&reply), refused("invalid_settings", pointer), "{sequence}: {}", reply.text());
    }
    let csv = csv_of(&json!({"orders": orders}));
    for (query, pointer) in [
        ("sequence.difference=0", "/sequence.difference"),
        ("sequence.season.period=1", "/sequence.season.period"),
        ("sequence.season=weekly", "/sequence.season"),
        ("sequence.season.by=hour_of_day", "/sequence.season.by"),
        ("sequence.season.column=x&sequence.season.period=7", "/sequence.season"),
        ("sequence.season.column=x", "/sequence.season"),
    ] {
        let reply = server.post_csv(&format!("/api/v1/projects/new/fit?drift_type=sequential&{query}"), &csv).await;
        assert_eq!(told(&reply), refused("invalid_settings", pointer), "{query}: {}", reply.text());
    }
    // A column of times that holds none.
    let mut of_texts = body(&by_the_week());
    of_texts["data"]["at"][3] = json!("yesterday");
    let reply = server.post_json("/api/v1/projects/new/fit", &of_texts).await;
    assert_eq!(told(&reply), refused("invalid_data", "/data/at/3"), "{}", reply.text());
    assert_eq!(server.get("/api/v1/projects/new").await.status, 404);
    // Rows to come are held against the reference, too.
    server.fit("orders", &body(&by_the_week())).await;
    let row = json!({"data": {"at": ["at noon"], "orders": [5]}});
    let reply = server.post_json("/api/v1/projects/orders/predict", &row).await;
    assert_eq!(told(&reply), refused("invalid_data", "/data/at/0"), "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_null_takes_its_default() {
    let server = TestServer::start().await;
    let data: Vec<f64> = (0..WEEK).map(orders).collect();
    for nulls in [
        json!({}),
        json!({"sequence": null, "detector": null, "preprocessing": null}),
        json!({"sequence": {"difference": null, "season": null, "block_length": null}}),
        json!({"sequence": {"season": {"column": null, "period": null, "timestamp": null, "by": null}}}),
    ] {
        let mut body = json!({"drift_type": "sequential", "data": data, "overwrite": true});
        body.as_object_mut().unwrap().extend(nulls.as_object().unwrap().clone());
        let fitted = server.fit("p", &body).await;
        let sequence = &fitted["sequence"];
        assert_eq!((&sequence["difference"], &sequence["season"]), (&json!(null), &json!(null)), "{nulls}");
        assert_eq!(sequence["calibration"]["ert"], 400.0, "{nulls}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensitivity_that_was_given_is_kept_and_said() {
    let server = TestServer::start().await;
    let data: Vec<f64> = (0..WEEK).map(orders).collect();
    let body = json!({"drift_type": "sequential", "data": data, "detector": {"delta": 0.01}});
    let fitted = server.fit("p", &body).await;
    assert_eq!((&fitted["detector"]["delta"], &fitted["sequence"]["calibration"]), (&json!(0.01), &json!(null)));
    let warnings: Vec<&str> = fitted["warnings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(warnings.iter().any(|warning| warning.starts_with("`adwin` was not calibrated")), "{warnings:?}");
    assert_eq!(predict(&server, "p", json!([5.0])).await["ert"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_of_series_are_replayed_as_they_would_be_served() {
    let server = TestServer::start().await;
    let change = REFERENCE + 2 * WEEK;
    let drifted = |hour: usize| if hour < change { orders(hour) } else { orders(hour) + 6.0 };
    let body = json!({
        "drift_type": "sequential",
        "data": rows(0..change + WEEK, drifted),
        "reference": REFERENCE,
        "changes": [change],
        "margin": WEEK,
        "ert": 500,
        "candidates": [{}, {"kind": "page_hinkley"}, {"kind": "ks"}],
        "sequence": by_the_week(),
    });
    let reply = server.post_json("/api/v1/backtest", &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let report = reply.json();
    // Of the first candidate nothing was named, so it is calibrated for the usual run time.
    for (index, wanted) in [(0, 2.5), (1, 2.0)] {
        let candidate = &report["candidates"][index];
        assert_eq!(candidate["replayed"]["n_missed"], 0, "{candidate}");
        assert_eq!(candidate["replayed"]["false_alarms"]["wanted_per_1000_rows"], wanted, "{candidate}");
    }
    let problem = report["candidates"][2]["problem"].as_str().unwrap();
    assert!(problem.contains("`ks` judges windows of independent rows"), "{problem}");

    let csv = csv_of(&json!({"orders": (0..2 * WEEK).map(drifted).collect::<Vec<f64>>()}));
    let replay = async |period: usize| {
        let settings = format!("kinds=adwin,page_hinkley&sequence.season.period={period}&changes=none&reference=250");
        let reply = server.post_csv(&format!("/api/v1/backtest?drift_type=sequential&{settings}"), &csv).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["candidates"].as_array().unwrap().clone()
    };
    let problems = replay(WEEK).await;
    let problem = problems[0]["problem"].as_str().unwrap();
    assert!(problem.contains("expected a period of 2 to 125 rows"), "{problem}");
    assert!(replay(DAY).await.iter().all(|candidate| candidate["problem"].is_null()));
}
