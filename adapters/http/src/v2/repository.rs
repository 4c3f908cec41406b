//! Which models there are, and which of them answer.

use drifting_inference::Inference;
use poem::Request;
use poem_openapi::OpenApi;
use serde::Deserialize;

use super::Tag;
use super::schema::{IndexItem, IndexRequest, ModelParameters};
use crate::api::answer::{Answer, Operation};
use crate::api::driven;
use crate::api::parameter::NameInPath;
use crate::body::{InferenceBody, OptionalBody};
use crate::error::{Code, Failure};
use crate::rights::caller;
use crate::settings::HttpTimeouts;

const FAILURES: &[(u16, &str)] = &[
    (400, "`invalid_name`: the path holds no project name."),
    (404, "`project_not_found`: there is no project of this name."),
    (408, "`request_timeout`: the body came too slowly."),
    (413, "`body_too_large`: the body is larger than this server takes."),
    (
        503,
        "`overloaded`: the bodies of other requests take the memory that there is for them; `project_failed`: the project cannot be loaded; `storage_unavailable`: the storage cannot be reached now.",
    ),
    (507, "`storage_full`: the storage has no room left."),
];

pub(crate) struct Indexed;

impl Operation for Indexed {
    type Body = Vec<IndexItem>;
    const DESCRIPTION: &'static str = "The models, in the order of their names.";
    const FAILURE_MEDIA_TYPE: &'static str = "application/json";
    const FAILURES: &'static [(u16, &'static str)] = &[
        (400, "`malformed`: the body cannot be parsed."),
        (408, "`request_timeout`: the body came too slowly."),
        (413, "`body_too_large`: the body is larger than this server takes."),
        (415, "`unsupported_media_type`: the body has another type or content coding than those that are taken."),
        (
            503,
            "`overloaded`: the bodies of other requests take the memory that there is for them; `storage_unavailable`: the storage cannot be reached now.",
        ),
    ];
}

pub(crate) struct Loaded;

impl Operation for Loaded {
    type Body = String;
    const DESCRIPTION: &'static str = "The model answers.";
    const HAS_BODY: bool = false;
    const FAILURE_MEDIA_TYPE: &'static str = "application/json";
    const FAILURES: &'static [(u16, &'static str)] = FAILURES;
}

pub(crate) struct Unloaded;

impl Operation for Unloaded {
    type Body = String;
    const DESCRIPTION: &'static str = "The model answers no more.";
    const HAS_BODY: bool = false;
    const FAILURE_MEDIA_TYPE: &'static str = "application/json";
    const FAILURES: &'static [(u16, &'static str)] = FAILURES;
}

/// The repository.
pub(crate) struct RepositoryApi {
    pub(super) inference: Inference,
    pub(super) body_bytes_max: usize,
    pub(super) timeouts: HttpTimeouts,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    ready: Option<bool>,
}

#[OpenApi(tag = "Tag::Repository")]
impl RepositoryApi {
    /// Index of models
    ///
    /// Lists the projects with their states; with `ready` those alone that answer. A key that is for some projects sees those.
    #[oai(path = "/v2/repository/index", method = "post", operation_id = "getRepositoryIndex")]
    async fn index(&self, request: &Request, body: OptionalBody<IndexRequest>) -> Result<Answer<Indexed>, Failure> {
        let ready_only = self.read(body.0).await?.is_some_and(|Asked { ready }| ready.unwrap_or(false));
        let caller = caller(request)?;
        let mut items = self.inference.index(ready_only).await?;
        items.retain(|item| caller.sees(&item.name));
        Answer::of(&items)
    }

    /// Load a model
    ///
    /// Has a project answer; nothing happens where it does already. A body is passed over.
    #[oai(path = "/v2/repository/models/:model/load", method = "post", operation_id = "loadModel")]
    async fn load(
        &self,
        /// The project.
        model: NameInPath,
        body: OptionalBody<ModelParameters>,
    ) -> Result<Answer<Loaded>, Failure> {
        body.0.pass(self.body_bytes_max, &self.timeouts).await?;
        let inference = self.inference.clone();
        driven(async move { inference.load(model.as_str()).await }).await??;
        Ok(Answer::empty())
    }

    /// Unload a model
    ///
    /// Has a project answer no more; nothing happens where it does not already. A body is passed over.
    #[oai(path = "/v2/repository/models/:model/unload", method = "post", operation_id = "unloadModel")]
    async fn unload(
        &self,
        /// The project.
        model: NameInPath,
        body: OptionalBody<ModelParameters>,
    ) -> Result<Answer<Unloaded>, Failure> {
        body.0.pass(self.body_bytes_max, &self.timeouts).await?;
        let inference = self.inference.clone();
        driven(async move { inference.unload(model.as_str()).await }).await??;
        Ok(Answer::empty())
    }
}

impl RepositoryApi {
    /// What an index is asked for, in a body that may be empty, as clients send it.
    async fn read(&self, body: InferenceBody) -> Result<Option<Asked>, Failure> {
        let (body, _) = body.read(self.body_bytes_max, &self.timeouts).await?;
        let body = body.trim_ascii();
        if body.is_empty() {
            return Ok(None);
        }
        if !body.starts_with(b"{") {
            return Err(Failure::new(Code::Malformed, "expected an object with `ready`, or no body"));
        }
        let read = serde_json::from_slice(body);
        read.map(Some).map_err(|error| Failure::new(Code::Malformed, format!("the body cannot be read: {error}")))
    }
}
