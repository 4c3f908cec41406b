//! What the protocol tells of the server and of projects.

use drifting_domain::data::ColumnType;
use drifting_domain::project::Configuration;
use drifting_domain::use_cases::{ProjectStatus, ProjectView};
use serde::Serialize;

use crate::Datatype;
use crate::content::RequestContent;
use crate::names::platform;
use crate::verdict::Outputs;

/// What is told of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerMetadata {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The extensions of the protocol that it has.
    pub extensions: [&'static str; 4],
}

/// This server.
pub const SERVER: ServerMetadata = ServerMetadata {
    name: "drifting",
    version: env!("CARGO_PKG_VERSION"),
    extensions: ["model_repository", "binary_tensor_data", "parameters", "drifting_fit"],
};

/// What is told of a project.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelMetadata {
    /// Its name.
    pub name: String,
    /// Its one version: the generation of its fit.
    pub versions: [String; 1],
    /// `drifting_` and the kind of its detector.
    pub platform: String,
    /// A tensor for each column.
    pub inputs: Vec<TensorMetadata>,
    /// The outputs of an answer.
    pub outputs: Vec<TensorMetadata>,
    /// How tensors are understood where a request does not say it.
    pub parameters: ContentType,
}

/// What is told of a tensor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TensorMetadata {
    /// Its name.
    pub name: String,
    /// The type of its elements.
    pub datatype: Datatype,
    /// Its shape; -1 stands for any number of rows.
    pub shape: Vec<i64>,
    /// How it is understood, where that is said of it alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<ContentType>,
}

/// How tensors are understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContentType {
    /// A codec's name.
    pub content_type: &'static str,
}

impl ModelMetadata {
    /// Of a project whose detector judges so many columns, or 0 where that is not known: of texts that are inactive.
    pub(crate) fn of(configuration: &Configuration, n_judged: usize) -> Self {
        let content = RequestContent::suiting(configuration.drift_type, configuration.schema.columns.len());
        let inputs = configuration.schema.columns.iter().map(|column| {
            let datatype = datatype(&column.kind);
            let is_text_in_frame = datatype == Datatype::Bytes && content == RequestContent::Frame;
            TensorMetadata {
                name: column.name.clone(),
                datatype,
                shape: vec![-1, 1],
                parameters: is_text_in_frame.then_some(ContentType { content_type: "str" }),
            }
        });
        let outputs = Outputs::of(configuration, n_judged).all.into_iter().map(|(name, kind, row_shape)| {
            let dimensions =
                row_shape.into_iter().map(|size| if size == 0 { -1 } else { i64::try_from(size).unwrap_or(-1) });
            TensorMetadata {
                name: name.to_owned(),
                datatype: kind.datatype(),
                shape: std::iter::once(-1).chain(dimensions).collect(),
                parameters: None,
            }
        });
        Self {
            name: configuration.project.to_string(),
            versions: [version(configuration)],
            platform: platform(configuration.detector.kind()),
            inputs: inputs.collect(),
            outputs: outputs.collect(),
            parameters: ContentType { content_type: content.as_str() },
        }
    }
}

/// What a client sends of a column.
pub(crate) fn datatype(kind: &ColumnType) -> Datatype {
    match kind {
        ColumnType::Numeric
        | ColumnType::Categorical { is_numeric: true, .. }
        | ColumnType::Binary { is_numeric: true, .. } => Datatype::Fp64,
        ColumnType::Categorical { categories, .. } if is_truth(categories) => Datatype::Bool,
        ColumnType::Binary { categories, .. } if is_truth(categories) => Datatype::Bool,
        ColumnType::Categorical { .. }
        | ColumnType::Binary { .. }
        | ColumnType::Text
        | ColumnType::Image
        | ColumnType::Timestamp => Datatype::Bytes,
    }
}

fn is_truth(categories: &[String]) -> bool {
    categories == ["false", "true"]
}

/// The version of a project: the generation of its fit.
pub(crate) fn version(configuration: &Configuration) -> String {
    configuration.generation.to_string()
}

/// A project in the index of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexItem {
    /// Its name.
    pub name: String,
    /// Its version, where its configuration can be read.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Whether it answers.
    pub state: ModelState,
    /// Why it does not; empty where it does.
    pub reason: String,
}

/// Whether a project answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ModelState {
    /// It does.
    Ready,
    /// It does not.
    Unavailable,
}

impl ModelState {
    /// Its name in the protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "READY",
            Self::Unavailable => "UNAVAILABLE",
        }
    }
}

impl From<ProjectView> for IndexItem {
    fn from(view: ProjectView) -> Self {
        let (state, reason) = match view.status {
            ProjectStatus::Active => (ModelState::Ready, String::new()),
            ProjectStatus::Inactive => (ModelState::Unavailable, "the project is inactive; load it first".to_owned()),
            ProjectStatus::Failed { reason } => (ModelState::Unavailable, reason),
        };
        let version = view.configuration.as_deref().map(version).unwrap_or_default();
        Self { name: view.name.to_string(), version, state, reason }
    }
}
