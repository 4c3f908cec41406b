//! The outer object of a request.

use std::fmt;

use drifting_domain::data::COLUMNS_MAX;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::members::{Members, Name};
use super::passed::Passed;
use super::tensor::TensorSeed;
use super::wanted::{Parameters, ParametersSeed, WantedSeed};
use super::{Fault, JsonRequest, JsonTensor};
use crate::{Budget, OUTPUTS_MAX, WantedOutput};

/// Reads a request.
pub(super) struct RequestSeed<'f> {
    pub(super) fault: &'f mut Fault,
    pub(super) budget: &'f mut Budget,
    pub(super) n_bytes: usize,
}

impl<'de> DeserializeSeed<'de> for RequestSeed<'_> {
    type Value = JsonRequest;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<JsonRequest, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RequestSeed<'_> {
    type Value = JsonRequest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an inference request: an object with inputs")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<JsonRequest, A::Error> {
        let Self { fault, budget, n_bytes } = self;
        let mut came = Members::default();
        let (mut id, mut model_name, mut inputs, mut outputs) = (None, None, None, Vec::new());
        let mut parameters = Parameters::default();
        while let Some(member) = members.next_key::<Name<'_>>()? {
            came.take(&member).map_err(|detail| fault.stop(format_args!("/{}", member.as_str()), detail))?;
            match member.as_str() {
                "id" => id = members.next_value::<Option<Name<'_>>>()?.map(Name::into_string),
                "model_name" => model_name = members.next_value::<Option<Name<'_>>>()?.map(Name::into_string),
                "parameters" => {
                    let seed = ParametersSeed { fault: &mut *fault, place: &|| "/parameters".to_owned() };
                    parameters = members.next_value_seed(seed)?;
                }
                "inputs" => {
                    let seed = InputsSeed { fault: &mut *fault, budget: &mut *budget, n_bytes };
                    inputs = Some(members.next_value_seed(seed)?);
                }
                "outputs" => outputs = members.next_value_seed(OutputsSeed { fault: &mut *fault })?,
                _ => {
                    members.next_value::<Passed>()?;
                }
            }
        }
        let Some(inputs) = inputs else {
            return Err(fault.stop("/inputs", "expected an array of tensors, none came"));
        };
        let Parameters { content_type, binary_data_output, timeout_us, .. } = parameters;
        let binary_output = binary_data_output.unwrap_or(false);
        Ok(JsonRequest { id, model_name, content_type, timeout_us, inputs, outputs, binary_output })
    }
}

struct InputsSeed<'f> {
    fault: &'f mut Fault,
    budget: &'f mut Budget,
    n_bytes: usize,
}

impl<'de> DeserializeSeed<'de> for InputsSeed<'_> {
    type Value = Vec<JsonTensor>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for InputsSeed<'_> {
    type Value = Vec<JsonTensor>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of tensors")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let Self { fault, budget, n_bytes } = self;
        let mut inputs = Vec::new();
        while let Some(tensor) = {
            let seed = TensorSeed { fault: &mut *fault, budget: &mut *budget, input: inputs.len(), n_bytes };
            items.next_element_seed(seed)?
        } {
            if inputs.len() == COLUMNS_MAX {
                return Err(fault.stop("/inputs", format!("expected at most {COLUMNS_MAX} tensors, more came")));
            }
            inputs.push(tensor);
        }
        Ok(inputs)
    }
}

struct OutputsSeed<'f> {
    fault: &'f mut Fault,
}

impl<'de> DeserializeSeed<'de> for OutputsSeed<'_> {
    type Value = Vec<WantedOutput>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OutputsSeed<'_> {
    type Value = Vec<WantedOutput>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of outputs")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut outputs = Vec::new();
        while let Some(output) =
            items.next_element_seed(WantedSeed { fault: &mut *self.fault, output: outputs.len() })?
        {
            if outputs.len() == OUTPUTS_MAX {
                let detail = format!("expected at most {OUTPUTS_MAX} outputs, more came");
                return Err(self.fault.stop("/outputs", detail));
            }
            outputs.push(output);
        }
        Ok(outputs)
    }
}
