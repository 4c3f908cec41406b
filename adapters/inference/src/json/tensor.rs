//! A tensor of a request.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::elements::DataSeed;
use super::members::{Members, Name};
use super::passed::Passed;
use super::wanted::{Parameters, ParametersSeed};
use super::{Fault, JsonData, JsonTensor};
use crate::{Budget, Datatype, Shape};

/// Reads a tensor.
pub(super) struct TensorSeed<'f> {
    pub(super) fault: &'f mut Fault,
    pub(super) budget: &'f mut Budget,
    /// Which input it is.
    pub(super) input: usize,
    /// Bytes of the whole request: no tensor in JSON has more elements.
    pub(super) n_bytes: usize,
}

impl<'de> DeserializeSeed<'de> for TensorSeed<'_> {
    type Value = JsonTensor;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<JsonTensor, D::Error> {
        deserializer.deserialize_map(self)
    }
}

/// `data` as it stands in the request, of a tensor whose datatype or shape comes after it.
enum Data<'de> {
    None,
    Read(crate::TensorData),
    Later(&'de RawValue),
}

impl<'de> Visitor<'de> for TensorSeed<'_> {
    type Value = JsonTensor;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tensor: an object with name, shape, datatype and data")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<JsonTensor, A::Error> {
        let Self { fault, budget, input, n_bytes } = self;
        let place = |member: &str| format!("/inputs/{input}/{member}");
        let (mut name, mut datatype, mut shape): (Option<String>, Option<Datatype>, Option<Shape>) = (None, None, None);
        let (mut parameters, mut data, mut came) = (None, Data::None, Members::default());
        while let Some(member) = members.next_key::<Name<'_>>()? {
            came.take(&member).map_err(|detail| fault.stop(place(member.as_str()), detail))?;
            match member.as_str() {
                "name" => name = Some(members.next_value::<Name<'_>>()?.into_string()),
                "datatype" => {
                    let text = members.next_value::<Name<'_>>()?;
                    let known = Datatype::of_name(text.as_str()).ok_or_else(|| {
                        let shown: String = text.as_str().chars().take(20).collect();
                        fault.stop(place("datatype"), format!("expected one of {}, {shown:?} came", Datatype::names()))
                    })?;
                    datatype = Some(known);
                }
                "shape" => {
                    let dimensions = members.next_value_seed(ShapeSeed { fault: &mut *fault, input })?;
                    shape = Some(Shape::new(&dimensions).map_err(|detail| fault.stop(place("shape"), detail))?);
                }
                "parameters" => {
                    let seed = ParametersSeed { fault: &mut *fault, place: &|| place("parameters") };
                    parameters = Some(members.next_value_seed(seed)?);
                }
                "data" => {
                    data = match (datatype, &shape) {
                        (Some(datatype), Some(shape)) => {
                            check_size(fault, input, datatype, shape, n_bytes)?;
                            let seed = DataSeed { fault: &mut *fault, budget: &mut *budget, input, datatype, shape };
                            Data::Read(members.next_value_seed(seed)?)
                        }
                        _ => Data::Later(members.next_value()?),
                    };
                }
                _ => {
                    members.next_value::<Passed>()?;
                }
            }
        }
        let Some(name) = name else {
            return Err(fault.stop(place("name"), "expected the name of a tensor, none came"));
        };
        let Some(datatype) = datatype else {
            return Err(fault.stop(place("datatype"), format!("expected one of {}, none came", Datatype::names())));
        };
        let Some(shape) = shape else {
            return Err(fault.stop(place("shape"), "expected an array of dimensions, none came"));
        };
        budget.take_tensor(&name).map_err(|spent| fault.spent(budget, spent))?;
        let Parameters { content_type, binary_data_size, .. } = parameters.unwrap_or_default();
        let data = match data {
            Data::None => None,
            Data::Read(data) => Some(data),
            Data::Later(raw) => {
                check_size(fault, input, datatype, &shape, n_bytes)?;
                let seed = DataSeed { fault: &mut *fault, budget, input, datatype, shape: &shape };
                let mut deserializer = serde_json::Deserializer::from_str(raw.get());
                Some(seed.deserialize(&mut deserializer).map_err(A::Error::custom)?)
            }
        };
        let data = match (data, binary_data_size) {
            (Some(_), Some(_)) => {
                let detail = "expected `data` or `binary_data_size` among the parameters, both came";
                return Err(fault.stop(format_args!("/inputs/{input}"), detail));
            }
            (Some(data), None) => JsonData::Here(data),
            (None, Some(size)) => JsonData::Behind(size),
            (None, None) => JsonData::Nowhere,
        };
        Ok(JsonTensor { name, datatype, shape, content_type, data })
    }
}

/// Before elements are read: whether they can be as many as the shape says, and whether JSON has them.
fn check_size<E: Error>(
    fault: &mut Fault,
    input: usize,
    datatype: Datatype,
    shape: &Shape,
    n_bytes: usize,
) -> Result<(), E> {
    if datatype == Datatype::Bf16 {
        let detail = "expected BF16 as binary data, JSON came; send FP32";
        return Err(fault.stop(format_args!("/inputs/{input}/datatype"), detail));
    }
    // Each element takes a byte and a comma.
    if shape.n_elements() > n_bytes / 2 + 1 {
        let detail =
            format!("expected the {} elements of the shape {:?}, fewer came", shape.n_elements(), shape.dimensions());
        return Err(fault.stop(format_args!("/inputs/{input}/data"), detail));
    }
    Ok(())
}

/// Reads dimensions: integers of at most 64 bits, and not many.
struct ShapeSeed<'f> {
    fault: &'f mut Fault,
    input: usize,
}

impl<'de> DeserializeSeed<'de> for ShapeSeed<'_> {
    type Value = Vec<i64>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<i64>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ShapeSeed<'_> {
    type Value = Vec<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of dimensions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<i64>, A::Error> {
        let mut dimensions = Vec::new();
        while let Some(dimension) = items.next_element::<serde_json::Number>()? {
            let place = format!("/inputs/{}/shape/{}", self.input, dimensions.len());
            let Some(dimension) = dimension.as_i64() else {
                return Err(self.fault.stop(place, format!("expected an integer of 0 or more, {dimension} came")));
            };
            if dimensions.len() == Shape::RANK_MAX {
                let detail = format!("expected at most {} dimensions, more came", Shape::RANK_MAX);
                return Err(self.fault.stop(place, detail));
            }
            dimensions.push(dimension);
        }
        Ok(dimensions)
    }
}
