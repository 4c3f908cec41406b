//! The wire format of Protocol Buffers: fields with numbers, of which only those that are asked for are looked at.

use drifting_domain::data::{COLUMNS_MAX, NAME_BYTES_MAX};
use drifting_inference::Refusal;

/// More fields than this are refused where they are not elements: a tensor and its raw contents for each column, and some more. A
/// field may take two bytes, so that a message could have millions, which would take a processor for long.
const FIELDS_MAX: usize = 2 * COLUMNS_MAX + 1_000;

/// The fields of a message, in the order in which they came.
#[derive(Debug, Clone)]
pub(super) struct Fields<'m> {
    rest: &'m [u8],
    n_left: usize,
}

/// A field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'m> {
    pub(super) number: u32,
    pub(super) value: Value<'m>,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'m> {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    /// A message, a text, bytes, or numbers that are packed together.
    Bytes(&'m [u8]),
}

impl<'m> Fields<'m> {
    pub(super) fn of(message: &'m [u8]) -> Self {
        Self { rest: message, n_left: FIELDS_MAX }
    }

    /// Of a message whose fields are elements, of which there may be any number.
    pub(super) fn of_elements(message: &'m [u8]) -> Self {
        Self { rest: message, n_left: usize::MAX }
    }

    fn read(&mut self) -> Option<Field<'m>> {
        let key = varint(&mut self.rest)?;
        let number = u32::try_from(key >> 3).ok().filter(|number| *number > 0)?;
        let value = match key & 7 {
            0 => Value::Varint(varint(&mut self.rest)?),
            1 => Value::Fixed64(chunk(&mut self.rest)?),
            2 => {
                let length = usize::try_from(varint(&mut self.rest)?).ok()?;
                let (bytes, rest) = self.rest.split_at_checked(length)?;
                self.rest = rest;
                Value::Bytes(bytes)
            }
            5 => Value::Fixed32(chunk(&mut self.rest)?),
            // Groups, which the protocol has none of.
            _ => return None,
        };
        Some(Field { number, value })
    }
}

impl<'m> Iterator for Fields<'m> {
    type Item = Result<Field<'m>, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = match self.n_left.checked_sub(1) {
            Some(n_left) => {
                self.n_left = n_left;
                self.read().ok_or_else(|| Refusal::malformed("", "the message is no inference request of the protocol"))
            }
            None => {
                Err(Refusal::malformed("", format!("expected at most {COLUMNS_MAX} tensors, far more fields came")))
            }
        };
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'m> Value<'m> {
    /// A message, or packed numbers.
    pub(super) fn bytes(self, pointer: &str) -> Result<&'m [u8], Refusal> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(Refusal::malformed(pointer, "expected a field of the protocol's type, another type came")),
        }
    }

    /// A name, an id, a word.
    pub(super) fn text(self, pointer: &str) -> Result<&'m str, Refusal> {
        let bytes = self.bytes(pointer)?;
        if bytes.len() > NAME_BYTES_MAX {
            let detail = format!("expected a text of at most {NAME_BYTES_MAX} bytes, one of {} came", bytes.len());
            return Err(Refusal::malformed(pointer, detail));
        }
        std::str::from_utf8(bytes).map_err(|_| Refusal::malformed(pointer, "expected a text in UTF-8"))
    }
}

/// The next integer of variable length.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        // The tenth byte has room for one bit.
        if index == 9 && *byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            *bytes = &bytes[index + 1..];
            return Some(value);
        }
    }
    None
}

fn chunk<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (chunk, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_variable_length_are_read() {
        for (bytes, value) in [
            (&[0][..], 0),
            (&[0x7f], 127),
            (&[0x80, 1], 128),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], u64::MAX),
        ] {
            let mut rest = bytes;
            assert_eq!((varint(&mut rest), rest.len()), (Some(value), 0));
        }
        for bytes in [&[][..], &[0x80], &[0xff; 11], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]] {
            assert_eq!(varint(&mut &bytes[..]), None, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_message_ends_the_reading() {
        for bytes in [&[0x0a][..], &[0x0a, 5, 1], &[0x0b], &[0x00, 0], &[0x09, 1, 2], &[0x0d, 1], &[0xff; 12]] {
            let read: Vec<_> = Fields::of(bytes).collect();
            assert!(matches!(read.as_slice(), [Err(_)]), "{bytes:?}");
        }
        assert_eq!(Fields::of(&[]).count(), 0);
    }

    #[test]
    fn fields_beyond_all_columns_are_not_gone_through() {
        let empty = [0x2a, 0].repeat(1_000_000);
        let read: Vec<_> = Fields::of(&empty).collect();
        assert_eq!(read.len(), FIELDS_MAX + 1);
        assert!(read[..FIELDS_MAX].iter().all(Result::is_ok) && read[FIELDS_MAX].is_err());
        assert_eq!(Fields::of_elements(&empty).flatten().count(), 1_000_000);
    }
}
