//! Fit: reference and settings → a project.

use std::sync::Arc;

use drifting_domain::project::ProjectName;
use drifting_domain::use_cases::{DriftService, FitRequest, REFERENCE_ROWS_MAX};
use poem::Request;
use poem::http::{HeaderName, StatusCode, header};
use poem_openapi::OpenApi;

use super::answer::{Also, Answer, BodyOf, Operation};
use super::operations::{Origin, Origins, new_id};
use super::parameter::{InQuery, NameInPath, Prefer};
use super::{Tag, driven};
use crate::answers::{Alternative, DetectorKind, DriftType, LongFit, MissingValues, Project};
use crate::body::{FitBody, MediaType, Unread, parse, parse_data};
use crate::error::Failure;
use crate::front::RequestId;
use crate::input::{DataFormat, FitInput, Form, Limits, Parameters, Source, Unusable, read_settings};
use crate::settings::HttpTimeouts;

/// Says which preferences were heeded (RFC 7240).
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

pub(crate) struct Fitted;

impl Operation for Fitted {
    type Body = Project;
    const STATUS: StatusCode = StatusCode::CREATED;
    const DESCRIPTION: &'static str = "The project, fitted, stored and active.";
    const HAS_LOCATION: bool = true;
    const ALSO: Option<Also> = Some(Also {
        status: StatusCode::ACCEPTED,
        description: "With `Prefer: respond-async`: name, settings and data are in order, and the fit goes on as this operation.",
        headers: &[("Location", "The path of the operation."), ("Preference-Applied", "`respond-async`.")],
        body: Some(BodyOf::new::<LongFit>()),
    });
    const FAILURES: &'static [(u16, &'static str)] = &[
        (400, "`invalid_name`: the path holds no project name; `malformed`: the body cannot be parsed."),
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
        (422, "`invalid_data`, `invalid_settings`: the data or the settings cannot be used; `errors` says where."),
        (
            503,
            "`fit_queue_full`: too many fits wait for their turn; `storage_unavailable`: the storage cannot be reached now; `shutting_down`: the server begins no operation any more.",
        ),
        (507, "`storage_full`: the storage has no room left."),
    ];
}

/// The fit.
pub(crate) struct FitApi {
    pub(crate) service: Arc<DriftService>,
    pub(crate) body_bytes_max: usize,
    pub(crate) timeouts: HttpTimeouts,
    pub(crate) origins: Origins,
}

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Projects")]
impl FitApi {
    /// Fit a project
    ///
    /// Fits a detector on the reference, stores it durably and serves it. This version fits the drift types `label`
    /// and `tabular`. The fit stops when the client leaves before it has ended. With `Prefer: respond-async` the answer
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
        /// All bodies but JSON, which need it here or in a part `settings`: what kind of data the project watches.
        #[oai(name = "drift_type")]
        _drift_type: InQuery<DriftType>,
        /// All bodies but JSON: whether a project of that name is replaced.
        #[oai(name = "overwrite")]
        _overwrite: InQuery<bool>,
        /// All bodies but JSON: what happens to rows with missing values.
        #[oai(name = "missing_values")]
        _missing_values: InQuery<MissingValues>,
        /// All bodies but JSON: whether a trial fit estimates how often alarms start.
        #[oai(name = "report_run_length")]
        _report_run_length: InQuery<bool>,
        /// All bodies but JSON: whether numbers are standardised.
        #[oai(name = "standardize")]
        _standardize: InQuery<bool>,
        /// All bodies but JSON: how many principal components are kept.
        #[oai(name = "n_components", validator(minimum(value = "1")))]
        _n_components: InQuery<u64>,
        /// All bodies but JSON: the kind of the detector.
        #[oai(name = "kind")]
        _kind: InQuery<DetectorKind>,
        /// All bodies but JSON: expected run time, above 1.
        #[oai(name = "ert", validator(minimum(value = "1", exclusive), maximum(value = "10000000")))]
        _ert: InQuery<f64>,
        /// All bodies but JSON: size of the window.
        #[oai(name = "window_size", validator(minimum(value = "2"), maximum(value = "10000")))]
        _window_size: InQuery<u64>,
        /// All bodies but JSON: sizes of several windows, with commas between.
        #[oai(name = "window_sizes", explode = false)]
        _window_sizes: InQuery<Vec<u64>>,
        /// All bodies but JSON: simulated streams or permutations behind the thresholds.
        #[oai(name = "n_bootstraps", validator(minimum(value = "1")))]
        _n_bootstraps: InQuery<u64>,
        /// All bodies but JSON: bandwidths of the kernel, with commas between.
        #[oai(name = "sigma", explode = false)]
        _sigma: InQuery<Vec<f64>>,
        /// All bodies but JSON: which change counts, of `fet_online`.
        #[oai(name = "alternative")]
        _alternative: InQuery<Alternative>,
        /// All bodies but JSON: weight of the new value in the smoothed statistic of `fet_online`.
        #[oai(name = "lam", validator(minimum(value = "0", exclusive), maximum(value = "1")))]
        _lam: InQuery<f64>,
        /// All bodies but JSON: steps until the thresholds of `fet_online` stay the same.
        #[oai(name = "t_max", validator(minimum(value = "3"), maximum(value = "20000")))]
        _t_max: InQuery<u64>,
        /// All bodies but JSON: centres of the kernels of `lsdd_online`.
        #[oai(name = "n_kernel_centers", validator(minimum(value = "1"), maximum(value = "1000")))]
        _n_kernel_centers: InQuery<u64>,
        /// All bodies but JSON: largest relative difference that the regulariser of `lsdd_online` may make.
        #[oai(name = "lambda_rd_max", validator(minimum(value = "0", exclusive), maximum(value = "1")))]
        _lambda_rd_max: InQuery<f64>,
        /// All bodies but JSON: seed of everything random.
        #[oai(name = "seed")]
        _seed: InQuery<u64>,
        body: FitBody,
    ) -> Result<Answer<Fitted>, Failure> {
        let name = project.parse()?;
        // A name that differs only in case is taken whatever the body says.
        self.check_free(&name, true)?;
        // Nor does a body change this, which may be large.
        self.service.check_queue().map_err(|error| Failure::of_fit(error, &name, Source::Query(Form::Columns)))?;
        let request_id = request.data::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        let input = match self.read(&name, Parameters::of(request), body.0).await {
            Ok(input) => input,
            Err(Unusable { failure, overwrite }) => {
                // Existence is told before a body that cannot be used, unless that body asked to replace the project.
                self.check_free(&name, overwrite)?;
                return Err(failure);
            }
        };
        let source = input.source;
        self.check_free(&name, input.settings.overwrite)?;
        let request = input.into_request(name.clone())?;
        if prefer.respond_async {
            return self.begin(request, Origin { source, request_id }).await;
        }
        // If the client leaves, this future is dropped, and that ends the computation.
        let fitted = self.service.fit(request).await.map_err(|error| Failure::of_fit(error, &name, source))?;
        let service = Arc::clone(&self.service);
        let stored = driven(async move { service.store(fitted).await }).await?;
        let view = stored.map_err(|error| Failure::of_fit(error, &name, source))?;
        let location = format!("/api/v1/projects/{name}");
        Ok(Answer::of(&Project::from(view))?.with_header(header::LOCATION, &location))
    }
}

impl FitApi {
    /// Makes an operation of a fit once it has been checked.
    async fn begin(&self, request: FitRequest, origin: Origin) -> Result<Answer<Fitted>, Failure> {
        let (name, source) = (request.project.clone(), origin.source);
        let failure = |error| Failure::of_fit(error, &name, source);
        let service = Arc::clone(&self.service);
        // Reading and encoding a large reference takes a while, so it has a thread that may be kept busy.
        let prepared = tokio::task::spawn_blocking(move || service.prepare_fit(request)).await;
        let prepared = prepared.map_err(|error| Failure::internal(format!("preparing a fit: {error}")))?;
        let (prepared, id) = (prepared.map_err(failure)?, new_id()?);
        let (service, origins) = (Arc::clone(&self.service), self.origins.clone());
        let begun = driven(async move {
            let begun = service.begin_fit(id, prepared).await?;
            origins.keep(id, origin, &service);
            let view = begun.view();
            tokio::spawn(async move { service.finish_fit(begun).await });
            Ok(view)
        });
        let view = begun.await?.map_err(failure)?;
        let location = format!("/api/v1/operations/{id}");
        let answer = Answer::also(&self.origins.tell(&view))?;
        Ok(answer.with_header(header::LOCATION, &location).with_header(PREFERENCE_APPLIED, "respond-async"))
    }

    fn check_free(&self, name: &ProjectName, overwrite: bool) -> Result<(), Failure> {
        let free = self.service.check_free(name, overwrite);
        free.map_err(|error| Failure::of_fit(error, name, Source::Query(Form::Columns)))
    }

    async fn read(&self, name: &ProjectName, parameters: Parameters, body: Unread) -> Result<FitInput, Unusable> {
        let unusable = |failure| Unusable { failure, overwrite: false };
        let limits = Limits { body_bytes: self.body_bytes_max, rows: REFERENCE_ROWS_MAX };
        match body.media_type().map_err(unusable)? {
            MediaType::Data(DataFormat::Json) => {
                let body = body.read(self.body_bytes_max, &self.timeouts).await.map_err(unusable)?;
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
                let body = body.read(self.body_bytes_max, &self.timeouts).await.map_err(unusable)?;
                let data = parse_data(format, body, limits).await.map_err(unusable)?;
                FitInput::of(settings, data, Source::Query)
            }
            MediaType::Multipart(boundary) => {
                let parts = body.read_parts(&boundary, true, self.body_bytes_max, &self.timeouts).await;
                let mut parts = parts.map_err(unusable)?;
                let data = match parts.take_data() {
                    Ok((format, data)) => parse_data(format, data, limits).await.map_err(unusable)?,
                    Err(failure) => Err(failure),
                };
                let Some(settings) = parts.settings else {
                    return FitInput::of(parameters.fit_settings(), data, Source::Query);
                };
                let input = FitInput::of(read_settings(&settings, limits), data, Source::Json)?;
                let overwrite = input.settings.overwrite;
                let settings_stand_in_part = "the settings stand in the part `settings`";
                parameters.refuse_all(settings_stand_in_part).map_err(|failure| Unusable { failure, overwrite })?;
                Ok(input)
            }
        }
    }
}
