//! Where the messages of an Arrow file are, and what they say of themselves.

use std::ops::Range;

use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::{DictionaryBatch, Endianness, Message, MessageHeader, MetadataVersion, RecordBatch};
use arrow_schema::Schema;
use bytes::Bytes;
use drifting_domain::data::COLUMNS_MAX;
use flatbuffers::VerifierOptions;

use crate::error::FormatError;
use crate::guard::DAMAGED;
use crate::table::too_many_columns;

/// A message in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) metadata: Range<usize>,
    pub(super) body: Range<usize>,
}

/// What a message is.
pub(super) enum Header<'f> {
    Schema,
    Dictionary(DictionaryBatch<'f>),
    Batch(RecordBatch<'f>),
}

/// What the metadata of a message may be made of: no message of a flat table comes near it.
const VERIFIER: VerifierOptions = VerifierOptions {
    max_depth: 32,
    max_tables: 400_000,
    max_apparent_size: 1 << 30,
    ignore_missing_null_terminator: false,
};

impl Place {
    fn message<'f>(&self, file: &'f [u8]) -> Result<Message<'f>, FormatError> {
        let metadata = file.get(self.metadata.clone()).ok_or_else(ends_early)?;
        arrow_ipc::root_as_message_with_opts(&VERIFIER, metadata)
            .map_err(|error| FormatError::found("the head of a message cannot be read", error))
    }

    pub(super) fn version(&self, file: &[u8]) -> Result<MetadataVersion, FormatError> {
        Ok(self.message(file)?.version())
    }

    pub(super) fn header<'f>(&self, file: &'f [u8]) -> Result<Header<'f>, FormatError> {
        let message = self.message(file)?;
        let header = match message.header_type() {
            MessageHeader::Schema => Some(Header::Schema),
            MessageHeader::DictionaryBatch => message.header_as_dictionary_batch().map(Header::Dictionary),
            MessageHeader::RecordBatch => message.header_as_record_batch().map(Header::Batch),
            _ => None,
        };
        header.ok_or_else(|| FormatError::malformed("expected rows or a dictionary, another message came"))
    }
}

fn ends_early() -> FormatError {
    FormatError::malformed("it ends early")
}

const CONTINUATION: [u8; 4] = [0xff; 4];

/// The message at a place, or nothing where the stream ends.
fn at(file: &[u8], start: usize) -> Result<Option<Place>, FormatError> {
    const WORD: usize = 4;
    let word = |at: usize| -> Result<[u8; WORD], FormatError> {
        let bytes = at.checked_add(WORD).and_then(|end| file.get(at..end));
        bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(ends_early)
    };
    if start == file.len() {
        return Ok(None);
    }
    let (size, start) = match word(start)? {
        CONTINUATION => (word(start + WORD)?, start + 2 * WORD),
        // Before version 0.15 there was only the size.
        size => (size, start + WORD),
    };
    let size = u32::from_le_bytes(size) as usize;
    if size == 0 {
        return Ok(None);
    }
    let end = start.checked_add(size).filter(|end| *end <= file.len()).ok_or_else(ends_early)?;
    let place = Place { metadata: start..end, body: end..end };
    let body = usize::try_from(place.message(file)?.bodyLength()).ok().and_then(|size| end.checked_add(size));
    let body = body.filter(|body| *body <= file.len()).ok_or_else(ends_early)?;
    Ok(Some(Place { body: end..body, ..place }))
}

/// The schema of a stream, and its other messages.
pub(super) fn in_stream(file: &Bytes) -> Result<(Schema, Vec<Place>), FormatError> {
    let none = || FormatError::malformed("expected a schema first, none came");
    let first = at(file, 0).map_err(|_| none())?.ok_or_else(none)?;
    let message = first.message(file)?;
    let schema = schema_of(message.header_as_schema().ok_or_else(none)?)?;
    let mut places = Vec::new();
    let mut end = first.body.end;
    while let Some(place) = at(file, end)? {
        end = place.body.end;
        places.push(place);
    }
    Ok((schema, places))
}

/// The schema of a file with a footer, and its other messages: dictionaries, then rows.
pub(super) fn in_file(file: &Bytes) -> Result<(Schema, Vec<Place>), FormatError> {
    const MAGIC: usize = 6;
    let magic = file.len().checked_sub(MAGIC).filter(|at| file[*at..] == *super::FILE_MAGIC).ok_or_else(ends_early)?;
    let size_at = magic.checked_sub(4).ok_or_else(ends_early)?;
    let size = file[size_at..magic].try_into().map(u32::from_le_bytes).map_err(|_| ends_early())? as usize;
    let footer = size_at.checked_sub(size).map(|start| &file[start..size_at]).ok_or_else(ends_early)?;
    // A footer need not stand where its numbers are aligned.
    let footer = footer.to_vec();
    let footer = arrow_ipc::root_as_footer_with_opts(&VERIFIER, &footer)
        .map_err(|error| FormatError::found("its footer cannot be read", error))?;
    let schema = footer.schema().ok_or_else(|| FormatError::malformed("expected a schema in its footer, none came"))?;
    let schema = schema_of(schema)?;
    let blocks = footer.dictionaries().into_iter().flatten().chain(footer.recordBatches().into_iter().flatten());
    let mut places = Vec::new();
    let mut n_bytes = 0;
    for block in blocks {
        let start = usize::try_from(block.offset()).map_err(|_| ends_early())?;
        let place = at(file, start)?.ok_or_else(ends_early)?;
        // Messages do not overlap: many blocks that point at one would cost much time.
        n_bytes += place.body.end - place.metadata.start;
        if n_bytes > file.len() {
            return Err(FormatError::malformed("its footer points at some rows twice"));
        }
        places.push(place);
    }
    Ok((schema, places))
}

fn schema_of(schema: arrow_ipc::Schema<'_>) -> Result<Schema, FormatError> {
    if schema.endianness() != Endianness::Little {
        return Err(FormatError::malformed("expected numbers in little-endian order, big-endian ones came"));
    }
    // Index columns of pandas are among them.
    if let Some(n) = schema.fields().map(|fields| fields.len()).filter(|n| *n > 2 * COLUMNS_MAX) {
        return Err(too_many_columns(n));
    }
    try_fb_to_schema(schema).map_err(|error| FormatError::found(DAMAGED, error))
}
