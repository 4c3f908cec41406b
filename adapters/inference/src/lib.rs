//! The Open Inference Protocol (version 2, as KServe, Triton, MLServer and Seldon speak it) mapped on the use cases: a project is a
//! model, a request's tensors are rows, a verdict is an answer's outputs. HTTP and gRPC carry it.
//!
//! A request passes these places:
//!
//! 1. `json` and `raw`: from bytes to tensors, checked and counted as they are read;
//! 2. `content`: from tensors to a table, as their content types say;
//! 3. `inference`: the use cases;
//! 4. `verdict` and `answer`: from verdicts to outputs, and to bytes.

mod answer;
mod budget;
mod content;
mod datatype;
pub mod events;
mod fit;
mod inference;
mod json;
mod limits;
mod metadata;
mod names;
mod raw;
mod refusal;
mod request;
mod shape;
mod tensor;
mod verdict;

pub use answer::{Body, InferResponse, OutputData, OutputTensor, Parameter};
pub use budget::Budget;
pub use datatype::Datatype;
pub use fit::{ComputedFit, FitQuery, PreparedFit, WantedFit};
pub use inference::{Inference, OpenModel, PreparedRows, WriteResponse};
pub use json::Passed;
pub use limits::ReadLimits;
pub use metadata::{ContentType, IndexItem, ModelMetadata, ModelState, SERVER, ServerMetadata, TensorMetadata};
pub use raw::decode;
pub use refusal::{Place, Refusal, RefusalCode};
pub use request::read_request;
pub use shape::Shape;
pub use tensor::{InferRequest, InputTensor, OUTPUTS_MAX, TensorData, WantedOutput};
