//! Fit, list, show, load, unload, reset, delete.

use serde_json::json;

use crate::support::{TestServer, label_fit, lines, numbers, price_fit};

#[tokio::test(flavor = "multi_thread")]
async fn a_fit_answers_with_the_whole_configuration() {
    let server = TestServer::start().await;
    let reply = server.post_json("/api/v1/projects/price/fit", &price_fit()).await;
    assert_eq!((reply.status, reply.header("location")), (201, Some("/api/v1/projects/price")));
    let project = reply.json();
    assert_eq!(project["status"], "active");
    assert!(project["reason"].is_null());
    assert_eq!(project["detector"]["kind"], "mmd_online");
    assert_eq!(project["detector"]["window_size"], 4);
    assert_eq!(project["detector"]["sigma"].as_array().unwrap().len(), 1);
    assert_eq!(project["preprocessing"], json!({"standardize": true, "n_components": null}));
    assert_eq!(project["schema"]["columns"][0], json!({"name": "nswprice", "type": "numeric", "categories": null}));
    assert_eq!(project["schema"]["columns"][1]["categories"], json!(["mon", "tue", "wed"]));
    assert_eq!((&project["reference_rows"], &project["generation"]), (&json!(60), &json!(1)));
    assert_eq!(
        (&project["rows_seen"], &project["time"], &project["last_detection"]),
        (&json!(0), &json!(0), &json!(null))
    );
    assert_eq!(project["warnings"].as_array().unwrap().len(), 1, "few rows");
    assert_eq!(server.get("/api/v1/projects/price").await.json(), project);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_data_fits_the_same_detector() {
    let server = TestServer::start().await;
    let (a, b) = (numbers(60), numbers(61)[1..].to_vec());
    let records: Vec<_> = a.iter().zip(&b).map(|(a, b)| json!({"a": a, "b": b})).collect();
    let rows: Vec<_> = a.iter().zip(&b).map(|(a, b)| json!([a, b])).collect();
    let csv: Vec<String> = a.iter().zip(&b).map(|(a, b)| format!("{a},{b}")).collect();
    let detector = json!({"ert": 20, "window_size": 4, "n_bootstraps": 2_000});
    let mut sigmas = Vec::new();
    for (name, data) in [("columns", json!({"a": a, "b": b})), ("records", json!(records)), ("rows", json!(rows))] {
        let body = json!({"drift_type": "tabular", "data": data, "detector": detector});
        sigmas.push(server.fit(name, &body).await["detector"]["sigma"].clone());
    }
    let path = "/api/v1/projects/csv/fit?drift_type=tabular&ert=20&window_size=4&n_bootstraps=2000";
    let reply = server.post_csv(path, &format!("\u{feff}a,b\n{}\n", csv.join("\n"))).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    sigmas.push(reply.json()["detector"]["sigma"].clone());
    assert!(sigmas.windows(2).all(|pair| pair[0] == pair[1]), "{sigmas:?}");
    let names = |project: &serde_json::Value| {
        let columns = project["schema"]["columns"].as_array().unwrap();
        columns.iter().map(|c| c["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&server.get("/api/v1/projects/rows").await.json()), ["x1", "x2"]);
    assert_eq!(names(&server.get("/api/v1/projects/csv").await.json()), ["a", "b"]);
    assert_eq!(names(&server.fit_label("values").await), ["value"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_csv_stand_in_the_query() {
    let server = TestServer::start().await;
    let csv = lines(&numbers(60));
    let query = "drift_type=label&kind=cvm_online&ert=20&window_sizes=3,5&n_bootstraps=4000&seed=18446744073709551615&missing_values=drop&standardize=false&report_run_length=true";
    let reply = server.post_csv(&format!("/api/v1/projects/p/fit?{query}"), &format!("v\n{csv}\n\"\"\n")).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let project = reply.json();
    assert_eq!(
        project["detector"],
        json!({"kind": "cvm_online", "ert": 20.0, "window_sizes": [3, 5], "n_bootstraps": 4000,
            "after_alarm": "continue", "seed": u64::MAX})
    );
    assert_eq!(project["schema"]["missing_values"], "drop");
    assert_eq!(project["reference_rows"], 60);
    // 12 rows are replayed, the first two fill a window.
    assert_eq!(
        (&project["run_length"]["rows"], &project["run_length"]["wanted_per_1000_rows"]),
        (&json!(10), &json!(50.0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_run_length_is_reported_where_asked_for_and_kept() {
    let server = TestServer::start().await;
    assert_eq!(server.fit_label("p").await["run_length"], json!(null));
    let mut body = label_fit();
    body["overwrite"] = true.into();
    body["report_run_length"] = true.into();
    let report = server.fit("p", &body).await["run_length"].clone();
    assert!(report["rows"].as_u64().is_some_and(|rows| rows > 0), "{report}");
    let (low, rate, high) = (&report["low"], &report["per_1000_rows"], &report["high"]);
    assert!(low.as_f64() <= rate.as_f64() && rate.as_f64() < high.as_f64(), "{report}");
    assert_eq!(server.get("/api/v1/projects/p").await.json()["run_length"], report);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overwrite_is_the_next_generation() {
    let server = TestServer::start().await;
    server.fit_label("p").await;
    let mut body = label_fit();
    body["overwrite"] = true.into();
    assert_eq!(server.fit("p", &body).await["generation"], 2);
    let reply = server.post_json("/api/v1/projects/p/fit", &label_fit()).await;
    assert_eq!((reply.status, &reply.json()["code"]), (409, &json!("project_exists")));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_and_paged() {
    let server = TestServer::start().await;
    for name in ["b", "A", "c"] {
        server.fit_label(name).await;
    }
    server.fit_price().await;
    server.post("/api/v1/projects/c/unload").await;
    let names = |page: &serde_json::Value| {
        let projects = page["projects"].as_array().unwrap();
        projects.iter().map(|p| p["project"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = server.get("/api/v1/projects?page_size=3").await.json();
    assert_eq!(names(&first), ["A", "b", "c"]);
    let token = first["next_page_token"].as_str().unwrap();
    let second = server.get(&format!("/api/v1/projects?page_size=3&page_token={token}")).await.json();
    assert_eq!((names(&second), &second["next_page_token"]), (vec!["price".to_owned()], &json!(null)));
    assert_eq!(names(&server.get("/api/v1/projects?status=inactive").await.json()), ["c"]);
    assert_eq!(names(&server.get("/api/v1/projects?drift_type=tabular&status=active").await.json()), ["price"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_project() {
    let server = TestServer::start().await;
    server.fit_label("p").await;
    let path = "/api/v1/projects/p";
    let row = json!({"data": [0.5]});
    assert_eq!(server.post_json(&format!("{path}/predict"), &row).await.json()["time"], 1);

    let unloaded = server.post(&format!("{path}/unload")).await;
    assert_eq!((unloaded.status, &unloaded.json()["status"]), (200, &json!("inactive")));
    assert_eq!(server.post_json(&format!("{path}/predict"), &row).await.status, 409);
    assert_eq!(server.get(path).await.json()["rows_seen"], 1, "counters are known out of memory, too");

    let loaded = server.post(&format!("{path}/load")).await.json();
    assert_eq!((&loaded["status"], &loaded["time"], &loaded["rows_seen"]), (&json!("active"), &json!(1), &json!(1)));
    assert_eq!(server.post_json(&format!("{path}/predict"), &row).await.json()["time"], 2);

    let reset = server.post(&format!("{path}/reset")).await.json();
    assert_eq!((&reset["time"], &reset["rows_seen"]), (&json!(0), &json!(2)));

    let deleted = server.send("DELETE", path, &[], b"").await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    assert_eq!(server.get(path).await.status, 404);
}
