//! Inference: tensors → verdicts.

use bytes::Bytes;
use drifting_domain::use_cases::FirstAnswer;
use drifting_inference::{
    Body, InferResponse, Inference, OpenModel, Parameter, PreparedRows, ReadLimits, read_request,
};
use futures_util::stream;
use poem::Response;
use poem::http::header;
use poem::web::sse::{Event, SSE};
use poem_openapi::OpenApi;

use super::schema::InferenceResponse;
use super::{Tag, VersionInPath};
use crate::api::answer::{Answer, Operation};
use crate::api::once::{KeyInHeader, Written};
use crate::api::parameter::NameInPath;
use crate::body::{Coding, InferenceBody, JSON_LENGTH, encode, parse};
use crate::error::Failure;
use crate::settings::HttpTimeouts;

const FAILURES: &[(u16, &str)] = &[
    (
        400,
        "`invalid_name`: the path holds no project name; `malformed`: the body is no request of the protocol: not JSON, a wrong shape, type or size, an unknown output.",
    ),
    (404, "`project_not_found`, `version_not_found`: there is no project of this name or version."),
    (
        408,
        "`request_timeout`: the body came too slowly; `deadline_exceeded`: the `timeout` of the request is over; its rows are fed all the same.",
    ),
    (
        409,
        "`project_inactive`: the project is inactive; load it first; `answer_not_kept`: the request came again, its rows have been fed, and its first answer was too large to be kept.",
    ),
    (413, "`body_too_large`: the body, or what it becomes, is larger than this server takes."),
    (415, "`unsupported_media_type`: the body has another type or content coding than those that are taken."),
    (
        422,
        "`invalid_data`: the rows cannot be used, and none was fed; `errors` says where. `idempotency_key_reused`: another request came first under this `Idempotency-Key`.",
    ),
    (
        503,
        "`overloaded`: too many predictions are on their way, or their bodies take the memory that there is for them; `project_failed`: the project cannot be loaded; `storage_unavailable`: the storage cannot be reached now.",
    ),
    (507, "`storage_full`: the storage has no room left."),
];

pub(crate) struct Judged;

impl Operation for Judged {
    type Body = InferenceResponse;
    const DESCRIPTION: &'static str = "The verdicts. Outputs that are wanted in bytes stand behind the JSON, whose length \
                                       `Inference-Header-Content-Length` says then.";
    const ALSO_AS_TEXT: Option<&'static str> = Some("application/octet-stream");
    const FAILURE_MEDIA_TYPE: &'static str = "application/json";
    const IS_REPLAYED: bool = true;
    const FAILURES: &'static [(u16, &'static str)] = FAILURES;
}

pub(crate) struct Streamed;

impl Operation for Streamed {
    type Body = String;
    const MEDIA_TYPE: &'static str = "text/event-stream";
    const DESCRIPTION: &'static str = "An event for each row or window that was judged, with the answer to it alone.";
    const FAILURE_MEDIA_TYPE: &'static str = "application/json";
    const IS_REPLAYED: bool = true;
    const FAILURES: &'static [(u16, &'static str)] = FAILURES;
}

/// Inference.
pub(crate) struct InferApi {
    pub(super) inference: Inference,
    pub(super) limits: ReadLimits,
    pub(super) timeouts: HttpTimeouts,
    pub(super) mlserver_headers: bool,
}

/// Answers of more rows than this are written on a thread that may be kept busy.
const WRITTEN_INLINE_MAX: usize = 1_000;
/// Shorter answers are not coded: they fit into one packet as they are.
const CODED_BYTES_MIN: usize = 1_024;

#[OpenApi(tag = "Tag::Inference")]
impl InferApi {
    /// Judge rows
    ///
    /// Feeds the rows of the tensors to the project in their order. The request is checked whole before its first row is fed, and
    /// fed whole even if the client leaves.
    #[oai(path = "/v2/models/:model/infer", method = "post", operation_id = "infer")]
    async fn infer(
        &self,
        /// The project.
        model: NameInPath,
        /// Of a request that may be sent again: one of its own for each request. The rows are fed once, and the first answer is
        /// given again for 24 hours.
        #[oai(name = "Idempotency-Key")]
        key: KeyInHeader,
        body: InferenceBody,
    ) -> Result<Answer<Judged>, Failure> {
        self.answer(model.as_str(), None, key, body).await
    }

    /// Judge rows by a version
    ///
    /// Does as `infer`, where the version is the generation of the project's fit; another one is not found, and nothing is fed.
    #[oai(path = "/v2/models/:model/versions/:version/infer", method = "post", operation_id = "inferByVersion")]
    async fn infer_by_version(
        &self,
        /// The project.
        model: NameInPath,
        /// The generation of its fit.
        version: VersionInPath,
        /// Of a request that may be sent again: one of its own for each request. The rows are fed once, and the first answer is
        /// given again for 24 hours.
        #[oai(name = "Idempotency-Key")]
        key: KeyInHeader,
        body: InferenceBody,
    ) -> Result<Answer<Judged>, Failure> {
        self.answer(model.as_str(), Some(version.as_str()), key, body).await
    }

    /// Judge rows, as `infer`
    ///
    /// Does as `infer`, by the name that the protocol has for models of texts.
    #[oai(path = "/v2/models/:model/generate", method = "post", operation_id = "generate")]
    async fn generate(
        &self,
        /// The project.
        model: NameInPath,
        /// Of a request that may be sent again: one of its own for each request. The rows are fed once, and the first answer is
        /// given again for 24 hours.
        #[oai(name = "Idempotency-Key")]
        key: KeyInHeader,
        body: InferenceBody,
    ) -> Result<Answer<Judged>, Failure> {
        self.answer(model.as_str(), None, key, body).await
    }

    /// Judge rows by a version, as `infer`
    ///
    /// Does as `infer`, where the version is the generation of the project's fit; another one is not found, and nothing is fed.
    #[oai(path = "/v2/models/:model/versions/:version/generate", method = "post", operation_id = "generateByVersion")]
    async fn generate_by_version(
        &self,
        /// The project.
        model: NameInPath,
        /// The generation of its fit.
        version: VersionInPath,
        /// Of a request that may be sent again: one of its own for each request. The rows are fed once, and the first answer is
        /// given again for 24 hours.
        #[oai(name = "Idempotency-Key")]
        key: KeyInHeader,
        body: InferenceBody,
    ) -> Result<Answer<Judged>, Failure> {
        self.answer(model.as_str(), Some(version.as_str()), key, body).await
    }

    /// Judge rows, an event each
    ///
    /// Feeds the rows of the tensors in their order, and answers with server-sent events, one for the verdict on each row.
    #[oai(path = "/v2/models/:model/infer_stream", method = "post", operation_id = "inferStream")]
    async fn infer_stream(
        &self,
        /// The project.
        model: NameInPath,
        /// Of a request that may be sent again: one of its own for each request. The rows are fed once, and the first answer is
        /// given again for 24 hours.
        #[oai(name = "Idempotency-Key")]
        key: KeyInHeader,
        body: InferenceBody,
    ) -> Result<Answer<Streamed>, Failure> {
        self.events(model.as_str(), None, key, body).await
    }

    /// Judge rows by a version, an event each
    ///
    /// Does as `infer_stream`, where the version is the generation of the project's fit; another one is not found, and nothing is fed.
    #[oai(
        path = "/v2/models/:model/versions/:version/infer_stream",
        method = "post",
        operation_id = "inferStreamByVersion"
    )]
    async fn infer_stream_by_version(
        &self,
        /// The project.
        model: NameInPath,
        /// The generation of its fit.
        version: VersionInPath,
        /// Of a request that may be sent again: one of its own for each request. The rows are fed once, and the first answer is
        /// given again for 24 hours.
        #[oai(name = "Idempotency-Key")]
        key: KeyInHeader,
        body: InferenceBody,
    ) -> Result<Answer<Streamed>, Failure> {
        self.events(model.as_str(), Some(version.as_str()), key, body).await
    }

    /// Judge rows, an event each, as `infer_stream`
    ///
    /// Does as `infer_stream`, by the name that the protocol has for models of texts.
    #[oai(path = "/v2/models/:model/generate_stream", method = "post", operation_id = "generateStream")]
    async fn generate_stream(
        &self,
        /// The project.
        model: NameInPath,
        /// Of a request that may be sent again: one of its own for each request. The rows are fed once, and the first answer is
        /// given again for 24 hours.
        #[oai(name = "Idempotency-Key")]
        key: KeyInHeader,
        body: InferenceBody,
    ) -> Result<Answer<Streamed>, Failure> {
        self.events(model.as_str(), None, key, body).await
    }

    /// Judge rows by a version, an event each, as `infer_stream`
    ///
    /// Does as `infer_stream`, where the version is the generation of the project's fit; another one is not found, and nothing is fed.
    #[oai(
        path = "/v2/models/:model/versions/:version/generate_stream",
        method = "post",
        operation_id = "generateStreamByVersion"
    )]
    async fn generate_stream_by_version(
        &self,
        /// The project.
        model: NameInPath,
        /// The generation of its fit.
        version: VersionInPath,
        /// Of a request that may be sent again: one of its own for each request. The rows are fed once, and the first answer is
        /// given again for 24 hours.
        #[oai(name = "Idempotency-Key")]
        key: KeyInHeader,
        body: InferenceBody,
    ) -> Result<Answer<Streamed>, Failure> {
        self.events(model.as_str(), Some(version.as_str()), key, body).await
    }
}

impl InferApi {
    async fn answer(
        &self,
        model: &str,
        version: Option<&str>,
        key: KeyInHeader,
        body: InferenceBody,
    ) -> Result<Answer<Judged>, Failure> {
        let (coding, mlserver_headers) = (body.accepted, self.mlserver_headers);
        let write = move |response: &InferResponse| write(response, coding, mlserver_headers);
        let response = match self.judge("infer", model, version, key, body, write).await? {
            Told::First(first) => return Ok(Answer::response(Written::of(&first)?)),
            Told::Now(response) => response,
        };
        let written = if response.n_rows() <= WRITTEN_INLINE_MAX {
            write(&response)
        } else {
            tokio::task::spawn_blocking(move || write(&response))
                .await
                .map_err(|error| Failure::internal(format!("writing an answer: {error}")))?
        };
        Ok(Answer::response(Response::from(written.map_err(Failure::internal)?)))
    }

    async fn events(
        &self,
        model: &str,
        version: Option<&str>,
        key: KeyInHeader,
        body: InferenceBody,
    ) -> Result<Answer<Streamed>, Failure> {
        let write = |response: &InferResponse| {
            let events = Events::of(response.clone());
            let body: String = (0..events.n).map(|index| events.event(index).to_string()).collect();
            let written = Written::new(Streamed::STATUS, Streamed::MEDIA_TYPE, body.into_bytes());
            Ok(written.with_header("x-accel-buffering", "no").with_header("cache-control", "no-cache"))
        };
        match self.judge("infer_stream", model, version, key, body, write).await? {
            Told::First(first) => Ok(Answer::response(Written::of(&first)?)),
            Told::Now(response) => {
                let events = Events::of(response);
                Ok(Answer::response(SSE::new(stream::iter((0..events.n).map(move |index| events.event(index))))))
            }
        }
    }

    /// Judges the rows of a body, within the time that it gives; those of a request that may come again once, whose answer is
    /// written then.
    async fn judge(
        &self,
        operation: &str,
        model: &str,
        version: Option<&str>,
        key: KeyInHeader,
        body: InferenceBody,
        write: impl Fn(&InferResponse) -> Result<Written, String> + Send + 'static,
    ) -> Result<Told, Failure> {
        let keyed = key.parse()?;
        let open = self.inference.open(model, version).await?.traced(body.trace.clone());
        let announced = body.announced.clone();
        let Some(keyed) = keyed else {
            let (bytes, json_length) = body.read(self.limits.bytes, &self.timeouts).await?;
            let place = self.inference.enter(announced.as_ref())?;
            let rows = self.prepare(open, model, bytes, json_length).await?;
            return Ok(Told::Now(self.inference.judge_within(rows.holding(place)).await?));
        };
        let (body, came) = body.buffered(self.limits.bytes, &self.timeouts).await?;
        let identity = keyed.identity(&[operation, model, version.unwrap_or_default()], came).await?;
        let (bytes, json_length) = body.read(self.limits.bytes, &self.timeouts).await?;
        let place = self.inference.enter(announced.as_ref())?;
        let rows = self.prepare(open, model, bytes, json_length).await?;
        let write = move |response: &InferResponse| write(response)?.to_bytes();
        Ok(Told::First(self.inference.judge_once_within(rows.holding(place), identity, Box::new(write)).await?))
    }

    /// Reads the rows of a body, a large one on a thread that may be kept busy.
    async fn prepare(
        &self,
        open: OpenModel,
        model: &str,
        bytes: Bytes,
        json_length: Option<usize>,
    ) -> Result<PreparedRows, Failure> {
        let (model, limits) = (model.to_owned(), self.limits);
        let read = move |bytes: &[u8]| match json_length {
            Some(0) => open.raw_request(bytes, limits.bytes).map(|request| (open, request)),
            _ => read_request(bytes, json_length, &model, &limits).map(|request| (open, request)),
        };
        let n_bytes = bytes.len();
        let (open, request) = parse(bytes, read).await??;
        // The body is gone by now: a matrix is held a second time while its columns are made.
        let prepared = parse_like(n_bytes, move || open.prepare(request)).await?;
        Ok(prepared?)
    }
}

/// The headers of answers of MLServer: those of an event in binary mode, and of its runtime for detectors of drift.
fn mlserver_headers(response: &InferResponse) -> Vec<(&'static str, String)> {
    let InferResponse { model_name, id, .. } = response;
    let method = response.parameters.iter().find_map(|(name, value)| match value {
        Parameter::Text(text) if *name == "name" => Some(text.to_string()),
        _ => None,
    });
    vec![
        ("ce-specversion", "0.3".to_owned()),
        ("ce-source", "io.seldon.serving.deployment.drifting".to_owned()),
        ("ce-type", "io.seldon.serving.inference.response".to_owned()),
        ("ce-modelid", model_name.clone()),
        ("ce-inferenceservicename", "drifting".to_owned()),
        ("ce-endpoint", model_name.clone()),
        ("ce-id", id.clone()),
        ("ce-requestid", id.clone()),
        ("x-seldon-alibi-type", "drift".to_owned()),
        ("x-seldon-alibi-method", method.unwrap_or_default()),
    ]
}

/// Does what takes time with the size of a body where such a body is parsed.
async fn parse_like<T: Send + 'static>(
    n_bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    if n_bytes <= crate::body::PARSED_INLINE_MAX {
        return Ok(work());
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::internal(format!("reading tensors: {error}")))
}

/// What is told of rows.
enum Told {
    /// They have been judged.
    Now(InferResponse),
    /// They have been judged now or before, as a request that may come again.
    First(FirstAnswer),
}

/// An answer as events.
struct Events {
    response: InferResponse,
    n_rows: usize,
    n: usize,
}

impl Events {
    fn of(mut response: InferResponse) -> Self {
        // Events are texts.
        response.outputs.iter_mut().for_each(|output| output.binary = false);
        let n_rows = response.n_rows();
        // What has no row yet is told as it is.
        Self { response, n_rows, n: n_rows.max(1) }
    }

    fn event(&self, index: usize) -> Event {
        let told = if self.n_rows == 0 { self.response.clone() } else { self.response.of_row(index) };
        Event::message(serde_json::to_string(&told).unwrap_or_default())
    }
}

/// The answer in bytes, in the coding that the client likes best if it is long.
fn write(response: &InferResponse, coding: Coding, has_mlserver_headers: bool) -> Result<Written, String> {
    let body = response.body().map_err(|error| format!("writing JSON: {error}"))?;
    let Body { bytes, json_length } = body;
    let media_type = if json_length.is_some() { "application/octet-stream" } else { "application/json" };
    let is_coded = bytes.len() >= CODED_BYTES_MIN && coding != Coding::Identity;
    let bytes =
        if is_coded { encode(coding, &bytes).map_err(|error| format!("coding an answer: {error}"))? } else { bytes };
    let mut written = Written::new(Judged::STATUS, media_type, bytes);
    if let Some(length) = json_length {
        written = written.with_header(JSON_LENGTH, length.to_string());
    }
    if is_coded {
        written = written.with_header(header::CONTENT_ENCODING.as_str(), coding.as_str());
        written = written.with_header(header::VARY.as_str(), "Accept-Encoding");
    }
    if has_mlserver_headers {
        for (name, value) in mlserver_headers(response) {
            written = written.with_header(name, value);
        }
    }
    Ok(written)
}
