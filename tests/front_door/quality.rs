//! Checks of quality: files of rows in, findings out, over kills of the server.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::server::Server;

/// Rows of prices and shops as CSV; odd ones are half without a price, and of a shop that nobody knows.
fn csv(rows: std::ops::Range<usize>, is_odd: bool) -> String {
    let line = |row: usize| {
        let price = if is_odd && row.is_multiple_of(2) { String::new() } else { format!("{}", 100 + row * 37 % 101) };
        let shop = if is_odd { "west" } else { ["north", "south", "east"][row * 7 % 3] };
        format!("{price},{shop}\n")
    };
    format!("price,shop\n{}", rows.map(line).collect::<String>())
}

fn post(server: &Server, path: &str, rows: &str, status: u16) -> Value {
    server.connect().request("POST", &format!("/api/v1/projects/{path}"), Some(("text/csv", rows))).expect(status)
}

fn fit(server: &Server, name: &str, quality: &str) {
    let settings = "drift_type=tabular&kind=tabular&window.size=40&missing_values=impute";
    let project = post(server, &format!("{name}/fit?{settings}{quality}"), &csv(0..300, false), 201);
    assert_eq!(project["quality"].is_null(), quality == "&quality=false", "{project}");
}

/// Requests of ten rows, of which the last four are odd.
fn requests() -> impl Iterator<Item = String> {
    (0..8).map(|request| csv(request * 10..request * 10 + 10, request >= 4))
}

#[test]
fn new_categories_and_missing_values_are_found_over_kills() {
    let straight_directory = tempfile::tempdir().expect("a folder");
    let straight = Server::start(straight_directory.path(), &[]);
    fit(&straight, "checked", "");
    fit(&straight, "free", "&quality=false");
    let expected: Vec<Value> = requests().map(|rows| post(&straight, "checked/predict", &rows, 200)).collect();
    let free: Vec<Value> = requests().map(|rows| post(&straight, "free/predict", &rows, 200)).collect();
    for (answer, of_free) in expected.iter().zip(&free) {
        assert_eq!((&of_free["quality"], &of_free["is_drift"]), (&json!([]), &answer["is_drift"]));
    }
    assert!(expected[..4].iter().all(|answer| answer["quality"] == json!([])), "{expected:?}");
    let found = expected.iter().flat_map(|answer| answer["quality"].as_array().expect("a list"));
    let names: BTreeSet<(&str, &str)> = found
        .map(|finding| (finding["check"].as_str().expect("a check"), finding["column"].as_str().expect("a column")))
        .collect();
    assert!(names.is_superset(&[("missing_burst", "price"), ("new_category", "shop")].into()), "{names:?}");

    let directory = tempfile::tempdir().expect("a folder");
    let always = ["--state-durability", "always"];
    let mut server = Server::start(directory.path(), &always);
    fit(&server, "checked", "");
    for (rows, expected) in requests().zip(&expected) {
        let answer = post(&server, "checked/predict", &rows, 200);
        assert_eq!(answer["quality"], expected["quality"]);
        server.kill();
        server = Server::start(directory.path(), &always);
    }
}
