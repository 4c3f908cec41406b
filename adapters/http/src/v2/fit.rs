//! The predecessor's fit: tensors and a query string → a project.

use drifting_domain::use_cases::RequestIdentity;
use drifting_inference::{FitQuery, Inference, ReadLimits, WantedFit, read_request};
use poem::{Request, Response};
use poem_openapi::OpenApi;
use serde_json::json;

use super::Tag;
use super::schema::Fitted;
use crate::api::answer::{Answer, Operation};
use crate::api::once::{KeyInHeader, Written};
use crate::api::parameter::{InQuery, RequiredInQuery};
use crate::api::{FitAnswer, FitAnswers, driven, within_span};
use crate::body::{InferenceBody, parse};
use crate::error::{Also, Code, Failure};
use crate::rights::caller;
use crate::settings::HttpTimeouts;

pub(crate) struct HasFitted;

impl Operation for HasFitted {
    type Body = Fitted;
    const DESCRIPTION: &'static str = "The project has been fitted, stored and loaded.";
    const FAILURE_MEDIA_TYPE: &'static str = "application/json";
    const IS_REPLAYED: bool = true;
    const FAILURES: &'static [(u16, &'static str)] = &[
        (
            400,
            "`invalid_name`: `detector_name` is no project name; `malformed`: the body is no request of the protocol.",
        ),
        (408, "`request_timeout`: the body came too slowly."),
        (409, "`project_exists`: there is a project of this name; `fit_in_progress`: another fit of it is under way."),
        (413, "`body_too_large`: the body, or what it becomes, is larger than this server takes for fits."),
        (415, "`unsupported_media_type`: the body has another type or content coding than those that are taken."),
        (
            422,
            "`invalid_data`, `invalid_settings`: the data or the settings cannot be used; `errors` says where. `idempotency_key_reused`: another request came first under this `Idempotency-Key`.",
        ),
        (
            503,
            "`fit_queue_full`: too many fits wait for their turn; `overloaded`: the bodies of other requests take the memory that there is for them; `storage_unavailable`: the storage cannot be reached now; `interrupted`: the server stopped before the fit had ended, which may have been stored all the same.",
        ),
        (507, "`storage_full`: the storage has no room left."),
    ];
}

/// The fit.
#[derive(Clone)]
pub(crate) struct FitApi {
    pub(super) inference: Inference,
    pub(super) limits: ReadLimits,
    pub(super) timeouts: HttpTimeouts,
    pub(super) answers: FitAnswers,
}

#[OpenApi(tag = "Tag::Fit")]
impl FitApi {
    /// Fit a project, as the predecessor's client does
    ///
    /// `label`: `cvm_online` with windows of 40 and 80 rows (texts and truth values: the kind that suits their classes);
    /// `tabular`: `mmd_online` over two principal components; `text`: the default of texts; `dummy`: a detector that never
    /// drifts. The project answers at once; loading it changes nothing.
    #[oai(path = "/v2/models/fit", method = "post", operation_id = "fitModel")]
    #[expect(clippy::too_many_arguments, reason = "the query parameters of the document")]
    async fn fit(
        &self,
        request: &Request,
        /// The name of the project.
        #[oai(name = "detector_name", validator(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"))]
        _detector_name: RequiredInQuery<String>,
        /// `label`, `tabular`, `text` or `dummy`.
        #[oai(name = "drift_type", validator(pattern = "^(label|tabular|text|sequential|dummy)$"))]
        _drift_type: RequiredInQuery<String>,
        /// Expected run time: the mean number of rows between false alarms; by default 400.
        #[oai(name = "ert", validator(minimum(value = "1", exclusive), maximum(value = "10000000")))]
        _ert: InQuery<f64>,
        /// Rows of the window; by default 40. A label has its own.
        #[oai(name = "window_size", validator(minimum(value = "2"), maximum(value = "10000")))]
        _window_size: InQuery<u64>,
        /// Simulated streams; by default as many as the expected run time needs. A label always has those.
        #[oai(name = "n_bootstraps", validator(minimum(value = "1")))]
        _n_bootstraps: InQuery<u64>,
        /// Of a request that may be sent again: one of its own for each request. It fits once, also if the client leaves, and the
        /// same request is given the first answer for 24 hours. What failed is tried anew.
        #[oai(name = "Idempotency-Key")]
        key: KeyInHeader,
        body: InferenceBody,
    ) -> Result<Answer<HasFitted>, Failure> {
        // The predecessor's client looks for this member alone.
        self.answer(request, key, body).await.map_err(|failure| failure.also(Also::Message))
    }
}

impl FitApi {
    async fn answer(
        &self,
        request: &Request,
        key: KeyInHeader,
        body: InferenceBody,
    ) -> Result<Answer<HasFitted>, Failure> {
        let query: FitQuery = request.params().map_err(|_| {
            Failure::new(Code::Malformed, "expected each query parameter once, with a value in percent encoding")
        })?;
        let wanted = query.read()?;
        let name = wanted.project().clone();
        if let Err(denied) = caller(request)?.check_project(name.as_str()) {
            body.leave();
            return Err(denied.into());
        }
        let place = ["v2/fit", name.as_str()];
        let Some(keyed) = key.parse()? else {
            // None of this is changed by a body, which may be large.
            self.inference.check_fit(&wanted)?;
            return Ok(Answer::response(Response::from(self.fit_now(wanted, body, None).await?)));
        };
        let digest = keyed.key_digest(&place);
        if !self.answers.has(&digest) && !self.inference.is_fitted_under(&name, &digest).await? {
            self.inference.check_fit(&wanted)?;
        }
        let (body, bytes) = body.buffered(self.limits.bytes, &self.timeouts).await?;
        let identity = keyed.identity(&place, bytes).await?;
        let api = self.clone();
        let fitting = async move {
            let is_replayed = api.inference.is_fitted_by(&name, &identity).await?;
            let written = if is_replayed {
                written(name.as_str())?
            } else {
                api.inference.check_fit(&wanted)?;
                api.fit_now(wanted, body, Some(identity)).await?
            };
            Ok(FitAnswer { written, is_replayed })
        };
        Ok(Answer::response(Box::pin(self.answers.once(identity, |_| false, fitting)).await?))
    }

    /// Reads a body and fits. Where this future is dropped, as when a client leaves whose request may not come again, that ends the computation.
    async fn fit_now(
        &self,
        wanted: WantedFit,
        body: InferenceBody,
        identity: Option<RequestIdentity>,
    ) -> Result<Written, Failure> {
        let name = wanted.project().clone();
        let _share = body.share();
        let (bytes, json_length) = body.read(self.limits.bytes, &self.timeouts).await?;
        let (limits, model) = (self.limits, name.clone());
        let read = move |bytes: &[u8]| read_request(bytes, json_length, model.as_str(), &limits);
        let tensors = parse(bytes, read).await??;
        let prepare = move || wanted.with_reference(tensors);
        let prepared = tokio::task::spawn_blocking(within_span(prepare)).await;
        let prepared = prepared.map_err(|error| Failure::internal(format!("reading tensors: {error}")))??;
        let computed = self.inference.fit(prepared).await?.known_by(identity);
        let inference = self.inference.clone();
        driven(async move { inference.store(computed).await }).await??;
        written(name.as_str())
    }
}

/// The answer with a project that has been fitted.
fn written(name: &str) -> Result<Written, Failure> {
    Written::json(HasFitted::STATUS, &json!({"message": format!("Successfully fitted model '{name}'")}))
}
