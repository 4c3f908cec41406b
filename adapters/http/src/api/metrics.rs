//! The drift values of a project over time.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use drifting_domain::ports::TrendQuery;
use drifting_domain::use_cases::DriftService;
use poem::Request;
use poem_openapi::OpenApi;

use super::answer::{Answer, Operation};
use super::parameter::{InQuery, NameInPath};
use super::{Tag, exists, token};
use crate::answers::MetricsPage;
use crate::error::Failure;
use crate::input::Parameters;

pub(crate) struct Measured;

impl Operation for Measured {
    type Body = MetricsPage;
    const DESCRIPTION: &'static str = "Some metrics, in the order in which they were recorded.";
    const FAILURES: &'static [(u16, &'static str)] = &[
        (400, "`invalid_name`: the path holds no project name."),
        (404, "`project_not_found`: there is no project of this name."),
        (422, "`invalid_settings`: a query parameter cannot be used."),
        (503, "`storage_unavailable`: the metrics database cannot be reached now."),
    ];
}

/// The trend.
pub(crate) struct MetricsApi {
    pub(crate) service: Arc<DriftService>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Metrics")]
impl MetricsApi {
    /// Drift values over time
    ///
    /// Lists the verdicts on the rows of a project as they were recorded, rows of the warm-up included. Without a
    /// metrics database these are the most recent ones.
    #[oai(path = "/projects/:project/metrics", method = "get", operation_id = "listMetrics")]
    async fn list(
        &self,
        request: &Request,
        /// The project.
        project: NameInPath,
        /// The earliest time.
        #[oai(name = "from")]
        _from: InQuery<DateTime<Utc>>,
        /// The time that is no longer included.
        #[oai(name = "to")]
        _to: InQuery<DateTime<Utc>>,
        /// At most so many metrics; by default 100.
        #[oai(name = "page_size", validator(minimum(value = "1"), maximum(value = "1000")))]
        _page_size: InQuery<u32>,
        /// The `next_page_token` of the page before.
        #[oai(name = "page_token")]
        _page_token: InQuery<String>,
    ) -> Result<Answer<Measured>, Failure> {
        let name = project.parse()?;
        if !exists(&self.service, &name) {
            return Err(Failure::not_found());
        }
        let parameters = Parameters::of(request);
        parameters.refuse("resolution", "this version answers raw values only; leave `resolution` out")?;
        parameters.check(&["from", "to", "page_size", "page_token"])?;
        let query = TrendQuery {
            project: name,
            from: parameters.parsed("from", EXPECTED_TIME, time)?,
            to: parameters.parsed("to", EXPECTED_TIME, time)?,
            page_size: parameters.page_size()?,
            after: parameters.page_token(token::to_record)?,
        };
        let page = self.service.trend(&query).await.map_err(Failure::of_project)?;
        Answer::of(&MetricsPage {
            metrics: page.records.into_iter().map(Into::into).collect(),
            next_page_token: page.next.map(token::of_record),
        })
    }
}

const EXPECTED_TIME: &str = "a time as in RFC 3339, such as 2026-01-31T12:00:00Z";

fn time(text: &str) -> Option<DateTime<Utc>> {
    // A plus sign that was not escaped arrives as a blank.
    let parsed = DateTime::parse_from_rfc3339(text).or_else(|_| {
        let (start, offset) = text.rsplit_once(' ').unwrap_or((text, ""));
        DateTime::parse_from_rfc3339(&format!("{start}+{offset}"))
    });
    parsed.ok().map(|time| time.with_timezone(&Utc))
}
