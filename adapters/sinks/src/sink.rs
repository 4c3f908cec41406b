//! A sink: one post, and what came of it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};

use crate::event::DriftEvent;
use crate::format::{EventFormat, message};
use crate::resolver::{GuardedResolver, NoAddressAllowed};
use crate::retry_after;
use crate::signature::Secrets;
use crate::sink_url::SinkUrl;

/// How long a connection may take to be made, and a post from its beginning to the last byte of the answer.
const CONNECT_MAX: Duration = Duration::from_secs(5);
const POST_MAX: Duration = Duration::from_secs(10);
/// So much of an answer is read, so that its connection can be used again.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Answers that say nothing of what was posted: a secret has changed, a path has moved, too much came. Any event would have them.
const OF_THE_SINK: [StatusCode; 7] = [
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::PROXY_AUTHENTICATION_REQUIRED,
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::GONE,
    StatusCode::TOO_MANY_REQUESTS,
];

/// How a sink is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkSettings {
    /// Where it is.
    pub url: SinkUrl,
    /// How events stand in a request.
    pub format: EventFormat,
    /// What requests are signed with, if at all.
    pub secrets: Option<Secrets>,
    /// Whether it may be on this machine or in a private network.
    pub allow_private: bool,
}

/// A sink that cannot be used.
#[derive(Debug)]
pub enum SinkError {
    /// It has an address that is not allowed.
    Forbidden(&'static str),
    /// No client can be made, such as without any certificates of authorities.
    Client(reqwest::Error),
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden(why) => write!(f, "the event sink cannot be used: {why}"),
            Self::Client(_) => f.write_str("no client for the event sink can be made"),
        }
    }
}

impl Error for SinkError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Forbidden(_) => None,
            Self::Client(error) => Some(error),
        }
    }
}

/// What came of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// The sink has the events.
    Taken,
    /// It may have them or not; trying again may help.
    Again {
        /// Not before this has passed, where the sink said so.
        after: Option<Duration>,
        /// Whether the time was over: fewer at once may do.
        is_late: bool,
        /// Why, for the log.
        reason: String,
    },
    /// The sink does not want these, whenever they come: something about them is wrong for it.
    Refused {
        /// Its status.
        status: u16,
    },
}

/// A sink.
#[derive(Debug, Clone)]
pub struct Sink {
    client: Client,
    settings: SinkSettings,
}

impl Sink {
    /// A sink; nothing is connected yet.
    ///
    /// # Errors
    /// When its URL holds an address that is not allowed; when there can be no client.
    pub fn new(settings: SinkSettings) -> Result<Self, SinkError> {
        if let Some(why) = settings.url.forbidden(settings.allow_private) {
            return Err(SinkError::Forbidden(why));
        }
        let is_plain = settings.url.url().scheme() == "http";
        let resolver = GuardedResolver { allow_private: settings.allow_private };
        let client = Client::builder()
            .user_agent(concat!("drifting/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            // A proxy of the surroundings would connect where nobody looks at the address.
            .no_proxy()
            .dns_resolver(Arc::new(resolver))
            .connect_timeout(CONNECT_MAX)
            .timeout(POST_MAX)
            .pool_max_idle_per_host(1);
        // Without encryption there is nothing to check certificates of, and a machine may have none of any authority.
        let client = if is_plain { client.tls_certs_only([]) } else { client };
        let client = client.build().map_err(SinkError::Client)?;
        Ok(Self { client, settings })
    }

    /// So many events are posted at once.
    pub fn events_max(&self) -> usize {
        self.settings.format.events_max()
    }

    /// Posts events, at most [`Sink::events_max`] of them.
    pub async fn post(&self, events: &[DriftEvent]) -> Posted {
        let message = match message(events, self.settings.format) {
            Ok(message) => message,
            Err(error) => return again(format!("the events cannot be written: {error}")),
        };
        let mut request = self.client.post(self.settings.url.url().clone()).header(CONTENT_TYPE, message.content_type);
        for (name, value) in &message.headers {
            request = request.header(*name, value);
        }
        if let Some(secrets) = &self.settings.secrets {
            let (id, timestamp_s) = (webhook_id(events), Utc::now().timestamp());
            let signature = secrets.sign(&id, timestamp_s, &message.body);
            request = request
                .header("webhook-id", id)
                .header("webhook-timestamp", timestamp_s)
                .header("webhook-signature", signature);
        }
        match request.body(message.body).send().await {
            Ok(response) => answered(response).await,
            Err(error) => Posted::Again { after: None, is_late: error.is_timeout(), reason: reason_of(error) },
        }
    }
}

/// The id of the first event, and how many came with it: a batch that is tried again with fewer is another message.
fn webhook_id(events: &[DriftEvent]) -> String {
    match events {
        [] => String::new(),
        [only] => only.id.to_string(),
        [first, rest @ ..] => format!("{}+{}", first.id, rest.len()),
    }
}

async fn answered(mut response: Response) -> Posted {
    let status = response.status();
    let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let after = after.and_then(|value| retry_after::wait(value, Utc::now()));
    let mut n_bytes = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        n_bytes += chunk.len();
        if n_bytes > ANSWER_BYTES_MAX {
            break;
        }
    }
    if status.is_success() {
        Posted::Taken
    } else if status.is_client_error() && !OF_THE_SINK.contains(&status) {
        Posted::Refused { status: status.as_u16() }
    } else {
        // Redirects are not followed; who is told of one mends the URL, and nothing is lost meanwhile.
        Posted::Again { after, is_late: false, reason: format!("it answers {}", status.as_u16()) }
    }
}

fn again(reason: String) -> Posted {
    Posted::Again { after: None, is_late: false, reason }
}

/// Why a post came to nothing, without the URL, which may hold a token.
fn reason_of(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &(dyn Error + 'static) = &error;
    loop {
        if let Some(forbidden) = cause.downcast_ref::<NoAddressAllowed>() {
            return forbidden.to_string();
        }
        match cause.source() {
            Some(source) => cause = source,
            None => break,
        }
    }
    if error.is_timeout() { "it does not answer in time".to_owned() } else { cause.to_string() }
}
