//! The methods of the protocol: one use case each.

use std::pin::Pin;

use drifting_access::{Audited, Caller, Denied, Scope};
use drifting_domain::ports::Trace;
use drifting_domain::use_cases::{PredictAnnouncement, RequestIdentity};
use drifting_inference::{InferResponse, Inference, ReadLimits, Refusal, RefusalCode, SERVER};
use drifting_listening::{
    BodyShare, ContentDigest, IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, IdempotencyKey, TraceContext,
};
use futures_util::Stream;
use prost::Message;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument;

use crate::front::BODIES_FULL;
use crate::message::{Address, InferMessage};
use crate::protocol as proto;
use crate::protocol::grpc_inference_service_server::GrpcInferenceService;
use crate::protocol::{ModelInferResponse, ModelStreamInferResponse};
use crate::stop::Stopping;
use crate::{answer, status};

/// Larger messages are read where they keep no other call waiting.
const READ_AT_ONCE_BYTES: usize = 64 * 1024;
/// Smaller answers are not worth compressing.
const COMPRESSED_BYTES_MIN: usize = 500;

/// The service of the protocol.
pub(crate) struct InferenceService {
    inference: Inference,
    limits: ReadLimits,
    stopping: Stopping,
}

/// One answer for each request of a stream.
type InferStream = Pin<Box<dyn Stream<Item = Result<ModelStreamInferResponse, Status>> + Send>>;

impl InferenceService {
    pub(crate) fn new(inference: Inference, limits: ReadLimits, stopping: Stopping) -> Self {
        Self { inference, limits, stopping }
    }

    /// What its head says of a request.
    fn inferring<T>(&self, request: &Request<T>) -> Result<Inferring, Status> {
        Ok(Inferring {
            inference: self.inference.clone(),
            limits: self.limits,
            caller: caller_of(request)?,
            trace: trace_of(request),
            announced: request.extensions().get::<PredictAnnouncement>().cloned(),
            inflated: is_compressed(request).then(|| request.extensions().get::<BodyShare>().cloned()).flatten(),
        })
    }
}

/// What a request for an inference needs.
#[derive(Clone)]
struct Inferring {
    inference: Inference,
    limits: ReadLimits,
    caller: Caller,
    trace: Option<Trace>,
    /// Whoever was let in to send its message.
    announced: Option<PredictAnnouncement>,
    /// Of the memory of all bodies, where messages take more of it than came.
    inflated: Option<BodyShare>,
}

/// Why a request is not answered.
enum Unanswered {
    /// Its key is for other models, or has been used too often.
    Denied(Denied),
    /// It cannot be answered.
    Refused(Refusal),
}

impl From<Refusal> for Unanswered {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Unanswered {
    fn status(&self) -> Status {
        match self {
            Self::Denied(denied) => status::denied(denied),
            Self::Refused(refusal) => status::refused(refusal),
        }
    }
}

impl Inferring {
    /// Takes the memory of a message that was compressed.
    fn take_inflated(&self, message: &InferMessage) -> Result<(), Refusal> {
        match &self.inflated {
            Some(share) if !share.take(message.len()) => Err(Refusal::new(RefusalCode::Overloaded, BODIES_FULL)),
            _ => Ok(()),
        }
    }

    /// Answers a request that may come again: its rows are judged once, and its first answer is given again. Says whether this one
    /// was given before.
    async fn answer_once(
        &self,
        key: &IdempotencyKey,
        address: Address,
        message: InferMessage,
    ) -> Result<(ModelInferResponse, bool), Unanswered> {
        let is_raw = message.is_raw();
        self.caller.check_project(&address.model_name).map_err(Unanswered::Denied)?;
        let entered = self.inference.enter(self.announced.as_ref())?;
        self.take_inflated(&message)?;
        let place = ["gRPC infer", &address.model_name, &address.model_version];
        let key = key.digest(&place, self.caller.identity());
        let model = self.inference.open(&address.model_name, version(&address.model_version)).await?;
        let model = model.traced(self.trace.clone());
        let limits = self.limits;
        let read = move || {
            let mut digest = ContentDigest::default();
            digest.piece(message.as_bytes());
            let request = message.request(&limits)?;
            drop(message);
            Ok((digest.finish(), model.prepare(request)?))
        };
        let (content, rows) = ended(tokio::task::spawn_blocking(read).await)?;
        let write = move |response: &InferResponse| Ok(answer::message(response.clone(), is_raw).encode_to_vec());
        let identity = RequestIdentity { key, content };
        let first = self.inference.judge_once_within(rows.holding(entered), identity, Box::new(write)).await?;
        let unreadable = |error| Refusal::internal(format!("reading an answer that was kept: {error}"));
        Ok((ModelInferResponse::decode(&*first.bytes).map_err(unreadable)?, first.is_replayed))
    }

    /// Answers a request. Rows that have begun to be judged are judged whole, even if the client leaves.
    async fn answer(&self, address: Address, message: InferMessage) -> Result<ModelInferResponse, Unanswered> {
        let is_raw = message.is_raw();
        self.caller.check_project(&address.model_name).map_err(Unanswered::Denied)?;
        let entered = self.inference.enter(self.announced.as_ref())?;
        self.take_inflated(&message)?;
        let model = self.inference.open(&address.model_name, version(&address.model_version)).await?;
        let model = model.traced(self.trace.clone());
        let limits = self.limits;
        let is_small = message.len() <= READ_AT_ONCE_BYTES;
        let read = move || {
            let request = message.request(&limits)?;
            // A matrix is held a second time while its columns are made.
            drop(message);
            model.prepare(request)
        };
        let rows = if is_small { read()? } else { ended(tokio::task::spawn_blocking(read).await)? };
        let response: InferResponse = self.inference.judge_within(rows.holding(entered)).await?;
        Ok(answer::message(response, is_raw))
    }

    /// Answers a request of a stream: one that is refused, or not allowed, has its reason in the answer.
    async fn answer_in_stream(&self, message: InferMessage, allowed: Result<(), Denied>) -> ModelStreamInferResponse {
        let (address, answered) = match (message.address(), allowed) {
            (Ok(address), Ok(())) => (address.clone(), self.answer(address, message).await),
            (Ok(address), Err(denied)) => (address, Err(Unanswered::Denied(denied))),
            (Err(_), Err(denied)) => (Address::default(), Err(Unanswered::Denied(denied))),
            (Err(refusal), Ok(())) => (Address::default(), Err(refusal.into())),
        };
        match answered {
            Ok(response) => ModelStreamInferResponse { error_message: String::new(), infer_response: Some(response) },
            Err(unanswered) => {
                let Address { model_name, model_version, id } = address;
                let id = id.unwrap_or_default();
                let named = ModelInferResponse { model_name, model_version, id, ..ModelInferResponse::default() };
                let status = unanswered.status();
                ModelStreamInferResponse { error_message: status.message().to_owned(), infer_response: Some(named) }
            }
        }
    }
}

/// The requests of a stream.
struct Requests {
    messages: Streaming<InferMessage>,
    inferring: Inferring,
    /// Whether the next one has been taken from the rate of the key: the first, with the call.
    is_paid: bool,
}

impl Requests {
    /// The next request, and whether the rate of its key allows for it.
    ///
    /// # Errors
    /// When what comes is no message, or the key that began the stream is no longer good for it.
    async fn next(&mut self) -> Result<Option<(InferMessage, Result<(), Denied>)>, Status> {
        let Some(message) = self.messages.message().await? else { return Ok(None) };
        let caller = self.inferring.caller.again(Scope::Predict);
        self.inferring.caller = caller.map_err(|denied| status::denied(&denied))?;
        let is_paid = std::mem::take(&mut self.is_paid);
        let allowed = if is_paid { Ok(()) } else { self.inferring.caller.take() };
        Ok(Some((message, allowed)))
    }
}

/// What a task found, or that it crashed.
fn ended<T>(ended: Result<Result<T, Refusal>, tokio::task::JoinError>) -> Result<T, Refusal> {
    ended.unwrap_or_else(|error| Err(Refusal::internal(format!("a task ended without a result: {error}"))))
}

/// The trace that a call belongs to, as the front found it.
fn trace_of<T>(request: &Request<T>) -> Option<Trace> {
    request.extensions().get::<TraceContext>().map(Trace::from)
}

/// The version that is asked for; the latest one where there is no name.
fn version(name: &str) -> Option<&str> {
    Some(name).filter(|name| !name.is_empty())
}

/// Who calls, as the front found.
fn caller_of<T>(request: &Request<T>) -> Result<Caller, Status> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| status::internal("nobody has looked at who calls"))
}

/// The call as the audit log sees it.
fn audited<T>(request: &Request<T>) -> Audited {
    request.extensions().get::<Audited>().cloned().unwrap_or_default()
}

/// Whether a key is for a model.
fn check(caller: &Caller, model: &str) -> Result<(), Status> {
    caller.check_project(model).map_err(|denied| status::denied(&denied))
}

/// The key by which a request is known again, if it has one.
fn key_of<T>(request: &Request<T>) -> Result<Option<IdempotencyKey>, Refusal> {
    let came = request.metadata().get_all(IDEMPOTENCY_KEY).iter().map(MetadataValue::as_encoded_bytes);
    IdempotencyKey::of(came).map_err(|detail| Refusal::new(RefusalCode::Malformed, detail))
}

/// The name of a model: KServe has it where others name a repository.
fn model_name(model_name: String, repository_name: String) -> String {
    if model_name.is_empty() { repository_name } else { model_name }
}

/// Answers are compressed for those who compress what they send, where that is worth it.
fn told<A: Message>(answer: A, is_compressed: bool) -> Response<A> {
    let is_worth_it = is_compressed && answer.encoded_len() >= COMPRESSED_BYTES_MIN;
    let mut response = Response::new(answer);
    if !is_worth_it {
        response.disable_compression();
    }
    response
}

fn is_compressed<T>(request: &Request<T>) -> bool {
    request.metadata().get("grpc-encoding").is_some_and(|encoding| encoding != "identity")
}

/// Triton has it, this server does not.
fn unsupported<A>(what: &str, instead: &str) -> Result<Response<A>, Status> {
    let detail = format!("this server has no {what}{instead}");
    Err(status::refusal(RefusalCode::Unsupported, detail))
}

#[tonic::async_trait]
impl GrpcInferenceService for InferenceService {
    type ModelStreamInferStream = InferStream;

    async fn server_live(
        &self,
        _: Request<proto::ServerLiveRequest>,
    ) -> Result<Response<proto::ServerLiveResponse>, Status> {
        Ok(told(proto::ServerLiveResponse { live: true }, false))
    }

    async fn server_ready(
        &self,
        _: Request<proto::ServerReadyRequest>,
    ) -> Result<Response<proto::ServerReadyResponse>, Status> {
        Ok(told(proto::ServerReadyResponse { ready: self.stopping.is_ready() }, false))
    }

    async fn model_ready(
        &self,
        request: Request<proto::ModelReadyRequest>,
    ) -> Result<Response<proto::ModelReadyResponse>, Status> {
        let caller = caller_of(&request)?;
        let proto::ModelReadyRequest { name, version: asked } = request.into_inner();
        check(&caller, &name)?;
        let ready = match self.inference.ready(&name, version(&asked)).await {
            Ok(()) => true,
            Err(Refusal { code: RefusalCode::ProjectInactive | RefusalCode::ProjectFailed, .. }) => false,
            Err(refusal) => return Err(status::refused(&refusal)),
        };
        Ok(told(proto::ModelReadyResponse { ready }, false))
    }

    async fn server_metadata(
        &self,
        _: Request<proto::ServerMetadataRequest>,
    ) -> Result<Response<proto::ServerMetadataResponse>, Status> {
        let answer = proto::ServerMetadataResponse {
            name: SERVER.name.to_owned(),
            version: SERVER.version.to_owned(),
            extensions: SERVER.extensions.map(str::to_owned).into(),
        };
        Ok(told(answer, false))
    }

    async fn model_metadata(
        &self,
        request: Request<proto::ModelMetadataRequest>,
    ) -> Result<Response<proto::ModelMetadataResponse>, Status> {
        let (is_compressed, caller) = (is_compressed(&request), caller_of(&request)?);
        let proto::ModelMetadataRequest { name, version: asked } = request.into_inner();
        check(&caller, &name)?;
        let metadata = self.inference.metadata(&name, version(&asked)).await;
        let metadata = metadata.map_err(|refusal| status::refused(&refusal))?;
        Ok(told(answer::metadata(metadata), is_compressed))
    }

    async fn model_infer(&self, request: Request<InferMessage>) -> Result<Response<ModelInferResponse>, Status> {
        let (is_compressed, inferring) = (is_compressed(&request), self.inferring(&request)?);
        let refused = |refusal| status::refused(&refusal);
        let key = key_of(&request).map_err(refused)?;
        let message = request.into_inner();
        let address = message.address().map_err(refused)?;
        let Some(key) = key else {
            let answer = inferring.answer(address, message).await;
            return Ok(told(answer.map_err(|unanswered| unanswered.status())?, is_compressed));
        };
        let answered = inferring.answer_once(&key, address, message).await;
        let (answer, is_replayed) = answered.map_err(|unanswered| unanswered.status())?;
        let mut response = told(answer, is_compressed);
        if is_replayed {
            response.metadata_mut().insert(IDEMPOTENCY_REPLAYED, MetadataValue::from_static("true"));
        }
        Ok(response)
    }

    async fn model_stream_infer(
        &self,
        request: Request<Streaming<InferMessage>>,
    ) -> Result<Response<InferStream>, Status> {
        let is_compressed = is_compressed(&request);
        if request.metadata().contains_key(IDEMPOTENCY_KEY) {
            let detail = "expected no `idempotency-key` with a stream, whose requests have none of their own; send each by ModelInfer";
            return Err(status::refusal(RefusalCode::Malformed, detail));
        }
        let inferring = self.inferring(&request)?;
        let max_message_bytes = self.limits.bytes;
        let requests = Requests { messages: request.into_inner(), inferring, is_paid: true };
        let answers = futures_util::stream::unfold(Some(requests), move |requests| async move {
            let mut requests = requests?;
            match requests.next().await {
                Ok(Some((message, allowed))) => {
                    let answer = requests.inferring.answer_in_stream(message, allowed).await;
                    Some((Ok(answer), Some(requests)))
                }
                Ok(None) => None,
                Err(status) => Some((Err(status::mended(status, max_message_bytes)), None)),
            }
        });
        let mut response = Response::new(Box::pin(answers) as InferStream);
        if !is_compressed {
            response.disable_compression();
        }
        Ok(response)
    }

    async fn repository_index(
        &self,
        request: Request<proto::RepositoryIndexRequest>,
    ) -> Result<Response<proto::RepositoryIndexResponse>, Status> {
        let (is_compressed, caller) = (is_compressed(&request), caller_of(&request)?);
        let items = self.inference.index(request.get_ref().ready).await;
        let items = items.map_err(|refusal| status::refused(&refusal))?;
        let shown = items.into_iter().filter(|item| caller.sees(&item.name));
        let models = shown.map(|item| proto::repository_index_response::ModelIndex {
            name: item.name,
            version: item.version,
            state: item.state.as_str().to_owned(),
            reason: item.reason,
        });
        Ok(told(proto::RepositoryIndexResponse { models: models.collect() }, is_compressed))
    }

    async fn repository_model_load(
        &self,
        request: Request<proto::RepositoryModelLoadRequest>,
    ) -> Result<Response<proto::RepositoryModelLoadResponse>, Status> {
        let (caller, audited) = (caller_of(&request)?, audited(&request));
        let asked = request.into_inner();
        let model_name = model_name(asked.model_name, asked.repository_name);
        audited.of_project(&model_name);
        check(&caller, &model_name)?;
        let (inference, model) = (self.inference.clone(), model_name.clone());
        let loaded = ended(tokio::spawn(async move { inference.load(&model).await }.in_current_span()).await);
        loaded.map_err(|refusal| status::refused(&refusal))?;
        Ok(told(proto::RepositoryModelLoadResponse { model_name, is_loaded: true }, false))
    }

    async fn repository_model_unload(
        &self,
        request: Request<proto::RepositoryModelUnloadRequest>,
    ) -> Result<Response<proto::RepositoryModelUnloadResponse>, Status> {
        let (caller, audited) = (caller_of(&request)?, audited(&request));
        let asked = request.into_inner();
        let model_name = model_name(asked.model_name, asked.repository_name);
        audited.of_project(&model_name);
        check(&caller, &model_name)?;
        let (inference, model) = (self.inference.clone(), model_name.clone());
        let unloaded = ended(tokio::spawn(async move { inference.unload(&model).await }.in_current_span()).await);
        unloaded.map_err(|refusal| status::refused(&refusal))?;
        Ok(told(proto::RepositoryModelUnloadResponse { model_name, is_unloaded: true }, false))
    }

    async fn model_config(
        &self,
        _: Request<proto::ModelConfigRequest>,
    ) -> Result<Response<proto::ModelConfigResponse>, Status> {
        unsupported("model configurations of Triton", "; see ModelMetadata")
    }

    async fn model_statistics(
        &self,
        _: Request<proto::ModelStatisticsRequest>,
    ) -> Result<Response<proto::ModelStatisticsResponse>, Status> {
        unsupported("statistics of Triton", "; see /metrics over HTTP")
    }

    async fn system_shared_memory_status(
        &self,
        _: Request<proto::SystemSharedMemoryStatusRequest>,
    ) -> Result<Response<proto::SystemSharedMemoryStatusResponse>, Status> {
        unsupported("shared memory with clients", "; send tensors in the request")
    }

    async fn system_shared_memory_register(
        &self,
        _: Request<proto::SystemSharedMemoryRegisterRequest>,
    ) -> Result<Response<proto::SystemSharedMemoryRegisterResponse>, Status> {
        unsupported("shared memory with clients", "; send tensors in the request")
    }

    async fn system_shared_memory_unregister(
        &self,
        _: Request<proto::SystemSharedMemoryUnregisterRequest>,
    ) -> Result<Response<proto::SystemSharedMemoryUnregisterResponse>, Status> {
        unsupported("shared memory with clients", "; send tensors in the request")
    }

    async fn cuda_shared_memory_status(
        &self,
        _: Request<proto::CudaSharedMemoryStatusRequest>,
    ) -> Result<Response<proto::CudaSharedMemoryStatusResponse>, Status> {
        unsupported("shared memory with clients", "; send tensors in the request")
    }

    async fn cuda_shared_memory_register(
        &self,
        _: Request<proto::CudaSharedMemoryRegisterRequest>,
    ) -> Result<Response<proto::CudaSharedMemoryRegisterResponse>, Status> {
        unsupported("shared memory with clients", "; send tensors in the request")
    }

    async fn cuda_shared_memory_unregister(
        &self,
        _: Request<proto::CudaSharedMemoryUnregisterRequest>,
    ) -> Result<Response<proto::CudaSharedMemoryUnregisterResponse>, Status> {
        unsupported("shared memory with clients", "; send tensors in the request")
    }

    async fn trace_setting(
        &self,
        _: Request<proto::TraceSettingRequest>,
    ) -> Result<Response<proto::TraceSettingResponse>, Status> {
        unsupported("traces of Triton", "")
    }

    async fn log_settings(
        &self,
        _: Request<proto::LogSettingsRequest>,
    ) -> Result<Response<proto::LogSettingsResponse>, Status> {
        unsupported("settings of its log over gRPC", "; see `--log-level`")
    }
}
