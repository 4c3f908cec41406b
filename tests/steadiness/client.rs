//! Connections that send one request after the other, and begin anew where the server has closed them.

use std::io::stderr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, getrlimit};
use tokio::net::TcpStream;

/// More connections than any of the programs has.
const FILES: u64 = 16_384;

/// A client with at most one connection.
pub struct Client {
    host: String,
    /// What it shows, if it does.
    key: Option<String>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// An answer and what it took.
pub struct Answered {
    pub status: u16,
    pub retry_after: bool,
    pub took: Duration,
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// Nobody took the connection, or it was closed before its first answer, as those are that the system has made and no server has taken.
    NotConnected,
    /// A connection on which others had been answered broke before the answer was whole.
    Broken,
}

impl Client {
    /// For the server at this address.
    pub fn new(url: &str) -> Self {
        Self { host: url.strip_prefix("http://").expect("a plain address").to_owned(), key: None, connection: None }
    }

    /// The same, which shows this key.
    pub fn with_key(url: &str, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..Self::new(url) }
    }

    /// Asks for a path.
    pub async fn get(&mut self, path: &str) -> Result<Answered, Unanswered> {
        self.ask("GET", path, Bytes::new()).await
    }

    /// Deletes what is at a path.
    pub async fn delete(&mut self, path: &str) -> Result<Answered, Unanswered> {
        self.ask("DELETE", path, Bytes::new()).await
    }

    /// Sends JSON to a path.
    pub async fn post(&mut self, path: &str, body: Bytes) -> Result<Answered, Unanswered> {
        self.ask("POST", path, body).await
    }

    async fn ask(&mut self, method: &str, path: &str, body: Bytes) -> Result<Answered, Unanswered> {
        let begin = Instant::now();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = &self.key {
            request = request.header("x-api-key", key);
        }
        let request = request.body(Full::new(body)).expect("a request");
        let (mut connection, otherwise) = match self.connection.take().filter(|connection| !connection.is_closed()) {
            Some(connection) => (connection, Unanswered::Broken),
            None => (self.connect().await?, Unanswered::NotConnected),
        };
        let answered = async {
            connection.ready().await.ok()?;
            connection.send_request(request).await.ok()
        };
        let Some(answer) = answered.await else { return Err(otherwise) };
        let status = answer.status().as_u16();
        let retry_after = answer.headers().contains_key(header::RETRY_AFTER);
        let body = answer.into_body().collect().await.map_err(|_| Unanswered::Broken)?.to_bytes();
        self.connection = Some(connection);
        Ok(Answered { status, retry_after, took: begin.elapsed(), body })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Unanswered> {
        let stream = TcpStream::connect(&self.host).await.map_err(|_| Unanswered::NotConnected)?;
        stream.set_nodelay(true).map_err(|_| Unanswered::NotConnected)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| Unanswered::NotConnected)?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// Runs clients on this thread alone, so that the server has the rest of the machine. There is room for their connections from the
/// beginning: the system makes some on the way, and clients would wait for that and not for the server.
pub fn run<T>(clients: impl Future<Output = T>) -> T {
    let most = getrlimit(Resource::Nofile).current.unwrap_or(FILES).min(FILES);
    fcntl_dupfd_cloexec(stderr(), i32::try_from(most).expect("a number of files") - 1).expect("a descriptor");
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(clients)
}
