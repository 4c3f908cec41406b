//! Arrow IPC: streams, and files (Feather), whose footer says where the messages are.

mod messages;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::reader::{read_dictionary, read_record_batch};
use arrow_schema::{Schema, SchemaRef};
use bytes::Bytes;
use drifting_domain::data::COLUMNS_MAX;

use self::messages::{Header, Place, in_file, in_stream};
use crate::budget::Budget;
use crate::error::FormatError;
use crate::guard::DAMAGED;
use crate::pandas::{self, Index};
use crate::table::{Opened, is_flat, too_many_columns};

const FILE_MAGIC: &[u8] = b"ARROW1";
/// Messages and bodies stand at multiples of this many bytes.
const ALIGNMENT: usize = 8;

/// Looks at a file: its schema, and every message's sizes.
pub(crate) fn open(file: Bytes, budget: &Budget) -> Result<Opened, FormatError> {
    let file = if file.as_ptr().align_offset(ALIGNMENT) == 0 { file } else { Bytes::from(file.to_vec()) };
    let (schema, places) = if file.starts_with(FILE_MAGIC) { in_file(&file)? } else { in_stream(&file)? };
    if schema.fields().len() > COLUMNS_MAX + COLUMNS_SPARE {
        return Err(too_many_columns(schema.fields().len()));
    }
    let mut n_rows: usize = 0;
    for place in &places {
        if let Header::Batch(batch) = place.header(&file)? {
            let n = usize::try_from(batch.length()).map_err(|_| FormatError::malformed(DAMAGED))?;
            n_rows = n_rows.checked_add(n).ok_or_else(|| budget.too_large())?;
        }
    }
    let index = Index::of(schema.metadata().get(pandas::KEY).map(String::as_str));
    let fields = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
    let schema = Arc::new(schema);
    let budget = budget.clone();
    let decode = move |columns: &[usize]| {
        let body = Buffer::from(file.clone());
        let dictionaries = HashMap::new();
        let places = places.into_iter();
        let decoder = Decoder { file, body, schema, columns: columns.to_vec(), places, dictionaries, budget };
        Ok(Box::new(decoder) as _)
    };
    Ok(Opened { fields, n_rows, index, decode: Box::new(decode) })
}

/// An index may have columns of its own.
const COLUMNS_SPARE: usize = 100;

struct Decoder {
    file: Bytes,
    body: Buffer,
    schema: SchemaRef,
    columns: Vec<usize>,
    places: std::vec::IntoIter<Place>,
    dictionaries: HashMap<i64, ArrayRef>,
    budget: Budget,
}

impl Iterator for Decoder {
    type Item = Result<RecordBatch, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let place = self.places.next()?;
            match self.decode(&place) {
                Ok(None) => {}
                Ok(Some(batch)) => return Some(Ok(batch)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Decoder {
    /// The rows of a message; none of a dictionary's, which is kept.
    fn decode(&mut self, place: &Place) -> Result<Option<RecordBatch>, FormatError> {
        let damaged = |error| FormatError::found(DAMAGED, error);
        let body = self.body.slice_with_length(place.body.start, place.body.len());
        let version = place.version(&self.file)?;
        match place.header(&self.file)? {
            Header::Schema => Err(FormatError::malformed("a second schema came")),
            Header::Dictionary(dictionary) => {
                let Some(data) = dictionary.data() else { return Err(FormatError::malformed(DAMAGED)) };
                let n_bytes = decompressed_size(&data, &body)?;
                self.budget.take_decompressed(n_bytes)?;
                if dictionary.isDelta() {
                    // The two parts are copied into one.
                    let before =
                        self.dictionaries.get(&dictionary.id()).map_or(0, |values| values.get_array_memory_size());
                    self.budget.take_decompressed(before.saturating_add(body.len()))?;
                    self.budget.retire(before);
                }
                read_dictionary(&body, dictionary, &self.schema, &mut self.dictionaries, &version).map_err(damaged)?;
                Ok(None)
            }
            Header::Batch(batch) => {
                let n_bytes = decompressed_size(&batch, &body)?;
                self.budget.take_decompressed(n_bytes)?;
                self.budget.retire(n_bytes);
                self.check_lengths(&batch)?;
                let schema = Arc::clone(&self.schema);
                let dictionaries = &self.dictionaries;
                let columns = Some(self.columns.as_slice());
                let batch = read_record_batch(&body, batch, schema, dictionaries, columns, &version);
                batch.map_err(damaged).map(Some)
            }
        }
    }

    /// Every column of a batch has its rows.
    fn check_lengths(&self, batch: &arrow_ipc::RecordBatch<'_>) -> Result<(), FormatError> {
        let mut nodes = batch.nodes().into_iter().flatten();
        // Arrays within arrays have nodes of their own.
        let is_flat = self.schema.fields().iter().all(|field| is_flat(field.data_type()));
        if is_flat && nodes.any(|node| node.length() != batch.length()) {
            return Err(FormatError::malformed("its columns differ in length"));
        }
        Ok(())
    }
}

/// How many bytes the compressed buffers of a batch tell that they become.
fn decompressed_size(batch: &arrow_ipc::RecordBatch<'_>, body: &Buffer) -> Result<usize, FormatError> {
    const PREFIX: usize = 8;
    if batch.compression().is_none() {
        return Ok(0);
    }
    let mut n_bytes: usize = 0;
    for buffer in batch.buffers().into_iter().flatten() {
        if buffer.length() == 0 {
            continue;
        }
        let start = usize::try_from(buffer.offset()).ok();
        let prefix = start.and_then(|start| body.get(start..start.checked_add(PREFIX)?)?.try_into().ok());
        let size = prefix.map(i64::from_le_bytes).ok_or_else(|| FormatError::malformed("a buffer ends early"))?;
        // −1 is for a buffer that is not compressed.
        n_bytes = n_bytes.saturating_add(usize::try_from(size).unwrap_or(0));
    }
    Ok(n_bytes)
}

/// The schema that an Arrow writer notes in files of another format.
pub(crate) fn noted_schema(note: &[u8]) -> Option<Schema> {
    in_stream(&Bytes::copy_from_slice(note)).ok().map(|(schema, _)| schema)
}
