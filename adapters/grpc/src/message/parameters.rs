//! The parameters that mean something; all others are passed over.

use drifting_inference::{Refusal, RefusalCode};

use super::wire::{Field, Fields, Value};

/// What is read of the parameters of a request or a tensor.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    pub(super) content_type: Option<String>,
    pub(super) timeout_us: Option<u64>,
}

impl Parameters {
    /// Takes one entry of the map.
    ///
    /// # Errors
    /// When a parameter that is read has a value of another type, and when it asks for shared memory.
    pub(super) fn take(&mut self, entry: &[u8], pointer: &str) -> Result<(), Refusal> {
        const KEY: u32 = 1;
        const VALUE: u32 = 2;
        let (mut name, mut parameter) = ("", &[][..]);
        for item in Fields::of(entry) {
            let Field { number, value } = item?;
            match number {
                KEY => name = value.text(pointer)?,
                VALUE => parameter = value.bytes(pointer)?,
                _ => {}
            }
        }
        match name {
            "content_type" => {
                let text = Choice::of(parameter)?.text();
                let text = text.ok_or_else(|| Refusal::malformed(format!("{pointer}/{name}"), "expected a text"))?;
                self.content_type = Some(text.to_owned());
            }
            "timeout" => {
                let count = Choice::of(parameter)?.count();
                let expected = "expected a number of microseconds";
                self.timeout_us = Some(count.ok_or_else(|| Refusal::malformed(format!("{pointer}/{name}"), expected))?);
            }
            "shared_memory_region" => {
                let detail = "this server has no shared memory with clients; send the tensor in the request";
                return Err(Refusal::at(RefusalCode::Unsupported, format!("{pointer}/{name}"), detail));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The value of a parameter: the last one that came, as it is with a choice.
struct Choice<'m>(Option<Field<'m>>);

impl<'m> Choice<'m> {
    fn of(parameter: &'m [u8]) -> Result<Self, Refusal> {
        Fields::of(parameter).try_fold(Self(None), |_, field| field.map(|field| Self(Some(field))))
    }

    fn text(&self) -> Option<&'m str> {
        const STRING: u32 = 3;
        match self.0 {
            Some(Field { number: STRING, value: Value::Bytes(bytes) }) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    fn count(&self) -> Option<u64> {
        const INT64: u32 = 2;
        const UINT64: u32 = 5;
        match self.0 {
            Some(Field { number: UINT64, value: Value::Varint(count) }) => Some(count),
            Some(Field { number: INT64, value: Value::Varint(count) }) => u64::try_from(count.cast_signed()).ok(),
            _ => None,
        }
    }
}
