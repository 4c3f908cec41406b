//! What each kind of detector takes, shows and refuses.

use serde_json::{Value, json};

use crate::support::{TestServer, lines, numbers};

async fn predict(server: &TestServer, project: &str, data: Value) -> Value {
    let reply = server.post_json(&format!("/api/v1/projects/{project}/predict"), &json!({"data": data})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// One in three is `later`.
fn classes<T: Clone>(n: usize, earlier: T, later: T) -> Vec<T> {
    (0..n).map(|i| if i % 3 == 0 { later.clone() } else { earlier.clone() }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_of_two_classes_have_a_kind_by_default() {
    let server = TestServer::start().await;
    for (name, data, categories) in [
        ("texts", json!(classes(300, "no", "yes")), json!(["no", "yes"])),
        ("truths", json!(classes(300, false, true)), json!(["false", "true"])),
        ("numbers", json!(classes(300, -1, 1)), json!(["-1", "1"])),
        ("halves", json!(classes(300, 0.25, 0.5)), json!(["0.25", "0.5"])),
    ] {
        let project = server.fit(name, &json!({"drift_type": "label", "data": data})).await;
        let expected = json!({
            "kind": "fet_online", "ert": 400.0, "window_sizes": [40, 80], "alternative": "two-sided", "lam": 0.99,
            "t_max": 159, "n_bootstraps": 10_000, "after_alarm": "continue", "seed": 0
        });
        assert_eq!(project["detector"], expected, "{name}");
        let column = &project["schema"]["columns"][0];
        assert_eq!((&column["type"], &column["categories"]), (&json!("binary"), &categories), "{name}");
    }
    for (value, name) in
        [(json!("yes"), "texts"), (json!("no"), "texts"), (json!(true), "truths"), (json!(-1), "numbers")]
    {
        server.post_json(&format!("/api/v1/projects/{name}/reset"), &json!({})).await;
        let answer = predict(&server, name, json!(vec![value.clone(); 80])).await;
        assert_eq!(answer["results"].as_array().unwrap()[38]["warm_up"], true);
        assert_eq!((&answer["is_drift"], &answer["warm_up"]), (&json!(true), &json!(false)), "{name} {value}");
        assert!(answer["statistic"].as_f64().unwrap() >= answer["threshold"].as_f64().unwrap());
    }
    // More classes are collected into windows, numbers are values.
    let project = server.fit("three", &json!({"drift_type": "label", "data": ["a", "b", "c", "a"]})).await;
    let expected = json!({
        "kind": "chi_square", "p_val": 0.05, "correction": "bonferroni", "window": {"size": 100, "stride": 100},
        "after_alarm": "continue", "seed": 0
    });
    assert_eq!(project["detector"], expected);
    let project = server.fit("values", &json!({"drift_type": "label", "data": numbers(300)})).await;
    assert_eq!(project["detector"]["kind"], "cvm_online");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_class_is_refused_with_the_two_and_feeds_nothing() {
    let server = TestServer::start().await;
    server.fit("p", &json!({"drift_type": "label", "data": classes(300, "no", "yes")})).await;
    predict(&server, "p", json!(["no", "yes"])).await;
    let reply = server.post_json("/api/v1/projects/p/predict", &json!({"data": ["no", "maybe", "yes"]})).await;
    let problem = reply.json();
    assert_eq!((reply.status, &problem["code"]), (422, &json!("invalid_data")));
    assert_eq!(problem["errors"][0]["pointer"], "/data/1");
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert_eq!(detail, r#"expected "no" or "yes", the classes of the reference, "maybe" came"#);
    assert_eq!(predict(&server, "p", json!(["no"])).await["time"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_flags_are_judged_by_column() {
    let server = TestServer::start().await;
    let table = |n: usize, moved: Value| json!({"calm": classes(n, 0, 1), "moved": moved, "still": vec![0; n]});
    let body = json!({
        "drift_type": "tabular", "data": table(300, json!(classes(300, "off", "on"))),
        "detector": {"kind": "fet_online", "ert": 100, "window_sizes": [10, 20], "alternative": "greater"}
    });
    let project = server.fit("p", &body).await;
    let warnings = project["warnings"].to_string();
    assert!(warnings.contains("column `still` is constant") && warnings.contains("not watched"), "{warnings}");
    let answer = predict(&server, "p", table(30, json!(vec!["on"; 30]))).await;
    let features = answer["features"].as_array().unwrap();
    let names: Vec<&str> = features.iter().map(|feature| feature["name"].as_str().unwrap()).collect();
    assert_eq!((names, &features[0]["is_drift"]), (vec!["moved", "calm", "still"], &json!(true)));
    assert_eq!((&features[2]["statistic"], &features[2]["threshold"]), (&json!(null), &json!(null)));
    assert_eq!((&answer["statistic"], &answer["threshold"]), (&features[0]["statistic"], &features[0]["threshold"]));

    for (data, pointer, came) in [
        (json!({"a": [0, 1, 2], "b": [0, 1, 1]}), "/data/a", "more distinct numbers came"),
        (json!({"a": [0, 0, 0], "b": [1, 1, 1]}), "/data", "every column of the reference is constant"),
    ] {
        let body = json!({"drift_type": "tabular", "data": data, "detector": {"kind": "fet_online"}});
        let reply = server.post_json("/api/v1/projects/new/fit", &body).await;
        let problem = reply.json();
        assert_eq!((reply.status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(came), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn densities_of_mixed_tables_are_compared() {
    let server = TestServer::start().await;
    let days: Vec<&str> = (0..200).map(|i| ["mon", "tue", "wed"][i % 3]).collect();
    let detector =
        json!({"kind": "lsdd_online", "ert": 50, "window_size": 10, "n_kernel_centers": 15, "lambda_rd_max": 0.3});
    let data = json!({"price": numbers(200), "day": days, "fixed": vec![7; 200]});
    let body = json!({"drift_type": "tabular", "data": data, "detector": detector});
    let project = server.fit("p", &body).await;
    let shown = &project["detector"];
    assert_eq!((&shown["n_kernel_centers"], &shown["lambda_rd_max"]), (&json!(15), &json!(0.3)));
    assert!(shown["sigma"][0].as_f64().unwrap() > 0.0);
    let calm = predict(&server, "p", json!({"price": [0.4], "day": ["tue"], "fixed": [7]})).await;
    assert_eq!((&calm["warm_up"], &calm["detector"]), (&json!(false), &json!("lsdd_online")));
    let rows = json!({"price": vec![3.0; 20], "day": vec!["sun"; 20], "fixed": vec![8; 20]});
    assert_eq!(predict(&server, "p", rows).await["is_drift"], true);

    let few = json!({"kind": "lsdd_online", "n_kernel_centers": 90, "window_size": 100});
    let strict = json!({"kind": "lsdd_online", "lambda_rd_max": 1e-12, "window_size": 5});
    for (detector, data, pointer, sentence) in [
        (few, json!(numbers(280)), "/data", "expected at least 290 rows of reference"),
        (
            json!({"kind": "lsdd_online"}),
            json!((0..300).map(|i| i % 50).collect::<Vec<_>>()),
            "/data",
            "80 different rows",
        ),
        (strict, json!(numbers(100)), "/detector/lambda_rd_max", "no regulariser keeps"),
    ] {
        let body = json!({"drift_type": "label", "data": data, "detector": detector});
        let reply = server.post_json("/api/v1/projects/new/fit", &body).await;
        let problem = reply.json();
        assert_eq!((reply.status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(sentence), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn their_settings_stand_in_the_query_too() {
    let server = TestServer::start().await;
    let csv = format!("v\n{}\n", lines(&classes(100, 0.0, 1.0)));
    let query = "drift_type=label&window_sizes=5,9&alternative=less&lam=0.9&t_max=30&ert=60";
    let reply = server.post_csv(&format!("/api/v1/projects/p/fit?{query}"), &csv).await;
    let shown = &reply.json()["detector"];
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(
        (&shown["kind"], &shown["alternative"], &shown["lam"], &shown["t_max"]),
        (&json!("fet_online"), &json!("less"), &json!(0.9), &json!(30))
    );
    for (query, pointer) in [
        ("alternative=more", "/alternative"),
        ("lam=0", "/lam"),
        ("lam=1.5", "/lam"),
        ("t_max=10", "/t_max"),
        ("sigma=1", "/sigma"),
        ("kind=lsdd_online&n_kernel_centers=0", "/n_kernel_centers"),
        ("kind=lsdd_online&lambda_rd_max=2", "/lambda_rd_max"),
        ("kind=lsdd_online&alternative=less", "/alternative"),
        ("kind=lsdd_online&window_sizes=5,9", "/window_sizes"),
    ] {
        let reply = server.post_csv(&format!("/api/v1/projects/new/fit?drift_type=label&{query}"), &csv).await;
        let problem = reply.json();
        assert_eq!((reply.status, &problem["errors"][0]["pointer"]), (422, &json!(pointer)), "{query}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dummy_takes_any_data_and_never_drifts() {
    let server = TestServer::start().await;
    let table = json!({"n": [1, 1, 1], "t": ["a", "b", "c"], "b": [true, true, false]});
    for (name, drift_type, data) in [
        ("one", "label", json!([5])),
        ("words", "text", json!(["a text", "another one", "a text"])),
        ("pixels", "image", json!([[0, 1], [1, 1]])),
        ("errors", "sequential", json!([0.5, 0.5, 0.5])),
        ("table", "tabular", table),
    ] {
        let body = json!({"drift_type": drift_type, "data": data, "detector": {"kind": "dummy"}});
        let project = server.fit(name, &body).await;
        assert_eq!(project["detector"], json!({"kind": "dummy", "after_alarm": "continue", "seed": 0}), "{name}");
        assert_eq!((&project["drift_type"], &project["warnings"]), (&json!(drift_type), &json!([])), "{name}");
        let answer = predict(&server, name, data).await;
        assert_eq!((&answer["is_drift"], &answer["warm_up"]), (&json!(false), &json!(false)), "{answer}");
        for member in ["statistic", "threshold", "p_value", "distance", "ert"] {
            assert_eq!(answer[member], json!(null), "{member} {answer}");
        }
        assert_eq!((&answer["features"], &answer["time"]), (&json!([]), &answer["rows"]), "{answer}");
    }
    // Far away, or asked what moved: no drift, and the rows are counted on.
    let body = json!({"data": vec![1e9; 500], "explain": true});
    let answer = server.post_json("/api/v1/projects/one/predict", &body).await.json();
    assert_eq!((&answer["is_drift"], &answer["time"], &answer["features"]), (&json!(false), &json!(501), &json!([])));
    // What a row must look like is still said.
    let reply = server.post_json("/api/v1/projects/one/predict", &json!({"data": ["dear"]})).await;
    assert_eq!((reply.status, &reply.json()["code"]), (422, &json!("invalid_data")));

    for (detector, more, pointer) in [
        (json!({"kind": "dummy", "ert": 400}), json!({}), "/detector/ert"),
        (json!({"kind": "dummy", "p_val": 0.05}), json!({}), "/detector/p_val"),
        (json!({"kind": "dummy", "window": {"size": 5}}), json!({}), "/detector/window"),
        (json!({"kind": "dummy"}), json!({"preprocessing": {"n_components": 1}}), "/preprocessing/n_components"),
        (json!({"kind": "dummy"}), json!({"report_run_length": true}), "/report_run_length"),
    ] {
        let mut body = json!({"drift_type": "label", "data": [1, 2, 3], "detector": detector});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let problem = server.post_json("/api/v1/projects/new/fit", &body).await.json();
        assert_eq!((&problem["status"], &problem["errors"][0]["pointer"]), (&json!(422), &json!(pointer)), "{problem}");
    }
}
