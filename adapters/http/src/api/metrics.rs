//! The drift values of a project over time.

use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use drifting_domain::ports::TrendQuery;
use drifting_domain::project::ProjectName;
use drifting_domain::use_cases::{DriftService, Resolution, TrendInBuckets};
use futures_util::stream;
use poem::{Body, Request, Response};
use poem_openapi::OpenApi;

use super::answer::{Answer, Operation};
use super::parameter::{InQuery, NameInPath};
use super::{Tag, exists, time, token};
use crate::answers::{CsvRow, Metric, MetricBucket, Trend, TrendPoint};
use crate::error::Failure;
use crate::input::Parameters;

pub(crate) struct Measured;

impl Operation for Measured {
    type Body = Trend;
    const ALSO_AS_TEXT: Option<&'static str> = Some(CSV);
    const DESCRIPTION: &'static str = "Metrics, by their times.";
    const FAILURES: &'static [(u16, &'static str)] = &[
        (400, "`invalid_name`: the path holds no project name."),
        (404, "`project_not_found`: there is no project of this name, and no metric of one."),
        (422, "`invalid_settings`: a query parameter cannot be used."),
        (503, "`storage_unavailable`: the metrics database cannot be reached now."),
    ];
}

const CSV: &str = "text/csv";

/// So many metrics at a time are read for CSV.
const CSV_PAGE_SIZE: usize = 1_000;

/// The trend.
pub(crate) struct MetricsApi {
    pub(crate) service: Arc<DriftService>,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Metrics")]
impl MetricsApi {
    /// Drift values over time
    ///
    /// Lists the verdicts on the rows of a project by their times, rows of the warm-up included, or sums them up in buckets
    /// of time. Without `from` they begin with the last fit; with it, those of earlier fits are told too. Those of a deleted
    /// project are told as long as they are kept. Without a metrics database these are the most recent ones.
    #[oai(path = "/projects/:project/metrics", method = "get", operation_id = "listMetrics")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter of the query")]
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
        /// Sum up: a width from `1m` to `366d` (`15m`, `1h`, `1d`; buckets start at multiples of it, counted from 1970 in UTC),
        /// or a number of points from 1 to 1000, which are spread over the range and come all at once.
        #[oai(name = "resolution", validator(pattern = "^([0-9]+[mhd]|[0-9]{1,4})$"))]
        _resolution: InQuery<String>,
        /// Whether each metric tells the verdicts on the columns.
        #[oai(name = "features")]
        _features: InQuery<bool>,
        /// `json`, or `csv`: all pages at once, with a line of names.
        #[oai(name = "format", validator(pattern = "^(json|csv)$"))]
        _format: InQuery<String>,
        /// At most so many metrics; by default 100.
        #[oai(name = "page_size", validator(minimum(value = "1"), maximum(value = "1000")))]
        _page_size: InQuery<u32>,
        /// The `next_page_token` of the page before.
        #[oai(name = "page_token")]
        _page_token: InQuery<String>,
    ) -> Result<Answer<Measured>, Failure> {
        let name = project.parse()?;
        if !exists(&self.service, &name) && !self.service.has_trend(&name).await.map_err(Failure::of_project)? {
            return Err(Failure::not_found());
        }
        let parameters = Parameters::of(request);
        parameters.check(&["from", "to", "resolution", "features", "format", "page_size", "page_token"])?;
        let is_csv = parameters.parsed("format", "`json` or `csv`", |text| match text {
            "json" => Some(false),
            "csv" => Some(true),
            _ => None,
        })?;
        let mut pages = Pages::of(Arc::clone(&self.service), name, &parameters)?;
        if is_csv == Some(true) {
            for paging in ["page_size", "page_token"] {
                parameters
                    .refuse(paging, "CSV comes in one piece; leave this parameter out, or give `from` and `to`")?;
            }
            parameters.refuse("features", "CSV has no room for columns; leave this parameter out, or ask for JSON")?;
            pages.set_size(CSV_PAGE_SIZE);
            return pages.csv().await;
        }
        Answer::of(&pages.next().await?)
    }
}

/// One page after the other.
struct Pages {
    service: Arc<DriftService>,
    asked: Asked,
    is_over: bool,
}

enum Asked {
    Values(TrendQuery),
    Buckets(TrendInBuckets),
}

impl Pages {
    fn of(service: Arc<DriftService>, project: ProjectName, parameters: &Parameters) -> Result<Self, Failure> {
        let from = parameters.parsed("from", time::EXPECTED, time::parse)?;
        let to = parameters.parsed("to", time::EXPECTED, time::parse)?;
        let page_size = parameters.page_size()?;
        let with_features = parameters.parsed("features", "`true` or `false`", |text| text.parse().ok())?;
        let with_features = with_features.unwrap_or(false);
        let asked = match parameters.parsed("resolution", EXPECTED_RESOLUTION, resolution)? {
            None => {
                let after = parameters.page_token(token::to_record)?;
                Asked::Values(TrendQuery { project, from, to, page_size, after, with_features })
            }
            Some(resolution) => {
                let after = parameters.page_token(token::to_bucket)?;
                Asked::Buckets(TrendInBuckets { project, from, to, resolution, page_size, after })
            }
        };
        Ok(Self { service, asked, is_over: false })
    }

    fn set_size(&mut self, n: usize) {
        match &mut self.asked {
            Asked::Values(query) => query.page_size = n,
            Asked::Buckets(query) => query.page_size = n,
        }
    }

    async fn next(&mut self) -> Result<Trend, Failure> {
        let trend = match &mut self.asked {
            Asked::Values(query) => {
                let page = self.service.trend(query).await.map_err(Failure::of_project)?;
                (query.after, self.is_over) = (page.next, page.next.is_none());
                let metrics = page.records.into_iter().map(|record| Metric::of(record, query.with_features));
                let next_page_token = page.next.map(token::of_record);
                Trend { metrics: metrics.map(TrendPoint::Value).collect(), next_page_token }
            }
            Asked::Buckets(query) => {
                let (page, width_s) = self.service.trend_in_buckets(query).await.map_err(Failure::of_project)?;
                (query.after, self.is_over) = (page.next, page.next.is_none());
                let metrics = page.buckets.iter().map(|bucket| MetricBucket::of(bucket, width_s));
                let next_page_token = page.next.map(token::of_bucket);
                Trend { metrics: metrics.map(TrendPoint::Bucket).collect(), next_page_token }
            }
        };
        Ok(trend)
    }

    /// All of them as CSV. The first is read before the answer begins, so that what fails then is told as any failure; one
    /// that fails later breaks the answer off.
    async fn csv(mut self) -> Result<Answer<Measured>, Failure> {
        let first = lines(self.next().await?, true).map_err(|error| Failure::internal(error.to_string()))?;
        let rest = stream::unfold(self, |mut pages| async move {
            if pages.is_over {
                return None;
            }
            let page = pages.next().await.map_err(|_| io::Error::other("the metrics cannot be read further"));
            if page.is_err() {
                pages.is_over = true;
            }
            Some((page.and_then(|page| lines(page, false)), pages))
        });
        let all = futures_util::StreamExt::chain(stream::iter([Ok(first)]), rest);
        Ok(Answer::response(
            Response::builder().content_type("text/csv; charset=utf-8").body(Body::from_bytes_stream(all)),
        ))
    }
}

fn lines(page: Trend, with_names: bool) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(with_names).from_writer(Vec::new());
    for row in page.metrics.into_iter().map(CsvRow::from) {
        writer.serialize(row)?;
    }
    writer.into_inner().map_err(|error| io::Error::other(error.to_string()))
}

const EXPECTED_RESOLUTION: &str =
    "a width from 1m to 366d, such as 15m, 1h or 1d, or a number of points from 1 to 1000";

fn resolution(text: &str) -> Option<Resolution> {
    const DAY_S: u32 = 86_400;
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number = digits.parse::<u32>().ok().filter(|_| !digits.starts_with('+'))?;
    let unit_s = match &text[digits.len()..] {
        "" => return NonZeroU32::new(number).filter(|n| n.get() <= 1_000).map(Resolution::Points),
        "m" => 60,
        "h" => 3_600,
        "d" => DAY_S,
        _ => return None,
    };
    let width = number.checked_mul(unit_s).filter(|width| *width <= 366 * DAY_S)?;
    NonZeroU32::new(width).map(Resolution::Seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_are_widths_or_numbers_of_points() {
        let seconds = |n| NonZeroU32::new(n).map(Resolution::Seconds);
        assert_eq!(resolution("1m"), seconds(60));
        assert_eq!(resolution("12h"), seconds(43_200));
        assert_eq!(resolution("366d"), seconds(366 * 86_400));
        assert_eq!(resolution("200"), NonZeroU32::new(200).map(Resolution::Points));
        for text in
            ["", "m", "0m", "0", "1001", "1s", "1w", "367d", "-1m", "+1m", "1 m", "1M", "99999999999d", "1mm", "ä"]
        {
            assert_eq!(resolution(text), None, "{text}");
        }
    }
}
