//! Values of projects and of requests.

use std::sync::Arc;

use drifting_domain::data::{Column, Values};
use drifting_formats::arrow_stream;
use parquet::arrow::ArrowWriter;

/// The values of a column.
pub trait ColumnOf {
    fn values(&self) -> Values;
}

impl ColumnOf for Vec<f64> {
    fn values(&self) -> Values {
        Values::Numeric(self.clone())
    }
}

impl ColumnOf for Vec<&str> {
    fn values(&self) -> Values {
        Values::Text(self.iter().map(Some).collect())
    }
}

/// Numbers that vary, without a generator.
pub fn numbers(n: usize) -> Vec<f64> {
    (0..n).map(|i| ((i * 7_919) % 1_009) as f64 / 1_009.0).collect()
}

/// The days of a week, short.
pub fn days(n: usize) -> Vec<&'static str> {
    (0..n).map(|i| ["mon", "tue", "wed"][i % 3]).collect()
}

/// Columns as an Arrow stream, and as a Parquet file.
pub fn table(columns: &[(&str, &dyn ColumnOf)]) -> (Vec<u8>, Vec<u8>) {
    let columns = columns.iter().map(|(name, column)| Column { name: (*name).to_owned(), values: column.values() });
    let stream = arrow_stream(columns.collect()).expect("a stream");
    let mut reader = arrow_ipc::reader::StreamReader::try_new(stream.as_slice(), None).expect("a stream");
    let batch = reader.next().expect("a batch").expect("rows");
    let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&batch.schema()), None).expect("a file");
    writer.write(&batch).expect("rows are written");
    let file = writer.into_inner().expect("a file");
    (stream, file)
}
