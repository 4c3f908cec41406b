//! How data come to a collector over HTTP: by the one TLS client of the process, on its runtime.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use reqwest::{Client, redirect};
use tokio::runtime::Handle;

/// A post may take so long.
const POST_MAX: Duration = Duration::from_secs(10);
/// So much of an answer is read.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Failures are said so often.
const SAID_EVERY: Duration = Duration::from_mins(1);

/// The client. Those who send have threads without a runtime, so each post is a task of the server's.
#[derive(Debug, Clone)]
pub(super) struct OtlpClient {
    runtime: Option<Handle>,
    client: Arc<Mutex<Option<Client>>>,
    said: Arc<Mutex<Option<Instant>>>,
}

impl Default for OtlpClient {
    fn default() -> Self {
        Self { runtime: Handle::try_current().ok(), client: Arc::default(), said: Arc::default() }
    }
}

impl OtlpClient {
    /// A client for plain or encrypted connections, made when it is first used.
    fn client(&self, is_plain: bool) -> Result<Client, reqwest::Error> {
        let mut made = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*made {
            return Ok(client.clone());
        }
        let client = Client::builder()
            .user_agent(concat!("drifting/", env!("CARGO_PKG_VERSION")))
            // Credentials in the head go nowhere else.
            .redirect(redirect::Policy::none())
            .timeout(POST_MAX);
        // Without encryption there is nothing to check certificates of, and a machine may have none of any authority.
        let client = if is_plain { client.tls_certs_only([]) } else { client };
        let client = client.build()?;
        *made = Some(client.clone());
        Ok(client)
    }

    /// Says once a while that data are dropped. The cause has neither headers nor the address, which may hold secrets.
    fn say(&self, cause: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|at| at.elapsed() >= SAID_EVERY) {
            *said = Some(Instant::now());
            tracing::warn!(cause, "the collector of OpenTelemetry does not take data, which are dropped");
        }
    }
}

#[async_trait]
impl HttpClient for OtlpClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let runtime = self.runtime.clone().ok_or("there is no runtime")?;
        let client = self.client(request.uri().scheme_str() == Some("http"))?;
        let request: reqwest::Request = request.try_into()?;
        let posting = runtime.spawn(async move {
            let mut response = client.execute(request).await?;
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                    break;
                }
                body.extend_from_slice(&chunk);
            }
            Ok::<_, reqwest::Error>((response.status(), body))
        });
        let (status, body) = match posting.await? {
            Ok(answer) => answer,
            Err(error) => {
                let error = error.without_url();
                self.say(if error.is_timeout() { "it does not answer in time" } else { "it cannot be reached" });
                return Err(error.into());
            }
        };
        if !status.is_success() {
            self.say(&format!("it answers {}", status.as_u16()));
        }
        Ok(Response::builder().status(status).body(body.into())?)
    }
}
