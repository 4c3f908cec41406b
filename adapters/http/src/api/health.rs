//! Probes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use poem::{Request, Response};
use poem_openapi::OpenApi;

use super::Tag;
use super::answer::{Answer, Operation};
use super::exposition::{self, OPEN_METRICS, PROMETHEUS_TEXT};
use crate::answers::Health;
use crate::error::{Code, Failure};
use crate::rights::caller;
use crate::settings::Measures;

/// Whether the server takes requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// From now on it does not.
    pub(crate) fn end(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

pub(crate) struct Alive;

impl Operation for Alive {
    type Body = Health;
    const DESCRIPTION: &'static str = "The server answers.";
    const FAILURES: &'static [(u16, &'static str)] = &[];
}

pub(crate) struct Ready;

impl Operation for Ready {
    type Body = Health;
    const DESCRIPTION: &'static str = "The server takes requests.";
    const FAILURES: &'static [(u16, &'static str)] =
        &[(503, "`shutting_down`: the server finishes and takes no more.")];
}

pub(crate) struct Measured;

impl Operation for Measured {
    type Body = String;
    const MEDIA_TYPE: &'static str = OPEN_METRICS;
    const ALSO_AS_TEXT: Option<&'static str> = Some(PROMETHEUS_TEXT);
    const DESCRIPTION: &'static str = "Counters and gauges, as Prometheus reads them.";
    const FAILURES: &'static [(u16, &'static str)] = &[];
}

/// The probes, and what the server measures of itself.
pub(crate) struct HealthApi {
    pub(crate) readiness: Readiness,
    pub(crate) measures: Measures,
}

fn ok() -> Health {
    Health { status: "ok".to_owned() }
}

#[OpenApi(tag = "Tag::Health")]
impl HealthApi {
    /// Liveness
    ///
    /// Answers while the process works.
    #[oai(path = "/livez", method = "get", operation_id = "getLiveness")]
    #[expect(clippy::unused_async, reason = "operations are futures")]
    async fn livez(&self) -> Result<Answer<Alive>, Failure> {
        Answer::of(&ok())
    }

    /// Readiness
    ///
    /// Answers while the server takes requests.
    #[oai(path = "/readyz", method = "get", operation_id = "getReadiness")]
    #[expect(clippy::unused_async, reason = "operations are futures")]
    async fn readyz(&self) -> Result<Answer<Ready>, Failure> {
        if self.readiness.has_ended() {
            return Err(Failure::new(Code::ShuttingDown, "the server is shutting down"));
        }
        Answer::of(&ok())
    }

    /// Metrics of the server
    ///
    /// Tells as text for Prometheus what the server counts: requests, projects and their drift, fits, queues, calls of stores and sinks.
    /// As `application/openmetrics-text` where `Accept` names that, else in the text format 0.0.4.
    #[oai(path = "/metrics", method = "get", operation_id = "getServerMetrics")]
    #[expect(clippy::unused_async, reason = "operations are futures")]
    async fn metrics(&self, request: &Request) -> Result<Answer<Measured>, Failure> {
        caller(request)?.check_all_projects()?;
        let format = exposition::wanted(request.headers());
        let text = (self.measures.0)(format);
        Ok(Answer::response(Response::builder().content_type(exposition::media_type(format)).body(text)))
    }
}
