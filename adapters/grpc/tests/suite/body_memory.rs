//! What messages take of the memory that bodies have together.

use std::time::Duration;

use drifting_grpc::GrpcSettings;
use drifting_listening::BodyMemory;
use futures_util::stream;
use tokio::sync::mpsc::unbounded_channel;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request};

use crate::support::{TestServer, label_request};

const BYTES_MAX: usize = 1 << 20;

async fn server() -> (TestServer, BodyMemory) {
    let bodies = BodyMemory::new(Some(BYTES_MAX));
    let settings = GrpcSettings { bodies: bodies.clone(), ..GrpcSettings::default() };
    let server = TestServer::with(settings, Duration::from_secs(20)).await;
    server.fit_label("a").await;
    (server, bodies)
}

async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it comes to hold");
}

#[tokio::test]
async fn messages_of_a_stream_count_until_they_are_answered_and_not_for_as_long_as_it_is_open() {
    let (server, bodies) = server().await;
    let mut client = server.client().await;
    let (sender, receiver) = unbounded_channel();
    let requests = stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) });
    let mut answers = client.model_stream_infer(Request::new(requests)).await.unwrap().into_inner();
    // Together they are more than there is memory for, and come one behind the other.
    for _ in 0..8 {
        for _ in 0..4 {
            sender.send(label_request("a", &vec![0.5; 5_000])).unwrap();
        }
        for _ in 0..4 {
            assert_eq!(answers.message().await.unwrap().unwrap().error_message, "");
        }
    }
    until(|| bodies.n_taken() == 0).await;
    sender.send(label_request("a", &[0.5])).unwrap();
    assert_eq!(answers.message().await.unwrap().unwrap().error_message, "", "it is still open");
}

#[tokio::test]
async fn what_a_message_becomes_counts_too() {
    let (server, bodies) = server().await;
    let other = bodies.share();
    assert!(other.take(drifting_listening::FREE_BYTES + 1));
    // Zeros take next to nothing when they are compressed.
    let large = || Request::new(label_request("a", &vec![0.0; 140_000]));
    let client = server.client().await.max_decoding_message_size(usize::MAX);
    let mut client = client.send_compressed(CompressionEncoding::Gzip);
    assert_eq!(client.model_infer(large()).await.unwrap_err().code(), Code::Unavailable);
    drop(other);
    client.model_infer(large()).await.unwrap();
    until(|| bodies.n_taken() == 0).await;
}
