//! Bodies of the Open Inference Protocol: bytes behind JSON, bytes alone, coded bodies, and what lies.

use std::io::{Read, Write};

use drifting_http::HttpSettings;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::{Value, json};

use crate::support::{Reply, TestServer, numbers};

const INFER: &str = "/v2/models/label/infer";

fn doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// JSON and bytes behind it.
async fn send(server: &TestServer, path: &str, json: &Value, bytes: &[u8]) -> Reply {
    let text = json.to_string();
    let length = text.len().to_string();
    let body = [text.as_bytes(), bytes].concat();
    server.send("POST", path, &[("Inference-Header-Content-Length", &length)], &body).await
}

fn binary(shape: &Value, datatype: &str, size: usize) -> Value {
    json!({"inputs": [{"name": "x", "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": size}}]})
}

/// The JSON of an answer, and the bytes behind it.
fn parts(reply: &Reply) -> (Value, &[u8]) {
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("application/octet-stream")),
        "{}",
        reply.text()
    );
    let length: usize = reply.header("inference-header-content-length").unwrap().parse().unwrap();
    (serde_json::from_slice(&reply.body[..length]).unwrap(), &reply.body[length..])
}

#[tokio::test(flavor = "multi_thread")]
async fn tensors_come_and_go_in_bytes() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let mut request = binary(&json!([2, 1]), "FP64", 16);
    request["parameters"] = json!({"binary_data_output": true});
    let reply = send(&server, INFER, &request, &doubles(&[0.5, 0.25])).await;
    let (told, bytes) = parts(&reply);
    let sizes: Vec<(&str, &str, u64)> = told["outputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|output| {
            assert!(output.get("data").is_none());
            let size = output["parameters"]["binary_data_size"].as_u64().unwrap();
            (output["name"].as_str().unwrap(), output["datatype"].as_str().unwrap(), size)
        })
        .collect();
    assert_eq!(
        sizes,
        [
            ("is_drift", "INT64", 16),
            ("distance", "FP64", 16),
            ("p_val", "FP64", 16),
            ("threshold", "FP64", 16),
            ("time", "INT64", 16),
            ("ert", "FP64", 16),
            ("test_stat", "FP32", 8)
        ]
    );
    assert_eq!(bytes.len(), 104);
    assert!(f64::from_le_bytes(bytes[16..24].try_into().unwrap()).is_nan(), "nothing is NaN in bytes");
    assert_eq!(i64::from_le_bytes(bytes[72..80].try_into().unwrap()), 2, "the second row");

    // Some of them.
    request["outputs"] = json!([{"name": "time", "parameters": {"binary_data": false}}, {"name": "ert"}]);
    let reply = send(&server, INFER, &request, &doubles(&[0.5, 0.25])).await;
    let (told, bytes) = parts(&reply);
    assert_eq!((&told["outputs"][0]["data"], bytes), (&json!([3, 4]), &doubles(&[20.0, 20.0])[..]));
    // JSON in, bytes out.
    let json = json!({"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [0.5]}],
                      "outputs": [{"name": "ert", "parameters": {"binary_data": true}}]});
    let reply = server.post_json(INFER, &json).await;
    assert_eq!(parts(&reply).1, doubles(&[20.0]));
    // Bytes in, JSON out; texts among them.
    server.fit_price().await;
    let request = json!({"inputs": [
        {"name": "nswprice", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": 8}},
        {"name": "weekday", "shape": [2, 1], "datatype": "BYTES", "parameters": {"binary_data_size": 14}},
    ]});
    let texts = [&3_u32.to_le_bytes()[..], b"mon", &3_u32.to_le_bytes(), b"tue"].concat();
    let bytes = [&0.5_f32.to_le_bytes()[..], &0.25_f32.to_le_bytes(), &texts].concat();
    let reply = send(&server, "/v2/models/price/infer", &request, &bytes).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")), "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_alone_are_rows_of_the_one_column() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let headers = [("Inference-Header-Content-Length", "0"), ("Content-Type", "application/octet-stream")];
    let reply = server.send("POST", INFER, &headers, &doubles(&[0.5, 0.25, 0.75])).await;
    let (told, bytes) = parts(&reply);
    assert_eq!((told["outputs"][0]["shape"].clone(), bytes.len()), (json!([3, 1]), 3 * 52));
    let reply = server.send("POST", INFER, &headers, &[0; 9]).await;
    assert_eq!(reply.status, 400, "{}", reply.text());
    server.fit_price().await;
    let reply = server.send("POST", "/v2/models/price/infer", &headers, &doubles(&[0.5])).await;
    assert!(reply.status == 400 && reply.text().contains("only a project of one column"), "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_lie_are_refused() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    for (json, bytes, told) in [
        (
            binary(&json!([2]), "FP64", 8),
            doubles(&[1.0]),
            "/inputs/0: expected 8 bytes for each of 2 elements of FP64, 8 bytes came",
        ),
        (
            binary(&json!([1]), "FP64", 8),
            vec![],
            "/inputs/0/parameters/binary_data_size: expected 8 bytes of this tensor behind the JSON, 0 came",
        ),
        (
            binary(&json!([1]), "FP64", 8),
            vec![0; 9],
            "expected as many bytes behind the JSON as the tensors say, 1 more came",
        ),
        (binary(&json!([1]), "BYTES", 5), vec![9, 0, 0, 0, 65], "/inputs/0: element 0: expected 9 bytes, 1 came"),
        (
            binary(&json!([1_000_000_000_000_u64]), "BYTES", 5),
            vec![0; 5],
            "/inputs/0: expected 1000000000000 elements of BYTES",
        ),
        (
            binary(&json!([1_000_000_000_000_u64]), "UINT8", 5),
            vec![0; 5],
            "/inputs/0: expected 1 bytes for each of 1000000000000 elements",
        ),
        (binary(&json!([1]), "BYTES", 5), vec![1, 0, 0, 0, 0xff], "/inputs/0: element 0: expected a text in UTF-8"),
        (
            json!({"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "data": [1], "parameters": {"binary_data_size": 8}}]}),
            doubles(&[1.0]),
            "/inputs/0: expected `data` or `binary_data_size` among the parameters, both came",
        ),
        (
            json!({"inputs": [{"name": "x", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": -8}}]}),
            doubles(&[1.0]),
            "/inputs/0/parameters/binary_data_size: expected a number of bytes",
        ),
    ] {
        let reply = send(&server, INFER, &json, &bytes).await;
        let error = reply.json()["error"].as_str().unwrap().to_owned();
        assert!(reply.status == 400 && error.starts_with(told), "{} {error}", reply.status);
    }
    let headers = |length| [("Inference-Header-Content-Length", length)];
    for length in ["99", "-1", "x", "99999999999999999999999"] {
        assert_eq!(server.send("POST", INFER, &headers(length), b"{}").await.status, 400, "{length}");
    }
    assert_eq!(server.get("/api/v1/projects/label").await.json()["rows_seen"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_coded_both_ways() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let rows: Vec<f64> = numbers(200);
    let body = json!({"inputs": [{"name": "x", "shape": [200, 1], "datatype": "FP64", "data": rows}]}).to_string();
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(body.as_bytes()).unwrap();
    let mut deflate = ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    deflate.write_all(body.as_bytes()).unwrap();
    for (coding, coded) in [
        ("gzip", gzip.finish().unwrap()),
        ("deflate", deflate.finish().unwrap()),
        ("zstd", zstd::bulk::compress(body.as_bytes(), 3).unwrap()),
        ("identity", body.clone().into_bytes()),
    ] {
        let reply =
            server.send("POST", INFER, &[("Content-Encoding", coding), ("Accept-Encoding", coding)], &coded).await;
        assert_eq!(reply.status, 200, "{coding}: {}", reply.text());
        let mut told = Vec::new();
        match reply.header("content-encoding") {
            Some("gzip") => drop(GzDecoder::new(&reply.body[..]).read_to_end(&mut told).unwrap()),
            Some("deflate") => drop(ZlibDecoder::new(&reply.body[..]).read_to_end(&mut told).unwrap()),
            Some("zstd") => told = zstd::stream::decode_all(&reply.body[..]).unwrap(),
            _ => told.clone_from(&reply.body),
        }
        let answer: Value = serde_json::from_slice(&told).unwrap();
        assert_eq!(answer["outputs"][0]["shape"], json!([200, 1]), "{coding}");
        assert_eq!(reply.header("content-encoding").unwrap_or("identity"), coding);
    }
    for (headers, body, status) in [
        (&[("Content-Encoding", "br")][..], body.as_bytes(), 415),
        (&[("Content-Encoding", "gzip, gzip")], body.as_bytes(), 415),
        (&[("Content-Encoding", "gzip")], body.as_bytes(), 400),
        (&[("Content-Type", "text/csv")], body.as_bytes(), 415),
        (&[("Content-Type", "application/vnd.api+json; charset=utf-8")], body.as_bytes(), 200),
        (&[("Content-Type", "application/octet-stream")], body.as_bytes(), 200),
    ] {
        let reply = server.send("POST", INFER, headers, body).await;
        assert_eq!(reply.status, status, "{headers:?}: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_large_stops_at_the_limit() {
    let server = TestServer::with(HttpSettings { max_body_bytes: 100_000, ..HttpSettings::default() }).await;
    server.fit_label("label").await;
    // A megabyte of blanks in a thousand bytes.
    let mut bomb = GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![b' '; 1_000_000]).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 2_000);
    let reply = server.send("POST", INFER, &[("Content-Encoding", "gzip")], &bomb).await;
    assert_eq!((reply.status, &reply.json()["code"]), (413, &json!("body_too_large")));
    // Small elements become numbers of eight bytes.
    let n = 45_000;
    let ones = vec![1; n];
    let json = json!({"inputs": [{"name": "x", "shape": [n], "datatype": "FP64", "data": ones}]});
    assert_eq!(server.post_json(INFER, &json).await.status, 413);
    let reply = send(&server, INFER, &binary(&json!([n]), "INT8", n), &vec![0; n]).await;
    assert_eq!(reply.status, 413, "{}", reply.text());
    // Brackets alone, deep and wide.
    for body in [
        format!(r#"{{"inputs":[{{"name":"x","shape":[1],"datatype":"FP64","data":{}"#, "[".repeat(90_000)),
        format!(r#"{{"x":{}"#, "[".repeat(90_000)),
        format!(r#"{{"inputs":{}"#, "[".repeat(90_000)),
    ] {
        assert_eq!(server.send("POST", INFER, &[], body.as_bytes()).await.status, 400);
    }
}
