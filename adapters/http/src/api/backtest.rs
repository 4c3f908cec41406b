//! Backtest: a history → what several detectors would have told of it.

use std::sync::Arc;

use bytes::Bytes;
use drifting_domain::use_cases::{Backtest, DriftService, HISTORY_ROWS_MAX};
use drifting_inference::ReadLimits;
use poem::Request;
use poem_openapi::OpenApi;

use super::Tag;
use super::answer::{Answer, Operation};
use super::parameter::InQuery;
use crate::answers::{BacktestReport, DetectorKind, DriftType, MissingValues, TimeOf};
use crate::body::{BacktestBody, MediaType, Unread, parse, parse_data};
use crate::error::{Code, Failure, Problem};
use crate::input::{BacktestInput, BacktestSettings, DataFormat, Form, Limits, Parameters, Source};
use crate::settings::HttpTimeouts;

pub(crate) struct Backtested;

impl Operation for Backtested {
    type Body = BacktestReport;
    const DESCRIPTION: &'static str = "What became of each candidate, and which to take.";
    const FAILURES: &'static [(u16, &'static str)] = &[
        (400, "`malformed`: the body cannot be parsed."),
        (408, "`request_timeout`: the body came too slowly."),
        (
            413,
            "`body_too_large`: the body, or what it holds when it is decoded, is larger than this server takes for fits.",
        ),
        (415, "`unsupported_media_type`: the body is in none of the formats that are taken."),
        (
            422,
            "`invalid_data`, `invalid_settings`: the history or the settings cannot be used; `errors` says where. A candidate that cannot be used is no failure: its `problem` says why.",
        ),
        (
            503,
            "`fit_queue_full`: too many fits wait for their turn; `overloaded`: the bodies of other requests take the memory that there is for them; `shutting_down`: the server begins no computation any more; `interrupted`: it stopped before this one had ended.",
        ),
    ];
}

/// The backtest.
#[derive(Clone)]
pub(crate) struct BacktestApi {
    pub(crate) service: Arc<DriftService>,
    pub(crate) limits: ReadLimits,
    pub(crate) timeouts: HttpTimeouts,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Projects")]
impl BacktestApi {
    /// Replay a history
    ///
    /// Fits each candidate on the first rows of a history, feeds it the others in their order, and says when it would have alarmed,
    /// how often falsely, how late after the changes that are known, and at what cost; suggests the one to take. Nothing is stored.
    /// It waits for its turn among fits, and stops when the client leaves. With a JSON body the settings stand in the body, and there
    /// are no query parameters; with any other body they stand in the query string.
    #[oai(path = "/backtest", method = "post", operation_id = "backtest")]
    #[expect(clippy::too_many_arguments, reason = "the query parameters of the document")]
    async fn backtest(
        &self,
        request: &Request,
        /// All bodies but JSON, which need it here: what kind of data they are.
        #[oai(name = "drift_type")]
        _drift_type: InQuery<DriftType>,
        /// All bodies but JSON: from 1 on how many of the first rows are the reference, below 1 which share of the rows; by default
        /// 0.3.
        #[oai(name = "reference", validator(minimum(value = "0", exclusive)))]
        _reference: InQuery<f64>,
        /// All bodies but JSON: the rows, from 0 on, with which changes begin, with commas between; `none` where it is known that
        /// nothing changes.
        #[oai(name = "changes")]
        _changes: InQuery<String>,
        /// All bodies but JSON: how many rows after a change an alarm may come to count as telling it; by default 1,000.
        #[oai(name = "margin", validator(minimum(value = "1")))]
        _margin: InQuery<u64>,
        /// All bodies but JSON: the kinds that are tried, with commas between; by default those that suit the columns.
        #[oai(name = "kinds", explode = false)]
        _kinds: InQuery<Vec<DetectorKind>>,
        /// All bodies but JSON: the sizes in which kinds that judge windows are tried, with commas between; by default 50, 200 and
        /// 1000 rows, those of which five fit into the rows that are replayed.
        #[oai(name = "windows", explode = false)]
        _windows: InQuery<Vec<u64>>,
        /// All bodies but JSON: rows between false alarms that are wanted, on average.
        #[oai(name = "ert", validator(minimum(value = "1", exclusive)))]
        _ert: InQuery<f64>,
        /// All bodies but JSON: the encoder of texts or images that every candidate sees them by.
        #[oai(name = "encoder")]
        _encoder: InQuery<String>,
        /// All bodies but JSON: rows from a number of a series to the one before that is subtracted from it.
        #[oai(name = "sequence.difference", validator(minimum(value = "1"), maximum(value = "10000")))]
        _sequence_difference: InQuery<u64>,
        /// All bodies but JSON: the column whose value tells the season of a row of a series.
        #[oai(name = "sequence.season.column")]
        _season_column: InQuery<String>,
        /// All bodies but JSON: rows of a period whose places are the seasons of a series.
        #[oai(name = "sequence.season.period", validator(minimum(value = "2"), maximum(value = "10000")))]
        _season_period: InQuery<u64>,
        /// All bodies but JSON: the column of times that tells the season of a row of a series.
        #[oai(name = "sequence.season.timestamp")]
        _season_timestamp: InQuery<String>,
        /// All bodies but JSON: which parts of the time, with commas between.
        #[oai(name = "sequence.season.by", explode = false)]
        _season_by: InQuery<Vec<TimeOf>>,
        /// All bodies but JSON: mean rows of the blocks in which streams like the reference are drawn.
        #[oai(name = "sequence.block_length", validator(minimum(value = "1")))]
        _sequence_block_length: InQuery<f64>,
        /// All bodies but JSON: what happens to rows with missing values.
        #[oai(name = "missing_values")]
        _missing_values: InQuery<MissingValues>,
        /// All bodies but JSON: the seed of everything random.
        #[oai(name = "seed")]
        _seed: InQuery<u64>,
        body: BacktestBody,
    ) -> Result<Answer<Backtested>, Failure> {
        // A body does not change this, which may be large.
        let waits = self.service.check_queue();
        waits.map_err(|error| Failure::of_backtest(&error, &Source::query(Form::Columns)))?;
        let input = self.read(&Parameters::of(request), body.0).await?;
        let source = input.source.clone();
        // If the client leaves, this future is dropped, and that ends the computation.
        let report = self.service.backtest(input.into_request()?).await;
        let report = report.map_err(|error| Failure::of_backtest(&error, &source))?;
        Answer::of(&BacktestReport::from(report))
    }
}

impl BacktestApi {
    async fn read(&self, parameters: &Parameters, body: Unread) -> Result<BacktestInput, Failure> {
        let limits = Limits::of(self.limits, HISTORY_ROWS_MAX);
        match body.media_type()? {
            MediaType::Data(DataFormat::Json) => {
                let body = body.read_decoded(self.limits.bytes, &self.timeouts).await?;
                let input = parse(body, move |body| BacktestInput::from_json(body, limits)).await??;
                parameters.refuse_all("the settings of a JSON body stand in the body")?;
                Ok(input)
            }
            MediaType::Data(format) => {
                let settings = BacktestSettings::of(parameters);
                let body = body.read_decoded(self.limits.bytes, &self.timeouts).await?;
                let arrays = settings.as_ref().map(BacktestSettings::arrays).unwrap_or_default();
                let data = parse_data(format, body, limits.taking(arrays)).await?;
                // A body that cannot be parsed is told before settings that cannot be used.
                match (settings, data) {
                    (Ok(settings), data) => Ok(BacktestInput::of(settings, data?)),
                    (Err(_), Err(of_data)) if of_data.code != Code::InvalidData => Err(of_data),
                    (Err(of_settings), _) => Err(of_settings),
                }
            }
            MediaType::Multipart(_) => {
                let detail = format!("expected {EXPECTED_HISTORY}, multipart/form-data came");
                Err(Failure::new(Code::UnsupportedMediaType, detail))
            }
        }
    }
}

/// What is taken, in words.
pub(crate) const EXPECTED_HISTORY: &str = "application/json, text/csv, application/x-ndjson, application/vnd.apache.parquet or application/vnd.apache.arrow.stream";

/// Answers a backtest without a server: what is read, and what is answered, is what the operation reads and answers.
///
/// `query` are the parameters beside a body that is not JSON.
///
/// # Errors
/// With the problem details, as JSON, that the operation would answer with.
pub fn run_backtest(
    media_type: &str,
    body: Bytes,
    query: Vec<(String, String)>,
    backtest: &Backtest<'_>,
) -> Result<String, String> {
    let told = |failure: Failure| {
        let problem = Problem::of(failure, "/api/v1/backtest", "");
        serde_json::to_string(&problem).unwrap_or_default()
    };
    let run = || {
        let limits = Limits::of(ReadLimits::of_bytes(usize::MAX), HISTORY_ROWS_MAX);
        let input = match DataFormat::of_media_type(media_type) {
            Some(DataFormat::Json) => BacktestInput::from_json(&body, limits)?,
            Some(format) => {
                let settings = BacktestSettings::of(&Parameters::from(query))?;
                let data = format.read(body, limits.taking(settings.arrays()))?;
                BacktestInput::of(settings, data)
            }
            None => {
                let detail = format!("expected {EXPECTED_HISTORY}, {media_type} came");
                return Err(Failure::new(Code::UnsupportedMediaType, detail));
            }
        };
        let source = input.source.clone();
        let report = backtest.run(&input.into_request()?);
        let report = BacktestReport::from(report.map_err(|error| Failure::of_backtest(&error, &source))?);
        serde_json::to_string(&report).map_err(|error| Failure::internal(format!("writing JSON: {error}")))
    };
    run().map_err(told)
}
