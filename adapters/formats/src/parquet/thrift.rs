//! Just enough of Thrift's compact protocol to look at sizes before a library believes them.
//! Paper: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.

/// Nothing more to read, or nothing that the protocol has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotThrift;

type Result<T> = std::result::Result<T, NotThrift>;

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind(u8);

impl Kind {
    const TRUE: Self = Self(1);
    const FALSE: Self = Self(2);
    const STRUCT: Self = Self(12);
}

/// Reads from the front of bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Reader<'b> {
    /// Deeper structures than this are not passed over.
    const DEPTH_MAX: usize = 32;

    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Result<u8> {
        let byte = *self.bytes.get(self.at).ok_or(NotThrift)?;
        self.at += 1;
        Ok(byte)
    }

    fn pass(&mut self, n: usize) -> Result<()> {
        self.at = self.at.checked_add(n).filter(|at| *at <= self.bytes.len()).ok_or(NotThrift)?;
        Ok(())
    }

    /// A number of seven bits a byte, the lowest first.
    pub(super) fn unsigned(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(NotThrift)
    }

    /// A whole number of a field.
    pub(super) fn signed(&mut self) -> Result<i64> {
        let number = self.unsigned()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// A whole number of a field that is from 0 on.
    pub(super) fn size(&mut self) -> Result<usize> {
        self.signed()?.try_into().map_err(|_| NotThrift)
    }

    /// Reads a structure: `field` takes those that it wants and tells which; the others are passed over.
    pub(super) fn fields(&mut self, mut field: impl FnMut(i64, Kind, &mut Self) -> Result<bool>) -> Result<()> {
        let mut id = 0;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(());
            }
            let kind = Kind(head & 0x0f);
            id = match head >> 4 {
                0 => self.signed()?,
                step => i64::from(step).checked_add(id).ok_or(NotThrift)?,
            };
            if !field(id, kind, self)? {
                self.pass_over(kind, Self::DEPTH_MAX)?;
            }
        }
    }

    /// The truth value of a field of this type.
    pub(super) fn truth(kind: Kind) -> bool {
        kind == Kind::TRUE
    }

    /// The length of a list of structures, before the first of them.
    pub(super) fn structures(&mut self) -> Result<usize> {
        let (n, kind) = self.list()?;
        if n == 0 || kind == Kind::STRUCT { Ok(n) } else { Err(NotThrift) }
    }

    fn list(&mut self) -> Result<(usize, Kind)> {
        let head = self.byte()?;
        let n = match head >> 4 {
            15 => self.unsigned()?.try_into().map_err(|_| NotThrift)?,
            n => usize::from(n),
        };
        Ok((n, Kind(head & 0x0f)))
    }

    fn pass_over(&mut self, kind: Kind, depth: usize) -> Result<()> {
        let depth = depth.checked_sub(1).ok_or(NotThrift)?;
        match kind.0 {
            1 | 2 => Ok(()),
            3 => self.pass(1),
            4..=6 => self.unsigned().map(drop),
            7 => self.pass(8),
            8 => {
                let n = self.unsigned()?.try_into().map_err(|_| NotThrift)?;
                self.pass(n)
            }
            9 | 10 => {
                let (n, kind) = self.list()?;
                (0..n).try_for_each(|_| self.pass_over_item(kind, depth))
            }
            11 => {
                let n = self.unsigned()?;
                if n == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                (0..n).try_for_each(|_| {
                    self.pass_over_item(Kind(kinds >> 4), depth)?;
                    self.pass_over_item(Kind(kinds & 0x0f), depth)
                })
            }
            12 => loop {
                let head = self.byte()?;
                if head == 0 {
                    return Ok(());
                }
                if head >> 4 == 0 {
                    self.signed()?;
                }
                self.pass_over(Kind(head & 0x0f), depth)?;
            },
            13 => self.pass(16),
            _ => Err(NotThrift),
        }
    }

    /// Truth values have a byte of their own in a list.
    fn pass_over_item(&mut self, kind: Kind, depth: usize) -> Result<()> {
        if kind == Kind::TRUE || kind == Kind::FALSE { self.pass(1) } else { self.pass_over(kind, depth) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_or_passed_over() {
        // 1: 150, 2: "ab", 3: [true, false], 4: {1: true}, 5: 2.0, 20: -1, 21: true.
        let bytes = [
            0x15, 0xac, 0x02, 0x18, 0x02, b'a', b'b', 0x19, 0x21, 1, 2, 0x1c, 0x11, 0, 0x17, 0, 0, 0, 0, 0, 0, 0, 0x40,
            0x05, 0x28, 0x01, 0x11, 0x00,
        ];
        let mut seen = Vec::new();
        let mut reader = Reader::new(&bytes);
        let read = reader.fields(|id, kind, reader| match id {
            1 | 20 => {
                seen.push((id, reader.signed()?));
                Ok(true)
            }
            21 => {
                seen.push((id, i64::from(Reader::truth(kind))));
                Ok(true)
            }
            _ => Ok(false),
        });
        assert_eq!((read, reader.position()), (Ok(()), bytes.len()));
        assert_eq!(seen, [(1, 150), (20, -1), (21, 1)]);
    }

    #[test]
    fn what_ends_early_or_nests_without_end_is_none() {
        for bytes in [&[0x15][..], &[0x15, 0xff], &[0x18, 0x7f, b'a'], &[0x19, 0xf1, 0xff, 0xff, 0x03], &[0x1e]] {
            assert_eq!(Reader::new(bytes).fields(|_, _, _| Ok(false)), Err(NotThrift), "{bytes:?}");
        }
        let deep = [0x1c].repeat(100_000);
        assert_eq!(Reader::new(&deep).fields(|_, _, _| Ok(false)), Err(NotThrift));
    }
}
