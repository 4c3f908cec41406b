//! One request after the other.

use std::sync::Arc;
use std::time::Duration;

use drifting_grpc::GrpcSettings;
use futures_util::stream;
use tonic::Code;

use crate::support::protocol::ModelInferRequest;
use crate::support::{TestServer, label_request, output, raw_request, time};

#[tokio::test]
async fn each_request_has_one_answer_in_order() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let mut client = server.client().await;
    let requests = (0..200_u32).map(|index| ModelInferRequest {
        id: index.to_string(),
        ..label_request("label", &vec![0.5; usize::try_from(index % 3 + 1).unwrap()])
    });
    let mut answers = client.model_stream_infer(stream::iter(requests)).await.unwrap().into_inner();
    let mut n_rows = 0;
    for index in 0..200_u32 {
        let answer = answers.message().await.unwrap().unwrap();
        assert_eq!(answer.error_message, "");
        let answer = answer.infer_response.unwrap();
        assert_eq!(answer.id, index.to_string());
        n_rows += i64::from(index % 3 + 1);
        assert_eq!(output(&answer, "time").contents.as_ref().unwrap().int64_contents.last(), Some(&n_rows));
    }
    assert!(answers.message().await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_refused_does_not_end_the_stream() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let mut client = server.client().await;
    let other = ModelInferRequest { id: "1".to_owned(), ..label_request("other", &[0.5]) };
    let requests = vec![
        label_request("label", &[0.5]),
        other,
        raw_request("label", "FP64", &[1], vec![0; 7]),
        raw_request("label", "FP64", &[1], vec![0; 8]),
    ];
    let mut answers = client.model_stream_infer(stream::iter(requests)).await.unwrap().into_inner();
    let mut next = async || answers.message().await.unwrap().unwrap();
    assert_eq!(next().await.error_message, "");
    let refused = next().await;
    assert!(refused.error_message.contains("there is no project `other`"), "{refused:?}");
    assert_eq!(refused.infer_response.unwrap().id, "1");
    assert!(next().await.error_message.contains("expected 8 bytes"));
    let last = next().await;
    assert_eq!(last.infer_response.unwrap().raw_output_contents.len(), 7);
    assert_eq!(time(&mut client, "label").await, 3);
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_stream() {
    let settings = GrpcSettings { max_message_bytes: 10_000, ..GrpcSettings::default() };
    let server = TestServer::with(settings, Duration::from_secs(20)).await;
    server.fit_label("label").await;
    let mut client = server.client().await;
    let requests = vec![label_request("label", &[0.5]), label_request("label", &[0.5; 2_000])];
    let mut answers = client.model_stream_infer(stream::iter(requests)).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().error_message, "");
    let status = answers.message().await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("at most 10000 bytes"), "{status}");
}

#[tokio::test]
async fn messages_are_counted_as_they_come_and_go() {
    let requests = Arc::new(drifting_grpc::request_measures());
    let settings = GrpcSettings { requests: Arc::clone(&requests), ..GrpcSettings::default() };
    let server = TestServer::with(settings, Duration::from_secs(20)).await;
    server.fit_label("label").await;
    let mut client = server.client().await;
    let asked = vec![label_request("label", &[0.5]), label_request("other", &[0.5]), label_request("label", &[0.5; 3])];
    let mut answers = client.model_stream_infer(stream::iter(asked)).await.unwrap().into_inner();
    let mut n_answers = 0;
    while answers.message().await.unwrap().is_some() {
        n_answers += 1;
    }
    client.model_infer(label_request("label", &[0.5])).await.unwrap();
    client.model_infer(label_request("other", &[0.5])).await.unwrap_err();
    let counts = |method: &str| {
        let of = requests.by_route().find(|of| of.route.ends_with(method)).unwrap();
        (of.n_begun, of.n_received, of.n_sent)
    };
    assert_eq!((n_answers, counts("/ModelStreamInfer")), (3, (1, 3, 3)));
    assert_eq!(counts("/ModelInfer"), (2, 2, 1), "a refusal is a status alone");
    assert_eq!(requests.n_under_way(), 0);
}
