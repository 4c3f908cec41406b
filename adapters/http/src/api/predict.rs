//! Predict: rows → verdicts.

use std::sync::Arc;

use drifting_domain::detectors::{BatchSpec, DetectorSpec};
use drifting_domain::ports::Trace;
use drifting_domain::project::Configuration;
use drifting_domain::use_cases::{DriftService, OpenProject, PredictAnnouncement, PredictRequest, Prediction};
use drifting_inference::ReadLimits;
use drifting_listening::{RequestId, TraceContext};
use poem::Request;
use poem_openapi::OpenApi;

use super::answer::{Answer, Operation};
use super::once::{KeyInHeader, Written};
use super::parameter::{InQuery, NameInPath};
use super::{Tag, driven};
use crate::answers::{Detection, detection_json};
use crate::body::{MediaType, PredictBody, Unread, parse, parse_data};
use crate::error::{Code, Failure, Issue};
use crate::input::{
    Arrays, CONTEXT, Context, Data, DataFormat, Limits, Parameters, PredictInput, TRUTH, Told, Truth, read_predict,
};
use crate::settings::HttpTimeouts;

pub(crate) struct Predicted;

impl Operation for Predicted {
    type Body = Detection;
    const DESCRIPTION: &'static str = "The verdict.";
    const IS_REPLAYED: bool = true;
    const FAILURES: &'static [(u16, &'static str)] = &[
        (400, "`invalid_name`: the path holds no project name; `malformed`: the body cannot be parsed."),
        (404, "`project_not_found`: there is no project of this name."),
        (408, "`request_timeout`: the body came too slowly."),
        (
            409,
            "`project_inactive`: the project is inactive; load it first; `answer_not_kept`: the request came again, its rows have been fed, and its first answer was too large to be kept.",
        ),
        (413, "`body_too_large`: the body, or what it holds when it is decoded, is larger than this server takes."),
        (415, "`unsupported_media_type`: the body is in none of the formats that are taken."),
        (
            422,
            "`invalid_data`, `invalid_settings`: the rows cannot be used, and none was fed; `errors` says where. `idempotency_key_reused`: another request came first under this `Idempotency-Key`.",
        ),
        (
            503,
            "`overloaded`: too many predictions are on their way, or their bodies take the memory that there is for them; `project_failed`: the project cannot be loaded; `storage_unavailable`: the storage cannot be reached now.",
        ),
        (507, "`storage_full`: the storage has no room left."),
    ];
}

/// The prediction.
pub(crate) struct PredictApi {
    pub(crate) service: Arc<DriftService>,
    pub(crate) limits: ReadLimits,
    pub(crate) timeouts: HttpTimeouts,
}

/// Answers with more verdicts than this are written on a thread that may be kept busy.
const WRITTEN_INLINE_MAX: usize = 1_000;

/// More predictions than this are held against their truth on such a thread, too.
const HELD_INLINE_MAX: usize = 10_000;

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Predictions")]
impl PredictApi {
    /// Feed rows
    ///
    /// Feeds rows to the detector in their order and answers with its verdicts. The request is checked whole before
    /// its first row is fed, and fed whole even if the client leaves. The top level speaks for the last row or window.
    /// Kinds that judge windows judge the request as one, unless the project collects rows into windows.
    #[oai(path = "/projects/:project/predict", method = "post", operation_id = "predict")]
    async fn predict(
        &self,
        request: &Request,
        /// The project.
        project: NameInPath,
        /// The column that holds the truth of the only other one, the predictions, of streaming kinds; JSON bodies can have it
        /// as a member, too.
        #[oai(name = "truth")]
        _truth: InQuery<String>,
        /// Whether the answer says what moved; JSON bodies can say it as a member, too.
        #[oai(name = "explain")]
        _explain: InQuery<bool>,
        /// Of a request that may be sent again: one of its own for each request. The rows are fed once, and the first answer is
        /// given again for 24 hours to the same request to the same path; what was refused is tried anew.
        #[oai(name = "Idempotency-Key")]
        key: KeyInHeader,
        body: PredictBody,
    ) -> Result<Answer<Predicted>, Failure> {
        let (name, keyed) = (project.parse()?, key.parse()?);
        let open = self.service.open(&name).await.map_err(Failure::of_project)?;
        let mut body = body.0;
        let mut identity = None;
        if let Some(keyed) = keyed {
            let (buffered, bytes) = body.buffered(self.limits.bytes, &self.timeouts).await?;
            identity = Some(keyed.identity(&["predict", name.as_str()], bytes).await?);
            body = buffered;
        }
        let PredictInput { data, truth, context, explain: in_body } = self.read(body, &open).await?;
        let announced = request.data::<PredictAnnouncement>();
        let place = self.service.enter_predictions(announced).map_err(|_| Failure::overloaded())?;
        let parameters = Parameters::of(request);
        let in_query = parameters.explain()?;
        let id = request.data::<RequestId>().map(|RequestId(id)| id.as_str().into());
        let trace = request.data::<TraceContext>().map(Trace::from);
        if in_body.is_some() && in_query.is_some() {
            return Err(Failure::setting(
                "/explain",
                "expected `explain` in the body or in the query, it came in both",
            ));
        }
        if let Some(context) = &context {
            check_context(context, open.configuration())?;
        }
        let (data, truth) = against_truth(&open, data, truth, parameters.get("truth")).await?;
        let (form, rows) = (data.form, data.table);
        let width = rows.columns().len();
        let (service, project) = (Arc::clone(&self.service), open.clone());
        let request = PredictRequest { rows, explain: in_body.or(in_query), id, trace };
        let failed = |error| {
            let columns = open.configuration().schema.columns.iter();
            let columns: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
            let failure = Failure::of_predict(error, form, width, &columns);
            match (&truth, &context) {
                (Some(truth), _) => truth.placed(failure),
                (None, Some(context)) => context.placed(failure),
                (None, None) => failure,
            }
        };
        if let Some(identity) = identity {
            let answering = open.clone();
            let write = move |prediction: &Prediction| {
                let json = detection_json(answering.configuration(), answering.judged_schema(), prediction);
                let json = json.map_err(|error| error.to_string())?;
                Written::new(Predicted::STATUS, Predicted::MEDIA_TYPE, json).to_bytes()
            };
            let fed = async move {
                let _place = place;
                service.predict_once(&project, request, identity, Box::new(write)).await
            };
            let first = driven(fed).await?.map_err(failed)?;
            return Ok(Answer::response(Written::of(&first)?));
        }
        let fed = driven(async move {
            let _place = place;
            service.predict(&project, request).await
        });
        let fed = fed.await?;
        let prediction = fed.map_err(failed)?;
        Ok(Answer::json(written(open, prediction).await?))
    }
}

/// The rows to feed: the errors of predictions whose truth came along, beside them or in a column of this name.
async fn against_truth(
    open: &OpenProject,
    data: Data,
    truth: Option<Data>,
    column: Option<&str>,
) -> Result<(Data, Option<Truth>), Failure> {
    let (truth, column) = match (truth, column.map(str::to_owned)) {
        (None, None) => return Ok((data, None)),
        (Some(_), Some(_)) => {
            return Err(Failure::setting(TRUTH, "expected `truth` in the body or in the query, it came in both"));
        }
        either => either,
    };
    let (open, is_short) = (open.clone(), data.table.n_rows() <= HELD_INLINE_MAX);
    let held = move || {
        let told = match (truth, column) {
            (Some(truth), _) => Told::beside(data, truth),
            (None, column) => Told::among(data, &column.unwrap_or_default())?,
        };
        let Configuration { detector, schema, .. } = open.configuration();
        told.rows(detector.kind(), schema.columns.first().map(|column| &column.kind))
    };
    let held = if is_short {
        held()
    } else {
        let held = tokio::task::spawn_blocking(held).await;
        held.map_err(|error| Failure::internal(format!("holding predictions against their truth: {error}")))?
    };
    held.map(|(data, truth)| (data, Some(truth)))
}

/// Contexts are of one kind, and without names they stand where the project has them.
fn check_context(context: &Context, configuration: &Configuration) -> Result<(), Failure> {
    let DetectorSpec::Batch(BatchSpec::ContextMmd(spec)) = &configuration.detector else {
        return Err(Failure::setting(CONTEXT, "expected none: this project does not judge given a context"));
    };
    let columns: Vec<String> = configuration.schema.columns.iter().map(|column| column.name.clone()).collect();
    if !context.suits(&columns, &spec.context_columns) {
        let detail = format!("expected the columns {:?} of the context by their names", spec.context_columns);
        return Err(Failure::at(Code::InvalidData, vec![Issue { pointer: CONTEXT.to_owned(), detail }]));
    }
    Ok(())
}

/// What arrays of rows of a project are.
fn arrays_of(configuration: &Configuration) -> Arrays {
    if configuration.schema.is_image() {
        Arrays::of_images(configuration.preprocessing.texts.encoder.is_some())
    } else {
        Arrays::Other
    }
}

impl PredictApi {
    async fn read(&self, body: Unread, project: &OpenProject) -> Result<PredictInput, Failure> {
        let alone = |data: Data| PredictInput { data, truth: None, context: None, explain: None };
        let limits = Limits::of(self.limits, project.n_rows_max());
        let limits = limits.taking(arrays_of(project.configuration()));
        Ok(match body.media_type()? {
            MediaType::Data(DataFormat::Json) => {
                let body = body.read_decoded(self.limits.bytes, &self.timeouts).await?;
                parse(body, move |body| read_predict(body, limits)).await??
            }
            MediaType::Data(format) => {
                let body = body.read_decoded(self.limits.bytes, &self.timeouts).await?;
                alone(parse_data(format, body, limits).await??)
            }
            MediaType::Multipart(boundary) => {
                let parts = body.read_parts(&boundary, false, self.limits.bytes, &self.timeouts).await;
                let (format, data) = parts?.take_data()?;
                alone(parse_data(format, data, limits).await??)
            }
        })
    }
}

async fn written(open: OpenProject, prediction: Prediction) -> Result<Vec<u8>, Failure> {
    let json = if prediction.detections.len() <= WRITTEN_INLINE_MAX {
        detection_json(open.configuration(), open.judged_schema(), &prediction)
    } else {
        tokio::task::spawn_blocking(move || detection_json(open.configuration(), open.judged_schema(), &prediction))
            .await
            .map_err(|error| Failure::internal(format!("writing an answer: {error}")))?
    };
    json.map_err(|error| Failure::internal(format!("writing JSON: {error}")))
}
