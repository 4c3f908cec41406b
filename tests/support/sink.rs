//! An event sink on loopback, which can be gone for a while.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// A post as it came.
#[derive(Clone)]
pub struct Post {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Post {
    pub fn event(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

#[derive(Default)]
struct Seen {
    /// Those that were taken.
    taken: Vec<Post>,
    /// The answers to come; afterwards all is taken.
    statuses: VecDeque<u16>,
    n_connections: usize,
}

/// The sink.
pub struct Sink {
    runtime: Runtime,
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    serving: Option<JoinHandle<()>>,
}

impl Sink {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let mut sink = Self { runtime, address, seen: Arc::default(), serving: None };
        sink.serve(listener);
        sink
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Ends it with all its connections.
    pub fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            let _ = self.runtime.block_on(serving);
        }
    }

    pub fn start_again(&mut self) {
        let listener = self.runtime.block_on(TcpListener::bind(self.address)).expect("the same port");
        self.serve(listener);
    }

    /// Answers like this before anything is taken.
    pub fn answer(&self, statuses: &[u16]) {
        self.seen().statuses.extend(statuses);
    }

    pub fn posts(&self) -> Vec<Post> {
        self.seen().taken.clone()
    }

    pub fn n_connections(&self) -> usize {
        self.seen().n_connections
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&mut self, listener: TcpListener) {
        let seen = Arc::clone(&self.seen);
        self.serving = Some(self.runtime.spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                seen.lock().unwrap_or_else(PoisonError::into_inner).n_connections += 1;
                let seen = Arc::clone(&seen);
                let answer = service_fn(move |request| answer(Arc::clone(&seen), request));
                connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        }));
    }
}

async fn answer(seen: Arc<Mutex<Seen>>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let status = seen.statuses.pop_front().unwrap_or(202);
    if status == 202 {
        seen.taken.push(Post { headers: head.headers, body });
    }
    Ok(Response::builder().status(status).body(Full::default()).expect("a response"))
}
