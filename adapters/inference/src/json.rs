//! Inference requests in JSON, read in one pass into tensors: no tree of values between.

mod elements;
mod members;
mod passed;
mod request;
mod scalar;
mod tensor;
mod wanted;

use std::fmt;

use serde::de::DeserializeSeed;

pub(crate) use self::members::{Members, Name};
pub use self::passed::Passed;
use self::request::RequestSeed;
pub(crate) use self::scalar::Scalar;
use crate::budget::Spent;
use crate::{Budget, InferRequest, Refusal, RefusalCode, Shape, TensorData, WantedOutput};

/// What stands in the JSON of a request.
pub(crate) struct JsonRequest {
    /// The request, without the data of its tensors.
    pub(crate) id: Option<String>,
    pub(crate) model_name: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) timeout_us: Option<u64>,
    pub(crate) inputs: Vec<JsonTensor>,
    pub(crate) outputs: Vec<WantedOutput>,
    pub(crate) binary_output: bool,
}

/// A tensor as it stands in JSON.
pub(crate) struct JsonTensor {
    pub(crate) name: String,
    pub(crate) datatype: crate::Datatype,
    pub(crate) shape: Shape,
    pub(crate) content_type: Option<String>,
    pub(crate) data: JsonData,
}

/// Where the elements of a tensor are.
pub(crate) enum JsonData {
    /// In the JSON.
    Here(TensorData),
    /// So many bytes behind the JSON.
    Behind(usize),
    /// Nowhere; a request that is raw throughout has no such tensor, so that this is refused.
    Nowhere,
}

/// What is wrong with a request, found while it is read.
#[derive(Default)]
pub(crate) struct Fault {
    refusal: Option<Refusal>,
}

impl Fault {
    /// Remembers what is wrong and gives the error that ends the reading.
    fn stop<E: serde::de::Error>(&mut self, pointer: impl fmt::Display, detail: impl Into<String>) -> E {
        self.refusal = Some(Refusal::malformed(pointer.to_string(), detail));
        E::custom("refused")
    }

    /// The same where the protocol has something that this server does not.
    fn unsupported<E: serde::de::Error>(&mut self, pointer: impl fmt::Display, detail: impl Into<String>) -> E {
        self.refusal = Some(Refusal::at(RefusalCode::Unsupported, pointer.to_string(), detail));
        E::custom("refused")
    }

    /// The same where the memory is spent.
    fn spent<E: serde::de::Error>(&mut self, budget: &Budget, _: Spent) -> E {
        self.refusal = Some(budget.refusal());
        E::custom("refused")
    }
}

/// Reads the JSON of a request.
///
/// # Errors
/// With what was expected, what came, and where.
pub(crate) fn read(json: &[u8], budget: &mut Budget) -> Result<JsonRequest, Refusal> {
    let mut fault = Fault::default();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let seed = RequestSeed { fault: &mut fault, budget, n_bytes: json.len() };
    let read = seed.deserialize(&mut deserializer).and_then(|read| deserializer.end().map(|()| read));
    read.map_err(|error| fault.refusal.unwrap_or_else(|| not_json(&error, json)))
}

/// Refuses what is no JSON, with the place in bytes.
fn not_json(error: &serde_json::Error, json: &[u8]) -> Refusal {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    let before = json.split(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let offset = before.map(|line| line.len() + 1).sum::<usize>() + error.column();
    if error.is_data() {
        return Refusal::new(
            RefusalCode::Malformed,
            format!("the request is no inference request: {what} at byte {offset}"),
        );
    }
    let what = if what.starts_with("recursion limit") { "arrays and objects are nested too deep" } else { what };
    let rest = json.get(offset.saturating_sub(1)..).unwrap_or_default();
    let hint =
        if ["expected value", "invalid number"].contains(&what) && (rest.starts_with(b"N") || rest.starts_with(b"I")) {
            "; JSON has no NaN and no Infinity, send null for a missing value"
        } else {
            ""
        };
    Refusal::new(RefusalCode::Malformed, format!("the request is not JSON: {what} at byte {offset}{hint}"))
}

impl JsonRequest {
    /// The request, with the bytes behind its JSON as the data of its binary tensors.
    ///
    /// # Errors
    /// When the bytes are not those of the binary tensors.
    pub(crate) fn with_bytes(self, mut bytes: &[u8], mut budget: Budget) -> Result<InferRequest, Refusal> {
        let mut inputs = Vec::with_capacity(self.inputs.len());
        for (index, tensor) in self.inputs.into_iter().enumerate() {
            let JsonTensor { name, datatype, shape, content_type, data } = tensor;
            let pointer = || format!("/inputs/{index}");
            let data = match data {
                JsonData::Here(data) => data,
                JsonData::Behind(size) => {
                    let (own, rest) = bytes.split_at_checked(size).ok_or_else(|| {
                        let detail =
                            format!("expected {size} bytes of this tensor behind the JSON, {} came", bytes.len());
                        Refusal::malformed(format!("{}/parameters/binary_data_size", pointer()), detail)
                    })?;
                    bytes = rest;
                    crate::decode(datatype, &shape, own, &mut budget, pointer)?
                }
                JsonData::Nowhere => {
                    let detail = "expected `data`, or `binary_data_size` among the parameters, neither came";
                    return Err(Refusal::malformed(pointer(), detail));
                }
            };
            inputs.push(crate::InputTensor { name, datatype, shape, content_type, data });
        }
        if !bytes.is_empty() {
            let detail =
                format!("expected as many bytes behind the JSON as the tensors say, {} more came", bytes.len());
            return Err(Refusal::new(RefusalCode::Malformed, detail));
        }
        let Self { id, content_type, timeout_us, outputs, binary_output, .. } = self;
        Ok(InferRequest { id, content_type, timeout_us, inputs, outputs, binary_output })
    }
}
