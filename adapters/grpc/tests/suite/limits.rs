//! What a client may take: sizes, time, names of hosts, and bytes that are no gRPC.

use std::io::Write;
use std::time::Duration;

use drifting_grpc::{GrpcSettings, GrpcTimeouts};
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;
use tonic::codec::CompressionEncoding;

use crate::raw::{call, frame, stalled_call};
use crate::support::protocol::{ModelInferRequest, ServerLiveRequest};
use crate::support::{Client, TestServer, fp64, label_request, numbers, request, tensor};

const GRACE: Duration = Duration::from_secs(20);

async fn server_with(settings: GrpcSettings) -> TestServer {
    let server = TestServer::with(settings, GRACE).await;
    server.fit_label("label").await;
    server
}

#[tokio::test]
async fn predictions_beyond_the_queue_are_refused_before_their_message_comes() {
    let server = server_with(GrpcSettings::default()).await;
    let mut places: Vec<_> = std::iter::from_fn(|| server.service.enter_predictions(None).ok()).collect();
    assert!(!places.is_empty());
    let status = stalled_call(&server, "/inference.GRPCInferenceService/ModelInfer", Vec::new()).await;
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert_eq!(status.metadata().get("drifting-code").unwrap(), "overloaded");
    let mut client = server.client().await;
    client.server_live(ServerLiveRequest {}).await.unwrap();
    // Whoever is let in on the last place and does not take it keeps nobody out.
    places.pop();
    for _ in 0..3 {
        let status = call(&server, "/inference.GRPCInferenceService/ModelInfer", frame(0, &[0xff; 12]), &[]).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    }
    for _ in 0..3 {
        client.model_infer(label_request("label", &[0.5])).await.unwrap();
    }
}

#[tokio::test]
async fn messages_larger_than_the_limit_are_refused() {
    let server = server_with(GrpcSettings { max_message_bytes: 10_000, ..GrpcSettings::default() }).await;
    let mut client = server.client().await;
    client.model_infer(label_request("label", &numbers(1_200))).await.unwrap();
    for encoding in
        [None, Some(CompressionEncoding::Gzip), Some(CompressionEncoding::Deflate), Some(CompressionEncoding::Zstd)]
    {
        let mut client = match encoding {
            None => client.clone(),
            Some(encoding) => client.clone().send_compressed(encoding),
        };
        // The compressed one is far smaller than the limit.
        let status = client.model_infer(label_request("label", &vec![0.5; 4_000])).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(status.message().contains("at most 10000 bytes"), "{status}");
        assert!(status.metadata().contains_key("x-request-id"));
    }
}

#[tokio::test]
async fn messages_far_beyond_the_usual_four_megabytes_pass() {
    let server = server_with(GrpcSettings::default()).await;
    let mut client = server.client().await.max_decoding_message_size(usize::MAX);
    // 2 MB in, 13 MB out.
    let answer = client.model_infer(label_request("label", &numbers(250_000))).await.unwrap().into_inner();
    assert_eq!(answer.outputs[0].shape, [250_000, 1]);
    // 24 MB in, which are read before they are refused.
    let status = client.model_infer(label_request("label", &numbers(3_000_000))).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
}

#[tokio::test]
async fn compressed_requests_have_compressed_answers() {
    let server = server_with(GrpcSettings::default()).await;
    for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Deflate, CompressionEncoding::Zstd] {
        let mut client = server.client().await.send_compressed(encoding).accept_compressed(encoding);
        let answer = client.model_infer(label_request("label", &numbers(100))).await.unwrap();
        let name = answer.metadata().get("grpc-encoding").map(|name| name.to_str().unwrap().to_owned());
        assert_eq!(name, Some(encoding.to_string()));
        assert_eq!(answer.into_inner().outputs[0].shape, [100, 1]);
    }
}

#[tokio::test]
async fn hosts_that_are_not_served_are_refused() {
    let hosts = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let server = server_with(GrpcSettings { allowed_hosts: Some(hosts), ..GrpcSettings::default() }).await;
    server.client().await.server_live(ServerLiveRequest {}).await.unwrap();
    let origin = "http://evil.example".parse().unwrap();
    let channel = server.endpoint().origin(origin).connect().await.unwrap();
    let status = Client::new(channel).server_live(ServerLiveRequest {}).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().contains("--allowed-hosts"), "{status}");
}

#[tokio::test]
async fn unknown_methods_and_bytes_that_are_no_message_are_said() {
    let server = server_with(GrpcSettings::default()).await;
    for (path, body, code) in [
        ("/inference.GRPCInferenceService/ModelFit", frame(0, &[]), Code::Unimplemented),
        ("/other.Service/Method", frame(0, &[]), Code::Unimplemented),
        ("/inference.GRPCInferenceService/ModelInfer", frame(0, &[0xff; 12]), Code::InvalidArgument),
        ("/inference.GRPCInferenceService/ModelReady", frame(0, &[0xff; 12]), Code::InvalidArgument),
        ("/inference.GRPCInferenceService/ModelInfer", frame(7, &[]), Code::InvalidArgument),
        ("/inference.GRPCInferenceService/ModelInfer", frame(1, &[1, 2, 3]), Code::InvalidArgument),
        ("/inference.GRPCInferenceService/ModelInfer", frame(0, &[0; 9])[..8].to_vec(), Code::InvalidArgument),
        ("/inference.GRPCInferenceService/ModelInfer", Vec::new(), Code::InvalidArgument),
    ] {
        let status = call(&server, path, body, &[]).await;
        assert_eq!(status.code(), code, "{path}: {status}");
        assert!(!status.message().is_empty() && !status.message().contains("decod"), "{path}: {status}");
    }
    let zip = [("grpc-encoding", "gzip")];
    let status = call(&server, "/inference.GRPCInferenceService/ModelInfer", frame(1, b"no gzip"), &zip).await;
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let other = [("grpc-encoding", "br")];
    let status = call(&server, "/inference.GRPCInferenceService/ModelInfer", frame(1, b"x"), &other).await;
    assert_eq!(status.code(), Code::Unimplemented, "{status}");
}

#[tokio::test]
async fn a_bomb_costs_no_more_than_the_limit() {
    let server = server_with(GrpcSettings { max_message_bytes: 1 << 20, ..GrpcSettings::default() }).await;
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..500 {
        bomb.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let started = std::time::Instant::now();
    let body = frame(1, &bomb.finish().unwrap());
    let path = "/inference.GRPCInferenceService/ModelInfer";
    let status = call(&server, path, body, &[("grpc-encoding", "gzip")]).await;
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn messages_that_stall_are_given_up() {
    let timeouts = GrpcTimeouts { message_chunk: Duration::from_millis(200), ..GrpcTimeouts::default() };
    let server = server_with(GrpcSettings { timeouts, ..GrpcSettings::default() }).await;
    let path = "/inference.GRPCInferenceService/ModelInfer";
    let status = stalled_call(&server, path, frame(0, &[0; 100])[..50].to_vec()).await;
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    let status = stalled_call(&server, path, Vec::new()).await;
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
}

#[tokio::test]
async fn streams_may_be_silent_between_messages_alone() {
    let timeouts = GrpcTimeouts { message_chunk: Duration::from_millis(200), ..GrpcTimeouts::default() };
    let server = server_with(GrpcSettings { timeouts, ..GrpcSettings::default() }).await;
    let mut client = server.client().await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<ModelInferRequest>(1);
    let requests =
        stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|request| (request, receiver)) });
    sender.send(label_request("label", &[0.5])).await.unwrap();
    let mut answers = client.model_stream_infer(requests).await.unwrap().into_inner();
    answers.message().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    sender.send(label_request("label", &[0.5])).await.unwrap();
    assert_eq!(answers.message().await.unwrap().unwrap().error_message, "");

    let path = "/inference.GRPCInferenceService/ModelStreamInfer";
    let status = stalled_call(&server, path, frame(0, &[0; 100])[..50].to_vec()).await;
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
}

#[tokio::test]
async fn http_of_the_older_version_is_not_spoken() {
    let server = server_with(GrpcSettings::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection is closed");
    assert!(!answer.starts_with(b"HTTP/1"));
}

#[tokio::test]
async fn a_large_frame_of_many_columns_is_read() {
    let server = server_with(GrpcSettings::default()).await;
    let mut client = server.client().await;
    // Wrong columns, but read whole before that is said.
    let inputs = (0..1_000).map(|index| tensor(&format!("c{index}"), "FP64", &[100], fp64(&[0.5; 100]))).collect();
    let status = client.model_infer(request("label", inputs)).await.unwrap_err();
    assert!(matches!(status.code(), Code::InvalidArgument | Code::FailedPrecondition), "{status}");
}
