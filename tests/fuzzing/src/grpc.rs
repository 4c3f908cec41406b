//! Messages of gRPC, behind a server in this process.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use drifting_grpc::{GrpcServer, GrpcSettings};
use drifting_inference::Inference;
use drifting_memory::MemoryArtifacts;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::server::{runtime, serve, service};

/// The code of gRPC for a failure that nobody has thought of.
const INTERNAL: &str = "13";
/// The same, where not even that is known.
const UNKNOWN: &str = "2";

fn address() -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| {
        let service = service(Arc::new(MemoryArtifacts::new()));
        serve(&service);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = GrpcServer::bind(any, Inference::new(service), GrpcSettings::default());
        let server = runtime().block_on(server).expect("a port");
        let address = server.local_addr();
        runtime().spawn(server.run_until(std::future::pending(), Duration::ZERO));
        address
    })
}

type Connection = Mutex<Option<SendRequest<Full<Bytes>>>>;

async fn connect() -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address()).await.expect("the server listens");
    stream.set_nodelay(true).expect("nothing waits");
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    sender
}

/// A message of `ModelInfer`.
pub fn infer(data: &[u8]) {
    static CONNECTION: OnceLock<Connection> = OnceLock::new();
    let address = address();
    let mut kept = CONNECTION.get_or_init(Connection::default).lock().expect("one at a time");
    runtime().block_on(async {
        let mut connection = match kept.take().filter(|connection| !connection.is_closed()) {
            Some(connection) => connection,
            None => connect().await,
        };
        connection.ready().await.expect("the connection goes on");
        let length = u32::try_from(data.len()).expect("a short message");
        let message = [&[0], &length.to_be_bytes()[..], data].concat();
        let request = Request::post(format!("http://{address}/inference.GRPCInferenceService/ModelInfer"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(Bytes::from(message)))
            .expect("a request");
        let answer = connection.send_request(request).await.expect("an answer");
        let (head, body) = answer.into_parts();
        let body = body.collect().await.expect("a whole answer");
        let trailers = body.trailers().cloned().unwrap_or_default();
        let status = head.headers.get("grpc-status").or_else(|| trailers.get("grpc-status"));
        let status = status.and_then(|status| status.to_str().ok()).expect("a status");
        assert!(status != INTERNAL && status != UNKNOWN, "status {status}: {trailers:?}");
        *kept = Some(connection);
    });
}
