//! The Open Inference Protocol: what requests mean and what answers look like.

use drifting_http::HttpSettings;
use serde_json::{Value, json};

use crate::support::{Reply, TestServer, numbers};

/// A column as a tensor.
pub fn tensor(name: &str, datatype: &str, data: &Value) -> Value {
    json!({"name": name, "shape": [data.as_array().unwrap().len(), 1], "datatype": datatype, "data": data})
}

fn label(data: &Value) -> Value {
    json!({"inputs": [tensor("input-1", "FP64", data)]})
}

pub async fn infer(server: &TestServer, model: &str, request: &Value) -> Reply {
    server.post_json(&format!("/v2/models/{model}/infer"), request).await
}

/// The answer to a request that is taken.
async fn judged(server: &TestServer, model: &str, request: &Value) -> Value {
    let reply = infer(server, model, request).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// The place and the sentence of a refusal.
async fn refused(server: &TestServer, model: &str, request: &Value) -> (u16, String) {
    let reply = infer(server, model, request).await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let told = reply.json();
    assert_eq!(told["error"], told["detail"]);
    (reply.status, told["error"].as_str().unwrap().to_owned())
}

fn output<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let outputs = answer["outputs"].as_array().unwrap();
    outputs.iter().find(|output| output["name"] == name).unwrap_or_else(|| panic!("no {name} in {answer}"))
}

async fn fitted() -> TestServer {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    server.fit_price().await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn an_online_kind_has_seven_outputs_in_order() {
    let server = TestServer::start().await;
    let detector = json!({"kind": "cvm_online", "ert": 20, "window_sizes": [4, 8], "n_bootstraps": 2_000});
    server.fit("label", &json!({"drift_type": "label", "data": numbers(60), "detector": detector})).await;
    let mut answer = judged(&server, "label", &label(&json!([0.1]))).await;
    assert_eq!(answer["id"].as_str().map(str::len), Some(36));
    answer["id"] = json!("an id");
    assert_eq!(
        answer,
        json!({
            "model_name": "label", "model_version": "1", "id": "an id",
            "parameters": {"online": true, "version_warning": false, "name": "CVMDriftOnline",
                           "version": env!("CARGO_PKG_VERSION"), "detector_type": "drift", "warmup": true},
            "outputs": [
                {"name": "is_drift", "shape": [1, 1], "datatype": "INT64", "data": [0]},
                {"name": "distance", "shape": [1, 1], "datatype": "BYTES", "data": [null]},
                {"name": "p_val", "shape": [1, 1], "datatype": "BYTES", "data": [null]},
                {"name": "threshold", "shape": [1, 1], "datatype": "FP64", "data": [0.0]},
                {"name": "time", "shape": [1, 1], "datatype": "INT64", "data": [1]},
                {"name": "ert", "shape": [1, 1], "datatype": "FP64", "data": [20.0]},
                {"name": "test_stat", "shape": [1, 2, 1], "datatype": "FP32", "data": [0.0, 0.0]},
            ],
        })
    );

    // The same rows as in one request of the native API, one after the other.
    let native = server.post_json("/api/v1/projects/label/predict", &json!({"data": [0.2, 0.3]})).await.json();
    let answer = judged(&server, "label", &label(&json!([9.0, 9.0, 9.0, 9.0, 9.0]))).await;
    assert_eq!(native["time"], 3);
    assert_eq!(output(&answer, "time")["data"], json!([4, 5, 6, 7, 8]));
    let statistics = output(&answer, "test_stat");
    assert_eq!(statistics["shape"], json!([5, 2, 1]));
    // The window of eight rows is full at the last one alone.
    let of_eight: Vec<bool> = (0..5).map(|row| statistics["data"][2 * row + 1] != 0.0).collect();
    assert_eq!(of_eight, [false, false, false, false, true]);
    assert_eq!(output(&answer, "is_drift")["data"][4], 1);
    assert!(answer["parameters"].get("warmup").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_has_one_statistic() {
    let server = fitted().await;
    let row =
        json!({"inputs": [tensor("nswprice", "FP64", &json!([0.5])), tensor("weekday", "BYTES", &json!(["mon"]))]});
    let mut last = Value::Null;
    for _ in 0..5 {
        last = judged(&server, "price", &row).await;
    }
    assert_eq!(last["parameters"]["name"], "MMDDriftOnline");
    assert_eq!(
        (&output(&last, "test_stat")["shape"], &output(&last, "test_stat")["datatype"]),
        (&json!([1, 1]), &json!("FP64"))
    );
    let native = server.get("/api/v1/projects/price").await.json();
    assert_eq!(native["last_detection"]["statistic"], output(&last, "test_stat")["data"][0]);
    assert_eq!(native["last_detection"]["threshold"], output(&last, "threshold")["data"][0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_that_are_tested_have_columns_beside_each_other() {
    let server = TestServer::start().await;
    let data = json!({"a": numbers(100), "b": numbers(100)});
    server.fit("ks", &json!({"drift_type": "tabular", "data": data, "detector": {"kind": "ks"}})).await;
    let moved: Vec<f64> = numbers(50).iter().map(|x| x + 2.0).collect();
    let request = json!({"inputs": [tensor("b", "FP64", &json!(moved)), tensor("a", "FP64", &json!(numbers(50)))]});
    let answer = judged(&server, "ks", &request).await;
    let names: Vec<&str> = answer["outputs"].as_array().unwrap().iter().map(|o| o["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["is_drift", "distance", "p_val", "threshold"]);
    assert_eq!(output(&answer, "is_drift")["data"], json!([1]));
    assert_eq!(output(&answer, "p_val")["shape"], json!([1, 2]));
    let p_values = output(&answer, "p_val")["data"].as_array().unwrap();
    assert!(p_values[0].as_f64().unwrap() > 0.05 && p_values[1].as_f64().unwrap() < 1e-6, "{p_values:?}");
    assert_eq!(output(&answer, "distance")["data"][1], 1.0);
    assert_eq!(output(&answer, "threshold")["data"], json!([0.025]));
    assert_eq!((&answer["parameters"]["name"], &answer["parameters"]["online"]), (&json!("KSDrift"), &json!(false)));

    let detector = json!({"kind": "mmd", "window": {"size": 20}});
    server.fit("mmd", &json!({"drift_type": "tabular", "data": data, "detector": detector})).await;
    let rows = |n: usize| json!({"inputs": [tensor("a", "FP64", &json!(numbers(n))), tensor("b", "FP64", &json!(numbers(n)))]});
    let pending = judged(&server, "mmd", &rows(17)).await;
    assert_eq!(pending["outputs"], json!([]));
    assert_eq!(
        (&pending["parameters"]["pending_rows"], &pending["parameters"]["batch_size"]),
        (&json!(17), &json!(20))
    );
    let closed = judged(&server, "mmd", &rows(30)).await;
    assert_eq!(output(&closed, "is_drift")["shape"], json!([2, 1]));
    assert_eq!(output(&closed, "distance_threshold")["shape"], json!([2, 1]));
    assert_eq!(closed["parameters"]["pending_rows"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_are_chosen_and_ordered() {
    let server = fitted().await;
    let mut request = label(&json!([0.5]));
    request["outputs"] = json!([{"name": "time"}, {"name": "is_drift"}]);
    request["id"] = json!("order-918");
    let answer = judged(&server, "label", &request).await;
    let names: Vec<&Value> = answer["outputs"].as_array().unwrap().iter().map(|output| &output["name"]).collect();
    assert_eq!((names, &answer["id"]), (vec![&json!("time"), &json!("is_drift")], &json!("order-918")));
    request["outputs"] = json!([{"name": "is_drift"}, {"name": "score"}]);
    let (status, told) = refused(&server, "label", &request).await;
    assert_eq!(status, 400);
    assert!(told.starts_with("/outputs/1/name: expected one of the outputs is_drift, distance"), "{told}");
    // A request that is refused has fed nothing.
    assert_eq!(server.get("/api/v1/projects/label").await.json()["rows_seen"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_encoders_leave_null_may_be_missing() {
    let server = fitted().await;
    let request = json!({
        "id": null, "parameters": {"content_type": "np", "headers": null}, "outputs": null, "model_name": "label",
        "inputs": [{"name": "input-1", "shape": [1, 1], "datatype": "FP64",
                    "parameters": {"content_type": "np", "headers": null}, "data": [1.0]}],
    });
    judged(&server, "label", &request).await;
    let request = json!({
        "parameters": {"content_type": "pd", "headers": {"Foo": ["bar"]}, "priority": 1, "sequence_id": "x"}, "extra": [{"deep": []}],
        "inputs": [{"name": "weekday", "shape": [1], "datatype": "BYTES", "parameters": null, "data": ["tue"]},
                   {"name": "nswprice", "shape": [1, 1], "datatype": "FP32", "parameters": {"content_type": null}, "data": [[0.5]]}],
    });
    judged(&server, "price", &request).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn datatypes_hold_what_they_say() {
    let server = fitted().await;
    let one = |datatype: &str, value: Value| json!({"inputs": [tensor("x", datatype, &json!([value]))]});
    for (datatype, value) in [
        ("BOOL", json!(0)),
        ("INT8", json!(-128)),
        ("INT16", json!(-32_768)),
        ("INT32", json!(7)),
        ("INT64", json!(i64::MIN)),
        ("UINT8", json!(255)),
        ("UINT16", json!(65_535)),
        ("UINT32", json!(1)),
        ("UINT64", json!(u64::MAX)),
        ("FP16", json!(1.5)),
        ("FP32", json!(1)),
        ("FP64", json!(-1.5e300)),
        ("INT32", json!(7.0)),
    ] {
        let reply = infer(&server, "label", &one(datatype, value.clone())).await;
        // A truth value is well-formed, and no number.
        let status = if datatype == "BOOL" { 422 } else { 200 };
        assert_eq!(reply.status, status, "{datatype} {value}: {}", reply.text());
    }
    for (datatype, value, told) in [
        ("INT8", json!(128), "/inputs/0/data/0: expected an integer from -128 to 127 for INT8, 128 came"),
        ("UINT8", json!(-1), "/inputs/0/data/0: expected an integer from 0 to 255 for UINT8, -1 came"),
        ("INT32", json!(0.5), "/inputs/0/data/0: expected an integer for INT32, another number came"),
        ("INT64", json!(u64::MAX), "/inputs/0/data/0: expected an integer from -9223372036854775808"),
        ("INT64", json!(null), "/inputs/0/data/0: expected an integer for INT64, null came"),
        ("BOOL", json!(2), "/inputs/0/data/0: expected true, false, 0 or 1 for BOOL, a number came"),
        ("FP64", json!("x"), "/inputs/0/data/0: expected a number or null for FP64, a text came"),
        ("FP64", json!(true), "/inputs/0/data/0: expected a number or null for FP64, true came"),
        ("FP64", json!({"x": [1]}), "/inputs/0/data/0: expected a number or null for FP64, an object came"),
        ("FP32", json!(1e300), "/inputs/0/data/0: expected a number from -3.4"),
        ("FP16", json!(65_520), "/inputs/0/data/0: expected a number from -6.5504e4 to 6.5504e4 for FP16"),
        ("BYTES", json!(1), "/inputs/0/data/0: expected a text for BYTES, a number came"),
        ("BF16", json!(1), "/inputs/0/datatype: expected BF16 as binary data, JSON came; send FP32"),
        ("FOO", json!(1), "/inputs/0/datatype: expected one of BOOL, INT8"),
    ] {
        let (status, error) = refused(&server, "label", &one(datatype, value)).await;
        assert!(status == 400 && error.starts_with(told), "{status} {error}");
    }
    let (status, error) = refused(&server, "label", &one("FP64", json!(null))).await;
    assert_eq!((status, error.as_str()), (422, "/inputs/0/data/0: expected a value, a missing one came"));
    let (status, error) = refused(&server, "label", &one("BYTES", json!("x"))).await;
    assert!(status == 422 && error.starts_with("/inputs/0/data/0: expected a number"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn elements_are_flat_or_nested_as_the_shape() {
    let server = TestServer::start().await;
    server.fit("rows", &json!({"drift_type": "tabular", "data": numbers(60).iter().map(|x| [*x, 1.0 - x, x * x]).collect::<Vec<_>>(),
                               "detector": {"kind": "mmd_online", "ert": 20, "window_size": 4, "n_bootstraps": 2_000}})).await;
    let matrix = |shape: Value, data: Value| json!({"inputs": [{"name": "x", "shape": shape, "datatype": "FP64", "data": data}]});
    for (shape, data) in [
        (json!([2, 3]), json!([1, 2, 3, 4, 5, 6])),
        (json!([2, 3]), json!([[1, 2, 3], [4, 5, 6]])),
        (json!([2, 3, 1]), json!([[[1], [2], [3]], [[4], [5], [6]]])),
    ] {
        let answer = judged(&server, "rows", &matrix(shape, data)).await;
        assert_eq!(output(&answer, "time")["shape"], json!([2, 1]));
    }
    for (shape, data, told) in [
        (json!([2, 3]), json!([[1, 2, 3], [4, 5]]), "/inputs/0/data: expected nested arrays of 3 items at depth 2"),
        (
            json!([2, 3]),
            json!([[1, 2], [3, 4], [5, 6]]),
            "/inputs/0/data: expected nested arrays of 3 items at depth 2",
        ),
        (json!([2, 3]), json!([1, 2, 3, [4, 5, 6]]), "/inputs/0/data/3: expected elements in one array or nested"),
        (json!([2, 3]), json!([[[1]]]), "/inputs/0/data/0: expected elements in one array or nested"),
        (json!([2, 3]), json!([1, 2, 3, 4, 5]), "/inputs/0/data: expected the 6 elements of the shape [2, 3], 5 came"),
        (
            json!([2, 3]),
            json!([1, 2, 3, 4, 5, 6, 7]),
            "/inputs/0/data/6: expected the 6 elements of the shape [2, 3], more came",
        ),
        (json!([-1, 3]), json!([1, 2, 3]), "/inputs/0/shape: expected dimensions of 0 or more, -1 came"),
        (json!([1, 3.5]), json!([1, 2, 3]), "/inputs/0/shape/1: expected an integer of 0 or more, 3.5 came"),
        (json!([1, 1, 1, 1, 1, 1, 1, 1, 3]), json!([1, 2, 3]), "/inputs/0/shape/8: expected at most 8 dimensions"),
        (json!([1_000_000_000_000_u64]), json!([1]), "/inputs/0/data: expected the 1000000000000 elements"),
        (json!([1_u64 << 40, 1_u64 << 40]), json!([1]), "/inputs/0/shape: expected fewer elements than"),
        (json!([2, 3]), json!(5), "/inputs/0/data/0: expected elements in one array or nested"),
        (json!([2, 3]), json!("x"), "/inputs/0/data/0: expected elements in one array or nested"),
    ] {
        let (status, error) = refused(&server, "rows", &matrix(shape, data)).await;
        assert!(status == 400 && error.starts_with(told), "{status} {error}");
    }
    let (status, error) = refused(&server, "rows", &matrix(json!([0, 3]), json!([]))).await;
    assert_eq!((status, error.as_str()), (422, "/inputs/0: expected at least one row, none came"));
    let (status, _) = refused(&server, "rows", &matrix(json!([2, 2]), json!([1, 2, 3, 4]))).await;
    assert_eq!(status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_a_frame_are_matched_by_name() {
    let server = fitted().await;
    let both = |n: usize| {
        vec![tensor("weekday", "BYTES", &json!(vec!["mon"; n])), tensor("nswprice", "FP64", &json!(numbers(n)))]
    };
    judged(&server, "price", &json!({"inputs": both(3)})).await;
    let mut uneven = both(3);
    uneven[1] = tensor("nswprice", "FP64", &json!([1.0]));
    for (inputs, status, told) in [
        (json!([both(1)[0]]), 422, "/inputs/0: column `nswprice`: expected this column"),
        (
            json!([both(1)[0], both(1)[1], tensor("z", "FP64", &json!([1]))]),
            422,
            "/inputs/2: column `z`: this column is not one",
        ),
        (json!([both(1)[0], both(1)[0], both(1)[1]]), 422, "/inputs/0: column `weekday`: expected each column once"),
        (json!(uneven), 400, "/inputs/1/shape: expected a column of 3 rows"),
        (json!([]), 400, "/inputs: expected a tensor for each column, none came"),
    ] {
        let (came, error) = refused(&server, "price", &json!({"inputs": inputs})).await;
        assert!(came == status && error.starts_with(told), "{came} {error}");
    }
    let two = json!({"inputs": both(1)});
    let (status, error) = refused(&server, "label", &two).await;
    assert!(
        status == 400 && error.contains("the content type `np` only supports a single input tensor, 2 came"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn content_types_of_the_codecs() {
    let server = fitted().await;
    let coded = |name: &str, content_type: &str, data: Value| {
        let mut tensor = tensor(name, "BYTES", &data);
        tensor["parameters"] = json!({"content_type": content_type});
        tensor
    };
    let price = || tensor("nswprice", "FP64", &json!([0.5]));
    for (day, status, told) in [
        (coded("weekday", "str", json!(["mon"])), 200, ""),
        (coded("weekday", "base64", json!(["bW9u"])), 200, ""),
        (coded("weekday", "pd_json", json!(["\"mon\""])), 200, ""),
        (coded("weekday", "datetime", json!(["2026-11-28T10:00:00Z"])), 200, ""),
        (
            coded("weekday", "base64", json!(["mo~n"])),
            400,
            "/inputs/1/data/0: expected a text in UTF-8 in base64, \"mo~n\" came",
        ),
        (
            coded("weekday", "datetime", json!(["monday"])),
            400,
            "/inputs/1/data/0: expected a date or time as in ISO 8601",
        ),
        (coded("weekday", "pd_json", json!(["[1]"])), 400, "/inputs/1/data/0: expected the JSON of a number"),
        (
            coded("weekday", "pickle", json!(["x"])),
            400,
            "/inputs/1/parameters/content_type: expected the content type `np`",
        ),
    ] {
        let reply = infer(&server, "price", &json!({"inputs": [price(), day]})).await;
        assert_eq!(reply.status, status, "{}", reply.text());
        assert!(status == 200 || reply.json()["error"].as_str().unwrap().starts_with(told), "{}", reply.text());
    }
    // Numbers in JSON, one text a cell.
    let numbers = coded("nswprice", "pd_json", json!(["0.5"]));
    judged(&server, "price", &json!({"inputs": [numbers, coded("weekday", "str", json!(["mon"]))]})).await;
    // Rows as objects.
    for (kind, data) in [
        ("hg_json", json!([r#"{"nswprice": 0.5, "weekday": "mon"}"#])),
        ("hg_jsonlist", json!([r#"[{"nswprice": 0.5, "weekday": "mon"}, {"weekday": "tue", "nswprice": 1}]"#])),
    ] {
        judged(&server, "price", &json!({"inputs": [coded("array_inputs", kind, data)]})).await;
    }
    let (status, error) = refused(&server, "price", &json!({"inputs": [coded("x", "hg_json", json!(["[1]"]))]})).await;
    assert!(status == 400 && error.contains("expected the JSON of an object"), "{error}");
    let request = json!({"parameters": {"content_type": "csv"}, "inputs": [price()]});
    let (status, error) = refused(&server, "price", &request).await;
    assert!(status == 400 && error.starts_with("/parameters/content_type: expected the content type `np`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_stand_twice_are_refused() {
    let server = fitted().await;
    let tensor = r#"{"name":"x","shape":[1],"datatype":"FP64","data":[1]}"#;
    for (body, place) in [
        (format!(r#"{{"inputs":[{tensor}],"inputs":[{tensor}]}}"#), "/inputs"),
        (format!(r#"{{"id":"a","id":"b","inputs":[{tensor}]}}"#), "/id"),
        (
            r#"{"inputs":[{"name":"x","name":"y","shape":[1],"datatype":"FP64","data":[1]}]}"#.to_owned(),
            "/inputs/0/name",
        ),
        (
            r#"{"inputs":[{"name":"x","shape":[1],"shape":[1],"datatype":"FP64","data":[1]}]}"#.to_owned(),
            "/inputs/0/shape",
        ),
        (
            format!(r#"{{"parameters":{{"content_type":"np","content_type":"pd"}},"inputs":[{tensor}]}}"#),
            "/parameters/content_type",
        ),
    ] {
        let reply = server.send("POST", "/v2/models/label/infer", &[], body.as_bytes()).await;
        let told = reply.json();
        assert_eq!((reply.status, &told["errors"][0]["pointer"]), (400, &json!(place)), "{told}");
    }
    // The data may stand before what they are.
    let turned = r#"{"inputs":[{"data":[[0.5]],"datatype":"FP64","shape":[1,1],"name":"x"}]}"#;
    assert_eq!(server.send("POST", "/v2/models/label/infer", &[], turned.as_bytes()).await.status, 200);
    let other = json!({"model_name": "price", "inputs": []});
    assert!(refused(&server, "label", &other).await.1.starts_with("/model_name: expected the model of the path"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_json_is_told_by_its_byte() {
    let server = fitted().await;
    for (body, told) in [
        (r#"{"inputs": ["#, "the request is not JSON: EOF while parsing a list at byte 12"),
        (
            r#"{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[NaN]}]}"#,
            "the request is not JSON: expected value at byte 62; JSON has no NaN",
        ),
        (
            r#"{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[1e400]}]}"#,
            "the request is not JSON: number out of range at byte",
        ),
        ("[]", "the request is no inference request: invalid type: sequence, expected an inference request"),
        ("", "the request is not JSON: EOF while parsing a value at byte 0"),
        (r#"{"inputs":{}}"#, "the request is no inference request: invalid type: map, expected an array of tensors"),
        ("{}", "/inputs: expected an array of tensors, none came"),
        (
            r#"{"inputs":[{"shape":[1],"datatype":"FP64","data":[1]}]}"#,
            "/inputs/0/name: expected the name of a tensor, none came",
        ),
        (
            r#"{"inputs":[{"name":"x","datatype":"FP64","data":[1]}]}"#,
            "/inputs/0/shape: expected an array of dimensions, none came",
        ),
        (r#"{"inputs":[{"name":"x","shape":[1],"data":[1]}]}"#, "/inputs/0/datatype: expected one of BOOL"),
        (
            r#"{"inputs":[{"name":"x","shape":[1],"datatype":"FP64"}]}"#,
            "/inputs/0: expected `data`, or `binary_data_size`",
        ),
    ] {
        let reply = server.send("POST", "/v2/models/label/infer", &[], body.as_bytes()).await;
        let error = reply.json()["error"].as_str().unwrap().to_owned();
        assert!(reply.status == 400 && error.starts_with(told), "{} {error}", reply.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_an_event_for_each_row() {
    let server = fitted().await;
    for path in ["infer_stream", "generate_stream", "versions/1/infer_stream", "versions/1/generate_stream"] {
        let reply = server.post_json(&format!("/v2/models/label/{path}"), &label(&json!([0.1, 0.2, 0.3]))).await;
        assert_eq!(reply.header("content-type"), Some("text/event-stream"));
        let text = reply.text();
        let events: Vec<Value> = text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).unwrap())
            .collect();
        assert_eq!(events.len(), 3, "{text}");
        let times: Vec<i64> = events.iter().map(|event| output(event, "time")["data"][0].as_i64().unwrap()).collect();
        assert!(times[0] + 1 == times[1] && times[1] + 1 == times[2], "{times:?}");
        assert_eq!(output(&events[0], "test_stat")["shape"], json!([1, 1, 1]));
    }
    for path in ["generate", "versions/1/infer", "versions/1/generate"] {
        assert_eq!(server.post_json(&format!("/v2/models/label/{path}"), &label(&json!([0.1]))).await.status, 200);
    }
    assert_eq!(
        server.post_json("/v2/models/label/versions/2/infer", &label(&json!([0.1]))).await.json()["code"],
        "version_not_found"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_stream_tells_of_its_own_row() {
    let server = TestServer::start().await;
    let detector = json!({"kind": "cvm_online", "ert": 20, "window_sizes": [4, 8], "n_bootstraps": 2_000});
    server.fit("label", &json!({"drift_type": "label", "data": numbers(60), "detector": detector})).await;
    let reply = server.post_json("/v2/models/label/infer_stream", &label(&json!([0.1, 0.2, 0.3, 0.4, 0.5]))).await;
    let warm_ups: Vec<bool> =
        events(&reply.text()).iter().map(|event| event["parameters"].get("warmup").is_some()).collect();
    assert_eq!(warm_ups, [true, true, true, false, false]);

    let data = json!({"a": numbers(100), "b": numbers(100)});
    let detector = json!({"kind": "ks", "window": {"size": 10}});
    server.fit("ks", &json!({"drift_type": "tabular", "data": data, "detector": detector})).await;
    let columns = |n: usize| json!({"inputs": [tensor("a", "FP64", &json!(numbers(n))), tensor("b", "FP64", &json!(numbers(n)))]});
    let reply = server.post_json("/v2/models/ks/infer_stream", &columns(7)).await;
    let pending = events(&reply.text());
    assert_eq!((pending.len(), &pending[0]["parameters"]["pending_rows"]), (1, &json!(7)));
    let closed = events(&server.post_json("/v2/models/ks/infer_stream", &columns(15)).await.text());
    let told: Vec<&Value> = closed.iter().map(|event| &event["parameters"]["pending_rows"]).collect();
    assert_eq!(told, [&Value::Null, &json!(2)], "what waits is told at the end");
}

fn events(text: &str) -> Vec<Value> {
    text.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_stream_takes_time_with_its_rows_alone() {
    let server = TestServer::start().await;
    server.fit("count", &json!({"drift_type": "label", "data": [1, 2, 3], "detector": {"kind": "dummy"}})).await;
    // Were each event made from all rows, this would take minutes.
    let reply = server.post_json("/v2/models/count/infer_stream", &label(&json!(vec![1; 100_000]))).await;
    assert_eq!(reply.text().lines().filter(|line| line.starts_with("data: ")).count(), 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tensor_means_the_same_in_json_and_in_bytes() {
    let server = TestServer::start().await;
    let tenths = |n: usize| json!([0.1, 0.2, 0.3].repeat(n));
    // Texts of the numbers are classes, so that the last digit counts.
    let fit = json!({"inputs": [tensor("x", "FP32", &tenths(60))]});
    let path = "/v2/models/fit?detector_name=classes&drift_type=label&ert=20";
    assert_eq!(server.post_json(path, &fit).await.status, 200);
    let json = judged(&server, "classes", &json!({"inputs": [tensor("x", "FP32", &tenths(20))]})).await;
    server.post("/api/v1/projects/classes/reset").await;
    let told = json!({"inputs": [{"name": "x", "shape": [60, 1], "datatype": "FP32", "parameters": {"binary_data_size": 240}}]});
    let bytes: Vec<u8> = [0.1_f32, 0.2, 0.3].repeat(20).into_iter().flat_map(f32::to_le_bytes).collect();
    let length = told.to_string().len().to_string();
    let body = [told.to_string().as_bytes(), &bytes].concat();
    let reply =
        server.send("POST", "/v2/models/classes/infer", &[("Inference-Header-Content-Length", &length)], &body).await;
    assert_eq!(output(&reply.json(), "test_stat"), output(&json, "test_stat"));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_would_be_shared_is_refused_as_what_is_not_there() {
    let server = fitted().await;
    let mut input = tensor("x", "FP64", &json!([0.5]));
    input["parameters"] = json!({"shared_memory_region": "r", "shared_memory_byte_size": 8});
    let reply = infer(&server, "label", &json!({"inputs": [input]})).await;
    assert_eq!((reply.status, &reply.json()["code"]), (501, &json!("not_supported")));
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_mlserver_come_where_they_are_asked_for() {
    let request = label(&json!([0.5]));
    for (settings, expected) in [
        (HttpSettings::default(), None),
        (
            HttpSettings { mlserver_headers: true, ..HttpSettings::default() },
            Some("io.seldon.serving.inference.response"),
        ),
    ] {
        let server = TestServer::with(settings).await;
        server.fit_label("label").await;
        let reply = infer(&server, "label", &request).await;
        assert_eq!(reply.header("ce-type"), expected);
        let id = reply.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(reply.header("ce-requestid"), expected.map(|_| id.as_str()));
        assert_eq!(reply.header("x-seldon-alibi-method"), expected.map(|_| "CVMDriftOnline"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_that_a_client_gives_is_a_limit() {
    let server = fitted().await;
    let mut request = label(&json!([0.5]));
    request["parameters"] = json!({"timeout": 10_000_000});
    judged(&server, "label", &request).await;
    request["parameters"] = json!({"timeout": "soon"});
    assert_eq!(refused(&server, "label", &request).await.0, 400);
    // Rows that take longer than is waited for are fed all the same; no time at all is no limit.
    let mut many = label(&json!(numbers(20_000)));
    many["parameters"] = json!({"timeout": 1});
    let reply = infer(&server, "label", &many).await;
    assert_eq!((reply.status, &reply.json()["code"]), (408, &json!("deadline_exceeded")));
    many["parameters"] = json!({"timeout": 0});
    assert_eq!(output(&judged(&server, "label", &many).await, "time")["data"][0], 20_002);
}
