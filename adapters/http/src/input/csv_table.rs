//! CSV: a header line with the names of the columns, then one line a row. An empty field is a missing value; whether a
//! column holds numbers or texts is decided by the schema.

use csv::{ErrorKind, ReaderBuilder, StringRecord};
use drifting_domain::data::{Column, Table, Values};

use super::data::Data;
use super::pointer::Form;
use crate::error::{Code, Failure};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a CSV body.
pub(crate) fn read_csv(body: &[u8]) -> Result<Data, Failure> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let mut reader = ReaderBuilder::new().from_reader(body);
    let header = reader.headers().map_err(|error| malformed(&error))?.clone();
    if header.is_empty() {
        return Err(Failure::new(Code::Malformed, "the body is not CSV: expected a header line, an empty body came"));
    }
    let mut columns: Vec<Vec<Option<String>>> = vec![Vec::new(); header.len()];
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| malformed(&error))? {
        for (column, field) in columns.iter_mut().zip(&record) {
            column.push((!field.is_empty()).then(|| field.to_owned()));
        }
    }
    let named = header.iter().zip(columns);
    let named = named
        .map(|(name, values)| Column { name: name.to_owned(), values: Values::Untyped(values.into_iter().collect()) });
    let table = Table::named(named.collect()).map_err(|invalid| Failure::of_data(&invalid, Form::Columns, &[]))?;
    Ok(Data { table, form: Form::Columns })
}

fn malformed(error: &csv::Error) -> Failure {
    let line = error.position().map_or_else(String::new, |position| format!("line {}: ", position.line()));
    let what = match error.kind() {
        ErrorKind::Utf8 { err, .. } => format!("expected UTF-8, field {} has other bytes", err.field() + 1),
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("expected {expected_len} fields, as in the header, {len} came")
        }
        _ => "it cannot be read".to_owned(),
    };
    Failure::new(Code::Malformed, format!("the body is not CSV: {line}{what}"))
}
