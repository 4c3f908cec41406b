//! The pages of a column, whose sizes are checked and paid for before a library decodes them.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use super::codec::decompress;
use super::head::{DATA, DATA_V2, DICTIONARY, Head, INDEX};
use super::thrift::{NotThrift, Reader};
use crate::budget::Budget;
use crate::error::FormatError;

/// The chunks of a column: one a row group.
pub(super) struct Chunks {
    file: Bytes,
    metadata: Arc<ParquetMetaData>,
    column: usize,
    group: usize,
    budget: Budget,
}

impl Chunks {
    pub(super) fn new(file: Bytes, metadata: Arc<ParquetMetaData>, column: usize, budget: Budget) -> Self {
        Self { file, metadata, column, group: 0, budget }
    }
}

impl Iterator for Chunks {
    type Item = ParquetResult<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        let group = self.metadata.row_groups().get(self.group)?;
        self.group += 1;
        let pages = Pages::of(&self.file, group.column(self.column), &self.budget);
        Some(pages.map(|pages| Box::new(pages) as _).map_err(|error| told(&self.budget, error)))
    }
}

impl PageIterator for Chunks {}

fn told(budget: &Budget, error: FormatError) -> ParquetError {
    ParquetError::General(budget.refuse(error))
}

/// The pages of one chunk.
struct Pages {
    chunk: Bytes,
    at: usize,
    name: String,
    codec: Compression,
    physical: Type,
    type_length: usize,
    has_levels: bool,
    /// A head that was read ahead of its page.
    head: Option<Head>,
    /// Memory of the dictionary and of the page at hand.
    dictionary_size: usize,
    page_size: usize,
    budget: Budget,
}

impl Pages {
    fn of(file: &Bytes, chunk: &ColumnChunkMetaData, budget: &Budget) -> Result<Self, FormatError> {
        /// No number and no decimal of a data frame is wider.
        const WIDTH_MAX: usize = 32;
        let name = chunk.column_path().string();
        if chunk.file_path().is_some() {
            return Err(FormatError::malformed(format!("column `{name}` stands in another file")));
        }
        let descriptor = chunk.column_descr();
        let type_length = usize::try_from(descriptor.type_length()).unwrap_or(0);
        if descriptor.physical_type() == Type::FIXED_LEN_BYTE_ARRAY && !(1..=WIDTH_MAX).contains(&type_length) {
            let detail = format!("expected values of at most {WIDTH_MAX} bytes, values of {type_length} came");
            return Err(FormatError::column(&name, detail));
        }
        // Some writers tell a dictionary at 0 where there is none.
        let dictionary = chunk.dictionary_page_offset().filter(|offset| *offset > 0);
        let start = usize::try_from(dictionary.unwrap_or_else(|| chunk.data_page_offset())).ok();
        let length = usize::try_from(chunk.compressed_size()).ok();
        let range = start.zip(length).and_then(|(start, length)| Some(start..start.checked_add(length)?));
        let range = range.filter(|range| range.end <= file.len());
        let range = range.ok_or_else(|| FormatError::malformed(format!("column `{name}` stands outside of it")))?;
        Ok(Self {
            chunk: file.slice(range),
            at: 0,
            name,
            codec: chunk.compression(),
            physical: descriptor.physical_type(),
            type_length,
            has_levels: descriptor.max_def_level() > 0,
            head: None,
            dictionary_size: 0,
            page_size: 0,
            budget: budget.clone(),
        })
    }

    fn fault(&self, detail: impl Into<String>) -> FormatError {
        FormatError::found(format!("a page of column `{}` cannot be decoded: it is damaged", self.name), detail.into())
    }

    /// The head of the next page that holds something.
    fn peek(&mut self) -> Result<Option<Head>, FormatError> {
        while self.head.is_none() {
            if self.at == self.chunk.len() {
                return Ok(None);
            }
            let mut reader = Reader::new(&self.chunk[self.at..]);
            let head = Head::read(&mut reader).map_err(|NotThrift| self.fault("its head cannot be read"))?;
            self.at += reader.position();
            if head.compressed > self.chunk.len() - self.at {
                return Err(self.fault("it ends after its chunk"));
            }
            if head.kind == INDEX {
                self.at += head.compressed;
            } else {
                self.head = Some(head);
            }
        }
        Ok(self.head)
    }

    fn page(&mut self) -> Result<Option<Page>, FormatError> {
        let Some(head) = self.peek()? else { return Ok(None) };
        self.head = None;
        let raw = self.chunk.slice(self.at..self.at + head.compressed);
        self.at += head.compressed;
        let buf = self.decompressed(&head, raw)?;
        let encoding = self.encoding(head.encoding)?;
        let n_values = self.counted(head.n_values)?;
        Ok(Some(match head.kind {
            DICTIONARY => {
                self.check_dictionary(&head, &buf)?;
                Page::DictionaryPage { buf, num_values: n_values, encoding, is_sorted: head.is_sorted }
            }
            DATA => {
                let [def_level_encoding, rep_level_encoding] = head.level_encodings;
                let def_level_encoding = self.encoding(def_level_encoding)?;
                self.check_levels(def_level_encoding, &head)?;
                self.check_delta(encoding, &head, &buf)?;
                Page::DataPage {
                    buf,
                    num_values: n_values,
                    encoding,
                    def_level_encoding,
                    rep_level_encoding: self.encoding(rep_level_encoding)?,
                    statistics: None,
                }
            }
            DATA_V2 => {
                self.check_delta(encoding, &head, &buf)?;
                let [definition, repetition] = head.level_sizes;
                Page::DataPageV2 {
                    buf,
                    num_values: n_values,
                    encoding,
                    num_nulls: self.counted(head.n_nulls)?,
                    num_rows: self.counted(head.n_rows)?,
                    def_levels_byte_len: self.counted(definition)?,
                    rep_levels_byte_len: self.counted(repetition)?,
                    is_compressed: !head.is_plain,
                    statistics: None,
                }
            }
            other => return Err(self.fault(format!("there are no pages of kind {other}"))),
        }))
    }

    fn counted(&self, n: usize) -> Result<u32, FormatError> {
        u32::try_from(n).map_err(|_| self.fault("a count is too large"))
    }

    /// The bytes of a page, paid for where they are not those of the file.
    fn decompressed(&mut self, head: &Head, raw: Bytes) -> Result<Bytes, FormatError> {
        let n_levels = if head.kind == DATA_V2 { head.level_sizes[0].saturating_add(head.level_sizes[1]) } else { 0 };
        if n_levels > raw.len() || n_levels > head.decompressed {
            return Err(self.fault("its levels are longer than it is"));
        }
        // The page before is needed until the batch has ended.
        let held = if head.kind == DICTIONARY { &mut self.dictionary_size } else { &mut self.page_size };
        self.budget.retire(std::mem::take(held));
        if self.codec == Compression::UNCOMPRESSED || head.is_plain {
            return if raw.len() == head.decompressed { Ok(raw) } else { Err(self.fault("its size is not as told")) };
        }
        self.budget.take_decompressed(head.decompressed)?;
        if matches!(self.codec, Compression::BROTLI(_)) {
            // Its decoder keeps what it wrote last, which may be the whole page.
            self.budget.has_room_for(head.decompressed)?;
        }
        if head.kind == DICTIONARY {
            self.dictionary_size = head.decompressed;
        } else {
            self.page_size = head.decompressed;
        }
        let values = head.decompressed - n_levels;
        let values = if values == 0 {
            Vec::new()
        } else {
            decompress(self.codec, &raw[n_levels..], values).map_err(|error| self.fault(error))?
        };
        if n_levels == 0 {
            return Ok(values.into());
        }
        Ok([&raw[..n_levels], &values].concat().into())
    }

    /// Encodings whose decoders keep to what a page holds.
    fn encoding(&self, encoding: i64) -> Result<Encoding, FormatError> {
        #[expect(deprecated, reason = "old files have it")]
        Ok(match encoding {
            0 => Encoding::PLAIN,
            2 => Encoding::PLAIN_DICTIONARY,
            3 => Encoding::RLE,
            4 => Encoding::BIT_PACKED,
            5 => Encoding::DELTA_BINARY_PACKED,
            6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            8 => Encoding::RLE_DICTIONARY,
            9 => Encoding::BYTE_STREAM_SPLIT,
            // Each text may repeat all of the one before: a small page could fill any memory.
            7 => {
                let detail = "expected texts that are encoded one by one or by a dictionary, \
                              ones in DELTA_BYTE_ARRAY came";
                return Err(FormatError::column(&self.name, detail));
            }
            other => return Err(self.fault(format!("there is no encoding {other}"))),
        })
    }

    /// A dictionary has as many values as it tells: they are reserved at once.
    fn check_dictionary(&self, head: &Head, buf: &Bytes) -> Result<(), FormatError> {
        let width = match self.physical {
            Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
            Type::INT64 | Type::DOUBLE => 8,
            Type::INT96 => 12,
            Type::FIXED_LEN_BYTE_ARRAY => self.type_length,
            Type::BOOLEAN => return Err(self.fault("truth values have no dictionary")),
        };
        if head.n_values.saturating_mul(width) > buf.len() {
            return Err(self.fault("its dictionary is shorter than it tells"));
        }
        Ok(())
    }

    fn check_levels(&self, levels: Encoding, head: &Head) -> Result<(), FormatError> {
        #[expect(deprecated, reason = "old files have it")]
        let is_packed = levels == Encoding::BIT_PACKED;
        // A bit of each value must have come.
        if self.has_levels && is_packed && head.n_values / 8 > head.decompressed {
            return Err(self.fault("its levels are shorter than it tells"));
        }
        Ok(())
    }

    /// Deltas tell their number, for which room is made at once.
    fn check_delta(&self, encoding: Encoding, head: &Head, buf: &Bytes) -> Result<(), FormatError> {
        const BLOCK_MAX: u64 = 1 << 16;
        if !matches!(encoding, Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY) {
            return Ok(());
        }
        let n_levels = match head.kind {
            DATA_V2 => head.level_sizes[0] + head.level_sizes[1],
            _ if self.has_levels => {
                let size = buf.first_chunk().map(|size| u32::from_le_bytes(*size) as usize);
                size.map_or(usize::MAX, |size| size.saturating_add(4))
            }
            _ => 0,
        };
        let values = buf.get(n_levels..).ok_or_else(|| self.fault("its levels are longer than it is"))?;
        let mut reader = Reader::new(values);
        let mut next = || reader.unsigned().map_err(|NotThrift| self.fault("its deltas have no head"));
        let (block, n_miniblocks, n_values) = (next()?, next()?, next()?);
        if block > BLOCK_MAX || n_miniblocks > block || n_values > head.n_values as u64 {
            return Err(self.fault("its deltas tell more values than it has"));
        }
        Ok(())
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.budget.retire(self.dictionary_size + self.page_size);
    }
}

impl Iterator for Pages {
    type Item = ParquetResult<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> ParquetResult<Option<Page>> {
        self.page().map_err(|error| told(&self.budget, error))
    }

    fn peek_next_page(&mut self) -> ParquetResult<Option<PageMetadata>> {
        let head = self.peek().map_err(|error| told(&self.budget, error))?;
        Ok(head.map(|head| PageMetadata {
            num_rows: (head.kind == DATA_V2).then_some(head.n_rows),
            num_levels: (head.kind != DICTIONARY).then_some(head.n_values),
            is_dict: head.kind == DICTIONARY,
        }))
    }

    fn skip_next_page(&mut self) -> ParquetResult<()> {
        let head = self.peek().map_err(|error| told(&self.budget, error))?;
        self.head = None;
        self.at += head.map_or(0, |head| head.compressed);
        Ok(())
    }
}
