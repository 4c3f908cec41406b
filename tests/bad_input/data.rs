//! Rows that are well-formed JSON or CSV and not what the project was fitted on, and references that no detector is
//! fitted on.

use serde_json::{Value, json};

use crate::row::{CSV, FIT, JSON, NDJSON, PREDICT, Row};
use crate::values::numbers;

pub fn rows() -> Vec<Row> {
    [shapes(), cells(), labels(), csv(), ndjson(), references(), images()].concat()
}

fn invalid(path: &str, media_type: &str, body: &str, pointer: &str) -> Row {
    Row::post(path, media_type, body, 422, "invalid_data").at(pointer)
}

fn shapes() -> Vec<Row> {
    [
        ("null", ""),
        ("true", ""),
        ("5", ""),
        ("\"data\"", ""),
        ("[]", ""),
        ("[[0.5, \"mon\"]]", ""),
        ("{}", "/data"),
        (r#"{"data": null}"#, "/data"),
        (r#"{"data": false}"#, "/data"),
        (r#"{"data": 0.5}"#, "/data"),
        (r#"{"data": "0.5,mon"}"#, "/data"),
        (r#"{"data": []}"#, "/data"),
        (r#"{"data": {}}"#, "/data"),
        (r#"{"data": [[]]}"#, "/data"),
        (r#"{"data": [{}]}"#, "/data"),
        (r#"{"data": [null]}"#, "/data"),
        (r#"{"data": [[[0.5, "mon"]]]}"#, "/data/0/0"),
        (r#"{"data": {"nswprice": [], "weekday": []}}"#, "/data"),
        (r#"{"data": {"nswprice": 0.5, "weekday": "mon"}}"#, "/data/nswprice"),
        (r#"{"data": {"nswprice": null, "weekday": ["mon"]}}"#, "/data/nswprice"),
        (r#"{"data": {"nswprice": {"0": 0.5}, "weekday": {"0": "mon"}}}"#, "/data/nswprice"),
        (r#"{"data": {"nswprice": [[0.5]], "weekday": ["mon"]}}"#, "/data/nswprice/0"),
        (r#"{"data": {"": [1], "weekday": ["mon"]}}"#, "/data/"),
        // Ragged rows and columns.
        (r#"{"data": [[0.5, "mon"], [0.5]]}"#, "/data/1"),
        (r#"{"data": [[0.5, "mon"], [0.5, "mon", 1]]}"#, "/data/1"),
        (r#"{"data": [[0.5, "mon"], []]}"#, "/data/1"),
        (r#"{"data": [[0.5, "mon"], {"nswprice": 0.5}]}"#, "/data/1"),
        (r#"{"data": [[0.5, "mon"], 0.5]}"#, "/data/1"),
        (r#"{"data": [{"nswprice": 0.5, "weekday": "mon"}, [0.5, "mon"]]}"#, "/data/1"),
        (r#"{"data": {"nswprice": [0.5, 0.6], "weekday": ["mon"]}}"#, "/data/weekday"),
        // Other columns than those of the project.
        (r#"{"data": [0.5, 0.6]}"#, "/data"),
        (r#"{"data": [[0.5]]}"#, "/data/0"),
        (r#"{"data": [[0.5, "mon", 1]]}"#, "/data/0"),
        (r#"{"data": {"nswprice": [0.5]}}"#, "/data/weekday"),
        (r#"{"data": {"nswprice": [0.5], "weekday": ["mon"], "hour": [1]}}"#, "/data/hour"),
        (r#"{"data": {"NSWPRICE": [0.5], "weekday": ["mon"]}}"#, "/data/nswprice"),
        (r#"{"data": {"nswprice ": [0.5], "weekday": ["mon"]}}"#, "/data/nswprice"),
        (r#"{"data": [{"nswprice": 0.5, "weekday": "mon", "__proto__": {"x": 1}}]}"#, "/data/0/__proto__"),
        (r#"{"data": [{"a/b~c": 0.5}]}"#, "/data"),
    ]
    .map(|(body, pointer)| invalid(PREDICT, JSON, body, pointer))
    .into()
}

fn cells() -> Vec<Row> {
    let mut rows: Vec<Row> = [
        ("null", "\"mon\"", "/data/0/0"),
        ("0.5", "null", "/data/0/1"),
        ("\"0.5\"", "\"mon\"", "/data/0/0"),
        ("true", "\"mon\"", "/data/0/0"),
        ("[0.5]", "\"mon\"", "/data/0/0"),
        ("{}", "\"mon\"", "/data/0/0"),
        ("0.5", "1", "/data/0/1"),
        ("0.5", "[\"mon\"]", "/data/0/1"),
        ("1e400", "\"mon\"", "/data/0/0"),
        ("-1e400", "\"mon\"", "/data/0/0"),
        ("1e999999999999", "\"mon\"", "/data/0/0"),
    ]
    .map(|(price, day, pointer)| invalid(PREDICT, JSON, &format!(r#"{{"data": [[{price}, {day}]]}}"#), pointer))
    .into();
    // Numbers at the ends of doubles are good numbers: the second row is at fault here.
    for number in
        ["9007199254740993", "-0", "-0.0", "5e-324", "1e-400", "1.7976931348623157e308", "18446744073709551616"]
    {
        rows.push(invalid(PREDICT, JSON, &format!(r#"{{"data": [[{number}, "mon"], [null, "mon"]]}}"#), "/data/1/0"));
    }
    rows
}

fn labels() -> Vec<Row> {
    let label = "/api/v1/projects/label/predict";
    let classes = "/api/v1/projects/classes/predict";
    [
        (label, r#"{"data": [0.5, null]}"#, "/data/1"),
        (label, r#"{"data": [0.5, "0.5"]}"#, "/data/1"),
        (label, r#"{"data": ["a"]}"#, "/data/0"),
        (label, r#"{"data": [true]}"#, "/data/0"),
        (label, r#"{"data": [[0.5, 0.6]]}"#, "/data/0"),
        (label, r#"{"data": {"label": [0.5]}}"#, "/data/value"),
        // Classes that the reference did not hold.
        (classes, r#"{"data": ["yes", "maybe"]}"#, "/data/1"),
        (classes, r#"{"data": ["YES"]}"#, "/data/0"),
        (classes, r#"{"data": [""]}"#, "/data/0"),
        (classes, r#"{"data": [1]}"#, "/data/0"),
        (classes, r#"{"data": [true, false]}"#, "/data/0"),
        (classes, r#"{"data": ["yes", null]}"#, "/data/1"),
    ]
    .map(|(path, body, pointer)| invalid(path, JSON, body, pointer))
    .into()
}

fn csv() -> Vec<Row> {
    let mut rows: Vec<Row> = [
        "",
        "\n\n\n",
        "nswprice,weekday\n0.5\n",
        "nswprice,weekday\n0.5,mon,1\n",
        "nswprice,weekday\n0.5,\"mon\n",
        "nswprice;weekday\n0.5;mon,\n",
    ]
    .map(|body| Row::post(PREDICT, CSV, body, 400, "malformed"))
    .into();
    rows.push(Row::post(PREDICT, CSV, b"nswprice,weekday\n0.5,m\xf6n\n", 400, "malformed"));
    rows.push(Row::post(PREDICT, CSV, b"n\0s\xffw,weekday\n0.5,mon\n", 400, "malformed"));
    rows.extend(
        [
            ("nswprice,weekday\n", "/data"),
            ("0.5,mon\n0.6,tue\n", "/data/nswprice"),
            ("nswprice\n0.5\n", "/data/weekday"),
            ("nswprice,nswprice\n0.5,mon\n", "/data/nswprice"),
            ("nswprice,\n0.5,mon\n", "/data/"),
            ("nswprice,weekday\n,mon\n", "/data/nswprice/0"),
            ("nswprice,weekday\n0.5,\n", "/data/weekday/0"),
            ("nswprice,weekday\ndear,mon\n", "/data/nswprice/0"),
            ("nswprice,weekday\n0.5,mon\nNaN,tue\n", "/data/nswprice/1"),
            ("nswprice,weekday\ninf,mon\n", "/data/nswprice/0"),
            ("nswprice,weekday\n1e400,mon\n", "/data/nswprice/0"),
            ("nswprice,weekday\n\"0,5\",mon\n", "/data/nswprice/0"),
            ("nswprice,weekday\n=1+1,mon\n", "/data/nswprice/0"),
        ]
        .map(|(body, pointer)| invalid(PREDICT, CSV, body, pointer)),
    );
    rows
}

fn ndjson() -> Vec<Row> {
    let mut rows: Vec<Row> = [
        "[0.5, \"mon\"",
        "[0.5, \"mon\"] [0.6, \"tue\"]",
        "[0.5, \"mon\"],\n[0.6, \"tue\"]",
        "[0.5, \"mon\"]\n{\"nswprice\"",
        "{\"nswprice\": NaN, \"weekday\": \"mon\"}",
        "nswprice,weekday\n0.5,mon",
    ]
    .map(|body| Row::post(PREDICT, NDJSON, body, 400, "malformed"))
    .into();
    rows.push(
        Row::post(PREDICT, NDJSON, "{\"weekday\": \"mon\", \"weekday\": \"mon\"}", 400, "malformed")
            .at("/data/0/weekday"),
    );
    rows.extend(
        [
            ("", "/data"),
            ("\n \n", "/data"),
            ("null", "/data"),
            ("{\"nswprice\": 0.5, \"weekday\": \"mon\"}\n5", "/data/1"),
            ("[0.5, \"mon\"]\n[0.5]", "/data/1"),
            ("[0.5, \"mon\"]\n[1e400, \"mon\"]", "/data/1/0"),
            ("{\"data\": [[0.5, \"mon\"]]}", "/data/0/data"),
        ]
        .map(|(body, pointer)| invalid(PREDICT, NDJSON, body, pointer)),
    );
    rows
}

fn references() -> Vec<Row> {
    let label = |data: Value, detector: &Value| json!({"drift_type": "label", "data": data, "detector": detector});
    let tabular = |data: Value, detector: &Value| json!({"drift_type": "tabular", "data": data, "detector": detector});
    let (usual, two_classes) = (json!({}), json!({"kind": "fet_online"}));
    let kernel = json!({"kind": "mmd_online", "ert": 20, "window_size": 4, "n_bootstraps": 2_000});
    let mut density = json!({"kind": "lsdd_online", "ert": 20, "window_size": 4, "n_kernel_centers": 20});
    let few = json!({"a": numbers(20)});
    let same = json!({"a": vec![0.5; 60]});
    let same_twice = json!({"a": vec![0.5; 60], "b": vec![true; 60]});
    let mostly: Vec<f64> = (0..60).map(|i| if i < 50 { 0.5 } else { f64::from(i) }).collect();
    let mostly = json!({"a": mostly});
    let huge: Vec<f64> = (0..60).map(|i| f64::from(i) * 1e306).collect();
    let mut overflowing = tabular(json!({"a": huge}), &kernel);
    overflowing["preprocessing"] = json!({"standardize": false});
    let texts: Vec<String> = (0..1_500).map(|i| format!("id-{i}")).collect();
    let missing: Vec<Option<f64>> = (0..60).map(|i| (i != 7).then_some(f64::from(i))).collect();
    let mut dropping = tabular(json!([{"a": 1}, {"b": 2}]), &usual);
    dropping["missing_values"] = json!("drop");
    let mut rows = vec![
        ("one row", label(json!([0.5]), &usual), "/data"),
        ("too few rows for the windows", label(json!(numbers(60)), &usual), "/data"),
        ("the largest window", label(json!(numbers(60)), &json!({"window_sizes": [10_000]})), "/data"),
        ("too few rows for a kernel's window", tabular(few.clone(), &json!({"window_size": 40})), "/data"),
        ("too few rows for the centres", tabular(few, &density), "/data"),
        ("a constant column alone", tabular(same, &kernel), "/data"),
        ("constant columns alone", tabular(same_twice, &density), "/data"),
        ("rows that mostly coincide", tabular(mostly.clone(), &kernel), "/data"),
        ("distances that overflow", overflowing, "/data"),
        ("a column of missing values", tabular(json!({"a": [1, 2], "b": [null, null]}), &usual), "/data/b"),
        ("a missing value", label(json!(missing), &usual), "/data/7"),
        ("every row misses a value", dropping, "/data"),
        ("distinct texts alone", tabular(json!({"id": texts}), &usual), "/data/id"),
        ("two columns for a label", label(json!([[1, 2], [3, 4]]), &usual), "/data"),
        ("one class", label(json!(vec![true; 60]), &two_classes), "/data"),
        ("three numbers for two classes", label(json!([0, 1, 2, 0, 1]), &two_classes), "/data"),
        ("mixed types", label(json!([0.5, "a", true]), &usual), "/data/1"),
        ("columns of two lengths", tabular(json!({"a": [1, 2], "b": [1]}), &usual), "/data/b"),
        ("no data", json!({"drift_type": "label"}), "/data"),
        ("a reference of rows of nothing", tabular(json!([[], []]), &usual), "/data"),
    ];
    density["sigma"] = json!(1.0);
    rows.push(("centres that coincide", tabular(mostly, &density), "/data"));
    density["window_size"] = json!(10_000);
    rows.push(("the largest window of a kernel", tabular(json!({"a": numbers(60)}), &density), "/data"));
    rows.into_iter().map(|(what, body, pointer)| invalid(FIT, JSON, &body.to_string(), pointer).about(what)).collect()
}

/// References of images that hold other things.
fn images() -> Vec<Row> {
    [
        ("[5, 6, 7, 8]", "/data/0"),
        (r#"["aGVsbG8=", "x", "y", "z"]"#, "/data/0"),
        (r#"["iVBORw0KGgo=", "iVBORw0KGgo=", "iVBORw0KGgo=", "iVBORw0KGgo="]"#, "/data/0"),
        ("[[[0]], [[1, 2], [3]]]", "/data/1"),
        ("[[[0]], [[-1]]]", "/data/1"),
        ("[[[0]], [[1e300]]]", "/data/1"),
        ("[[[0]], [[]]]", "/data/1"),
        ("[[[0]], [[[[[0]]]]]]", "/data/1"),
        (r#"[[[0]], [[{"r": 1}]]]"#, "/data/1"),
        ("[[[0]], [[1]]]", "/data"),
    ]
    .into_iter()
    .map(|(data, pointer)| invalid(FIT, JSON, &format!(r#"{{"drift_type": "image", "data": {data}}}"#), pointer))
    .collect()
}
