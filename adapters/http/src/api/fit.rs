//! Fit: reference and settings → a project.

use std::sync::Arc;

use drifting_access::Audited;
use drifting_domain::project::ProjectName;
use drifting_domain::use_cases::{
    DriftService, FitRequest, OperationStatus, OperationView, ProjectView, REFERENCE_ROWS_MAX, RequestIdentity,
};
use drifting_inference::ReadLimits;
use drifting_listening::{BodyShare, RequestId, TraceContext};
use poem::http::{StatusCode, header};
use poem::{Request, Response};
use poem_openapi::OpenApi;
use tracing::Instrument;

use super::answer::{Also, Answer, BodyOf, Operation};
use super::fit_answers::{FitAnswer, FitAnswers};
use super::once::{KeyInHeader, Written};
use super::operations::{Origin, Origins, how_it_ended, new_id};
use super::parameter::{InQuery, NameInPath, Prefer};
use super::{Tag, driven, within_span};
use crate::answers::{DriftType, FeatureSet, LongFit, MissingValues, Project, TimeOf};
use crate::audited::audited;
use crate::body::{FitBody, MediaType, Unread, parse, parse_data};
use crate::error::Failure;
use crate::input::{DataFormat, FitInput, Form, Limits, Parameters, Settings, Source, Unusable, read_settings};
use crate::settings::HttpTimeouts;

/// Says which preferences were heeded (RFC 7240).
const PREFERENCE_APPLIED: &str = "preference-applied";

/// What the path of an operation begins with.
const OPERATIONS: &str = "/api/v1/operations/";

pub(crate) struct Fitted;

impl Operation for Fitted {
    type Body = Project;
    const STATUS: StatusCode = StatusCode::CREATED;
    const DESCRIPTION: &'static str = "The project, fitted, stored and active.";
    const HAS_LOCATION: bool = true;
    const IS_REPLAYED: bool = true;
    const ALSO: Option<Also> = Some(Also {
        status: StatusCode::ACCEPTED,
        description: "With `Prefer: respond-async`: name, settings and data are in order, and the fit goes on as this operation.",
        headers: &[("Location", "The path of the operation."), ("Preference-Applied", "`respond-async`.")],
        body: Some(BodyOf::new::<LongFit>()),
    });
    const FAILURES: &'static [(u16, &'static str)] = &[
        (400, "`invalid_name`: the path holds no project name; `malformed`: the body cannot be parsed."),
        (404, "`project_not_found`: the project that was to be replaced has been deleted while the fit was under way."),
        (408, "`request_timeout`: the body came too slowly."),
        (
            409,
            "`project_exists`: there is a project of this name and `overwrite` is not true; `fit_in_progress`: another fit of it is under way.",
        ),
        (
            413,
            "`body_too_large`: the body, or what it holds when it is decoded, is larger than this server takes for fits.",
        ),
        (415, "`unsupported_media_type`: the body is in none of the formats that are taken."),
        (
            422,
            "`invalid_data`, `invalid_settings`: the data or the settings cannot be used; `errors` says where. `idempotency_key_reused`: another request came first under this `Idempotency-Key`.",
        ),
        (
            503,
            "`fit_queue_full`: too many fits wait for their turn; `overloaded`: the bodies of other requests take the memory that there is for them; `storage_unavailable`: the storage cannot be reached now; `shutting_down`: the server begins no operation any more; `interrupted`: it stopped before the fit had ended, which may have been stored all the same.",
        ),
        (507, "`storage_full`: the storage has no room left."),
    ];
}

/// The fit.
#[derive(Clone)]
pub(crate) struct FitApi {
    pub(crate) service: Arc<DriftService>,
    pub(crate) limits: ReadLimits,
    pub(crate) timeouts: HttpTimeouts,
    pub(crate) origins: Origins,
    pub(crate) answers: FitAnswers,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Projects")]
impl FitApi {
    /// Fit a project
    ///
    /// Fits a detector on the reference, stores it durably and serves it. The fit stops when the client leaves before it has ended. With `Prefer: respond-async` the answer
    /// comes as soon as everything but the long computing is done, and the fit goes on as an operation, whether or not
    /// the client stays. With a JSON body the settings stand in the body, and there are no query parameters; with any
    /// other body they stand in the query string, or in the part `settings` of `multipart/form-data`.
    #[oai(path = "/projects/:project/fit", method = "post", operation_id = "fitProject")]
    #[expect(clippy::too_many_arguments, reason = "the query parameters of the document")]
    async fn fit(
        &self,
        request: &Request,
        /// The project.
        project: NameInPath,
        /// `respond-async` asks for an operation in place of waiting (RFC 7240).
        #[oai(name = "Prefer")]
        prefer: Prefer,
        /// Of a request that may be sent again: one of its own for each request. It fits once, also if the client leaves, and the
        /// same request is given the first answer for 24 hours; a server that has started since answers with the project as it
        /// is. What failed is tried anew.
        #[oai(name = "Idempotency-Key")]
        key: KeyInHeader,
        /// All bodies but JSON, which need it here or in a part `settings`: what kind of data the project watches.
        #[oai(name = "drift_type")]
        _drift_type: InQuery<DriftType>,
        /// All bodies but JSON: the column that holds the truth of the only other one, the predictions, of streaming kinds.
        #[oai(name = "truth")]
        _truth: InQuery<String>,
        /// All bodies but JSON: whether a project of that name is replaced.
        #[oai(name = "overwrite")]
        _overwrite: InQuery<bool>,
        /// All bodies but JSON: what happens to rows with missing values.
        #[oai(name = "missing_values")]
        _missing_values: InQuery<MissingValues>,
        /// All bodies but JSON: whether a trial fit estimates how often alarms start.
        #[oai(name = "report_run_length")]
        _report_run_length: InQuery<bool>,
        /// All bodies but JSON: whether the quality of rows is checked.
        #[oai(name = "quality")]
        _quality: InQuery<bool>,
        /// All bodies but JSON: how rarely the checks of quality may find something though nothing has changed.
        #[oai(name = "quality.significance", validator(minimum(value = "0", exclusive), maximum(value = "0.5")))]
        _quality_significance: InQuery<f64>,
        /// All bodies but JSON: whether categories are told that the reference did not hold.
        #[oai(name = "quality.new_category")]
        _quality_new_category: InQuery<bool>,
        /// All bodies but JSON: whether texts are told that seem to be of another type.
        #[oai(name = "quality.type_change")]
        _quality_type_change: InQuery<bool>,
        /// All bodies but JSON: whether more missing values than in the reference are told.
        #[oai(name = "quality.missing_burst")]
        _quality_missing_burst: InQuery<bool>,
        /// All bodies but JSON: whether numbers outside of the range of the reference are told.
        #[oai(name = "quality.out_of_range")]
        _quality_out_of_range: InQuery<bool>,
        /// All bodies but JSON: whether one value over and over is told.
        #[oai(name = "quality.constant_column")]
        _quality_constant_column: InQuery<bool>,
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
        /// All bodies but JSON: whether numbers are standardised.
        #[oai(name = "standardize")]
        _standardize: InQuery<bool>,
        /// All bodies but JSON: how many principal components are kept.
        #[oai(name = "n_components", validator(minimum(value = "1")))]
        _n_components: InQuery<u64>,
        /// All bodies but JSON: what texts become.
        #[oai(name = "features")]
        _features: InQuery<FeatureSet>,
        /// All bodies but JSON: the encoder of texts or images.
        #[oai(name = "encoder")]
        _encoder: InQuery<String>,
        /// All bodies but JSON: sizes of several windows, with commas between.
        #[oai(name = "window_sizes", explode = false)]
        _window_sizes: InQuery<Vec<u64>>,
        /// All bodies but JSON: bandwidths of the kernel, with commas between.
        #[oai(name = "sigma", explode = false)]
        _sigma: InQuery<Vec<f64>>,
        /// All bodies but JSON: the columns that are the context, with commas between.
        #[oai(name = "context_columns", explode = false)]
        _context_columns: InQuery<Vec<String>>,
        /// All bodies but JSON: bandwidths of the kernel of contexts, with commas between.
        #[oai(name = "context_sigma", explode = false)]
        _context_sigma: InQuery<Vec<f64>>,
        /// All bodies but JSON: rows that close a window.
        #[oai(name = "window.size", validator(minimum(value = "2"), maximum(value = "1000000")))]
        _window_rows: InQuery<u64>,
        /// All bodies but JSON: rows that leave a window that its size has closed.
        #[oai(name = "window.stride", validator(minimum(value = "1"), maximum(value = "1000000")))]
        _window_stride: InQuery<u64>,
        /// All bodies but JSON: age of the oldest row that closes a window, in seconds or with a unit, such as `15m`.
        #[oai(name = "window.max_age")]
        _window_max_age: InQuery<String>,
        /// All bodies but JSON: the reference are the latest rows, so many. (The test of a column: `tests.<column>`.)
        #[oai(name = "update_reference.last", validator(minimum(value = "2"), maximum(value = "1000000")))]
        _update_last: InQuery<u64>,
        /// All bodies but JSON: the reference is a sample of so many of all rows.
        #[oai(name = "update_reference.reservoir", validator(minimum(value = "2"), maximum(value = "1000000")))]
        _update_reservoir: InQuery<u64>,
        /// All bodies but JSON: whether windows in drift leave the reference as it is.
        #[oai(name = "update_reference.only_without_drift")]
        _update_only_without_drift: InQuery<bool>,
        body: FitBody,
    ) -> Result<Answer<Fitted>, Failure> {
        let (name, keyed) = (project.parse()?, key.parse()?);
        let place = ["fit", name.as_str()];
        let is_known = keyed.as_ref().is_some_and(|keyed| self.answers.has(&keyed.key_digest(&place)));
        if !is_known {
            // A name that differs only in case is taken whatever the body says.
            self.check_free(&name, true)?;
            // Nor does a body change this, which may be large.
            self.service.check_queue().map_err(|error| Failure::of_fit(error, &name, &Source::query(Form::Columns)))?;
        }
        let wanted = Wanted {
            name: name.clone(),
            parameters: Parameters::of(request),
            respond_async: prefer.respond_async,
            request_id: request.data::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
            trace_id: request.data::<TraceContext>().map(|trace| trace.trace_id().to_owned()),
            audited: audited(request),
            identity: None,
        };
        let Some(keyed) = keyed else {
            return Ok(Answer::response(Response::from(self.fit_now(wanted, body.0).await?)));
        };
        let (body, bytes) = body.0.buffered(self.limits.bytes, &self.timeouts).await?;
        let identity = keyed.identity(&place, bytes).await?;
        let (api, wanted) = (self.clone(), Wanted { identity: Some(identity), ..wanted });
        let fitting = async move {
            let fitted = api.service.fitted_once(&wanted.name, &identity).await;
            let failed = |error| Failure::of_fit(error, &wanted.name, &Source::query(Form::Columns));
            if let Some(view) = fitted.map_err(failed)? {
                return Ok(FitAnswer { written: written(view)?, is_replayed: true });
            }
            Ok(FitAnswer { written: api.fit_now(wanted, body).await?, is_replayed: false })
        };
        // Who sends it again wants the project, not to be told once more of a fit in the background that came to nothing.
        let service = Arc::clone(&self.service);
        let came_to_nothing = move |written: &Written| {
            let id =
                written.header(header::LOCATION.as_str()).and_then(|path| path.strip_prefix(OPERATIONS)?.parse().ok());
            let ended = id.and_then(|id| service.operation(id)).filter(OperationView::has_ended);
            ended.is_some_and(|ended| !matches!(ended.status, OperationStatus::Succeeded))
        };
        Ok(Answer::response(Box::pin(self.answers.once(identity, came_to_nothing, fitting)).await?))
    }
}

/// What is asked for beside the body.
struct Wanted {
    name: ProjectName,
    parameters: Parameters,
    respond_async: bool,
    request_id: String,
    trace_id: Option<String>,
    audited: Audited,
    /// That of a request that may come again.
    identity: Option<RequestIdentity>,
}

/// The answer with a project that has been fitted.
fn written(view: ProjectView) -> Result<Written, Failure> {
    let location = format!("/api/v1/projects/{}", view.name);
    Ok(Written::json(Fitted::STATUS, &Project::from(view))?.with_header(header::LOCATION.as_str(), location))
}

impl FitApi {
    /// Reads a body and fits. Where this future is dropped, as when a client leaves whose request may not come again, that ends the computation.
    async fn fit_now(&self, wanted: Wanted, body: Unread) -> Result<Written, Failure> {
        let Wanted { name, parameters, respond_async, request_id, trace_id, audited, identity } = wanted;
        let share = body.share();
        let input = match self.read(&name, parameters, body).await {
            Ok(input) => input,
            Err(Unusable { failure, overwrite }) => {
                // Existence is told before a body that cannot be used, unless that body asked to replace the project.
                self.check_free(&name, overwrite)?;
                return Err(failure);
            }
        };
        let source = input.source.clone();
        self.check_free(&name, input.settings.overwrite)?;
        let request = input.into_request(name.clone())?;
        if respond_async {
            return self.begin(request, Origin { source, request_id }, trace_id, audited, identity, share).await;
        }
        let fitted = self.service.fit(request).await.map_err(|error| Failure::of_fit(error, &name, &source))?;
        let fitted = fitted.known_by(identity);
        let service = Arc::clone(&self.service);
        let stored = driven(async move { service.store(fitted).await }).await?;
        written(stored.map_err(|error| Failure::of_fit(error, &name, &source))?)
    }

    /// Makes an operation of a fit once it has been checked.
    async fn begin(
        &self,
        request: FitRequest,
        origin: Origin,
        trace_id: Option<String>,
        audited: Audited,
        identity: Option<RequestIdentity>,
        share: BodyShare,
    ) -> Result<Written, Failure> {
        let (name, source) = (request.project.clone(), origin.source.clone());
        let failure = |error| Failure::of_fit(error, &name, &source);
        let service = Arc::clone(&self.service);
        // Reading and encoding a large reference takes a while, so it has a thread that may be kept busy.
        let prepared = tokio::task::spawn_blocking(within_span(move || service.prepare_fit(request))).await;
        let prepared = prepared.map_err(|error| Failure::internal(format!("preparing a fit: {error}")))?;
        let (prepared, id) = (prepared.map_err(failure)?.known_by(identity), new_id()?);
        let (service, origins) = (Arc::clone(&self.service), self.origins.clone());
        // Not within the span of the request, which ends before.
        let span = tracing::error_span!(
            parent: None,
            "operation",
            operation_id = %id,
            request_id = origin.request_id,
            trace_id
        );
        let begun = driven(
            async move {
                let begun = service.begin_fit(id, prepared).await?;
                origins.keep(id, origin, &service);
                let view = begun.view();
                let recording = audited.begin(&id.to_string(), view.project.as_str());
                let finishing = async move {
                    service.finish_fit(begun).await;
                    if let Some(ended) = service.operation(id) {
                        recording.end(how_it_ended(&ended));
                    }
                    drop(share);
                };
                tokio::spawn(finishing.in_current_span());
                Ok(view)
            }
            .instrument(span),
        );
        let view = begun.await?.map_err(failure)?;
        let written = Written::json(StatusCode::ACCEPTED, &self.origins.tell(&view))?;
        let written = written.with_header(header::LOCATION.as_str(), format!("{OPERATIONS}{id}"));
        Ok(written.with_header(PREFERENCE_APPLIED, "respond-async"))
    }

    fn check_free(&self, name: &ProjectName, overwrite: bool) -> Result<(), Failure> {
        let free = self.service.check_fits().and_then(|()| self.service.check_free(name, overwrite));
        free.map_err(|error| Failure::of_fit(error, name, &Source::query(Form::Columns)))
    }

    async fn read(&self, name: &ProjectName, parameters: Parameters, body: Unread) -> Result<FitInput, Unusable> {
        let unusable = |failure| Unusable { failure, overwrite: false };
        let limits = Limits::of(self.limits, REFERENCE_ROWS_MAX);
        match body.media_type().map_err(unusable)? {
            MediaType::Data(DataFormat::Json) => {
                let body = body.read_decoded(self.limits.bytes, &self.timeouts).await.map_err(unusable)?;
                let input = parse(body, move |body| FitInput::from_json(body, limits)).await.map_err(unusable)??;
                let overwrite = input.settings.overwrite;
                let settings_stand_in_body = "the settings of a JSON body stand in the body";
                parameters.refuse_all(settings_stand_in_body).map_err(|failure| Unusable { failure, overwrite })?;
                Ok(input)
            }
            MediaType::Data(format) => {
                let settings = parameters.fit_settings();
                let overwrite = match &settings {
                    Ok(settings) => settings.overwrite,
                    Err((_, overwrite)) => *overwrite,
                };
                let unusable = |failure| Unusable { failure, overwrite };
                // Whether it exists is known before the body is read: then it need not be.
                self.check_free(name, overwrite).map_err(unusable)?;
                let body = body.read_decoded(self.limits.bytes, &self.timeouts).await.map_err(unusable)?;
                let limits = limits.taking(settings.as_ref().map(Settings::arrays).unwrap_or_default());
                let data = parse_data(format, body, limits).await.map_err(unusable)?;
                against_truth(FitInput::of(settings, data, Source::query)?).await
            }
            MediaType::Multipart(boundary) => {
                let parts = body.read_parts(&boundary, true, self.limits.bytes, &self.timeouts).await;
                let mut parts = parts.map_err(unusable)?;
                let stand_in_part = parts.settings.is_some();
                let in_part = parts.settings.take().map(|settings| read_settings(&settings, limits));
                let settings = in_part.unwrap_or_else(|| parameters.fit_settings());
                let data_limits = limits.taking(settings.as_ref().map(Settings::arrays).unwrap_or_default());
                let data = match parts.take_data() {
                    Ok((format, data)) => parse_data(format, data, data_limits).await.map_err(unusable)?,
                    Err(failure) => Err(failure),
                };
                if !stand_in_part {
                    return against_truth(FitInput::of(settings, data, Source::query)?).await;
                }
                let input = FitInput::of(settings, data, Source::json)?;
                let overwrite = input.settings.overwrite;
                let settings_stand_in_part = "the settings stand in the part `settings`";
                parameters.refuse_all(settings_stand_in_part).map_err(|failure| Unusable { failure, overwrite })?;
                against_truth(input).await
            }
        }
    }
}

/// A reference as long as may be is held against its truth where nobody waits for the thread.
async fn against_truth(input: FitInput) -> Result<FitInput, Unusable> {
    if input.settings.truth.is_none() {
        return Ok(input);
    }
    let overwrite = input.settings.overwrite;
    tokio::task::spawn_blocking(|| input.against_truth()).await.map_err(|error| {
        let failure = Failure::internal(format!("holding predictions against their truth: {error}"));
        Unusable { failure, overwrite }
    })?
}
