//! List, show, delete, load, unload, reset.

use std::sync::Arc;

use drifting_domain::project::ProjectName;
use drifting_domain::use_cases::{DriftService, ListQuery};
use poem::Request;
use poem::http::StatusCode;
use poem_openapi::OpenApi;

use super::answer::{Answer, Operation};
use super::parameter::{InQuery, NameInPath};
use super::{Tag, driven, exists, token};
use crate::answers::{DriftType, Project, ProjectPage, Refreshed, Status};
use crate::error::Failure;
use crate::input::Parameters;
use crate::rights::caller;

const INVALID_NAME: (u16, &str) = (400, "`invalid_name`: the path holds no project name.");
const NOT_FOUND: (u16, &str) = (404, "`project_not_found`: there is no project of this name.");
const NO_PARAMETERS: (u16, &str) = (422, "`invalid_settings`: a query parameter came, and there are none.");
const STORAGE: (u16, &str) = (503, "`storage_unavailable`: the storage cannot be reached now.");
const STORAGE_OR_FAILED: (u16, &str) =
    (503, "`project_failed`: the project cannot be loaded; `storage_unavailable`: the storage cannot be reached now.");
const FULL: (u16, &str) = (507, "`storage_full`: the storage has no room left.");

pub(crate) struct Listed;

impl Operation for Listed {
    type Body = ProjectPage;
    const DESCRIPTION: &'static str = "Some projects, in the order of their names without regard to case.";
    const FAILURES: &'static [(u16, &'static str)] =
        &[(422, "`invalid_settings`: a query parameter cannot be used."), STORAGE];
}

pub(crate) struct Shown;

impl Operation for Shown {
    type Body = Project;
    const DESCRIPTION: &'static str = "The project.";
    const FAILURES: &'static [(u16, &'static str)] = &[INVALID_NAME, NOT_FOUND, NO_PARAMETERS, STORAGE];
}

pub(crate) struct Deleted;

impl Operation for Deleted {
    type Body = Project;
    const STATUS: StatusCode = StatusCode::NO_CONTENT;
    const DESCRIPTION: &'static str = "The project is gone.";
    const HAS_BODY: bool = false;
    const FAILURES: &'static [(u16, &'static str)] = &[INVALID_NAME, NOT_FOUND, NO_PARAMETERS, STORAGE, FULL];
}

pub(crate) struct Loaded;

impl Operation for Loaded {
    type Body = Project;
    const DESCRIPTION: &'static str = "The project, active.";
    const FAILURES: &'static [(u16, &'static str)] = &[INVALID_NAME, NOT_FOUND, NO_PARAMETERS, STORAGE_OR_FAILED, FULL];
}

pub(crate) struct Unloaded;

impl Operation for Unloaded {
    type Body = Project;
    const DESCRIPTION: &'static str = "The project, inactive.";
    const FAILURES: &'static [(u16, &'static str)] = &[INVALID_NAME, NOT_FOUND, NO_PARAMETERS, STORAGE, FULL];
}

pub(crate) struct WasReset;

impl Operation for WasReset {
    type Body = Project;
    const DESCRIPTION: &'static str = "The project, its online state at its start.";
    const FAILURES: &'static [(u16, &'static str)] = &[
        INVALID_NAME,
        NOT_FOUND,
        (409, "`project_inactive`: the project is inactive; load it first."),
        NO_PARAMETERS,
        STORAGE_OR_FAILED,
        FULL,
    ];
}

pub(crate) struct Looked;

impl Operation for Looked {
    type Body = Refreshed;
    const DESCRIPTION: &'static str = "What has come into the store since the last look, and what is gone.";
    const FAILURES: &'static [(u16, &'static str)] = &[NO_PARAMETERS, STORAGE, FULL];
}

/// Operations on projects that exist.
pub(crate) struct ProjectsApi {
    pub(crate) service: Arc<DriftService>,
}

impl ProjectsApi {
    /// The project that a request without parameters is about.
    fn addressed(&self, request: &Request, project: &NameInPath) -> Result<ProjectName, Failure> {
        let name = project.parse()?;
        match Parameters::of(request).refuse_all("this operation takes none") {
            // Existence is told before settings.
            Err(_) if !exists(&self.service, &name) => Err(Failure::not_found()),
            checked => checked.map(|()| name),
        }
    }
}

/// Calls a use case on a project and drives it to its end.
macro_rules! on_project {
    ($self:ident, $request:ident, $project:ident, $use_case:ident) => {{
        let name = $self.addressed($request, &$project)?;
        let service = Arc::clone(&$self.service);
        driven(async move { service.$use_case(&name).await }).await?.map_err(Failure::of_project)
    }};
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Projects")]
impl ProjectsApi {
    /// List projects
    ///
    /// Lists projects in the order of their names. Counters are null where a project cannot be read. A key that is for some
    /// projects shows those; a page may have fewer then, and still a next one.
    #[oai(path = "/projects", method = "get", operation_id = "listProjects")]
    async fn list(
        &self,
        request: &Request,
        /// Only projects of this drift type.
        #[oai(name = "drift_type")]
        _drift_type: InQuery<DriftType>,
        /// Only projects of this status.
        #[oai(name = "status")]
        _status: InQuery<Status>,
        /// At most so many projects; by default 100.
        #[oai(name = "page_size", validator(minimum(value = "1"), maximum(value = "1000")))]
        _page_size: InQuery<u32>,
        /// The `next_page_token` of the page before.
        #[oai(name = "page_token")]
        _page_token: InQuery<String>,
    ) -> Result<Answer<Listed>, Failure> {
        let parameters = Parameters::of(request);
        parameters.check(&["drift_type", "status", "page_size", "page_token"])?;
        let query = ListQuery {
            drift_type: parameters.drift_type()?,
            status: parameters.status()?,
            page_size: parameters.page_size()?,
            after: parameters.page_token(token::to_name)?,
        };
        let page = self.service.list(&query).await.map_err(Failure::of_project)?;
        let caller = caller(request)?;
        let shown = page.projects.into_iter().filter(|project| caller.sees(project.name.as_str()));
        Answer::of(&ProjectPage {
            projects: shown.map(Project::from).collect(),
            next_page_token: page.next.as_deref().map(token::of_name),
        })
    }

    /// Look at the store again
    ///
    /// Takes up projects that were copied into the store while the server runs, forgets those that were taken out of it, and
    /// gives those another chance that could not be loaded. A server that serves read-only takes over what the one that
    /// writes has changed.
    #[oai(path = "/projects/refresh", method = "post", operation_id = "refreshProjects")]
    async fn refresh(&self, request: &Request) -> Result<Answer<Looked>, Failure> {
        caller(request)?.check_all_projects()?;
        Parameters::of(request).refuse_all("this operation takes none")?;
        let service = Arc::clone(&self.service);
        let report = driven(async move { service.refresh().await }).await?.map_err(|error| Failure::of_port(&error))?;
        Answer::of(&Refreshed::from(report))
    }

    /// Show a project
    ///
    /// Tells the configuration, the status and the counters of a project, and the latest verdict.
    #[oai(path = "/projects/:project", method = "get", operation_id = "getProject")]
    async fn show(
        &self,
        request: &Request,
        /// The project.
        project: NameInPath,
    ) -> Result<Answer<Shown>, Failure> {
        let name = self.addressed(request, &project)?;
        let view = self.service.show(&name).await.map_err(Failure::of_project)?;
        Answer::of(&Project::from(view))
    }

    /// Delete a project
    ///
    /// Deletes a project with everything of it, durably. Its metrics are kept, unless `purge_metrics` is true; they can
    /// be purged later too, by asking again.
    #[oai(path = "/projects/:project", method = "delete", operation_id = "deleteProject")]
    async fn delete(
        &self,
        request: &Request,
        /// The project.
        project: NameInPath,
        /// Whether all metrics of the project's name are removed too, those of former fits included.
        #[oai(name = "purge_metrics")]
        _purge_metrics: InQuery<bool>,
    ) -> Result<Answer<Deleted>, Failure> {
        let name = project.parse()?;
        let parameters = Parameters::of(request);
        let purges = parameters
            .check(&["purge_metrics"])
            .and_then(|()| parameters.parsed("purge_metrics", "`true` or `false`", |text| text.parse::<bool>().ok()));
        let purges = match purges {
            // Existence is told before settings.
            Err(_) if !exists(&self.service, &name) => return Err(Failure::not_found()),
            purges => purges? == Some(true),
        };
        let service = Arc::clone(&self.service);
        let deleted = driven(async move {
            if purges { service.delete_with_metrics(&name).await } else { service.delete(&name).await }
        });
        deleted.await?.map_err(Failure::of_project)?;
        Ok(Answer::empty())
    }

    /// Load a project
    ///
    /// Sets a project active and reads it into memory, also one that has failed before.
    #[oai(path = "/projects/:project/load", method = "post", operation_id = "loadProject")]
    async fn load(
        &self,
        request: &Request,
        /// The project.
        project: NameInPath,
    ) -> Result<Answer<Loaded>, Failure> {
        let view = on_project!(self, request, project, load)?;
        Answer::of(&Project::from(view))
    }

    /// Unload a project
    ///
    /// Sets a project inactive, saves its online state and forgets it from memory. It answers no predictions until it
    /// is loaded.
    #[oai(path = "/projects/:project/unload", method = "post", operation_id = "unloadProject")]
    async fn unload(
        &self,
        request: &Request,
        /// The project.
        project: NameInPath,
    ) -> Result<Answer<Unloaded>, Failure> {
        let view = on_project!(self, request, project, unload)?;
        Answer::of(&Project::from(view))
    }

    /// Reset a project
    ///
    /// Sets the online state of an active project to its start, as after a fit. The counters of its life stay.
    #[oai(path = "/projects/:project/reset", method = "post", operation_id = "resetProject")]
    async fn reset(
        &self,
        request: &Request,
        /// The project.
        project: NameInPath,
    ) -> Result<Answer<WasReset>, Failure> {
        let view = on_project!(self, request, project, reset)?;
        Answer::of(&Project::from(view))
    }
}
