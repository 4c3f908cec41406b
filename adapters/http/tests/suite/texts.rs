//! Projects of texts over HTTP.

use drifting_domain::data::{Column, Values};
use drifting_formats::arrow_stream;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use crate::support::{ARROW, CSV, NDJSON, PARQUET, TestServer};

fn texts(n: usize, of: [&str; 4]) -> Vec<String> {
    (0..n).map(|index| format!("The {} was {}, said No. {}", of[index % 2], of[2 + index % 3 % 2], index % 7)).collect()
}

fn reference() -> Vec<String> {
    texts(80, ["parcel", "invoice", "late", "wrong"])
}

fn later() -> Vec<String> {
    texts(12, ["meadow", "river", "quiet", "wide"])
}

const QUERY: &str = "drift_type=text&ert=20&window_size=4&n_bootstraps=2000&n_components=5";

fn body() -> Value {
    json!({
        "drift_type": "text",
        "detector": {"ert": 20, "window_size": 4, "n_bootstraps": 2_000},
        "preprocessing": {"n_components": 5},
        "data": {"note": reference()},
    })
}

fn arrow(texts: &[String]) -> Vec<u8> {
    let values = Values::Text(texts.iter().map(Some).collect());
    arrow_stream(vec![Column { name: "note".to_owned(), values }]).unwrap()
}

fn parquet(texts: &[String]) -> Vec<u8> {
    let stream = arrow(texts);
    let batch = arrow_ipc::reader::StreamReader::try_new(stream.as_slice(), None).unwrap().next().unwrap().unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn formats(texts: &[String]) -> [(&'static str, Vec<u8>); 4] {
    let csv = texts.iter().fold("note\n".to_owned(), |lines, text| format!("{lines}\"{text}\"\n"));
    let ndjson = texts.iter().map(|text| json!({"note": text}).to_string() + "\n").collect::<String>();
    [(CSV, csv.into_bytes()), (NDJSON, ndjson.into_bytes()), (PARQUET, parquet(texts)), (ARROW, arrow(texts))]
}

fn nameless(mut answer: Value) -> Value {
    answer["project"] = Value::Null;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_come_in_every_format_and_drift_tells_what_moved() {
    let server = TestServer::start().await;
    let fitted = server.fit("json", &body()).await;
    assert_eq!((&fitted["drift_type"], &fitted["detector"]["kind"]), (&json!("text"), &json!("mmd_online")));
    assert_eq!(fitted["preprocessing"], json!({"standardize": false, "n_components": 5}));
    assert_eq!(fitted["schema"]["columns"], json!([{"name": "note", "type": "text", "categories": null}]));
    assert_eq!(fitted["reference_rows"], 80);
    let warning = fitted["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("40 texts to compare with (the others teach the features) are few"), "{warning}");

    let judged = server.post_json("/api/v1/projects/json/predict", &json!({"data": later()})).await.json();
    assert_eq!((&judged["is_drift"], &judged["rows"]), (&json!(true), &json!(12)));
    let names: Vec<&str> =
        judged["features"].as_array().unwrap().iter().map(|feature| feature["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 5 + 3);
    assert!(names.contains(&"unknown_words") && names.contains(&"component_5"), "{names:?}");
    for ((media_type, reference), (_, later)) in formats(&reference()).into_iter().zip(formats(&later())) {
        let name = media_type.rsplit(['/', '.']).next().unwrap();
        let headers = [("Content-Type", media_type)];
        let reply = server.send("POST", &format!("/api/v1/projects/{name}/fit?{QUERY}"), &headers, &reference).await;
        assert_eq!(reply.status, 201, "{media_type}: {}", reply.text());
        assert_eq!(nameless(reply.json()), nameless(fitted.clone()), "{media_type}");
        let reply = server.send("POST", &format!("/api/v1/projects/{name}/predict"), &headers, &later).await;
        assert_eq!(nameless(reply.json()), nameless(judged.clone()), "{media_type}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_text_is_refused_at_its_place() {
    let server = TestServer::start().await;
    let mut unnamed = body();
    unnamed["data"] = json!(reference());
    assert_eq!(server.fit("p", &unnamed).await["schema"]["columns"][0]["name"], "value");
    for (data, pointer, detail) in [
        (json!(["a", 5]), "/data/1", "expected a text or null, as the values before, the number 5 came"),
        (json!([5]), "/data/0", "expected a text, the number 5 came"),
        (json!([true]), "/data/0", "expected a text, `true` came"),
        (json!(["a", null]), "/data/1", "expected a value, a missing one came"),
        (json!([["a", "b"]]), "/data/0", "expected 1 values a row (`value`), 2 came"),
        (json!({"other": ["a"]}), "/data/value", "expected this column, it did not come (expected are `value`)"),
    ] {
        let problem = server.post_json("/api/v1/projects/p/predict", &json!({"data": data})).await.json();
        let error = &problem["errors"][0];
        assert_eq!((&problem["status"], &error["pointer"]), (&json!(422), &json!(pointer)), "{problem}");
        assert!(error["detail"].as_str().unwrap().starts_with(detail), "{problem}");
    }
    for (settings, pointer) in [
        (json!({"preprocessing": {"n_components": 40}}), "/preprocessing/n_components"),
        (json!({"detector": {"kind": "chi_square"}}), "/detector/kind"),
        (json!({"detector": {"kind": "ks"}, "preprocessing": {"standardize": true}}), "/preprocessing/standardize"),
        (json!({"data": ["a", "b", "c"]}), "/data"),
        (json!({"data": {"a": ["a"], "b": ["b"]}}), "/data"),
        (json!({"data": [1, 2, 3]}), "/data/0"),
    ] {
        let mut body = unnamed.clone();
        body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        for prefer in ["", "respond-async"] {
            let headers = [("Content-Type", "application/json"), ("Prefer", prefer)];
            let bytes = body.to_string().into_bytes();
            let problem = server.send("POST", "/api/v1/projects/new/fit", &headers, &bytes).await.json();
            let came = (&problem["status"], &problem["errors"][0]["pointer"]);
            assert_eq!(came, (&json!(422), &json!(pointer)), "{problem}");
        }
    }
    assert_eq!(server.get("/api/v1/projects/p").await.json()["rows_seen"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_classifier_of_texts_names_the_words_that_came_and_went() {
    let server = TestServer::start().await;
    let body = json!({
        "drift_type": "text",
        "detector": {"kind": "classifier", "p_val": 0.01, "seed": 3},
        "data": {"note": reference()},
    });
    let fitted = server.fit("words", &body).await;
    let expected = json!({"kind": "classifier", "p_val": 0.01, "n_permutations": 1000, "model": "words", "train_size": 0.5,
        "after_alarm": "continue", "seed": 3});
    assert_eq!(fitted["detector"], expected);
    assert_eq!(fitted["reference_rows"], 80);
    let mut window = texts(30, ["parcel", "invoice", "late", "wrong"]);
    let url = "/api/v1/projects/words/predict";
    let calm = server.post_json(url, &json!({"data": window})).await.json();
    assert_eq!(calm["is_drift"], json!(false), "{calm}");
    window.extend(texts(30, ["meadow", "river", "quiet", "wide"]));
    let judged = server.post_json(url, &json!({"data": window, "explain": true})).await.json();
    assert_eq!(judged["is_drift"], json!(true), "{judged}");
    assert!(judged["statistic"].as_f64().unwrap() > judged["distance_threshold"].as_f64().unwrap_or(0.5), "{judged}");
    let column = &judged["features"][0];
    assert_eq!((&column["name"], &column["test"]), (&json!("note"), &json!("mann_whitney")));
    let words = column["words"].as_array().unwrap();
    let of = |sign: f64| -> Vec<&str> {
        let words = words.iter().filter(|word| word["weight"].as_f64().unwrap() * sign > 0.0);
        words.map(|word| word["word"].as_str().unwrap()).collect()
    };
    for word in ["meadow", "river", "quiet", "wide"] {
        assert!(of(1.0).contains(&word) && !of(-1.0).contains(&word), "{words:?}");
    }
    assert_eq!(words[0]["reference_share"], json!(0.0), "{words:?}");
    assert!(column.get("categories").is_none(), "{column}");

    // As Evidently has it, in a query string.
    let query = "drift_type=text&kind=classifier&preset=evidently&threshold=0.55";
    let csv = formats(&reference()).into_iter().next().unwrap().1;
    let reply = server.send("POST", &format!("/api/v1/projects/e/fit?{query}"), &[("Content-Type", CSV)], &csv).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(reply.json()["detector"]["preset"], json!("evidently"));
    let judged = server.post_json("/api/v1/projects/e/predict", &json!({"data": window})).await.json();
    assert_eq!(
        (&judged["is_drift"], &judged["threshold"], &judged["p_value"]),
        (&json!(true), &json!(0.55), &Value::Null)
    );

    let of_features = json!({
        "drift_type": "text",
        "detector": {"kind": "classifier", "model": "logistic_regression"},
        "data": {"note": reference()},
    });
    assert_eq!(server.fit("features", &of_features).await["detector"]["model"], json!("logistic_regression"));
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_of_texts_and_encoders_are_asked_for_by_name() {
    let server = TestServer::start().await;
    let with = |kind: &str, preprocessing: Value| json!({"drift_type": "text", "detector": {"kind": kind}, "preprocessing": preprocessing, "data": {"note": reference()}});
    let fitted = server.fit("s", &with("tabular", json!({"features": "statistics"}))).await;
    let expected = json!({"standardize": false, "n_components": null, "features": "statistics"});
    assert_eq!(fitted["preprocessing"], expected);
    let loud: Vec<String> =
        texts(40, ["parcel", "invoice", "late", "wrong"]).iter().map(|text| text.to_uppercase()).collect();
    let judged = server.post_json("/api/v1/projects/s/predict", &json!({"data": loud})).await.json();
    assert_eq!((&judged["is_drift"], &judged["features"][0]["name"]), (&json!(true), &json!("upper_case")), "{judged}");

    let fitted = server.fit("v", &with("mmd", json!({"encoder": "letters", "n_components": 2}))).await;
    let expected = json!({"standardize": false, "n_components": 2, "encoder": "letters"});
    assert_eq!(fitted["preprocessing"], expected);
    let asleep = vec!["zzzz zz"; 30];
    let judged = server.post_json("/api/v1/projects/v/predict", &json!({"data": asleep})).await.json();
    assert_eq!(judged["is_drift"], json!(true), "{judged}");

    for (kind, preprocessing, pointer, detail) in [
        ("mmd", json!({"features": "words"}), "/preprocessing/features", "`components`, `statistics`"),
        ("mmd", json!({"encoder": "../letters"}), "/preprocessing/encoder", "expected the name of an encoder"),
        ("mmd", json!({"encoder": "letters", "features": "statistics"}), "/preprocessing/encoder", "both came"),
        ("mmd", json!({"features": "statistics", "n_components": 2}), "/preprocessing/n_components", "no components"),
    ] {
        let reply = server.post_json("/api/v1/projects/x/fit", &with(kind, preprocessing)).await;
        assert_eq!(reply.status, 422, "{}", reply.text());
        let problem = reply.json();
        let error = &problem["errors"][0];
        assert_eq!(error["pointer"], json!(pointer), "{problem}");
        assert!(error["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
    let table =
        json!({"drift_type": "tabular", "preprocessing": {"features": "statistics"}, "data": {"x": [1, 2, 3, 4]}});
    let problem = server.post_json("/api/v1/projects/x/fit", &table).await.json();
    assert_eq!(problem["errors"][0]["pointer"], json!("/preprocessing/features"), "{problem}");
}
