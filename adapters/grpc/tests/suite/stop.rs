//! How the server stops.

use std::time::{Duration, Instant};

use bytes::Bytes;
use drifting_grpc::GrpcSettings;
use futures_util::{StreamExt, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use prost::Message;
use tokio::sync::mpsc;
use tonic::body::Body;
use tonic::{Code, Status};

use crate::raw::{frame, raw_call};
use crate::support::protocol::ServerLiveRequest;
use crate::support::{Client, TestServer, label_request};

const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";

/// A body of which the rest comes when it is sent.
fn begun(first: Vec<u8>) -> (mpsc::UnboundedSender<Vec<u8>>, Body) {
    let (sender, receiver) = mpsc::unbounded_channel();
    sender.send(first).expect("the receiver is there");
    let frames = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|bytes| (Ok::<_, Status>(Frame::data(Bytes::from(bytes))), receiver))
    });
    (sender, Body::new(StreamBody::new(frames)))
}

#[tokio::test]
async fn calls_under_way_are_answered() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let channel = server.channel().await;
    let message = frame(0, &label_request("label", &[0.5]).encode_to_vec());
    let (first, rest) = message.split_at(20);
    let (sender, body) = begun(first.to_vec());
    let call = tokio::spawn(raw_call(channel.clone(), INFER, &[], body));
    // On the same connection, so that it is answered after the other one has begun.
    Client::new(channel).server_live(ServerLiveRequest {}).await.unwrap();
    let stopped = server.stop();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!stopped.is_finished(), "it waits");
    sender.send(rest.to_vec()).unwrap();
    drop(sender);
    assert_eq!(call.await.unwrap().code(), Code::Ok);
    tokio::time::timeout(Duration::from_secs(10), stopped).await.expect("it stops").unwrap().unwrap();
}

#[tokio::test]
async fn open_streams_are_ended_between_two_requests() {
    let server = TestServer::start().await;
    server.fit_label("label").await;
    let mut client = server.client().await;
    let requests = stream::iter([label_request("label", &[0.5])]).chain(stream::pending());
    let mut answers = client.model_stream_infer(requests).await.unwrap().into_inner();
    answers.message().await.unwrap().unwrap();
    let started = Instant::now();
    let stopped = server.stop();
    let status = answers.message().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("the server stops"), "{status}");
    drop((answers, client));
    stopped.await.unwrap().unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_takes_longer_than_the_grace_is_cut_off() {
    let server = TestServer::with(GrpcSettings::default(), Duration::from_millis(300)).await;
    server.fit_label("label").await;
    let channel = server.channel().await;
    // A message that has begun and does not go on.
    let (_sender, body) = begun(vec![0, 0]);
    let call = tokio::spawn(raw_call(channel.clone(), INFER, &[], body));
    Client::new(channel).server_live(ServerLiveRequest {}).await.unwrap();
    let started = Instant::now();
    server.stop().await.unwrap().unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(call.await.is_err(), "there is no answer");
}
