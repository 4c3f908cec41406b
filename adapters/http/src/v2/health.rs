//! Probes and what is told of the server.

use drifting_inference::SERVER;
use poem_openapi::OpenApi;
use serde_json::json;

use super::Tag;
use super::schema::{Live, Ready, Server};
use crate::api::Readiness;
use crate::api::answer::{Answer, Operation};
use crate::error::{Also, Code, Failure};

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
    ///
    /// Says that the process answers; never waits for the store or a database. Asks for no key.
    #[oai(path = "/v2/health/live", method = "get", operation_id = "isServerLive")]
    #[expect(clippy::unused_async, reason = "operations are futures")]
    async fn live(&self) -> Result<Answer<IsLive>, Failure> {
        Answer::of(&json!({"live": true}))
    }

    /// Readiness
    ///
    /// Says whether requests are served: no more once the server is shutting down. Asks for no key.
    #[oai(path = "/v2/health/ready", method = "get", operation_id = "isServerReady")]
    #[expect(clippy::unused_async, reason = "operations are futures")]
    async fn ready(&self) -> Result<Answer<IsReady>, Failure> {
        if self.readiness.has_ended() {
            // Clients look for this member alone.
            return Err(Failure::new(Code::ShuttingDown, "the server is shutting down").also(Also::NotReady));
        }
        // The protocol's text calls it `live`, its clients `ready`.
        Answer::of(&json!({"ready": true, "live": true}))
    }

    /// Server metadata
    ///
    /// Tells the name and the version of the server, and the extensions of the protocol that it has.
    #[oai(path = "/v2", method = "get", operation_id = "getServerMetadata")]
    #[expect(clippy::unused_async, reason = "operations are futures")]
    async fn server(&self) -> Result<Answer<Told>, Failure> {
        Answer::of(&SERVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Problem;

    #[tokio::test]
    async fn a_server_that_stops_is_not_ready() {
        let api = HealthApi { readiness: Readiness::default() };
        assert!(api.ready().await.is_ok());
        api.readiness.end();
        let failure = api.ready().await.err().unwrap();
        let answer = Problem::answer(failure, "/v2/health/ready", "id");
        assert_eq!((answer.status().as_u16(), answer.content_type()), (503, Some("application/json")));
        let told: serde_json::Value = serde_json::from_str(&answer.into_body().into_string().await.unwrap()).unwrap();
        assert_eq!((&told["ready"], &told["error"]), (&json!(false), &json!("the server is shutting down")));
        assert!(api.live().await.is_ok(), "it lives all the same");
    }
}
