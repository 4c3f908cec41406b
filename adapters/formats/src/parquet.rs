//! Parquet files.

mod codec;
mod footer;
mod head;
mod pages;
mod thrift;

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowGroups};
use parquet::arrow::{ARROW_SCHEMA_META_KEY, ProjectionMask, parquet_to_arrow_field_levels, parquet_to_arrow_schema};
use parquet::column::page::PageIterator;
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::{FileMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};

use self::pages::Chunks;
use crate::arrow::noted_schema;
use crate::budget::Budget;
use crate::error::FormatError;
use crate::guard::DAMAGED;
use crate::pandas::{self, Index};
use crate::table::{Batches, Opened};

/// Looks at a file: its metadata, none of its pages.
pub(crate) fn open(file: Bytes, budget: &Budget) -> Result<Opened, FormatError> {
    let metadata = footer::of(&file, budget)?;
    let metadata = ParquetMetaDataReader::decode_metadata(metadata)
        .map_err(|error| FormatError::found("its metadata cannot be read", error))?;
    let of_file = metadata.file_metadata();
    let mut n_rows: usize = 0;
    for group in metadata.row_groups() {
        let n = usize::try_from(group.num_rows()).map_err(|_| FormatError::malformed(DAMAGED))?;
        n_rows = n_rows.checked_add(n).ok_or_else(|| budget.too_large())?;
    }
    let index = Index::of(noted(of_file, pandas::KEY));
    let schema = schema_of(of_file)?;
    let fields = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
    let groups = Groups { file, metadata: Arc::new(metadata), budget: budget.clone() };
    let decode = move |columns: &[usize]| groups.decode(schema.fields(), columns);
    Ok(Opened { fields, n_rows, index, decode: Box::new(decode) })
}

fn noted<'m>(of_file: &'m FileMetaData, key: &str) -> Option<&'m str> {
    let notes = of_file.key_value_metadata()?;
    notes.iter().find(|note| note.key == key)?.value.as_deref()
}

/// The Arrow types to decode into.
fn schema_of(of_file: &FileMetaData) -> Result<Schema, FormatError> {
    let schema = parquet_to_arrow_schema(of_file.schema_descr(), None)
        .map_err(|error| FormatError::found("its schema cannot be read", error))?;
    let note = noted(of_file, ARROW_SCHEMA_META_KEY).and_then(|note| BASE64_STANDARD.decode(note).ok());
    let noted = note.and_then(|note| noted_schema(&note));
    let field = |field: &Arc<Field>| {
        let noted = noted.as_ref().and_then(|schema| schema.field_with_name(field.name()).ok());
        let data_type = decoded_as(field.data_type(), noted.map(Field::data_type));
        field.as_ref().clone().with_data_type(data_type)
    };
    Ok(Schema::new(schema.fields().iter().map(field).collect::<Fields>()))
}

/// Texts are decoded as views, so that one which stands a million times in a dictionary page stays there. Parquet has
/// no type for durations and others, which writers note beside.
fn decoded_as(data_type: &DataType, noted: Option<&DataType>) -> DataType {
    use DataType as T;
    match (data_type, noted) {
        (T::Utf8 | T::LargeUtf8, _) => T::Utf8View,
        (
            T::Int32 | T::Int64,
            Some(noted @ (T::Duration(_) | T::Date64 | T::Time32(_) | T::Time64(_) | T::Timestamp(..))),
        ) => noted.clone(),
        _ => data_type.clone(),
    }
}

/// The row groups of a file.
struct Groups {
    file: Bytes,
    metadata: Arc<ParquetMetaData>,
    budget: Budget,
}

impl Groups {
    fn decode(self, fields: &Fields, columns: &[usize]) -> Result<Batches, FormatError> {
        /// So many cells are decoded at a time, whatever the number of columns.
        const CELLS: usize = 1 << 18;
        const ROWS_MAX: usize = 8_192;
        if columns.is_empty() {
            return Ok(Box::new(std::iter::empty()));
        }
        let schema = self.metadata.file_metadata().schema_descr();
        let chosen = ProjectionMask::roots(schema, columns.iter().copied());
        let n_rows = (CELLS / columns.len()).clamp(1, ROWS_MAX);
        let reader = parquet_to_arrow_field_levels(schema, chosen, Some(fields))
            .and_then(|levels| ParquetRecordBatchReader::try_new_with_row_groups(&levels, &self, n_rows, None))
            .map_err(|error| FormatError::found("its schema cannot be read", error))?;
        let budget = self.budget;
        let told = move |error| budget.refusal().unwrap_or_else(|| FormatError::found(DAMAGED, error));
        Ok(Box::new(reader.map(move |batch| batch.map_err(&told))))
    }
}

impl RowGroups for Groups {
    fn num_rows(&self) -> usize {
        self.metadata.row_groups().iter().map(|group| usize::try_from(group.num_rows()).unwrap_or(0)).sum()
    }

    fn column_chunks(&self, column: usize) -> ParquetResult<Box<dyn PageIterator>> {
        let (file, metadata, budget) = (self.file.clone(), Arc::clone(&self.metadata), self.budget.clone());
        Ok(Box::new(Chunks::new(file, metadata, column, budget)))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.metadata.row_groups().iter())
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}
