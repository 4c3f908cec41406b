//! Checks of quality through the interface: their settings, and what they find beside the verdict.

use serde_json::{Value, json};

use crate::support::{TestServer, numbers};

const CHECKS: [&str; 5] = ["new_category", "type_change", "missing_burst", "out_of_range", "constant_column"];

/// What an answer shows of checks: all on but some.
fn shown(significance: f64, off: &[&str]) -> Value {
    let checks = CHECKS.iter().map(|check| ((*check).to_owned(), json!(!off.contains(check))));
    let significance = std::iter::once(("significance".to_owned(), json!(significance)));
    Value::Object(significance.chain(checks).collect())
}

/// Rows of two shops.
fn rows(n: usize) -> Value {
    let shops: Vec<&str> = (0..n).map(|row| if row % 3 == 0 { "north" } else { "south" }).collect();
    json!({"price": numbers(n), "shop": shops})
}

fn table(quality: &Value) -> Value {
    let detector = json!({"kind": "tabular"});
    json!({
        "drift_type": "tabular", "detector": detector, "missing_values": "impute", "quality": quality, "data": rows(300),
        "overwrite": true
    })
}

async fn predict(server: &TestServer, name: &str, body: &Value) -> Value {
    let reply = server.post_json(&format!("/api/v1/projects/{name}/predict"), body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_taken_wherever_they_stand_and_shown() {
    let server = TestServer::start().await;
    for (quality, expected) in [
        (Value::Null, shown(0.001, &[])),
        (json!(true), shown(0.001, &[])),
        (json!({}), shown(0.001, &[])),
        (json!(false), Value::Null),
        (json!({"significance": 0.5, "new_category": false}), shown(0.5, &["new_category"])),
        (
            json!(CHECKS.map(|check| (check, false)).into_iter().collect::<std::collections::BTreeMap<_, _>>()),
            Value::Null,
        ),
    ] {
        let project = server.fit("table", &table(&quality)).await;
        assert_eq!(project["quality"], expected, "{quality}");
        // What is shown can be sent, and gives the same.
        if !expected.is_null() {
            assert_eq!(server.fit("table", &table(&project["quality"])).await["quality"], expected);
        }
        assert_eq!(server.get("/api/v1/projects/table").await.json()["quality"], expected);
    }
    for (query, expected) in [
        ("", shown(0.001, &[])),
        ("&quality=true", shown(0.001, &[])),
        ("&quality=false", Value::Null),
        ("&quality.significance=0.01&quality.out_of_range=false", shown(0.01, &["out_of_range"])),
        (
            "&quality=false&quality.out_of_range=true",
            shown(0.001, &["new_category", "type_change", "missing_burst", "constant_column"]),
        ),
    ] {
        let path = format!("/api/v1/projects/table/fit?drift_type=label&kind=ks&overwrite=true{query}");
        let reply = server.post_csv(&path, "a\n1\n2\n3\n4\n5\n").await;
        assert_eq!((reply.status, &reply.json()["quality"]), (201, &expected), "{query} {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_are_none_are_refused_where_they_stand() {
    let server = TestServer::start().await;
    for (quality, pointer, part) in [
        (json!("no"), "/quality", "`true`, `false` or an object"),
        (json!({"significance": 0}), "/quality/significance", "above 0, up to 0.5, 0 came"),
        (json!({"significance": 0.6}), "/quality/significance", "above 0, up to 0.5, 0.6 came"),
        (json!({"significance": "low"}), "/quality/significance", "expected a number"),
        (json!({"new_category": "no"}), "/quality/new_category", "`true` or `false`"),
        (json!({"new_categories": false}), "/quality/new_categories", "did you mean `new_category`?"),
    ] {
        let reply = server.post_json("/api/v1/projects/table/fit", &table(&quality)).await;
        let problem = reply.json();
        assert_eq!((reply.status, &problem["code"]), (422, &json!("invalid_settings")), "{problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        assert!(problem["errors"][0]["detail"].as_str().unwrap().contains(part), "{problem}");
    }
    for (query, pointer) in [
        ("quality=no", "/quality"),
        ("quality.significance=2", "/quality.significance"),
        ("quality.all=false", "/quality/all"),
        ("quality=true&quality=false", "/quality"),
    ] {
        let path = format!("/api/v1/projects/table/fit?drift_type=label&kind=ks&{query}");
        let reply = server.post_csv(&path, "a\n1\n2\n3\n4\n5\n").await;
        assert_eq!((reply.status, &reply.json()["errors"][0]["pointer"]), (422, &json!(pointer)), "{}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_in_a_window_stands_beside_the_verdict() {
    let server = TestServer::start().await;
    server.fit("checked", &table(&json!(true))).await;
    server.fit("free", &table(&json!(false))).await;
    let usual = json!({"data": rows(60)});
    let answer = predict(&server, "checked", &usual).await;
    assert_eq!(answer["quality"], json!([]));
    let mut odd = rows(60);
    for row in 0..30 {
        odd["price"][row] = Value::Null;
        odd["shop"][row * 2] = json!("west");
    }
    let answer = predict(&server, "checked", &json!({"data": odd})).await;
    let found = answer["quality"].as_array().unwrap();
    let names: Vec<_> = found.iter().map(|finding| (finding["check"].as_str().unwrap(), &finding["column"])).collect();
    assert_eq!(names, [("missing_burst", &json!("price")), ("new_category", &json!("shop"))]);
    for finding in found {
        assert_eq!((&finding["row"], &finding["n_rows"], &finding["of_rows"]), (&json!(59), &json!(30), &json!(60)));
        assert_eq!(finding["observed_share"], 0.5);
        assert!(finding["expected_share"].as_f64().unwrap() < 0.05 && finding["p_value"].as_f64().unwrap() < 1e-3);
        assert!(finding["detail"].as_str().unwrap().contains("30 of the last 60 rows"), "{finding}");
    }
    // But for them, the answers are the same.
    let mut of_free = predict(&server, "free", &json!({"data": odd})).await;
    assert_eq!(of_free["quality"], json!([]));
    (of_free["project"], of_free["quality"]) = (json!("checked"), answer["quality"].clone());
    of_free["time"] = answer["time"].clone();
    assert_eq!(of_free, answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_at_a_row_stands_with_its_verdict() {
    let server = TestServer::start().await;
    let detector = json!({"kind": "cvm_online", "ert": 50, "window_size": 10, "n_bootstraps": 2000});
    server.fit("rows", &json!({"drift_type": "label", "detector": detector, "data": numbers(400)})).await;
    let far: Vec<f64> =
        numbers(60).iter().enumerate().map(|(row, value)| if row % 2 == 0 { 1e6 } else { *value }).collect();
    let answer = predict(&server, "rows", &json!({"data": far})).await;
    let found = answer["quality"].as_array().unwrap();
    assert!(!found.is_empty() && found.iter().all(|finding| finding["check"] == "out_of_range"), "{found:?}");
    for (row, result) in answer["results"].as_array().unwrap().iter().enumerate() {
        let its: Vec<&Value> = found.iter().filter(|finding| finding["row"] == row).collect();
        if its.is_empty() {
            assert!(result.get("quality").is_none(), "{result}");
        } else {
            assert_eq!(result["quality"], json!(its));
        }
    }
}
