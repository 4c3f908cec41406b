//! Echo: the body, parsed and written back. What a request costs in this server before anything is detected; built for
//! measurements alone.

use poem_openapi::OpenApi;
use poem_openapi::types::Any;
use serde_json::Value;

use super::answer::{Answer, Operation};
use crate::body::{PredictBody, parse};
use crate::error::{Code, Failure};
use crate::settings::HttpTimeouts;

pub(crate) struct Echoed;

impl Operation for Echoed {
    type Body = Any<Value>;
    const DESCRIPTION: &'static str = "What came.";
    const FAILURES: &'static [(u16, &'static str)] = &[];
}

/// The echo.
pub(crate) struct EchoApi {
    pub(crate) body_bytes_max: usize,
    pub(crate) timeouts: HttpTimeouts,
}

#[OpenApi(prefix_path = "/api/v1")]
impl EchoApi {
    /// Echo
    #[oai(path = "/echo", method = "post", operation_id = "echo")]
    async fn echo(&self, body: PredictBody) -> Result<Answer<Echoed>, Failure> {
        body.0.media_type()?;
        let bytes = body.0.read(self.body_bytes_max, &self.timeouts).await?;
        let json = parse(bytes, |bytes| serde_json::from_slice::<Value>(bytes)).await?;
        let json = json.map_err(|error| Failure::new(Code::Malformed, format!("the body is not JSON: {error}")))?;
        Answer::of(&json)
    }
}
