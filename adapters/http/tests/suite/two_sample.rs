//! Kinds that judge windows, through the interface: their settings, their answers, what they explain.

use serde_json::{Value, json};

use crate::support::{TestServer, numbers};

async fn predict(server: &TestServer, name: &str, body: &Value) -> Value {
    let reply = server.post_json(&format!("/api/v1/projects/{name}/predict"), body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

fn table(n: usize, shift: f64, days: &[&str]) -> Value {
    let prices: Vec<f64> = numbers(n).iter().map(|value| value + shift).collect();
    let days: Vec<&str> = (0..n).map(|row| days[row % days.len()]).collect();
    json!({"price": prices, "day": days})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_is_judged_and_explained() {
    let server = TestServer::start().await;
    let body = json!({"drift_type": "tabular", "detector": {"kind": "tabular"}, "data": table(300, 0.0, &["mon", "tue", "wed"])});
    let project = server.fit("p", &body).await;
    let expected = json!({
        "kind": "tabular", "p_val": 0.05, "correction": "bonferroni", "alternative": "two-sided",
        "tests": {"price": "ks", "day": "chi_square"}, "after_alarm": "continue", "seed": 0
    });
    assert_eq!(project["detector"], expected);

    let answer = predict(&server, "p", &json!({"data": table(60, 0.3, &["mon", "sun"])})).await;
    assert_eq!((&answer["is_drift"], &answer["rows"], &answer["warm_up"]), (&json!(true), &json!(60), &json!(false)));
    assert_eq!((&answer["ert"], &answer["threshold"], &answer["results"]), (&json!(null), &json!(0.025), &json!([])));
    assert!(answer.get("pending_rows").is_none() && answer["p_value"].as_f64().unwrap() < 1e-6);
    let [day, price] = &answer["features"].as_array().unwrap()[..] else { panic!("two columns") };
    assert_eq!((&day["name"], &day["test"], &day["is_drift"]), (&json!("day"), &json!("chi_square"), &json!(true)));
    assert_eq!((&answer["statistic"], &answer["p_value"]), (&day["statistic"], &day["p_value"]));
    assert_eq!((&day["unseen_categories"], &day["vanished_categories"]), (&json!(["sun"]), &json!(["tue", "wed"])));
    let moved = &day["categories"][0];
    assert_eq!(moved, &json!({"category": "sun", "reference_share": 0.0, "window_share": 0.5}));
    assert_eq!(day["window"], json!({"rows": 60, "missing_share": 0.0}));
    assert_eq!((&price["direction"], &price["test"]), (&json!("up"), &json!("ks")));
    let median = |of: &str| price[of]["quantiles"]["p50"].as_f64().unwrap();
    assert!((median("window") - median("reference") - 0.3).abs() < 0.1, "{price}");

    let brief = predict(&server, "p", &json!({"explain": false, "data": table(60, 0.3, &["mon", "sun"])})).await;
    let members: Vec<&String> = brief["features"][0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["distance", "effect_size", "is_drift", "name", "p_value", "statistic", "threshold"]);
    assert_eq!(brief["p_value"], answer["p_value"]);
    let csv = server.post_csv("/api/v1/projects/p/predict?explain=false", "price,day\n0.5,mon\n0.4,tue\n").await;
    assert_eq!((csv.status, csv.json()["features"][0].get("test")), (200, None), "{}", csv.text());
    let both =
        server.post_json("/api/v1/projects/p/predict?explain=false", &json!({"explain": true, "data": []})).await;
    assert_eq!(both.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_collected_into_windows() {
    let server = TestServer::start().await;
    let detector = json!({
        "kind": "ks", "p_val": 0.01, "window": {"size": 40, "stride": 20, "max_age": "1h"},
        "update_reference": {"last": 100, "only_without_drift": true}, "after_alarm": "latch", "min_effect": 0.2
    });
    let body = json!({"drift_type": "label", "detector": detector, "data": numbers(200)});
    let project = server.fit("p", &body).await;
    let expected = json!({
        "kind": "ks", "p_val": 0.01, "correction": "bonferroni", "alternative": "two-sided", "min_effect": 0.2,
        "window": {"size": 40, "stride": 20, "max_age": 3600.0},
        "update_reference": {"last": 100, "only_without_drift": true}, "after_alarm": "latch", "seed": 0
    });
    assert_eq!(project["detector"], expected);
    // The same in the query.
    let query = "drift_type=label&kind=ks&p_val=0.01&window.size=40&window.stride=20&window.max_age=1h&\
                 update_reference.last=100&update_reference.only_without_drift=true&after_alarm=latch&min_effect=0.2";
    let lines: Vec<String> = numbers(200).iter().map(f64::to_string).collect();
    let reply =
        server.post_csv(&format!("/api/v1/projects/q/fit?{query}"), &format!("v\n{}\n", lines.join("\n"))).await;
    assert_eq!((reply.status, &reply.json()["detector"]), (201, &expected), "{}", reply.text());

    let first = predict(&server, "p", &json!({"data": numbers(30)})).await;
    assert_eq!(
        (&first["warm_up"], &first["pending_rows"], &first["statistic"]),
        (&json!(true), &json!(30), &json!(null))
    );
    let second = predict(&server, "p", &json!({"data": numbers(50)})).await;
    assert_eq!((&second["warm_up"], &second["pending_rows"]), (&json!(false), &json!(20)));
    let results = second["results"].as_array().unwrap();
    let times: Vec<_> = results.iter().map(|result| (result["time"].clone(), result["rows"].clone())).collect();
    assert_eq!(times, [(json!(40), json!(40)), (json!(60), json!(40)), (json!(80), json!(40))]);
    let drifting = predict(&server, "p", &json!({"data": vec![9.0; 20]})).await;
    assert_eq!(drifting["is_drift"], true);
    let latched = predict(&server, "p", &json!({"data": [0.5]})).await;
    assert_eq!((&latched["is_drift"], &latched["warm_up"]), (&json!(true), &json!(true)));
    let metrics = server.get("/api/v1/projects/p/metrics").await.json();
    let rows: Vec<&Value> = metrics["metrics"].as_array().unwrap().iter().map(|metric| &metric["rows"]).collect();
    assert_eq!(rows, [40, 40, 40, 40]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_of_an_online_kind_is_explained() {
    let server = TestServer::start().await;
    server.fit_price().await;
    let row = |price: f64| json!({"data": {"nswprice": [price], "weekday": ["mon"]}});
    let calm = predict(&server, "price", &row(0.5)).await;
    assert_eq!(calm["features"], json!([]));
    let mut asked = row(0.5);
    asked["explain"] = json!(true);
    assert_eq!(predict(&server, "price", &asked).await["features"].as_array().unwrap().len(), 2);
    let mut answer = json!(null);
    for _ in 0..60 {
        answer = predict(&server, "price", &row(40.0)).await;
    }
    assert_eq!(answer["is_drift"], true);
    let price = answer["features"].as_array().unwrap().iter().find(|feature| feature["name"] == "nswprice").unwrap();
    assert_eq!((&price["direction"], &price["is_drift"]), (&json!("up"), &json!(true)));
    let mut brief = row(40.0);
    brief["explain"] = json!(false);
    assert_eq!(predict(&server, "price", &brief).await["features"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn contexts_come_beside_the_data_or_among_them() {
    let server = TestServer::start().await;
    let kind = json!({"kind": "context_mmd", "n_permutations": 50});
    let (prices, hours) = (numbers(60), numbers(120)[60..].to_vec());
    let (of_window, at) = (numbers(40), numbers(80)[40..].to_vec());
    let rows = |values: &[f64]| values.iter().map(|value| json!([value])).collect::<Vec<Value>>();

    let among = json!({"kind": "context_mmd", "n_permutations": 50, "context_columns": ["hour"]});
    let body = json!({"drift_type": "tabular", "detector": among, "data": {"price": prices, "hour": hours}});
    server.fit("among", &body).await;
    let beside =
        json!({"drift_type": "tabular", "detector": kind, "data": {"price": prices}, "context": {"hour": hours}});
    let project = server.fit("beside", &beside).await;
    assert_eq!(project["detector"]["context_columns"], json!(["hour"]));
    let unnamed = json!({"drift_type": "tabular", "detector": kind, "data": rows(&prices), "context": hours});
    let project = server.fit("unnamed", &unnamed).await;
    assert_eq!(project["detector"]["context_columns"], json!(["x2"]));

    let expected = predict(&server, "among", &json!({"data": {"hour": at, "price": of_window}})).await;
    let records: Vec<Value> = at.iter().map(|hour| json!({"hour": hour})).collect();
    for (project, body) in [
        ("beside", json!({"data": {"price": of_window}, "context": {"hour": at}})),
        ("beside", json!({"data": {"price": of_window}, "context": records})),
        ("beside", json!({"data": {"price": of_window, "hour": at}, "context": null})),
        ("unnamed", json!({"data": rows(&of_window), "context": at})),
        ("unnamed", json!({"data": of_window, "context": rows(&at)})),
    ] {
        assert_eq!(predict(&server, project, &body).await["p_value"], expected["p_value"], "{project}");
    }

    server.fit("ks", &json!({"drift_type": "label", "detector": {"kind": "ks"}, "data": prices})).await;
    let both = json!({"kind": "context_mmd", "context_columns": ["hour"]});
    let fit = |detector: &Value, context: Value| json!({"drift_type": "tabular", "detector": detector, "data": {"price": prices}, "context": context});
    for (path, body, code, place) in [
        ("ks/predict", json!({"data": [1.0], "context": [1.0]}), "invalid_settings", "/context"),
        ("new/fit", fit(&json!({"kind": "mmd"}), json!({"hour": hours})), "invalid_settings", "/context"),
        ("new/fit", fit(&both, json!({"hour": hours})), "invalid_settings", "/detector/context_columns"),
        ("new/fit", fit(&kind, json!(hours)), "invalid_data", "/context"),
        ("new/fit", fit(&kind, json!(1)), "invalid_data", "/context"),
        ("new/fit", fit(&kind, json!({"hour": [1.0]})), "invalid_data", "/context/hour"),
        ("new/fit", fit(&kind, json!({"price": hours})), "invalid_data", "/context/price"),
        (
            "beside/predict",
            json!({"data": {"price": [1.0]}, "context": {"hour": [[1]]}}),
            "invalid_data",
            "/context/hour/0",
        ),
        (
            "beside/predict",
            json!({"data": {"price": [1.0]}, "context": {"hour": ["x"]}}),
            "invalid_data",
            "/context/hour/0",
        ),
        (
            "beside/predict",
            json!({"data": {"price": [1.0]}, "context": [{"hour": "x"}]}),
            "invalid_data",
            "/context/0/hour",
        ),
        ("unnamed/predict", json!({"data": [[1.0]], "context": ["x"]}), "invalid_data", "/context/0"),
        ("unnamed/predict", json!({"data": ["x"], "context": [[1.0]]}), "invalid_data", "/data/0"),
    ] {
        let reply = server.post_json(&format!("/api/v1/projects/{path}"), &body).await;
        let problem = reply.json();
        assert_eq!((&problem["code"], &problem["errors"][0]["pointer"]), (&json!(code), &json!(place)), "{problem}");
    }
    // Faults that the fit finds, waited for or not.
    let mut with_gap: Vec<Value> = hours.iter().map(|hour| json!(hour)).collect();
    with_gap[3] = Value::Null;
    let body = fit(&kind, json!({"hour": with_gap}));
    for reply in [server.post_json("/api/v1/projects/new/fit", &body).await, server.begin("new", &body).await] {
        let problem = reply.json();
        assert_eq!((reply.status, &problem["errors"][0]["pointer"]), (422, &json!("/context/hour/3")), "{problem}");
    }
}
