//! Connections: how many there are, how long they may be silent, and what keeps one its place.

use std::time::{Duration, Instant};

use drifting_grpc::{GrpcSettings, GrpcTimeouts};
use drifting_listening::Places;
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::frames::{HEADERS, PING, PREFACE, beginning, frame};
use crate::support::protocol::ServerLiveRequest;
use crate::support::{Client, TestServer, label_request};

const GRACE: Duration = Duration::from_secs(20);
/// Long enough for everything here on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(8);

async fn server_of(places: &Places) -> TestServer {
    let server = TestServer::with(GrpcSettings { places: places.clone(), ..GrpcSettings::default() }, GRACE).await;
    server.fit_label("label").await;
    server
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_while_a_call_goes_on_on_each() {
    let places = Places::new(1);
    let server = server_of(&places).await;
    let mut first = server.client().await;
    let (sender, receiver) = mpsc::channel(1);
    let requests =
        stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|request| (request, receiver)) });
    sender.send(label_request("label", &[0.5])).await.unwrap();
    let mut answers = first.model_stream_infer(requests).await.unwrap().into_inner();
    answers.message().await.unwrap().unwrap();
    // Its connection is made by the system, and is not served.
    let mut second = Client::new(server.endpoint().connect_lazy());
    let waiting = second.server_live(ServerLiveRequest {});
    assert!(timeout(Duration::from_secs(1), waiting).await.is_err());
    assert_eq!((places.n_taken(), places.n_places()), (1, 1));
    drop(sender);
    assert!(answers.message().await.unwrap().is_none());
    let served = timeout(PATIENCE, second.server_live(ServerLiveRequest {})).await;
    assert!(served.expect("the call of the first one has ended").unwrap().into_inner().live);
    drop(first);
}

#[tokio::test]
async fn a_channel_that_rests_makes_room_for_another_one() {
    let server = server_of(&Places::new(1)).await;
    let mut first = server.client().await;
    first.server_live(ServerLiveRequest {}).await.unwrap();
    let mut second = Client::new(server.endpoint().connect_lazy());
    let served = timeout(PATIENCE, second.server_live(ServerLiveRequest {})).await;
    assert!(served.expect("it is kept out").unwrap().into_inner().live);
    drop(first);
}

#[tokio::test]
async fn a_channel_that_rests_is_kept_while_nobody_needs_its_place() {
    let timeouts = GrpcTimeouts {
        preface: Duration::from_millis(300),
        head: Duration::from_millis(300),
        ..GrpcTimeouts::default()
    };
    let server = TestServer::with(GrpcSettings { timeouts, ..GrpcSettings::default() }, GRACE).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&beginning()).await.unwrap();
    for _ in 0..5 {
        stream.write_all(&frame(PING, 0, 0, b"not last")).await.unwrap();
        sleep(Duration::from_millis(200)).await;
    }
    stream.write_all(&frame(PING, 0, 0, b"the last")).await.unwrap();
    let answered = async {
        let (mut came, mut bytes) = (Vec::new(), [0; 4_096]);
        while !came.windows(8).any(|window| window == b"the last") {
            let n_bytes = stream.read(&mut bytes).await.unwrap();
            assert!(n_bytes > 0, "it is closed");
            came.extend_from_slice(&bytes[..n_bytes]);
        }
    };
    timeout(PATIENCE, answered).await.expect("pings are answered");
}

#[tokio::test]
async fn heads_without_an_end_are_closed_at_their_deadline() {
    let timeouts = GrpcTimeouts { head: Duration::from_millis(400), ..GrpcTimeouts::default() };
    let server = TestServer::with(GrpcSettings { timeouts, ..GrpcSettings::default() }, GRACE).await;
    // `POST` over `http`; the rest is to come.
    let head = frame(HEADERS, 0, 1, &[0x83, 0x86]);
    for (what, bytes) in [
        ("a head that is to go on", [beginning(), head.clone()].concat()),
        ("half a frame of a head", [beginning(), head[..10].to_vec()].concat()),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let started = Instant::now();
        let read = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
        assert!(read.is_ok(), "{what}: it is not closed");
        assert!(started.elapsed() > Duration::from_millis(200), "{what}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn connections_that_say_nothing_are_closed() {
    let timeouts = GrpcTimeouts {
        preface: Duration::from_millis(200),
        ping_every: Duration::from_millis(200),
        ping_answer: Duration::from_millis(200),
        ..GrpcTimeouts::default()
    };
    let server = TestServer::with(GrpcSettings { timeouts, ..GrpcSettings::default() }, GRACE).await;
    for (what, bytes) in
        [("nothing", Vec::new()), ("half a preface", PREFACE[..12].to_vec()), ("no answer to a ping", beginning())]
    {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut rest = Vec::new();
        let read = timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(read.is_ok(), "{what}");
    }
    let mut client = server.client().await;
    client.server_live(ServerLiveRequest {}).await.unwrap();
    sleep(Duration::from_millis(700)).await;
    client.server_live(ServerLiveRequest {}).await.unwrap();
}
