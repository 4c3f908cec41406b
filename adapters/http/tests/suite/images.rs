//! Projects of images over HTTP.

use std::io::Cursor;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::{GrayImage, ImageFormat, Luma};
use serde_json::{Value, json};

use crate::support::{CSV, NDJSON, TestServer};

const SIDE: u32 = 12;

/// Bright discs on grey at places that differ, or where `sharp` is false, wide slopes.
fn image(index: u32, sharp: bool) -> GrayImage {
    let (x0, y0) = (3 + index * 7 % 6, 3 + index * 5 % 7);
    GrayImage::from_fn(SIDE, SIDE, |x, y| {
        let distance = x.abs_diff(x0).pow(2) + y.abs_diff(y0).pow(2);
        let light = if sharp { if distance < 9 { 230 } else { 90 } } else { 140_u32.saturating_sub(distance / 2) };
        Luma([u8::try_from(light + index * 11 % 13).unwrap()])
    })
}

fn images(n: u32, sharp: bool) -> Vec<GrayImage> {
    (0..n).map(|index| image(index, sharp)).collect()
}

/// As rows of numbers, as rows of pixels of three equal shares of 1, as PNG.
fn arrays(images: &[GrayImage]) -> Value {
    images.iter().map(|image| image.as_raw().chunks(SIDE as usize).map(<[u8]>::to_vec).collect::<Vec<_>>()).collect()
}

fn shares(images: &[GrayImage]) -> Value {
    let pixel = |value: &u8| [f64::from(*value) / 255.0; 3];
    let rows = |image: &GrayImage| -> Value {
        image.as_raw().chunks(SIDE as usize).map(|row| row.iter().map(pixel).collect::<Vec<_>>()).collect()
    };
    images.iter().map(rows).collect()
}

fn files(images: &[GrayImage]) -> Vec<String> {
    let file = |image: &GrayImage| {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        BASE64_STANDARD.encode(bytes.into_inner())
    };
    images.iter().map(file).collect()
}

fn body(data: &Value) -> Value {
    json!({
        "drift_type": "image",
        "detector": {"ert": 20, "window_size": 4, "n_bootstraps": 2_000},
        "preprocessing": {"n_components": 5},
        "data": data,
    })
}

fn nameless(mut answer: Value) -> Value {
    answer["project"] = Value::Null;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn images_come_as_files_and_as_arrays_and_drift_tells_what_moved() {
    let server = TestServer::start().await;
    let (reference, later) = (images(80, true), images(12, false));
    let fitted = server.fit("arrays", &body(&json!({"photo": arrays(&reference)}))).await;
    assert_eq!((&fitted["drift_type"], &fitted["detector"]["kind"]), (&json!("image"), &json!("mmd_online")));
    assert_eq!(fitted["preprocessing"], json!({"standardize": false, "n_components": 5}));
    assert_eq!(fitted["schema"]["columns"], json!([{"name": "photo", "type": "image", "categories": null}]));
    assert_eq!(fitted["reference_rows"], 80);
    let judged = server.post_json("/api/v1/projects/arrays/predict", &json!({"data": arrays(&later)})).await.json();
    assert_eq!((&judged["is_drift"], &judged["rows"]), (&json!(true), &json!(12)), "{judged}");
    let features = judged["features"].as_array().unwrap();
    assert_eq!(features.len(), 19 + 5);
    let sharpness = features.iter().find(|feature| feature["name"] == "sharpness").unwrap();
    assert_eq!(sharpness["is_drift"], true, "{judged}");

    let records: Value = files(&reference).into_iter().map(|file| json!({"photo": file})).collect();
    for (name, reference, later) in [
        ("files", json!({"photo": files(&reference)}), json!(files(&later))),
        ("shares", json!({"photo": shares(&reference)}), shares(&later)),
        ("mixed", records, arrays(&later)),
    ] {
        assert_eq!(nameless(server.fit(name, &body(&reference)).await), nameless(fitted.clone()), "{name}");
        let reply = server.post_json(&format!("/api/v1/projects/{name}/predict"), &json!({"data": later})).await;
        assert_eq!(nameless(reply.json()), nameless(judged.clone()), "{name}");
    }
    let lines = |start: &str, files: Vec<String>| start.to_owned() + &(files.join("\n") + "\n");
    let query = "drift_type=image&ert=20&window_size=4&n_bootstraps=2000&n_components=5";
    let headers = [("Content-Type", CSV)];
    let csv = lines("photo\n", files(&reference)).into_bytes();
    let reply = server.send("POST", &format!("/api/v1/projects/csv/fit?{query}"), &headers, &csv).await;
    assert_eq!(nameless(reply.json()), nameless(fitted));
    let headers = [("Content-Type", NDJSON)];
    let ndjson: String = arrays(&later).as_array().unwrap().iter().map(|image| image.to_string() + "\n").collect();
    let reply = server.send("POST", "/api/v1/projects/csv/predict", &headers, ndjson.as_bytes()).await;
    assert_eq!(nameless(reply.json()), nameless(judged));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_image_is_refused_at_its_place() {
    let server = TestServer::start().await;
    server.fit("p", &body(&arrays(&images(80, true)))).await;
    let file = files(&images(1, true)).remove(0);
    let cut = &file[..file.len() / 8 * 4];
    for (data, pointer, detail) in [
        (json!([file, "x!"]), "/data/1", "expected a PNG or JPEG file in base64"),
        (json!([file, cut]), "/data/1", "expected a whole PNG file"),
        (json!({"value": [file, "R0lGODlhAQABAAAAACw="]}), "/data/value/1", "expected a PNG or JPEG file"),
        (json!([5]), "/data/0", "expected an image (a PNG or JPEG file in base64, or an array"),
        (json!([[[1, 2], [3]]]), "/data/0", "expected rows of 2 pixels, as the first one, one of 1 came"),
        (json!([[[0]], [[1, 2], [3, null]]]), "/data/1", "expected pixels that are numbers"),
        (json!([[[0]], [1, 2]]), "/data/1", "expected an image as an array of rows"),
        (json!([[]]), "/data/0", "expected an image with sides"),
        (json!([[[256]]]), "/data/0", "expected values of pixels of 0 to 1 or of 0 to 255, 256 came"),
        (json!([[[[1, 2, 3, 4, 5]]]]), "/data/0", "expected 1 to 4 values a pixel"),
        (json!([[[[[1]]]]]), "/data/0", "expected numbers in a pixel, an array came"),
        (json!([{"value": [[0]]}, {"value": [[0], 1]}]), "/data/1/value", "expected an image as an array of rows"),
        (json!([file, null]), "/data/1", "expected a value, a missing one came"),
        (json!([file, [[0]]]), "/data/1", "expected a text or null, as the values before"),
    ] {
        let problem = server.post_json("/api/v1/projects/p/predict", &json!({"data": data})).await.json();
        let error = &problem["errors"][0];
        assert_eq!((&problem["status"], &error["pointer"]), (&json!(422), &json!(pointer)), "{problem}");
        assert!(error["detail"].as_str().unwrap().starts_with(detail), "{problem}");
    }
    for (settings, pointer) in [
        (json!({"preprocessing": {"n_components": 40}}), "/preprocessing/n_components"),
        (json!({"detector": {"kind": "chi_square"}}), "/detector/kind"),
        (json!({"data": [[[0]], [[1]], [[2]]]}), "/data"),
        (json!({"data": [[[0]], [[1, 2], 3]]}), "/data/1"),
        (json!({"data": [1, 2, 3]}), "/data/0"),
        (json!({"drift_type": "tabular", "data": [[[0]], [[1]]]}), "/data/0/0"),
    ] {
        let mut body = body(&arrays(&images(80, true)));
        body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let problem = server.post_json("/api/v1/projects/new/fit", &body).await.json();
        let came = (&problem["status"], &problem["errors"][0]["pointer"]);
        assert_eq!(came, (&json!(422), &json!(pointer)), "{problem}");
    }
    assert_eq!(server.get("/api/v1/projects/p").await.json()["rows_seen"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_sees_files_and_arrays_alike() {
    let server = TestServer::start().await;
    let (reference, same, later) = (images(80, true), images(40, true), images(40, false));
    let with = |data: &Value| {
        let preprocessing = json!({"encoder": "edges", "n_components": 2});
        // Before the settings too, as the order of members is anybody's.
        json!({"data": data, "drift_type": "image", "detector": {"kind": "mmd", "p_val": 0.01}, "preprocessing": preprocessing})
    };
    let fitted = server.fit("arrays", &with(&json!({"photo": arrays(&reference)}))).await;
    assert_eq!(fitted["preprocessing"], json!({"standardize": false, "n_components": 2, "encoder": "edges"}));
    let predict = async |name: &str, data: &Value| {
        let path = format!("/api/v1/projects/{name}/predict");
        server.post_json(&path, &json!({"data": data})).await.json()
    };
    let judged = predict("arrays", &arrays(&later)).await;
    assert_eq!((&judged["is_drift"], &judged["rows"]), (&json!(true), &json!(40)), "{judged}");
    assert_eq!(predict("arrays", &arrays(&same)).await["is_drift"], json!(false));
    let names: Vec<&str> =
        judged["features"].as_array().unwrap().iter().map(|feature| feature["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 2 + 19);
    assert!(["component_1", "component_2", "sharpness"].iter().all(|name| names.contains(name)), "{names:?}");

    for (name, reference, later) in [
        ("files", json!({"photo": files(&reference)}), json!(files(&later))),
        ("shares", json!({"photo": shares(&reference)}), shares(&later)),
    ] {
        assert_eq!(nameless(server.fit(name, &with(&reference)).await), nameless(fitted.clone()), "{name}");
        assert_eq!(nameless(predict(name, &later).await), nameless(judged.clone()), "{name}");
    }
    let csv = "photo\n".to_owned() + &(files(&reference).join("\n") + "\n");
    let query = "drift_type=image&kind=mmd&p_val=0.01&encoder=edges&n_components=2";
    let headers = [("Content-Type", CSV)];
    let reply = server.send("POST", &format!("/api/v1/projects/csv/fit?{query}"), &headers, csv.as_bytes()).await;
    assert_eq!(nameless(reply.json()), nameless(fitted.clone()));
    let headers = [("Content-Type", NDJSON)];
    let ndjson: String = arrays(&later).as_array().unwrap().iter().map(|image| image.to_string() + "\n").collect();
    let reply = server.send("POST", "/api/v1/projects/csv/predict", &headers, ndjson.as_bytes()).await;
    assert_eq!(nameless(reply.json()), nameless(judged));
    let lines: String = arrays(&reference).as_array().unwrap().iter().map(|image| image.to_string() + "\n").collect();
    let path = format!("/api/v1/projects/lines/fit?{query}");
    let reply = server.send("POST", &path, &headers, lines.as_bytes()).await;
    // Lines have no name for their column.
    let of_lines = reply.json();
    assert_eq!((&of_lines["preprocessing"], &of_lines["reference_rows"]), (&fitted["preprocessing"], &json!(80)));
}

#[tokio::test(flavor = "multi_thread")]
async fn encoders_of_images_that_cannot_be_are_told() {
    let server = TestServer::start().await;
    let reference = arrays(&images(80, true));
    for (settings, pointer, detail) in [
        (
            json!({"preprocessing": {"encoder": "../edges"}}),
            "/preprocessing/encoder",
            "expected the name of an encoder",
        ),
        // One of texts.
        (json!({"preprocessing": {"encoder": "letters"}}), "/preprocessing/encoder", "expected the name of an encoder"),
        (json!({"preprocessing": {"encoder": "edges", "n_components": 3}}), "/preprocessing/n_components", "of 1 to 2"),
        (json!({"preprocessing": {"features": "statistics"}}), "/preprocessing/features", "of the drift type `text`"),
        (
            json!({"preprocessing": {"encoder": "edges"}, "data": [[vec![1; 101]], [[0]], [[1]], [[2]]]}),
            "/data/0",
            "expected a small image",
        ),
    ] {
        let mut body = json!({"drift_type": "image", "detector": {"kind": "mmd"}, "data": reference});
        body.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let problem = server.post_json("/api/v1/projects/new/fit", &body).await.json();
        let error = &problem["errors"][0];
        assert_eq!((&problem["status"], &error["pointer"]), (&json!(422), &json!(pointer)), "{problem}");
        assert!(error["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_of_images_is_replayed_with_an_encoder() {
    let server = TestServer::start().await;
    let history = [images(300, true), images(100, false)].concat();
    let asked = |data: Value| {
        json!({
            "drift_type": "image", "data": data, "reference": 200, "changes": [300], "margin": 60, "windows": [20],
            "candidates": [
                {"kind": "mmd", "encoder": "edges"}, {"kind": "mmd"}, {"kind": "mmd", "encoder": "none"},
            ],
        })
    };
    let mut reports = Vec::new();
    for data in [arrays(&history), json!(files(&history))] {
        let reply = server.post_json("/api/v1/backtest", &asked(data)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let report = reply.json();
        let candidates = report["candidates"].as_array().unwrap();
        assert_eq!(candidates.len(), 3);
        for candidate in &candidates[..2] {
            assert_eq!(candidate["replayed"]["n_missed"], json!(0), "{candidate}");
        }
        assert!(candidates[2]["problem"].as_str().unwrap().contains("expected the name of an encoder"), "{report}");
        reports.push(candidates.iter().map(|candidate| candidate["replayed"]["alarms"].clone()).collect::<Vec<_>>());
    }
    assert_eq!(reports[0], reports[1]);
    // One for all, beside rows of a file too.
    let lines: String = arrays(&history).as_array().unwrap().iter().map(|image| image.to_string() + "\n").collect();
    let query = "drift_type=image&reference=200&changes=300&margin=60&windows=20&kinds=mmd&encoder=edges";
    let headers = [("Content-Type", NDJSON)];
    let reply = server.send("POST", &format!("/api/v1/backtest?{query}"), &headers, lines.as_bytes()).await;
    let report = reply.json();
    let candidate = &report["candidates"][0]["replayed"];
    assert_eq!(
        (&candidate["alarms"], &candidate["preprocessing"]["encoder"]),
        (&reports[0][0], &json!("edges")),
        "{report}"
    );
    let of_table = "/api/v1/backtest?drift_type=tabular&encoder=edges";
    let problem = server.send("POST", of_table, &[("Content-Type", CSV)], b"a,b\n1,2\n2,3\n3,1\n4,2\n").await.json();
    assert_eq!(problem["errors"][0]["pointer"], json!("/encoder"), "{problem}");
}
