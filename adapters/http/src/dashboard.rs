//! What the pages of the dashboard ask for: fragments of HTML, with the key of whoever looks, and a stream that tells which
//! projects have moved. They are for our own pages, change with them, and stand in no document.

mod live;
mod values;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use drifting_dashboard::{
    ChartSize, Fault, OperationLine, ProjectDetails, ProjectLine, RecentSummary, columns, operations, overview,
    overview_line, project, trend_chart,
};
use drifting_domain::project::ProjectName;
use drifting_domain::use_cases::{DriftService, ListQuery, OperationQuery, ProjectError, ProjectView};
use futures_util::stream::{self, StreamExt};
use poem::endpoint::make;
use poem::http::Method;
use poem::{Endpoint, IntoResponse, Request, Response, Route, get};

pub(crate) use self::live::Live;
use crate::answers::Project;
use crate::api::{Origins, token};
use crate::error::{Failure, Issue};
use crate::input::Parameters;
use crate::pages::html;
use crate::rights::{Guarded, caller};

/// The paths of what tells of projects.
pub(crate) const FRAGMENTS: [&str; 7] = [
    "/dashboard/projects",
    "/dashboard/projects/{project}",
    "/dashboard/projects/{project}/line",
    "/dashboard/projects/{project}/trend",
    "/dashboard/projects/{project}/columns",
    "/dashboard/operations",
    "/dashboard/events",
];

/// Projects of a page of the overview.
const PROJECTS: usize = 50;
/// Operations of a page of them.
const OPERATIONS: usize = 50;
/// Trends of an overview that are read at once.
const READ_AT_ONCE: usize = 8;
/// Points of a small chart.
const SPARKLINE_POINTS: NonZeroU32 = NonZeroU32::new(48).unwrap();
/// The width of a chart where nobody says one.
const CHART_WIDTH: u32 = 900;

/// What fragments are made of.
#[derive(Clone)]
pub(crate) struct Dashboard {
    pub(crate) service: Arc<DriftService>,
    pub(crate) origins: Origins,
    pub(crate) live: Arc<Live>,
    /// After this long without a byte a connection is closed.
    pub(crate) idle: Duration,
}

impl Dashboard {
    /// Adds the fragments and the stream, each behind the scope of its path.
    pub(crate) fn add_to(&self, route: Route) -> Route {
        let live = Arc::clone(&self.live);
        let idle = self.idle;
        route
            .at("/dashboard/projects", self.fragment("/dashboard/projects", Self::overview))
            .at("/dashboard/projects/:project", self.fragment("/dashboard/projects/{project}", Self::project))
            .at("/dashboard/projects/:project/line", self.fragment("/dashboard/projects/{project}/line", Self::line))
            .at("/dashboard/projects/:project/trend", self.fragment("/dashboard/projects/{project}/trend", Self::trend))
            .at(
                "/dashboard/projects/:project/columns",
                self.fragment("/dashboard/projects/{project}/columns", Self::columns),
            )
            .at("/dashboard/operations", self.fragment("/dashboard/operations", Self::operations))
            .at(
                "/dashboard/events",
                get(guarded("/dashboard/events", make(move |request: Request| {
                    let live = Arc::clone(&live);
                    async move { Ok::<_, poem::Error>(live.follow(caller(&request)?.clone(), idle)?.into_response()) }
                }))),
            )
    }

    /// A fragment of HTML.
    fn fragment<F>(&self, path: &'static str, write: fn(Self, Request) -> F) -> poem::RouteMethod
    where
        F: Future<Output = Result<String, Failure>> + Send + 'static,
    {
        let dashboard = self.clone();
        let answer = make(move |request: Request| {
            let writing = write(dashboard.clone(), request);
            async move { Ok::<_, poem::Error>(html(writing.await?).passing()) }
        });
        get(guarded(path, answer))
    }

    async fn overview(self, request: Request) -> Result<String, Failure> {
        let parameters = Parameters::of(&request);
        parameters.check(&["drift_type", "status", "page_token"])?;
        let query = ListQuery {
            drift_type: parameters.drift_type()?,
            status: parameters.status()?,
            page_size: PROJECTS,
            after: parameters.page_token(token::to_name)?,
        };
        let is_filtered = query.drift_type.is_some() || query.status.is_some();
        let page = self.service.list(&query).await.map_err(Failure::of_project)?;
        let caller = caller(&request)?;
        let shown = page.projects.into_iter().filter(|view| caller.sees(view.name.as_str()));
        let lines = stream::iter(shown.map(|view| self.line_of(view))).buffered(READ_AT_ONCE);
        let lines: Vec<ProjectLine> = lines.collect().await;
        let next = page.next.as_deref().map(token::of_name);
        Ok(overview(&lines, next.as_deref(), is_filtered, self.service.now()))
    }

    async fn line(self, request: Request) -> Result<String, Failure> {
        let name = named(&request, &[])?;
        let view = self.service.show(&name).await.map_err(Failure::of_project)?;
        Ok(overview_line(&self.line_of(view).await, self.service.now()))
    }

    async fn line_of(&self, view: ProjectView) -> ProjectLine {
        if view.last_detection.is_none() {
            return ProjectLine { view, trend: Some(drifting_dashboard::Trend::default()), drift_began: None };
        }
        // Without the database of metrics there is a line all the same.
        let trend = values::trend(&self.service, &view.name, None, None, SPARKLINE_POINTS).await.ok();
        let drift_began = match &trend {
            Some(trend) => values::drift_began(&self.service, &view.name, trend).await,
            None => None,
        };
        ProjectLine { view, trend, drift_began }
    }

    async fn project(self, request: Request) -> Result<String, Failure> {
        let name = named(&request, &[])?;
        let view = self.service.show(&name).await.map_err(Failure::of_project)?;
        let position = self.service.open(&name).await.ok().map(|open| open.position());
        let ProjectLine { view, drift_began, .. } = self.line_of(view).await;
        let told = serde_json::to_value(Project::from(view.clone()));
        let mut configuration = told.map_err(|error| Failure::internal(format!("writing JSON: {error}")))?;
        // What moves stands above it.
        for moving in ["project", "status", "reason", "rows_seen", "drifts_seen", "time", "last_detection"] {
            configuration.as_object_mut().map(|members| members.remove(moving));
        }
        let details = ProjectDetails { view, position, drift_began, configuration };
        Ok(project(&details, self.service.now()))
    }

    async fn trend(self, request: Request) -> Result<String, Failure> {
        let name = named(&request, &["from", "to", "width"])?;
        let parameters = Parameters::of(&request);
        let (from, to) = (values::end(&parameters, "from")?, values::end(&parameters, "to")?);
        let width = parameters.parsed("width", "a width in pixels", |text| text.parse().ok())?;
        let size = ChartSize::of_width(width.unwrap_or(CHART_WIDTH));
        let trend = values::trend(&self.service, &name, from, to, size.n_points()).await?;
        // An end that nobody has given is that of the values.
        let asked = match (from, to, trend.buckets.first(), trend.buckets.last()) {
            (None, None, _, _) => None,
            (from, to, Some(first), Some(last)) => Some(from.unwrap_or(first.from)..to.unwrap_or(last.until)),
            _ => None,
        };
        Ok(trend_chart(&trend, asked.filter(|range| range.start < range.end), size))
    }

    async fn columns(self, request: Request) -> Result<String, Failure> {
        let name = named(&request, &[])?;
        let open = match self.service.open(&name).await {
            Ok(open) => open,
            Err(ProjectError::Inactive | ProjectError::Failed { .. }) => return Ok(columns(RecentSummary::Inactive)),
            Err(error) => return Err(Failure::of_project(error)),
        };
        let recent = self.service.recent_columns(&open).await;
        let recent = recent.map_err(|error| Failure::internal(format!("comparing columns: {error}")))?;
        Ok(columns(match &recent {
            Some(recent) => RecentSummary::Known(recent, open.judged_schema()),
            None => RecentSummary::NoRows,
        }))
    }

    #[expect(clippy::unused_async, reason = "fragments are futures")]
    async fn operations(self, request: Request) -> Result<String, Failure> {
        let parameters = Parameters::of(&request);
        parameters.check(&["page_token"])?;
        let before = parameters.page_token(token::to_operation)?;
        let page = self.service.operations(&OperationQuery { page_size: OPERATIONS, before });
        let caller = caller(&request)?;
        let shown = page.operations.into_iter().filter(|view| caller.sees(view.project.as_str()));
        let lines = shown.map(|view| {
            let problem = self.origins.tell(&view).problem;
            let place = |Issue { pointer, detail }: Issue| (pointer, detail);
            let fault = problem.map(|problem| Fault {
                detail: problem.detail,
                issues: problem.errors.into_iter().map(place).collect(),
            });
            OperationLine { view, fault }
        });
        let next = page.next.map(token::of_operation);
        Ok(operations(&lines.collect::<Vec<_>>(), next.as_deref(), self.service.now()))
    }
}

fn guarded<E: Endpoint<Output = Response>>(path: &str, endpoint: E) -> Guarded<E> {
    Guarded::new(endpoint, &Method::GET, path)
}

/// The project of the path, which the caller may be told of, of a request with no other parameters than these.
fn named(request: &Request, parameters: &[&str]) -> Result<ProjectName, Failure> {
    let name = request.raw_path_param("project").unwrap_or_default();
    caller(request)?.check_project(name)?;
    let name: ProjectName = name.parse()?;
    Parameters::of(request).check(parameters)?;
    Ok(name)
}
