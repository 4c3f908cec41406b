//! Probes and what is told of the server.

use drifting_inference::SERVER;
use poem_openapi::OpenApi;
use serde_json::json;

use super::Tag;
use super::schema::{Live, Ready, Server};
use crate::api::Readiness;
use crate::api::answer::{Answer, Operation};
use crate::error::{Code, Failure};

pub(crate) struct IsLive;

impl Operation for IsLive {
    type Body = Live;
    const DESCRIPTION: &'static str = "The server answers.";
    const FAILURE_MEDIA_TYPE: &'static str = "application/json";
    const FAILURES: &'static [(u16, &'static str)] = &[];
}

pub(crate) struct IsReady;

impl Operation for IsReady {
    type Body = Ready;
    const DESCRIPTION: &'static str = "The server takes requests.";
    const FAILURE_MEDIA_TYPE: &'static str = "application/json";
    const FAILURES: &'static [(u16, &'static str)] =
        &[(503, "`shutting_down`: the server finishes and takes no more.")];
}

pub(crate) struct Told;

impl Operation for Told {
    type Body = Server;
    const DESCRIPTION: &'static str = "The server.";
    const FAILURE_MEDIA_TYPE: &'static str = "application/json";
    const FAILURES: &'static [(u16, &'static str)] = &[];
}

/// The probes.
pub(crate) struct HealthApi {
    pub(super) readiness: Readiness,
}

#[OpenApi(tag = "Tag::Server")]
impl HealthApi {
    /// Liveness
    #[oai(path = "/v2/health/live", method = "get", operation_id = "isServerLive")]
    #[expect(clippy::unused_async, reason = "operations are futures")]
    async fn live(&self) -> Result<Answer<IsLive>, Failure> {
        Answer::of(&json!({"live": true}))
    }

    /// Readiness
    #[oai(path = "/v2/health/ready", method = "get", operation_id = "isServerReady")]
    #[expect(clippy::unused_async, reason = "operations are futures")]
    async fn ready(&self) -> Result<Answer<IsReady>, Failure> {
        if self.readiness.has_ended() {
            return Err(Failure::new(Code::ShuttingDown, "the server is shutting down"));
        }
        // The protocol's text calls it `live`, its clients `ready`.
        Answer::of(&json!({"ready": true, "live": true}))
    }

    /// Server metadata
    #[oai(path = "/v2", method = "get", operation_id = "getServerMetadata")]
    #[expect(clippy::unused_async, reason = "operations are futures")]
    async fn server(&self) -> Result<Answer<Told>, Failure> {
        Answer::of(&SERVER)
    }
}
