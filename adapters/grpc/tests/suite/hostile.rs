//! Requests that lie: refused at once, whatever they promise.

use std::time::{Duration, Instant};

use tonic::Code;

use crate::support::protocol::infer_parameter::ParameterChoice;
use crate::support::protocol::model_infer_request::InferInputTensor;
use crate::support::protocol::{InferTensorContents, ModelInferRequest};
use crate::support::{TestServer, fp64, parameter, raw_request, request, tensor, texts, time};

fn one(datatype: &str, shape: &[i64], contents: InferTensorContents) -> ModelInferRequest {
    request("label", vec![tensor("x", datatype, shape, contents)])
}

fn raw(datatype: &str, shape: &[i64], bytes: &[u8]) -> ModelInferRequest {
    raw_request("label", datatype, shape, bytes.to_vec())
}

fn requests() -> Vec<(&'static str, ModelInferRequest)> {
    let none = InferTensorContents::default;
    let huge = 1_000_000_000_000;
    let number = fp64(&[0.5]);
    let both = ModelInferRequest {
        raw_input_contents: vec![0.5_f64.to_le_bytes().to_vec()],
        ..one("FP64", &[1], number.clone())
    };
    let mut two_raw = raw("FP64", &[1], &[0; 8]);
    two_raw.raw_input_contents.push(vec![0; 8]);
    vec![
        ("no inputs", request("label", Vec::new())),
        ("two inputs of one", request("label", vec![tensor("x", "FP64", &[1], number.clone()); 2])),
        (
            "no contents",
            request("label", vec![InferInputTensor { contents: None, ..tensor("x", "FP64", &[1], none()) }]),
        ),
        ("no datatype", one("", &[1], number.clone())),
        ("an unknown datatype", one("FP128", &[1], number.clone())),
        ("too few elements", one("FP64", &[2], number.clone())),
        ("too many elements", one("FP64", &[1], fp64(&[0.5, 0.5]))),
        ("a shape that lies", one("FP64", &[huge], number.clone())),
        ("a shape that overflows", one("FP64", &[1 << 40, 1 << 40], number.clone())),
        ("a negative dimension", one("FP64", &[-1, 1], number.clone())),
        ("too many dimensions", one("FP64", &[1; 9], number.clone())),
        ("very many dimensions", one("FP64", &vec![1; 100_000], number.clone())),
        ("contents of another type", one("FP64", &[1], InferTensorContents { fp32_contents: vec![0.5], ..none() })),
        (
            "contents of two types",
            one("FP64", &[1], InferTensorContents { bool_contents: vec![true], ..number.clone() }),
        ),
        ("FP16 that is not raw", one("FP16", &[1], InferTensorContents { fp32_contents: vec![0.5], ..none() })),
        ("an integer beyond its type", one("INT8", &[1], InferTensorContents { int_contents: vec![128], ..none() })),
        (
            "an integer below its type",
            one("INT16", &[1], InferTensorContents { int_contents: vec![-32_769], ..none() }),
        ),
        ("an unsigned integer beyond", one("UINT8", &[1], InferTensorContents { uint_contents: vec![256], ..none() })),
        ("no text", one("BYTES", &[1], InferTensorContents { bytes_contents: vec![vec![0xff]], ..none() })),
        ("few texts", one("BYTES", &[huge], texts(&["a"]))),
        ("typed and raw", both),
        ("more raw than inputs", two_raw),
        ("raw that is too short", raw("FP64", &[1], &[0; 7])),
        ("raw that is too long", raw("FP64", &[1], &[0; 9])),
        ("raw whose shape lies", raw("FP64", &[huge], &[0; 8])),
        ("raw whose shape overflows", raw("INT8", &[1 << 40, 1 << 40], &[0; 8])),
        ("a raw truth beyond 1", raw("BOOL", &[1], &[2])),
        ("raw texts past the end", raw("BYTES", &[1], &[9, 0, 0, 0, b'a'])),
        ("raw texts far past the end", raw("BYTES", &[1], &[0xff, 0xff, 0xff, 0xff, b'a'])),
        ("more raw texts than bytes", raw("BYTES", &[huge], &[0; 8])),
        ("bytes after raw texts", raw("BYTES", &[1], &[0, 0, 0, 0, 1])),
    ]
}

#[tokio::test]
async fn requests_that_lie_are_refused_at_once() {
    const ENOUGH: Duration = Duration::from_millis(100);
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let mut client = server.client().await;
    for (what, asked) in requests() {
        let started = Instant::now();
        let answer = client.model_infer(asked).await;
        let elapsed = started.elapsed();
        let status = answer.expect_err(what);
        assert_eq!(status.code(), Code::InvalidArgument, "{what}: {status}");
        assert!(status.message().starts_with('/'), "{what}: it says where: {status}");
        assert!(elapsed < ENOUGH, "{what}: {elapsed:?}");
    }
    assert_eq!(time(&mut client, "label").await, 1, "nothing was fed");
}

#[tokio::test]
async fn shared_memory_is_not_here() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let mut asked = one("FP64", &[1], InferTensorContents::default());
    let region = parameter(ParameterChoice::StringParam("r".to_owned()));
    asked.inputs[0].parameters.insert("shared_memory_region".to_owned(), region);
    let status = server.client().await.model_infer(asked).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("shared memory"), "{status}");
}

#[tokio::test]
async fn what_takes_far_more_memory_than_bytes_is_refused() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let mut client = server.client().await;
    let n = 8_000_000;
    let values = [
        // A byte becomes eight.
        raw("INT8", &[n, 1], &vec![0; usize::try_from(n).unwrap()]),
        one(
            "INT32",
            &[n, 1],
            InferTensorContents { int_contents: vec![0; usize::try_from(n).unwrap()], ..Default::default() },
        ),
        // Two bytes become a tensor.
        request("label", vec![tensor("", "FP64", &[0], InferTensorContents::default()); 200_000]),
    ];
    for asked in values {
        let status = client.model_infer(asked).await.unwrap_err();
        assert!(matches!(status.code(), Code::ResourceExhausted), "{status}");
        assert!(status.message().contains("send fewer rows"), "{status}");
    }
}
