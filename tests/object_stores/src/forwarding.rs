//! A request to the store, and the answer of it, unchanged.

use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderName, TRANSFER_ENCODING};
use hyper::{HeaderMap, Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::serving::Answer;

/// What concerns a connection rather than the request.
const HOP_BY_HOP: [HeaderName; 3] = [CONNECTION, EXPECT, TRANSFER_ENCODING];

/// Asks the store over a connection of its own.
pub(crate) async fn forward(
    upstream: SocketAddr,
    mut request: Request<Bytes>,
) -> Result<Answer, Box<dyn Error + Send + Sync>> {
    strip(request.headers_mut());
    let is_head = request.method() == Method::HEAD;
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (mut head, body) = sender.send_request(request.map(Full::new)).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    strip(&mut head.headers);
    if !is_head {
        // It may have come in chunks; to HEAD the length is of what would have come.
        head.headers.remove(CONTENT_LENGTH);
    }
    Ok(Answer::from_parts(head, Full::new(body)))
}

fn strip(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}
