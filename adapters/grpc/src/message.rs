//! Inference requests as they came. Generated code would read them into lists of what may take two bytes in a message and two
//! hundred in memory; here the sizes are counted before anything is made of them, and elements become a tensor at once.

mod contents;
mod parameters;
mod tensor;
mod wire;

use bytes::{Buf, Bytes};
use drifting_inference::{
    Budget, Datatype, InferRequest, InputTensor, OUTPUTS_MAX, ReadLimits, Refusal, Shape, WantedOutput,
};
use tonic::Status;
use tonic::codec::DecodeBuf;

use self::parameters::Parameters;
use self::wire::{Field, Fields};
use crate::codec::Asked;

/// The fields of `ModelInferRequest`.
mod field {
    pub(super) const MODEL_NAME: u32 = 1;
    pub(super) const MODEL_VERSION: u32 = 2;
    pub(super) const ID: u32 = 3;
    pub(super) const PARAMETERS: u32 = 4;
    pub(super) const INPUTS: u32 = 5;
    pub(super) const OUTPUTS: u32 = 6;
    pub(super) const RAW_INPUT_CONTENTS: u32 = 7;
}

/// A `ModelInferRequest` that has not been read yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct InferMessage(Bytes);

impl Asked for InferMessage {
    fn read(bytes: &mut DecodeBuf<'_>) -> Result<Self, Status> {
        Ok(Self(bytes.copy_to_bytes(bytes.remaining())))
    }
}

/// Which project is asked, and under which id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Address {
    pub(crate) model_name: String,
    /// Empty for the latest one.
    pub(crate) model_version: String,
    pub(crate) id: Option<String>,
}

/// How many tensors there are.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    inputs: usize,
    raw: usize,
}

impl InferMessage {
    /// Bytes of the message.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The message as it came.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Which project is asked: passes over the tensors, whatever they are.
    ///
    /// # Errors
    /// When the message is none, or a name is no text.
    pub(crate) fn address(&self) -> Result<Address, Refusal> {
        let mut address = Address::default();
        for item in Fields::of(&self.0) {
            let Field { number, value } = item?;
            match number {
                field::MODEL_NAME => value.text("/model_name")?.clone_into(&mut address.model_name),
                field::MODEL_VERSION => value.text("/model_version")?.clone_into(&mut address.model_version),
                field::ID => {
                    let id = value.text("/id")?;
                    address.id = (!id.is_empty()).then(|| id.to_owned());
                }
                _ => {}
            }
        }
        Ok(address)
    }

    /// Whether its tensors are raw. So is the answer then.
    pub(crate) fn is_raw(&self) -> bool {
        Fields::of(&self.0).flatten().any(|field| field.number == field::RAW_INPUT_CONTENTS)
    }

    /// The request. Time and memory O(message).
    ///
    /// # Errors
    /// What was expected, what came, and where, before anything is reserved for it.
    pub(crate) fn request(&self, limits: &ReadLimits) -> Result<InferRequest, Refusal> {
        let (mut request, counts) = self.head()?;
        if counts.raw > 0 && counts.raw != counts.inputs {
            let detail = format!(
                "expected raw contents for each of the {} inputs, or for none, {} came",
                counts.inputs, counts.raw
            );
            return Err(Refusal::malformed("/raw_input_contents", detail));
        }
        let mut budget = Budget::of_raw(limits.bytes);
        let mut raw = self.each(field::RAW_INPUT_CONTENTS);
        for (index, tensor) in self.each(field::INPUTS).enumerate() {
            let tensor = tensor::read(tensor?.bytes("/inputs")?, index)?;
            let contents = raw.next().transpose()?.map(|raw| raw.bytes("/raw_input_contents")).transpose()?;
            let (datatype, shape) = (tensor.datatype, tensor.shape.clone());
            let data = match contents {
                Some(bytes) => raw_data(&tensor, bytes, index, &mut budget)?,
                None => contents::read(&tensor, index, &mut budget)?,
            };
            let name = tensor.name.to_owned();
            request.inputs.push(InputTensor { name, datatype, shape, content_type: tensor.content_type, data });
        }
        limits.check(&request)?;
        Ok(request)
    }

    /// Everything but the tensors, which are counted.
    fn head(&self) -> Result<(InferRequest, Counts), Refusal> {
        let mut parameters = Parameters::default();
        let mut request = InferRequest { id: self.address()?.id, ..InferRequest::default() };
        let mut counts = Counts::default();
        for item in Fields::of(&self.0) {
            let Field { number, value } = item?;
            match number {
                field::PARAMETERS => parameters.take(value.bytes("/parameters")?, "/parameters")?,
                field::INPUTS => counts.inputs += 1,
                field::RAW_INPUT_CONTENTS => counts.raw += 1,
                field::OUTPUTS if request.outputs.len() == OUTPUTS_MAX => {
                    let detail = format!("expected at most {OUTPUTS_MAX} outputs, more came");
                    return Err(Refusal::malformed("/outputs", detail));
                }
                field::OUTPUTS => request.outputs.push(wanted(value.bytes("/outputs")?, request.outputs.len())?),
                _ => {}
            }
        }
        request.content_type = parameters.content_type;
        request.timeout_us = parameters.timeout_us;
        Ok((request, counts))
    }

    /// The values of a field that may come any number of times.
    fn each(&self, number: u32) -> impl Iterator<Item = Result<wire::Value<'_>, Refusal>> {
        Fields::of(&self.0).filter_map(move |item| match item {
            Ok(field) => (field.number == number).then_some(Ok(field.value)),
            Err(refusal) => Some(Err(refusal)),
        })
    }
}

/// The elements of a raw tensor.
fn raw_data(
    tensor: &tensor::Tensor<'_>,
    bytes: &[u8],
    index: usize,
    budget: &mut Budget,
) -> Result<drifting_inference::TensorData, Refusal> {
    if tensor.has_contents() {
        let detail = "expected no contents beside raw ones: all tensors of a request are raw, or none";
        return Err(Refusal::malformed(format!("/inputs/{index}/contents"), detail));
    }
    let pointer = || format!("/raw_input_contents/{index}");
    drifting_inference::decode(tensor.datatype, &tensor.shape, bytes, budget, pointer)
}

/// An output that is wanted.
fn wanted(bytes: &[u8], index: usize) -> Result<WantedOutput, Refusal> {
    const NAME: u32 = 1;
    let mut name = "";
    for item in Fields::of(bytes) {
        let Field { number, value } = item?;
        if number == NAME {
            name = value.text(&format!("/outputs/{index}/name"))?;
        }
    }
    Ok(WantedOutput { name: name.to_owned(), binary: None })
}

/// Text of a client in a sentence.
fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(60).collect::<String>())
}

/// The type of a tensor's elements and its shape.
fn of_names(datatype: &str, dimensions: &[i64], index: usize) -> Result<(Datatype, Shape), Refusal> {
    let datatype = Datatype::of_name(datatype).ok_or_else(|| {
        let detail = format!("expected a datatype such as FP64, INT64, BOOL or BYTES, {} came", shown(datatype));
        Refusal::malformed(format!("/inputs/{index}/datatype"), detail)
    })?;
    let shape =
        Shape::new(dimensions).map_err(|detail| Refusal::malformed(format!("/inputs/{index}/shape"), detail))?;
    Ok((datatype, shape))
}

#[cfg(test)]
mod tests;
