//! What stands before a page.

use super::thrift::{NotThrift, Reader};

/// The head of a page.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Head {
    pub(super) kind: i64,
    /// Sizes in bytes.
    pub(super) decompressed: usize,
    pub(super) compressed: usize,
    pub(super) n_values: usize,
    pub(super) encoding: i64,
    /// Of a data page of the first version.
    pub(super) level_encodings: [i64; 2],
    /// Of a data page of the second version.
    pub(super) n_nulls: usize,
    pub(super) n_rows: usize,
    pub(super) level_sizes: [usize; 2],
    pub(super) is_plain: bool,
    pub(super) is_sorted: bool,
}

/// The kinds of pages.
pub(super) const DATA: i64 = 0;
pub(super) const INDEX: i64 = 1;
pub(super) const DICTIONARY: i64 = 2;
pub(super) const DATA_V2: i64 = 3;

impl Head {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, NotThrift> {
        let mut head = Self::default();
        reader.fields(|id, _, reader| {
            match id {
                1 => head.kind = reader.signed()?,
                2 => head.decompressed = reader.size()?,
                3 => head.compressed = reader.size()?,
                5 => head.read_data(reader)?,
                7 => head.read_dictionary(reader)?,
                8 => head.read_data_v2(reader)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(head)
    }

    fn read_data(&mut self, reader: &mut Reader<'_>) -> Result<(), NotThrift> {
        reader.fields(|id, _, reader| {
            match id {
                1 => self.n_values = reader.size()?,
                2 => self.encoding = reader.signed()?,
                3 => self.level_encodings[0] = reader.signed()?,
                4 => self.level_encodings[1] = reader.signed()?,
                _ => return Ok(false),
            }
            Ok(true)
        })
    }

    fn read_dictionary(&mut self, reader: &mut Reader<'_>) -> Result<(), NotThrift> {
        reader.fields(|id, kind, reader| {
            match id {
                1 => self.n_values = reader.size()?,
                2 => self.encoding = reader.signed()?,
                3 => self.is_sorted = Reader::truth(kind),
                _ => return Ok(false),
            }
            Ok(true)
        })
    }

    fn read_data_v2(&mut self, reader: &mut Reader<'_>) -> Result<(), NotThrift> {
        reader.fields(|id, kind, reader| {
            match id {
                1 => self.n_values = reader.size()?,
                2 => self.n_nulls = reader.size()?,
                3 => self.n_rows = reader.size()?,
                4 => self.encoding = reader.signed()?,
                5 => self.level_sizes[0] = reader.size()?,
                6 => self.level_sizes[1] = reader.size()?,
                7 => self.is_plain = !Reader::truth(kind),
                _ => return Ok(false),
            }
            Ok(true)
        })
    }
}
