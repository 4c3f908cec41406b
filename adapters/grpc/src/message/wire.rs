//! The wire format of Protocol Buffers: fields with numbers, of which only those that are asked for are looked at.

use drifting_inference::Refusal;

use super::malformed;

/// The fields of a message, in the order in which they came.
#[derive(Debug, Clone)]
pub(super) struct Fields<'m> {
    rest: &'m [u8],
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
        Self { rest: message }
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
        let field = self.read();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field.ok_or_else(|| malformed("", "the message is no inference request of the protocol")))
    }
}

impl<'m> Value<'m> {
    /// A message, or packed numbers.
    pub(super) fn bytes(self, pointer: &str) -> Result<&'m [u8], Refusal> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(malformed(pointer, "expected a field of the protocol's type, another type came")),
        }
    }

    pub(super) fn text(self, pointer: &str) -> Result<&'m str, Refusal> {
        std::str::from_utf8(self.bytes(pointer)?).map_err(|_| malformed(pointer, "expected a text in UTF-8"))
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
}
