//! The formats of data: how they are named, and how each is read.

use bytes::Bytes;
use drifting_formats::{Format, FormatError, TableReader};

use super::budget::Limits;
use super::csv_table::read_csv;
use super::data::{Data, read_json_data};
use super::ndjson::read_ndjson;
use super::pointer::Form;
use crate::error::{Code, Failure};

/// The format of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataFormat {
    Json,
    Csv,
    Ndjson,
    Parquet,
    Arrow,
}

/// The media types and endings of file names by which each is known.
const NAMES: [(DataFormat, &[&str], &[&str]); 5] = [
    (DataFormat::Json, &["application/json"], &["json"]),
    (DataFormat::Csv, &["text/csv"], &["csv"]),
    (DataFormat::Ndjson, &["application/x-ndjson"], &["ndjson", "jsonl"]),
    (DataFormat::Parquet, &["application/vnd.apache.parquet"], &["parquet", "pq"]),
    (
        DataFormat::Arrow,
        &["application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"],
        &["arrow", "arrows", "feather", "ipc"],
    ),
];

impl DataFormat {
    /// The format of a media type, without parameters.
    pub(crate) fn of_media_type(name: &str) -> Option<Self> {
        let is_of = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        NAMES.iter().find(|(_, media_types, _)| is_of(media_types)).map(|(format, ..)| *format)
    }

    /// The format of a file, by the ending of its name.
    pub(crate) fn of_file_name(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        let is_of = |endings: &[&str]| endings.iter().any(|known| known.eq_ignore_ascii_case(ending));
        NAMES.iter().find(|(.., endings)| is_of(endings)).map(|(format, ..)| *format)
    }

    /// Whether even a small body may hold much data.
    pub(crate) fn is_dense(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow)
    }

    /// Reads data under the limit of bodies: what the values take is held against it as they come.
    pub(crate) fn read(self, body: Bytes, limits: Limits) -> Result<Data, Failure> {
        match self {
            Self::Json => read_json_data(&body, limits),
            Self::Csv => read_csv(&body, limits),
            Self::Ndjson => read_ndjson(&body, limits),
            Self::Parquet => read_table(Format::Parquet, body, limits.body_bytes()),
            Self::Arrow => read_table(Format::Arrow, body, limits.body_bytes()),
        }
    }
}

fn read_table(format: Format, body: Bytes, bytes_max: usize) -> Result<Data, Failure> {
    let table = TableReader::open(format, body, &[], bytes_max).and_then(TableReader::into_table);
    let table = table.map_err(|error| match error {
        FormatError::Malformed { detail, cause } => {
            let mut failure = Failure::new(Code::Malformed, format!("the body is not {}: {detail}", format.as_str()));
            failure.cause = cause;
            failure
        }
        FormatError::TooLarge { .. } => {
            Failure::new(Code::BodyTooLarge, format!("{error}; send fewer rows or columns at a time"))
        }
        FormatError::Data(invalid) => Failure::of_data(&invalid, Form::Columns, &[]),
    })?;
    Ok(Data { table, form: Form::Columns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_either_name() {
        for (media_type, file, format) in [
            ("Application/JSON", "a.json", Some(DataFormat::Json)),
            ("application/x-ndjson", "a.b.JSONL", Some(DataFormat::Ndjson)),
            ("application/vnd.apache.parquet", "train.pq", Some(DataFormat::Parquet)),
            ("application/vnd.apache.arrow.file", "a.feather", Some(DataFormat::Arrow)),
            ("application/octet-stream", "parquet", None),
        ] {
            assert_eq!(DataFormat::of_media_type(media_type), format, "{media_type}");
            assert_eq!(DataFormat::of_file_name(file), format, "{file}");
        }
    }
}
