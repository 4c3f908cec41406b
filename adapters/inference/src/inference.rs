//! The use cases in the terms of the protocol.

use std::sync::Arc;
use std::time::Duration;

use drifting_domain::data::Table;
use drifting_domain::ports::Trace;
use drifting_domain::project::{Configuration, DriftType, ProjectName};
use drifting_domain::use_cases::{
    DriftService, FirstAnswer, ListQuery, OpenProject, PredictAnnouncement, PredictPlace, PredictRequest, Prediction,
    ProjectError, ProjectStatusFilter, RequestIdentity,
};
use futures_util::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use crate::answer::Selection;
use crate::content::{self, Places};
use crate::metadata::{self, version};
use crate::verdict::{self, Outputs};
use crate::{
    Budget, Datatype, IndexItem, InferRequest, InferResponse, InputTensor, ModelMetadata, Refusal, RefusalCode, SERVER,
    Shape, TensorData,
};

/// Projects as models.
#[derive(Clone)]
pub struct Inference {
    pub(crate) service: Arc<DriftService>,
}

/// A model that is ready to judge rows.
#[derive(Clone)]
pub struct OpenModel {
    open: OpenProject,
    trace: Option<Trace>,
}

/// Writes an answer, as it is told now and again.
pub type WriteResponse = Box<dyn FnOnce(&InferResponse) -> Result<Vec<u8>, String> + Send>;

/// Rows that wait to be judged.
pub struct PreparedRows {
    model: OpenModel,
    id: Option<String>,
    timeout_us: Option<u64>,
    table: Table,
    places: Places,
    outputs: Outputs,
    selection: Selection,
    place: Option<PredictPlace>,
}

impl PreparedRows {
    /// The same with the place among the predictions on their way that was taken for them.
    #[must_use]
    pub fn holding(self, place: PredictPlace) -> Self {
        Self { place: Some(place), ..self }
    }
}

impl Inference {
    /// The projects of a service.
    pub fn new(service: Arc<DriftService>) -> Self {
        Self { service }
    }

    /// The projects, in the order of their names; with `ready_only` those that answer.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn index(&self, ready_only: bool) -> Result<Vec<IndexItem>, Refusal> {
        const PAGE: usize = 1_000;
        let status = ready_only.then_some(ProjectStatusFilter::Active);
        let mut items = Vec::new();
        let mut after = None;
        loop {
            let query = ListQuery { drift_type: None, status, page_size: PAGE, after };
            let page = self.service.list(&query).await.map_err(|error| Refusal::of_project(&error, ""))?;
            items.extend(page.projects.into_iter().map(IndexItem::from));
            after = page.next;
            if after.is_none() {
                return Ok(items);
            }
        }
    }

    /// What is told of a project, also of an inactive one.
    ///
    /// # Errors
    /// When there is none of the name or of the version, or when its configuration cannot be read.
    pub async fn metadata(&self, model: &str, version: Option<&str>) -> Result<ModelMetadata, Refusal> {
        let name: ProjectName = model.parse()?;
        let view = self.service.show(&name).await.map_err(|error| Refusal::of_project(&error, model))?;
        let Some(configuration) = view.configuration else {
            let reason = "its configuration cannot be read".to_owned();
            return Err(Refusal::of_project(&ProjectError::Failed { reason }, model));
        };
        check_version(model, version, &metadata::version(&configuration))?;
        // Of texts and images their features are judged, of series no column that tells a season, which only the loaded project knows.
        let n_judged = match configuration.drift_type {
            DriftType::Text | DriftType::Image | DriftType::Sequential => {
                self.service.open(&name).await.map_or(0, |open| open.judged_schema().columns.len())
            }
            _ => configuration.schema.columns.len(),
        };
        Ok(ModelMetadata::of(&configuration, n_judged))
    }

    /// Succeeds where a project answers.
    ///
    /// # Errors
    /// When there is none of the name or of the version; when it is inactive or cannot be loaded.
    pub async fn ready(&self, model: &str, version: Option<&str>) -> Result<(), Refusal> {
        self.open(model, version).await.map(drop)
    }

    /// Has a project answer. To be driven to its end even if whoever asked has left.
    ///
    /// # Errors
    /// When there is none, when it cannot be loaded, or when the store fails.
    pub async fn load(&self, model: &str) -> Result<(), Refusal> {
        let name: ProjectName = model.parse()?;
        self.service.load(&name).await.map(drop).map_err(|error| Refusal::of_project(&error, model))
    }

    /// Has a project answer no more. To be driven to its end even if whoever asked has left.
    ///
    /// # Errors
    /// When there is none, or when the store fails.
    pub async fn unload(&self, model: &str) -> Result<(), Refusal> {
        let name: ProjectName = model.parse()?;
        self.service.unload(&name).await.map(drop).map_err(|error| Refusal::of_project(&error, model))
    }

    /// The project of a name and version, ready to judge rows.
    ///
    /// # Errors
    /// When there is none of the name or of the version; when it is inactive or cannot be loaded.
    pub async fn open(&self, model: &str, version: Option<&str>) -> Result<OpenModel, Refusal> {
        let name: ProjectName = model.parse()?;
        let open = self.service.open(&name).await.map_err(|error| Refusal::of_project(&error, model))?;
        check_version(model, version, &metadata::version(open.configuration()))?;
        Ok(OpenModel { open, trace: None })
    }

    /// Lets a request in before its message is read, if there is a place among the predictions on their way; it takes none. To be held
    /// until the message has come.
    ///
    /// # Errors
    /// When too many are.
    pub fn announce(&self) -> Result<PredictAnnouncement, Refusal> {
        self.service.announce_prediction(None).map_err(|error| Refusal::of_predict(&error, |_| String::new()))
    }

    /// Takes a place among the predictions on their way, for a request that has come, and that may have been announced.
    ///
    /// # Errors
    /// When too many are.
    pub fn enter(&self, announced: Option<&PredictAnnouncement>) -> Result<PredictPlace, Refusal> {
        self.service.enter_predictions(announced).map_err(|error| Refusal::of_predict(&error, |_| String::new()))
    }

    async fn judge(&self, rows: PreparedRows) -> Result<InferResponse, Refusal> {
        let PreparedRows { model, id, timeout_us: _, table, places, outputs, selection, place: _place } = rows;
        let trace = model.trace.clone();
        let asked = PredictRequest { id: id.as_deref().map(Into::into), trace, ..table.into() };
        let prediction = self.service.predict(&model.open, asked).await;
        let prediction = prediction.map_err(|error| Refusal::of_predict(&error, |issue| places.pointer(issue)))?;
        Ok(response(model.configuration(), id, &outputs, &selection, &prediction))
    }

    async fn judge_once(
        &self,
        rows: PreparedRows,
        identity: RequestIdentity,
        write: WriteResponse,
    ) -> Result<FirstAnswer, Refusal> {
        let PreparedRows { model, id, timeout_us: _, table, places, outputs, selection, place: _place } = rows;
        let trace = model.trace.clone();
        let asked = PredictRequest { id: id.as_deref().map(Into::into), trace, ..table.into() };
        let answering = model.clone();
        let write = move |prediction: &Prediction| {
            write(&response(answering.configuration(), id, &outputs, &selection, prediction))
        };
        let first = self.service.predict_once(&model.open, asked, identity, Box::new(write)).await;
        first.map_err(|error| Refusal::of_predict(&error, |issue| places.pointer(issue)))
    }

    /// Judges rows to the end, even if whoever asked leaves, and answers within the time that the client gives. Needs a runtime of
    /// tokio; what does not wait costs no task.
    ///
    /// # Errors
    /// When a row cannot be used, when the state cannot be saved that must be, and when the time is over: then the rows are fed
    /// all the same.
    pub async fn judge_within(&self, rows: PreparedRows) -> Result<InferResponse, Refusal> {
        let (inference, timeout_us) = (self.clone(), rows.timeout_us);
        within(timeout_us, async move { inference.judge(rows).await }).await
    }

    /// The same for a request that may come again: its rows are judged once, and whoever sends it again is given its first answer,
    /// as `write` wrote it.
    ///
    /// # Errors
    /// As [`Self::judge_within`]; when another request came under the key; when the first answer was too large to be kept.
    pub async fn judge_once_within(
        &self,
        rows: PreparedRows,
        identity: RequestIdentity,
        write: WriteResponse,
    ) -> Result<FirstAnswer, Refusal> {
        let (inference, timeout_us) = (self.clone(), rows.timeout_us);
        within(timeout_us, async move { inference.judge_once(rows, identity, write).await }).await
    }
}

/// The answer to a prediction.
fn response(
    configuration: &Configuration,
    id: Option<String>,
    outputs: &Outputs,
    selection: &Selection,
    prediction: &Prediction,
) -> InferResponse {
    InferResponse {
        model_name: configuration.project.to_string(),
        model_version: version(configuration),
        id: id.unwrap_or_else(|| Uuid::new_v4().to_string()),
        parameters: verdict::parameters(configuration, prediction, SERVER.version),
        outputs: selection.of(outputs.told(configuration, prediction)),
        warm_ups: verdict::warm_ups(configuration, prediction),
    }
}

/// Drives judging to its end, and waits for it within a time.
async fn within<T: Send + 'static>(
    timeout_us: Option<u64>,
    judging: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refusal> {
    let mut judging = Box::pin(judging);
    if let Some(judged) = judging.as_mut().now_or_never() {
        return judged;
    }
    let judging = tokio::spawn(judging.in_current_span());
    let judged = match timeout_us {
        // As Triton has it, 0 is no limit.
        None | Some(0) => judging.await,
        Some(timeout) => tokio::time::timeout(Duration::from_micros(timeout), judging).await.map_err(|_| {
            let detail = format!(
                "the rows were not judged within the timeout of {timeout} microseconds; they are fed all the same"
            );
            Refusal::new(RefusalCode::DeadlineExceeded, detail)
        })?,
    };
    judged.unwrap_or_else(|error| Err(Refusal::internal(format!("a task ended without a result: {error}"))))
}

/// Every project has one version, the generation of its fit; no version asks for whichever there is.
fn check_version(model: &str, asked: Option<&str>, version: &str) -> Result<(), Refusal> {
    match asked {
        Some(asked) if !asked.is_empty() && asked != version => {
            let shown: String = asked.chars().take(64).collect();
            let detail = format!("the project `{model}` has version {version}, {shown:?} was asked for");
            Err(Refusal::new(RefusalCode::VersionNotFound, detail))
        }
        _ => Ok(()),
    }
}

impl OpenModel {
    pub(crate) fn project(&self) -> &OpenProject {
        &self.open
    }

    pub(crate) fn configuration(&self) -> &Configuration {
        self.open.configuration()
    }

    /// Its version.
    pub fn version(&self) -> String {
        version(self.open.configuration())
    }

    /// The model for a request that belongs to a trace.
    #[must_use]
    pub fn traced(self, trace: Option<Trace>) -> Self {
        Self { trace, ..self }
    }

    /// Reads the rows of a request. Takes a processor for as long as its tensors are large.
    ///
    /// # Errors
    /// When its tensors are no table, or when an unknown output is wanted.
    pub fn prepare(self, request: InferRequest) -> Result<PreparedRows, Refusal> {
        let outputs = Outputs::of(self.open.configuration(), self.open.judged_schema().columns.len());
        let selection = Selection::new(&request.outputs, request.binary_output, || outputs.names())?;
        let (id, timeout_us) = (request.id.clone(), request.timeout_us);
        let rows = content::rows(request, self.open.configuration().drift_type)?;
        let content::Rows { table, places } = rows;
        Ok(PreparedRows { id, timeout_us, table, places, outputs, selection, model: self, place: None })
    }

    /// A request that is raw throughout: the bytes of the only tensor, whose datatype and shape follow from the project. All
    /// outputs are wanted in bytes.
    ///
    /// # Errors
    /// When the project has several columns, or when the bytes are not those of whole rows.
    pub fn raw_request(&self, bytes: &[u8], bytes_max: usize) -> Result<InferRequest, Refusal> {
        let [column] = self.open.configuration().schema.columns.as_slice() else {
            let detail = format!(
                "expected JSON before the bytes: only a project of one column takes bytes alone, this one has {}",
                self.open.configuration().schema.columns.len()
            );
            return Err(Refusal::new(RefusalCode::Malformed, detail));
        };
        let datatype = metadata::datatype(&column.kind);
        // Texts would need their lengths: all of the bytes are one.
        let n_rows = datatype.width().map_or(1, |width| bytes.len() / width);
        let shape = Shape::new(&[i64::try_from(n_rows).unwrap_or(i64::MAX)])
            .map_err(|detail| Refusal::new(RefusalCode::Malformed, detail))?;
        let data = if datatype == Datatype::Bytes {
            let text = std::str::from_utf8(bytes)
                .map_err(|_| Refusal::new(RefusalCode::Malformed, "expected a text in UTF-8, other bytes came"))?;
            TensorData::Texts(std::iter::once(Some(text)).collect())
        } else {
            crate::decode(datatype, &shape, bytes, &mut Budget::of_raw(bytes_max), String::new)?
        };
        let input = InputTensor { name: column.name.clone(), datatype, shape, content_type: None, data };
        Ok(InferRequest { inputs: vec![input], binary_output: true, ..InferRequest::default() })
    }
}
