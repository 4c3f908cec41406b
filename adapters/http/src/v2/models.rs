//! Projects as models: list, metadata, ready.

use drifting_inference::Inference;
use poem::Request;
use poem_openapi::OpenApi;
use serde_json::json;

use super::schema::{Model, ModelReady, Models};
use super::{Tag, VersionInPath};
use crate::api::answer::{Answer, Operation};
use crate::api::parameter::NameInPath;
use crate::error::Failure;
use crate::rights::caller;

const NOT_FOUND: (u16, &str) =
    (404, "`project_not_found`, `version_not_found`: there is no project of this name or version.");
const INVALID_NAME: (u16, &str) = (400, "`invalid_name`: the path holds no project name.");
const UNAVAILABLE: (u16, &str) =
    (503, "`project_failed`: the project cannot be loaded; `storage_unavailable`: the storage cannot be reached now.");

pub(crate) struct Listed;

impl Operation for Listed {
    type Body = Models;
    const DESCRIPTION: &'static str = "The names of all models.";
    const FAILURE_MEDIA_TYPE: &'static str = "application/json";
    const FAILURES: &'static [(u16, &'static str)] =
        &[(503, "`storage_unavailable`: the storage cannot be reached now.")];
}

pub(crate) struct Described;

impl Operation for Described {
    type Body = Model;
    const DESCRIPTION: &'static str = "The model.";
    const FAILURE_MEDIA_TYPE: &'static str = "application/json";
    const FAILURES: &'static [(u16, &'static str)] = &[INVALID_NAME, NOT_FOUND, UNAVAILABLE];
}

pub(crate) struct Answers;

impl Operation for Answers {
    type Body = ModelReady;
    const DESCRIPTION: &'static str = "The model answers.";
    const FAILURE_MEDIA_TYPE: &'static str = "application/json";
    const FAILURES: &'static [(u16, &'static str)] =
        &[INVALID_NAME, NOT_FOUND, (409, "`project_inactive`: the project is inactive; load it first."), UNAVAILABLE];
}

/// Projects as models.
pub(crate) struct ModelsApi {
    pub(super) inference: Inference,
}

#[OpenApi(tag = "Tag::Models")]
impl ModelsApi {
    /// List models
    ///
    /// Lists the names of the projects that answer; a key that is for some projects sees those.
    #[oai(path = "/v2/models", method = "get", operation_id = "listModels")]
    async fn list(&self, request: &Request) -> Result<Answer<Listed>, Failure> {
        let items = self.inference.index(false).await?;
        let caller = caller(request)?;
        let names: Vec<String> = items.into_iter().map(|item| item.name).filter(|name| caller.sees(name)).collect();
        Answer::of(&json!({"models": names}))
    }

    /// Model metadata
    ///
    /// Tells the tensors that the project takes, a column each, and those that it answers with; also of an
    /// inactive project.
    #[oai(path = "/v2/models/:model", method = "get", operation_id = "getModelMetadata")]
    async fn metadata(
        &self,
        /// The project.
        model: NameInPath,
    ) -> Result<Answer<Described>, Failure> {
        Answer::of(&self.inference.metadata(model.as_str(), None).await?)
    }

    /// Metadata of a version
    ///
    /// Tells the same of the version that is the generation of the project's fit; there is no other.
    #[oai(path = "/v2/models/:model/versions/:version", method = "get", operation_id = "getModelVersionMetadata")]
    async fn version_metadata(
        &self,
        /// The project.
        model: NameInPath,
        /// The generation of its fit.
        version: VersionInPath,
    ) -> Result<Answer<Described>, Failure> {
        Answer::of(&self.inference.metadata(model.as_str(), Some(version.as_str())).await?)
    }

    /// Whether a model answers
    ///
    /// Says whether the project answers; one that is not in memory is loaded first.
    #[oai(path = "/v2/models/:model/ready", method = "get", operation_id = "isModelReady")]
    async fn ready(
        &self,
        /// The project.
        model: NameInPath,
    ) -> Result<Answer<Answers>, Failure> {
        self.inference.ready(model.as_str(), None).await?;
        Answer::of(&json!({"name": model.as_str(), "ready": true}))
    }

    /// Whether a version answers
    ///
    /// Says the same of the version that is the generation of the project's fit; there is no other.
    #[oai(path = "/v2/models/:model/versions/:version/ready", method = "get", operation_id = "isModelVersionReady")]
    async fn version_ready(
        &self,
        /// The project.
        model: NameInPath,
        /// The generation of its fit.
        version: VersionInPath,
    ) -> Result<Answer<Answers>, Failure> {
        self.inference.ready(model.as_str(), Some(version.as_str())).await?;
        Answer::of(&json!({"name": model.as_str(), "ready": true}))
    }
}
