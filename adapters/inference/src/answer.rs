//! The answer to an inference request.

use std::borrow::Cow;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::{Datatype, Refusal, RefusalCode, WantedOutput};

/// The answer to an inference request: outputs of one row for each row, or window, that was judged.
#[derive(Debug, Clone, PartialEq)]
pub struct InferResponse {
    /// The project.
    pub model_name: String,
    /// Its generation.
    pub model_version: String,
    /// The id of the request, or a new one.
    pub id: String,
    /// What holds of all outputs together.
    pub parameters: Vec<(&'static str, Parameter)>,
    /// The outputs.
    pub outputs: Vec<OutputTensor>,
    /// Which rows could not be judged yet.
    pub(crate) warm_ups: Vec<bool>,
}

/// Says that the last row could not be judged yet: until then the statistic and the threshold are 0.
pub(crate) const WARM_UP: &str = "warmup";
/// Parameters that hold after the last row alone.
const OF_THE_END: [&str; 4] = ["pending_rows", "batch_size", "rows_dropped", "problem"];

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Parameter {
    /// A text.
    Text(Cow<'static, str>),
    /// A truth value.
    Truth(bool),
    /// A count.
    Count(u64),
}

/// An output.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputTensor {
    /// Its name.
    pub name: &'static str,
    /// Its shape; the first dimension counts rows or windows.
    pub shape: Vec<usize>,
    /// Its elements, row-major.
    pub data: OutputData,
    /// Whether it is wanted in bytes.
    pub binary: bool,
}

/// The elements of an output.
#[derive(Debug, Clone, PartialEq)]
pub enum OutputData {
    /// Integers.
    Int64(Vec<i64>),
    /// Numbers of 32 bits. `NaN` stands for none.
    Fp32(Vec<f32>),
    /// Numbers of 64 bits. `NaN` stands for none.
    Fp64(Vec<f64>),
    /// So many times nothing: of values that the detector does not have.
    Nothing(usize),
}

impl OutputData {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::Int64(values) => values.len(),
            Self::Fp32(values) => values.len(),
            Self::Fp64(values) => values.len(),
            Self::Nothing(n) => *n,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The datatype in JSON, where nothing is null among texts.
    pub fn datatype_in_json(&self) -> Datatype {
        match self {
            Self::Int64(_) => Datatype::Int64,
            Self::Fp32(_) => Datatype::Fp32,
            Self::Fp64(_) => Datatype::Fp64,
            Self::Nothing(_) => Datatype::Bytes,
        }
    }

    /// The datatype in bytes and in gRPC, which have no null: `NaN` takes its place.
    pub fn datatype_in_bytes(&self) -> Datatype {
        match self {
            Self::Nothing(_) => Datatype::Fp64,
            other => other.datatype_in_json(),
        }
    }

    /// Writes the elements in bytes: little-endian, row-major, packed.
    pub fn write_bytes(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Int64(values) => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::Fp32(values) => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::Fp64(values) => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::Nothing(n) => bytes.extend((0..*n).flat_map(|_| f64::NAN.to_le_bytes())),
        }
    }

    /// How many bytes [`Self::write_bytes`] writes.
    pub fn n_bytes(&self) -> usize {
        self.len() * self.datatype_in_bytes().width().unwrap_or_default()
    }

    fn slice(&self, range: std::ops::Range<usize>) -> Self {
        match self {
            Self::Int64(values) => Self::Int64(values[range].to_vec()),
            Self::Fp32(values) => Self::Fp32(values[range].to_vec()),
            Self::Fp64(values) => Self::Fp64(values[range].to_vec()),
            Self::Nothing(_) => Self::Nothing(range.len()),
        }
    }
}

/// Null where there is no number; numbers of 32 bits as the doubles that they are.
impl Serialize for OutputData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Int64(values) => serializer.collect_seq(values),
            Self::Fp32(values) => serializer.collect_seq(values.iter().map(|value| f64::from(*value))),
            Self::Fp64(values) => serializer.collect_seq(values),
            Self::Nothing(n) => serializer.collect_seq((0..*n).map(|_| ())),
        }
    }
}

impl Serialize for OutputTensor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Size {
            binary_data_size: usize,
        }
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("name", self.name)?;
        members.serialize_entry("shape", &self.shape)?;
        if self.binary {
            members.serialize_entry("datatype", self.data.datatype_in_bytes().as_str())?;
            members.serialize_entry("parameters", &Size { binary_data_size: self.data.n_bytes() })?;
        } else {
            members.serialize_entry("datatype", self.data.datatype_in_json().as_str())?;
            members.serialize_entry("data", &self.data)?;
        }
        members.end()
    }
}

struct Parameters<'p>(&'p [(&'static str, Parameter)]);

impl Serialize for Parameters<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Serialize for InferResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(5))?;
        members.serialize_entry("model_name", &self.model_name)?;
        members.serialize_entry("model_version", &self.model_version)?;
        members.serialize_entry("id", &self.id)?;
        members.serialize_entry("parameters", &Parameters(&self.parameters))?;
        members.serialize_entry("outputs", &self.outputs)?;
        members.end()
    }
}

/// The body of an answer over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// JSON, and behind it the outputs that are wanted in bytes.
    pub bytes: Vec<u8>,
    /// The length of the JSON, where anything stands behind it.
    pub json_length: Option<usize>,
}

impl InferResponse {
    /// The body of the answer over HTTP: JSON, and behind it the outputs that are wanted in bytes.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which does not happen.
    pub fn body(&self) -> serde_json::Result<Body> {
        let mut bytes = Vec::with_capacity(640);
        serde_json::to_writer(&mut bytes, self)?;
        let json_length = bytes.len();
        let mut is_binary = false;
        for output in self.outputs.iter().filter(|output| output.binary) {
            is_binary = true;
            output.data.write_bytes(&mut bytes);
        }
        Ok(Body { bytes, json_length: is_binary.then_some(json_length) })
    }

    /// Rows or windows that were judged.
    pub fn n_rows(&self) -> usize {
        self.outputs.first().and_then(|output| output.shape.first()).copied().unwrap_or(0)
    }

    /// The answer to one of the rows, or windows, alone. Time and memory O(outputs of a row).
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn of_row(&self, row: usize) -> Self {
        let is_last = row + 1 == self.n_rows();
        let is_warm_up = self.warm_ups.get(row).copied().unwrap_or(false);
        let holds = |name: &str| name != WARM_UP && (is_last || !OF_THE_END.contains(&name));
        let of_all = self.parameters.iter().filter(|(name, _)| holds(name)).cloned();
        let warm_up = is_warm_up.then_some((WARM_UP, Parameter::Truth(true)));
        let outputs = self.outputs.iter().map(|output| {
            let width: usize = output.shape.iter().skip(1).product();
            let shape = std::iter::once(1).chain(output.shape.iter().skip(1).copied()).collect();
            OutputTensor { shape, data: output.data.slice(row * width..(row + 1) * width), ..*output }
        });
        Self {
            model_name: self.model_name.clone(),
            model_version: self.model_version.clone(),
            id: self.id.clone(),
            parameters: of_all.chain(warm_up).collect(),
            outputs: outputs.collect(),
            warm_ups: vec![is_warm_up],
        }
    }
}

/// The outputs that are wanted, by their places among those that a detector has.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// Of each wanted output its place and whether it is binary; `None`: all.
    wanted: Option<Vec<(usize, bool)>>,
    binary: bool,
}

impl Selection {
    /// The wanted ones of these names.
    ///
    /// # Errors
    /// When an unknown one is wanted.
    pub(crate) fn new(
        wanted: &[WantedOutput],
        binary: bool,
        names: impl Fn() -> Vec<&'static str>,
    ) -> Result<Self, Refusal> {
        if wanted.is_empty() {
            return Ok(Self { wanted: None, binary });
        }
        let names = names();
        let place = |(index, output): (usize, &WantedOutput)| {
            let place = names.iter().position(|name| *name == output.name).ok_or_else(|| {
                let shown: String = output.name.chars().take(60).collect();
                let detail = format!("expected one of the outputs {}, {shown:?} came", names.join(", "));
                Refusal::at(RefusalCode::Malformed, format!("/outputs/{index}/name"), detail)
            })?;
            Ok((place, output.binary.unwrap_or(binary)))
        };
        Ok(Self { wanted: Some(wanted.iter().enumerate().map(place).collect::<Result<_, Refusal>>()?), binary })
    }

    /// The wanted ones of all.
    pub(crate) fn of(&self, all: Vec<OutputTensor>) -> Vec<OutputTensor> {
        let Some(wanted) = &self.wanted else {
            return all.into_iter().map(|output| OutputTensor { binary: self.binary, ..output }).collect();
        };
        // Before any window has closed there is none.
        let of = |(place, binary): &(usize, bool)| Some(OutputTensor { binary: *binary, ..all.get(*place)?.clone() });
        wanted.iter().filter_map(of).collect()
    }
}
