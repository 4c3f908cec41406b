//! The elements of a tensor in the field of its type: counted first, then read into one piece of memory.

use drifting_domain::data::Texts;
use drifting_inference::{Budget, Datatype, Refusal, TensorData};

use super::tensor::Tensor;
use super::wire::{Field, Value, varint};

/// The fields of `InferTensorContents`, by their numbers less one.
const NAMES: [&str; 8] = [
    "bool_contents",
    "int_contents",
    "int64_contents",
    "uint_contents",
    "uint64_contents",
    "fp32_contents",
    "fp64_contents",
    "bytes_contents",
];

/// The number of the field for elements of a type, where it has one.
fn field_of(datatype: Datatype) -> Option<u32> {
    match datatype {
        Datatype::Bool => Some(1),
        Datatype::Int8 | Datatype::Int16 | Datatype::Int32 => Some(2),
        Datatype::Int64 => Some(3),
        Datatype::Uint8 | Datatype::Uint16 | Datatype::Uint32 => Some(4),
        Datatype::Uint64 => Some(5),
        Datatype::Fp32 => Some(6),
        Datatype::Fp64 => Some(7),
        Datatype::Bytes => Some(8),
        Datatype::Fp16 | Datatype::Bf16 => None,
    }
}

fn name_of(number: u32) -> Option<&'static str> {
    NAMES.get((number as usize).checked_sub(1)?).copied()
}

/// Reads the elements of a tensor.
///
/// # Errors
/// What was expected and what came: when elements are in the field of another type, are more or fewer than the shape says, or are
/// none of the type; when they take more memory than is left.
pub(super) fn read(tensor: &Tensor<'_>, index: usize, budget: &mut Budget) -> Result<TensorData, Refusal> {
    let pointer = || format!("/inputs/{index}/contents");
    let datatype = tensor.datatype;
    let Some(number) = field_of(datatype) else {
        let detail =
            format!("expected `raw_input_contents` for {}, which has no contents of its own", datatype.as_str());
        return Err(Refusal::malformed(pointer(), detail));
    };
    let (mut n_elements, mut n_bytes) = (0, 0);
    let n_expected = tensor.shape.n_elements();
    // What cannot be held is not gone through. Of a shape that lies, the elements are too few.
    if n_expected <= tensor.n_bytes() {
        budget.clone().take_raw(datatype, &tensor.shape, 0)?;
    }
    for item in tensor.contents() {
        let field = item?;
        if field.number == number {
            n_elements +=
                count(datatype, field.value).ok_or_else(|| Refusal::malformed(pointer(), mispacked(number)))?;
            n_bytes += if let Value::Bytes(bytes) = field.value { bytes.len() } else { 0 };
        } else if let Some(other) = name_of(field.number) {
            let expected = name_of(number).unwrap_or_default();
            return Err(Refusal::malformed(
                pointer(),
                format!("expected {expected} for {}, {other} came", datatype.as_str()),
            ));
        }
        if n_elements > n_expected {
            break;
        }
    }
    if n_elements != n_expected {
        let came = if n_elements > n_expected { "more".to_owned() } else { n_elements.to_string() };
        let shape = tensor.shape.dimensions();
        let detail = format!("expected {n_expected} elements, as the shape {shape:?} has, {came} came");
        return Err(Refusal::malformed(pointer(), detail));
    }
    budget.take_raw(datatype, &tensor.shape, n_bytes)?;
    let values = tensor.contents().flatten().filter(|field| field.number == number).map(|Field { value, .. }| value);
    let elements = Elements { n: n_elements, values };
    let data = match datatype {
        Datatype::Bool => elements.booleans(),
        Datatype::Bytes => return elements.texts().map_err(|detail| Refusal::malformed(pointer(), detail)),
        Datatype::Fp32 => elements.fixed(|bytes| f64::from(f32::from_le_bytes(bytes))),
        Datatype::Fp64 => elements.fixed(f64::from_le_bytes),
        Datatype::Int64 => elements.varints(|value| Ok(value.cast_signed() as f64)),
        Datatype::Uint64 => elements.varints(|value| Ok(value as f64)),
        _ => elements.varints(|value| narrow(datatype, value)),
    };
    data.map_err(|problem| Refusal::malformed(pointer(), problem.unwrap_or_else(|| mispacked(number))))
}

fn mispacked(number: u32) -> String {
    format!("expected {} as the protocol packs them", name_of(number).unwrap_or_default())
}

/// How many elements a field holds, without reading them.
fn count(datatype: Datatype, value: Value<'_>) -> Option<usize> {
    match datatype {
        Datatype::Bytes => matches!(value, Value::Bytes(_)).then_some(1),
        Datatype::Fp32 | Datatype::Fp64 => match value {
            Value::Bytes(packed) => {
                let width = datatype.width()?;
                packed.len().is_multiple_of(width).then_some(packed.len() / width)
            }
            Value::Fixed32(_) => (datatype == Datatype::Fp32).then_some(1),
            Value::Fixed64(_) => (datatype == Datatype::Fp64).then_some(1),
            Value::Varint(_) => None,
        },
        _ => match value {
            Value::Varint(_) => Some(1),
            // The last byte of each integer alone has no upper bit.
            Value::Bytes(packed) => Some(packed.iter().filter(|byte| **byte & 0x80 == 0).count()),
            Value::Fixed32(_) | Value::Fixed64(_) => None,
        },
    }
}

/// An integer of a type that is narrower than its field.
fn narrow(datatype: Datatype, value: u64) -> Result<f64, String> {
    let is_signed = matches!(datatype, Datatype::Int8 | Datatype::Int16 | Datatype::Int32);
    let integer = if is_signed { i128::from(value.cast_signed()) } else { i128::from(value) };
    match datatype.integers() {
        Some(range) if !range.contains(&integer) => Err(format!(
            "expected integers from {} to {} for {}, {integer} came",
            range.start(),
            range.end(),
            datatype.as_str()
        )),
        _ => Ok(integer as f64),
    }
}

/// Elements that have been counted; a fault without words is that of their packing.
struct Elements<V> {
    n: usize,
    values: V,
}

impl<'m, V: Iterator<Item = Value<'m>>> Elements<V> {
    fn fixed<const N: usize>(self, number: impl Fn([u8; N]) -> f64) -> Result<TensorData, Option<String>> {
        let mut numbers = Vec::with_capacity(self.n);
        for value in self.values {
            match value {
                Value::Bytes(packed) => {
                    numbers.extend(packed.as_chunks::<N>().0.iter().map(|element| number(*element)));
                }
                Value::Fixed32(bytes) => numbers.push(number(bytes.as_slice().try_into().map_err(|_| None)?)),
                Value::Fixed64(bytes) => numbers.push(number(bytes.as_slice().try_into().map_err(|_| None)?)),
                Value::Varint(_) => return Err(None),
            }
        }
        Ok(TensorData::Numbers(numbers))
    }

    fn varints(self, number: impl Fn(u64) -> Result<f64, String>) -> Result<TensorData, Option<String>> {
        let mut numbers = Vec::with_capacity(self.n);
        self.each(|value| {
            numbers.push(number(value)?);
            Ok(())
        })?;
        Ok(TensorData::Numbers(numbers))
    }

    fn booleans(self) -> Result<TensorData, Option<String>> {
        let mut truths = Vec::with_capacity(self.n);
        self.each(|value| {
            truths.push(Some(value != 0));
            Ok(())
        })?;
        Ok(TensorData::Booleans(truths))
    }

    fn each(self, mut take: impl FnMut(u64) -> Result<(), String>) -> Result<(), Option<String>> {
        for value in self.values {
            match value {
                Value::Varint(value) => take(value)?,
                Value::Bytes(mut packed) => {
                    while !packed.is_empty() {
                        take(varint(&mut packed).ok_or(None)?)?;
                    }
                }
                Value::Fixed32(_) | Value::Fixed64(_) => return Err(None),
            }
        }
        Ok(())
    }

    fn texts(self) -> Result<TensorData, String> {
        let mut texts = Texts::with_capacity(self.n);
        for (index, value) in self.values.enumerate() {
            let text = if let Value::Bytes(bytes) = value { std::str::from_utf8(bytes).ok() } else { None };
            let text = text.ok_or_else(|| format!("element {index}: expected a text in UTF-8"))?;
            texts.push(Some(text));
        }
        Ok(TensorData::Texts(texts))
    }
}
