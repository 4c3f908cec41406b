//! Columns as an Arrow stream.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, LargeStringArray, NullArray, RecordBatch};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, Field, Schema};
use drifting_domain::data::{Column, Values};

use crate::error::FormatError;

/// Columns of one length as an Arrow stream of one batch.
///
/// # Errors
/// When the columns differ in length, and for images, of which no pixels are kept.
pub fn arrow_stream(columns: Vec<Column>) -> Result<Vec<u8>, FormatError> {
    written(columns).map_err(|error| FormatError::found("the rows cannot be written as Arrow", error))
}

fn written(columns: Vec<Column>) -> Result<Vec<u8>, ArrowError> {
    let (mut fields, mut arrays) = (Vec::with_capacity(columns.len()), Vec::with_capacity(columns.len()));
    for column in columns {
        let array = array(column.values)?;
        fields.push(Field::new(column.name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
    let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
    writer.write(&batch)?;
    writer.finish()?;
    writer.into_inner()
}

fn array(values: Values) -> Result<ArrayRef, ArrowError> {
    Ok(match values {
        Values::Numeric(numbers) => Arc::new(Float64Array::from(numbers)),
        Values::Text(texts) | Values::Untyped(texts) => Arc::new(texts.iter().collect::<LargeStringArray>()),
        Values::Boolean(truths) => Arc::new(BooleanArray::from(truths)),
        // Their pixels are gone.
        Values::Images(_) => return Err(ArrowError::NotYetImplemented("a column of images".to_owned())),
        Values::Missing(n) => Arc::new(NullArray::new(n)),
    })
}
