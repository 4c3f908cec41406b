//! The schemas of the protocol. They are only described here: `drifting-inference` reads and writes them.

use std::collections::BTreeMap;

use poem_openapi::Object;
use poem_openapi::types::Any;
use serde_json::Value;

/// Tensors to judge.
#[derive(Debug, Object)]
pub(crate) struct InferenceRequest {
    /// Comes back in the answer; a new one without it.
    #[oai(nullable)]
    pub(crate) id: Option<String>,
    /// `content_type` (`np`, `pd` or `str`), `binary_data_output`, `timeout` (microseconds); others are passed over.
    #[oai(nullable)]
    pub(crate) parameters: Option<BTreeMap<String, Any<Value>>>,
    /// A tensor for each column, or one for all.
    #[oai(validator(min_items = 1))]
    pub(crate) inputs: Vec<RequestInput>,
    /// The outputs that are wanted, in this order; all where it is left out.
    #[oai(nullable)]
    pub(crate) outputs: Option<Vec<RequestOutput>>,
}

/// A tensor of a request.
#[derive(Debug, Object)]
pub(crate) struct RequestInput {
    /// Its name: that of a column, in a data frame.
    pub(crate) name: String,
    /// Its dimensions, the first of which counts rows; at most 8.
    #[oai(validator(min_items = 1, max_items = 8))]
    pub(crate) shape: Vec<i64>,
    /// `BOOL`, `INT8` to `INT64`, `UINT8` to `UINT64`, `FP16`, `BF16`, `FP32`, `FP64` or `BYTES`.
    #[oai(validator(pattern = "^(BOOL|U?INT(8|16|32|64)|FP(16|32|64)|BF16|BYTES)$"))]
    pub(crate) datatype: String,
    /// `content_type` (`np`, `str`, `base64`, `datetime`, `pd_json`, `hg_json`, `hg_jsonlist`), `binary_data_size`.
    #[oai(nullable)]
    pub(crate) parameters: Option<BTreeMap<String, Any<Value>>>,
    /// The elements, row-major, in one array or nested as the shape; null is a missing one. Left out where they stand behind the
    /// JSON.
    #[oai(nullable)]
    pub(crate) data: Option<Any<Value>>,
}

/// An output that is wanted.
#[derive(Debug, Object)]
pub(crate) struct RequestOutput {
    /// Its name.
    pub(crate) name: String,
    /// `binary_data`: whether it is wanted in bytes.
    #[oai(nullable)]
    pub(crate) parameters: Option<BTreeMap<String, Any<Value>>>,
}

/// Verdicts as tensors.
#[derive(Debug, Object)]
pub(crate) struct InferenceResponse {
    /// The project.
    pub(crate) model_name: String,
    /// Its version: the generation of its fit.
    pub(crate) model_version: String,
    /// The id of the request, or a new one.
    pub(crate) id: String,
    /// The detector (`name`, `online`, `version`, `detector_type`), `warmup` while a window fills, `pending_rows` and `batch_size`
    /// where rows are collected.
    pub(crate) parameters: Any<Value>,
    /// `is_drift`, `distance`, `p_val`, `threshold`, and of online detectors `time`, `ert`, `test_stat`; none while a window is
    /// collected.
    pub(crate) outputs: Vec<ResponseOutput>,
}

/// A tensor of an answer.
#[derive(Debug, Object)]
pub(crate) struct ResponseOutput {
    /// Its name.
    pub(crate) name: String,
    /// Its dimensions, the first of which counts rows or windows.
    pub(crate) shape: Vec<i64>,
    /// `INT64`, `FP32`, `FP64`, or `BYTES` of nulls.
    pub(crate) datatype: String,
    /// `binary_data_size`, where the elements stand behind the JSON.
    #[oai(nullable)]
    pub(crate) parameters: Option<Any<Value>>,
    /// The elements, row-major.
    #[oai(nullable)]
    pub(crate) data: Option<Any<Value>>,
}

/// Whether the server lives.
#[derive(Debug, Object)]
pub(crate) struct Live {
    /// It does.
    pub(crate) live: bool,
}

/// Whether the server takes requests.
#[derive(Debug, Object)]
pub(crate) struct Ready {
    /// It does.
    pub(crate) ready: bool,
    /// It lives.
    pub(crate) live: bool,
}

/// What is told of the server.
#[derive(Debug, Object)]
pub(crate) struct Server {
    /// `drifting`.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// The extensions of the protocol that it has.
    pub(crate) extensions: Vec<String>,
}

/// The names of all models.
#[derive(Debug, Object)]
pub(crate) struct Models {
    /// In order.
    pub(crate) models: Vec<String>,
}

/// What is told of a model.
#[derive(Debug, Object)]
pub(crate) struct Model {
    /// Its name.
    pub(crate) name: String,
    /// Its one version.
    pub(crate) versions: Vec<String>,
    /// `drifting_` and the kind of its detector.
    pub(crate) platform: String,
    /// A tensor for each column.
    pub(crate) inputs: Vec<Tensor>,
    /// The outputs of an answer.
    pub(crate) outputs: Vec<Tensor>,
    /// `content_type`: how tensors are understood where a request does not say it.
    pub(crate) parameters: Any<Value>,
}

/// What is told of a tensor.
#[derive(Debug, Object)]
pub(crate) struct Tensor {
    /// Its name.
    pub(crate) name: String,
    /// The type of its elements.
    pub(crate) datatype: String,
    /// Its dimensions; -1 stands for any number of rows.
    pub(crate) shape: Vec<i64>,
    /// `content_type`, where it has one of its own.
    #[oai(nullable)]
    pub(crate) parameters: Option<Any<Value>>,
}

/// Whether a model answers.
#[derive(Debug, Object)]
pub(crate) struct ModelReady {
    /// Its name.
    pub(crate) name: String,
    /// It does.
    pub(crate) ready: bool,
}

/// Which models are asked for.
#[derive(Debug, Object)]
pub(crate) struct IndexRequest {
    /// Only those that answer.
    #[oai(nullable)]
    pub(crate) ready: Option<bool>,
}

/// What clients say of a model that is loaded or unloaded; it is passed over.
#[derive(Debug, Object)]
pub(crate) struct ModelParameters {
    /// Anything.
    #[oai(nullable)]
    pub(crate) parameters: Option<Any<Value>>,
}

/// A model of the repository.
#[derive(Debug, Object)]
pub(crate) struct IndexItem {
    /// Its name.
    pub(crate) name: String,
    /// Its version, where its configuration can be read.
    pub(crate) version: Option<String>,
    /// `READY` or `UNAVAILABLE`.
    pub(crate) state: String,
    /// Why it does not answer; empty where it does.
    pub(crate) reason: String,
}

/// A fit that has ended.
#[derive(Debug, Object)]
pub(crate) struct Fitted {
    /// In words.
    pub(crate) message: String,
}
