//! Wanted outputs, and the parameters that a request, a tensor or an output can have.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::Fault;
use super::passed::Passed;
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
    pub(super) place: &'f str,
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
        let mut came: Vec<String> = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            let known = ["content_type", "binary_data_size", "binary_data", "binary_data_output", "timeout"];
            if !known.contains(&name.as_str()) {
                members.next_value::<Passed>()?;
                continue;
            }
            let place = format!("{place}/{name}");
            if came.contains(&name) {
                return Err(fault.stop(place, "expected this parameter once, it came twice"));
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
                    // As Triton has it, 0 is no limit.
                    parameters.timeout_us = microseconds.as_u64().filter(|microseconds| *microseconds > 0);
                    microseconds.is_u64()
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
                return Err(fault.stop(place, format!("expected {expected}, something else came")));
            }
            came.push(name);
        }
        Ok(parameters)
    }
}

/// A value that is no array and no object; nothing of those.
struct Scalar(Option<Value>);

impl<'de> serde::Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar(Some(Value::Null)))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar(Some(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar(Some(value.into())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar(Some(value.into())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar(Some(value.into())))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar(Some(value.into())))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Scalar, A::Error> {
        while items.next_element::<Passed>()?.is_some() {}
        Ok(Scalar(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Scalar, A::Error> {
        while members.next_entry::<Passed, Passed>()?.is_some() {}
        Ok(Scalar(None))
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
        let (mut name, mut binary) = (None, None);
        while let Some(member) = members.next_key::<String>()? {
            match member.as_str() {
                "name" if name.is_some() => {
                    return Err(fault.stop(place("name"), "expected this member once, it came twice"));
                }
                "name" => name = Some(members.next_value()?),
                "parameters" => {
                    let seed = ParametersSeed { fault: &mut *fault, place: &place("parameters") };
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
