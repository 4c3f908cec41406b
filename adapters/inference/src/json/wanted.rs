//! Wanted outputs, and the parameters that a request, a tensor or an output can have.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::Fault;
use super::members::{Members, Name};
use super::passed::Passed;
use super::scalar::Scalar;
use crate::WantedOutput;

/// The parameters that mean something; all others are passed over.
#[derive(Default)]
pub(super) struct Parameters {
    pub(super) content_type: Option<String>,
    pub(super) binary_data_size: Option<usize>,
    pub(super) binary_data: Option<bool>,
    pub(super) binary_data_output: Option<bool>,
    pub(super) timeout_us: Option<u64>,
}

/// Reads parameters, or null for none.
pub(super) struct ParametersSeed<'f> {
    pub(super) fault: &'f mut Fault,
    /// Where they stand.
    pub(super) place: &'f dyn Fn() -> String,
}

impl<'de> DeserializeSeed<'de> for ParametersSeed<'_> {
    type Value = Parameters;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Parameters, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ParametersSeed<'_> {
    type Value = Parameters;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of parameters")
    }

    fn visit_unit<E>(self) -> Result<Parameters, E> {
        Ok(Parameters::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Parameters, A::Error> {
        let Self { fault, place } = self;
        let mut parameters = Parameters::default();
        let mut came = Members::default();
        while let Some(name) = members.next_key::<Name<'_>>()? {
            let at = || format!("{}/{}", place(), name.as_str());
            came.take(&name).map_err(|detail| fault.stop(at(), detail))?;
            if name.as_str().starts_with("shared_memory_") {
                let detail = "this server has no shared memory with clients; send tensors in the request";
                return Err(fault.unsupported(at(), detail));
            }
            let known = ["content_type", "binary_data_size", "binary_data", "binary_data_output", "timeout"];
            if !known.contains(&name.as_str()) {
                members.next_value::<Passed>()?;
                continue;
            }
            let value: Scalar = members.next_value()?;
            let taken = match (name.as_str(), &value.0) {
                (_, Some(Value::Null)) => true,
                ("content_type", Some(Value::String(text))) => {
                    parameters.content_type = Some(text.clone());
                    true
                }
                ("binary_data_size", Some(Value::Number(size))) => {
                    parameters.binary_data_size = size.as_u64().and_then(|size| usize::try_from(size).ok());
                    parameters.binary_data_size.is_some()
                }
                ("binary_data", Some(Value::Bool(truth))) => {
                    parameters.binary_data = Some(*truth);
                    true
                }
                ("binary_data_output", Some(Value::Bool(truth))) => {
                    parameters.binary_data_output = Some(*truth);
                    true
                }
                ("timeout", Some(Value::Number(microseconds))) => {
                    parameters.timeout_us = microseconds.as_u64();
                    parameters.timeout_us.is_some()
                }
                _ => false,
            };
            if !taken {
                let expected = match name.as_str() {
                    "content_type" => "a text",
                    "binary_data_size" => "a number of bytes",
                    "timeout" => "a number of microseconds",
                    _ => "true or false",
                };
                return Err(fault.stop(at(), format!("expected {expected}, something else came")));
            }
        }
        Ok(parameters)
    }
}

/// Reads a wanted output.
pub(super) struct WantedSeed<'f> {
    pub(super) fault: &'f mut Fault,
    /// Which one it is.
    pub(super) output: usize,
}

impl<'de> DeserializeSeed<'de> for WantedSeed<'_> {
    type Value = WantedOutput;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<WantedOutput, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for WantedSeed<'_> {
    type Value = WantedOutput;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an output: an object with a name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<WantedOutput, A::Error> {
        let Self { fault, output } = self;
        let place = |member: &str| format!("/outputs/{output}/{member}");
        let (mut name, mut binary, mut came) = (None, None, Members::default());
        while let Some(member) = members.next_key::<Name<'_>>()? {
            came.take(&member).map_err(|detail| fault.stop(place(member.as_str()), detail))?;
            match member.as_str() {
                "name" => name = Some(members.next_value::<Name<'_>>()?.into_string()),
                "parameters" => {
                    let seed = ParametersSeed { fault: &mut *fault, place: &|| place("parameters") };
                    binary = members.next_value_seed(seed)?.binary_data;
                }
                _ => {
                    members.next_value::<Passed>()?;
                }
            }
        }
        let Some(name) = name else {
            return Err(fault.stop(place("name"), "expected the name of an output, none came"));
        };
        Ok(WantedOutput { name, binary })
    }
}
