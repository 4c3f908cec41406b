//! A proxy in front of a store that fails on purpose.

mod faults;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};

use crate::forwarding;
use crate::serving::{Answer, Reset, Serving};
use faults::Faults;
pub use faults::{Calls, Fault};

/// A call that the proxy has received.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `GET`, `PUT` and so on.
    pub method: String,
    /// The path, with the query.
    pub path: String,
    /// What became of it, where it did not simply pass.
    pub fault: Option<Fault>,
}

/// A running proxy. Until faults are injected it passes everything on. Headers stay as they are, `Host` included, so that
/// signatures hold: the client signs for the proxy, and the store verifies what it is given.
pub struct FaultyProxy {
    endpoint: String,
    state: Arc<Mutex<State>>,
    _serving: Serving,
}

#[derive(Default)]
struct State {
    faults: Faults,
    calls: Vec<Call>,
    /// Calls that the store has answered, and whose answers are late.
    n_held_back: usize,
}

impl FaultyProxy {
    /// Starts one in front of a store at `http://127.0.0.1:PORT`.
    ///
    /// # Panics
    ///
    /// When `upstream` is no such address.
    pub fn start(upstream: &str) -> Self {
        let address = upstream.strip_prefix("http://").and_then(|address| address.trim_end_matches('/').parse().ok());
        let upstream: SocketAddr = address.unwrap_or_else(|| panic!("{upstream} is not of the form http://IP:PORT"));
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let serving = Serving::start(move |request| Box::pin(pass(shared.clone(), upstream, request)));
        Self { endpoint: serving.endpoint(), state, _serving: serving }
    }

    /// Where clients go instead of the store: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// From now on these faults happen, in place of those before. A call has the first fault that is for it; what is
    /// drawn follows from the seed and the order of the calls.
    pub fn inject(&self, seed: u64, faults: &[(Calls, Fault)]) {
        lock(&self.state).faults = Faults::new(seed, faults);
    }

    /// From now on everything passes. What hangs or is late stays so.
    pub fn heal(&self) {
        self.inject(0, &[]);
    }

    /// The calls so far, in the order of their coming.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.state).calls.clone()
    }

    /// How many calls there were so far.
    pub fn n_calls(&self) -> usize {
        lock(&self.state).calls.len()
    }

    /// How many answers of the store have been held back so far.
    pub fn n_held_back(&self) -> usize {
        lock(&self.state).n_held_back
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        let mut state = lock(&self.state);
        state.calls.clear();
        state.n_held_back = 0;
    }
}

async fn pass(state: Arc<Mutex<State>>, upstream: SocketAddr, request: Request<Incoming>) -> Result<Answer, Reset> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let fault = {
        let mut state = lock(&state);
        let method = request.method().to_string();
        let fault = state.faults.of(&method, &path);
        state.calls.push(Call { method, path: path.clone(), fault });
        fault
    };
    match fault {
        None => forward(upstream, request).await,
        Some(Fault::Status(status)) => {
            // The whole request is taken, so that the client reads the answer.
            request.into_body().collect().await.map_err(|_| Reset)?;
            Ok(refusal(status, &path))
        }
        Some(Fault::ResetBefore) => Err(Reset),
        Some(Fault::ResetAfter) => {
            forward(upstream, request).await?;
            Err(Reset)
        }
        Some(Fault::Delay(delay)) => {
            let answer = forward(upstream, request).await;
            lock(&state).n_held_back += 1;
            tokio::time::sleep(delay).await;
            answer
        }
        Some(Fault::Hang) => std::future::pending().await,
    }
}

async fn forward(upstream: SocketAddr, request: Request<Incoming>) -> Result<Answer, Reset> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Reset)?.to_bytes();
    let answer = forwarding::forward(upstream, Request::from_parts(head, body)).await;
    answer.map_err(|_| Reset)
}

/// How a store says that it cannot, in XML or, for the paths of Google's JSON interface, in JSON.
fn refusal(status: u16, path: &str) -> Answer {
    let is_json = ["/storage/", "/upload/storage/", "/batch/storage/"].iter().any(|start| path.starts_with(start));
    let (content_type, body) = if is_json {
        let error = serde_json::json!({"error": {
            "code": status,
            "message": "on purpose",
            "errors": [{"domain": "global", "reason": "backendError", "message": "on purpose"}],
        }});
        ("application/json", error.to_string())
    } else {
        let code = if status == 503 { "SlowDown" } else { "InternalError" };
        ("application/xml", format!("<Error><Code>{code}</Code><Message>on purpose</Message></Error>"))
    };
    let answer = Response::builder().status(status).header("content-type", content_type);
    answer.body(Full::new(Bytes::from(body))).expect("a test gives a valid status")
}

/// A panic while passing has failed that call already.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
