//! Calls with bytes as they are, as no client of the protocol makes them.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use tonic::Status;
use tonic::body::Body;
use tonic::transport::Channel;
use tower::ServiceExt;

use crate::support::TestServer;

/// A message as it is framed.
pub fn frame(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a message is short");
    [&[flag][..], &length.to_be_bytes(), message].concat()
}

/// Calls with these bytes.
pub async fn call(server: &TestServer, path: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> Status {
    raw_call(server.channel().await, path, headers, Body::new(Full::new(Bytes::from(body)))).await
}

/// Calls with bytes after which nothing comes.
pub async fn stalled_call(server: &TestServer, path: &str, body: Vec<u8>) -> Status {
    let frames = stream::iter([Ok::<_, Status>(Frame::data(Bytes::from(body)))]);
    let stalled = StreamBody::new(frames.chain(stream::pending()));
    raw_call(server.channel().await, path, &[], Body::new(stalled)).await
}

/// Calls with a body as it comes.
pub async fn raw_call(channel: Channel, path: &str, headers: &[(&str, &str)], body: Body) -> Status {
    let mut request = http::Request::post(format!("http://localhost{path}"));
    for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")].iter().chain(headers) {
        request = request.header(*name, *value);
    }
    let request = request.body(body).expect("the head is one");
    let response = channel.oneshot(request).await.expect("the server answers");
    if let Some(status) = Status::from_header_map(response.headers()) {
        return status;
    }
    let collected = response.into_body().collect().await.expect("the answer ends");
    collected.trailers().and_then(Status::from_header_map).expect("a status ends it")
}
