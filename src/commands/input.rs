//! The file of rows that a command sends: its format, and which of its columns and rows are taken.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;
use bytes::Bytes;
use clap::ValueEnum;
use drifting_formats::Format as TableFormat;

mod csv_rows;
mod json_data;
mod ndjson_rows;
mod row_range;
mod table_rows;

use csv_rows::CsvRows;
pub use json_data::JsonData;
use ndjson_rows::NdjsonRows;
pub use row_range::RowRange;
use table_rows::TableRows;

use super::Usage;
use crate::cli::RowsArgs;
use crate::client::Body;

/// The name of standard input.
const STDIN: &str = "-";

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Comma-separated values, the first line naming the columns
    Csv,
    /// What a request has as its `data`
    Json,
    /// A JSON value on each line: a record, a row or a value
    Ndjson,
    /// Apache Parquet
    Parquet,
    /// An Arrow stream, or an Arrow file (Feather)
    Arrow,
}

/// An open file of rows.
pub enum Input {
    /// Read batch by batch.
    Rows(Box<dyn Rows>),
    /// Read whole.
    Json(JsonData),
}

/// Rows that are read batch by batch.
pub trait Rows {
    /// Whether one column is sent.
    fn is_one_column(&self) -> bool;

    /// How many bytes the file has, where that is known.
    fn size(&self) -> Option<u64>;

    /// How many bytes have been read.
    fn position(&self) -> u64;

    /// The next rows, at most `n_rows_max`; nothing after the last.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is not in its format.
    fn next_batch(&mut self, n_rows_max: usize) -> anyhow::Result<Option<Batch>>;
}

/// Consecutive rows.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch {
    /// Where in the file the first of them is, counted from 0.
    pub first_row: u64,
    /// How many there are.
    pub n_rows: u64,
    /// The media type of the rows.
    pub media_type: &'static str,
    /// The rows, as a document of their own.
    pub rows: Bytes,
}

impl Batch {
    /// The body of a request.
    pub fn into_body(self) -> Body {
        Body::Rows(self.media_type, self.rows)
    }
}

/// Opens a file of rows.
///
/// # Errors
///
/// When its format is unknown, it cannot be read, or it has none of the columns asked for.
pub fn open(args: &RowsArgs) -> anyhow::Result<Input> {
    let format = match args.format {
        Some(format) => format,
        None => format_of(&args.file)?,
    };
    let name = name_of(&args.file);
    let table = |format| -> anyhow::Result<Input> {
        let rows = TableRows::open(format, read_whole(&args.file)?.into(), &args.columns, args.rows)?;
        Ok(Input::Rows(Box::new(rows)))
    };
    let opened = || -> anyhow::Result<Input> {
        match format {
            Format::Csv => {
                let (file, size) = read_from(&args.file)?;
                Ok(Input::Rows(Box::new(CsvRows::open(file, size, &args.columns, args.rows)?)))
            }
            Format::Ndjson => {
                let (file, size) = read_from(&args.file)?;
                Ok(Input::Rows(Box::new(NdjsonRows::open(file, size, &args.columns, args.rows)?)))
            }
            Format::Parquet => table(TableFormat::Parquet),
            Format::Arrow => table(TableFormat::Arrow),
            Format::Json if !args.columns.is_empty() || args.rows != RowRange::ALL => {
                Err(Usage("--columns and --rows do not work with JSON".to_owned()).into())
            }
            Format::Json => Ok(Input::Json(JsonData::read(String::from_utf8(read_whole(&args.file)?)?)?)),
        }
    };
    opened().with_context(|| format!("cannot use {name}"))
}

/// What messages call a file.
pub fn name_of(file: &Path) -> String {
    if file == Path::new(STDIN) { "standard input".to_owned() } else { file.display().to_string() }
}

fn format_of(file: &Path) -> anyhow::Result<Format> {
    if file == Path::new(STDIN) {
        return Ok(Format::Csv);
    }
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "csv" => Ok(Format::Csv),
        "json" => Ok(Format::Json),
        "ndjson" | "jsonl" => Ok(Format::Ndjson),
        "parquet" | "pq" => Ok(Format::Parquet),
        "arrow" | "arrows" | "feather" | "ipc" => Ok(Format::Arrow),
        _ => Err(Usage(format!(
            "cannot tell the format of {}: expected a name ending in .csv, .json, .ndjson, .parquet or .arrow, or --format",
            file.display()
        ))
        .into()),
    }
}

fn read_whole(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_from(file)?.0.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_from(file: &Path) -> io::Result<(Box<dyn Read>, Option<u64>)> {
    if file == Path::new(STDIN) {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let file = File::open(file)?;
    let metadata = file.metadata()?;
    let size = metadata.is_file().then_some(metadata.len());
    Ok((Box::new(file), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_tells_the_format() {
        for (file, expected) in [
            ("a.csv", Format::Csv),
            ("A.CSV", Format::Csv),
            ("a.json", Format::Json),
            ("-", Format::Csv),
            ("a.ndjson", Format::Ndjson),
            ("a.jsonl", Format::Ndjson),
            ("a.parquet", Format::Parquet),
            ("a.pq", Format::Parquet),
            ("a.ARROW", Format::Arrow),
            ("a.arrows", Format::Arrow),
            ("a.ipc", Format::Arrow),
            ("b/a.feather", Format::Arrow),
        ] {
            assert_eq!(format_of(Path::new(file)).unwrap(), expected, "{file}");
        }
        for file in ["a", "csv", "a.csv.gz"] {
            let error = format_of(Path::new(file)).unwrap_err().to_string();
            assert!(error.contains("--format"), "{error}");
        }
    }
}
