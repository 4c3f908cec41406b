//! The verdicts on columns over time.

use drifting_postgres_servers::PostgresServer;
use serde_json::{Value, json};

use crate::delivery::Delivery;
use crate::server::Server;

fn features(server: &Server, project: &str) -> Vec<Value> {
    let told = server.get(&format!("/api/v1/projects/{project}/metrics?features=true")).expect(200);
    told["metrics"].as_array().expect("a list").iter().map(|metric| metric["features"].clone()).collect()
}

#[test]
fn columns_are_kept_where_they_are_asked_for() {
    let database = PostgresServer::start();
    let numbers = |from: u32| (from..from + 60).map(|n| (n * 37) % 101).collect::<Vec<_>>();
    let rows = json!({"calm": numbers(0), "größe": numbers(7)});
    let window = json!({"data": {"calm": numbers(3), "größe": vec![500; 60]}});
    for (arguments, is_kept) in [(&["--metrics-features"][..], true), (&[], false)] {
        let directory = tempfile::tempdir().expect("a folder");
        let uri = database.uri();
        let server = Server::start(directory.path(), &[&["--database-uri", &uri], arguments].concat());
        let project = if is_kept { "kept" } else { "left" };
        for (kind, project) in [("ks", project.to_owned()), ("tabular", format!("{project}-by-kind"))] {
            let body = json!({"drift_type": "tabular", "data": rows, "detector": {"kind": kind}});
            server.post(&format!("/api/v1/projects/{project}/fit"), &body).expect(201);
            let answer = server.post(&format!("/api/v1/projects/{project}/predict"), &window).expect(200);
            assert_eq!(answer["features"].as_array().map(Vec::len), Some(2), "{answer}");
            Delivery::ended(&server);
            let told = features(&server, &project);
            assert_eq!(told.len(), 1, "a window, a record");
            if !is_kept {
                assert_eq!(told[0], json!([]));
                continue;
            }
            let by_name = |of: &Value, name: &str| {
                let found = of.as_array().expect("a list").iter().find(|column| column["name"] == name).cloned();
                found.unwrap_or_else(|| panic!("{name} is missing: {of}"))
            };
            for name in ["calm", "größe"] {
                let (kept, answered) = (by_name(&told[0], name), by_name(&answer["features"], name));
                for value in ["is_drift", "statistic", "threshold", "p_value"] {
                    assert_eq!(kept[value], answered[value], "{value} of {name} of {kind}");
                }
            }
            assert_eq!(by_name(&told[0], "größe")["is_drift"], true);
            let unasked = server.get(&format!("/api/v1/projects/{project}/metrics")).expect(200);
            assert!(unasked["metrics"][0].get("features").is_none(), "{unasked}");
        }
        assert!(server.stop().success());
    }
    assert_eq!(database.query_value("SELECT count(*) FROM drift_feature"), "4");
}
