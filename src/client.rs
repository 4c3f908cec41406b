//! The client of the HTTP interface: one method a verb, answers as they came, errors as sentences.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use futures_util::stream;
use reqwest::{Method, RequestBuilder, Response, StatusCode, header, redirect};
use serde_json::value::RawValue;

mod answers;
mod problem;
mod server_url;
mod tls;

pub use answers::{
    Answer, Backtest, BacktestCandidate, Detection, Feature, Finding, Metric, MetricBucket, Operation, Project,
    Refreshed, Replayed, RunLength,
};
pub use problem::Problem;
pub use server_url::ServerUrl;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Lists come in pages; this is the largest that the server gives.
const PAGE_SIZE: &str = "1000";

/// What a request carries.
pub enum Body {
    /// Nothing.
    Empty,
    /// Rows, in a format with this media type.
    Rows(&'static str, Bytes),
    /// A JSON document.
    Json(Vec<u8>),
}

impl Body {
    /// Its number of bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Rows(_, bytes) => bytes.len() as u64,
            Self::Json(bytes) => bytes.len() as u64,
        }
    }

    /// Its media type and its bytes.
    pub fn parts(self) -> Option<(&'static str, Bytes)> {
        match self {
            Self::Empty => None,
            Self::Rows(media_type, bytes) => Some((media_type, bytes)),
            Self::Json(bytes) => Some(("application/json", bytes.into())),
        }
    }
}

/// Is told how many bytes have been sent.
pub type Sent = Arc<dyn Fn(u64) + Send + Sync>;

/// A body of which somebody watches the sending goes in pieces of this size.
const PIECE: usize = 64 * 1024;

/// What became of a request that need not be waited for.
pub enum Begun {
    /// It is done.
    Done(Answer),
    /// It goes on.
    Operation(Answer),
}

/// A server to talk to.
pub struct Client {
    http: reqwest::Client,
    server: ServerUrl,
    key: Option<String>,
}

impl Client {
    /// A client of this server, which shows this API key; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When the HTTP client cannot be set up.
    pub fn new(server: ServerUrl, key: Option<String>) -> anyhow::Result<Self> {
        // No timeout of a whole request: a fit may take minutes.
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("drifting/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirect::Policy::none());
        if server.is_loopback() {
            // A proxy set for the outside cannot reach this machine's own addresses.
            builder = builder.no_proxy();
        }
        Ok(Self { http: builder.build().context("cannot set up the HTTP client")?, server, key })
    }

    /// Reads a resource.
    ///
    /// # Errors
    ///
    /// With what the server said, or why it said nothing.
    pub async fn get(&self, path: &[&str], query: &[(&str, String)]) -> anyhow::Result<Answer> {
        self.answer(self.request(Method::GET, path).query(query)).await
    }

    /// Asks for an action.
    ///
    /// # Errors
    ///
    /// As for [`Client::get`].
    pub async fn post(&self, path: &[&str], query: &[(&str, String)], body: Body) -> anyhow::Result<Answer> {
        let request = self.request(Method::POST, path).query(query);
        let request = match body.parts() {
            None => request,
            Some((media_type, bytes)) => request.header(header::CONTENT_TYPE, media_type).body(bytes),
        };
        self.answer(request).await
    }

    /// Asks for an action that takes long, and not to wait for it. A server that cannot do so is waited for.
    ///
    /// # Errors
    ///
    /// As for [`Client::get`].
    pub async fn begin(
        &self,
        path: &[&str],
        query: &[(Cow<'_, str>, String)],
        body: Body,
        sent: Sent,
    ) -> anyhow::Result<Begun> {
        let mut request = self.request(Method::POST, path).query(query).header("prefer", "respond-async");
        if let Some((media_type, bytes)) = body.parts() {
            request = request
                .header(header::CONTENT_TYPE, media_type)
                .header(header::CONTENT_LENGTH, bytes.len())
                .body(watched(bytes, sent));
        }
        let response = self.send(request).await?;
        let goes_on = response.status() == StatusCode::ACCEPTED;
        let answer = self.read(response).await?;
        Ok(if goes_on { Begun::Operation(answer) } else { Begun::Done(answer) })
    }

    /// Deletes a resource.
    ///
    /// # Errors
    ///
    /// As for [`Client::get`].
    pub async fn delete(&self, path: &[&str], query: &[(&str, String)]) -> anyhow::Result<()> {
        self.send(self.request(Method::DELETE, path).query(query)).await.map(drop)
    }

    /// Reads every page of a list; `member` is the member of the answer that holds its entries.
    ///
    /// # Errors
    ///
    /// As for [`Client::get`].
    pub async fn list(
        &self,
        path: &[&str],
        filter: &[(&str, String)],
        member: &str,
    ) -> anyhow::Result<Vec<Box<RawValue>>> {
        self.list_up_to(path, filter, member, usize::MAX).await
    }

    /// Reads pages of a list, until there are more entries than `limit`.
    ///
    /// # Errors
    ///
    /// As for [`Client::get`].
    pub async fn list_up_to(
        &self,
        path: &[&str],
        filter: &[(&str, String)],
        member: &str,
        limit: usize,
    ) -> anyhow::Result<Vec<Box<RawValue>>> {
        let mut entries = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut query = filter.to_vec();
            query.push(("page_size", PAGE_SIZE.to_owned()));
            query.extend(token.iter().map(|token| ("page_token", token.clone())));
            let mut page = self.get(path, &query).await?.page(member)?;
            entries.append(&mut page.entries);
            if page.next.is_none() || entries.len() > limit {
                return Ok(entries);
            }
            if page.next == token {
                bail!("the server at {} gives the same page again and again", self.server);
            }
            token = page.next;
        }
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let request = self.http.request(method, self.server.endpoint(path)).header(header::ACCEPT, "application/json");
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    async fn answer(&self, request: RequestBuilder) -> anyhow::Result<Answer> {
        let response = self.send(request).await?;
        self.read(response).await
    }

    async fn read(&self, response: Response) -> anyhow::Result<Answer> {
        let text = response.text().await.map_err(|error| self.broken_off(&error))?;
        Answer::read(text).with_context(|| format!("what answers at {} does not speak as drifting does", self.server))
    }

    /// Asks whether the server takes requests, which needs no key.
    ///
    /// # Errors
    ///
    /// When it does not say so in time.
    pub async fn ready(&self, within: Duration) -> anyhow::Result<()> {
        self.send(self.http.get(self.server.readiness()).timeout(within)).await.map(drop)
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let response = request.send().await.map_err(|error| self.broken_off(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.unwrap_or_default();
        Err(self.refused(status, &body))
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> anyhow::Error {
        match Problem::read(body) {
            Some(problem) => anyhow::Error::new(problem),
            None => anyhow!("what answers at {} says {status}; is it drifting?", self.server),
        }
    }

    /// In words of our own: the library's name neither the server nor what to do.
    fn broken_off(&self, error: &reqwest::Error) -> anyhow::Error {
        if let Some(fault) = tls::fault(error) {
            return anyhow::Error::msg(tls::told(fault, &self.server));
        }
        if error.is_connect() || error.is_timeout() {
            return anyhow!(
                "no server answers at {}: start one with `drifting serve`, or say where it is with --url or DRIFTING_URL",
                self.server
            );
        }
        let mut cause: &dyn Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        anyhow!("the connection to the server at {} broke off: {cause}", self.server)
    }
}

/// A body that tells how much of it has been taken.
fn watched(bytes: Bytes, sent: Sent) -> reqwest::Body {
    let starts = (0..bytes.len()).step_by(PIECE);
    reqwest::Body::wrap_stream(stream::iter(starts.map(move |start| {
        let piece = bytes.slice(start..bytes.len().min(start + PIECE));
        sent(start as u64 + piece.len() as u64);
        Ok::<_, std::convert::Infallible>(piece)
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(url: &str) -> Client {
        Client::new(url.parse().unwrap(), None).unwrap()
    }

    #[test]
    fn a_server_that_is_not_there_is_named_with_what_to_do() {
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let client = client(&format!("http://127.0.0.1:{port}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(client.get(&["projects"], &[])).err().unwrap().to_string();
        assert!(error.starts_with(&format!("no server answers at http://127.0.0.1:{port}: start one")), "{error}");
    }

    #[test]
    fn a_problem_is_told_in_the_servers_words() {
        let body = br#"{"status": 422, "title": "x", "detail": "the data cannot be used",
            "errors": [{"pointer": "/data/a/3", "detail": "expected a number"}]}"#;
        let error = client("http://127.0.0.1:1").refused(StatusCode::UNPROCESSABLE_ENTITY, body);
        assert_eq!(error.to_string(), "the data cannot be used\n  /data/a/3: expected a number");
    }

    #[test]
    fn whoever_lacks_a_key_is_told_where_commands_take_one_from() {
        let body =
            br#"{"status": 401, "code": "unauthenticated", "title": "x", "detail": "this server asks for a key"}"#;
        let error = client("http://127.0.0.1:1").refused(StatusCode::UNAUTHORIZED, body);
        let told = "this server asks for a key; commands take one from DRIFTING_API_KEY or --api-key-file";
        assert_eq!(error.to_string(), told);
    }

    #[test]
    fn what_is_no_problem_of_ours_is_told_by_its_status() {
        let error = client("http://127.0.0.1:1").refused(StatusCode::BAD_GATEWAY, b"<html>");
        assert_eq!(error.to_string(), "what answers at http://127.0.0.1:1 says 502 Bad Gateway; is it drifting?");
    }
}
