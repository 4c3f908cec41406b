//! The tensors of a request, without their elements.

use drifting_inference::{Datatype, Refusal, Shape};

use super::of_names;
use super::parameters::Parameters;
use super::wire::{Field, Fields, Value, varint};

/// The fields of `InferInputTensor`.
mod field {
    pub(super) const NAME: u32 = 1;
    pub(super) const DATATYPE: u32 = 2;
    pub(super) const SHAPE: u32 = 3;
    pub(super) const PARAMETERS: u32 = 4;
    pub(super) const CONTENTS: u32 = 5;
}

/// A tensor of which the elements have not been read.
pub(super) struct Tensor<'m> {
    pub(super) name: &'m str,
    pub(super) datatype: Datatype,
    pub(super) shape: Shape,
    pub(super) content_type: Option<String>,
    message: &'m [u8],
}

impl<'m> Tensor<'m> {
    /// The fields of its `contents`. Where they came in several pieces they are one after the other, as the wire format has it.
    pub(super) fn contents(&self) -> impl Iterator<Item = Result<Field<'m>, Refusal>> + use<'m> {
        let pieces = Fields::of(self.message).flatten().filter_map(|field| match field {
            Field { number: field::CONTENTS, value: Value::Bytes(piece) } => Some(piece),
            _ => None,
        });
        pieces.flat_map(Fields::of_elements)
    }

    /// Bytes of the tensor in its message: no tensor has more elements.
    pub(super) fn n_bytes(&self) -> usize {
        self.message.len()
    }

    /// Whether any contents came.
    pub(super) fn has_contents(&self) -> bool {
        self.contents().next().is_some()
    }
}

/// Reads a tensor without its elements.
///
/// # Errors
/// When the message is none of a tensor, or has a type or shape that no tensor has.
pub(super) fn read(message: &[u8], index: usize) -> Result<Tensor<'_>, Refusal> {
    let (mut name, mut datatype) = ("", "");
    // One more than is taken, so that too many are told.
    let mut dimensions = Vec::with_capacity(Shape::RANK_MAX + 1);
    let mut parameters = Parameters::default();
    for item in Fields::of(message) {
        let Field { number, value } = item?;
        let pointer = |member: &str| format!("/inputs/{index}/{member}");
        match number {
            field::NAME => name = value.text(&pointer("name"))?,
            field::DATATYPE => datatype = value.text(&pointer("datatype"))?,
            field::SHAPE => take_dimensions(&mut dimensions, value, &pointer("shape"))?,
            field::PARAMETERS => parameters.take(value.bytes(&pointer("parameters"))?, &pointer("parameters"))?,
            field::CONTENTS => drop(value.bytes(&pointer("contents"))?),
            _ => {}
        }
    }
    let (datatype, shape) = of_names(datatype, &dimensions, index)?;
    Ok(Tensor { name, datatype, shape, content_type: parameters.content_type, message })
}

/// Takes dimensions, packed or not, no more than tell that there are too many.
fn take_dimensions(dimensions: &mut Vec<i64>, value: Value<'_>, pointer: &str) -> Result<(), Refusal> {
    let no_dimension = || Refusal::malformed(pointer, "expected dimensions as the protocol packs them");
    match value {
        Value::Varint(dimension) if dimensions.len() <= Shape::RANK_MAX => dimensions.push(dimension.cast_signed()),
        Value::Varint(_) => {}
        Value::Bytes(mut packed) => {
            while !packed.is_empty() && dimensions.len() <= Shape::RANK_MAX {
                dimensions.push(varint(&mut packed).ok_or_else(no_dimension)?.cast_signed());
            }
        }
        Value::Fixed32(_) | Value::Fixed64(_) => return Err(no_dimension()),
    }
    Ok(())
}
